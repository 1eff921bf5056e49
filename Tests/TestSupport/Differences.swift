import TestFiles
import Torch

/// The largest difference between two tensors, infinite where their shapes differ or either holds no number.
public func largestDifference(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    let difference = (a.to(.float64) - b.to(.float64)).magnitude.max().item
    return difference.isNaN ? .infinity : difference
}

/// ‖a − b‖ / ‖b‖ over all tensors of `b` together; infinite where `a` lacks one.
public func relativeDifference(_ a: [String: Tensor], _ b: [String: Tensor]) -> Double {
    guard !b.isEmpty else { return .infinity }
    var (difference, norm) = (0.0, 0.0)
    for (name, expected) in b {
        guard let given = a[name], given.shape == expected.shape else { return .infinity }
        difference += (given.detached.to(.float64) - expected.to(.float64)).squared.sum().item
        norm += expected.to(.float64).squared.sum().item
    }
    let relative = (difference / norm).squareRoot()
    return relative.isNaN ? .infinity : relative
}

/// Whether the same tensors hold the same bits.
public func sameBits(_ a: [String: Tensor], _ b: [String: Tensor]) -> Bool {
    a.keys.sorted() == b.keys.sorted() && a.allSatisfy { name, tensor in sameBits(tensor, b[name]!) }
}

public func sameBits(_ a: Tensor, _ b: Tensor) -> Bool {
    a.shape == b.shape && a.dtype == b.dtype && a.withUnsafeBytes { a in b.withUnsafeBytes { a.elementsEqual($0) } }
}

extension Fixture {
    public static func tensors(_ path: String) throws -> [String: Tensor] { try SafeTensorsFile(url(path)).all() }
}
