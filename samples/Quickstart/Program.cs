using ModelCompiler.Runtime.CommandLine;

return ModelProgram.Run<Quickstart.Quickstart>(args);
