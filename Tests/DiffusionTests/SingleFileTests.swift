import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Networks
@testable import Storage
@testable import Tokenizers

/// Models in a single file: small ones of Stable Diffusion 1.x's shape, with random weights.
@Suite struct SingleFileTests {
    private let folder = TemporaryFolder()

    private let pipeline: Pipeline

    init() throws { pipeline = try SmallStableDiffusion.deeperPipeline() }

    private func draw(_ pipeline: Pipeline) throws -> Tensor {
        try pipeline.generate(["a calm lake"], seeds: [7], settings: SamplingSettings(steps: 3, guidance: 3), width: 16, height: 16)
    }

    @Test func theStandardTokenizerIsCLIPs() {
        #expect(CLIPTokenizer.standard.vocabularySize == 49408)
        // As open_clip's and transformers' tokenizers give them.
        #expect(CLIPTokenizer.standard.encode("a photo of a cat") == [49406, 320, 1125, 539, 320, 2368, 49407])
        #expect(CLIPTokenizer.standard.encode("Größe: 😀 42!") == Self.expectedIds)
    }

    // open_clip 3.3.0, between start and end.
    private static let expectedIds = [49406, 709, 7255, 127, 253, 324, 281, 7334, 275, 273, 256, 49407]

    @Test func aWrittenFileIsReadAsTheSameModel() throws {
        let file = folder.url("model.safetensors")
        try pipeline.write(singleFile: file)
        let names = try SafeTensorsFile(file).names
        for name in [
            "model.diffusion_model.input_blocks.1.0.in_layers.2.weight", "model.diffusion_model.output_blocks.2.1.conv.weight",
            "model.diffusion_model.output_blocks.5.2.conv.weight", "first_stage_model.decoder.up.1.upsample.conv.weight",
            "first_stage_model.encoder.mid.attn_1.q.weight", "cond_stage_model.transformer.text_model.final_layer_norm.weight",
        ] { #expect(names.contains(name), "\(name)") }
        let again = try Pipeline.load(file)
        #expect(again.unet.configuration == pipeline.unet.configuration)
        #expect(again.autoencoder.configuration == pipeline.autoencoder.configuration)
        #expect(again.textEncoder.configuration == pipeline.textEncoder.configuration)
        #expect(try largestDifference(draw(again), draw(pipeline)) == 0)
    }

    /// Every tensor of a network has an original name of its own, and comes back under its own.
    @Test func theKeyMapGoesBothWays() throws {
        let unet = OriginalNames.unet(pipeline.unet.configuration)
        let autoencoder = OriginalNames.autoencoder(pipeline.autoencoder.configuration)
        for (names, parameters) in [(unet, pipeline.stores.unet.parameters), (autoencoder, pipeline.stores.autoencoder.parameters)] {
            let originals = parameters.compactMap { names.original($0.name) }
            #expect(originals.count == parameters.count && Set(originals).count == originals.count)
            #expect(originals.map { names.current($0) } == parameters.map(\.name))
        }
        #expect(unet.current("input_blocks.99.0.in_layers.0.weight") == nil)
    }

    @Test func halfPrecisionAndForeignTensorsAreNoHindrance() throws {
        let file = folder.url("model.safetensors")
        try pipeline.write(singleFile: file)
        var tensors = try SafeTensorsFile(file).all().mapValues { $0.to(.float16) }
        tensors["model_ema.decay"] = Tensor([0.5] as [Float])
        tensors["alphas_cumprod"] = Tensor.ones([1000])
        tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] = Tensor([0, 1, 2])
        try SafeTensors.write(tensors, to: folder.url("half.safetensors"))
        #expect(try largestDifference(draw(Pipeline.load(folder.url("half.safetensors"))), draw(pipeline)) < 0.1)
    }

    @Test(arguments: [
        ("conditioner.embedders.0.weight", "Stable Diffusion XL"), ("cond_stage_model.model.ln_final.weight", "2.x"), ("lora_unet_x.alpha", "LoRA"),
        ("down_blocks.0.resnets.0.conv1.weight", "is a UNet alone"), ("something.weight", "holds no UNet"),
    ])
    func otherFilesAreRefusedByName(_ tensor: String, _ message: String) throws {
        let file = folder.url("other.safetensors")
        try SafeTensors.write([tensor: Tensor.ones([1])], to: file)
        let error = try #require(throws: ConfigurationError.self) { try Pipeline.load(file) }
        #expect(error.message.contains(message), "\(error)")
    }

    @Test(arguments: [
        ("model.diffusion_model.input_blocks.0.0.weight", [64, 4, 3]), ("model.diffusion_model.input_blocks.0.0.weight", []),
        ("model.diffusion_model.input_blocks.1.0.out_layers.3.weight", [63, 64, 3, 3]), ("first_stage_model.encoder.conv_in.weight", [0, 3, 3, 3]),
        ("first_stage_model.encoder.down.0.block.0.conv1.weight", [33, 32, 3, 3]), ("model.diffusion_model.stray.weight", [1]),
        // A name of ours, beside the original one of the same tensor.
        ("model.diffusion_model.conv_in.weight", [64, 4, 3, 3]),
        ("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", [49408, 63]),
    ])
    func shapesThatCannotBeAreRefused(_ name: String, _ shape: [Int]) throws {
        let file = folder.url("model.safetensors")
        try pipeline.write(singleFile: file)
        var tensors = try SafeTensorsFile(file).all().mapValues { $0.clone() }
        tensors[name] = Tensor.zeros(shape)
        try SafeTensors.write(tensors, to: file)
        #expect(throws: (any Error).self) { try Pipeline.load(file) }
    }

    @Test func whatASingleFileCannotTellIsNotWritten() throws {
        #expect { try Pipeline.load(PipelineCase.folder).write(singleFile: folder.url("x.safetensors")) } throws: { "\($0)".contains("cannot tell") }
        #expect(!FileManager.default.fileExists(atPath: folder.url("x.safetensors").path))
    }

    /// diffusers' own conversion of what we wrote gives our tensors, to the bit, and its pipeline draws our image.
    @Test(.enabled(if: Python.hasDiffusers, "no Python with diffusers: set SEPPO_PYTHON to one")) func diffusersConvertsWhatWeWrote() throws {
        try pipeline.write(singleFile: folder.url("model.safetensors"))
        try pipeline.write(to: folder.url("folder"))
        let script = Fixture.folder.appendingPathComponent("check_single_file.py").path
        let (status, errors) = try Python.run([script, folder.url.path])
        try #require(status == 0, "\(errors)")
        let image = try #require(try SafeTensorsFile(folder.url("image.safetensors")).all()["image"])
        let own = try pipeline.generate(["a calm lake"], seeds: [7], settings: SamplingSettings(steps: 3, guidance: 3), width: 16, height: 16)
        let difference = (Pipeline.pixels(own)[0].to(.float64) - image.to(.float64)).magnitude.max().item
        print("diffusers from our single file: \(difference) of 255")
        #expect(difference <= 2)
    }
}
