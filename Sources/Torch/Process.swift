import CTorch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What concerns the whole process rather than a tensor.
public enum Runtime {
    /// libtorch's version.
    public static var version: String { String(cString: ct_version()) }

    /// Threads of one operator; 0 leaves libtorch's choice.
    public static var threads: Int {
        get { Int(ct_threads_get()) }
        set { if newValue > 0 { ct_threads_set(Int32(clamping: newValue)) } }
    }

    public static func isAvailable(_ kind: Device.Kind) -> Bool { ct_device_is_available(kind.rawValue) }

    /// Keeps freed memory for the next step instead of handing it back to the kernel (glibc; elsewhere nothing happens).
    /// To be called once, before the first tensor.
    public static func keepFreedMemory() { ct_allocator_keep_memory() }

    /// Hands back what was kept: between one piece of work and another that wants memory of other sizes.
    public static func returnFreedMemory() { ct_allocator_return_memory() }

    /// Treats numbers below 1e-38 as zero: they are a hundred times slower to compute with and say nothing.
    public static func flushDenormals() { ct_flush_denormals() }

    /// The most memory that was resident so far, in MB.
    public static var peakMegabytes: Int {
        var usage = rusage()
        #if canImport(Glibc)
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return usage.ru_maxrss / 1024
        #else
            getrusage(RUSAGE_SELF, &usage)
            return usage.ru_maxrss / (1 << 20)
        #endif
    }
}
