import Diffusion
import Encoding
import Torch

/// The denoising error at fixed timesteps and noise, so that two models meet the same inputs. Lower is better.
public struct FixedDenoisingErrors: Sendable {
    /// Draws of timestep and noise a winner.
    public var draws = 4
    public var seed: UInt64 = 0

    public init(draws: Int = 4, seed: UInt64 = 0) {
        self.draws = draws
        self.seed = seed
    }

    /// Mean errors of winners, as the autoencoder's mode gives them.
    /// - Parameter rows: of the winners; a row's timesteps and noise depend on its number alone
    public func errors(
        of denoiser: any Denoiser, on winners: EncodedWinners, rows: [Int], schedule: NoiseSchedule,
        progress: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
    ) throws -> [Double] {
        var sums = [Double](repeating: 0, count: rows.count)
        let size = Self.batch(latents: winners.latentShape)
        for draw in 0..<draws {
            for first in stride(from: 0, to: rows.count, by: size) {
                let places = first..<min(first + size, rows.count)
                let part = Array(rows[places])
                let clean = try winners.latents(part).mean.to(denoiser.device)
                // Each draw has its own part of the schedule.
                let noise = ExampleDice(seed: seed, numbers: part, on: denoiser.device).draw(
                    time: "evaluation timestep \(draw)", noise: "evaluation noise \(draw)", shape: winners.latentShape, of: schedule, part: draw, of: draws)
                let conditioning = try winners.conditioning(part).to(denoiser.device)
                let errors = noGradients { schedule.noise(clean, by: noise).errors(of: denoiser, conditioning) }
                for (place, error) in zip(places, errors.values(Double.self)) { sums[place] += error / Double(draws) }
                try progress(draw * rows.count + places.upperBound, draws * rows.count)
            }
        }
        return sums
    }

    /// How many latents `[C, …]` go through a network together: as much as one of 64×64, Stable Diffusion's, and no more than 64.
    static func batch(latents shape: [Int]) -> Int { max(1, min(64, 64 * 64 / shape.dropFirst().reduce(1, *))) }
}
