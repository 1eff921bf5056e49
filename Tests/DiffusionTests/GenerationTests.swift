import Diffusion
import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@Suite struct GenerationTests {
    private let pipeline: Pipeline
    private let settings = SamplingSettings(sampler: .ddim, steps: 3, guidance: 3)

    init() throws { pipeline = try Pipeline.load(PipelineCase.folder) }

    @Test(arguments: [(SamplerName.ddim, 3.0, 0.0), (.ddim, 3, 0.8), (.ddpm, 1, 0), (.pndm, 3, 0), (.dpmSolver, 1, 0)])
    func aBatchGivesTheImagesOfOneByOne(_ sampler: SamplerName, _ guidance: Double, _ eta: Double) throws {
        let prompts = ["a red circle", "a blue square", "a red circle", "", "green"]
        let negatives = ["", "blue", "", "dots", ""]
        let seeds: [UInt64] = [1, 2, 3, 1 << 40, 5]
        let settings = SamplingSettings(sampler: sampler, steps: 4, guidance: guidance, eta: eta)
        func images(batch: Int) throws -> Tensor {
            try pipeline.generate(prompts, negativePrompts: negatives, seeds: seeds, settings: settings, width: 12, height: 8, batch: batch)
        }
        let together = try images(batch: 8)
        #expect(together.shape == [5, 3, 8, 12])
        #expect(together.magnitude.max().item <= 1)
        #expect(try largestDifference(together, images(batch: 2)) <= 1e-3)
        for index in prompts.indices {
            let alone = try pipeline.generate(
                [prompts[index]], negativePrompts: [negatives[index]], seeds: [seeds[index]], settings: settings, width: 12, height: 8)
            #expect(largestDifference(alone, together[index..<index + 1]) <= 1e-3)
        }
        // Neither the seed nor the prompt is lost on the way.
        #expect(largestDifference(together[0..<1], together[2..<3]) > 0.1)
        let exchanged = try pipeline.generate(
            ["a blue square"], negativePrompts: ["blue"], seeds: [1], settings: settings, width: 12, height: 8)
        #expect(largestDifference(exchanged, together[0..<1]) > 1e-2)
    }

    @Test func sizeAndProgress() throws {
        var made: [Int] = []
        let images = try pipeline.generate(["a", "b", "c"], seeds: [1, 2, 3], settings: settings, batch: 2) { count, calls in
            #expect(calls == 6)
            made.append(count)
        }
        #expect(images.shape == [3, 3, pipeline.size.height, pipeline.size.width])
        #expect(made == [1, 2, 3, 4, 5, 6])
        struct Stop: Error {}
        #expect(throws: Stop.self) { try pipeline.generate(["a"], seeds: [1], settings: settings) { _, _ in throw Stop() } }
    }

    @Test func whatCannotBeDrawnIsRefused() throws {
        func draw(
            _ prompts: [String] = ["a"], negatives: [String] = [""], seeds: [UInt64] = [1], settings: SamplingSettings? = nil, width: Int = 8, height: Int = 8,
            batch: Int = 1
        ) throws {
            _ = try pipeline.generate(
                prompts, negativePrompts: negatives, seeds: seeds, settings: settings ?? self.settings, width: width, height: height, batch: batch)
        }
        #expect(throws: GenerationError.counts(prompts: 0, seeds: 0, negativePrompts: 1)) { try draw([], seeds: []) }
        #expect(throws: GenerationError.counts(prompts: 1, seeds: 2, negativePrompts: 1)) { try draw(seeds: [1, 2]) }
        #expect(throws: GenerationError.counts(prompts: 1, seeds: 1, negativePrompts: 0)) { try draw(negatives: []) }
        #expect(throws: GenerationError.batch(0)) { try draw(batch: 0) }
        for (width, height) in [(9, 8), (8, 7), (0, 8), (8, -2), (8, 1 << 40)] {
            #expect(throws: GenerationError.size(width: width, height: height, multiple: 2)) { try draw(width: width, height: height) }
        }
        for guidance in [Double.nan, .infinity] {
            #expect(throws: GenerationError.self) { try draw(settings: SamplingSettings(steps: 3, guidance: guidance)) }
        }
        for eta in [-0.1, 1.1, .nan] { #expect(throws: GenerationError.self) { try draw(settings: SamplingSettings(steps: 3, eta: eta)) } }
        for steps in [0, -1, 1001] { #expect(throws: SamplingError.self) { try draw(settings: SamplingSettings(sampler: .ddim, steps: steps)) } }
    }

    @Test func damagedWeightsGiveAnErrorAndNoImage() throws {
        let folder = TemporaryFolder()
        let spoiled = pipeline.unetTensors.map { (name: $0, value: $0 == "conv_out.bias" ? Tensor.full($1.shape, .nan) : $1) }
        try pipeline.write(to: folder.url("model"), unetTensors: spoiled)
        #expect(throws: GenerationError.notFinite("latents", seeds: [4, 9])) {
            try Pipeline.load(folder.url("model")).generate(["a", "b"], seeds: [4, 9], settings: settings, width: 8, height: 8)
        }
        let latents = Tensor.concatenated([Tensor.zeros([1, 4, 4, 4]), Tensor.full([1, 4, 4, 4], .infinity)])
        #expect(throws: GenerationError.notFinite("images", seeds: [2])) { try pipeline.decoded(latents, seeds: [1, 2]) }
    }

    @Test func anotherUNetDrawsInPlaceOfThePipelinesOwn() throws {
        let other = pipeline.unetTensors.mapValues { $0 * 0.9 }
        let folder = TemporaryFolder()
        try pipeline.write(to: folder.url("model"), unetTensors: other.map { (name: $0, value: $1) })
        let changed = try Pipeline.load(folder.url("model"))
        func draw(_ pipeline: Pipeline, _ denoiser: (any Denoiser)? = nil) throws -> Tensor {
            try pipeline.generate(["a"], seeds: [1], settings: settings, width: 8, height: 8, denoiser: denoiser)
        }
        #expect(try largestDifference(draw(pipeline, changed.unet), draw(changed)) == 0)
        #expect(try largestDifference(draw(pipeline), draw(changed)) > 0.01)
    }

    @Test func pixelsAreRoundedAsByDiffusers() {
        let values: [Float] = [-2, -1, -0.5, 0, 0.5, 1, 3, 0.0039]
        let images = Tensor(values + values + values, shape: [1, 3, 2, 4])
        let pixels = Pipeline.pixels(images)
        #expect(pixels.shape == [1, 2, 4, 3] && pixels.dtype == .uint8)
        // 127.5 rounds to the even 128, as numpy does.
        #expect(pixels.values(UInt8.self) == [0, 0, 64, 128, 191, 255, 255, 128].flatMap { [$0, $0, $0] })
    }
}
