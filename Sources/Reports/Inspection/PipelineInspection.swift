import Diffusion
import Foundation
import Layers
import Networks
import Storage
import Tokenizers

/// A diffusers folder, or what there is of one.
public struct PipelineInspection: Encodable, Sendable {
    public struct Part: Encodable, Sendable {
        public let name: String
        /// Of the weights: a single file, or the index of several.
        public let file: String
        public let weights: WeightsSummary
    }

    /// The networks whose weights could be read.
    public var parts: [Part] = []
    /// Side of the square images that the model was made for, in pixels.
    public var resolution: Int?
    /// Pixels along one side of a latent.
    public var downsampling: Int?
    public var sampler: String?
    public var predictionType: String?
    /// What says so.
    public var predictionSource: String?
    /// Whether the schedule ends in pure noise; nil where that is not known.
    public var endsInNoise: Bool?
    /// 1 or 2, of Stable Diffusion in a single file.
    public var generation: Int?
    /// How a part by itself is put to use.
    public var use: String?
    /// Length of the lists that the tokenizer gives.
    public var tokenizerLength: Int?
    public var vocabularySize: Int?
    /// Folders that are no part of what is used here, such as a safety checker.
    public var ignored: [String] = []

    private var configurations = Configurations()

    private struct Configurations {
        var tokenizer: CLIPTokenizer?
        var textEncoder: CLIPTextConfiguration?
        var autoencoder: AutoencoderConfiguration?
        var unet: UNetConfiguration?
    }

    private enum CodingKeys: String, CodingKey {
        case parts, resolution, downsampling, sampler, predictionType, predictionSource, endsInNoise, generation, use, tokenizerLength, vocabularySize, ignored
    }

    init() {}

    /// Fills in what is found and adds what is wrong. Gives the tokenizer, where there is one that can be read.
    mutating func inspect(_ folder: URL, as kind: Inspection.Kind, _ effort: Inspection.Effort, _ problems: inout [String]) -> CLIPTokenizer? {
        use = Self.use(of: kind, folder)
        let files = PipelineFolder(folder)
        switch kind {
        case _ where !Self.isFolder(folder): inspectSingleFile(folder, kind, effort, &problems)
        case .tokenizer: inspectTokenizer(folder, &problems)
        case .textEncoder: inspectTextEncoder(.textEncoder(folder), effort, &problems)
        case .autoencoder: inspectAutoencoder(.autoencoder(folder), effort, &problems)
        case .unet: inspectUNet(.unet(Self.unetFolder(folder)), effort, &problems)
        default:
            let index = PipelineIndex(files, &problems)
            ignored = index.ignored
            inspectTokenizer(files.tokenizer, &problems)
            inspectTextEncoder(files.textEncoder, effort, &problems)
            inspectAutoencoder(files.autoencoder, effort, &problems)
            inspectUNet(files.unet, effort, &problems)
            inspectScheduler(files.scheduler, &problems)
        }
        let found = configurations
        problems += Pipeline.disagreements(
            tokenizer: found.tokenizer, textEncoder: found.textEncoder, autoencoder: found.autoencoder, unet: found.unet)
        if let unet = found.unet, let autoencoder = found.autoencoder { resolution = unet.sampleSize * autoencoder.downsampling }
        downsampling = found.autoencoder?.downsampling
        tokenizerLength = found.tokenizer?.maximumLength
        vocabularySize = found.tokenizer?.vocabularySize
        return found.tokenizer
    }

    private mutating func inspectSingleFile(_ url: URL, _ kind: Inspection.Kind, _ effort: Inspection.Effort, _ problems: inout [String]) {
        do {
            let model = try SingleFile(url)
            for (name, tensors) in model.networks {
                parts.append(Part(name: name, file: url.lastPathComponent, weights: WeightsSummary([model.file]) { tensors.contains($0) }))
            }
            ignored = SingleFile.grouped(model.setAside)
            generation = model.isSecondGeneration ? 2 : 1
            if let problem = TensorFileInspection.notFinite(model.file, effort) { problems.append(problem) }
            configurations = Configurations(textEncoder: model.textEncoder, autoencoder: model.autoencoder, unet: model.unet)
            try model.check()
            if kind == .unet, let stated = model.statedPrediction { (predictionType, predictionSource) = (stated.value.rawValue, stated.by) }
            guard kind == .singleFile else { return }
            // The rest is as the commands would have it.
            let files = try ModelFiles(url)
            configurations.tokenizer = try files.tokenizer()
            let prediction = try files.prediction()
            (predictionType, predictionSource) = (prediction.value.rawValue, prediction.by)
            let scheduler = try files.scheduler()
            (sampler, endsInNoise) = (try scheduler.samplerName().rawValue, scheduler.rescaleToZeroSignal)
        } catch let error as ParameterError {
            problems += Self.lines(error)
        } catch {
            problems.append("\(error)")
        }
    }

    /// How a part by itself is put to use.
    private static func use(of kind: Inspection.Kind, _ url: URL) -> String? {
        switch kind {
        case .unet: "a UNet alone stands in for that of the model it was trained from: --model \(url.path) --base MODEL"
        case .autoencoder: "stands in for a model's own with --vae \(url.path)"
        case .textEncoder: "stands in for a model's own with --text-encoder \(url.path)"
        default: nil
        }
    }

    private mutating func inspectTokenizer(_ folder: URL, _ problems: inout [String]) {
        guard Self.exists(folder) else { return problems.append("\(folder.path): the folder is missing") }
        do {
            configurations.tokenizer = try CLIPTokenizer(folder: folder)
        } catch {
            problems.append("\(folder.path)/\(error)")
        }
    }

    private mutating func inspectTextEncoder(_ part: PipelineFolder.Part, _ effort: Inspection.Effort, _ problems: inout [String]) {
        configurations.textEncoder = network("text_encoder", part, effort, &problems, read: CLIPTextConfiguration.init) { store, configuration in
            _ = try store.build { CLIPTextModel($0, configuration) }
        }
    }

    private mutating func inspectAutoencoder(_ part: PipelineFolder.Part, _ effort: Inspection.Effort, _ problems: inout [String]) {
        configurations.autoencoder = network("vae", part, effort, &problems, read: AutoencoderConfiguration.init) { store, configuration in
            _ = try store.build { Autoencoder($0, configuration) }
        }
    }

    private mutating func inspectUNet(_ part: PipelineFolder.Part, _ effort: Inspection.Effort, _ problems: inout [String]) {
        configurations.unet = network("unet", part, effort, &problems, read: UNetConfiguration.init) { store, configuration in
            _ = try store.build { UNet($0, configuration) }
        }
        if let purpose = configurations.unet?.otherPurpose { problems.append("\(part.folder.path): \(purpose)") }
    }

    /// Reads a network's configuration and holds its file's header against it. Gives the configuration, where it can be used.
    private mutating func network<Configuration>(
        _ name: String, _ part: PipelineFolder.Part, _ effort: Inspection.Effort, _ problems: inout [String],
        read: (URL) throws -> Configuration, build: (ParameterStore, Configuration) throws -> Void
    ) -> Configuration? {
        guard Self.exists(part.folder) else {
            problems.append("\(part.folder.path): the folder is missing")
            return nil
        }
        var configuration: Configuration?
        do {
            configuration = try read(part.configuration)
        } catch {
            problems.append("\(error)")
        }
        do {
            let weights = try part.weights()
            parts.append(Part(name: name, file: weights.origin.lastPathComponent, weights: WeightsSummary(weights.files)))
            problems += weights.files.compactMap { TensorFileInspection.notFinite($0, effort) }
            if let configuration { try build(part.outline(of: weights), configuration) }
        } catch let error as ParameterError {
            problems += Self.lines(error)
        } catch {
            problems.append("\(error)")
        }
        return configuration
    }

    private static func lines(_ error: ParameterError) -> [String] {
        let file = error.origin ?? "weights"
        return [("missing", error.missing), ("misshaped", error.misshaped), ("not part of this configuration", error.extra)].compactMap { what, names in
            names.isEmpty ? nil : "\(file): \(names.count) \(names.count == 1 ? "tensor" : "tensors") \(what): \(names.enumerated(upTo: 20))"
        }
    }

    private mutating func inspectScheduler(_ file: URL, _ problems: inout [String]) {
        guard Self.exists(file) else { return problems.append("\(file.path): the file is missing") }
        do {
            let configuration = try SchedulerConfiguration(contentsOf: file)
            predictionType = (configuration.predictionType ?? .epsilon).rawValue
            (predictionSource, endsInNoise) = (file.lastPathComponent, configuration.rescaleToZeroSignal)
            _ = try configuration.noiseSchedule()
            sampler = try configuration.samplerName().rawValue
            _ = try configuration.inStableDiffusionPipeline.sampler()
        } catch {
            problems.append("\(error)")
        }
    }

    private static func isFolder(_ url: URL) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// The folder itself, or that of the UNet in what a training left.
    static func unetFolder(_ folder: URL) -> URL {
        let places = [folder] + ["unet", "unet_ema"].map { folder.appendingPathComponent($0) }
        return places.first { network(describedBy: $0.appendingPathComponent("config.json")) == .unet } ?? folder
    }

    static func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

    /// Whether a folder named like a part holds what a part holds; a data set may have a folder called `unet`, too.
    static func isPart(_ folder: URL) -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.contains { ["json", "safetensors"].contains(($0 as NSString).pathExtension) || $0 == "merges.txt" }
    }

    /// Which network a `config.json` describes, nil where it is none of ours.
    static func network(describedBy configuration: URL) -> Inspection.Kind? {
        switch ModelLocation.part(configuration.deletingLastPathComponent())?.0 {
        case .unet: .unet
        case .autoencoder: .autoencoder
        case .textEncoder: .textEncoder
        case nil: nil
        }
    }
}
