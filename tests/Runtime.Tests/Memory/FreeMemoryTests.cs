using ModelCompiler.Runtime.Memory;
using TorchSharp;

namespace ModelCompiler.Runtime.Tests.Memory;

public sealed class FreeMemoryTests : IDisposable
{
    private const long GiB = 1L << 30;

    private readonly TemporaryFolder _root = new();

    public FreeMemoryTests() => _root.Write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\n");

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Without_a_limit_it_is_what_the_machine_has_available() => AssertFree(8 * GiB, "of the machine");

    [Theory]
    [InlineData("0::/app/job\n", "sys/fs/cgroup/app/job", "memory.max", "memory.current", "inactive_file", "/app/job")]
    [InlineData("0::/app/job\n", "sys/fs/cgroup/app", "memory.max", "memory.current", "inactive_file", "/app")]
    [InlineData("0::/elsewhere\n", "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file", "/")] // a container's own view
    [InlineData("5:cpu,cpuacct:/x\n4:memory:/job\n0::/\n", "sys/fs/cgroup/memory/job", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "/job")]
    public void A_control_group_limits_it(string groups, string folder, string limit, string usage, string inactive, string name)
    {
        _root.Write("proc/self/cgroup", groups);
        _root.Write($"{folder}/{limit}", $"{4 * GiB}\n");
        _root.Write($"{folder}/{usage}", $"{3 * GiB}\n");
        _root.Write($"{folder}/memory.stat", $"cache 5\n{inactive} {GiB}\n");
        AssertFree(2 * GiB, $"within the limit of the container or control group {name}");
    }

    [Fact]
    public void A_group_without_a_limit_limits_nothing()
    {
        _root.Write("proc/self/cgroup", "0::/job\n");
        _root.Write("sys/fs/cgroup/job/memory.max", "max\n");
        _root.Write("sys/fs/cgroup/job/memory.current", $"{3 * GiB}\n");
        AssertFree(8 * GiB, "of the machine");
    }

    [Fact]
    public void This_machine_has_some()
    {
        var free = FreeMemory.On(torch.CPU);
        Assert.InRange(free!.Value.Bytes, 1, 1L << 50);
    }

    private void AssertFree(long bytes, string of) => Assert.Equal(new FreeMemory(bytes, of), FreeMemory.OnLinux(_root.Path));
}
