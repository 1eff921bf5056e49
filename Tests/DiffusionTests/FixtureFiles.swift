import Foundation
import Torch

/// The committed numbers of diffusers in Tests/Fixtures.
enum Fixture {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")

    static func json<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(contentsOf: folder.appendingPathComponent(path)))
    }

    static func tensors(_ path: String) throws -> [String: Tensor] { try SafeTensorsFile(folder.appendingPathComponent(path)).all() }
}

/// The largest difference between two tensors, infinite where their shapes differ or either holds no number.
func largestDifference(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    let difference = (a.to(.float64) - b.to(.float64)).magnitude.max().item
    return difference.isNaN ? .infinity : difference
}
