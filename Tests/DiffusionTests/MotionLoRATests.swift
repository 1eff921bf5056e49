import Diffusion
import Foundation
import Layers
import Networks
import Storage
import TestFiles
import TestSupport
import Testing
import Torch

/// LoRAs of motion modules, under the names of those who write them.
@Suite struct MotionLoRATests {
    private let folder = TemporaryFolder()
    private let tensors: [String: Tensor]

    init() throws {
        let folder = Fixture.folder.appendingPathComponent("motion/mid")
        tensors = try SafeTensorsFile(folder.appendingPathComponent("diffusion_pytorch_model.safetensors")).all()
    }

    private func adapters() throws -> LowRankAdapters {
        let layers = LoRA.layers([.motion], of: tensors)
        #expect(!layers.isEmpty && layers.keys.allSatisfy(MotionConfiguration.owns))
        let adapters = LowRankAdapters(rank: 2, alpha: 2, layers: layers, seed: 3)
        return LowRankAdapters(adapters.tensors.mapValues { $0 + 0.1 }, scale: 1)
    }

    /// The adapters that a file of these tensors brings.
    private func read(_ tensors: [String: Tensor]) throws -> [String: Tensor] {
        let url = folder.url("lora.safetensors")
        try SafeTensors.write(tensors, to: url)
        return try LoRA.File(url).adapters(of: .unet, over: self.tensors).tensors
    }

    @Test(arguments: LoRA.Naming.allCases) func whatIsWrittenIsRead(_ naming: LoRA.Naming) throws {
        let url = folder.url("written.safetensors")
        try LoRA.write(adapters(), naming: naming, to: url)
        let found = try LoRA.File(url).adapters(of: .unet, over: tensors).tensors
        #expect(try relativeDifference(found, adapters().tensors) < 1e-6)
    }

    /// Of a layer under each of the three spellings.
    private static let spellings: [@Sendable (_ path: String, _ role: String) -> String] = [
        { path, role in
            let place = path.replacingOccurrences(of: ".transformer_blocks", with: ".temporal_transformer.transformer_blocks")
                .replacingOccurrences(of: "attn1.", with: "attention_blocks.0.processor.")
                .replacingOccurrences(of: "attn2.", with: "attention_blocks.1.processor.").replacingOccurrences(of: "to_out.0", with: "to_out")
            return "module.\(place)_lora.\(role).weight"
        },
        { path, role in
            let place = path.replacingOccurrences(of: "attn1.", with: "attn1.processor.").replacingOccurrences(of: "attn2.", with: "attn2.processor.")
            return "unet.\(place.replacingOccurrences(of: "to_out.0", with: "to_out"))_lora.\(role).weight"
        },
        { path, role in "unet.\(path).lora_\(role == "down" ? "A" : "B").weight" },
    ]

    @Test(arguments: [0, 1, 2]) func theThreeSpellingsMeanTheSame(_ spelling: Int) throws {
        let adapters = try adapters().tensors
        let renamed = Dictionary(
            uniqueKeysWithValues: adapters.map { name, tensor in
                let isDown = name.hasSuffix(LowRankAdapters.down)
                let path = String(name.dropLast((isDown ? LowRankAdapters.down : LowRankAdapters.up).count))
                return (Self.spellings[spelling](path, isDown ? "down" : "up"), tensor)
            })
        #expect(try relativeDifference(read(renamed), adapters) < 1e-6)
        // The twin: of a layer that is not there.
        var wrong = renamed
        let name = wrong.keys.min()!
        wrong[name.replacingOccurrences(of: "motion_modules.0", with: "motion_modules.9")] = wrong.removeValue(forKey: name)
        #expect(throws: ConfigurationError.self) { _ = try read(wrong) }
    }

    @Test func aModelOfPicturesSaysWhatItIs() throws {
        let url = folder.url("lora.safetensors")
        try LoRA.write(adapters(), naming: .diffusers, to: url)
        let still = tensors.filter { !MotionConfiguration.owns($0.key) }
        do {
            _ = try LoRA.File(url).adapters(of: .unet, over: still)
            Issue.record("a LoRA of motion modules was read for pictures")
        } catch let error as ConfigurationError {
            #expect(error.message.contains("AnimateDiff"))
        }
    }
}
