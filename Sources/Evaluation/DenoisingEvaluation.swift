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
        let winners = try EncodedWinners(set, WinnerEncoder(pipeline), settings, limit: count)
        let usable = zip(0..<winners.count, try winners.prepare(Array(0..<winners.count))).filter(\.1).map(\.0)
        var sums = [Double](repeating: 0, count: usable.count)
        let total = usable.count * draws
        for draw in 0..<draws {
            for first in stride(from: 0, to: usable.count, by: batch) {
                // Images that can be used are counted, so that others beside them change nothing.
                let numbers = Array(first..<min(first + batch, usable.count))
                let rows = numbers.map { usable[$0] }
                let clean = try winners.latents(rows).mean
                // Stratified: each draw has its own part of the schedule.
                let timesteps = numbers.map { number in
                    var generator = SeededGenerator(seed: seed, purpose: "evaluation timestep \(draw)", index: number)
                    return (draw * pipeline.schedule.count + generator.integer(below: pipeline.schedule.count)) / draws
                }
                let noise = Tensor.stacked(
                    numbers.map { Generator(seed: SeededGenerator.seed(seed, "evaluation noise \(draw)", $0)).normal(winners.latentShape) })
                let states = try winners.states(rows, dropped: rows.map { _ in false })
                let errors = noGradients {
                    NoisedLatents(clean, noise: noise, timesteps: Tensor(timesteps), schedule: pipeline.schedule).errors(of: pipeline.unet, states: states)
                }
                for (number, error) in zip(numbers, errors.values(Double.self)) { sums[number] += error / Double(draws) }
                try progress(draw * usable.count + first + numbers.count, total)
            }
        }
        // Several images of one caption are one group; the seed tells them apart.
        return usable.enumerated().map { number, row in
            ImageScores(caption: winners.winners[row].caption, seed: UInt64(number), guidance: 1, scores: ["denoising_error": sums[number]])
        }
    }
}
