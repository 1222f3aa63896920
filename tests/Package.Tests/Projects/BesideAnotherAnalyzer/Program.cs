using BesideAnotherAnalyzer;

Console.WriteLine($"{TinyLm.Definition.Name}; {OtherAnalyzer.Result.Text}");
