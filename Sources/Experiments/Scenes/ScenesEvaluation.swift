import Diffusion
import Foundation
import Networks
import Scoring
import Storage
import Torch

/// Has a model draw captions of the built-in world, of the moving one where it draws clips, and the oracle score what it drew.
public struct ScenesEvaluation: Sendable {
    public var split = SceneSplit.heldOut
    /// Captions, spread evenly over the split so that all relations or motions are among them; 0: the whole split.
    public var count = 0
    public var seedsPerCaption = 2
    public var guidances = [1.0, 3.0]
    public var steps = 20
    /// Drawing i of the evaluation has seed + i, at every guidance and for every model.
    public var seed: UInt64 = 0

    public init() {}

    /// What was drawn and how it scored.
    public struct Outcome {
        public let records: [ImageScores]
        /// `[N, 3, 32, 32]`, of clips `[N, 8, 3, 32, 32]`, in [−1, 1], in the order of the records.
        public let images: Tensor
    }

    /// A caption, and what the oracle says of pixels that were drawn for it, in [0, 1].
    private struct Subject {
        let caption: String
        let scores: (_ pixels: [Float]) -> [String: Double]
    }

    private func stills() -> [Subject] {
        let oracle = SceneOracle()
        return chosen(split.scenes).map { scene in
            Subject(caption: scene.caption) { pixels in
                let score = oracle.score(pixels, scene: scene)
                return ["quality": score.quality, "faithfulness": score.faithfulness]
            }
        }
    }

    private func clips() -> [Subject] {
        let oracle = MovingSceneOracle()
        return chosen(split.movingScenes).map { scene in
            Subject(caption: scene.caption) { oracle.score($0, scene: scene).named }
        }
    }

    private func chosen<T>(_ all: [T]) -> [T] { (1..<all.count).contains(count) ? (0..<count).map { all[$0 * all.count / count] } : all }

    /// - Parameter progress: pictures or clips drawn so far, and in all.
    public func run(_ pipeline: Pipeline, progress: (_ drawn: Int, _ of: Int) throws -> Void = { _, _ in }) throws -> Outcome {
        let moves = pipeline.unet.configuration.motion != nil
        let size = pipeline.size
        guard size == (SceneRenderer.size, SceneRenderer.size) else {
            throw ConfigurationError(file: "model", message: "draws \(size.width) x \(size.height) pixels, Scenes have \(SceneRenderer.size)")
        }
        // Of clips each has 8 frames.
        let (frames, batch) = moves ? (MovingSceneRenderer.frames, 18) : (1, 70)
        let subjects = (moves ? clips() : stills()).flatMap { Array(repeating: $0, count: seedsPerCaption) }
        var records: [ImageScores] = []
        var images: [Tensor] = []
        for guidance in guidances {
            let settings = SamplingSettings(sampler: .ddim, steps: steps, guidance: guidance)
            for first in stride(from: 0, to: subjects.count, by: batch) {
                let part = first..<min(first + batch, subjects.count)
                let seeds = part.map { seed &+ UInt64($0) }
                let drawn = try pipeline.generate(
                    part.map { subjects[$0].caption }, seeds: seeds, settings: settings, frames: moves ? frames : nil, batch: batch)
                let pixels = (drawn / 2 + 0.5).values(Float.self)
                let size = frames * SceneRenderer.valuesPerImage
                for (offset, index) in part.enumerated() {
                    records.append(
                        ImageScores(
                            caption: subjects[index].caption, seed: seeds[offset], guidance: guidance,
                            scores: subjects[index].scores(Array(pixels[offset * size..<(offset + 1) * size]))))
                }
                images.append(drawn)
                try progress(records.count, subjects.count * guidances.count)
            }
        }
        return Outcome(records: records, images: Tensor.concatenated(images))
    }
}

extension MovingSceneScore {
    /// As records of an evaluation have them.
    var named: [String: Double] {
        [
            "composite": composite, "appearance": appearance, "motion": motion, "consistency": consistency, "quality": quality,
            "dynamic_degree": dynamicDegree,
        ]
    }
}
