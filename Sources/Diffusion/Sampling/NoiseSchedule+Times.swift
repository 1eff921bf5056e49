import Storage
import Torch

/// The times of the process: timesteps 0 … T − 1, the least noisy first. Whoever trains or measures draws them here and hands them on.
extension NoiseSchedule {
    /// A time, uniform over the schedule.
    /// - Parameters:
    ///   - dice: of one example
    ///   - part: of `parts` equal parts of the schedule, so that several draws cover it evenly
    public func time(from dice: inout SeededGenerator, part: Int = 0, of parts: Int = 1) -> Double {
        Double((part * count + dice.integer(below: count)) / parts)
    }

    /// Times, uniform over the schedule, of a batch that has one generator, as a denoiser takes them.
    public func times(from generator: Generator, count examples: Int) -> Tensor { generator.integers(below: count, [examples]).to(.float32) }

    /// Times as a denoiser takes them, `[B]` float32: those of samplers may lie between the timesteps.
    public func tensor(_ times: [Double]) -> Tensor { Tensor(times.map { Float($0) }) }

    /// How noisy a time is, from 0, the least, to below 1.
    public func level(_ time: Double) -> Double { time / Double(count) }

    /// Latents noised for a denoiser, with what it should answer.
    /// - Parameters:
    ///   - clean: `[B, …]`
    ///   - noise: standard normal, of the same shape
    ///   - times: `[B]`
    public func noise(_ clean: Tensor, with noise: Tensor, at times: Tensor) -> NoisedLatents {
        NoisedLatents(latents: noised(clean, noise, at: times), times: times, target: target(clean, noise, at: times))
    }

    /// Latents noised by what was drawn for their examples.
    public func noise(_ clean: Tensor, by draw: NoiseDraw) -> NoisedLatents { noise(clean, with: draw.noise, at: tensor(draw.times).to(clean.device)) }
}
