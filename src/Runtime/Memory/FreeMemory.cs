using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Memory;

/// <summary>How much memory a device has left for this process.</summary>
/// <param name="Bytes">Free bytes.</param>
/// <param name="Of">What has them, for messages.</param>
internal readonly unsafe record struct FreeMemory(long Bytes, string Of)
{
    /// <summary>Null where the system does not tell.</summary>
    public static FreeMemory? On(Device device) => device.type == DeviceType.CUDA ? OnCuda(device)
        : OperatingSystem.IsLinux() ? OnLinux("/")
        : Elsewhere();

    /// <summary>The machine's available memory, or what the control groups of this process leave of it.</summary>
    /// <param name="root">Where /proc and /sys are.</param>
    internal static FreeMemory? OnLinux(string root)
    {
        if (Field(Path.Combine(root, "proc/meminfo"), "MemAvailable:") is not { } kibibytes)
            return null;
        var free = new FreeMemory(kibibytes * 1024, "of the machine");
        foreach (var line in Lines(Path.Combine(root, "proc/self/cgroup")))
        {
            // hierarchy:controllers:path; version 2 has no controllers.
            if (line.Split(':', 3) is not [_, var controllers, var path] || (controllers.Length > 0 && !controllers.Split(',').Contains("memory")))
                continue;
            var mount = Path.Combine(root, controllers.Length > 0 ? "sys/fs/cgroup/memory" : "sys/fs/cgroup");
            for (var group = path.TrimStart('/'); ; group = Path.GetDirectoryName(group) ?? "")
            {
                if (InGroup(Path.Combine(mount, group)) is { } left && left < free.Bytes)
                    free = new FreeMemory(Math.Max(0, left), $"within the limit of the container or control group /{group}");
                if (group.Length == 0)
                    break;
            }
        }

        return free;
    }

    /// <summary>Limit less usage; pages of files that can be dropped are not counted as used.</summary>
    private static long? InGroup(string folder)
    {
        var second = Number(Path.Combine(folder, "memory.max"));
        var limit = second ?? Number(Path.Combine(folder, "memory.limit_in_bytes"));
        var used = Number(Path.Combine(folder, second is null ? "memory.usage_in_bytes" : "memory.current"));
        return limit - used + (Field(Path.Combine(folder, "memory.stat"), second is null ? "total_inactive_file" : "inactive_file") ?? 0);
    }

    private static FreeMemory? Elsewhere()
    {
        GC.Collect(0); // the figures are those of the last collection
        var info = GC.GetGCMemoryInfo();
        return info.TotalAvailableMemoryBytes > 0 ? new(Math.Max(0, info.TotalAvailableMemoryBytes - info.MemoryLoadBytes), "of the machine") : null;
    }

    /// <summary>By the driver, in the context that libtorch has made current on this thread.</summary>
    private static FreeMemory? OnCuda(Device device)
    {
        if (!NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda" : "libcuda.so.1", out var driver)
            || !NativeLibrary.TryGetExport(driver, "cuMemGetInfo_v2", out var function))
            return null;
        using var _ = zeros(1, device: device); // there is a context now
        nuint free, total;
        return ((delegate* unmanaged<nuint*, nuint*, int>)function)(&free, &total) == 0 ? new((long)free, "on the CUDA device") : null;
    }

    private static long? Number(string path) =>
        Lines(path) is [var text, ..] && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static long? Field(string path, string name)
    {
        foreach (var line in Lines(path))
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var key, var value, ..] && key == name
                && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                return number;
        }

        return null;
    }

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
