import Foundation
import Layers
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Networks

private let largeFolder = ProcessInfo.processInfo.environment["SEPPO_LARGE"].map { URL(fileURLWithPath: $0) }

/// Stable Diffusion 1.5's full size, with random weights, against diffusers: `make test-large` makes the model and sets `SEPPO_LARGE`.
@Suite(.enabled(if: largeFolder != nil, "run by make test-large"), .serialized) struct FullSizeTests {
    private struct Case: Decodable {
        let prompt: String
        let negative_prompt: String
        let seed: UInt64
        let steps: Int
        let guidance: Double
        let side: Int
        let timestep: Int
        let parameters: [String: Int]
    }

    private let folder: URL
    private let numbers: Case
    private let expected: [String: Tensor]

    init() throws {
        folder = try #require(largeFolder)
        numbers = try JSONDecoder().decode(Case.self, from: Data(contentsOf: folder.appendingPathComponent("case.json")))
        expected = try SafeTensorsFile(folder.appendingPathComponent("expected.safetensors")).all()
    }

    /// The greatest difference, relative to the greatest value.
    private func difference(_ own: Tensor, _ name: String) throws -> Double {
        let other = try #require(expected[name]).to(.float64)
        let difference = (own.to(.float64) - other).magnitude.max().item / other.magnitude.max().item
        print("full size, \(name): \(difference)")
        return difference
    }

    @Test func everyPartAnswersAsDiffusersDoes() throws {
        let pipeline = try Pipeline.load(folder.appendingPathComponent("model"))
        let counts = [
            "unet": pipeline.stores.unet, "vae": pipeline.stores.autoencoder, "text_encoder": pipeline.stores.textEncoder,
        ].mapValues { $0.parameters.reduce(0) { $0 + $1.value.count } }
        #expect(counts == numbers.parameters && counts["unet"] == 859_520_964)
        #expect(pipeline.tokenizer.ids([numbers.prompt])[0] == expected["ids"]?.values(Int.self))
        let states = pipeline.textStates([numbers.prompt])
        #expect(try difference(states, "states") < 1e-4)
        #expect(try difference(noGradients { pipeline.autoencoder.posterior(expected["picture"]!).mode }, "latents") < 1e-4)
        let answer = noGradients { pipeline.unet(expected["x"]!, timesteps: Tensor([numbers.timestep]), context: expected["states"]!) }
        #expect(try difference(answer, "answer") < 1e-4)
        let image = try pipeline.generate(
            [numbers.prompt], negativePrompts: [numbers.negative_prompt], seeds: [numbers.seed],
            settings: SamplingSettings(steps: numbers.steps, guidance: numbers.guidance), width: numbers.side, height: numbers.side)
        let apart = (Pipeline.pixels(image)[0].to(.float64) - (try #require(expected["image"])).to(.float64)).magnitude
        print("full size, image: \(apart.max().item) of 255, \((apart .> 0).to(.float64).mean().item * 100) % of values")
        #expect(apart.max().item <= 2)
    }

    /// The flip depends on it: a policy and the map of a checkpoint with its weights answer alike, to the bit.
    @Test func theMapOfACheckpointAnswersAsThePolicyDoes() throws {
        let file = folder.appendingPathComponent("checkpoint.safetensors")
        defer { try? FileManager.default.removeItem(at: file) }
        let base = try ModelFiles(folder.appendingPathComponent("model")).unet()
        let own = try base.1.build { UNet($0, base.0) }
        let policy = ParameterStore(base.1.tensors, isTrainable: true)
        let trained = try policy.build { UNet($0, base.0) }
        try SafeTensors.write(policy.trained, forMapping: true, to: file)
        let mapped = try ParameterStore(SafeTensorsFile(file).all()).build { UNet($0, base.0) }
        func answer(_ network: UNet) -> Tensor {
            noGradients { network(expected["x"]!, timesteps: Tensor([numbers.timestep]), context: expected["states"]!) }
        }
        let answers = [trained, mapped, own].map(answer)
        #expect(sameBits(answers[0], answers[1]))
        print("full size, the base model's own map: differs by \((answers[0] - answers[2]).magnitude.max().item)")
    }

    @Test func aSingleFileIsTheSameModel() throws {
        let file = folder.appendingPathComponent("single.safetensors")
        defer { try? FileManager.default.removeItem(at: file) }
        let pipeline = try Pipeline.load(folder.appendingPathComponent("model"))
        try pipeline.write(singleFile: file)
        let again = try Pipeline.load(file)
        for (one, other) in [(pipeline.stores.unet, again.stores.unet), (pipeline.stores.autoencoder, again.stores.autoencoder)] {
            #expect(one.parameters.map(\.name) == other.parameters.map(\.name))
            #expect(zip(one.parameters, other.parameters).allSatisfy { ($0.value - $1.value).magnitude.max().item == 0 })
        }
    }
}
