import Foundation
import Storage
import Torch

/// The files that hold one network's weights in a diffusers folder: a single one, or shards that an index lists; in full precision, or in a
/// variant such as `fp16`.
public struct WeightFiles: Sendable {
    /// The file, or the index of the shards.
    public let origin: URL
    public let files: [SafeTensorsFile]
    /// The file of each tensor.
    private let places: [String: SafeTensorsFile]

    public init(_ file: SafeTensorsFile) {
        origin = file.url
        files = [file]
        places = Dictionary(uniqueKeysWithValues: file.names.map { ($0, file) })
    }

    /// Looks for `stem.safetensors`, then for its shards, then for its one variant.
    ///
    /// Throws `SafeTensorsError` for a damaged file, and `ConfigurationError` where there is nothing to read: no file, several variants, or pickles,
    /// which run code when they are opened.
    public init(in folder: URL, stem: String) throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let name = try Self.choice(of: names, stem: stem, folder)
        let origin = folder.appendingPathComponent(name)
        if name.hasSuffix(".json") {
            try self.init(index: origin)
        } else {
            self.init(try SafeTensorsFile(origin))
        }
    }

    private static func choice(of names: [String], stem: String, _ folder: URL) throws -> String {
        for name in ["\(stem).safetensors", "\(stem).safetensors.index.json"] where names.contains(name) { return name }
        // `stem.fp16.safetensors`, and for shards `stem.safetensors.index.fp16.json`.
        let variants = names.filter { name in
            let isShard = name.contains("-of-")
            return name.hasPrefix("\(stem).") && name.hasSuffix(".safetensors") && !isShard
                || name.hasPrefix("\(stem).safetensors.index.") && name.hasSuffix(".json")
        }
        if variants.count == 1 { return variants[0] }
        let path = folder.appendingPathComponent(stem).path
        guard variants.isEmpty else {
            throw ConfigurationError(file: path, message: "there are several variants (\(variants.sorted().joined(separator: ", "))): keep one")
        }
        if let pickle = names.sorted().first(where: PickledWeights.isOne) {
            let file = folder.appendingPathComponent(pickle)
            throw ConfigurationError(file: file.path, message: PickledWeights.remedy(file))
        }
        let others = names.filter { $0 != "config.json" }.sorted()
        let list = others.prefix(5).joined(separator: ", ") + (others.count > 5 ? " and \(others.count - 5) more" : "")
        throw ConfigurationError(file: "\(path).safetensors", message: "the file is missing" + (others.isEmpty ? "" : "; the folder has \(list)"))
    }

    /// What `*.safetensors.index.json` holds.
    private struct Index: Decodable {
        let weightMap: [String: String]

        private enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
    }

    private init(index: URL) throws {
        func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: index.path, message: message) }
        guard let list = try? JSONDecoder().decode(Index.self, from: ConfigurationReader.data(index)) else { throw wrong("is not an index of weight files") }
        let names = Set(list.weightMap.values).sorted()
        // A shard lies beside its index: no name leads elsewhere.
        if let name = names.first(where: { $0.contains("/") || $0.contains("\\") || !$0.hasSuffix(".safetensors") || $0.hasPrefix(".") }) {
            throw wrong("\(name) is not the name of a safetensors file beside it")
        }
        var opened: [String: SafeTensorsFile] = [:]
        for name in names { opened[name] = try SafeTensorsFile(index.deletingLastPathComponent().appendingPathComponent(name)) }
        for (tensor, name) in list.weightMap.sorted(by: { $0.key < $1.key }) where !opened[name]!.contains(tensor) {
            throw wrong("\(name) has no tensor \(tensor)")
        }
        for name in names {
            guard let stray = opened[name]!.names.first(where: { list.weightMap[$0] != name }) else { continue }
            throw wrong("\(name) has a tensor that is not listed for it: \(stray)")
        }
        origin = index
        files = names.map { opened[$0]! }
        places = list.weightMap.mapValues { opened[$0]! }
    }

    /// By name, without touching the data.
    public var shapes: [String: [Int]] { Dictionary(uniqueKeysWithValues: places.map { ($0, $1.shape(of: $0) ?? []) }) }

    /// Views of the files, or copies on another device than the processor.
    public func all(on device: Device = .cpu) throws(SafeTensorsError) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (name, file) in places { tensors[name] = try file.tensor(name, on: device) }
        return tensors
    }
}
