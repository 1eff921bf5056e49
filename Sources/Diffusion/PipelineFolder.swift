import Foundation
import Layers
import Networks
import Storage
import Tokenizers
import Torch

/// Where the parts of a pipeline lie in a diffusers folder.
public struct PipelineFolder: Sendable {
    public let root: URL
    public let textEncoder: Part
    public let autoencoder: Part
    public let unet: Part
    /// The motion modules by themselves, which stand in the UNet's folder too.
    public let motionAdapter: Part

    public init(_ root: URL) {
        self.root = root
        textEncoder = .textEncoder(root.appendingPathComponent("text_encoder"))
        autoencoder = .autoencoder(root.appendingPathComponent("vae"))
        unet = .unet(root.appendingPathComponent("unet"))
        motionAdapter = .unet(root.appendingPathComponent("motion_adapter"))
    }

    public var tokenizer: URL { root.appendingPathComponent("tokenizer") }
    public var scheduler: URL { root.appendingPathComponent("scheduler/scheduler_config.json") }
    public var index: URL { root.appendingPathComponent("model_index.json") }
    /// Of the parts.
    public var folders: [URL] { [tokenizer, textEncoder.folder, autoencoder.folder, unet.folder, scheduler.deletingLastPathComponent()] }

    /// Throws when the pipeline in this folder is of a class, or of parts, that we do not have.
    func check() throws {
        let entries = try ConfigurationReader.object(index)
        if let refusal = Self.refusal(ofClass: entries["_class_name"]) { throw ConfigurationError(file: index.path, message: refusal) }
        for (part, value) in entries.sorted(by: { $0.key < $1.key }) {
            guard case .array(let entry) = value, let name = entry.last, name != .null, !Self.setAside.contains(part) else { continue }
            if part == "unet", try drawsClips, name == .string(UNetConfiguration.motionClassName) { continue }
            guard name == Self.classes[part].map({ .string($0.name) }) else {
                throw ConfigurationError(file: index.path, message: "\(part) of class \(name.text) is not supported")
            }
        }
    }

    /// Whether its index says that it draws clips.
    public var drawsClips: Bool {
        get throws { try ConfigurationReader.object(index)["_class_name"] == .string(Self.motionClassName) }
    }

    /// Why a pipeline of that class is not read; nil where it draws from text with the parts of Stable Diffusion.
    public static func refusal(ofClass name: JSONValue?) -> String? {
        guard let name, name != .null else { return nil }
        guard case .string(let name) = name else { return "_class_name must be a text" }
        guard !plainClasses.contains(name) else { return nil }
        if let known = otherClasses.first(where: { name.hasPrefix($0.0) })?.1 { return "is a \(name), \(known), which is not supported" }
        return "is a \(name.quotedForMessage), which is not known here. If it draws from text with the parts of Stable Diffusion 1.x or 2.x, "
            + "write \(className) for its _class_name in a copy"
    }

    /// Pipelines of the same networks, trained alike.
    private static let plainClasses: Set<String> = [
        className, motionClassName, "StableDiffusionImg2ImgPipeline", "StableDiffusionPipelineSafe", "StableDiffusionSAGPipeline", "StableDiffusionPAGPipeline",
        "StableDiffusionPanoramaPipeline", "StableDiffusionAttendAndExcitePipeline",
    ]

    private static let otherClasses = [
        ("StableDiffusionInpaint", "an inpainting model"), ("StableDiffusionPAGInpaint", "an inpainting model"),
        ("StableDiffusionInstructPix2Pix", "a model that edits pictures"), ("StableDiffusionDepth2Img", "a depth-to-image model"),
        ("StableDiffusionUpscale", "an upscaler"), ("StableDiffusionLatentUpscale", "an upscaler"),
        ("StableDiffusionImageVariation", "a model that varies pictures"),
        ("StableUnCLIP", "a model that varies pictures"), ("StableDiffusionXL", "Stable Diffusion XL"), ("StableDiffusion3", "Stable Diffusion 3"),
        ("StableDiffusionControlNet", "a pipeline with a ControlNet"), ("StableDiffusionGLIGEN", "a model that takes places beside text"),
        ("LatentConsistencyModel", "a model distilled to a few steps of its own sampler"), ("Flux", "Flux"), ("PixArt", "a diffusion transformer"),
        ("StableVideoDiffusion", "a video model"), ("AnimateDiffSDXL", "Stable Diffusion XL"),
        ("AnimateDiffSparseControlNet", "a pipeline with a SparseCtrl encoder"), ("AnimateDiff", "a video model"),
    ]

    /// The tokenizer and the scheduler say themselves what they are; the others take no part in drawing from text.
    private static let setAside: Set<String> = ["tokenizer", "scheduler", "feature_extractor", "image_encoder", "safety_checker", "motion_adapter"]

    /// The networks' places in a pipeline's index, with their classes. A scheduler's class is its sampler's matter.
    package static let classes: [String: (library: String, name: String)] = [
        "unet": ("diffusers", UNetConfiguration.className), "vae": ("diffusers", AutoencoderConfiguration.className),
        "text_encoder": ("transformers", CLIPTextConfiguration.className),
    ]

    /// The class of a pipeline that draws from text with these networks.
    private static let className = "StableDiffusionPipeline"

    /// The class of one that draws clips.
    private static let motionClassName = "AnimateDiffPipeline"

    /// One network: its configuration and its weights.
    public struct Part: Sendable {
        public let folder: URL
        /// Of the names of its files of weights.
        private let stem: String
        private let names: PublishedNames

        public static func textEncoder(_ folder: URL) -> Part { Part(folder: folder, stem: "model", names: .textEncoder) }
        public static func autoencoder(_ folder: URL) -> Part { Part(folder: folder, stem: "diffusion_pytorch_model", names: .autoencoder) }
        public static func unet(_ folder: URL) -> Part { Part(folder: folder, stem: "diffusion_pytorch_model", names: .unet) }

        public var configuration: URL { folder.appendingPathComponent("config.json") }

        public func weights() throws -> WeightFiles { try WeightFiles(in: folder, stem: stem) }

        /// The weights, under today's names.
        /// - Parameters:
        ///   - file: read in place of the part's own, such as a checkpoint of a run
        ///   - isTrainable: as in `ParameterStore`
        ///   - placement: where the network is to compute
        public func store(from file: URL? = nil, isTrainable: Bool = false, on placement: Placement = Placement()) throws -> ParameterStore {
            let (tensors, origin) = try tensors(from: file)
            return ParameterStore(tensors, from: origin, isTrainable: isTrainable, on: placement)
        }

        /// The weights by today's names, and the file they come from.
        func tensors(from file: URL? = nil) throws -> (tensors: [String: Tensor], origin: String) {
            let files = try file.map { WeightFiles(try SafeTensorsFile($0)) } ?? weights()
            return (names.current(try files.all()), files.origin.path)
        }

        /// The names and shapes of these weights, under today's names: enough to see whether a configuration fits.
        public func outline(of files: WeightFiles) -> ParameterStore {
            ParameterStore(shapes: names.current(files.shapes), from: files.origin.path)
        }

        /// - Parameter type: of the tensors in the file; nil: as they are
        func write(_ network: Network, as type: DType? = nil) throws {
            try createFolder(folder)
            try writeAtomically(network.configuration.prettyData(), to: configuration)
            let tensors = type.map { type in network.tensors.map { ($0.name, $0.value.to(type)) } } ?? network.tensors
            try SafeTensors.write(tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent("\(stem).safetensors"))
        }
    }

    /// What is written of a network.
    typealias Network = (configuration: JSONValue, tensors: [(name: String, value: Tensor)])

    /// Writes a whole pipeline; no network needs to be in memory while another is written.
    /// - Parameters:
    ///   - motion: the UNet's motion modules by themselves, where it draws clips
    ///   - type: of all tensors in the files; nil: as they are
    func write(
        tokenizer: CLIPTokenizer, textEncoder: @autoclosure () throws -> Network, autoencoder: @autoclosure () throws -> Network, unet: Network,
        motion: Network? = nil, scheduler: SchedulerConfiguration, as type: DType? = nil
    ) throws {
        try tokenizer.write(to: created(self.tokenizer))
        try self.textEncoder.write(textEncoder(), as: type)
        try self.autoencoder.write(autoencoder(), as: type)
        try self.unet.write(unet, as: type)
        if let motion { try motionAdapter.write(motion, as: type) }
        _ = try created(self.scheduler.deletingLastPathComponent())
        try scheduler.write(to: self.scheduler)
        // The index comes last: a folder that has one is whole.
        try writeIndex(scheduler.className, drawsClips: motion != nil)
    }

    private func created(_ folder: URL) throws -> URL {
        try createFolder(folder)
        return folder
    }

    private func writeIndex(_ schedulerClass: String, drawsClips: Bool) throws {
        var entries = Self.classes.mapValues { JSONValue.strings([$0.library, $0.name]) }
        entries["scheduler"] = .strings(["diffusers", schedulerClass])
        entries["tokenizer"] = .strings(["transformers", "CLIPTokenizer"])
        entries["_class_name"] = .string(drawsClips ? Self.motionClassName : Self.className)
        entries["feature_extractor"] = .array([.null, .null])
        entries["image_encoder"] = .array([.null, .null])
        if drawsClips {
            entries["unet"] = .strings(["diffusers", UNetConfiguration.motionClassName])
            entries["motion_adapter"] = .strings(["diffusers", MotionAdapterConfiguration.className])
        } else {
            entries["safety_checker"] = .array([.null, .null])
            entries["requires_safety_checker"] = .bool(false)
        }
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
