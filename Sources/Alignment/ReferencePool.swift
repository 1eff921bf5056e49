import Diffusion
import Foundation
import Storage
import Torch

/// The policy's checkpoints 0 … k−1: who draws the reference samples and stands against the policy in the loss.
///
/// Checkpoint 0 is the base model. Others are files of the run, mapped into memory when they are drawn; one is held at a time. They are written
/// so that the map serves as it is: a reference takes no memory that the kernel could not take back. Without a run directory they stay in memory.
/// On another device than the processor two are held, of which one is the next update's.
public final class ReferencePool {
    let part: TrainedPart
    private let directory: RunDirectory?
    /// Whether another process writes the run's files, for all.
    private let isReader: Bool
    private let rule: ReferenceRule
    private let draw: AlignmentSettings.ReferenceDraw
    private let seed: UInt64
    private lazy var ring = ReferenceRing(isOnDevice: part.pipeline.placement.device != .cpu) { [weak self] in
        // Where a training has ended early, nobody waits for what is on its way.
        guard let self else { throw CancellationError() }
        return try restored($0)
    }
    /// Checkpoint 0, where it is not the base model itself: it is wanted in between the others.
    private var first: (any Denoiser)?
    /// Where there is no run directory.
    private var kept: [Int: [String: Tensor]] = [:]

    /// The pool of a training.
    /// - Parameters:
    ///   - directory: where checkpoints are files; nil keeps them in memory
    ///   - isReader: whether another process writes the files
    public convenience init(_ settings: AlignmentSettings, _ part: TrainedPart, in directory: RunDirectory?, isReader: Bool = false) {
        self.init(part, in: directory, isReader: isReader, rule: settings.row.reference, draw: settings.objective.referenceDraw, seed: settings.run.seed)
    }

    public init(
        _ part: TrainedPart, in directory: RunDirectory?, isReader: Bool = false, rule: ReferenceRule,
        draw: AlignmentSettings.ReferenceDraw = .update, seed: UInt64 = 0
    ) {
        (self.part, self.directory, self.isReader, self.rule, self.draw, self.seed) = (part, directory, isReader, rule, draw, seed)
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
    public func denoiser(_ index: Int) throws -> any Denoiser {
        if index == 0 {
            if let first { return first }
            guard isFirstKept else { return part.pipeline.unet }
            let first = try restored(0)
            self.first = first
            return first
        }
        return try ring.denoiser(index)
    }

    /// Has the next update's reference brought to the device meanwhile, where it is there already.
    func prepareNext(after update: Int, k: Int, updates: Int) {
        let next = index(update: update + 1, k: (update + 1) / updates + 1)
        if next > 0, next < k { ring.prepare(next) }
    }

    private func restored(_ index: Int) throws -> any Denoiser {
        guard let directory else {
            guard let tensors = kept[index] else { preconditionFailure("checkpoint \(index) was never appended") }
            return try part.denoiser(with: tensors)
        }
        let file = directory.checkpoint(index, of: part.kind)
        return try part.denoiser(with: tensors(of: index, directory), from: file.path)
    }

    private func tensors(of index: Int, _ directory: RunDirectory) throws -> [String: Tensor] {
        try TrainedPart.read(directory.checkpoint(index, of: part.kind), part.kind)
    }

    /// Whether checkpoint 0 is more than the base model.
    private var isFirstKept: Bool {
        guard let directory else { return kept[0] != nil }
        return FileManager.default.fileExists(atPath: directory.checkpoint(0, of: part.kind).path)
    }

    /// Keeps checkpoint 0 where the base model does not serve as it, unless that was done before.
    public func keepFirst() throws {
        guard !isReader, let tensors = part.firstCheckpoint, !isFirstKept else { return }
        try keep(0, tensors.map { ($0.key, $0.value) })
    }

    /// Takes the policy as checkpoint `k`.
    public func append(_ k: Int, _ policy: [(name: String, value: Tensor)]) throws {
        ring.remove(k)
        try keep(k, policy)
    }

    /// Gives checkpoints 1 … `last`, as far as the first rank has their files, to ranks that keep theirs in memory.
    /// - Parameter policy: any, of the same names and shapes
    func hand(through last: Int, like policy: [(name: String, value: Tensor)], over collective: any Collective) throws {
        for k in stride(from: 1, through: last, by: 1) {
            let own = collective.isFirst ? directory.flatMap { try? self.tensors(of: k, $0) } : nil
            guard try collective.gather(own != nil)[0] else { continue }
            // Of the policy's layout in memory on all ranks.
            let tensors = Dictionary(uniqueKeysWithValues: policy.map { ($0.name, noGradients($0.value.zerosLike)) })
            for (name, tensor) in tensors { if let value = own?[name] { tensor.copy_(value) } }
            for (name, _) in policy { try collective.broadcast(tensors[name]!, from: 0) }
            if !collective.isFirst { kept[k] = tensors }
        }
    }

    private func keep(_ k: Int, _ tensors: [(name: String, value: Tensor)]) throws {
        guard !isReader else { return }
        if let directory { return try part.write(tensors, iteration: k, to: directory.checkpoint(k, of: part.kind)) }
        kept[k] = noGradients { Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.value.detached.clone()) }) }
    }
}
