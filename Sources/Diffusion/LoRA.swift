import Foundation
import Layers
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

        fileprivate func contains(_ path: String, _ weight: Tensor) -> Bool {
            switch self {
            case .attention: path.contains(".transformer_blocks.") && [".to_q", ".to_k", ".to_v", ".to_out.0"].contains(where: path.hasSuffix)
            case .feedForward: [".ff.net.0.proj", ".ff.net.2"].contains(where: path.hasSuffix)
            case .convolutions: weight.rank == 4
            }
        }
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

    /// Writes a file that diffusers' `load_lora_weights` takes. The scale is multiplied into B, so that no reader needs to know it.
    /// - Parameter textEncoder: adapters of the text encoder, which came with those that a run went on from
    public static func write(_ adapters: LowRankAdapters, textEncoder: LowRankAdapters? = nil, to url: URL) throws {
        let tensors = [("unet.", adapters), ("text_encoder.", textEncoder)].flatMap { prefix, adapters in
            (adapters?.tensors ?? [:]).map { name, tensor in
                let isUp = name.hasSuffix(LowRankAdapters.up)
                return (name: prefix + name, value: isUp ? noGradients { tensor.detached * adapters!.scale } : tensor.detached)
            }
        }
        try SafeTensors.write(tensors, metadata: ["format": "pt"], to: url)
    }

    /// A file of adapters, by whoever made it: PEFT's names (`lora_A`), diffusers' before (`lora.down`), or kohya's (`lora_unet_…`).
    public struct File: Sendable {
        public let url: URL
        /// By part, then by the layer's name in the file.
        private var changes: [Part: [String: Change]] = [:]

        private struct Change: Sendable {
            var down: Tensor?
            var up: Tensor?
            var alpha: Double?
        }

        /// Names of the same thing.
        private static let parts: [(String, Part)] = [
            ("unet.", .unet), ("text_encoder.", .textEncoder), ("lora_unet_", .unet), ("lora_te_", .textEncoder),
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
        func merged(_ tensors: [String: Tensor], part: Part, scale: Double) throws -> [String: Tensor] {
            let adapters = try adapters(of: part, over: tensors)
            var merged = tensors
            for name in adapters.tensors.keys where name.hasSuffix(LowRankAdapters.down) {
                let path = String(name.dropLast(LowRankAdapters.down.count))
                guard let weight = tensors[path + ".weight"], let change = adapters.change(of: path) else { continue }
                merged[path + ".weight"] = noGradients { weight + scale * change.reshaped(weight.shape) }
            }
            return merged
        }

        /// The adapters of a part under the names of its layers, alpha / r multiplied into B. Throws, naming the layer, where one does not fit.
        /// - Parameter tensors: of the network
        public func adapters(of part: Part, over tensors: [String: Tensor]) throws -> LowRankAdapters {
            // kohya writes paths with underscores, which names themselves hold: they are told apart by the network's own paths.
            let paths = tensors.keys.filter { $0.hasSuffix(".weight") }.map { String($0.dropLast(".weight".count)) }
            let flat = Dictionary(paths.map { ($0.replacingOccurrences(of: ".", with: "_"), $0) }) { first, _ in first }
            var adapters: [String: Tensor] = [:]
            for (name, change) in changes[part] ?? [:] {
                guard let path = tensors[name + ".weight"] == nil ? flat[name] : name, let shape = tensors[path + ".weight"]?.shape else {
                    throw ConfigurationError(file: url.path, message: "the model has no layer \(name)")
                }
                (adapters[path + LowRankAdapters.down], adapters[path + LowRankAdapters.up]) = try matrices(change, name, shape)
            }
            return LowRankAdapters(adapters, scale: 1)
        }

        /// A and (alpha / r)·B in the shapes that a weight asks for: as many axes as it has.
        private func matrices(_ change: Change, _ name: String, _ shape: [Int]) throws -> (down: Tensor, up: Tensor) {
            func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: url.path, message: "\(name): \(message)") }
            guard let down = change.down, let up = change.up else { throw wrong("one of the two matrices is missing") }
            guard down.rank >= 2, up.rank >= 2, down.count > 0, up.count > 0, up.size(1) == down.size(0), up.count == up.size(0) * up.size(1),
                up.size(0) * (down.count / down.size(0)) == shape.reduce(1, *), up.size(0) == shape.first
            else { throw wrong("matrices \(up.shape) and \(down.shape) do not make a weight \(shape)") }
            let rank = down.size(0)
            return noGradients {
                let scaled = up.to(.float32) * ((change.alpha ?? Double(rank)) / Double(rank))
                return (
                    down.to(.float32).reshaped([rank] + shape.dropFirst()), scaled.reshaped([up.size(0), rank] + shape.dropFirst(2).map { _ in 1 })
                )
            }
        }
    }

    /// A part of a pipeline that adapters can belong to.
    public enum Part: Sendable { case unet, textEncoder }
}

extension Pipeline {
    /// The same pipeline with the changes of a LoRA added to its weights.
    /// - Parameter scale: of the changes; 1 is what the file's author meant
    public func merged(_ file: LoRA.File, scale: Double = 1) throws -> Pipeline {
        let text = try file.merged(stores.textEncoder.tensors, part: .textEncoder, scale: scale)
        let denoiser = try file.merged(stores.unet.tensors, part: .unet, scale: scale)
        return try Pipeline(
            tokenizer: tokenizer, textEncoder: (textEncoder.configuration, ParameterStore(text)),
            autoencoder: (autoencoder.configuration, ParameterStore(stores.autoencoder.tensors)), unet: (unet.configuration, ParameterStore(denoiser)),
            scheduler: scheduler)
    }
}
