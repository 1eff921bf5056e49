import Alignment
import Datasets
import Diffusion
import Foundation
import Torch

/// The denoising error of a model on given images: fixed timesteps and noise, so that two models meet the same inputs. Lower is better.
public struct DenoisingEvaluation: Sendable {
    /// Images; 0: all.
    public var count = 0
    /// Side of the images in pixels; 0: the model's.
    public var resolution = 0
    /// Draws of timestep and noise an image.
    public var draws = 4
    public var seed: UInt64 = 0
    public var batch = 16

    public init() {}

    /// One record an image; its score is `denoising_error`. Guidance plays no part and is given as 1.
    public func run(_ pipeline: Pipeline, _ set: WinnerSet, progress: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }) throws -> [ImageScores] {
        let settings = EncodingSettings(resolution: resolution > 0 ? resolution : pipeline.resolution, posterior: .mode)
        let winners = try EncodedWinners(set, pipeline, settings, limit: count)
        var sums = [Double](repeating: 0, count: winners.count)
        let total = winners.count * draws
        for draw in 0..<draws {
            for first in stride(from: 0, to: winners.count, by: batch) {
                let rows = Array(first..<min(first + batch, winners.count))
                let clean = winners.latents.mean.gathered(rows)
                // Stratified: each draw has its own part of the schedule.
                let timesteps = rows.map { row in
                    var generator = SeededGenerator(seed: seed, purpose: "evaluation timestep \(draw)", index: row)
                    return (draw * pipeline.schedule.count + generator.integer(below: pipeline.schedule.count)) / draws
                }
                let noise = Tensor.stacked(
                    rows.map { Generator(seed: SeededGenerator.seed(seed, "evaluation noise \(draw)", $0)).normal(Array(clean.shape[1...])) })
                let errors = noGradients {
                    NoisedLatents(clean, noise: noise, timesteps: Tensor(timesteps), schedule: pipeline.schedule)
                        .errors(of: pipeline.unet, states: winners.states(rows, dropped: rows.map { _ in false }))
                }
                for (row, error) in zip(rows, errors.values(Double.self)) { sums[row] += error / Double(draws) }
                try progress(draw * winners.count + first + rows.count, total)
            }
        }
        // Several images of one caption are one group; the seed tells them apart.
        return winners.captions.enumerated().map { row, caption in
            ImageScores(caption: caption, seed: UInt64(row), guidance: 1, scores: ["denoising_error": sums[row]])
        }
    }
}
