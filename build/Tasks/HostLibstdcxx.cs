using System.Runtime.InteropServices;

namespace ModelCompiler.Build.Tasks;

/// <summary>The C++ library of the machine that the build runs on.</summary>
internal static class HostLibstdcxx
{
    private const int Lazy = 1;

    /// <summary>Whether it has <paramref name="symbol"/> in <paramref name="version"/>; asked of the loader itself.</summary>
    public static bool Provides(string symbol, string version)
    {
        try
        {
            IntPtr library = Open("libstdc++.so.6", Lazy);
            return library != IntPtr.Zero && FindSymbol(library, symbol, version) != IntPtr.Zero;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false; // not glibc's loader
        }
    }

    // In libdl.so.2 up to glibc 2.33; from then on that file is kept for programs that name it, as this one does.
    [DllImport("libdl.so.2", EntryPoint = "dlopen", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern IntPtr Open(string file, int mode);

    [DllImport("libdl.so.2", EntryPoint = "dlvsym", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern IntPtr FindSymbol(IntPtr library, string name, string version);
}
