using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Tests;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

// The tests' program, but when it is told to train: then it is a process that a test can kill.
if (args is ["train", .. var options])
    return ModelProgram.Run<Killed>(options);
return args.Any(arg => arg is "--server" or "--internal-msbuild-node")
    ? await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await ConsoleRunner.Run(args);
