import Foundation
import Layers
import Networks
import Storage
import Torch

extension ModelFiles {
    /// Throws where a file of a diffusers folder is missing or cut short, or does not hold the tensors that its configuration asks for. Reads headers
    /// alone.
    /// - Parameter shapes: of the UNet's tensors, where they are known
    public func check(unet shapes: [String: [Int]]) throws {
        func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: location.path, message: message) }
        let folder = PipelineFolder(location)
        _ = try (tokenizer(), scheduler())
        let text = try CLIPTextConfiguration(folder.textEncoder.configuration)
        _ = try folder.textEncoder.outline(of: folder.textEncoder.weights()).build { CLIPTextModel($0, text) }
        let autoencoder = try AutoencoderConfiguration(folder.autoencoder.configuration)
        _ = try folder.autoencoder.outline(of: folder.autoencoder.weights()).build { Autoencoder($0, autoencoder) }
        _ = try UNetConfiguration(folder.unet.configuration)
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
            tokenizer: tokenizer(), textEncoder: textEncoder(), autoencoder: autoencoder(), unet: (unet.json, unetTensors),
            motion: unet.motionAdapter(unetTensors), scheduler: scheduler())
    }
}
