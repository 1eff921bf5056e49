import Diffusion
import Foundation
import Storage
import Torch

/// How a run starts in a folder, by what lies there already.
enum RunStart {
    /// Nothing of a run is there.
    case new
    /// A run was begun there that has saved nothing.
    case again
    case saved(RunState.Saved)
    /// From the policy of an iteration, since the saved state is lost.
    case checkpoint(k: Int)

    /// Looks, and refuses what no run may touch. To be called by the holder of the run alone: another process may be replacing what is read here.
    /// - Parameters:
    ///   - resumes: whether a run that was begun there goes on
    ///   - fromCheckpoint: whether it goes on from its newest checkpoint, having lost its state
    static func choose(_ directory: RunDirectory, _ settings: AlignmentSettings, resumes: Bool, fromCheckpoint: Bool) throws -> RunStart {
        guard let recorded = try recorded(directory, resumes: resumes) else {
            guard !fromCheckpoint else { throw RunError.unusable(directory.root.path, "holds no run that could go on from a checkpoint") }
            return .new
        }
        let saved: RunState.Saved?
        do {
            saved = try RunState.newest(directory)
        } catch {
            try settings.refuseChanges(from: recorded)
            return try lost(directory, settings, "\(error)", fromCheckpoint)
        }
        if let saved {
            guard !fromCheckpoint else {
                let state = "the saved state of \(saved.counters.updates) updates is whole: the run goes on from there, exactly"
                throw RunError.unusable(saved.file.url.path, state)
            }
            try settings.refuseChanges(from: recorded)
            // A run writes its results after its last state: before, they are somebody else's. One that went on from a checkpoint may have had some.
            let others = saved.counters.updates < settings.totalUpdates && saved.counters.startedFrom == nil ? directory.finalResults : []
            guard others.isEmpty else { throw RunError.inTheWay(others.map(\.path), folder: directory.root.path) }
            return .saved(saved)
        } else if RunState.isAwaited(directory) || directory.results.isEmpty {
            guard !fromCheckpoint else { throw RunError.unusable(directory.root.path, "this run has saved nothing yet: it starts anew when it is resumed") }
            let others = directory.finalResults
            guard others.isEmpty else { throw RunError.inTheWay(others.map(\.path), folder: directory.root.path) }
            return .again
        } else {
            try settings.refuseChanges(from: recorded)
            return try lost(directory, settings, "\(directory.statePointer.path) is missing", fromCheckpoint)
        }
    }

    /// Whether all of the run is done, and what it ends with is there.
    func isComplete(_ directory: RunDirectory, _ settings: AlignmentSettings, _ pipeline: DenoisingPipeline) -> Bool {
        guard case .saved(let saved) = self, saved.counters.updates == settings.totalUpdates else { return false }
        return directory.hasResults(settings, unet: pipeline.unetTensors.mapValues(\.shape))
    }

    /// The settings of the run that lies there; nil where nothing does. Throws where something is in the way.
    static func recorded(_ directory: RunDirectory, resumes: Bool) throws -> [String: JSONValue]? {
        guard let recorded = try AlignmentSettings.recorded(in: directory) else {
            let obstacles = directory.obstacles
            guard obstacles.isEmpty else { throw RunError.inTheWay(obstacles.map(\.path), folder: directory.root.path) }
            return nil
        }
        guard resumes else { throw RunError.exists(directory.root.path) }
        return recorded
    }

    private static func lost(_ directory: RunDirectory, _ settings: AlignmentSettings, _ reason: String, _ fromCheckpoint: Bool) throws -> RunStart {
        let logged = RunLog.wholeUpdates(directory.log)
        let newest = directory.newestCheckpoint(settings, logged: logged)
        if fromCheckpoint, let newest { return .checkpoint(k: newest) }
        var remains: [String] = []
        if logged > 0 { remains.append("a log of \(logged) updates") }
        let files = (1...settings.optimisation.iterations).map { directory.checkpoint($0, of: settings.trainedKind).path }
        let kept = zip(1..., files).filter { FileManager.default.fileExists(atPath: $1) }.map(\.0)
        if !kept.isEmpty { remains.append("checkpoints of iterations \(kept.map(String.init).joined(separator: ", "))") }
        if !directory.finalResults.isEmpty { remains.append("results (\(directory.finalResults[0].path))") }
        throw RunError.stateLost(
            LostState(folder: directory.root.path, reason: reason, remains: remains, checkpoint: newest.map { ($0, $0 * settings.optimisation.updates) }))
    }
}

extension RunDirectory {
    /// The newest iteration whose policy is whole, with every earlier one that may be drawn as a reference; the log must reach as far.
    func newestCheckpoint(_ settings: AlignmentSettings, logged: Int) -> Int? {
        func isWhole(_ k: Int) -> Bool { (try? SafeTensorsFile(checkpoint(k, of: settings.trainedKind)).verify()) != nil }
        let last = min(settings.optimisation.iterations, logged / settings.optimisation.updates)
        guard last >= 1 else { return nil }
        let drawsAll = settings.row.comparesPairs && settings.row.reference == .random
        return drawsAll ? (1...last).prefix(while: isWhole).last : (1...last).last(where: isWhole)
    }
}
