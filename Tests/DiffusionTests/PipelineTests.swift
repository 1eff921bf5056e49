import Diffusion
import Foundation
import Layers
import Testing
import Torch

/// A whole pipeline beside diffusers' (Tests/Fixtures/generators/pipeline.py).
@Suite struct PipelineTests {
    struct Case: Decodable, Sendable {
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

        func settings(_ name: String) -> SamplingSettings {
            let eta = samplers[name]?.eta ?? 0
            return SamplingSettings(sampler: SamplerName(rawValue: eta > 0 ? "ddim" : name), steps: steps, guidance: guidance, eta: eta)
        }
    }

    static let sample = try! Fixture.json("pipeline/case.json", as: Case.self)
    static let expected = try! Fixture.tensors("pipeline/images.safetensors")
    static let folder = Fixture.folder.appendingPathComponent("pipeline/model")
    let pipeline: Pipeline

    init() throws { pipeline = try Pipeline(Self.folder) }

    private func draw(_ name: String, with other: Pipeline? = nil, change: (inout SamplingSettings) -> Void = { _ in }) throws -> Tensor {
        var settings = Self.sample.settings(name)
        change(&settings)
        let images = try (other ?? pipeline).generate(
            [Self.sample.prompt], negativePrompts: [Self.sample.negative_prompt], seeds: [Self.sample.seed], settings: settings, width: Self.sample.width,
            height: Self.sample.height)
        return Pipeline.pixels(images)[0]
    }

    /// The largest difference in 255ths and the share of values that differ at all.
    private func difference(_ name: String, _ image: Tensor) throws -> (largest: Double, share: Double) {
        let expected = try #require(Self.expected["\(name).image"])
        try #require(image.shape == expected.shape)
        let apart = (image.to(.float64) - expected.to(.float64)).magnitude
        return (apart.max().item, (apart .> 0).to(.float64).mean().item)
    }

    @Test(arguments: sample.samplers.keys.sorted()) func theImageIsThatOfDiffusers(_ name: String) throws {
        let (largest, share) = try difference(name, draw(name))
        print("\(name): \(largest) of 255, \(share * 100) % of values")
        #expect(largest <= 2 && share <= 0.01)
    }
}
