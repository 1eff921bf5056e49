import Diffusion
import Foundation
import Media
import Storage
import Torch
import Winners

/// Winners as the denoiser sees them: latents and conditioning, computed once each, kept in a store and read from it again for every batch.
///
/// A winner is encoded when it is wanted, by whoever wants it first; ``EncodingAhead`` wants it before a training does. One whose image cannot be decoded
/// is known by then, and listed in ``skips``.
public final class EncodedWinners: @unchecked Sendable {
    public let settings: EncodingSettings
    /// Those that settings allow, in the order of the data set.
    public let winners: [Winner]
    /// Of all they are made from: images, captions, settings and encoders. Equal keys stand for equal winners.
    public let key: String
    /// Of one winner, `[C, h, w]`, or of a clip `[C, F, h, w]`.
    public let latentShape: [Int]
    /// Of the empty caption, one example: what guidance leads away from.
    public let unconditional: Conditioning
    private let root: URL
    private let encoder: WinnerEncoder
    private let store: any EncodingStore
    private let listed: [Skip]

    private enum State { case open, busy, ready, unusable }
    // Touched under the condition's lock alone.
    private let condition = NSCondition()
    private var states: [State]
    private var unusable: [Int: Skip] = [:]
    private var short: Set<Int> = []

    private init(
        _ winners: [Winner], root: URL, leftOut listed: [Skip], _ encoder: WinnerEncoder, _ settings: EncodingSettings, _ store: any EncodingStore,
        key: String, latentShape: [Int], unconditional: Conditioning
    ) {
        (self.winners, self.root, self.listed, self.encoder, self.settings, self.store) = (winners, root, listed, encoder, settings, store)
        (self.key, self.latentShape, self.unconditional) = (key, latentShape, unconditional)
        states = Array(repeating: .open, count: winners.count)
    }

    /// Looks which winners of a data set can serve, and encodes the empty caption.
    /// - Parameter limit: use at most that many winners; 0 for all
    public static func open(
        _ set: WinnerSet, _ encoder: WinnerEncoder, _ settings: EncodingSettings, limit: Int = 0, store: any EncodingStore = EncodingMemory()
    ) throws -> EncodedWinners {
        let wanted = set.winners.filter { ($0.medium.clip != nil) == (settings.frames != nil) }
        let others = set.winners.filter { ($0.medium.clip != nil) != (settings.frames != nil) }
        let first = limit > 0 ? Array(wanted.prefix(limit)) : wanted
        let winners = settings.withLosers ? first.filter { $0.losingMedium != nil } : first
        let withoutLosers = settings.withLosers ? first.filter { $0.losingMedium == nil } : []
        let otherKind = settings.frames == nil ? "a clip, and the model draws pictures" : "a picture, and the model draws clips"
        let listed =
            set.report + others.map { Skip(file: $0.medium.name, reason: otherKind) }
            + withoutLosers.map { Skip(file: $0.medium.name, reason: "has no losing image, which this method needs") }
        let lookedFor = settings.withLosers ? "winners with losing images" : settings.frames == nil ? "pictures" : "clips"
        guard !winners.isEmpty else { throw WinnerSetError.noWinners(set.root.path, lookedFor: lookedFor, listed) }
        return EncodedWinners(
            winners, root: set.root, leftOut: listed, encoder, settings, store, key: key(of: winners, encoder, settings),
            latentShape: encoder.latentShape(settings), unconditional: try conditioning(of: "", encoder, store).clone())
    }

    private static func key(of winners: [Winner], _ encoder: WinnerEncoder, _ settings: EncodingSettings) -> String {
        var key = ContentKey()
        key.update("winners 1 \(settings.withLosers) \(settings.flipsImages)")
        for winner in winners {
            key.update(encoder.key(of: winner.medium, mirrored: false, settings))
            if winner.captions.count > 1 { key.update("captions \(winner.captions.count)") }
            for caption in winner.captions { key.update(encoder.key(ofCaption: caption)) }
            key.update(settings.withLosers ? winner.losingMedium!.digest : "")
        }
        return key.text
    }

    public var count: Int { winners.count }
    /// The first of each.
    public var captions: [String] { winners.map(\.caption) }

    /// What was left out, by what is known so far.
    public var skips: [Skip] {
        let found = condition.withLock { unusable }.sorted { $0.key < $1.key }.map(\.value)
        // One image under two captions is one file that cannot be decoded.
        var known = Set(listed)
        return listed + found.filter { known.insert($0).inserted }
    }

    /// A sentence on clips that were too short for the rule of frames, of those that this process has encoded or read by now; nil where there is none.
    public var shortClipsNote: String? {
        guard let rule = settings.frames, case let count = condition.withLock({ short.count }), count > 0 else { return nil }
        return "clips too short for their \(rule.frames) frames by the rule, which then come closer together or several times: \(count) of \(self.count)"
    }

    /// Why the winner at `row` cannot be used; nil where nothing is known against it.
    public func skip(of row: Int) -> Skip? { condition.withLock { unusable[row] } }

    /// Leaves out a winner that another process cannot use.
    public func leaveOut(_ row: Int, _ skip: Skip) {
        condition.withLock {
            unusable[row] = unusable[row] ?? skip
            states[row] = .unusable
        }
    }

    /// What a cache on disk would need for those of the winners at `rows` that it lacks.
    public func bytesMissing(_ rows: [Int]) -> Int {
        // A header of some hundred bytes, and whole blocks of the disk.
        func file(_ numbers: Int) -> Int { (4 * numbers + 512 + 4095) / 4096 * 4096 }
        let latents = file(latentShape.reduce(settings.posterior == .sample ? 2 : 1, *))
        let images = rows.reduce(0) { sum, row in sum + views.count { !store.contains(.latents, latentKey(row, $0)) } }
        let captions = Set(rows.flatMap { winners[$0].captions.map(encoder.key(ofCaption:)) }).count { !store.contains(.states, $0) }
        return images * latents + captions * file(unconditional.elementsPerExample)
    }

    /// Releases the networks that encode and of files held open; they come back where they are wanted after all.
    public func releaseEncoder() {
        encoder.release()
        for winner in winners {
            winner.medium.release()
            winner.losingMedium?.release()
        }
    }

    // MARK: Batches

    /// Latents of the winners at `rows`, `[B, …]`.
    public func latents(_ rows: [Int], _ view: WinnerView = .winner) throws -> LatentPosterior {
        let entries = try rows.map { try latents(of: $0, view) }
        func stacked(_ name: String) -> Tensor { Tensor.stacked(entries.map { $0[name]! }) }
        return LatentPosterior(mean: stacked("mean"), deviation: settings.posterior == .sample ? stacked("deviation") : nil)
    }

    /// What a denoiser is told of the winners at `rows`.
    /// - Parameters:
    ///   - isDropped: of which the empty caption takes the place; nil: of none
    ///   - choices: which caption of each winner; nil: the first
    public func conditioning(_ rows: [Int], dropped isDropped: [Bool]? = nil, captions choices: [Int]? = nil) throws -> Conditioning {
        Conditioning.concatenated(
            try rows.indices.map { place in
                if let isDropped, isDropped[place] { return unconditional }
                return try Self.conditioning(of: winners[rows[place]].captions[choices?[place] ?? 0], encoder, store)
            })
    }

    /// What the store holds; made again where it was cleared or damaged after the winner had been prepared.
    private func latents(of row: Int, _ view: WinnerView) throws -> [String: Tensor] {
        guard let latents = store.load(.latents, latentKey(row, view)) else { return try makeLatents(of: row, [view])[0] }
        note(latents, row, view)
        return latents
    }

    /// One example's, from the store or made for it.
    private static func conditioning(of caption: String, _ encoder: WinnerEncoder, _ store: any EncodingStore) throws -> Conditioning {
        let key = encoder.key(ofCaption: caption)
        if let stored = store.load(.states, key), let conditioning = WinnerEncoder.conditioning(stored) { return conditioning }
        let states = try encoder.states(of: caption)
        try store.save(.states, key, states)
        return WinnerEncoder.conditioning(states)!
    }

    private func medium(of row: Int, _ view: WinnerView) -> Medium { view == .loser ? winners[row].losingMedium! : winners[row].medium }

    private func latentKey(_ row: Int, _ view: WinnerView) -> String {
        encoder.key(of: medium(of: row, view), mirrored: view == .mirrored, settings)
    }

    // MARK: Encoding

    /// What the settings want of every winner.
    private var views: [WinnerView] { [.winner] + (settings.flipsImages ? [.mirrored] : []) + (settings.withLosers ? [.loser] : []) }

    /// Sees to it that the winners at `rows` are encoded: what nobody is at is shared out among this thread's workers, the rest waited for.
    /// - Parameter progress: called on this thread while something is to be done; where it throws, what was done stays done
    /// - Returns: for each row, whether it can be used
    /// - Throws: ``WinnerSetError`` where none of all winners can be used, and what the encoder and the store throw
    public func prepare(_ rows: [Int], progress: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }) throws -> [Bool] {
        var hasWaited = false
        while true {
            let done = condition.withLock { rows.count { states[$0] == .ready || states[$0] == .unusable } }
            if done < rows.count || hasWaited { try progress(done, rows.count) }
            if done == rows.count { break }
            hasWaited = true
            let claimed = claim(rows, atMost: max(Runtime.threads, 1))
            defer { condition.withLock { for row in claimed where states[row] == .busy { states[row] = .open } } }
            if claimed.isEmpty { waitForOthers() }
            _ = try Workers.map(claimed.count) { _, part in for row in claimed[part] { try encode(row) } }
        }
        if condition.withLock({ unusable.count == count }) { throw noneUsable }
        return condition.withLock { rows.map { states[$0] == .ready } }
    }

    /// That no winner, or none of those that somebody can use, has an image that can be decoded.
    public var noneUsable: WinnerSetError {
        .noWinners(root.path, lookedFor: (settings.frames == nil ? "images" : "clips") + " that can be decoded", skips)
    }

    private func claim(_ rows: [Int], atMost limit: Int) -> [Int] {
        condition.withLock {
            var claimed: [Int] = []
            for row in rows where states[row] == .open && claimed.count < limit {
                states[row] = .busy
                claimed.append(row)
            }
            return claimed
        }
    }

    /// Not for long: whoever waits wants to look after other things in between.
    private func waitForOthers() { condition.withLock { _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1)) } }

    /// Encodes a claimed winner, as far as the store lacks it.
    private func encode(_ row: Int) throws {
        var outcome = State.open
        defer {
            condition.withLock {
                states[row] = outcome
                condition.broadcast()
            }
        }
        do {
            _ = try makeLatents(of: row, views.filter { !store.contains(.latents, latentKey(row, $0)) })
            for caption in winners[row].captions {
                let key = encoder.key(ofCaption: caption)
                if !store.contains(.states, key) { try store.save(.states, key, encoder.states(of: caption)) }
            }
            outcome = .ready
        } catch let error as ImageError {
            condition.withLock { unusable[row] = Skip(error) }
            outcome = .unusable
        } catch let error as ClipError {
            if case .tooShort = error.reason, settings.frames?.shortClips == .error { throw error }
            condition.withLock { unusable[row] = Skip(error) }
            outcome = .unusable
        }
    }

    private func makeLatents(of row: Int, _ views: [WinnerView]) throws -> [[String: Tensor]] {
        try views.map { view in
            let latents = try encoder.latents(of: medium(of: row, view), mirrored: view == .mirrored, settings)
            try store.save(.latents, latentKey(row, view), latents)
            note(latents, row, view)
            return latents
        }
    }

    private func note(_ latents: [String: Tensor], _ row: Int, _ view: WinnerView) {
        guard view == .winner, latents[WinnerEncoder.short] != nil else { return }
        condition.withLock { _ = short.insert(row) }
    }
}
