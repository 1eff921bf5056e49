import CTorch

/// What concerns the whole process rather than a tensor.
public enum Runtime {
    /// libtorch's version.
    public static var version: String { String(cString: ct_version()) }

    /// Threads of one operator; 0 leaves libtorch's choice.
    public static var threads: Int {
        get { Int(ct_threads_get()) }
        set { if newValue > 0 { ct_threads_set(Int32(clamping: newValue)) } }
    }

    /// Treats numbers below 1e-38 as zero: they are a hundred times slower to compute with and say nothing.
    public static func flushDenormals() { ct_flush_denormals() }
}
