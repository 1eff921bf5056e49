import Foundation
import Torch

/// Where the parts of a pipeline lie in a diffusers folder.
public struct PipelineFolder {
    public let root: URL
    public let textEncoder: Part
    public let autoencoder: Part
    public let unet: Part

    public init(_ root: URL) {
        self.root = root
        textEncoder = Part(folder: root.appendingPathComponent("text_encoder"), weights: "model.safetensors")
        autoencoder = Part(folder: root.appendingPathComponent("vae"), weights: "diffusion_pytorch_model.safetensors")
        unet = Part(folder: root.appendingPathComponent("unet"), weights: "diffusion_pytorch_model.safetensors")
    }

    public var tokenizer: URL { root.appendingPathComponent("tokenizer") }
    public var scheduler: URL { root.appendingPathComponent("scheduler/scheduler_config.json") }
    public var index: URL { root.appendingPathComponent("model_index.json") }

    /// The text encoder's tensors under the names of the published Stable Diffusion files: newer transformers leave the `text_model.` out,
    /// older ones store the positions 0, 1, 2, …, which are no weights.
    func textEncoderTensors() throws -> [String: Tensor] {
        try Self.textEncoderTensors(textEncoder.tensors())
    }

    /// As `textEncoderTensors()`, of tensors or whatever else is known of them by name.
    public static func textEncoderTensors<Value>(_ stored: [String: Value]) -> [String: Value] {
        let named = stored.map { ($0.hasPrefix("text_model.") ? $0 : "text_model." + $0, $1) }
        return Dictionary(named, uniquingKeysWith: { first, _ in first }).filter { $0.key != "text_model.embeddings.position_ids" }
    }

    /// Throws when there is no pipeline in this folder.
    func check() throws {
        guard FileManager.default.fileExists(atPath: index.path) else {
            throw ConfigurationError(file: root.path, message: "is not a diffusers folder: it has no model_index.json")
        }
    }

    /// One network: its configuration and its weights.
    public struct Part {
        public let folder: URL
        let weights: String

        public init(folder: URL, weights: String) {
            self.folder = folder
            self.weights = weights
        }

        public var configuration: URL { folder.appendingPathComponent("config.json") }
        public var weightsFile: URL { folder.appendingPathComponent(weights) }

        public func tensors() throws -> [String: Tensor] { try SafeTensorsFile(weightsFile).all() }

        func write(_ configuration: JSONValue, _ tensors: [(name: String, value: Tensor)]) throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try writeAtomically(configuration.prettyData(), to: self.configuration)
            try SafeTensors.write(tensors, metadata: ["format": "pt"], to: weightsFile)
        }
    }

    func created(_ folder: URL) throws -> URL {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    func writeScheduler(_ configuration: SchedulerConfiguration) throws {
        _ = try created(scheduler.deletingLastPathComponent())
        try configuration.write(to: scheduler)
    }

    func writeIndex(_ schedulerClass: String) throws {
        let classes: [(String, String, String)] = [
            ("unet", "diffusers", "UNet2DConditionModel"), ("vae", "diffusers", "AutoencoderKL"), ("scheduler", "diffusers", schedulerClass),
            ("text_encoder", "transformers", "CLIPTextModel"), ("tokenizer", "transformers", "CLIPTokenizer"),
        ]
        var entries = Dictionary(uniqueKeysWithValues: classes.map { ($0.0, JSONValue.strings([$0.1, $0.2])) })
        entries["_class_name"] = .string("StableDiffusionPipeline")
        entries["feature_extractor"] = .array([.null, .null])
        entries["image_encoder"] = .array([.null, .null])
        entries["safety_checker"] = .array([.null, .null])
        entries["requires_safety_checker"] = .bool(false)
        try writeAtomically(JSONValue.object(entries).prettyData(), to: index)
    }
}

extension JSONValue {
    /// As it is written to a file: indented, keys in order.
    public func prettyData() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}
