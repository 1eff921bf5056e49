import Diffusion
import Foundation
import Networks
import TestFiles
import TestSupport
import Testing
import Torch

@Suite struct AutoencoderTests {
    static let cases = ["quant", "no_quant_shift", "groups3_no_attention", "mish"]

    private func model(_ name: String, change: (inout AutoencoderConfiguration) -> Void = { _ in }) throws -> Autoencoder {
        let part = PipelineFolder.Part.autoencoder(Fixture.folder.appendingPathComponent("vae/\(name)"))
        var configuration = try AutoencoderConfiguration(part.configuration)
        change(&configuration)
        return try part.store().build { Autoencoder($0, configuration) }
    }

    /// The largest differences from diffusers, by what is compared.
    private func differences(_ name: String, _ model: Autoencoder) throws -> [String: Double] {
        struct Case: Decodable { let posterior_seed: UInt64 }
        let seed = try Fixture.json("vae/\(name)/case.json", as: Case.self).posterior_seed
        let expected = try Fixture.tensors("vae/\(name)/case.safetensors")
        let posterior = model.posterior(expected["image"]!)
        let found = [
            "mean": posterior.mode, "logvar": posterior.logVariance, "sample": posterior.sample(Generator(seed: seed).normal(posterior.mean.shape)),
            "latents": model.scaled(posterior.mode), "decoded": model.decode(expected["latents"]!),
        ]
        return Dictionary(uniqueKeysWithValues: found.map { ($0, largestDifference($1, expected[$0]!)) })
    }

    @Test(arguments: cases) func encodingAndDecodingAreThoseOfDiffusers(_ name: String) throws {
        let differences = try differences(name, model(name))
        print("vae/\(name): \(differences)")
        for (what, difference) in differences { #expect(difference <= 1e-4, "\(what)") }
    }

    @Test(arguments: cases) func aWrongDetailShows(_ name: String) throws {
        for change in [{ $0.activation = .gelu }, { $0.groups = 1 }] as [(inout AutoencoderConfiguration) -> Void] {
            let differences = try differences(name, model(name, change: change))
            #expect(differences["mean"]! > 1e-3 && differences["decoded"]! > 1e-3)
        }
        for change in [{ $0.scalingFactor *= 1.01 }, { $0.shiftFactor += 0.01 }] as [(inout AutoencoderConfiguration) -> Void] {
            let differences = try differences(name, model(name, change: change))
            #expect(differences["latents"]! > 1e-3 && differences["decoded"]! > 1e-3)
        }
    }

    @Test func anotherSeedDrawsAnotherSample() throws {
        let posterior = try model("quant").posterior(Fixture.tensors("vae/quant/case.safetensors")["image"]!)
        func sample(_ seed: UInt64) -> Tensor { posterior.sample(Generator(seed: seed).normal(posterior.mean.shape)) }
        #expect(largestDifference(sample(1), sample(1)) == 0)
        #expect(largestDifference(sample(1), sample(2)) > 0.1)
    }

    /// `query`, `key`, `value` and `proj_attn`, as in the files of Stable Diffusion 1.x and 2.x.
    @Test func olderNamesOfItsAttentionAreRead() throws {
        let folder = TemporaryFolder()
        let today = Fixture.folder.appendingPathComponent("vae/quant")
        try FileManager.default.copyItem(at: today.appendingPathComponent("config.json"), to: folder.url("config.json"))
        let older = ["to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"]
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in try Fixture.tensors("vae/quant/diffusion_pytorch_model.safetensors") {
            tensors[older.reduce(name) { $0.replacingOccurrences(of: ".\($1.key).", with: ".\($1.value).") }] = tensor
        }
        #expect(tensors.keys.contains("decoder.mid_block.attentions.0.proj_attn.bias"))
        try SafeTensors.write(tensors, to: folder.url("diffusion_pytorch_model.safetensors"))

        let part = PipelineFolder.Part.autoencoder(folder.url)
        let configuration = try AutoencoderConfiguration(part.configuration)
        let model = try part.store().build { Autoencoder($0, configuration) }
        #expect(try differences("quant", model).values.allSatisfy { $0 <= 1e-4 })
    }
}
