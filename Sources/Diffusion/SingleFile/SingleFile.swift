import Foundation
import Layers
import Torch

/// A Stable Diffusion 1.x model in one safetensors file, in the naming of latent-diffusion's code: what model-sharing sites offer.
///
/// It holds the weights of the three networks and nothing else. The configuration is read off the tensors' shapes, the tokenizer is CLIP's, the
/// noise schedule Stable Diffusion 1.x's.
public struct SingleFile: Sendable {
    public let file: SafeTensorsFile
    public let unet: UNetConfiguration
    public let autoencoder: AutoencoderConfiguration
    public let textEncoder: CLIPTextConfiguration

    /// Its networks by diffusers' names for them, and what their tensors' names begin with.
    public static let parts = [("text_encoder", textPrefix), ("vae", autoencoderPrefix), ("unet", unetPrefix)]

    private static let unetPrefix = "model.diffusion_model."
    private static let autoencoderPrefix = "first_stage_model."
    private static let textPrefix = "cond_stage_model.transformer."

    /// Reads the header. Throws `SafeTensorsError`, or `ConfigurationError` where it is another kind of file.
    public init(_ url: URL) throws {
        let file = try SafeTensorsFile(url)
        if let other = Self.other(file) { throw ConfigurationError(file: url.path, message: "is \(other), which is not supported") }
        func shapes(_ prefix: String) -> OriginalShapes {
            OriginalShapes(file: url.path, shapes: Self.part(prefix, file).mapValues { file.shape(of: $0) ?? [] })
        }
        self.file = file
        unet = try shapes(Self.unetPrefix).unet()
        autoencoder = try shapes(Self.autoencoderPrefix).autoencoder()
        textEncoder = try shapes(Self.textPrefix).textEncoder()
    }

    /// Models of other kinds that come in one file, by a tensor that only they have.
    private static func other(_ file: SafeTensorsFile) -> String? {
        let kinds = [
            ("conditioner.embedders.", "Stable Diffusion XL"), ("cond_stage_model.model.", "Stable Diffusion 2.x in a single file"),
            ("model.diffusion_model.joint_blocks.", "Stable Diffusion 3"), ("double_blocks.", "Flux"), ("model.diffusion_model.double_blocks.", "Flux"),
            ("lora_", "a LoRA, not a model"), ("down_blocks.", "a part of a diffusers folder, not a whole model"),
        ]
        return kinds.first { prefix, _ in file.names.contains { $0.hasPrefix(prefix) } }?.1
    }

    /// Whether it looks like one by its names.
    public static func isOne(_ file: SafeTensorsFile) -> Bool { file.names.contains { $0.hasPrefix(unetPrefix) } }

    /// Names within a part, and the whole names in the file.
    private static func part(_ prefix: String, _ file: SafeTensorsFile) -> [String: String] {
        Dictionary(uniqueKeysWithValues: file.names.filter { $0.hasPrefix(prefix) }.map { (String($0.dropFirst(prefix.count)), $0) })
    }

    func unetStore() throws -> ParameterStore { try store(Self.unetPrefix, OriginalNames.unet(unet).current) }

    func autoencoderStore() throws -> ParameterStore {
        try store(Self.autoencoderPrefix, OriginalNames.autoencoder(autoencoder).current) { name, tensor in
            Self.wasConvolution(name, tensor.shape) ? tensor.flattened(from: 1) : tensor
        }
    }

    /// Its names are transformers' in these files, too.
    func textEncoderStore() throws -> ParameterStore { try store(Self.textPrefix, { $0 }) }

    /// Holds the names and shapes of all tensors against the configurations, without touching the data. Throws `ParameterError`.
    public func check() throws {
        func outline(_ prefix: String, _ name: (String) -> String?, shape: (String, [Int]) -> [Int] = { $1 }) -> ParameterStore {
            ParameterStore(shapes: renamed(prefix, name) { shape($0, file.shape(of: $1) ?? []) }, from: file.url.path)
        }
        _ = try outline(Self.unetPrefix, OriginalNames.unet(unet).current).build { UNet($0, unet) }
        _ = try outline(Self.autoencoderPrefix, OriginalNames.autoencoder(autoencoder).current) { name, shape in
            Self.wasConvolution(name, shape) ? Array(shape[..<2]) : shape
        }.build { Autoencoder($0, autoencoder) }
        _ = try outline(Self.textPrefix, { $0 }).build { CLIPTextModel($0, textEncoder) }
    }

    private func store(_ prefix: String, _ name: (String) -> String?, shape: (String, Tensor) -> Tensor = { $1 }) throws -> ParameterStore {
        ParameterStore(try renamed(prefix, name) { shape($0, try file.tensor($1)) }, from: file.url.path)
    }

    /// What is known of a part's tensors under today's names. A name that is not known stays as it is in the file, and is reported as no part of the
    /// network.
    private func renamed<Value>(
        _ prefix: String, _ name: (String) -> String?, _ value: (_ current: String, _ inFile: String) throws -> Value
    ) rethrows -> [String: Value] {
        var values: [String: Value] = [:]
        for (original, inFile) in Self.part(prefix, file) where !PublishedNames.isNoWeight(original) {
            let current = name(original) ?? inFile
            values[current] = try value(current, inFile)
        }
        return values
    }

    /// Attention of the autoencoder was written as 1×1 convolutions.
    private static func wasConvolution(_ name: String, _ shape: [Int]) -> Bool { name.contains(".attentions.") && shape.count == 4 }

    /// Stable Diffusion 1.x's.
    public static let scheduler = SchedulerConfiguration(
        className: "PNDMScheduler", trainTimesteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: .scaledLinear, predictionType: .epsilon,
        stepsOffset: 1, setAlphaToOne: false, skipRungeKutta: true)

    /// Writes the three networks under their original names.
    ///
    /// Throws `ConfigurationError` where the file would not tell what the pipeline is: where its configuration is not the one that `init` would read off
    /// the shapes, its schedule not Stable Diffusion 1.x's, its tokenizer not CLIP's.
    static func write(_ pipeline: Pipeline, unetTensors: [(name: String, value: Tensor)], to url: URL) throws {
        func refuse(_ what: String) -> ConfigurationError {
            ConfigurationError(file: url.path, message: "a single file cannot tell the model's \(what): write a diffusers folder")
        }
        func renamed(_ tensors: [(name: String, value: Tensor)], _ prefix: String, _ name: (String) -> String?) throws -> [(name: String, value: Tensor)] {
            try tensors.map { tensor in
                guard let original = name(tensor.name) else { throw refuse("tensor \(tensor.name)") }
                return (prefix + original, tensor.value.detached)
            }
        }
        let unet = try renamed(unetTensors, unetPrefix, OriginalNames.unet(pipeline.unet.configuration).original)
        let names = OriginalNames.autoencoder(pipeline.autoencoder.configuration)
        let autoencoder = try renamed(pipeline.stores.autoencoder.parameters, autoencoderPrefix, names.original).map { tensor in
            let isAttention = ["q", "k", "v", "proj_out"].contains { tensor.name.hasSuffix(".mid.attn_1.\($0).weight") }
            return isAttention ? (tensor.name, tensor.value.unsqueezed(-1).unsqueezed(-1)) : tensor
        }
        let textEncoder = try renamed(pipeline.stores.textEncoder.parameters, textPrefix) { $0 }

        func shapes(_ tensors: [(name: String, value: Tensor)], _ prefix: String) -> OriginalShapes {
            OriginalShapes(file: url.path, shapes: Dictionary(uniqueKeysWithValues: tensors.map { (String($0.name.dropFirst(prefix.count)), $0.value.shape) }))
        }
        guard (try? shapes(unet, unetPrefix).unet()) == pipeline.unet.configuration else { throw refuse("UNet configuration") }
        guard (try? shapes(autoencoder, autoencoderPrefix).autoencoder()) == pipeline.autoencoder.configuration else {
            throw refuse("autoencoder configuration")
        }
        guard (try? shapes(textEncoder, textPrefix).textEncoder()) == pipeline.textEncoder.configuration else { throw refuse("text encoder configuration") }
        let (own, standard) = (pipeline.schedule, try scheduler.noiseSchedule())
        guard own.cumulative == standard.cumulative, own.predictionType == standard.predictionType else { throw refuse("noise schedule") }
        guard pipeline.tokenizer.isSame(as: .standard) else { throw refuse("tokenizer") }
        try SafeTensors.write(unet + autoencoder + textEncoder, metadata: ["format": "pt"], to: url)
    }
}
