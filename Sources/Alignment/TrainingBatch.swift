import Diffusion
import Encoding
import Torch

/// Some winners of an update with every random number they need, each drawn from (seed, purpose, global index of the example) alone: the same
/// numbers whatever the micro-batch or a resume.
struct TrainingBatch: Sendable {
    /// Rows of the winners in the data.
    let rows: [Int]
    /// Of the examples: the n-th winner seen by the run has the number n.
    let dice: ExampleDice
    /// Of the winners, `[B, …]`.
    let latents: Tensor
    let conditioning: Conditioning

    /// Takes the winners at `rows` from the store: their latents, mirrored or not, and one of their captions, or none.
    /// - Parameters:
    ///   - numbers: global indices of the examples
    ///   - device: where they are wanted
    static func take(
        _ winners: EncodedWinners, rows: [Int], numbers: Range<Int>, settings: AlignmentSettings, on device: Device = .cpu
    ) throws -> TrainingBatch {
        let dice = ExampleDice(seed: settings.run.seed, numbers: Array(numbers), on: device)
        let posteriorNoise = { dice.normal("posterior", winners.latentShape) }
        var latents = try winners.latents(rows).to(device).latents(noise: posteriorNoise)
        if winners.settings.flipsImages {
            let isMirrored = Tensor(dice.chances("flip", share: 0.5)).to(device).alongExamples(rank: latents.rank)
            latents = try winners.latents(rows, .mirrored).to(device).latents(noise: posteriorNoise).selected(where: isMirrored, else: latents)
        }
        let captions = dice.integers("caption", below: rows.map { winners.winners[$0].captions.count })
        let isDropped = dice.chances("caption dropout", share: settings.data.captionDropout)
        let conditioning = try winners.conditioning(rows, dropped: isDropped, captions: captions).to(device)
        return TrainingBatch(rows: rows, dice: dice, latents: latents, conditioning: conditioning)
    }

    /// (t, ε) of every example for that purpose.
    func draw(_ purpose: String, of schedule: NoiseSchedule) -> NoiseDraw {
        dice.draw(time: purpose + " timestep", noise: purpose + " noise", shape: Array(latents.shape[1...]), of: schedule)
    }

    /// Standard normal noise of the latents' shape.
    func noise(_ purpose: String) -> Tensor { dice.normal(purpose + " noise", Array(latents.shape[1...])) }
}
