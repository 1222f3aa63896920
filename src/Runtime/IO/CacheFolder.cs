namespace ModelCompiler.Runtime.IO;

/// <summary>The folder for what can be made again: token caches, trained tokenizers, measurements. It may be deleted at any time.</summary>
public static class CacheFolder
{
    /// <summary>The environment variable that puts the folder somewhere else.</summary>
    public const string Variable = "MODELCOMPILER_CACHE";

    /// <summary>
    /// <c>$MODELCOMPILER_CACHE</c>, or else <c>modelcompiler</c> in the user's cache folder: <c>%LOCALAPPDATA%</c> on Windows,
    /// <c>$XDG_CACHE_HOME</c> or <c>~/.cache</c> elsewhere. The folder is made by whoever writes into it.
    /// </summary>
    public static string Path => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } chosen
        ? chosen
        : System.IO.Path.Combine(UserCache(), "modelcompiler");

    private static string UserCache()
    {
        if (OperatingSystem.IsWindows())
            return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg)
            return xdg;
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return home.Length > 0 ? System.IO.Path.Combine(home, ".cache") : System.IO.Path.GetTempPath();
    }
}
