import Foundation
import Layers
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion

/// Adapters by diffusers and PEFT in our hands, and ours in theirs: the weights must be the same.
@Suite(.enabled(if: Python.hasDiffusers && Python.has("peft"), "no Python with diffusers and peft: set SEPPO_PYTHON to one"))
struct AdapterParityTests {
    private let folder = TemporaryFolder()
    private let pipeline: Pipeline

    init() throws {
        pipeline = try SmallStableDiffusion.pipeline()
        try pipeline.write(to: folder.url("model"))
        try FileManager.default.createDirectory(at: folder.url("files"), withIntermediateDirectories: true)
    }

    private func python(_ arguments: String...) throws {
        let script = Fixture.folder.appendingPathComponent("check_adapters.py").path
        let (status, errors) = try Python.run([script] + arguments)
        try #require(status == 0, "\(errors)")
    }

    private static func weights(_ pipeline: Pipeline) -> [String: Tensor] {
        let parts = [("unet.", pipeline.unetTensors), ("text_encoder.", pipeline.textEncoderTensors)]
        return Dictionary(uniqueKeysWithValues: parts.flatMap { prefix, tensors in tensors.map { (prefix + $0.key, $0.value) } })
    }

    private func fused(_ name: String) throws -> [String: Tensor] {
        try SafeTensorsFile(folder.url("files/\(name).fused.safetensors")).all().filter { !$0.key.hasSuffix("position_ids") }
    }

    /// How far our weights are from theirs, in units of the change.
    private func distance(_ url: URL, _ name: String, scale: Double = 1) throws -> Double {
        let (ours, theirs, base) = (Self.weights(try pipeline.merged(LoRA.File(url), scale: scale)), try fused(name), Self.weights(pipeline))
        #expect(Set(ours.keys) == Set(theirs.keys))
        var (apart, change) = (0.0, 0.0)
        for (name, value) in theirs {
            apart += (ours[name]! - value).squared.sum().item
            change += (base[name]! - value).squared.sum().item
        }
        return (apart / change).squareRoot()
    }

    @Test func whatOthersWriteAndStateMeansTheSameHere() throws {
        try python("make", folder.url("model").path, folder.url("files").path)
        for name in ["alpha", "stabilised", "patterns", "both", "plain", "processors", "kohya"] {
            let (apart, twin) = try (
                distance(folder.url("files/\(name).safetensors"), "\(name).safetensors"),
                distance(folder.url("files/\(name).safetensors"), "\(name).safetensors", scale: 0.9)
            )
            print("adapters, \(name): \(apart) of the change; with nine tenths of the scale \(twin)")
            #expect(apart < 1e-4 && twin > 0.05, "\(name)")
        }
        #expect(try distance(folder.url("files/peft"), "peft") < 1e-4)
        #expect(try distance(folder.url("files/peft/adapter_model.safetensors"), "peft", scale: 0.9) > 0.05)
    }

    @Test func whatWeWriteMeansTheSameThere() throws {
        let random = Generator(seed: 3)
        func adapters(_ layers: [String: [Int]], ranks: [Int], scale: Double) -> LowRankAdapters {
            var tensors: [String: Tensor] = [:]
            for (index, (path, shape)) in layers.sorted(by: { $0.key < $1.key }).enumerated() {
                let rank = ranks[index % ranks.count]
                tensors[path + LowRankAdapters.down] = random.normal([rank] + shape.dropFirst()) * 0.1
                tensors[path + LowRankAdapters.up] = random.normal([shape[0], rank] + shape.dropFirst(2).map { _ in 1 }) * 0.1
            }
            return LowRankAdapters(tensors, scale: scale)
        }
        let layers = LoRA.layers(LoRA.Target.allCases, of: pipeline.unetTensors)
        let text = Dictionary(
            uniqueKeysWithValues: ["q_proj", "k_proj", "v_proj", "out_proj"].map { ("text_model.encoder.layers.0.self_attn.\($0)", [64, 64]) })
        let own = adapters(layers, ranks: [3], scale: 2.0 / 3)
        let (mixed, words) = (adapters(layers, ranks: [1, 2, 5], scale: 1), adapters(text, ranks: [2], scale: 1))
        func url(_ name: String) -> URL { folder.url("files/\(name).safetensors") }
        try LoRA.write(own, to: url("kohya"))
        try LoRA.write(own, naming: .diffusers, to: url("diffusers"))
        try LoRA.write(own, metadata: RunCheckpoint.metadata(iteration: 2), forMapping: true, to: url("checkpoint"))
        try LoRA.write(mixed, textEncoder: words, to: url("mixed"))
        try LoRA.write(mixed, textEncoder: words, naming: .diffusers, to: url("mixed-diffusers"))
        try LoRA.File(url("mixed")).write(.diffusers, to: url("converted"))
        try LoRA.File(url("diffusers")).write(.kohya, to: url("back"))
        let names = ["kohya", "diffusers", "checkpoint", "mixed", "mixed-diffusers", "converted", "back"]
        let script = Fixture.folder.appendingPathComponent("check_adapters.py").path
        let (status, errors) = try Python.run([script, "fuse", folder.url("model").path] + names.map { url($0).path })
        try #require(status == 0, "\(errors)")
        for name in names {
            let (apart, twin) = try (distance(url(name), "\(name).safetensors"), distance(url(name), "\(name).safetensors", scale: 0.9))
            print("diffusers with our \(name): \(apart) of the change; with nine tenths of the scale \(twin)")
            #expect(apart < 1e-4 && twin > 0.05, "\(name)")
        }
    }
}
