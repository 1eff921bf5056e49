import Alignment
import Diffusion
import Encoding
import Foundation
import Media
import Networks
import Storage
import Winners

/// The denoising error of a model on given images: fixed timesteps and noise, so that two models meet the same inputs. Lower is better.
public struct DenoisingEvaluation: Sendable {
    /// Images; 0: all.
    public var count = 0
    /// Side of the images in pixels; 0: the model's.
    public var resolution = 0
    /// Draws of timestep and noise an image.
    public var draws = 4
    /// Which frames of clips, where the model draws them.
    public var frames = FrameRule()
    public var seed: UInt64 = 0
    /// Two models of a comparison mostly share their encoders: what the first has encoded is there for the second.
    private let store = EncodingMemory()

    public init() {}

    public struct Outcome: Sendable {
        public var records: [ImageScores]
        /// What of the data set could not be used.
        public var skipped: [Skip]

        public init(records: [ImageScores], skipped: [Skip]) { (self.records, self.skipped) = (records, skipped) }
    }

    /// One record an image; its score is `denoising_error`. Guidance plays no part and is given as 1; of several captions the first is taken.
    public func run(_ pipeline: Pipeline, _ set: WinnerSet, progress: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }) throws -> Outcome {
        var settings = EncodingSettings(resolution: resolution > 0 ? resolution : pipeline.size.height, posterior: .mode, frames: frames(of: pipeline))
        settings.clipSeed = seed
        let winners = try EncodedWinners.open(set, WinnerEncoder.load(pipeline), settings, limit: count, store: store)
        let usable = zip(0..<winners.count, try winners.prepare(Array(0..<winners.count))).filter(\.1).map(\.0)
        ProcessMemory.returnFreed()
        let errors = try FixedDenoisingErrors(draws: draws, seed: seed).errors(
            of: pipeline.unet, on: winners, rows: usable, schedule: pipeline.schedule, progress: progress)
        // Several images of one caption are one group; the seed tells them apart.
        let records = zip(usable, errors).map { row, error in
            ImageScores(caption: winners.winners[row].caption, seed: UInt64(row), guidance: 1, scores: ["denoising_error": error])
        }
        return Outcome(records: records, skipped: winners.skips)
    }

    /// The rule for a model of clips, of as many frames as it knows at most; nil for one of pictures.
    private func frames(of pipeline: Pipeline) -> FrameRule? {
        pipeline.unet.configuration.motion.map { motion in
            var rule = frames
            rule.frames = min(rule.frames, motion.maximumFrames)
            return rule
        }
    }
}
