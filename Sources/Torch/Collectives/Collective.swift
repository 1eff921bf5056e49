import Foundation

/// The ranks that work on one run together, and what they exchange.
///
/// Every rank calls the same exchanges in the same order. Each of them throws a ``RankFault`` that names a rank once one is missing.
public protocol Collective: AnyObject, Sendable {
    /// The number of this process, from 0.
    var rank: Int { get }
    /// How many processes there are.
    var size: Int { get }

    /// The examples of `count` that are this rank's: neighbours, and no rank has more than one above another.
    func share(of count: Int) -> Range<Int>
    /// Adds up a tensor without gaps over all ranks, in place. All get the same bits, and the same again when it is repeated.
    func sum(_ tensor: Tensor) throws
    /// The messages of all ranks, in the order of the ranks. They may have different lengths.
    func gather(_ message: Data) throws -> [Data]
    /// Copies a tensor without gaps from one rank to all, in place: of one shape and type everywhere.
    func broadcast(_ tensor: Tensor, from rank: Int) throws

    /// Runs what takes this rank alone long, such as a validation, while the others wait for it at their next exchange without limit.
    func whileOthersWait<Result>(_ body: () throws -> Result) rethrows -> Result
    /// Throws where a rank is known to be missing. For what takes long between two exchanges.
    func check() throws
    /// Tells the other ranks that this one cannot go on: they end with its message.
    func fail(_ reason: String)
    /// Ends the exchanges of all ranks. The last call.
    func close() throws
}

extension Collective {
    /// Whether this rank keeps what belongs to all.
    public var isFirst: Bool { rank == 0 }

    /// Whether something holds on every rank.
    public func all(_ condition: Bool) throws -> Bool { try gather(Data([condition ? 1 : 0])).allSatisfy { $0 == Data([1]) } }

    /// Whether something holds on any rank.
    public func any(_ condition: Bool) throws -> Bool { try !all(!condition) }

    /// The numbers of all ranks, in the order of the ranks and to the bit. Ranks may have different counts of them.
    public func gather(_ numbers: [Double]) throws -> [[Double]] {
        let message = numbers.withUnsafeBytes { Data($0) }
        return try gather(message).map { data in
            data.withUnsafeBytes { bytes in
                stride(from: 0, to: bytes.count, by: 8).map { bytes.loadUnaligned(fromByteOffset: $0, as: Double.self) }
            }
        }
    }

    /// The values of all ranks, in the order of the ranks. Numbers keep their bits, not-a-numbers apart.
    public func gather<Value: Codable>(_ value: Value) throws -> [Value] {
        let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try gather(encoder.encode([value])).map { try decoder.decode([Value].self, from: $0)[0] }
    }

    /// Throws a ``RankFault`` that names the ranks whose data are not those of rank 0, by a text that stands for them, such as a digest.
    public func requireSameData(_ key: String) throws {
        let keys: [String] = try gather(key)
        guard let other = keys.first(where: { $0 != keys[0] }) else { return }
        throw RankFault(keys.indices.filter { keys[$0] == other }, .differs(.data, from: keys[0], has: other))
    }

    /// Returns once every rank has come here.
    public func barrier() throws { _ = try gather(Data()) }

    public func share(of count: Int) -> Range<Int> { rank * count / size..<(rank + 1) * count / size }
}

/// One process by itself: every exchange gives back what it got.
public final class Alone: Collective {
    public init() {}

    public var rank: Int { 0 }
    public var size: Int { 1 }

    public func sum(_ tensor: Tensor) {}
    public func gather(_ message: Data) -> [Data] { [message] }
    public func broadcast(_ tensor: Tensor, from rank: Int) {}
    public func whileOthersWait<Result>(_ body: () throws -> Result) rethrows -> Result { try body() }
    public func check() {}
    public func fail(_ reason: String) {}
    public func close() {}
}
