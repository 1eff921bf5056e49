import Diffusion
import Foundation
import Networks
import Scoring
import Storage
import Torch

/// Draws images for captions of the built-in world and has the oracle score them.
public struct ScenesEvaluation: Sendable {
    public var split = SceneSplit.heldOut
    /// Captions, spread evenly over the split so that all relations are among them; 0: the whole split.
    public var count = 0
    public var seedsPerCaption = 2
    public var guidances = [1.0, 3.0]
    public var steps = 20
    /// Image i of the evaluation has seed + i, at every guidance and for every model.
    public var seed: UInt64 = 0
    public var batch = 70

    public init() {}

    public var scenes: [Scene] {
        let all = split.scenes
        return (1..<all.count).contains(count) ? (0..<count).map { all[$0 * all.count / count] } : all
    }

    /// What was drawn and how it scored.
    public struct Outcome {
        public let records: [ImageScores]
        /// `[N, 3, 32, 32]`, of clips `[N, 8, 3, 32, 32]`, in [−1, 1], in the order of the records.
        public let images: Tensor
    }

    /// - Parameter progress: images drawn so far, and in all.
    public func run(_ pipeline: Pipeline, progress: (_ drawn: Int, _ of: Int) throws -> Void = { _, _ in }) throws -> Outcome {
        guard pipeline.unet.configuration.motion == nil else { throw MotionError.onlyPictures("the world of still Scenes") }
        let size = pipeline.size
        guard size == (SceneRenderer.size, SceneRenderer.size) else {
            throw ConfigurationError(file: "model", message: "draws \(size.width) x \(size.height) pixels, Scenes have \(SceneRenderer.size)")
        }
        let oracle = SceneOracle()
        let scenes = scenes.flatMap { Array(repeating: $0, count: seedsPerCaption) }
        var records: [ImageScores] = []
        var images: [Tensor] = []
        for guidance in guidances {
            let settings = SamplingSettings(sampler: .ddim, steps: steps, guidance: guidance)
            for first in stride(from: 0, to: scenes.count, by: batch) {
                let part = first..<min(first + batch, scenes.count)
                let seeds = part.map { seed &+ UInt64($0) }
                let drawn = try pipeline.generate(part.map { scenes[$0].caption }, seeds: seeds, settings: settings, batch: batch)
                let pixels = (drawn / 2 + 0.5).values(Float.self)
                let size = SceneRenderer.valuesPerImage
                for (offset, index) in part.enumerated() {
                    let score = oracle.score(Array(pixels[offset * size..<(offset + 1) * size]), scene: scenes[index])
                    records.append(
                        ImageScores(
                            caption: scenes[index].caption, seed: seeds[offset], guidance: guidance,
                            scores: ["quality": score.quality, "faithfulness": score.faithfulness]))
                }
                images.append(drawn)
                try progress(records.count, scenes.count * guidances.count)
            }
        }
        return Outcome(records: records, images: Tensor.concatenated(images))
    }
}
