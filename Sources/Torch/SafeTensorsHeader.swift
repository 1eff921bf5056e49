/// The header of a safetensors file: names, types and places of its tensors, checked against the bytes that follow it.
///
/// Own parsing, because the format forbids duplicate names, which JSON libraries drop silently. It accepts exactly the format's
/// grammar, which has a fixed depth, so that nothing recurses and nothing grows beyond the header itself.
struct SafeTensorsHeader {
    struct Entry {
        let dtype: DType
        let shape: [Int]
        /// Bytes, counted from the end of the header.
        let bytes: Range<Int>
    }

    private(set) var metadata: [String: String] = [:]
    private(set) var entries: [String: Entry] = [:]

    /// `text` is the header's JSON, `dataSize` the number of bytes after it.
    init(_ text: UnsafeRawBufferPointer, dataSize: Int) throws(SafeTensorsError.Problem) {
        var scanner = SafeTensorsScanner(text)
        // Without leading space, says the format.
        try scanner.expect("{", skippingSpace: false)
        var hasMetadata = false
        var isFirst = true
        while try scanner.hasNext(until: "}", isFirst: &isFirst) {
            let name = try scanner.key()
            if name == "__metadata__" {
                guard !hasMetadata else { throw .duplicateName(name) }
                hasMetadata = true
                try readMetadata(&scanner)
            } else {
                guard entries[name] == nil else { throw .duplicateName(name) }
                entries[name] = try Self.entry(name, &scanner, dataSize: dataSize)
            }
        }
        try scanner.expectEnd()
        try checkCoverage(of: dataSize)
    }

    private mutating func readMetadata(_ scanner: inout SafeTensorsScanner) throws(SafeTensorsError.Problem) {
        try scanner.expect("{")
        var isFirst = true
        while try scanner.hasNext(until: "}", isFirst: &isFirst) {
            let key = try scanner.key()
            guard metadata[key] == nil else { throw .duplicateName(key) }
            metadata[key] = try scanner.string()
        }
    }

    private static func entry(
        _ name: String, _ scanner: inout SafeTensorsScanner, dataSize: Int
    ) throws(SafeTensorsError.Problem) -> Entry {
        var dtypeName: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.expect("{")
        var isFirst = true
        while try scanner.hasNext(until: "}", isFirst: &isFirst) {
            let key = try scanner.key()
            switch key {
            case "dtype" where dtypeName == nil: dtypeName = try scanner.string()
            case "shape" where shape == nil: shape = try scanner.integers()
            case "data_offsets" where offsets == nil: offsets = try scanner.integers(count: 2)
            case "dtype", "shape", "data_offsets": throw .duplicateName("\(key) of \(name)")
            default: throw .unknownKey(tensor: name, key: key)
            }
        }
        guard let dtypeName else { throw .missingKey(tensor: name, key: "dtype") }
        guard let shape else { throw .missingKey(tensor: name, key: "shape") }
        guard let offsets else { throw .missingKey(tensor: name, key: "data_offsets") }

        let dtype = try dtype(dtypeName, of: name)
        let expected = try size(of: shape, dtype, name)
        let (start, end) = (offsets[0], offsets[1])
        guard start <= end else { throw .reversedOffsets(tensor: name, start: start, end: end) }
        guard end <= dataSize else { throw .offsetsBeyondFile(tensor: name, end: end, data: dataSize) }
        guard end - start == expected else { throw .wrongSize(tensor: name, bytes: end - start, expected: expected) }
        return Entry(dtype: dtype, shape: shape, bytes: start..<end)
    }

    private static func dtype(_ text: String, of name: String) throws(SafeTensorsError.Problem) -> DType {
        if let dtype = DType.allCases.first(where: { $0.safeTensorsName == text }) { return dtype }
        switch text {
        case "F4", "F6_E2M3", "F6_E3M2": throw .subByteDType(tensor: name, dtype: text)
        case "C64", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ": throw .unsupportedDType(tensor: name, dtype: text)
        default: throw .unknownDType(tensor: name, dtype: text)
        }
    }

    /// Bytes of a tensor. Axes of size 0 count as 1 for the overflow, because libtorch multiplies its strides like that.
    private static func size(of shape: [Int], _ dtype: DType, _ name: String) throws(SafeTensorsError.Problem) -> Int {
        guard shape.count <= SafeTensors.mostAxes else { throw .tooManyAxes(tensor: name) }
        var bytes = dtype.size
        for size in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: max(size, 1))
            guard !overflow else { throw .shapeOverflow(tensor: name) }
            bytes = product
        }
        return shape.contains(0) ? 0 : bytes
    }

    /// The tensors must lie side by side and fill the file, as the reference implementation demands: no byte can hide.
    private func checkCoverage(of dataSize: Int) throws(SafeTensorsError.Problem) {
        let sorted = entries.sorted { ($0.value.bytes.lowerBound, $0.value.bytes.upperBound) < ($1.value.bytes.lowerBound, $1.value.bytes.upperBound) }
        var end = 0
        var former = ""
        for (name, entry) in sorted {
            let start = entry.bytes.lowerBound
            guard start >= end else { throw .overlap(tensor: former, other: name) }
            guard start == end else { throw .gap(before: name, bytes: start - end) }
            end = entry.bytes.upperBound
            former = name
        }
        guard end == dataSize else { throw .trailingBytes(dataSize - end) }
    }
}

extension DType {
    /// The format's name of the type.
    public var safeTensorsName: String {
        switch self {
        case .uint8: "U8"
        case .int8: "I8"
        case .int16: "I16"
        case .int32: "I32"
        case .int64: "I64"
        case .float16: "F16"
        case .float32: "F32"
        case .float64: "F64"
        case .bool: "BOOL"
        case .bfloat16: "BF16"
        case .float8e5m2: "F8_E5M2"
        case .float8e4m3: "F8_E4M3"
        case .uint16: "U16"
        case .uint32: "U32"
        case .uint64: "U64"
        }
    }
}
