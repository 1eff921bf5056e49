import Diffusion
import Foundation
import Layers
import Networks
import TestSupport
import Testing
import Torch

@testable import Alignment

/// Runs that train adapters of low rank beside the attention projections.
@Suite struct AdapterTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    private func settings(_ change: (inout AlignmentSettings) -> Void = { _ in }) -> AlignmentSettings {
        world.settings {
            ($0.adapters.rank, $0.optimisation.learningRate, $0.data.vaePosterior) = (2, 1e-2, .mode)
            change(&$0)
        }
    }

    @Test(arguments: [Method.Name.seppo, .spin, .sft]) func adaptersAloneAreTrainedAndTheBaseIsLeft(_ method: Method.Name) throws {
        let before = world.pipeline.unetTensors.mapValues { $0.values() }
        let directory = try world.train(settings { $0.objective.method = method }, in: "run")
        #expect(world.pipeline.unetTensors.mapValues { $0.values() } == before, "the base model's own memory")
        let state = try #require(try RunState.load(directory))
        let layers = LoRA.layers([.attention], of: world.pipeline.unetTensors)
        #expect(layers.count == 8 * 4 && Set(state.policy.keys) == Set(layers.keys.flatMap { [$0 + ".lora_A.weight", $0 + ".lora_B.weight"] }))
        #expect(state.policy.filter { $0.key.hasSuffix("lora_B.weight") }.allSatisfy { $0.value.magnitude.max().item > 0 })
        // Checkpoints are adapters; the resulting model is a whole one, with their changes added.
        let checkpoint = try RunCheckpoint.adapters(SafeTensorsFile(directory.checkpoint(2, of: .lora)))
        #expect(checkpoint.mapValues { $0.values() } == state.policy.mapValues { $0.values() })
        let aligned = try Pipeline.load(directory.model).unetTensors
        for (name, tensor) in aligned {
            let path = name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : ""
            let change = (tensor - world.pipeline.unetTensors[name]!).magnitude.max().item
            #expect((change > 0) == (layers[path] != nil), "\(name)")
        }
    }

    /// At the start B is zero: policy and reference answer alike, to the bit, and every flip is a tie.
    @Test func theFirstIterationBeginsAtATie() throws {
        let entries = try world.train(settings(), in: "run").timelessEntries()
        #expect(entries[0].flipZero == 1 && entries[0].winnerError == entries[0].referenceWinnerError)
        #expect(entries[1].flipZero == 0, "the twin: after one update it is none")
    }

    /// The trained policy, its merged weights and the file for other programs are one network.
    @Test(arguments: [nil, 8.0], [[.attention], LoRA.Target.allCases]) func fileAndMergedModelAgree(_ alpha: Double?, _ targets: [LoRA.Target]) throws {
        let directory = try world.train(settings { ($0.adapters.alpha, $0.adapters.targets) = (alpha, targets) }, in: "run")
        let state = try #require(try RunState.load(directory))
        let scale = (alpha ?? 2) / 2
        let adapted = try ParameterStore(world.pipeline.unetTensors, adapters: LowRankAdapters(state.policy, scale: scale))
            .build { UNet($0, world.pipeline.unet.configuration) }
        let merged = try Pipeline.load(directory.model)
        let loaded = try world.pipeline.merged(LoRA.File(directory.adapters))
        let random = Generator(seed: 3)
        let (x, states) = (random.normal([2, 4, 4, 4]), random.normal([2, 8, 8]))
        func answer(_ unet: UNet) -> Tensor { noGradients { unet(x, timesteps: Tensor([300, 700]), context: states) } }
        #expect(state.policy.keys.contains { $0.hasSuffix("conv1.lora_A.weight") } == targets.contains(.convolutions))
        #expect(state.policy.keys.contains { $0.hasSuffix("ff.net.2.lora_B.weight") } == targets.contains(.feedForward))
        let (own, base) = (answer(adapted), answer(world.pipeline.unet))
        let apart = (own - base).magnitude.max().item
        #expect(apart > 1e-3)
        for other in [merged.unet, loaded.unet] { #expect((answer(other) - own).magnitude.max().item < 1e-5 * max(1, apart)) }
        let half = try world.pipeline.merged(LoRA.File(directory.adapters), scale: 0.5)
        #expect((answer(half.unet) - own).magnitude.max().item > 1e-4, "the scale counts")
    }

    @Test func aRunThatWasInterruptedGoesOnExactly() throws {
        let straight = try world.train(settings(), in: "straight")
        for updates in [2, 3, 5] { try world.train(settings { $0.run.saveEvery = 1 }, in: "resumed", killedAfter: updates) }
        let resumed = try world.train(settings { $0.run.saveEvery = 1 }, in: "resumed")
        let states = try [straight, resumed].map { try #require(try RunState.load($0)) }
        #expect(states[0].policy.mapValues { $0.values() } == states[1].policy.mapValues { $0.values() } && states[0].counters == states[1].counters)
        #expect(try Data(contentsOf: straight.adapters) == Data(contentsOf: resumed.adapters))
        #expect(try straight.timelessEntries() == resumed.timelessEntries())
    }

    /// Checkpoints of earlier versions, under PEFT's names and without their alpha, are the same references to the bit.
    @Test func earlierCheckpointsAreStillReferences() throws {
        let settings = settings { $0.adapters.alpha = 5 }
        let directory = try world.train(settings, in: "run")
        let file = directory.checkpoint(1, of: .lora)
        let random = Generator(seed: 3)
        let (x, states) = (random.normal([2, 4, 4, 4]), random.normal([2, 8, 8]))
        func answer(_ settings: AlignmentSettings) throws -> Tensor {
            let network = try ReferencePool(settings, .choose(settings, of: world.pipeline.denoising), in: directory).denoiser(1)
            return noGradients { network(x, at: Tensor([300, 700]), Conditioning(text: states)) }
        }
        let now = try answer(settings)
        let earlier = try RunCheckpoint.adapters(SafeTensorsFile(file)).mapValues { $0.clone() }
        try SafeTensors.write(earlier.map { ($0.key, $0.value) }, metadata: ["format": "pt", "iteration": "1"], forMapping: true, to: file)
        #expect(try SafeTensorsFile(file).names.allSatisfy { $0.contains(".transformer_blocks.") })
        #expect(sameBits(try answer(settings), now))
        #expect(try !sameBits(answer(self.settings()), now), "the twin: another alpha")
        try SafeTensors.write(earlier.merging(["stray": Tensor.ones([1])]) { $1 }, to: file)
        #expect(throws: ParameterError.self) { try answer(settings) }
    }

    /// Names change no number: a run may go on under others.
    @Test func namesMayChangeOnTheWay() throws {
        let folder = world.folder.appendingPathComponent("run")
        try AlignmentRun.open(settings(), in: folder, resumes: false).run(stopping: StopSignals([])) { _ in }
        let directory = RunDirectory(folder)
        let before = try world.pipeline.merged(LoRA.File(directory.adapters))
        try FileManager.default.removeItem(at: directory.model)
        try AlignmentRun.open(settings { $0.adapters.names = .diffusers }, in: folder, resumes: true).run(stopping: StopSignals([])) { _ in }
        #expect(try SafeTensorsFile(directory.adapters).names.allSatisfy { $0.hasPrefix("unet.") })
        #expect(try relativeDifference(world.pipeline.merged(LoRA.File(directory.adapters)).unetTensors, before.unetTensors) < 1e-6)
        #expect(throws: RunError.self) { _ = try AlignmentRun.open(settings { $0.adapters.alpha = 3 }, in: folder, resumes: true) }
    }

    /// Another's adapters are the first reference too, and its text encoder's changes part of the model.
    @Test func goesOnFromAnothersAdapters() throws {
        let (unet, random) = (world.pipeline.unetTensors, Generator(seed: 8))
        var others: [String: Tensor] = [:]
        for (path, shape) in LoRA.layers([.attention, .convolutions], of: unet) {
            let flat = "lora_unet_" + path.replacingOccurrences(of: ".", with: "_")
            others[flat + ".lora_down.weight"] = random.normal([3] + shape.dropFirst()) * 0.2
            others[flat + ".lora_up.weight"] = random.normal([shape[0], 3] + shape.dropFirst(2).map { _ in 1 }) * 0.2
            others[flat + ".alpha"] = Tensor([6] as [Float], shape: [])
        }
        let projection = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
        (others[projection + ".lora_down.weight"], others[projection + ".lora_up.weight"]) = (random.normal([2, 8]), random.normal([8, 2]))
        let file = world.folder.appendingPathComponent("others.safetensors")
        try SafeTensors.write(others, to: file)
        let settings = settings { ($0.adapters.rank, $0.adapters.from, $0.optimisation.learningRate) = (0, file.path, 0) }
        let run = try AlignmentRun.open(settings, in: world.folder.appendingPathComponent("run"), resumes: false)
        try run.run(stopping: StopSignals([])) { entry in
            #expect(entry.flipZero == 1 && entry.winnerError == entry.referenceWinnerError, "policy and reference 0 are the others' model")
        }
        let merged = try world.pipeline.merged(LoRA.File(file))
        let (aligned, again) = (try Pipeline.load(run.directory.model), try world.pipeline.merged(LoRA.File(run.directory.adapters)))
        for pipeline in [aligned, again] {
            #expect(relativeDifference(pipeline.unetTensors, merged.unetTensors) < 1e-6)
            #expect((pipeline.textStates(["a red circle"]) - merged.textStates(["a red circle"])).magnitude.max().item < 1e-5)
        }
        #expect(relativeDifference(merged.unetTensors, unet) > 1e-3, "the twin without them")
        #expect((world.pipeline.textStates(["a red circle"]) - merged.textStates(["a red circle"])).magnitude.max().item > 1e-3)
    }

    @Test func aStateOfAnotherRankIsRefused() throws {
        let directory = try world.train(settings(), in: "run")
        let winners = try world.encoded(settings())
        #expect { try KeptTraining(settings { $0.adapters.rank = 0 }, world.pipeline.denoising, winners, directory) } throws: {
            "\($0)".contains("another model")
        }
    }

    @Test func aModelWithoutAttentionIsRefused() throws {
        let pipeline = world.pipeline
        var unet = pipeline.unet.configuration
        (unet.downAttention, unet.upAttention, unet.middle) = ([false, false], [false, false], .plain)
        func store(_ seed: UInt64) -> ParameterStore { ParameterStore(seed: seed, isTrainable: false) }
        let plain = try Pipeline(
            tokenizer: pipeline.tokenizer, textEncoder: (pipeline.textEncoder.configuration, store(1)),
            autoencoder: (pipeline.autoencoder.configuration, store(2)), unet: (unet, store(3)), scheduler: pipeline.scheduler)
        let (winners, directory) = (try world.encoded(settings()), RunDirectory(world.folder.appendingPathComponent("plain")))
        try directory.create()
        #expect { try KeptTraining(settings(), plain.denoising, winners, directory) } throws: { "\($0)".contains("no layers of the kind attention") }
        _ = try KeptTraining(settings { $0.adapters.rank = 0 }, plain.denoising, winners, directory)
    }

    /// The gradient of the adapters is that of the merged weight, projected: ∂A = scale·Bᵀ·∂W and ∂B = scale·∂W·Aᵀ.
    @Test func gradientsFollowFromThoseOfTheWeight() throws {
        let random = Generator(seed: 4)
        let (weight, down, up) = (random.normal([5, 6]), random.normal([2, 6]), random.normal([5, 2]))
        let adapters = LowRankAdapters(["lora_A.weight": down, "lora_B.weight": up].reduce(into: [:]) { $0["layer." + $1.key] = $1.value }, scale: 1.5)
        let store = ParameterStore(["layer.weight": weight], isTrainable: true, adapters: adapters)
        let layer = try store.build { Linear($0["layer"], 6, 5, bias: false) }
        let whole = ParameterStore(Dictionary(uniqueKeysWithValues: [("layer.weight", weight + adapters.change(of: "layer")!)]), isTrainable: true)
        let reference = try whole.build { Linear($0["layer"], 6, 5, bias: false) }
        let (x, slopes) = (random.normal([7, 6]), random.normal([7, 5]))
        (layer(x) * slopes).sum().backward()
        (reference(x) * slopes).sum().backward()
        let ofWeight = try #require(whole.parameters[0].value.gradient)
        #expect(store.trained.map(\.name) == ["layer.lora_A.weight", "layer.lora_B.weight"] && store.parameters[0].value.gradient == nil)
        let expected = [up.transposed(0, 1).matmul(ofWeight) * 1.5, ofWeight.matmul(down.transposed(0, 1)) * 1.5]
        for (tensor, other) in zip(store.trained.map(\.value), expected) { #expect((tensor.gradient! - other).magnitude.max().item < 1e-4) }
    }
}
