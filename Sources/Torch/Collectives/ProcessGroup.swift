import CTorch
import Foundation

/// Processes that exchange tensors by libtorch's Gloo, over TCP, and those of NVIDIA GPUs by NCCL.
///
/// Sums are made by Gloo's ring: every part of the tensor is added up in one order on one rank and given to all. Tensors of an accelerator without
/// NCCL go by way of the processor's memory.
///
/// A rank that is missing is named by ``RankWatch``.
public final class ProcessGroup: Collective, @unchecked Sendable {
    // Exchanges are begun by one thread at a time, as their order must be that of the other ranks.
    public let rank: Int
    public let size: Int
    private let watch: RankWatch
    private let store: OpaquePointer
    private let group: OpaquePointer
    private var isClosed = false
    /// Looked for with the first tensor of a GPU; `.some(nil)` where there is none.
    private var devices: DeviceGroup??

    init(rank: Int, size: Int, watch: RankWatch, store: OpaquePointer, group: OpaquePointer) {
        (self.rank, self.size, self.watch, self.store, self.group) = (rank, size, watch, store, group)
    }

    /// Connections that were not ended together stay until the process ends: to take them apart would wait for a rank that may be missing.
    deinit {
        guard isClosed else { return }
        (devices ?? nil)?.release()
        ct_group_release(group)
        ct_store_release(store)
    }

    public func sum(_ tensor: Tensor) throws {
        if let devices = try devices(for: tensor) { return try onDevice { devices.sum(tensor) } }
        try onProcessor(tensor) { tensor in try exchange { ct_group_sum(group, tensor.handle, &$0) } }
    }

    public func broadcast(_ tensor: Tensor, from rank: Int) throws {
        if let devices = try devices(for: tensor) { return try onDevice { devices.broadcast(tensor, from: rank) } }
        try onProcessor(tensor) { tensor in try exchange { ct_group_broadcast(group, tensor.handle, Int32(rank), &$0) } }
    }

    /// Short messages take one exchange, longer ones a second.
    public func gather(_ message: Data) throws -> [Data] {
        let length = withUnsafeBytes(of: Int64(message.count).littleEndian) { Data($0) }
        let slots = try gatherEqual(length + message.prefix(Self.shortest), count: 8 + Self.shortest)
        let lengths = slots.map { $0.withUnsafeBytes { Int(Int64(littleEndian: $0.loadUnaligned(as: Int64.self))) } }
        let longest = lengths.max() ?? 0
        let messages = longest > Self.shortest ? try gatherEqual(message, count: longest) : slots.map { $0.dropFirst(8) }
        return zip(messages, lengths).map { Data($0.prefix($1)) }
    }

    private static let shortest = 1016

    /// The same count of bytes from every rank, with zeros behind shorter ones.
    private func gatherEqual(_ bytes: Data, count: Int) throws -> [Data] {
        let part = Tensor([UInt8](bytes) + [UInt8](repeating: 0, count: count - bytes.count))
        let all = Tensor.empty([size, count], on: Placement(.cpu, .uint8))
        try exchange { ct_group_gather(group, part.handle, all.handle, &$0) }
        return all.withUnsafeBytes { bytes in (0..<size).map { Data(bytes[$0 * count..<($0 + 1) * count]) } }
    }

    public func whileOthersWait<Result>(_ body: () throws -> Result) rethrows -> Result {
        watch.setBusy(true)
        defer { watch.setBusy(false) }
        return try body()
    }

    public func check() throws { try watch.check() }

    public func fail(_ reason: String) { watch.fail(reason) }

    public func close() throws {
        try barrier()
        watch.finish()
        isClosed = true
    }

    private func devices(for tensor: Tensor) throws -> DeviceGroup? {
        guard tensor.device.kind == .cuda else { return nil }
        if devices == nil { devices = .some(try DeviceGroup.open(on: tensor.device, over: self)) }
        return devices!
    }

    private func onDevice(_ begin: () -> CTError?) throws {
        try watch.enter()
        if let message = begin() { throw watch.fault(behind: String(cString: message)) }
    }

    private func onProcessor(_ tensor: Tensor, _ body: (Tensor) throws -> Void) throws {
        guard tensor.device.kind != .cpu else { return try body(tensor) }
        let copy = tensor.detached.to(.cpu)
        try body(copy)
        noGradients { tensor.detached.copy_(copy) }
    }

    /// Begins an exchange and waits for its end, or for the news that a rank is missing.
    private func exchange(_ begin: (inout OpaquePointer?) -> CTError?) throws {
        try watch.enter()
        var work: OpaquePointer?
        if let message = begin(&work) { throw watch.fault(behind: String(cString: message)) }
        defer { ct_work_release(work) }
        var isDone = false
        while !isDone {
            if let message = ct_work_wait(work, 50, &isDone) { throw watch.fault(behind: String(cString: message)) }
            if !isDone { try watch.check() }
        }
    }
}
