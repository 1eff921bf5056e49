import Diffusion
import Foundation
import Storage
import Tokenizers
import Torch
import Winners

/// What stands at a path: its kind, its size, and what is wrong with it. Only a path that does not exist throws; everything else is an answer.
public struct Inspection: Encodable, Sendable {
    public enum Kind: String, Encodable, Sendable {
        /// A diffusers folder, whole or in part.
        case pipeline
        /// A Stable Diffusion 1.x or 2.x model in one safetensors file.
        case singleFile = "single_file"
        /// One part of such a folder, inspected by itself.
        case tokenizer
        case textEncoder = "text_encoder"
        case autoencoder = "vae"
        case unet
        /// Adapters, of a kind that is read.
        case lora
        case dataset
        case run
        case safetensors
        case unknown
    }

    public var kind: Kind
    public let path: String
    /// Numbers that a training could change: of all parts of a pipeline, of a run's policy, of a file's tensors.
    public var parameters = 0
    public var problems: [String] = []
    /// One list of ids for each text that was asked about, as the text encoder gets them.
    public var tokens: [[Int]]?
    public var pipeline: PipelineInspection?
    public var dataset: DatasetInspection?
    public var run: RunInspection?
    public var lora: LoRA.File.Facts?
    public var file: TensorFileInspection?

    /// How thorough an inspection is.
    public struct Effort: Sendable {
        /// Images of a data set that are decoded, evenly spread over it; 0 for all.
        public var images = DatasetInspection.fewImages
        /// Files of weights up to that many bytes are searched for values that are not finite.
        public var weightBytes = 512 << 20

        public static let bounded = Effort()
        public static let everything = Effort(images: 0, weightBytes: .max)
    }

    /// - Parameters:
    ///   - path: a folder, a safetensors file, or the name of the built-in model
    ///   - texts: what to turn into tokens by the tokenizer found there
    public init(_ path: String, tokens texts: [String] = [], effort: Effort = .bounded) throws {
        let url = BuiltInModel.resolve(path).standardizedFileURL
        self.path = url.path
        kind = .unknown
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else { throw InspectionError(path: url.path) }
        kind = isFolder.boolValue ? Self.kind(ofFolder: url) : Self.kind(ofFile: url)
        var tokenizer: CLIPTokenizer?
        switch kind {
        case .pipeline, .singleFile, .tokenizer, .textEncoder, .autoencoder, .unet:
            var found = PipelineInspection()
            tokenizer = found.inspect(url, as: kind, effort, &problems)
            parameters = found.parts.reduce(0) { $0 + $1.weights.parameters }
            pipeline = found
        case .run:
            let found = RunInspection(url, effort, &problems)
            parameters = found.policyParameters
            tokenizer = try? CLIPTokenizer(folder: PipelineFolder(found.modelFolder).tokenizer)
            run = found
        case .lora:
            do {
                let adapters = try LoRA.File(url)
                (lora, parameters) = (adapters.facts, adapters.parameters)
            } catch {
                // Of another kind, or spoilt.
                problems.append("\(error)")
                kind = .safetensors
            }
            if !isFolder.boolValue { file = TensorFileInspection(url, effort, &problems) }
        case .safetensors:
            let found = TensorFileInspection(url, effort, &problems)
            parameters = found.weights.parameters
            file = found
        case .dataset:
            dataset = DatasetInspection(url, images: effort.images, &problems)
        case .unknown:
            problems.append(
                isFolder.boolValue
                    ? "\(url.path): no part of a diffusers pipeline, no run and no data set were found in this folder"
                    : "\(url.path): \(Self.problem(ofFile: url))")
        }
        guard !texts.isEmpty else { return }
        self.tokens = tokenizer?.ids(texts)
        if tokenizer == nil { problems.append("no text was turned into tokens: there is no tokenizer here that can be read") }
    }

    /// Why a file is none that is known.
    private static func problem(ofFile url: URL) -> String {
        do {
            let kind = FileKind(notText: try RegularFile.start(of: url))
            if PickledWeights.isOne(url.lastPathComponent), kind == nil || kind == .pickle || kind == .torchArchive { return PickledWeights.remedy(url) }
            return kind?.sentence ?? "is not a safetensors file"
        } catch {
            return "\(error.problem)"
        }
    }

    private static func kind(ofFile url: URL) -> Kind {
        if WinnerSet.mayBe(at: url) { return .dataset }
        let isCalledOne = url.pathExtension == "safetensors" && (try? RegularFile.start(of: url)).flatMap { FileKind(notText: $0) } == nil
        guard isCalledOne || TensorFileInspection.looksLikeOne(url) else { return .unknown }
        guard let file = try? SafeTensorsFile(url) else { return .safetensors }
        let parts = SingleFile.contents(file)
        if parts.count > 1 { return .singleFile }
        if LoRA.File.isOne(file) { return .lora }
        return parts.first.flatMap { Kind(rawValue: $0) } ?? .safetensors
    }

    private static func kind(ofFolder url: URL) -> Kind {
        func holds(_ name: String) -> Bool { FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path) }
        if holds("run.yaml") { return .run }
        if holds("model_index.json") { return .pipeline }
        if holds("adapter_model.safetensors") { return .lora }
        if holds("metadata.jsonl") || holds("metadata.csv") { return .dataset }
        let parts = ["unet", "vae", "text_encoder", "tokenizer", "scheduler"]
        let others = parts.dropFirst().contains { PipelineInspection.exists(url.appendingPathComponent($0)) }
        if !others, PipelineInspection.unetFolder(url) != url { return .unet }
        if parts.contains(where: { PipelineInspection.isPart(url.appendingPathComponent($0)) }) { return .pipeline }
        if holds("tokenizer.json") || holds("vocab.json") || holds("merges.txt") || holds("tokenizer_config.json") { return .tokenizer }
        if let network = PipelineInspection.network(describedBy: url.appendingPathComponent("config.json")) { return network }
        return WinnerSet.mayBe(at: url) ? .dataset : .unknown
    }

    /// One JSON object, names in snake_case.
    public func json() throws -> Data { try InspectionForms.json(self) }
}
