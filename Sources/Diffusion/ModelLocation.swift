import Foundation
import Networks
import Storage
import Torch

/// What stands at one place: the parts of a model, each nil where the place has none.
package struct ModelLocation: Sendable {
    /// Where one network's configuration and weights come from.
    enum Part: Sendable {
        /// - Parameter weights: one of the folder's files, where that was named
        case folder(PipelineFolder.Part, weights: URL?)
        case file(SingleFile)
    }

    let url: URL
    /// Nil where it is no single file.
    private(set) var file: SingleFile?
    private(set) var textEncoder: Part?
    private(set) var autoencoder: Part?
    private(set) var unet: Part?
    /// The tokenizer's folder; nil where there is none.
    private(set) var tokenizer: URL?
    private(set) var scheduler: URL?
    /// Whether the scheduler was chosen to draw clips.
    private(set) var isPipelineOfClips = false

    /// Throws with what stands there where that is no model and no part of one.
    init(_ url: URL) throws {
        self.url = url
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw ConfigurationError(file: url.path, message: "does not exist")
        }
        if isFolder.boolValue { try readFolder() } else { try readFile() }
    }

    private mutating func readFolder() throws {
        let folder = PipelineFolder(url)
        if FileManager.default.fileExists(atPath: folder.index.path) {
            try folder.check()
            textEncoder = .folder(folder.textEncoder, weights: nil)
            autoencoder = .folder(folder.autoencoder, weights: nil)
            unet = .folder(folder.unet, weights: nil)
            (tokenizer, scheduler) = (folder.tokenizer, folder.scheduler)
            isPipelineOfClips = try folder.drawsClips
            return
        }
        // One part by itself, or what a training left: some of the parts, each in its folder.
        if let part = Self.part(url) { return keep(part, weights: nil) }
        for name in ["text_encoder", "vae", "unet"] { Self.part(url.appendingPathComponent(name)).map { keep($0, weights: nil) } }
        if textEncoder != nil, autoencoder != nil, unet != nil {
            throw ConfigurationError(file: url.path, message: "is not a whole diffusers folder: it has no model_index.json")
        }
        if unet == nil { Self.part(url.appendingPathComponent("unet_ema")).map { keep($0, weights: nil) } }
        guard textEncoder == nil, autoencoder == nil, unet == nil else { return }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
        let singles = names.filter { $0.hasSuffix(".safetensors") }
        let hint = singles.isEmpty ? "" : "; a model in a single file is named itself: \(url.appendingPathComponent(singles[0]).path)"
        throw ConfigurationError(file: url.path, message: "is not a diffusers folder: it has no model_index.json and no part of a model\(hint)")
    }

    private mutating func readFile() throws {
        if url.pathExtension == "json", url.lastPathComponent == "model_index.json" {
            throw ConfigurationError(file: url.path, message: "is a model's index: name the folder that it lies in")
        }
        if PickledWeights.isOne(url.lastPathComponent) {
            let kind = FileKind(try RegularFile.start(of: url))
            if kind == nil || kind == .pickle || kind == .torchArchive { throw ConfigurationError(file: url.path, message: PickledWeights.remedy(url)) }
        }
        // A part's weights with its configuration beside them.
        if let part = Self.part(url.deletingLastPathComponent()) {
            _ = try SafeTensorsFile(url)
            return keep(part, weights: url)
        }
        let single = try SingleFile(url)
        file = single
        if single.parts[.textEncoder] != nil { textEncoder = .file(single) }
        if single.parts[.autoencoder] != nil { autoencoder = .file(single) }
        if single.parts[.unet] != nil { unet = .file(single) }
    }

    private mutating func keep(_ part: (SingleFilePart.Network, PipelineFolder.Part), weights: URL?) {
        switch part.0 {
        case .textEncoder:
            textEncoder = .folder(part.1, weights: weights)
            // Its words are those of the tokenizer in the same pipeline.
            let beside = part.1.folder.deletingLastPathComponent().appendingPathComponent("tokenizer")
            if FileManager.default.fileExists(atPath: beside.path) { tokenizer = beside }
        case .autoencoder: autoencoder = .folder(part.1, weights: weights)
        case .unet: unet = .folder(part.1, weights: weights)
        }
    }

    /// The network that a folder's `config.json` describes; nil where it is none of ours.
    package static func part(_ folder: URL) -> (SingleFilePart.Network, PipelineFolder.Part)? {
        guard let keys = try? ConfigurationReader.object(folder.appendingPathComponent("config.json")) else { return nil }
        switch keys["_class_name"] {
        case .string(UNetConfiguration.className), .string(UNetConfiguration.motionClassName): return (.unet, .unet(folder))
        case .string(AutoencoderConfiguration.className): return (.autoencoder, .autoencoder(folder))
        default:
            let isText = keys["architectures"] == .strings([CLIPTextConfiguration.className]) || keys["model_type"] == .string(CLIPTextConfiguration.modelType)
            return isText ? (.textEncoder, .textEncoder(folder)) : nil
        }
    }

    /// The networks that it has.
    var networks: [SingleFilePart.Network] {
        [(SingleFilePart.Network.textEncoder, textEncoder), (.autoencoder, autoencoder), (.unet, unet)].filter { $0.1 != nil }.map(\.0)
    }
}
