import Diffusion
import Foundation
import Layers
import Networks
import Storage
import TestFiles
import TestSupport
import Testing
import Torch

/// Motion modules in the forms that people have, and those that are other things.
@Suite struct MotionFileTests {
    private let folder = TemporaryFolder()

    private func adapter() throws -> [String: Tensor] {
        try SafeTensorsFile(ClipCase.adapter.appendingPathComponent("diffusion_pytorch_model.safetensors")).all()
    }

    /// The names of the original code (guoyww/AnimateDiff), where each attention has a table of positions.
    private func original(_ tensors: [String: Tensor], prefix: String = "") -> [String: Tensor] {
        var found: [String: Tensor] = [:]
        for (name, tensor) in tensors {
            let parts = name.components(separatedBy: ".transformer_blocks.0.")
            guard parts.count == 2 else {
                let modules = name.components(separatedBy: ".")
                let place = modules.count - 2
                found[prefix + (modules[..<place] + ["temporal_transformer"] + modules[place...]).joined(separator: ".")] = tensor
                continue
            }
            let block = "\(prefix)\(parts[0]).temporal_transformer.transformer_blocks.0."
            if parts[1] == "pos_embed.pe" {
                for attention in 0..<2 { found["\(block)attention_blocks.\(attention).pos_encoder.pe"] = tensor }
                continue
            }
            var rest = parts[1]
            for (new, old) in [
                ("attn1.", "attention_blocks.0."), ("attn2.", "attention_blocks.1."), ("norm1.", "norms.0."), ("norm2.", "norms.1."), ("norm3.", "ff_norm."),
            ] where rest.hasPrefix(new) {
                rest = old + rest.dropFirst(new.count)
            }
            found[block + rest] = tensor
        }
        return found
    }

    /// A file with the configuration of its heads beside it.
    private func write(_ tensors: [String: Tensor], configuration: ((inout [String: JSONValue]) -> Void)? = { _ in }) throws -> URL {
        if let configuration {
            var values = try ConfigurationReader.object(ClipCase.adapter.appendingPathComponent("config.json"))
            configuration(&values)
            try JSONValue.object(values).prettyData().write(to: folder.url("config.json"))
        }
        let file = folder.url("diffusion_pytorch_model.safetensors")
        try SafeTensors.write(tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: file)
        return file
    }

    @Test(arguments: ["", "module.", "state_dict.module."]) func theOriginalsNamesMeanTheSame(_ prefix: String) throws {
        let tensors = try adapter()
        var renamed = original(tensors, prefix: prefix)
        renamed["\(prefix)animatediff_config"] = Tensor([1 as Float])
        let file = try MotionFile(write(renamed))
        #expect(sameBits(try file.tensors(), tensors))
        #expect(file.motion == (try MotionFile(ClipCase.adapter)).motion)
        #expect(file.notes == ["of it not used: 1 tensors that belong to no motion module"])
        #expect(file.channels == [8, 12] && file.layersPerBlock == [1, 1] && file.motion.heads == [4, 4] && file.motion.maximumFrames == 16)
    }

    @Test func theOriginalsNamesDrawTheSameClips() throws {
        let pipeline = try Pipeline.load(ClipCase.files(write(original(adapter(), prefix: "module."))))
        #expect(ClipCase.isSmall(try ClipCase.draw(pipeline, nil), "own"))
    }

    /// The twin of the map of names: two norms exchanged are other clips.
    @Test func exchangedNamesShow() throws {
        let renamed = original(try adapter()).map { name, tensor in
            (
                name.replacingOccurrences(of: ".norms.1.", with: ".norms.2.").replacingOccurrences(of: ".norms.0.", with: ".norms.1.")
                    .replacingOccurrences(of: ".norms.2.", with: ".norms.0."), tensor
            )
        }
        let pipeline = try Pipeline.load(ClipCase.files(write(Dictionary(uniqueKeysWithValues: renamed))))
        #expect(!ClipCase.isSmall(try ClipCase.draw(pipeline, nil), "own"))
    }

    @Test func halfPrecisionIsRead() throws {
        let pipeline = try Pipeline.load(ClipCase.files(write(adapter().mapValues { $0.to(.float16) })))
        #expect(pipeline.unetTensors.allSatisfy { $0.value.dtype == .float32 })
    }

    @Test func tensorsAreBelievedMoreThanAConfiguration() throws {
        let withoutMiddle = try adapter().filter { !$0.key.hasPrefix("mid_block") }
        let file = try MotionFile(write(withoutMiddle) { $0["motion_max_seq_length"] = .number(24) })
        #expect(file.motion.middleDepth == nil && file.motion.maximumFrames == 16)
        #expect(file.notes.count == 2 && file.notes[0].contains("middle") && file.notes[1].contains("24") && file.notes[1].contains("16"))
        let pipeline = try Pipeline.load(ClipCase.files(folder.url("diffusion_pytorch_model.safetensors")))
        #expect(pipeline.unet.configuration.motion?.middleDepth == nil)
    }

    @Test func positionsOfTheFileAreUsedAndOthersComputed() throws {
        let tensors = try adapter()
        let moved = tensors.map { ($0, $0.hasSuffix(".pe") ? $1 * 2 : $1) }
        let file = try MotionFile(write(Dictionary(uniqueKeysWithValues: moved)))
        #expect(file.notes.count == 1 && file.notes[0].contains("positions"))
        let name = "down_blocks.0.motion_modules.0.transformer_blocks.0.pos_embed.pe"
        #expect(largestDifference(try file.tensors()[name]!, tensors[name]! * 2) == 0)
        let bare = try MotionFile(write(tensors.filter { !$0.key.hasSuffix(".pe") }))
        #expect(bare.notes.count == 1 && bare.motion.maximumFrames == 16)
        #expect(largestDifference(try bare.tensors()[name]!, tensors[name]!) <= 1e-6)
    }

    @Test func whatIsNoMotionModuleOfOursIsNamed() throws {
        func refusal(_ change: (inout [String: Tensor]) -> Void) throws -> String {
            var tensors = try adapter()
            change(&tensors)
            let file = try write(tensors)
            return "\(try #require(throws: (any Error).self) { try ClipCase.files(file) })"
        }
        #expect(try refusal { $0["down_blocks.0.temporal_attentions.0.norm.weight"] = .zeros([8]) }.contains("HotShot"))
        #expect(try refusal { $0["conv_in.weight"] = .zeros([8, 9, 3, 3]) }.contains("PIA"))
        #expect(try refusal { $0["controlnet_cond_embedding.weight"] = .zeros([8]) }.contains("SparseCtrl"))
        #expect(try refusal { $0["up_blocks.2.motion_modules.0.norm.weight"] = .zeros([320]) }.contains("XL"))
        #expect(try refusal { $0["down_blocks.0.motion_modules.0.processor.to_q_lora.down.weight"] = .zeros([8]) }.contains("LoRA"))
        #expect(try refusal { $0 = ["weight": .zeros([1])] }.contains("no motion modules"))
        #expect(try refusal { $0["module.down_blocks.0.motion_modules.0.norm.bias"] = .zeros([8]) }.contains("the same tensor"))
        #expect(try refusal { $0 = $0.filter { !$0.key.hasPrefix("down_blocks.0.motion_modules.0.") } }.contains("down_blocks"))
        let name = "down_blocks.0.motion_modules.0.transformer_blocks.0.pos_embed.pe"
        #expect(try refusal { $0[name] = .zeros([1, 16]) }.contains("table"))
        let beside = try write(adapter()) { $0["conv_in_channels"] = .number(9) }
        #expect("\(try #require(throws: (any Error).self) { try MotionFile(beside) })".contains("PIA"))
        let old = try write(adapter()) { ($0["motion_activation_fn"], $0["motion_attention_bias"]) = (.string("geglu"), .bool(false)) }
        _ = try MotionFile(old)
        let other = try write(adapter()) { $0["motion_activation_fn"] = .string("gelu") }
        #expect("\(try #require(throws: (any Error).self) { try MotionFile(other) })".contains("motion_activation_fn"))
        #expect("\(try #require(throws: (any Error).self) { try MotionFile(PipelineCase.folder) })".contains("no motion modules"))
        #expect("\(try #require(throws: (any Error).self) { try MotionFile(folder.url("nothing")) })".contains("does not exist"))
    }

    @Test func aModelOfAnotherShapeIsRefused() throws {
        let unet = try ModelFiles(PipelineCase.folder).unet().0
        func refusal(_ change: (inout UNetConfiguration) -> Void) throws -> String {
            var other = unet
            change(&other)
            return "\(try #require(throws: (any Error).self) { try other.animated(by: MotionFile(ClipCase.adapter)) })"
        }
        #expect(try unet.animated(by: MotionFile(ClipCase.adapter)).motion != nil)
        #expect(try refusal { $0.channels = [8, 16] }.contains("channels"))
        #expect(try refusal { $0.layersPerBlock = [2, 2] }.contains("layers"))
        #expect(try refusal { $0.groups = 2 }.contains("groups"))
        #expect(try refusal { $0.middle = .plain }.contains("middle"))
        #expect(try refusal { $0.timeScaleShift = .scaleShift }.contains("resnet_time_scale_shift"))
        // One tensor of another size is named by the store.
        var tensors = try adapter()
        tensors["mid_block.motion_modules.0.proj_in.bias"] = .zeros([3])
        let file = try write(tensors)
        #expect(throws: ParameterError.self) { try Pipeline.load(ClipCase.files(file)) }
    }
}
