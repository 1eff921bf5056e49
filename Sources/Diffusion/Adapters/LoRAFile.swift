import Foundation
import Layers
import Networks
import Storage
import Torch

extension LoRA {
    /// A file of adapters, by whoever made it, or a folder as PEFT and diffusers write them.
    public struct File: Sendable {
        /// As it was given.
        public let url: URL
        private(set) var layers: [Part: [String: Layer]] = [:]
        private(set) var spellings: Set<String> = []

        /// The two matrices of a layer, which fit each other.
        struct Layer: Sendable {
            /// Of the tensors in the file, without their ends.
            let name: String
            let down: Tensor
            let up: Tensor
            /// alpha / r, or what else B·A is multiplied by.
            let scale: Double

            var rank: Int { down.size(0) }
        }

        /// What is found of a layer on the way through a file.
        private struct Found {
            var name: String
            var down: Tensor?
            var up: Tensor?
            var alpha: Tensor?
        }

        /// Reads names, shapes and what is stated about alpha. Throws `SafeTensorsError`, or `ConfigurationError` for a file that is something else, for
        /// what is stated and not carried out, and for matrices that do not fit each other.
        public init(_ url: URL) throws {
            self.url = url
            for source in try Source.found(at: url) { try read(source) }
            guard !layers.isEmpty else { throw ConfigurationError(file: url.path, message: "holds no tensors") }
        }

        private mutating func read(_ source: Source) throws {
            let file = try SafeTensorsFile(source.file)
            func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: file.url.path, message: message) }
            if let other = OtherAdapters.refusal(file) { throw wrong(other) }
            if let reason = RunCheckpoint.refusal(file) { throw wrong(reason) }
            var found: [Part: [String: Found]] = [:]
            for name in file.names {
                guard let known = AdapterName(name) else { throw wrong(Self.unknown(name, in: file)) }
                let part = source.part ?? known.part
                spellings.insert(known.spelling.rawValue)
                func put(_ member: WritableKeyPath<Found, Tensor?>) throws {
                    guard found[part]?[known.path]?[keyPath: member] == nil else {
                        throw wrong("\(known.path) has two tensors of a kind: \(name) is there under another name, too")
                    }
                    found[part, default: [:]][known.path, default: Found(name: known.path)][keyPath: member] = try file.tensor(name)
                }
                switch known.role {
                case .down: try put(\.down)
                case .up: try put(\.up)
                case .alpha: try put(\.alpha)
                }
            }
            let lacksAlpha = found.values.contains { $0.values.contains { $0.alpha == nil } }
            let stated = try AdapterStatements(
                file.metadata, for: Set(found.keys), isNeeded: lacksAlpha, configuration: source.configuration, file: file.url)
            for (part, found) in found {
                for (path, found) in found.sorted(by: { $0.key < $1.key }) {
                    guard layers[part]?[path] == nil else { throw wrong("\(path) is in another file of the folder, too") }
                    layers[part, default: [:]][path] = try layer(found, part, stated, wrong)
                }
            }
        }

        private func layer(
            _ found: Found, _ part: Part, _ stated: AdapterStatements, _ wrong: (String) -> ConfigurationError
        ) throws -> Layer {
            guard let down = found.down, let up = found.up else { throw wrong("\(found.name): one of the two matrices is missing") }
            guard down.rank >= 2, up.rank >= 2, up.size(1) == down.size(0), up.shape.dropFirst(2).allSatisfy({ $0 == 1 }) else {
                throw wrong("\(found.name): matrices \(up.shape) and \(down.shape) do not make a weight")
            }
            guard down.count > 0, up.count > 0 else { throw wrong("\(found.name): matrices \(up.shape) and \(down.shape) are of rank 0, or empty") }
            let rank = down.size(0)
            let scale: Double
            if let alpha = found.alpha {
                guard alpha.count == 1, case let value = alpha.to(.float64).item, value.isFinite, value > 0 else {
                    throw wrong(
                        "\(found.name): alpha is \(alpha.count == 1 ? "\(alpha.to(.float64).item)" : "\(alpha.shape)"), which should be one positive number")
                }
                scale = value / Double(rank)
            } else {
                scale = try stated.scale(part, found.name, rank: rank, isWide: down.shape.dropFirst(2).contains { $0 > 1 }) ?? 1
            }
            return Layer(name: found.name, down: down, up: up, scale: scale)
        }

        private static func unknown(_ name: String, in file: SafeTensorsFile) -> String {
            let reason = "\(name) is no part of a LoRA for Stable Diffusion 1.x or 2.x"
            let isAlone = file.names.count <= 2 && file.names.allSatisfy { !$0.contains(".") && file.shape(of: $0)?.count == 2 }
            return isAlone ? "\(reason); a file of one such tensor is mostly a textual inversion embedding" : reason
        }

        /// The tensors of a part with its changes added. Throws, naming the layer, where one does not fit.
        func merged(_ tensors: [String: Tensor], part: Part, scale: Double) throws -> [String: Tensor] {
            let adapters = try adapters(of: part, over: tensors)
            var merged = tensors
            for name in adapters.tensors.keys where name.hasSuffix(LowRankAdapters.down) {
                let path = String(name.dropLast(LowRankAdapters.down.count))
                guard let weight = tensors[path + ".weight"], let change = adapters.change(of: path) else { continue }
                let sum = noGradients { weight + scale * change.to(weight.device).reshaped(weight.shape) }
                guard sum.isFinite else { throw wrong(path, "its change makes weights that are not finite") }
                merged[path + ".weight"] = sum
            }
            return merged
        }

        /// The adapters of a part under the names of its layers, alpha / r multiplied into B. Throws, naming the layer, where one does not fit.
        /// - Parameter tensors: of the network
        public func adapters(of part: Part, over tensors: [String: Tensor]) throws -> LowRankAdapters {
            let shapes = Dictionary(
                uniqueKeysWithValues: tensors.filter { $0.key.hasSuffix(".weight") }.map { (String($0.key.dropLast(".weight".count)), $0.value.shape) })
            var adapters: [String: Tensor] = [:]
            for (path, layer) in try current(part, OriginalNames.unet(layers: shapes.keys)) {
                guard let shape = shapes[path] else {
                    let isOfClips = MotionConfiguration.owns(path) && !shapes.keys.contains(where: MotionConfiguration.owns)
                    let message = isOfClips ? "is a LoRA of AnimateDiff's motion modules, and the model draws pictures" : "the model has no layer \(layer.name)"
                    throw ConfigurationError(file: url.path, message: message)
                }
                (adapters[path + LowRankAdapters.down], adapters[path + LowRankAdapters.up]) = try matrices(layer, path, shape)
            }
            return LowRankAdapters(adapters, scale: 1)
        }

        /// The layers of a part under diffusers' names for them.
        func current(_ part: Part, _ names: OriginalNames) throws -> [String: Layer] {
            var current: [String: Layer] = [:]
            for (path, layer) in (layers[part] ?? [:]).sorted(by: { $0.key < $1.key }) {
                let isOriginal = part == .unet && AdapterName.isOriginal(path)
                let new = isOriginal ? (names.current(path + ".weight")).map { String($0.dropLast(".weight".count)) } ?? path : path
                if let other = current[new] { throw wrong(layer.name, "is the same layer as \(other.name): which of the two counts?") }
                current[new] = layer
            }
            return current
        }

        func wrong(_ name: String, _ message: String) -> ConfigurationError { ConfigurationError(file: url.path, message: "\(name): \(message)") }

        func checkFinite(_ layer: Layer) throws {
            // libtorch does not look at numbers of eight bits.
            guard layer.down.to(.float32).isFinite, layer.up.to(.float32).isFinite else {
                throw wrong(layer.name, "its matrices hold values that are not finite")
            }
        }

        /// A and (alpha / r)·B in the shapes that a weight asks for: as many axes as it has.
        private func matrices(_ layer: Layer, _ path: String, _ shape: [Int]) throws -> (down: Tensor, up: Tensor) {
            let (down, up, rank) = (layer.down, layer.up, layer.rank)
            // A linear layer and a convolution of one pixel are the same.
            func bare(_ shape: [Int]) -> [Int] { shape.dropFirst(2).allSatisfy { $0 == 1 } ? [shape[1]] : Array(shape[1...]) }
            guard up.size(0) == shape.first, shape.count >= 2, bare(down.shape) == bare(shape) else {
                let model = OtherAdapters.guess(path: path, inputs: down.size(1)) ?? "a model of another width"
                throw wrong(layer.name, "matrices \(up.shape) and \(down.shape) do not make a weight \(shape): it was made for \(model)")
            }
            try checkFinite(layer)
            return try noGradients {
                let scaled = up.to(.float32) * layer.scale
                guard scaled.isFinite else { throw wrong(layer.name, "its matrices times alpha / r = \(layer.scale) are not finite") }
                return (
                    down.to(.float32).reshaped([rank] + shape.dropFirst()), scaled.reshaped([up.size(0), rank] + shape.dropFirst(2).map { _ in 1 })
                )
            }
        }
    }
}
