import Foundation
import Layers
import Torch

/// Adapters of low rank (LoRA) of a pipeline: which layers have them, and their files.
public enum LoRA {
    /// The attention projections of a UNet with the shapes of their weights: what diffusers adapts by `to_q`, `to_k`, `to_v`, `to_out.0`.
    public static func attentionProjections(_ unet: [String: Tensor]) -> [String: [Int]] {
        let targets = [".to_q", ".to_k", ".to_v", ".to_out.0"]
        var layers: [String: [Int]] = [:]
        for (name, tensor) in unet where name.hasSuffix(".weight") && name.contains(".transformer_blocks.") {
            let path = String(name.dropLast(".weight".count))
            if targets.contains(where: path.hasSuffix) { layers[path] = tensor.shape }
        }
        return layers
    }

    /// Writes a file that diffusers' `load_lora_weights` takes. The scale is multiplied into B, so that no reader needs to know it.
    public static func write(_ adapters: LowRankAdapters, to url: URL) throws {
        let tensors = adapters.tensors.map { name, tensor in
            (name: "unet." + name, value: name.hasSuffix(LowRankAdapters.up) ? noGradients { tensor.detached * adapters.scale } : tensor.detached)
        }
        try SafeTensors.write(tensors, metadata: ["format": "pt"], to: url)
    }

    /// A file of adapters, by whoever made it: PEFT's names (`lora_A`), diffusers' before (`lora.down`), or kohya's (`lora_unet_…`).
    public struct File: Sendable {
        let url: URL
        /// By part (`unet`, `text_encoder`), then by the layer's name in the file.
        private var changes: [String: [String: Change]] = [:]

        private struct Change: Sendable {
            var down: Tensor?
            var up: Tensor?
            var alpha: Double?
        }

        /// Names of the same thing.
        private static let parts = [
            ("unet.", "unet"), ("text_encoder.", "text_encoder"), ("lora_unet_", "unet"), ("lora_te_", "text_encoder"),
        ]
        private static let downEnds = [LowRankAdapters.down, ".lora.down.weight", ".lora_down.weight"]
        private static let upEnds = [LowRankAdapters.up, ".lora.up.weight", ".lora_up.weight"]

        /// Throws `SafeTensorsError`, or `ConfigurationError` for a tensor that is no part of a LoRA, or a pickle.
        public init(_ url: URL) throws {
            self.url = url
            if PickledWeights.isOne(url.lastPathComponent) {
                throw ConfigurationError(file: url.path, message: PickledWeights.refusal + ": fetch the .safetensors file")
            }
            let file = try SafeTensorsFile(url)
            for name in file.names {
                let tensor = try file.tensor(name)
                guard let (prefix, part) = Self.parts.first(where: { name.hasPrefix($0.0) }) else { throw unknown(name) }
                let rest = name.dropFirst(prefix.count)
                if rest.hasSuffix(".alpha") {
                    guard tensor.count == 1, tensor.isFinite else { throw unknown(name) }
                    changes[part, default: [:]][String(rest.dropLast(".alpha".count)), default: Change()].alpha = tensor.item
                } else if let end = Self.downEnds.first(where: rest.hasSuffix) {
                    changes[part, default: [:]][String(rest.dropLast(end.count)), default: Change()].down = tensor
                } else if let end = Self.upEnds.first(where: rest.hasSuffix) {
                    changes[part, default: [:]][String(rest.dropLast(end.count)), default: Change()].up = tensor
                } else {
                    throw unknown(name)
                }
            }
            guard !changes.isEmpty else { throw ConfigurationError(file: url.path, message: "holds no tensors") }
        }

        private func unknown(_ name: String) -> ConfigurationError {
            ConfigurationError(file: url.path, message: "\(name) is no part of a LoRA for Stable Diffusion 1.x or 2.x")
        }

        /// The tensors of a part with its changes added. Throws, naming the layer, where one does not fit.
        func merged(_ tensors: [String: Tensor], part: String, scale: Double) throws -> [String: Tensor] {
            guard let own = changes[part] else { return tensors }
            // kohya writes paths with underscores, which names themselves hold: they are told apart by the network's own paths.
            let paths = tensors.keys.filter { $0.hasSuffix(".weight") }.map { String($0.dropLast(".weight".count)) }
            let flat = Dictionary(paths.map { ($0.replacingOccurrences(of: ".", with: "_"), $0) }) { first, _ in first }
            var merged = tensors
            for (name, change) in own {
                guard let path = tensors[name + ".weight"] == nil ? flat[name] : name, let weight = merged[path + ".weight"] else {
                    throw ConfigurationError(file: url.path, message: "the model has no layer \(name)")
                }
                merged[path + ".weight"] = try noGradients { weight + scale * (try product(change, name, weight.shape)) }
            }
            return merged
        }

        /// (alpha / r)·B·A in the shape of the weight.
        private func product(_ change: Change, _ name: String, _ shape: [Int]) throws -> Tensor {
            func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: url.path, message: "\(name): \(message)") }
            guard let down = change.down, let up = change.up else { throw wrong("one of the two matrices is missing") }
            guard down.rank >= 2, up.rank >= 2, down.count > 0, up.count > 0, up.size(1) == down.size(0), up.count == up.size(0) * up.size(1),
                up.size(0) * (down.count / down.size(0)) == shape.reduce(1, *), up.size(0) == shape.first
            else { throw wrong("matrices \(up.shape) and \(down.shape) do not make a weight \(shape)") }
            let rank = down.size(0)
            let whole = up.to(.float32).reshaped([up.size(0), rank]).matmul(down.to(.float32).reshaped([rank, down.count / rank])).reshaped(shape)
            return change.alpha.map { whole * ($0 / Double(rank)) } ?? whole
        }
    }
}

extension Pipeline {
    /// The same pipeline with the changes of a LoRA added to its weights.
    /// - Parameter scale: of the changes; 1 is what the file's author meant
    public func merged(_ file: LoRA.File, scale: Double = 1) throws -> Pipeline {
        let text = try file.merged(stores.textEncoder.tensors, part: "text_encoder", scale: scale)
        let denoiser = try file.merged(stores.unet.tensors, part: "unet", scale: scale)
        return try Pipeline(
            tokenizer: tokenizer, textEncoder: (textEncoder.configuration, ParameterStore(text)),
            autoencoder: (autoencoder.configuration, ParameterStore(stores.autoencoder.tensors)), unet: (unet.configuration, ParameterStore(denoiser)),
            scheduler: scheduler)
    }
}
