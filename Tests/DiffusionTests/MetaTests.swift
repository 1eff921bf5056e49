import Diffusion
import Layers
import Networks
import TestFiles
import Testing
import Torch

/// Whole networks on libtorch's device without elements, where every call must find its tensors on one device.
@Suite struct MetaTests {
    private static let meta = Placement(.meta)

    private static func zeros(_ shape: [Int], requiresGradient: Bool = false) -> Tensor {
        let tensor = Tensor.zeros(shape, on: meta)
        tensor.requiresGradient = requiresGradient
        return tensor
    }

    @Test(arguments: ["sd1", "sd1_options", "sd2", "plain_scale_shift", "deep"]) func theUNet(_ name: String) throws {
        let configuration = try UNetConfiguration(Fixture.folder.appendingPathComponent("unet/\(name)/config.json"))
        for recomputes in [false, true] {
            let store = ParameterStore(seed: 1, on: Self.meta)
            try checkingDevices {
                var unet = try store.build { UNet($0, configuration) }
                unet.recomputesBlocks = recomputes
                let x = Self.zeros([2, configuration.inChannels, 16, 16], requiresGradient: true)
                let answer = unet(x, timesteps: Tensor([1, 2] as [Float]), context: Self.zeros([2, 5, configuration.crossAttentionChannels]))
                #expect(answer.device == .meta && answer.shape == [2, configuration.outChannels, 16, 16] && answer.dtype == .float32)
                answer.squared.mean().backward()
                #expect(x.gradient?.device == .meta && x.gradient?.shape == x.shape)
                for (name, value) in store.parameters { #expect(value.gradient?.shape == value.shape, "\(name)") }
            }
        }
    }

    @Test func theUNetWithAdapters() throws {
        let configuration = try UNetConfiguration(Fixture.folder.appendingPathComponent("unet/sd1/config.json"))
        let whole = ParameterStore(seed: 1)
        _ = try whole.build { UNet($0, configuration) }
        let layers = LoRA.layers(LoRA.Target.allCases, of: whole.tensors)
        let adapters = LowRankAdapters(rank: 2, alpha: 2, layers: layers, seed: 1)
        // From the processor's tensors, as from a file.
        let store = ParameterStore(whole.tensors, isTrainable: true, adapters: adapters, on: Self.meta)
        try checkingDevices {
            let unet = try store.build { UNet($0, configuration) }
            let answer = unet(
                Self.zeros([1, 4, 16, 16]), timesteps: Tensor([7 as Float]), context: Self.zeros([1, 5, configuration.crossAttentionChannels]))
            answer.sum().backward()
        }
        #expect(!store.trained.isEmpty)
        for (name, value) in store.parameters {
            #expect(value.device == .meta)
            #expect((value.gradient != nil) == name.contains("lora_"), "\(name)")
        }
    }

    @Test func theAutoencoder() throws {
        var configuration = AutoencoderConfiguration()
        (configuration.channels, configuration.layersPerBlock, configuration.groups) = ([32, 64], 1, 8)
        let store = ParameterStore(seed: 1, on: Self.meta)
        try checkingDevices {
            let autoencoder = try store.build { Autoencoder($0, configuration) }
            let images = Self.zeros([2, 3, 16, 24], requiresGradient: true)
            let posterior = autoencoder.posterior(images)
            let latents = posterior.sample(Self.zeros([2, 4, 8, 12]))
            #expect(latents.device == .meta && latents.shape == [2, 4, 8, 12])
            let decoded = autoencoder.decode(autoencoder.scaled(latents))
            #expect(decoded.device == .meta && decoded.shape == images.shape)
            (decoded - images).squared.mean().backward()
            #expect(images.gradient?.device == .meta)
            for (name, value) in store.parameters { #expect(value.gradient?.device == .meta, "\(name)") }
        }
    }

    @Test func theTextEncoder() throws {
        var configuration = CLIPTextConfiguration()
        (configuration.vocabularySize, configuration.width, configuration.hiddenWidth, configuration.layers, configuration.heads) = (100, 32, 64, 2, 4)
        let store = ParameterStore(seed: 1, on: Self.meta)
        try checkingDevices {
            let model = try store.build { CLIPTextModel($0, configuration) }
            let states = model(Tensor.zeros([2, 77], on: Placement(.meta, .int64)))
            #expect(states.device == .meta && states.shape == [2, 77, 32])
            states.squared.mean().backward()
            for (name, value) in store.parameters { #expect(value.gradient?.device == .meta, "\(name)") }
        }
    }

    /// From files to text states and images.
    @Test func aWholePipelineIsReadThere() throws {
        let folder = Fixture.folder.appendingPathComponent("pipeline/model")
        let pipeline = try Pipeline.load(folder, on: Self.meta)
        for tensors in [pipeline.textEncoderTensors, pipeline.autoencoderTensors, pipeline.unetTensors] {
            for (name, tensor) in tensors { #expect(tensor.device == .meta, "\(name)") }
        }
        checkingDevices {
            let states = pipeline.textStates(["a red circle", ""])
            #expect(states.device == .meta)
            let side = pipeline.unet.configuration.sampleSize
            let latents = noGradients { pipeline.unet(Self.zeros([2, 4, side, side]), timesteps: Tensor([3 as Float]), context: states) }
            #expect(noGradients { pipeline.autoencoder.decode(latents) }.device == .meta)
        }
    }

    #if compiler(>=6.2)
        /// The twins: one input, or the weights, left on the processor. The time embedding meets them first; the text states meet a linear layer, which
        /// libtorch itself lets pass.
        @Test(arguments: [("latents", "aten::mul.Tensor"), ("states", "seppo::linear"), ("weights", "aten::mul.Tensor")])
        func aTensorLeftOnTheProcessorEndsIt(_ stray: String, _ place: String) async {
            let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [stray = stray as String] in
                try checkingDevices { try MetaTests.answer(stray: stray) }
            }
            let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(text.contains("tensors on more than one device: argument 1"))
            #expect(text.contains(place))
        }

        @Test func withNoneLeftItEndsWell() async {
            await #expect(processExitsWith: .success) { try checkingDevices { try MetaTests.answer(stray: "") } }
        }
    #endif

    private static func answer(stray: String) throws {
        func place(_ name: String) -> Placement { stray == name ? Placement() : meta }
        let configuration = try UNetConfiguration(Fixture.folder.appendingPathComponent("unet/sd1/config.json"))
        let unet = try ParameterStore(seed: 1, on: place("weights")).build { UNet($0, configuration) }
        _ = unet(
            .zeros([1, 4, 16, 16], on: place("latents")), timesteps: Tensor([7 as Float]),
            context: .zeros([1, 5, configuration.crossAttentionChannels], on: place("states")))
    }
}
