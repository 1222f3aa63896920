using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Comparison;
using ModelCompiler.Runtime.Tests;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

// The tests' program, but when it is told to be a model's: then it is a process that a test can kill, or put into a folder.
if (args is ["train", .. var options])
    return ModelProgram.Run<Killed>(options);
if (args is ["train-scaled", .. var scaled])
    return ModelProgram.Run<KilledScaled>(scaled);
if (args is ["imported", .. var others])
    return ModelProgram.Run<HfGpt2>(others);
if (args is ["compare", .. var comparison])
    return ComparisonProgram.Run(comparison, Recipe.Of<RecipeDense>(), Recipe.Of<RecipePruned>());
return args.Any(arg => arg is "--server" or "--internal-msbuild-node")
    ? await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await ConsoleRunner.Run(args);
