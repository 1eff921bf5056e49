import Diffusion
import TestSupport
import Testing
import Torch

@Suite struct ConditioningTests {
    private let both = Conditioning([
        "text": Tensor((0..<12).map { Float($0) }, shape: [3, 2, 2]), "pooled": Tensor((0..<6).map { Float($0) }, shape: [3, 2]),
    ])

    @Test func everyTensorIsTakenAlongByExample() {
        let part = both.gathered([2, 0])
        #expect(part.count == 2 && part["text"].values(Float.self) == [8, 9, 10, 11, 0, 1, 2, 3] && part["pooled"].values(Float.self) == [4, 5, 0, 1])
        #expect(both[1..<3]["pooled"].values(Float.self) == [2, 3, 4, 5])
        #expect(both.elementsPerExample == 6)
    }

    @Test func partsAreOneAfterTheOther() {
        let joined = Conditioning.concatenated([both[0..<1], both[1..<3]])
        #expect(sameBits(joined["text"], both["text"]) && sameBits(joined["pooled"], both["pooled"]))
        #expect(!sameBits(Conditioning.concatenated([both[1..<3], both[0..<1]])["pooled"], both["pooled"]), "the twin in another order")
    }

    @Test func oneServesForAll() {
        let all = both[1..<2].expanded(to: 4)
        #expect(all.count == 4 && all["text"].shape == [4, 2, 2] && all["pooled"].shape == [4, 2])
        #expect(all["pooled"].contiguous().values(Float.self) == [2, 3, 2, 3, 2, 3, 2, 3])
    }
}

/// Axis 0 is the example, whatever the others are.
@Suite struct RankFreeTests {
    /// Latents of pictures `[B, C, h, w]` and of clips `[B, C, F, h, w]`.
    @Test(arguments: [[3, 2, 4], [3, 2, 4, 6], [3, 2, 5, 4, 6]]) func latentsOfAnyRankAreNoisedAndMeasured(_ shape: [Int]) throws {
        let generator = Generator(seed: 3)
        let (clean, noise) = (generator.normal(shape), generator.normal(shape))
        let schedule = try SchedulerConfiguration().noiseSchedule()
        let times = schedule.tensor([10, 400, 990])
        let noised = schedule.noise(clean, with: noise, at: times)
        let errors = noised.errors(of: Silent(), Conditioning(text: Tensor.zeros([3, 1, 1])))
        #expect(noised.latents.shape == shape && errors.shape == [3])
        for example in 0..<3 {
            let alone = schedule.noise(clean[example..<example + 1], with: noise[example..<example + 1], at: times[example..<example + 1])
            #expect(largestDifference(alone.latents, noised.latents[example..<example + 1]) == 0)
            // Of an answer of zero the error is the mean square of the target.
            #expect(abs(errors[example].item - noise[example].squared.mean().item) < 1e-5)
            #expect(abs(errors[example].item - noise[(example + 1) % 3].squared.mean().item) > 1e-5, "the twin with another example's noise")
        }
    }

    /// Answers that nothing is noise.
    private struct Silent: Denoiser {
        let device = Device.cpu
        var precision = Precision.f32
        var recomputesBlocks = false
        func callAsFunction(_ x: Tensor, at time: Tensor, _ conditioning: Conditioning) -> Tensor { x * 0 }
    }
}

/// The noise process alone knows what a time is.
@Suite struct TimesTests {
    @Test func partsOfTheScheduleCoverIt() throws {
        let schedule = try SchedulerConfiguration().noiseSchedule()
        let dice = ExampleDice(seed: 1, numbers: Array(0..<200))
        func levels(part: Int = 0, of parts: Int = 1) -> [Double] {
            dice.draw(time: "t", noise: "e", shape: [1], of: schedule, part: part, of: parts).times.map(schedule.level)
        }
        for part in 0..<4 { #expect(levels(part: part, of: 4).allSatisfy { (Double(part) / 4..<Double(part + 1) / 4).contains($0) }) }
        #expect(levels().contains { $0 < 0.1 } && levels().contains { $0 > 0.9 }, "the twin of one part")
    }

    @Test func aDrawDependsOnTheExampleAlone() throws {
        let schedule = try SchedulerConfiguration().noiseSchedule()
        func draw(_ numbers: [Int], seed: UInt64 = 5) -> NoiseDraw {
            ExampleDice(seed: seed, numbers: numbers).draw(time: "t", noise: "e", shape: [2, 3], of: schedule)
        }
        let (whole, one) = (draw([4, 7, 9]), draw([7]))
        #expect(one.times == [whole.times[1]] && sameBits(one.noise[0], whole.noise[1]))
        #expect(draw([8]).times != one.times && !sameBits(draw([7], seed: 6).noise, one.noise))
    }
}
