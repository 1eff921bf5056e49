import Diffusion
import Foundation
import Storage
import TestFiles
import TestSupport
import Testing
import Torch

/// diffusers' images of one prompt (Tests/Fixtures/generators/pipeline.py), and ours.
enum PipelineCase {
    struct Options: Decodable, Sendable {
        struct Sampler: Decodable, Sendable {
            let scheduler_config: String
            let eta: Double?
        }
        let prompt: String
        let negative_prompt: String
        let seed: UInt64
        let steps: Int
        let guidance: Double
        let height: Int
        let width: Int
        let samplers: [String: Sampler]
    }

    static let options = try! Fixture.json("pipeline/case.json", as: Options.self)
    static let samplers = options.samplers.keys.sorted()
    static let expected = try! Fixture.tensors("pipeline/images.safetensors")
    static let folder = Fixture.folder.appendingPathComponent("pipeline/model")

    static func settings(_ name: String) -> SamplingSettings {
        let eta = options.samplers[name]?.eta ?? 0
        return SamplingSettings(sampler: SamplerName(rawValue: eta > 0 ? "ddim" : name), steps: options.steps, guidance: options.guidance, eta: eta)
    }

    /// `[H, W, 3]` uint8.
    static func draw(_ pipeline: Pipeline, _ settings: SamplingSettings, negative: String = options.negative_prompt) throws -> Tensor {
        let images = try pipeline.generate(
            [options.prompt], negativePrompts: [negative], seeds: [options.seed], settings: settings, width: options.width, height: options.height)
        return Pipeline.pixels(images)[0]
    }

    /// How far an image is from that of diffusers: the largest difference in 255ths, and the share of values that differ at all.
    struct Difference: CustomStringConvertible {
        let largest: Double
        let share: Double

        init(_ image: Tensor, _ name: String) throws {
            let apart = (image.to(.float64) - (try #require(expected["\(name).image"])).to(.float64)).magnitude
            largest = apart.max().item
            share = (apart .> 0).to(.float64).mean().item
        }

        var isSmall: Bool { largest <= 2 && share <= 0.01 }
        var description: String { "\(largest) of 255, \(share * 100) % of values" }
    }
}

@Suite struct PipelineTests {
    private let pipeline: Pipeline

    init() throws { pipeline = try Pipeline.load(PipelineCase.folder) }

    @Test(arguments: PipelineCase.samplers) func theImageIsThatOfDiffusers(_ name: String) throws {
        let difference = try PipelineCase.Difference(PipelineCase.draw(pipeline, PipelineCase.settings(name)), name)
        print("\(name): \(difference)")
        #expect(difference.isSmall)
    }

    @Test func textStatesAreThoseOfTransformers() throws {
        let states = pipeline.textStates([PipelineCase.options.prompt, PipelineCase.options.negative_prompt, ""])
        #expect(largestDifference(states, PipelineCase.expected["text_states"]!) <= 1e-4)
    }

    @Test func theOtherTokenizerFormGivesTheSameIds() throws {
        let texts = [PipelineCase.options.prompt, PipelineCase.options.negative_prompt, ""]
        let expected = PipelineCase.expected["input_ids"]!.values(Int.self)
        #expect(pipeline.tokenizer.ids(texts).flatMap { $0 } == expected)
        let folder = TemporaryFolder()
        let copy = folder.url("model")
        try FileManager.default.copyItem(at: PipelineCase.folder, to: copy)
        try FileManager.default.removeItem(at: copy.appendingPathComponent("tokenizer"))
        try FileManager.default.copyItem(
            at: Fixture.folder.appendingPathComponent("pipeline/tokenizer_two_files"), to: copy.appendingPathComponent("tokenizer"))
        let other = try Pipeline.load(copy)
        #expect(other.tokenizer.ids(texts).flatMap { $0 } == expected)
        #expect(try PipelineCase.Difference(PipelineCase.draw(other, PipelineCase.settings("ddim")), "ddim").isSmall)
    }

    // The twins: one thing wrong, and the comparison above must fail.

    @Test func aWrongSettingShows() throws {
        func differs(_ settings: SamplingSettings, negative: String = PipelineCase.options.negative_prompt) throws -> Bool {
            try !PipelineCase.Difference(PipelineCase.draw(pipeline, settings, negative: negative), "pndm").isSmall
        }
        var settings = PipelineCase.settings("pndm")
        #expect(try differs(settings, negative: ""))
        settings.guidance = 5.1
        #expect(try differs(settings))
        settings.guidance = 1
        #expect(try differs(settings))
        #expect(try differs(PipelineCase.settings("ddim")))
        settings = PipelineCase.settings("ddim_eta")
        settings.eta = 0.71
        #expect(try !PipelineCase.Difference(PipelineCase.draw(pipeline, settings), "ddim_eta").isSmall)
    }

    @Test(arguments: [
        ("scheduler/scheduler_config.json", "set_alpha_to_one", "true"), ("text_encoder/config.json", "hidden_act", "\"gelu\""),
        ("unet/config.json", "norm_eps", "0.001"), ("unet/config.json", "attention_head_dim", "1"), ("vae/config.json", "scaling_factor", "0.19"),
    ])
    func aWrongOptionShows(_ file: String, _ key: String, _ value: String) throws {
        let folder = TemporaryFolder()
        let copy = folder.url("model")
        try FileManager.default.copyItem(at: PipelineCase.folder, to: copy)
        var options = try JSONDecoder().decode([String: JSONValue].self, from: Data(contentsOf: copy.appendingPathComponent(file)))
        options[key] = try JSONDecoder().decode(JSONValue.self, from: Data(value.utf8))
        try JSONEncoder().encode(options).write(to: copy.appendingPathComponent(file))
        #expect(try !PipelineCase.Difference(PipelineCase.draw(Pipeline.load(copy), PipelineCase.settings("pndm")), "pndm").isSmall)
    }

    /// StableDiffusionPipeline corrects what early files say.
    @Test func anOffsetOfZeroAndClippingAreCorrected() throws {
        let folder = TemporaryFolder()
        let copy = folder.url("model")
        try FileManager.default.copyItem(at: PipelineCase.folder, to: copy)
        var scheduler = pipeline.scheduler
        scheduler.stepsOffset = 0
        scheduler.clipSample = true
        try scheduler.write(to: copy.appendingPathComponent("scheduler/scheduler_config.json"))
        #expect(try PipelineCase.Difference(PipelineCase.draw(Pipeline.load(copy), PipelineCase.settings("ddim")), "ddim").isSmall)
    }
}
