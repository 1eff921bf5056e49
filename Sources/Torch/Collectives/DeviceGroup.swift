import CTorch
import Foundation

/// The ranks' GPUs, one each, which exchange tensors by NCCL.
final class DeviceGroup {
    private let handle: OpaquePointer

    private init(_ handle: OpaquePointer) { self.handle = handle }

    /// Connects the devices of all ranks.
    /// - Returns: nil where a rank has no NCCL
    static func open(on device: Device, over group: ProcessGroup) throws -> DeviceGroup? {
        guard try group.all(ct_nccl_is_available()) else { return nil }
        var own = [UInt8](repeating: 0, count: Int(ct_nccl_identifier_bytes))
        if group.isFirst, let message = ct_nccl_identifier(&own) { throw TorchError(operation: "NCCL", message: String(cString: message)) }
        let shared = [UInt8](try group.gather(Data(own))[0])
        var handle: OpaquePointer?
        let message = ct_nccl_open(shared, max(0, device.index), Int32(group.rank), Int32(group.size), &handle)
        if let message { throw TorchError(operation: "NCCL", message: String(cString: message)) }
        return DeviceGroup(handle!)
    }

    /// Waits for the exchanges in hand. The last call.
    func release() { ct_nccl_release(handle) }

    func sum(_ tensor: Tensor) -> CTError? { ct_nccl_sum(handle, tensor.handle) }
    func broadcast(_ tensor: Tensor, from rank: Int) -> CTError? { ct_nccl_broadcast(handle, tensor.handle, Int32(rank)) }
}
