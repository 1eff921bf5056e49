import Torch

/// What a denoiser is told beside noised latents: tensors by name, axis 0 of each the example.
///
/// Only the denoiser that takes it, and the encoder that makes it, know what is in it.
public struct Conditioning: Sendable {
    /// Text states `[B, L, D]`.
    public static let text = "text"

    private let tensors: [String: Tensor]

    /// - Precondition: all of as many examples.
    public init(_ tensors: [String: Tensor]) {
        precondition(Set(tensors.values.map { $0.size(0) }).count == 1, "a conditioning of \(tensors.mapValues(\.shape))")
        self.tensors = tensors
    }

    /// That of a model which is told text states `[B, L, D]` alone.
    public init(text: Tensor) { self.init([Self.text: text]) }

    /// The tensor of that name.
    ///
    /// - Precondition: it is there: the parts of a model are checked against each other when it is read.
    public subscript(_ name: String) -> Tensor {
        guard let tensor = tensors[name] else { preconditionFailure("no \(name) among \(tensors.keys.sorted())") }
        return tensor
    }

    /// B.
    public var count: Int { tensors.values.first!.size(0) }

    /// The numbers of one example.
    public var elementsPerExample: Int { tensors.values.reduce(0) { $0 + $1.count } / count }

    /// The examples at `rows`, copied.
    public func gathered(_ rows: [Int]) -> Conditioning { Conditioning(tensors.mapValues { $0.gathered(rows) }) }

    /// The examples of a range, as views.
    public subscript(_ range: Range<Int>) -> Conditioning { Conditioning(tensors.mapValues { $0[range] }) }

    /// The one example `count` times, or `count` examples as they are, without a copy.
    public func expanded(to count: Int) -> Conditioning {
        Conditioning(tensors.mapValues { $0.expanded([count] + Array(repeating: -1, count: $0.rank - 1)) })
    }

    /// The same on another device; itself where it lies there.
    public func to(_ device: Device) -> Conditioning { Conditioning(tensors.mapValues { $0.to(device) }) }

    /// A copy in memory of its own.
    public func clone() -> Conditioning { Conditioning(tensors.mapValues { $0.clone() }) }

    /// All examples of the parts, in their order.
    ///
    /// - Precondition: the parts, of which there is one at least, have tensors of the same names.
    public static func concatenated(_ parts: [Conditioning]) -> Conditioning {
        Conditioning(Dictionary(uniqueKeysWithValues: parts[0].tensors.keys.map { name in (name, Tensor.concatenated(parts.map { $0[name] })) }))
    }
}
