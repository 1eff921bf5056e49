import CStorage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The memory of this process.
public enum ProcessMemory {
    /// Keeps freed memory for the next step instead of handing it back to the kernel (glibc; elsewhere nothing happens).
    /// To be called once, before the first large allocation.
    public static func keepFreed() { cs_allocator_keep_memory() }

    /// Hands back what was kept: between one piece of work and another that wants memory of other sizes.
    public static func returnFreed() { cs_allocator_return_memory() }

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
