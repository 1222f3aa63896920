using TorchSharp;
using YamlModel;

using TinyLm model = TinyLm.Create(torch.CPU, seed: 1);
using var training = model.CreateTraining();
using torch.Tensor tokens = torch.arange(16, dtype: torch.int64).reshape(2, 8);
using torch.Tensor targets = (tokens + 1) % 256;
double first = training.Step(tokens, targets, learningRate: 0.01).Loss;
for (int step = 0; step < 20; step++) training.Step(tokens, targets, learningRate: 0.01);
Console.WriteLine($"{TinyLm.Definition.Name}: the loss {(training.Evaluate(tokens, targets) < first ? "falls" : "does not fall")}");
