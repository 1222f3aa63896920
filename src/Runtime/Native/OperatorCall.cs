using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;

namespace ModelCompiler.Runtime.Native;

/// <summary>
/// One call of an ATen operator through libtorch's dispatcher, on the device of its tensors. Add every argument of the
/// operator's schema in order, then invoke. Nothing is allocated on the managed heap.
/// </summary>
/// <remarks>
/// Arguments are 64-bit slots. The callee takes over tensor handles, lists, strings and the boxes of optional values.
/// An optional value is 0 for none or a pointer to a slot that the callee frees with C++'s <c>delete</c>, which is the
/// <c>free</c> of the C runtime that <see cref="NativeMemory"/> allocates from. Operators with a required <c>Scalar</c>
/// cannot be called this way in libtorch 2.10.
/// </remarks>
internal unsafe ref struct OperatorCall(ReadOnlySpan<byte> name, ReadOnlySpan<byte> overload)
{
    private const int Capacity = 24;

    private readonly ReadOnlySpan<byte> _name = name;
    private readonly ReadOnlySpan<byte> _overload = overload;
    private int _count;
    private int _tensorCount;
    private fixed ulong _slots[Capacity];
    private fixed long _tensors[Capacity];

    /// <summary>An operator without an overload name. UTF-8 literals end in a zero byte, as the C side needs.</summary>
    public OperatorCall(ReadOnlySpan<byte> name)
        : this(name, "\0"u8) // an empty span would be a null pointer
    {
    }

    public void Add(torch.Tensor tensor) => Add(tensor.Handle);

    public void Add(scoped NativeTensor tensor) => Add(tensor.Handle);

    public void AddOptional(torch.Tensor? tensor)
    {
        if (tensor is null) AddSlot(0);
        else AddSlot(Box((ulong)Duplicate(tensor.Handle)));
    }

    public void AddNone() => AddSlot(0);

    public void Add(long value) => AddSlot((ulong)value);

    public void Add(double value) => AddSlot(BitConverter.DoubleToUInt64Bits(value));

    /// <summary>An optional integer, or one of libtorch's enumerations.</summary>
    public void AddOptionalInteger(long value) => AddSlot(Box((ulong)value));

    public void AddOptional(double value) => AddSlot(Box(BitConverter.DoubleToUInt64Bits(value)));

    public void Add(bool value) => AddSlot(value ? 1ul : 0);

    public void Add(ReadOnlySpan<byte> text)
    {
        nint handle;
        fixed (byte* bytes = text) Check(LibTorch.NewString(bytes, (nuint)text.Length, &handle));
        AddSlot((ulong)handle);
    }

    public void AddIntegers(params ReadOnlySpan<long> values)
    {
        var list = NewList(values.Length);
        foreach (var value in values) Check(LibTorch.ListPushBack(list, (ulong)value));
        AddSlot((ulong)list);
    }

    public void AddBooleans(params ReadOnlySpan<bool> values)
    {
        var list = NewList(values.Length);
        foreach (var value in values) Check(LibTorch.ListPushBack(list, value ? 1ul : 0));
        AddSlot((ulong)list);
    }

    public void AddTensors(params ReadOnlySpan<torch.Tensor> tensors)
    {
        var list = NewList(tensors.Length);
        foreach (var tensor in tensors) Check(LibTorch.ListPushBack(list, (ulong)Duplicate(tensor.Handle)));
        AddSlot((ulong)list);
    }

    /// <summary>Runs an operator that writes into its arguments and returns <paramref name="returns"/> of them.</summary>
    public void Invoke(int returns)
    {
        Dispatch();
        for (var i = 0; i < returns; i++) _ = LibTorch.DeleteTensor((nint)_slots[i]);
    }

    /// <summary>Runs an operator that returns new tensors and copies the first of them into the given ones; null skips one.</summary>
    /// <param name="returns">Number of tensors that the operator returns.</param>
    /// <param name="destinations">Where they go, in order.</param>
    public void InvokeInto(int returns, params ReadOnlySpan<torch.Tensor?> destinations)
    {
        Dispatch();
        var failed = 0;
        for (var i = 0; i < returns; i++)
        {
            if (i < destinations.Length && destinations[i] is { } destination)
                failed |= LibTorch.Copy(destination.Handle, (nint)_slots[i], 0);
            _ = LibTorch.DeleteTensor((nint)_slots[i]);
        }

        Check(failed);
    }

    /// <summary>The same for views, by their handles.</summary>
    public void InvokeInto(int returns, params ReadOnlySpan<nint> destinations)
    {
        Dispatch();
        var failed = 0;
        for (var i = 0; i < returns; i++)
        {
            if (i < destinations.Length) failed |= LibTorch.Copy(destinations[i], (nint)_slots[i], 0);
            _ = LibTorch.DeleteTensor((nint)_slots[i]);
        }

        Check(failed);
    }

    /// <summary>Runs an operator that returns one new tensor.</summary>
    public torch.Tensor InvokeNew()
    {
        Dispatch();
        return torch.Tensor.UnsafeCreateTensor((nint)_slots[0]);
    }

    private static ulong Box(ulong value)
    {
        var box = (ulong*)NativeMemory.Alloc(sizeof(ulong));
        *box = value;
        return (ulong)box;
    }

    private void Add(nint handle) => AddSlot((ulong)Duplicate(handle));

    private void AddSlot(ulong value)
    {
        if (_count == Capacity) throw new InvalidOperationException($"More than {Capacity} arguments for {Encoding.UTF8.GetString(_name)}.");
        _slots[_count++] = value;
    }

    private nint Duplicate(nint handle)
    {
        nint duplicate;
        Check(LibTorch.NewTensorHandle(handle, &duplicate));
        if (_tensorCount < Capacity) _tensors[_tensorCount++] = handle;
        return duplicate;
    }

    private readonly nint NewList(int capacity)
    {
        nint list;
        Check(LibTorch.NewList((nuint)capacity, &list));
        return list;
    }

    private void Dispatch()
    {
        fixed (byte* name = _name, overload = _overload)
        fixed (ulong* slots = _slots)
            Check(LibTorch.CallDispatcher(name, overload, slots, LibTorch.AbiVersion));
    }

    private readonly void Check(int error)
    {
        if (error != 0) Throw();
    }

    private readonly void Throw()
    {
        var message = new StringBuilder("libtorch refused ").Append(Encoding.UTF8.GetString(_name));
        if (_overload[0] != 0) message.Append('.').Append(Encoding.UTF8.GetString(_overload));
        message.Append('(');
        for (var i = 0; i < _tensorCount; i++)
            message.Append(i == 0 ? "" : ", ").Append(NativeTensor.Describe((nint)_tensors[i]));
        message.Append(CultureInfo.InvariantCulture, $"), {_count} arguments; its reason is on stderr.");
        throw new NativeException(message.ToString());
    }
}
