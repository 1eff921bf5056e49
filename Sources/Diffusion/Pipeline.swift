import Foundation
import Layers
import Networks
import Storage
import Tokenizers
import Torch

/// A model that draws pictures, or clips, from text: tokenizer, text encoder, autoencoder, UNet and noise schedule, read from and written to a diffusers folder.
public struct Pipeline {
    public let tokenizer: CLIPTokenizer
    public let textEncoder: CLIPTextModel
    public let autoencoder: Autoencoder
    public let unet: UNet
    public let scheduler: SchedulerConfiguration
    /// The schedule to train with and the one that reads model outputs.
    public let schedule: NoiseSchedule
    /// The tensors of each part, by the names of its file.
    let stores: Stores

    struct Stores {
        let textEncoder: ParameterStore
        let autoencoder: ParameterStore
        let unet: ParameterStore
    }

    /// Joins parts that were just trained or loaded.
    public init(
        tokenizer: CLIPTokenizer, textEncoder: (CLIPTextConfiguration, ParameterStore), autoencoder: (AutoencoderConfiguration, ParameterStore),
        unet: (UNetConfiguration, ParameterStore), scheduler: SchedulerConfiguration
    ) throws {
        self.tokenizer = tokenizer
        self.scheduler = scheduler
        schedule = try scheduler.noiseSchedule()
        stores = Stores(textEncoder: textEncoder.1, autoencoder: autoencoder.1, unet: unet.1)
        self.textEncoder = try textEncoder.1.build { CLIPTextModel($0, textEncoder.0) }
        self.autoencoder = try autoencoder.1.build { Autoencoder($0, autoencoder.0) }
        self.unet = try unet.1.build { UNet($0, unet.0) }
        try check(unet.0)
    }

    /// Reads a diffusers folder, or a model in a single safetensors file. Throws with the file, the option or the tensors that do not fit.
    /// - Parameters:
    ///   - unetWeights: a file of UNet tensors to take instead of the model's own, such as a checkpoint of a run
    ///   - placement: where the networks are to compute
    public static func load(_ location: URL, unetWeights: URL? = nil, on placement: Placement = Placement()) throws -> Pipeline {
        try load(ModelFiles(location), unetWeights: unetWeights, on: placement)
    }

    /// Reads all parts of a model.
    public static func load(_ files: ModelFiles, unetWeights: URL? = nil, on placement: Placement = Placement()) throws -> Pipeline {
        try Pipeline(
            tokenizer: files.tokenizer(), textEncoder: files.textEncoder(on: placement), autoencoder: files.autoencoder(on: placement),
            unet: files.unet(weights: unetWeights, on: placement), scheduler: files.scheduler())
    }

    private func check(_ unet: UNetConfiguration) throws {
        let text = textEncoder.configuration
        let disagreement = Self.disagreements(tokenizer: tokenizer, textEncoder: text, autoencoder: autoencoder.configuration, unet: unet).first
        if let disagreement { throw ConfigurationError(file: "model", message: disagreement) }
    }

    /// In what the parts of a pipeline do not fit each other; a part that is nil fits.
    public static func disagreements(
        tokenizer: CLIPTokenizer?, textEncoder text: CLIPTextConfiguration?, autoencoder: AutoencoderConfiguration?, unet: UNetConfiguration?
    ) -> [String] {
        var found: [String] = []
        if let text, let unet, text.width != unet.crossAttentionChannels {
            found.append("the text encoder is \(text.width) wide, the UNet attends to \(unet.crossAttentionChannels) channels")
        }
        if let autoencoder, let unet, autoencoder.latentChannels != unet.inChannels || unet.inChannels != unet.outChannels {
            found.append("latents have \(autoencoder.latentChannels) channels, the UNet takes \(unet.inChannels) and gives \(unet.outChannels)")
        }
        if let tokenizer, let text, tokenizer.vocabularySize > text.vocabularySize {
            found.append("the tokenizer has \(tokenizer.vocabularySize) tokens, the text encoder \(text.vocabularySize)")
        }
        if let tokenizer, let text, tokenizer.maximumLength > text.maximumLength {
            found.append("the tokenizer gives \(tokenizer.maximumLength) tokens, the text encoder has \(text.maximumLength) positions")
        }
        return found
    }

    /// The size of the images that the model was made for, in pixels.
    public var size: (width: Int, height: Int) {
        let (sides, factor) = (unet.configuration.sampleSides, autoencoder.configuration.downsampling)
        return (sides.width * factor, sides.height * factor)
    }

    /// The tensors of the UNet, to build another one over, such as the policy of a run.
    public var unetTensors: [String: Tensor] { stores.unet.tensors }

    /// The tensors of the parts that encode.
    public var textEncoderTensors: [String: Tensor] { stores.textEncoder.tensors }
    public var autoencoderTensors: [String: Tensor] { stores.autoencoder.tensors }

    /// Text states `[N, L, D]`, on the text encoder's device.
    public func textStates(_ texts: [String]) -> Tensor {
        let ids = tokenizer.ids(texts)
        return noGradients { textEncoder(Tensor(ids.flatMap { $0 }, shape: [texts.count, tokenizer.maximumLength]).to(textEncoder.device)) }
    }

    /// What the denoiser is told of texts.
    public func conditioning(_ texts: [String]) -> Conditioning { Conditioning(text: textStates(texts)) }

    /// Writes a single file as model-sharing sites offer them. Throws where that cannot tell what the model is: see `SingleFile.write`.
    public func write(singleFile file: URL, unetTensors: [(name: String, value: Tensor)]? = nil) throws {
        try SingleFile.write(self, unetTensors: unetTensors ?? stores.unet.parameters, to: file)
    }

    /// Writes a diffusers folder, with other UNet tensors where given.
    /// - Parameter type: of all tensors in the files, such as `.float16`; nil: as they are
    public func write(to folder: URL, unetTensors: [(name: String, value: Tensor)]? = nil, as type: DType? = nil) throws {
        try PipelineFolder(folder).write(
            tokenizer: tokenizer, textEncoder: (textEncoder.configuration.json, stores.textEncoder.parameters),
            autoencoder: (autoencoder.configuration.json, stores.autoencoder.parameters),
            unet: (unet.configuration.json, unetTensors ?? stores.unet.parameters),
            motion: unet.configuration.motionAdapter(unetTensors ?? stores.unet.parameters), scheduler: scheduler, as: type)
    }
}
