import Foundation
import Storage
import Torch

/// Every exchange, with answers that each rank can work out by itself.
struct Exchanges {
    let group: any Collective

    init(_ group: any Collective) { self.group = group }

    struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    /// - Returns: a digest of all sums, in which every bit counts
    func run() throws -> String {
        var bits: UInt64 = 0xCBF2_9CE4_8422_2325
        for count in [1, 2, 1000, 200_003] {
            let tensor = Tensor(Self.numbers(count, rank: group.rank))
            try group.sum(tensor)
            let parts = (0..<group.size).map { Self.numbers(count, rank: $0) }
            let sums = tensor.values()
            for index in 0..<count {
                let exact = parts.reduce(0.0) { $0 + Double($1[index]) }
                guard abs(Double(sums[index]) - exact) < 1e-5 else { throw Wrong(description: "sum \(sums[index]), not \(exact)") }
                bits = (bits ^ UInt64(sums[index].bitPattern)) &* 0x100_0000_01B3
            }
        }
        try gather()
        try broadcast()
        try gradients()
        return String(bits, radix: 16)
    }

    static func numbers(_ count: Int, rank: Int) -> [Float] {
        var generator = SeededGenerator(seed: UInt64(rank + 1))
        return (0..<count).map { _ in Float(Double(generator.next() >> 11) * 0x1p-53 - 0.5) }
    }

    private func require(_ condition: Bool, _ what: String) throws { if !condition { throw Wrong(description: "\(what) on rank \(group.rank)") } }

    private func gather() throws {
        for length in [0, 5, 1016, 1017, 100_000] {
            let messages = try group.gather(Data(repeating: UInt8(group.rank), count: length + group.rank))
            try require(messages == (0..<group.size).map { Data(repeating: UInt8($0), count: length + $0) }, "gathered \(length) bytes")
        }
        let numbers: [[Double]] = try group.gather([0.1, -.infinity, Double(group.rank)])
        try require(numbers == (0..<group.size).map { [0.1, -.infinity, Double($0)] }, "gathered numbers")
        try require(try group.gather("rank \(group.rank)") == (0..<group.size).map { "rank \($0)" }, "gathered values")
        try require(try group.all(true) && !group.all(group.rank != 0), "all")
        let infinite = ["a": -Double.infinity, "b": 0.1]
        try require(try group.gather(infinite) == (0..<group.size).map { _ in infinite }, "gathered values that are not finite")
        try require(try !group.any(false) && group.any(group.rank == group.size - 1), "any")
        try require(try group.gather(Array(group.share(of: 7))).flatMap { $0 } == Array(0..<7), "shares")
    }

    private func broadcast() throws {
        let tensor = Tensor([1, 2, 3].map { Float($0 * (group.rank + 1)) })
        try group.broadcast(tensor, from: group.size - 1)
        try require(tensor.values() == [1, 2, 3].map { Float($0 * group.size) }, "broadcast")
    }

    /// Through a buffer that is too small for all; the loss of rank 0 does not reach the second.
    private func gradients() throws {
        let parameters = [Tensor.ones([2, 3]), Tensor.ones([4]), Tensor.ones([5, 1])]
        for parameter in parameters { parameter.requiresGradient = true }
        let reached = group.rank == 0 ? [0, 2] : [0, 1, 2]
        for index in reached { (parameters[index] * Double((group.rank + 1) * (index + 1))).sum().backward() }
        try GradientSum(of: parameters, over: group, capacity: 8)()
        let ranks = Double(group.size * (group.size + 1) / 2)
        let expected = [ranks, 2 * (ranks - 1), 3 * ranks]
        for (parameter, value) in zip(parameters, expected) where value > 0 {
            let gradient = parameter.gradient
            try require(gradient?.shape == parameter.shape, "shape of a gradient")
            try require(gradient!.values(Double.self).allSatisfy { $0 == value }, "gradient \(gradient!.values()), not \(value)")
        }
    }
}
