import Diffusion
import Encoding
import Media
import Storage
import Torch
import Winners

/// How a model that draws clips is measured on a test set of prompts and reference clips, such that two models' numbers can be compared: which clips are drawn, and
/// what is done with either side before a metric sees it.
public struct ClipProtocol: Sendable {
    public let name: String
    /// Prompts of the published test set.
    public let prompts: Int
    /// Which frames of a reference are compared, and how many of either side.
    public var rule: FrameRule
    /// Clips a prompt.
    public var seeds = 1
    /// Of the square that both sides are brought to, in pixels.
    public var side = 256
    public var sampling = SamplingSettings(steps: 25, guidance: 8)
    /// Size at which clips are drawn, in pixels; nil: the model's. `height` likewise.
    public var width: Int?
    public var height: Int?

    /// How both sides are brought to their size, as winners of a training are.
    public static let filterText = "shorter side by Pillow's antialiased bilinear filter in 8 bits, then the middle"

    /// ChronoMagic-Bench-150 (Yuan et al., arXiv 2406.18522): time-lapse clips, which are seen whole.
    public static let chronoMagic150 = ClipProtocol(
        name: "chronomagic-150", prompts: 150, rule: FrameRule(frames: 16, spacing: .uniform, start: .first))

    public static let all = [chronoMagic150]

    /// The seed of a prompt's clip `index`: a hash of both, the same for every model, process and machine. 32 bits, as many as libtorch's generator takes.
    public func seed(of id: String, _ index: Int) -> UInt64 { SeededGenerator.seed(UInt64(index), id, 0) >> 32 }

    // MARK: References

    /// The reference clips that can be used, and what was measured of them alone.
    public struct References: Sendable {
        public fileprivate(set) var items: [ReferenceClips.Item] = []
        /// Clips that cannot be decoded, and why.
        public fileprivate(set) var skips: [Skip] = []
        /// Clips with fewer frames than are compared, of which some are seen several times.
        public fileprivate(set) var short = 0
        public fileprivate(set) var motions: [Double] = []
        /// The references against themselves, changed.
        public fileprivate(set) var floors: [ClipVariant: MeasuredClips]
    }

    /// Decodes the references, and measures them against themselves with everything changed that ``ClipVariant`` has. As many pairs as there will be drawn clips.
    /// - Parameters:
    ///   - metrics: that has measured nothing yet
    ///   - each: is handed every clip as metrics see it, with its place among the pairs
    /// - Throws: ``MetricError`` for what the metrics cannot measure, so that nothing is drawn for nothing
    public func references(
        _ items: [ReferenceClips.Item], _ metrics: ClipEvaluation, each: (PairedClip) throws -> Void = { _ in },
        progress: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
    ) throws -> References {
        let none = MeasuredClips(metrics)
        var found = References(floors: Dictionary(uniqueKeysWithValues: ClipVariant.allCases.map { ($0, none) }))
        for (number, item) in items.enumerated() {
            let clip: Clip
            do {
                clip = try reference(item)
            } catch {
                found.skips.append(Skip(error))
                continue
            }
            let pixels = clip.pixels
            for index in 0..<seeds {
                let pair = PairedClip(item: item, place: found.items.count * seeds + index, seed: seed(of: item.id, index), clip: clip)
                for variant in ClipVariant.allCases {
                    try found.floors[variant]!.add(variant(pixels, index: pair.place), reference: pixels, pair)
                }
                found.motions.append(ClipMotion.value(pixels))
                try each(pair)
            }
            found.items.append(item)
            found.short += clip.isShort ? 1 : 0
            try progress(number + 1, items.count)
        }
        return found
    }

    private func reference(_ item: ReferenceClips.Item) throws(ClipError) -> Clip { try item.clip.clip(rule, seed: 0, fittedTo: (side, side)) }

    // MARK: Drawing

    /// Draws a model's clips one after another, and measures each against its reference, both in 8 bits.
    public func drawn(
        by pipeline: Pipeline, _ references: References, _ metrics: ClipEvaluation, each: (PairedClip) throws -> Void = { _ in },
        progress: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
    ) throws -> MeasuredClips {
        var measured = MeasuredClips(metrics)
        for (number, item) in references.items.enumerated() {
            let reference = try reference(item).pixels
            for index in 0..<seeds {
                let (place, seed) = (number * seeds + index, seed(of: item.id, index))
                let images = try pipeline.generate(
                    [item.prompt], seeds: [seed], settings: sampling, width: width, height: height, frames: rule.frames, batch: 1)[0]
                let frames = (0..<images.size(0)).map { RGBImage(images[$0]).fitted(to: side) }
                let pair = PairedClip(item: item, place: place, seed: seed, clip: Clip(frames, rate: ClipSource.usualRate))
                try each(pair)
                try measured.add(pair.clip.pixels, reference: reference, pair)
                try progress(place + 1, references.items.count * seeds)
            }
        }
        return measured
    }
}

/// A clip of a protocol, drawn or a reference, as metrics see it.
public struct PairedClip: Sendable {
    public let item: ReferenceClips.Item
    /// Among the pairs.
    public let place: Int
    public let seed: UInt64
    public let clip: Clip
}

/// Clips measured against their references, and how much moves in each.
public struct MeasuredClips: Sendable {
    public private(set) var evaluation: ClipEvaluation
    public private(set) var motions: [Double] = []

    init(_ evaluation: ClipEvaluation) { self.evaluation = evaluation }

    mutating func add(_ clip: Tensor, reference: Tensor, _ pair: PairedClip) throws {
        do {
            try evaluation.add(clip, reference: reference, caption: pair.item.prompt, seed: pair.seed)
        } catch let error as MetricError {
            throw ClipFailure(clip: pair.item.id, error: error)
        }
        motions.append(ClipMotion.value(clip))
    }

    /// On average.
    var motion: Double { motions.reduce(0, +) / Double(motions.count) }

    /// Of each pair, with its motion.
    var records: [ImageScores] {
        zip(evaluation.records, motions).map { record, motion in
            var record = record
            record.scores["motion"] = motion
            return record
        }
    }
}

/// A refusal, with the clip that it is about.
public struct ClipFailure: Error, CustomStringConvertible {
    public let clip: String
    public let error: MetricError

    public init(clip: String, error: MetricError) { (self.clip, self.error) = (clip, error) }

    public var description: String { "\(clip): \(error)".printable }
}
