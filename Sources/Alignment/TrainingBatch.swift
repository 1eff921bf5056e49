import Encoding
import Storage
import Torch

/// Some winners of an update with every random number they need, each drawn from (seed, purpose, global index of the example) alone: the same
/// numbers whatever the micro-batch or a resume.
struct TrainingBatch {
    let seed: UInt64
    /// Global indices of the examples: the n-th winner seen by the run.
    let numbers: Range<Int>
    /// Their rows in the data.
    let rows: [Int]
    let latents: Tensor
    let states: Tensor

    init(_ winners: EncodedWinners, rows: [Int], numbers: Range<Int>, settings: AlignmentSettings) throws {
        seed = settings.run.seed
        self.numbers = numbers
        self.rows = rows
        let seed = seed
        func chance(_ purpose: String, _ number: Int) -> Double {
            var generator = SeededGenerator(seed: seed, purpose: purpose, index: number)
            return generator.uniform()
        }
        let posteriorNoise = { Self.normal(seed, "posterior", numbers, winners.latentShape) }
        let plain = try winners.latents(rows).latents(noise: posteriorNoise)
        if winners.settings.flipsImages {
            let flips = numbers.map { chance("flip", $0) < 0.5 }
            let mask = Tensor(flips, shape: [flips.count, 1, 1, 1])
            latents = try winners.latents(rows, .mirrored).latents(noise: posteriorNoise).selected(where: mask, else: plain)
        } else {
            latents = plain
        }
        let dropout = settings.data.captionDropout
        let captions = zip(rows, numbers).map { row, number in
            var generator = SeededGenerator(seed: seed, purpose: "caption", index: number)
            return generator.integer(below: winners.winners[row].captions.count)
        }
        states = try winners.states(rows, dropped: numbers.map { dropout > 0 && chance("caption dropout", $0) < dropout }, captions: captions)
    }

    /// Timesteps, uniform over the schedule, `[B]` int64.
    func timesteps(_ purpose: String, below count: Int) -> Tensor {
        Tensor(
            numbers.map { number in
                var generator = SeededGenerator(seed: seed, purpose: purpose + " timestep", index: number)
                return generator.integer(below: count)
            })
    }

    /// Standard normal noise of the latents' shape.
    func noise(_ purpose: String) -> Tensor { Self.normal(seed, purpose + " noise", numbers, Array(latents.shape[1...])) }

    private static func normal(_ seed: UInt64, _ purpose: String, _ numbers: Range<Int>, _ shape: [Int]) -> Tensor {
        Tensor.stacked(numbers.map { Generator(seed: SeededGenerator.seed(seed, purpose, $0)).normal(shape) })
    }
}
