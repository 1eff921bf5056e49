import Foundation
import Torch

/// The committed numbers of diffusers in Tests/Fixtures.
enum Fixture {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")

    static func json<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(contentsOf: folder.appendingPathComponent(path)))
    }

    /// float32 and int64 tensors of a safetensors file, copied.
    static func tensors(_ path: String) throws -> [String: Tensor] {
        struct Entry: Decodable { let dtype: String, shape: [Int], data_offsets: [Int] }
        let data = try Data(contentsOf: folder.appendingPathComponent(path))
        let length = Int(data.prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) })
        let header = try JSONDecoder().decode([String: Entry].self, from: data.subdata(in: 8..<8 + length))
        return header.mapValues { entry in
            let bytes = data.subdata(in: 8 + length + entry.data_offsets[0]..<8 + length + entry.data_offsets[1])
            func array<Element>(_ zero: Element) -> [Element] {
                var array = Array(repeating: zero, count: bytes.count / MemoryLayout<Element>.size)
                _ = array.withUnsafeMutableBytes { bytes.copyBytes(to: $0) }
                return array
            }
            return entry.dtype == "I64" ? Tensor(array(0), shape: entry.shape) : Tensor(array(Float(0)), shape: entry.shape)
        }
    }
}

/// The largest difference between two tensors, infinite where their shapes differ or either holds no number.
func largestDifference(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    let difference = (a.to(.float64) - b.to(.float64)).magnitude.max().item
    return difference.isNaN ? .infinity : difference
}
