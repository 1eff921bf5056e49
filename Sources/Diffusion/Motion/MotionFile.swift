import Foundation
import Networks
import Storage
import Torch

/// Motion modules on disk, which make a model of pictures one of clips: diffusers' folder of a `MotionAdapter`, of a `UNetMotionModel` or of a whole pipeline that
/// draws clips, or one safetensors file under the original code's names or diffusers'.
public struct MotionFile: Sendable {
    public let url: URL
    /// Of the files of weights.
    public var files: [URL] { weights.files.map(\.url) }
    public let channels: [Int]
    public let layersPerBlock: [Int]
    public let motion: MotionConfiguration
    /// Of the normalisations; nil where nothing says it.
    public let groups: Int?
    /// What people should know of it, a sentence each.
    public let notes: [String]
    private let weights: WeightFiles
    /// Today's names, and the file's.
    private let names: [String: String]

    /// Reads headers, the configuration and the tables of positions. Throws with what stands there where these are no motion modules of ours.
    public init(_ url: URL) throws {
        self.url = url
        let place = try Place(url)
        weights = place.weights
        func refused(_ message: String) -> ConfigurationError { ConfigurationError(file: url.path, message: message) }
        let all = weights.shapes
        if let kind = MotionNames.otherKind(all) { throw refused("is \(kind), which is not supported") }
        var names: [String: String] = [:]
        var others = 0
        var tables: [String: [String]] = [:]
        for name in all.keys.sorted() {
            guard let current = MotionNames.current(name) else {
                others += 1
                continue
            }
            if current.hasSuffix(".pos_embed.pe") { tables[current, default: []].append(name) }
            guard let taken = names[current] else {
                names[current] = name
                continue
            }
            guard current.hasSuffix(".pos_embed.pe") else {
                throw refused("holds \(taken.quotedForMessage) and \(name.quotedForMessage), which mean the same tensor")
            }
        }
        guard !names.isEmpty else { throw refused("holds no motion modules (no tensor's name has motion_modules. in it)") }
        self.names = names
        let shapes = try MotionShapes(names.mapValues { all[$0]! }, file: url.path)
        (channels, layersPerBlock) = (shapes.channels, shapes.layers)
        let stated = try place.stated
        groups = stated?.groups
        let heads = stated?.heads ?? shapes.channels.map { _ in 8 }
        guard heads.count == shapes.channels.count else {
            throw refused("its configuration is of \(heads.count) levels, its tensors of \(shapes.channels.count)")
        }
        var motion = MotionConfiguration(
            layers: shapes.layers, heads: heads, depth: shapes.layers.map { _ in 1 }, middleDepth: shapes.middleDepth,
            maximumFrames: shapes.maximumFrames ?? stated?.maximumFrames ?? 32)
        (motion.depth, motion.upDepth) = (shapes.depth, shapes.upDepth)
        self.motion = motion
        notes =
            try (stated?.disagreements(with: motion) ?? []) + Self.notes(of: tables, in: weights)
            + (shapes.maximumFrames == nil ? ["has no tables of positions: those of \(motion.maximumFrames) frames are computed"] : [])
            + (others > 0 && !place.isNetwork ? ["of it not used: \(others) tensors that belong to no motion module"] : [])
    }

    /// The modules' tensors by today's names.
    public func tensors() throws -> [String: Tensor] {
        let all = try weights.all()
        var found = names.mapValues { all[$0]! }
        guard !found.keys.contains(where: { $0.hasSuffix(".pos_embed.pe") }) else { return found }
        for (name, tensor) in found where name.hasSuffix(".norm1.weight") && tensor.count % 2 == 0 {
            found[String(name.dropLast("norm1.weight".count)) + "pos_embed.pe"] = MotionConfiguration.positions(motion.maximumFrames, tensor.count)
        }
        return found
    }

    /// Whether tables of positions are what their formula gives, and the two of a block alike.
    private static func notes(of tables: [String: [String]], in weights: WeightFiles) throws -> [String] {
        let all = try weights.all()
        // Half precision is no difference.
        func isNear(_ a: Tensor, _ b: Tensor) -> Bool { a.shape == b.shape && (a.to(.float32) - b.to(.float32)).magnitude.max().item < 2e-3 }
        var notes: [String] = []
        let known = tables.values.map { $0.compactMap { all[$0] } }.filter { tables in
            tables.allSatisfy { $0.rank == 3 && $0.count > 0 && $0.count < 1 << 24 && $0.size(2) % 2 == 0 }
        }
        if known.contains(where: { pair in !isNear(pair[0], MotionConfiguration.positions(pair[0].size(1), pair[0].size(2))) }) {
            notes.append("its tables of positions are not those that their formula gives: the file's are used")
        }
        if known.contains(where: { pair in pair.contains { !isNear($0, pair[0]) } }) {
            notes.append("the two attentions of a block have different tables of positions: the first one's are used for both")
        }
        return notes
    }
}

extension MotionFile {
    /// The weights of motion modules, and the configuration beside them.
    private struct Place {
        let weights: WeightFiles
        let configuration: URL?
        /// Whether it is a whole network by what stands there.
        let isNetwork: Bool

        init(_ url: URL) throws {
            func refused(_ message: String) -> ConfigurationError { ConfigurationError(file: url.path, message: message) }
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else { throw refused("does not exist") }
            guard isFolder.boolValue else {
                if PickledWeights.isOne(url.lastPathComponent) { throw refused(PickledWeights.remedy(url)) }
                weights = WeightFiles(try SafeTensorsFile(url))
                let beside = url.deletingLastPathComponent().appendingPathComponent("config.json")
                configuration = Self.classes.contains(Self.className(beside) ?? "") ? beside : nil
                isNetwork = false
                return
            }
            let pipeline = PipelineFolder(url)
            let isPipeline = FileManager.default.fileExists(atPath: pipeline.index.path)
            let folder = isPipeline ? pipeline.unet.folder : url
            let file = folder.appendingPathComponent("config.json")
            let name = Self.className(file)
            guard let name, Self.classes.contains(name) else {
                if name?.hasPrefix("SparseControlNet") ?? false { throw refused("is a SparseCtrl encoder (a ControlNet for clips), which is not supported") }
                throw refused("holds no motion modules: " + (name.map { "its class is \($0.quotedForMessage)" } ?? "it has no config.json of a MotionAdapter"))
            }
            weights = try WeightFiles(in: folder, stem: "diffusion_pytorch_model")
            configuration = file
            isNetwork = name == UNetConfiguration.motionClassName
        }

        private static let classes: Set<String> = [MotionAdapterConfiguration.className, UNetConfiguration.motionClassName]

        private static func className(_ file: URL) -> String? {
            guard case .string(let name)? = try? ConfigurationReader.object(file)["_class_name"] else { return nil }
            return name
        }

        /// What its configuration says; nil where it has none.
        var stated: Stated? {
            get throws {
                guard let configuration else { return nil }
                guard Self.className(configuration) == MotionAdapterConfiguration.className else {
                    let unet = try UNetConfiguration(configuration)
                    return unet.motion.map {
                        Stated(heads: $0.heads, groups: unet.groups, hasMiddle: $0.middleDepth != nil, maximumFrames: $0.maximumFrames)
                    }
                }
                let adapter = try MotionAdapterConfiguration(configuration)
                return Stated(heads: adapter.heads, groups: adapter.groups, hasMiddle: adapter.middleDepth != nil, maximumFrames: adapter.maximumFrames)
            }
        }
    }

    /// What a configuration says of motion modules.
    private struct Stated {
        let heads: [Int]
        let groups: Int
        let hasMiddle: Bool
        let maximumFrames: Int

        /// Wrong configurations are about, so that tensors count for more.
        func disagreements(with motion: MotionConfiguration) -> [String] {
            var found: [String] = []
            if hasMiddle != (motion.middleDepth != nil) {
                found.append("config.json says that \(hasMiddle ? "a" : "no") motion module stands in the middle, its tensors say otherwise: they are believed")
            }
            if maximumFrames != motion.maximumFrames {
                found.append("config.json says \(maximumFrames) frames at most, its tensors \(motion.maximumFrames): they are believed")
            }
            return found
        }
    }
}
