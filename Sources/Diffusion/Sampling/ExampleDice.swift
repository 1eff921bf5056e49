import Storage
import Torch

/// The dice of some examples: every random number of an example depends on (seed, purpose, its number) alone, whatever other examples are there, in
/// whichever order and process.
public struct ExampleDice: Sendable {
    public let seed: UInt64
    /// Of the examples.
    public let numbers: [Int]
    /// Where tensors are wanted. They are drawn on the processor, whatever it is.
    public let device: Device

    public init(seed: UInt64, numbers: [Int], on device: Device = .cpu) { (self.seed, self.numbers, self.device) = (seed, numbers, device) }

    /// Whole numbers from 0 to below the bound of each example.
    public func integers(_ purpose: String, below bounds: [Int]) -> [Int] {
        zip(numbers, bounds).map { number, bound in
            var dice = SeededGenerator(seed: seed, purpose: purpose, index: number)
            return dice.integer(below: bound)
        }
    }

    /// For each example whether chance, of the given share, has it.
    public func chances(_ purpose: String, share: Double) -> [Bool] {
        numbers.map { number in
            var dice = SeededGenerator(seed: seed, purpose: purpose, index: number)
            return dice.uniform() < share
        }
    }

    /// Standard normal numbers `[B] + shape`.
    public func normal(_ purpose: String, _ shape: [Int]) -> Tensor {
        Tensor.stacked(numbers.map { Generator(seed: SeededGenerator.seed(seed, purpose, $0)).normal(shape) }).to(device)
    }

    /// (t, ε) of each example.
    /// - Parameters:
    ///   - time: purpose of t
    ///   - noise: purpose of ε
    ///   - shape: of one example's latents
    ///   - part: of `parts` equal parts of the schedule that t is from
    public func draw(
        time: String, noise: String, shape: [Int], of schedule: NoiseSchedule, part: Int = 0, of parts: Int = 1
    ) -> NoiseDraw {
        let times = numbers.map { number in
            var dice = SeededGenerator(seed: seed, purpose: time, index: number)
            return schedule.time(from: &dice, part: part, of: parts)
        }
        return NoiseDraw(times: times, noise: normal(noise, shape))
    }
}

/// (t, ε) of some examples.
public struct NoiseDraw: Sendable {
    /// Of the noise process, one an example.
    public let times: [Double]
    /// Standard normal, `[B, …]`.
    public let noise: Tensor
}
