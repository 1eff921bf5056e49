import Diffusion
import Foundation
import Scoring
import Storage
import Torch

/// Draws clips for captions of the moving world and has the oracle score them.
public struct MovingScenesEvaluation: Sendable {
    public var split = SceneSplit.heldOut
    /// Captions, spread evenly over the split; 0: the whole split.
    public var count = 0
    public var seedsPerCaption = 4
    public var guidances = [1.0, 3.0]
    public var steps = 20
    /// Clip i of the evaluation has seed + i, at every guidance and for every model.
    public var seed: UInt64 = 0
    public var batch = 18

    public init() {}

    public var scenes: [MovingScene] {
        let all = split.movingScenes
        return (1..<all.count).contains(count) ? (0..<count).map { all[$0 * all.count / count] } : all
    }

    /// The scores that a record has of a clip.
    public static func scores(_ score: MovingSceneScore) -> [String: Double] {
        [
            "composite": score.composite, "appearance": score.appearance, "motion": score.motion, "consistency": score.consistency,
            "quality": score.quality, "dynamic_degree": score.dynamicDegree,
        ]
    }

    /// - Parameter progress: clips drawn so far, and in all.
    public func run(_ pipeline: Pipeline, progress: (_ drawn: Int, _ of: Int) throws -> Void = { _, _ in }) throws -> ScenesEvaluation.Outcome {
        let size = pipeline.size
        guard size == (SceneRenderer.size, SceneRenderer.size) else {
            throw ConfigurationError(file: "model", message: "draws \(size.width) x \(size.height) pixels, moving Scenes have \(SceneRenderer.size)")
        }
        let oracle = MovingSceneOracle()
        let scenes = scenes.flatMap { Array(repeating: $0, count: seedsPerCaption) }
        var records: [ImageScores] = []
        var clips: [Tensor] = []
        for guidance in guidances {
            let settings = SamplingSettings(sampler: .ddim, steps: steps, guidance: guidance)
            for first in stride(from: 0, to: scenes.count, by: batch) {
                let part = first..<min(first + batch, scenes.count)
                let seeds = part.map { seed &+ UInt64($0) }
                let drawn = try pipeline.generate(
                    part.map { scenes[$0].caption }, seeds: seeds, settings: settings, frames: MovingSceneRenderer.frames, batch: batch)
                let pixels = (drawn / 2 + 0.5).values(Float.self)
                let values = MovingSceneRenderer.valuesPerClip
                for (offset, index) in part.enumerated() {
                    let score = oracle.score(Array(pixels[offset * values..<(offset + 1) * values]), scene: scenes[index])
                    records.append(
                        ImageScores(caption: scenes[index].caption, seed: seeds[offset], guidance: guidance, scores: Self.scores(score)))
                }
                clips.append(drawn)
                try progress(records.count, scenes.count * guidances.count)
            }
        }
        return ScenesEvaluation.Outcome(records: records, images: Tensor.concatenated(clips))
    }
}
