using TorchSharp;
using YamlModel;

using TinyLm model = TinyLm.Create(torch.CPU, seed: 1);
using var training = model.CreateTraining();
long[] tokens = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
long[] targets = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
double first = training.Evaluate(tokens, targets);
for (int step = 0; step < 20; step++)
{
    training.Backpropagate(tokens, targets);
    training.Update(learningRate: 0.01);
}

Console.WriteLine($"{TinyLm.Definition.Name}: the loss {(training.Evaluate(tokens, targets) < first ? "falls" : "does not fall")}");
