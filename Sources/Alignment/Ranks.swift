import Diffusion
import Encoding
import Foundation
import Storage
import Torch
import Winners

/// The processes that share out the examples of every update, and what they agree on before they go on. One alone exchanges nothing.
struct Ranks {
    let collective: any Collective
    /// Those that this process gets. All ranks stop at one that any has got.
    var signals = StopSignals([])

    init(_ collective: any Collective) { self.collective = collective }

    private var isOne: Bool { collective.size == 1 }
    var isFirst: Bool { collective.isFirst }

    /// The places among `count` examples of a batch that are this rank's.
    func share(of count: Int) -> Range<Int> { collective.share(of: count) }

    /// Runs what the first rank alone does, however long it takes.
    func alone(_ body: () throws -> Void) throws { if isFirst { try collective.whileOthersWait(body) } }

    /// Runs what the first rank alone does. A signal that stops it stops all.
    /// - Returns: nil on the others
    func first<Result>(_ body: () throws -> Result) throws -> Result? {
        if isOne { return try body() }
        var (result, stop): (Result?, Int32?) = (nil, nil)
        do {
            if isFirst { result = try collective.whileOthersWait(body) }
        } catch let error as StoppedBySignal {
            stop = error.number
        }
        if let number = try ofFirst(stop) { throw StoppedBySignal(number: number) }
        return result
    }

    /// The first rank's value, on all.
    func ofFirst<Value: Codable>(_ value: Value) throws -> Value { isOne ? value : try collective.gather(value)[0] }

    /// Whether all ranks see what the first writes in a folder.
    func allSee(_ folder: URL) throws -> Bool {
        if isOne { return true }
        let name = try ofFirst(AtomicFile.leftoverName())
        let mark = folder.appendingPathComponent(name)
        defer { if isFirst { unlink(mark.path) } }
        if isFirst { try writeAtomically(Data(), to: mark) }
        try collective.barrier()
        return try collective.all(FileManager.default.fileExists(atPath: mark.path))
    }

    /// Throws a ``RankFault`` where a rank has other winners, or another model, than the first.
    func requireSameData(_ winners: EncodedWinners, _ pipeline: DenoisingPipeline) throws {
        if isOne { return }
        var key = ContentKey()
        for part in [winners.key, pipeline.unetKey] { key.update(part) }
        try collective.requireSameData(String(key.text.prefix(12)))
    }

    // MARK: Winners

    /// What a rank says of its share of some winners.
    private struct Found: Codable {
        /// The signal that has ended its work on them.
        var stop: Int32?
        var unusable: [Int: Skip] = [:]
    }

    /// Sees to it that winners are encoded, each rank at its share of them.
    /// - Parameter progress: called while this rank is at its own
    /// - Returns: for each row, whether all ranks can use it
    /// - Throws: ``StoppedBySignal`` on all ranks where one was stopped meanwhile
    func prepare(_ rows: [Int], of winners: EncodedWinners, progress: (_ done: Int, _ of: Int) throws -> Void) throws -> [Bool] {
        let own = Array(rows[share(of: rows.count)])
        func prepared() throws -> [Bool] {
            try winners.prepare(own) {
                if let number = signals.received { throw StoppedBySignal(number: number) }
                try progress($0, $1)
            }
        }
        if isOne { return try prepared() }
        var found = Found()
        do {
            for (row, isUsable) in zip(own, try collective.whileOthersWait(prepared)) where !isUsable { found.unusable[row] = winners.skip(of: row) }
        } catch let stop as StoppedBySignal {
            found.stop = stop.number
        }
        let all: [Found] = try collective.gather(found)
        if let number = all.compactMap(\.stop).first { throw StoppedBySignal(number: number) }
        let unusable = all.reduce(into: [:]) { $0.merge($1.unusable) { first, _ in first } }
        for (row, skip) in unusable { winners.leaveOut(row, skip) }
        return rows.map { unusable[$0] == nil }
    }

    // MARK: Updates

    /// What a rank has made of its share of an update.
    struct Work: Codable {
        var diagnostics: Diagnostics
        var sampleSeconds: Double
        /// Of the gradients' sum.
        var norm: Double
        /// A signal that came meanwhile.
        var stop: Int32?
    }

    /// All ranks' work as one: diagnostics in the order of the examples, the time of the slowest, and the first rank's norm, whose last bits may be others
    /// where a processor of another kind adds up.
    func gather(_ work: Work) throws -> Work {
        var work = work
        work.stop = signals.received
        if isOne { return work }
        let all: [Work] = try collective.gather(work)
        var whole = all[0]
        for other in all.dropFirst() {
            whole.diagnostics.append(other.diagnostics)
            whole.sampleSeconds = max(whole.sampleSeconds, other.sampleSeconds)
            whole.stop = whole.stop ?? other.stop
        }
        return whole
    }
}

/// Those of an endless order of winners that one rank prepares, when all take a batch of them at a time.
struct SharedOrder: IteratorProtocol, Sendable {
    private var order: ShuffledOrder
    private let batch: Int
    private let share: Range<Int>
    private var place = 0

    init(_ order: ShuffledOrder, batch: Int, share: Range<Int>) { (self.order, self.batch, self.share) = (order, batch, share) }

    /// Nil where there are fewer winners in a batch than ranks.
    mutating func next() -> Int? {
        guard !share.isEmpty else { return nil }
        while true {
            defer { place = (place + 1) % batch }
            let row = order.next(1)[0]
            if share.contains(place) { return row }
        }
    }
}
