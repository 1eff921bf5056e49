import Alignment
import Diffusion
import Foundation
import Storage
import Torch

/// A run directory: how far it is, and whether it could go on.
public struct RunInspection: Encodable, Sendable {
    public struct Alarm: Encodable, Sendable {
        public let text: String
        public let firstUpdate: Int
        public let updates: Int
    }

    public var settings: [String: JSONValue] = [:]
    /// Updates behind the newest saved state.
    public var updatesSaved = 0
    public var updatesLogged = 0
    public var updatesTotal: Int?
    /// Iterations whose policy is kept.
    public var checkpoints: [Int] = []
    /// The newest saved state's file.
    public var state: String?
    /// Of the latest updates, five at most.
    public var lastLosses: [Double] = []
    public var alarms: [Alarm] = []
    /// Updates left out because of a loss or gradient that was not finite.
    public var skippedUpdates = 0
    /// Whether a process is working on it.
    public var isLocked = false
    public var isFinished = false
    public var isEvaluated = false
    /// The aligned pipeline, once it is written.
    public var model: PipelineInspection?

    var policyParameters = 0
    /// The aligned pipeline, or else the one that the run started from.
    var modelFolder: URL

    private enum CodingKeys: String, CodingKey {
        case settings, updatesSaved, updatesLogged, updatesTotal, checkpoints, state, lastLosses, alarms, skippedUpdates
        case isLocked = "locked"
        case isFinished = "finished"
        case isEvaluated = "evaluated"
        case model
    }

    init(_ url: URL, _ effort: Inspection.Effort, _ problems: inout [String]) {
        let directory = RunDirectory(url)
        modelFolder = directory.model
        isLocked = RunLock.isHeld(directory)
        readSettings(directory, &problems)
        readState(directory, &problems)
        readCheckpoints(directory, effort, &problems)
        readLog(directory, &problems)
        isEvaluated = PipelineInspection.exists(directory.evaluation)
        let isWritten = PipelineInspection.exists(PipelineFolder(directory.model).index)
        isFinished = isWritten && updatesSaved == updatesTotal
        if isWritten {
            var found = PipelineInspection()
            _ = found.inspect(directory.model, as: .pipeline, effort, &problems)
            model = found
        } else if case .string(let base)? = settings["model"] {
            modelFolder = BuiltInModel.resolve(base)
            if !PipelineInspection.exists(modelFolder) { problems.append("\(modelFolder.path): the model that the run started from is gone") }
        }
    }

    private mutating func readSettings(_ directory: RunDirectory, _ problems: inout [String]) {
        do {
            settings = try AlignmentSettings.fields(yaml: RegularFile.text(directory.configuration))
        } catch {
            problems.append("\(directory.configuration.path): cannot be read: \(error)")
        }
        if case .number(let iterations)? = settings["iterations"], case .number(let updates)? = settings["updates"] {
            updatesTotal = Int(exactly: iterations * updates)
        }
        if updatesTotal == nil { problems.append("\(directory.configuration.path): does not say how many iterations and updates the run has") }
    }

    private mutating func readState(_ directory: RunDirectory, _ problems: inout [String]) {
        do {
            guard let saved = try RunState.newest(directory) else { return }
            state = saved.file.url.lastPathComponent
            updatesSaved = saved.counters.updates
            policyParameters = saved.policyShapes.values.reduce(0) { $0 + $1.reduce(1, *) }
        } catch {
            problems.append("\(error)")
        }
    }

    private mutating func readCheckpoints(_ directory: RunDirectory, _ effort: Inspection.Effort, _ problems: inout [String]) {
        let possible = 1.0...1_000_000
        guard case .number(let iterations)? = settings["iterations"], case .number(let updates)? = settings["updates"],
            possible ~= iterations, possible ~= updates
        else { return }
        let due = updatesSaved / Int(updates)
        let trainsAdapters = ![nil, .null, .number(0)].contains(settings["lora"]) || ![nil, .null].contains(settings["lora_from"])
        let trained: TrainedPart.Kind = trainsAdapters ? .lora : settings["train"] == .string(TrainedPart.Kind.motion.rawValue) ? .motion : .whole
        for k in 1...Int(iterations) {
            let file = directory.checkpoint(k, of: trained)
            guard PipelineInspection.exists(file) else {
                if k <= due { problems.append("\(file.path): the checkpoint is missing") }
                continue
            }
            do {
                let tensors = try SafeTensorsFile(file)
                if TensorFileInspection.isSearched(tensors, effort) { try tensors.verify() }
                checkpoints.append(k)
                if let problem = TensorFileInspection.notFinite(tensors, effort) { problems.append(problem) }
            } catch {
                problems.append("\(error)")
            }
        }
    }

    private mutating func readLog(_ directory: RunDirectory, _ problems: inout [String]) {
        guard let lines = try? Data(contentsOf: directory.log) else {
            if updatesSaved > 0 { problems.append("\(directory.log.path): the file is missing") }
            return
        }
        let log = TrainingLog(jsonLines: lines)
        updatesLogged = log.updates.last?.update ?? 0
        lastLosses = log.updates.suffix(5).compactMap(\.loss)
        alarms = log.alarms.map { Alarm(text: $0.text, firstUpdate: $0.first, updates: $0.count) }
        skippedUpdates = log.skippedUpdates
        if updatesLogged < updatesSaved {
            problems.append("\(directory.log.path): ends at update \(updatesLogged), but the saved state is at \(updatesSaved)")
        }
        // The torn last line of a run that was killed is cut off when it goes on.
        let isTorn = lines.last != UInt8(ascii: "\n")
        let unreadable = log.unreadableLines - (isTorn && log.unreadableLines > 0 ? 1 : 0)
        if unreadable > 0 { problems.append("\(directory.log.path): \(unreadable) lines cannot be read") }
    }
}
