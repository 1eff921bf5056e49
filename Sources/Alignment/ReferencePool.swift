import Diffusion
import Foundation
import Layers
import Torch

/// The policy's checkpoints 0 … k−1: who draws the reference samples and stands against the policy in the loss.
///
/// Checkpoint 0 is the base model. Others are files of the run, mapped into memory when they are drawn; one is held at a time. They are written
/// so that the map serves as it is: a reference takes no memory that the kernel could not take back.
public final class ReferencePool {
    private let base: UNet
    /// What checkpoints hold adapters for; nil where they are whole UNets.
    private let adapted: Adapted?
    private let directory: RunDirectory
    private let rule: ReferenceRule
    private let draw: AlignmentSettings.ReferenceDraw
    private let seed: UInt64
    private var held: (index: Int, network: any Denoiser)?
    /// Checkpoint 0, where it is a file of the run: it is wanted in between the others.
    private var first: (any Denoiser)?

    /// What stands beside adapters, which never copy it.
    public struct Adapted {
        /// The base model's.
        let tensors: [String: Tensor]
        /// alpha / r.
        let scale: Double
        /// Adapters that the base model's text encoder has taken up. Every checkpoint has them, so that it means the same in other programs.
        let textEncoder: LowRankAdapters?
    }

    /// The pool of a run.
    public convenience init(_ settings: AlignmentSettings, _ pipeline: DenoisingPipeline, in directory: RunDirectory) throws {
        let adapted = try settings.loraScale.map {
            Adapted(tensors: pipeline.unetTensors, scale: $0, textEncoder: try settings.modelFiles.textEncoderAdapters())
        }
        self.init(
            base: pipeline.unet, adapted: adapted, directory: directory, rule: settings.row.reference, draw: settings.referenceDraw, seed: settings.seed)
    }

    /// - Parameter adapted: nil where checkpoints hold whole UNets
    public init(
        base: UNet, adapted: Adapted? = nil, directory: RunDirectory, rule: ReferenceRule,
        draw: AlignmentSettings.ReferenceDraw, seed: UInt64
    ) {
        self.base = base
        self.adapted = adapted
        self.directory = directory
        self.rule = rule
        self.draw = draw
        self.seed = seed
    }

    /// Writes checkpoint 0, where it is not there yet.
    ///
    /// Of a large base model, because its own file would not do as one: nothing is copied into memory, and weights that lie there otherwise than the
    /// policy's would not give equal bits, on which the flip depends. And of adapters that were not made by this run.
    public func keepFirst(_ tensors: [(name: String, value: Tensor)]) throws {
        if !FileManager.default.fileExists(atPath: file(0).path) { try write(0, tensors) }
    }

    /// The index of the reference for update `update` (counted from 0 over the run) of iteration `k` (from 1).
    public func index(update: Int, k: Int) -> Int {
        switch rule {
        case .initial: return 0
        case .latest: return k - 1
        case .random:
            var generator = SeededGenerator(seed: seed, purpose: "reference", index: draw == .update ? update : k)
            return generator.integer(below: k)
        }
    }

    /// The network of checkpoint `index`. Throws when its file is damaged or gone.
    public func network(_ index: Int) throws -> any Denoiser {
        let file = file(index)
        if index == 0 {
            if let first { return first }
            guard FileManager.default.fileExists(atPath: file.path) else { return base }
            first = try network(in: file)
            return first!
        }
        if let held, held.index == index { return held.network }
        held = nil
        let network = try network(in: file)
        held = (index, network)
        return network
    }

    private func network(in file: URL) throws -> any Denoiser {
        let tensors = try Self.tensors(file, ofAdapters: adapted != nil)
        let store =
            adapted.map { ParameterStore($0.tensors, from: file.path, adapters: LowRankAdapters(tensors, scale: $0.scale)) }
            ?? ParameterStore(tensors, from: file.path)
        return try store.build { UNet($0, base.configuration) }
    }

    /// The policy that a checkpoint holds, under its own names. Throws where a byte of the file is another than was written.
    static func tensors(_ file: URL, ofAdapters: Bool) throws -> [String: Tensor] {
        let file = try SafeTensorsFile(file)
        try file.verify()
        return try ofAdapters ? RunCheckpoint.adapters(file) : file.all()
    }

    /// Saves the policy as checkpoint `k`.
    public func append(_ k: Int, _ policy: [(name: String, value: Tensor)]) throws {
        try write(k, policy)
        if held?.index == k { held = nil }
    }

    private func write(_ k: Int, _ tensors: [(name: String, value: Tensor)]) throws {
        let file = file(k)
        try createFolder(file.deletingLastPathComponent())
        let metadata = RunCheckpoint.metadata(iteration: k)
        guard let adapted else { return try SafeTensors.write(tensors, metadata: metadata, forMapping: true, isSealed: true, to: file) }
        // Under the names that every program reads, and with alpha beside matrices whose bits are the policy's.
        let adapters = LowRankAdapters(Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.value) }), scale: adapted.scale)
        try LoRA.write(adapters, textEncoder: adapted.textEncoder, metadata: metadata, forMapping: true, isSealed: true, to: file)
    }

    private func file(_ k: Int) -> URL { directory.checkpoint(k, ofAdapters: adapted != nil) }
}
