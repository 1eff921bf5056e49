import Alignment
import Diffusion
import Encoding
import Foundation
import Storage
import Torch

/// Holds the flip of a finished run against the oracle.
///
/// The flip looks at the winner alone: s = +1 where the policy denoises it better than the reference (r_w > m_w), and then the reference's sample
/// is pushed away as a loser; s = −1 where the reference does, and then its sample is learnt from. Both say something of a sample that was never
/// looked at. Here it is decoded, and so is the policy's own from the same start noise, and the oracle scores both: is the reference's sample
/// the worse one where s = +1, and the better one where s = −1?
///
/// As in training, the policy is θ_k with k uniform in 1 … K and the reference a checkpoint uniform in 0 … k−1; captions, winners and sampling
/// are the run's.
public struct FlipPrecision: Sendable {
    /// Examples, over all (k, reference).
    public var count = 504
    /// Draws of (t, ε) beyond the first in the averaged criterion.
    public var extraDraws = 8
    public var seed: UInt64 = 0

    public init(count: Int = 504, seed: UInt64 = 0) {
        self.count = count
        self.seed = seed
    }

    public struct Example: Codable, Sendable, Equatable {
        public var caption: String
        public var k: Int
        public var reference: Int
        /// r_w − m_w for one draw of (t, ε): what the flip takes the sign of.
        public var advantage: Double
        /// The same, averaged over that draw and the extra ones.
        public var averagedAdvantage: Double
        /// The oracle on the reference's sample, and on the policy's from the same start noise.
        public var referenceScore: SceneScore
        public var policyScore: SceneScore
    }

    /// - Parameter progress: called after every batch
    public func measure(_ settings: AlignmentSettings, _ directory: RunDirectory, progress: () throws -> Void = {}) throws -> [Example] {
        let pipeline = try settings.basePipeline()
        let pool = ReferencePool(settings, try TrainedPart.choose(settings, of: pipeline.denoising), in: directory)
        let encoding = EncodingSettings(resolution: pipeline.size.height, posterior: settings.data.vaePosterior)
        let winners = try EncodedWinners.open(
            settings.listedWinners(), WinnerEncoder.load(pipeline), encoding, store: EncodingCache(settings.cacheFolder(of: directory)))
        var generator = SeededGenerator(seed: seed, purpose: "flip precision order", index: 0)
        let order = generator.permuted(Array(0..<winners.count))
        // Example n belongs to k = n mod K + 1 and, within that k, to each earlier checkpoint in turn.
        let examples = (0..<count).map { n in
            let k = n % settings.optimisation.iterations + 1
            return Place(number: n, row: order[n % order.count], k: k, reference: (n / settings.optimisation.iterations) % k)
        }
        let groups = Dictionary(grouping: examples) { [$0.k, $0.reference] }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        var measured: [(Int, Example)] = []
        for group in groups {
            let policy = try pool.denoiser(group[0].k)
            let reference = try pool.denoiser(group[0].reference)
            for first in stride(from: 0, to: group.count, by: 32) {
                let batch = Array(group[first..<min(first + 32, group.count)])
                let usable = try winners.prepare(batch.map(\.row))
                precondition(!usable.contains(false), "the check of the flip needs winners of which every one can be used")
                measured += zip(batch.map(\.number), try noGradients { try score(batch, policy, reference, winners, pipeline, settings) })
                try progress()
            }
        }
        return measured.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private struct Place {
        let number: Int
        let row: Int
        let k: Int
        let reference: Int
    }

    private func score(
        _ batch: [Place], _ policy: any Denoiser, _ reference: any Denoiser, _ winners: EncodedWinners, _ pipeline: Pipeline, _ settings: AlignmentSettings
    ) throws -> [Example] {
        let conditioning = try winners.conditioning(batch.map(\.row))
        let seeds = batch.map { SeededGenerator.seed(seed, "flip precision start", $0.number) }
        let scenes = batch.compactMap { Scene(caption: winners.winners[$0.row].caption) }
        precondition(scenes.count == batch.count, "the check of the flip needs captions of Scenes")
        func scores(_ denoiser: any Denoiser) throws -> [SceneScore] {
            let latents = try pipeline.denoising.latents(
                conditioning, unconditional: winners.unconditional, seeds: seeds, settings: settings.sampling, denoiser: denoiser)
            return SceneOracle().score((try pipeline.decoded(latents, seeds: seeds) / 2 + 0.5).values(Float.self), scenes: scenes)
        }
        let (ofReference, ofPolicy) = (try scores(reference), try scores(policy))
        let advantages = try (0...extraDraws).map { draw in try advantage(draw, batch, policy, reference, winners, conditioning, pipeline) }
        return batch.indices.map { index in
            Example(
                caption: winners.winners[batch[index].row].caption, k: batch[index].k, reference: batch[index].reference, advantage: advantages[0][index],
                averagedAdvantage: advantages.reduce(0) { $0 + $1[index] } / Double(advantages.count), referenceScore: ofReference[index],
                policyScore: ofPolicy[index])
        }
    }

    /// r_w − m_w of each example, by the library's own errors.
    private func advantage(
        _ draw: Int, _ batch: [Place], _ policy: any Denoiser, _ reference: any Denoiser, _ winners: EncodedWinners, _ conditioning: Conditioning,
        _ pipeline: Pipeline
    ) throws -> [Double] {
        let dice = ExampleDice(seed: seed, numbers: batch.map(\.number), on: policy.device)
        let clean = try winners.latents(batch.map(\.row)).to(policy.device).latents { dice.normal("flip precision posterior", winners.latentShape) }
        let noise = dice.draw(
            time: "flip precision timestep \(draw)", noise: "flip precision noise \(draw)", shape: winners.latentShape, of: pipeline.schedule)
        let noised = pipeline.schedule.noise(clean, by: noise)
        return (noised.errors(of: reference, conditioning) - noised.errors(of: policy, conditioning)).values(Double.self)
    }
}
