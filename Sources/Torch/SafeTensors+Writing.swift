import Foundation
import Storage

/// The safetensors format (huggingface/safetensors, format of its README).
public enum SafeTensors {
    /// What the reference implementation accepts, in bytes.
    static let longestHeader = 100_000_000
    /// What libtorch's operators carry.
    static let mostAxes = 64
    /// Of libtorch's own memory, in bytes.
    static let alignment = 64

    /// Writes a file as the reference implementation does, byte for byte: greater element types first, so that all are aligned, then
    /// by name; the header padded with spaces to a multiple of eight bytes. Metadata is sorted by key.
    ///
    /// Where `forMapping`, the order and the padding are such that almost every tensor of the file, mapped into memory, lies at a multiple of 64 bytes
    /// as libtorch's own do, so that kernels treat both alike and equal weights give equal bits: tensors of a multiple of 64 bytes go first.
    ///
    /// The file is there whole or not at all (`AtomicFile`). Tensors are written one after another in row-major order, whatever their
    /// strides and place; only one that lies otherwise is copied, and only while it is written.
    /// - Parameters:
    ///   - isSealed: whether a checksum of the whole file goes into its metadata, for `SafeTensorsFile.verify`
    ///   - isFlushed: as in `AtomicFile`
    /// - Throws: `SafeTensorsError` for names that occur twice or are reserved, `FileError` with the system's reason.
    public static func write(
        _ tensors: [(name: String, value: Tensor)], metadata: [String: String] = [:], forMapping: Bool = false, isSealed: Bool = false, to url: URL,
        isFlushed: Bool = true
    ) throws {
        var metadata = metadata
        if isSealed { metadata[FileChecksum.key] = FileChecksum.placeholder }
        func rank(_ value: Tensor) -> (Int, Int) {
            (forMapping && value.count * value.dtype.size % alignment != 0 ? 1 : 0, -value.dtype.safeTensorsOrder)
        }
        let sorted = tensors.sorted { a, b in
            let (first, second) = (rank(a.value), rank(b.value))
            return first == second ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8) : first < second
        }
        do {
            let header = try header(sorted, metadata, multiple: forMapping ? alignment : 8)
            try AtomicFile.write(to: url, isFlushed: isFlushed) { file in
                let start = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
                var checksum = Checksum(start)
                try file.write(start)
                for (_, value) in sorted {
                    try value.withUnsafeBytes {
                        if isSealed { checksum.update($0) }
                        try file.write($0)
                    }
                }
                if isSealed, let place = start.withUnsafeBytes({ FileChecksum.place(of: FileChecksum.placeholder, in: $0) }) {
                    try file.rewrite(Data(checksum.text.utf8), at: place.lowerBound)
                }
            }
        } catch let problem as SafeTensorsError.Problem {
            throw SafeTensorsError(path: url.path, problem: problem)
        }
    }

    public static func write(_ tensors: [String: Tensor], metadata: [String: String] = [:], to url: URL) throws {
        try write(tensors.map { ($0.key, $0.value) }, metadata: metadata, to: url)
    }

    private static func header(
        _ tensors: [(name: String, value: Tensor)], _ metadata: [String: String], multiple: Int
    ) throws(SafeTensorsError.Problem) -> String {
        var fields: [String] = []
        if !metadata.isEmpty {
            let texts = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            fields.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
        }
        var names: Set<String> = []
        var start = 0
        for (name, value) in tensors {
            guard name != "__metadata__" else { throw .reservedName }
            guard names.insert(name).inserted else { throw .duplicateName(name) }
            let end = start + value.count * value.dtype.size
            let shape = value.shape.map(String.init).joined(separator: ",")
            fields.append("\(quoted(name)):{\"dtype\":\"\(value.dtype.safeTensorsName)\",\"shape\":[\(shape)],\"data_offsets\":[\(start),\(end)]}")
            start = end
        }
        let header = "{\(fields.joined(separator: ","))}"
        // The length of the header, of eight bytes, goes before it.
        let excess = (8 + header.utf8.count) % multiple
        let padded = header + String(repeating: " ", count: excess == 0 ? 0 : multiple - excess)
        guard padded.utf8.count <= longestHeader else { throw .headerTooLong(UInt64(padded.utf8.count)) }
        return padded
    }

    /// A JSON text.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{08}": result += "\\b"
            case "\u{0C}": result += "\\f"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{00}"..<"\u{20}": result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension DType {
    /// The reference implementation's order of types: by alignment, then as its source lists them.
    fileprivate var safeTensorsOrder: Int {
        let order: [DType] = [
            .bool, .uint8, .int8, .float8e5m2, .float8e4m3, .int16, .uint16, .float16, .bfloat16, .int32, .uint32, .float32, .float64, .int64, .uint64,
        ]
        return order.firstIndex(of: self)!
    }
}
