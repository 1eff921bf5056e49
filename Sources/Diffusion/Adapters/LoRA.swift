import Layers
import Networks
import Torch

/// Adapters of low rank (LoRA) of a pipeline: which layers have them, and their files.
public enum LoRA {
    /// Kinds of layers of a UNet that adapters can stand beside.
    public enum Target: String, Codable, Sendable, CaseIterable {
        /// `to_q`, `to_k`, `to_v`, `to_out.0`: what diffusers adapts.
        case attention
        /// `ff.net.0.proj`, `ff.net.2`.
        case feedForward = "feed-forward"
        /// Every convolution.
        case convolutions
        /// What of `attention` is in motion modules.
        case motion

        fileprivate func contains(_ path: String, _ weight: Tensor) -> Bool {
            switch self {
            case .attention: path.contains(".transformer_blocks.") && [".to_q", ".to_k", ".to_v", ".to_out.0"].contains(where: path.hasSuffix)
            case .feedForward: [".ff.net.0.proj", ".ff.net.2"].contains(where: path.hasSuffix)
            case .convolutions: weight.rank == 4
            case .motion: MotionConfiguration.owns(path) && Self.attention.contains(path, weight)
            }
        }
    }

    /// A part of a pipeline that adapters can belong to.
    public enum Part: Sendable { case unet, textEncoder }

    /// Names of the tensors in a file that is written.
    public enum Naming: String, Codable, Sendable, CaseIterable {
        /// `lora_unet_…lora_up.weight` with `.alpha`: what diffusers, ComfyUI, AUTOMATIC1111 and sd-scripts read, every key of it.
        case kohya
        /// `unet.….lora_B.weight`, with alpha / r in B: what diffusers and PEFT read.
        case diffusers
    }

    /// The layers of these kinds in a UNet, with the shapes of their weights.
    public static func layers(_ targets: [Target], of unet: [String: Tensor]) -> [String: [Int]] {
        var layers: [String: [Int]] = [:]
        for (name, tensor) in unet where name.hasSuffix(".weight") {
            let path = String(name.dropLast(".weight".count))
            if targets.contains(where: { $0.contains(path, tensor) }) { layers[path] = tensor.shape }
        }
        return layers
    }
}

extension Pipeline {
    /// The same pipeline with the changes of a LoRA added to its weights.
    /// - Parameter scale: of the changes; 1 is what the file's author meant
    public func merged(_ file: LoRA.File, scale: Double = 1) throws -> Pipeline {
        let text = try file.merged(stores.textEncoder.tensors, part: .textEncoder, scale: scale)
        let denoiser = try file.merged(stores.unet.tensors, part: .unet, scale: scale)
        return try Pipeline(
            tokenizer: tokenizer, textEncoder: (textEncoder.configuration, ParameterStore(text, on: stores.textEncoder.placement)),
            autoencoder: (autoencoder.configuration, ParameterStore(stores.autoencoder.tensors, on: stores.autoencoder.placement)),
            unet: (unet.configuration, ParameterStore(denoiser, on: stores.unet.placement)), scheduler: scheduler)
    }
}
