import Diffusion
import Layers
import Networks
import TestFiles
import TestSupport
import Testing
import Torch

@Suite struct UNetTests {
    static let cases = [
        "sd1", "sd1_odd_size", "sd1_time", "sd1_centered", "sd1_options", "sd1_downsample_padding0", "sd2", "sd2_even_size", "plain", "plain_scale_shift",
        "deep", "lists",
    ]

    private func store(_ name: String, isTrainable: Bool = false) throws -> ParameterStore {
        struct Case: Decodable { let weights: String }
        let weights = try Fixture.json("unet/\(name)/case.json", as: Case.self).weights
        return try part(name).store(from: Fixture.folder.appendingPathComponent(weights), isTrainable: isTrainable)
    }

    private func part(_ name: String) -> PipelineFolder.Part { .unet(Fixture.folder.appendingPathComponent("unet/\(name)")) }

    /// The largest difference from diffusers' output.
    private func difference(_ name: String, change: (inout UNetConfiguration) -> Void = { _ in }) throws -> Double {
        var configuration = try UNetConfiguration(part(name).configuration)
        change(&configuration)
        let unet = try store(name).build { UNet($0, configuration) }
        let tensors = try Fixture.tensors("unet/\(name)/case.safetensors")
        let output = unet(tensors["sample"]!, timesteps: tensors["timestep"]!, context: tensors["encoder_hidden_states"]!)
        return largestDifference(output, tensors["output"]!)
    }

    @Test(arguments: cases) func theOutputIsThatOfDiffusers(_ name: String) throws {
        let difference = try difference(name)
        print("unet/\(name): \(difference)")
        #expect(difference <= 1e-4)
    }

    @Test func oneTimestepServesTheWholeBatch() throws {
        let tensors = try Fixture.tensors("unet/sd1/case.safetensors")
        let configuration = try UNetConfiguration(part("sd1").configuration)
        let unet = try store("sd1").build { UNet($0, configuration) }
        let output = unet(tensors["sample"]!, timesteps: Tensor([500]), context: tensors["encoder_hidden_states"]!)
        #expect(largestDifference(output, tensors["output_timestep_500"]!) <= 1e-4)
    }

    @Test func gradientsAreThoseOfDiffusers() throws {
        struct Case: Decodable {
            struct Gradient: Decodable { let value: Double }
            let gradient: Gradient
        }
        let tensors = try Fixture.tensors("unet/sd1/case.safetensors")
        let store = try store("sd1", isTrainable: true)
        let configuration = try UNetConfiguration(part("sd1").configuration)
        let unet = try store.build { UNet($0, configuration) }
        let sample = tensors["sample"]!.clone()
        sample.requiresGradient = true
        let loss = withGradients { unet(sample, timesteps: tensors["timestep"]!, context: tensors["encoder_hidden_states"]!).squared.mean() }
        loss.backward()
        #expect(try abs(loss.item - Fixture.json("unet/sd1/case.json", as: Case.self).gradient.value) <= 1e-5)

        var found = Dictionary(uniqueKeysWithValues: store.parameters.map { ($0.name, $0.value.gradient) })
        found["sample"] = sample.gradient
        let expected = tensors.filter { $0.key.hasPrefix("gradient.") }
        #expect(expected.count == 4)
        for (key, gradient) in expected {
            let own = try #require(found[String(key.dropFirst("gradient.".count))] ?? nil)
            let difference = largestDifference(own, gradient)
            print("\(key): \(difference)")
            #expect(difference <= 1e-4 * max(1, gradient.magnitude.max().item), "\(key)")
            #expect(gradient.magnitude.max().item > 1e-3, "\(key) would not show a difference")
        }
        for (name, value) in store.parameters { #expect(value.gradient != nil, "\(name)") }
    }

    // The twins: one thing wrong, and the comparison above must fail.

    struct Spoiled: Sendable, CustomTestStringConvertible {
        let name: String
        let detail: String
        let spoil: @Sendable (inout UNetConfiguration) -> Void
        var testDescription: String { "\(name): \(detail)" }

        init(_ name: String, _ detail: String, _ spoil: @escaping @Sendable (inout UNetConfiguration) -> Void) {
            (self.name, self.detail, self.spoil) = (name, detail, spoil)
        }
    }

    @Test(arguments: [
        Spoiled("sd1", "sine first", { $0.flipSinToCos.toggle() }), Spoiled("sd1", "frequency shift", { $0.frequencyShift = 1 }),
        Spoiled("sd1", "epsilon", { $0.epsilon = 1e-3 }), Spoiled("sd1", "groups", { $0.groups = 1 }), Spoiled("sd1", "one head", { $0.heads = [1, 1] }),
        Spoiled("sd1", "heads of two channels", { $0.heads = [4, 6] }), Spoiled("sd1", "activation", { $0.activation = .gelu }),
        Spoiled("sd1", "downsample padding", { $0.downsamplePadding = 0 }),
        Spoiled("sd1_downsample_padding0", "downsample padding", { $0.downsamplePadding = 1 }),
        Spoiled("sd1", "centred input", { $0.centersInput = true }), Spoiled("sd1_options", "middle scale", { $0.middleScale = 1 }),
        Spoiled("sd1", "activation of the time embedding", { $0.timeActivation = .silu }),
        Spoiled("sd2", "heads", { $0.heads = [2, 2, 2] }), Spoiled("sd2", "heads upside down", { $0.heads.reverse() }),
    ])
    func aWrongDetailShows(_ spoiled: Spoiled) throws {
        #expect(try difference(spoiled.name, change: spoiled.spoil) > 1e-3)
    }
}
