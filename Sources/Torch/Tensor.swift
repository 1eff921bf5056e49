import CTorch

/// A handle to one libtorch tensor, released with the last reference to it.
///
/// A failed operator is a programming error and traps with the operator's name, the shapes and libtorch's message; what comes from
/// outside (files, configurations, prompts) is checked where it enters and throws there. Memory that is refused ends the process with code 1.
/// `Operator.call` is the throwing form.
public final class Tensor: @unchecked Sendable {
    // libtorch's tensors may be read from any thread; the writers (the optimiser, `copy(from:)`) are serial by construction.
    let handle: OpaquePointer

    /// Takes over one reference.
    init(owning handle: OpaquePointer) { self.handle = handle }

    deinit { ct_tensor_release(handle) }

    /// Copies `values` in row-major order into a new tensor on the CPU.
    public convenience init<Element: TensorElement>(_ values: [Element], shape: [Int]) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill the shape \(shape)")
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: Swift.max(values.count, 1))
        values.withUnsafeBufferPointer { if let first = $0.baseAddress { memory.initialize(from: first, count: values.count) } }
        do {
            try self.init(memory: memory, shape: shape, dtype: Element.dtype, release: { memory.deallocate() })
        } catch {
            error.end()
        }
    }

    /// A vector `[N]` on the CPU.
    public convenience init<Element: TensorElement>(_ values: [Element]) { self.init(values, shape: [values.count]) }

    /// Copies `values` in row-major order to another place.
    public convenience init<Element: TensorElement>(_ values: [Element], shape: [Int], on placement: Placement) {
        self.init(owning: Tensor(values, shape: shape).to(placement).retainedHandle)
    }

    /// A view of memory that the caller keeps alive until `release` is called: with the last tensor that uses it, or at once where this throws.
    public init(memory: UnsafeMutableRawPointer, shape: [Int], dtype: DType, release: @escaping () -> Void) throws(TorchError) {
        let context = Unmanaged.passRetained(Release(release)).toOpaque()
        var result: OpaquePointer?
        let message = shape.map(Int64.init).withUnsafeBufferPointer {
            ct_tensor_from_memory(
                memory, $0.baseAddress, Int32(shape.count), dtype.rawValue, context,
                { Unmanaged<Release>.fromOpaque($0!).takeRetainedValue().body() }, &result)
        }
        if let message { throw TorchError(operation: "from_blob", message: String(cString: message)) }
        handle = result!
    }

    private final class Release {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    public var shape: [Int] {
        UnsafeBufferPointer(start: ct_tensor_shape(handle), count: rank).map(Int.init)
    }
    public var strides: [Int] {
        UnsafeBufferPointer(start: ct_tensor_strides(handle), count: rank).map(Int.init)
    }
    public var rank: Int { Int(ct_tensor_rank(handle)) }
    public var count: Int { UnsafeBufferPointer(start: ct_tensor_shape(handle), count: rank).reduce(1) { $0 * Int($1) } }
    public var dtype: DType {
        let number = ct_tensor_dtype(handle)
        guard let dtype = DType(rawValue: number) else { fatalError("libtorch's element type \(number) is not one of ours") }
        return dtype
    }
    public var device: Device {
        Device(Device.Kind(rawValue: ct_tensor_device_type(handle)), index: ct_tensor_device_index(handle))
    }

    /// Size of axis `axis`; negative axes count from the end.
    public func size(_ axis: Int) -> Int {
        let rank = rank
        precondition(-rank..<rank ~= axis, "axis \(axis) of a tensor of shape \(shape)")
        return Int(ct_tensor_shape(handle)[axis < 0 ? rank + axis : axis])
    }

    /// All elements in row-major order, converted to `Element`.
    public func values<Element: TensorElement>(_ type: Element.Type = Float.self) -> [Element] {
        let dense = detached.to(.cpu).to(Element.dtype).contiguous()
        guard dense.count > 0 else { return [] }
        return withExtendedLifetime(dense) {
            Array(UnsafeBufferPointer(start: ct_tensor_data(dense.handle).assumingMemoryBound(to: Element.self), count: dense.count))
        }
    }

    /// The only element of a tensor of one.
    public var item: Double {
        let all = values(Double.self)
        precondition(all.count == 1, "item of a tensor of shape \(shape)")
        return all[0]
    }

    /// Whether the elements begin at an address that libtorch's own allocation could have, a multiple of 64 bytes.
    public var isAligned: Bool { Int(bitPattern: ct_tensor_data(handle)) % SafeTensors.alignment == 0 }

    /// The bytes of a dense CPU tensor, valid inside `body` alone.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let dense = detached.to(.cpu).contiguous()
        return try withExtendedLifetime(dense) {
            try body(UnsafeRawBufferPointer(start: ct_tensor_data(dense.handle), count: dense.count * dense.dtype.size))
        }
    }
}

extension Tensor: CustomStringConvertible {
    /// Type, shape and, unless it is the processor, place. Stands in messages about failures, so it tells element types that are none of ours, too.
    public var description: String {
        let number = ct_tensor_dtype(handle)
        let place = device == .cpu ? "" : " on \(device)"
        return (DType(rawValue: number).map { "\($0)" } ?? "element type \(number)") + "\(shape)" + place
    }
}
