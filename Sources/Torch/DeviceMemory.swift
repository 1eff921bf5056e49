import CTorch

/// What tensors take on a device, in bytes.
public struct DeviceMemory: Sendable, Equatable {
    public let allocated: Int
    /// The most since the process began, or since the last `resetPeak`; nil where libtorch does not count it (MPS).
    public let peak: Int?

    /// What libtorch's allocator counts; nil where it counts nothing, as on the processor, or where there is no such device.
    public init?(of device: Device) {
        var (allocated, peak): (Int64, Int64) = (-1, -1)
        guard ct_device_memory(device.kind.rawValue, max(device.index, 0), &allocated, &peak) == nil, allocated >= 0 else { return nil }
        self.allocated = Int(allocated)
        self.peak = peak < 0 ? nil : Int(peak)
    }

    /// Has the peak begin anew at what is allocated now; nothing happens where it is not counted.
    public static func resetPeak(of device: Device) { _ = ct_device_reset_peak(device.kind.rawValue, max(device.index, 0)) }
}

extension Device {
    /// Waits until all that was begun on the device is done: for clocks. The processor has nothing to wait for. Throws what libtorch says of a device that
    /// is not there.
    public func synchronize() throws(TorchError) {
        if let message = ct_device_synchronize(kind.rawValue, max(index, 0)) {
            throw TorchError(operation: "synchronize \(self)", message: String(cString: message))
        }
    }
}
