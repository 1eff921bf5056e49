import Foundation
import Layers
import Torch

/// A model on disk, a diffusers folder or a Stable Diffusion 1.x model in a single safetensors file, of which every part is loaded when it is asked
/// for, and can be let go of by itself.
public struct ModelFiles: Sendable {
    public let location: URL
    private let folder: PipelineFolder
    /// Nil for a folder.
    private let file: SingleFile?
    private let textEncoderChanges: LoRA.File?

    /// Reads what says which parts there are. Throws with the file that is missing or of a kind that we do not have.
    /// - Parameter textEncoderChanges: a file of adapters whose changes of the text encoder, if it has any, are added to it
    public init(_ location: URL, textEncoderChanges: LoRA.File? = nil) throws {
        self.location = location
        self.textEncoderChanges = textEncoderChanges
        folder = PipelineFolder(location)
        file = location.pathExtension == "safetensors" ? try SingleFile(location) : nil
        if file == nil { try folder.check() }
    }

    public func tokenizer() throws -> CLIPTokenizer { try file == nil ? CLIPTokenizer(folder: folder.tokenizer) : .standard }

    public func textEncoder() throws -> (CLIPTextConfiguration, ParameterStore) {
        let (configuration, store) = try ownTextEncoder()
        guard let textEncoderChanges else { return (configuration, store) }
        _ = try store.build { CLIPTextModel($0, configuration) }
        return (configuration, ParameterStore(try textEncoderChanges.merged(store.tensors, part: .textEncoder, scale: 1)))
    }

    /// The adapters that `textEncoder()` has added; nil where there is no file of them.
    public func textEncoderAdapters() throws -> LowRankAdapters? {
        guard let textEncoderChanges else { return nil }
        let (configuration, store) = try ownTextEncoder()
        _ = try store.build { CLIPTextModel($0, configuration) }
        return try textEncoderChanges.adapters(of: .textEncoder, over: store.tensors)
    }

    private func ownTextEncoder() throws -> (CLIPTextConfiguration, ParameterStore) {
        if let file { return (file.textEncoder, try file.textEncoderStore()) }
        return (try CLIPTextConfiguration(folder.textEncoder.configuration), try folder.textEncoder.store())
    }

    public func autoencoder() throws -> (AutoencoderConfiguration, ParameterStore) {
        if let file { return (file.autoencoder, try file.autoencoderStore()) }
        return (try AutoencoderConfiguration(folder.autoencoder.configuration), try folder.autoencoder.store())
    }

    /// The network that turns latents into images, and images into latents.
    public func decoder() throws -> Autoencoder {
        let (configuration, store) = try autoencoder()
        return try store.build { Autoencoder($0, configuration) }
    }

    /// - Parameter weights: a file of tensors to take instead of the model's own, such as a checkpoint of a run
    public func unet(weights: URL? = nil) throws -> (UNetConfiguration, ParameterStore) {
        if let file { return (file.unet, try weights.map { try folder.unet.store(from: $0) } ?? file.unetStore()) }
        return (try UNetConfiguration(folder.unet.configuration), try folder.unet.store(from: weights))
    }

    public func scheduler() throws -> SchedulerConfiguration {
        try file == nil ? SchedulerConfiguration(contentsOf: folder.scheduler) : SingleFile.scheduler
    }

    /// Throws where a file of a diffusers folder is missing or cut short, or does not hold the tensors that its configuration asks for. Reads headers
    /// alone.
    /// - Parameter shapes: of the UNet's tensors, where they are known
    public func check(unet shapes: [String: [Int]]) throws {
        func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: location.path, message: message) }
        _ = try (tokenizer(), scheduler())
        let text = try CLIPTextConfiguration(folder.textEncoder.configuration)
        _ = try folder.textEncoder.outline(of: folder.textEncoder.weights()).build { CLIPTextModel($0, text) }
        let autoencoder = try AutoencoderConfiguration(folder.autoencoder.configuration)
        _ = try folder.autoencoder.outline(of: folder.autoencoder.weights()).build { Autoencoder($0, autoencoder) }
        guard try folder.unet.weights().shapes == shapes else { throw wrong("the UNet's tensors are not those of the run") }
    }

    /// Writes the model as a diffusers folder with another UNet. The other parts are read for it one after another.
    public func write(to destination: URL, unet: UNetConfiguration, unetTensors: [(name: String, value: Tensor)]) throws {
        func textEncoder() throws -> PipelineFolder.Network {
            let (configuration, store) = try self.textEncoder()
            _ = try store.build { CLIPTextModel($0, configuration) }
            return (configuration.json, store.parameters)
        }
        func autoencoder() throws -> PipelineFolder.Network {
            let (configuration, store) = try self.autoencoder()
            _ = try store.build { Autoencoder($0, configuration) }
            return (configuration.json, store.parameters)
        }
        try PipelineFolder(destination).write(
            tokenizer: tokenizer(), textEncoder: textEncoder(), autoencoder: autoencoder(), unet: (unet.json, unetTensors), scheduler: scheduler())
    }
}
