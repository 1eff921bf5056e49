import Foundation
import Networks
import Storage
import Torch

/// What a run needs to go on exactly: policy, optimiser and counters.
///
/// Written whole beside the old one; then a pointer file moves. A kill at any moment leaves one that is whole.
public struct RunState {
    public struct Counters: Codable, Sendable, Equatable {
        /// Updates done.
        public var updates = 0
        /// Winners drawn from the run's order, those passed over included; nil in states from before any could be.
        public var position: Int?
        /// Updates in a row that were left out because the loss or gradient was not finite.
        public var skipsInARow = 0
        /// Of the latest winners, for the alarm; nil in states from before these were kept.
        public var winnerErrors: PairedErrors?
        /// Of gradients in half precision; nil in float32.
        public var lossScale: LossScale?
        /// The iteration from whose checkpoint the run went on with a fresh optimiser, having lost its state; nil where it never did.
        public var startedFrom: Int?

        public init() {}
    }

    /// What the run was begun with, by content: settings can stay while a file they name changes.
    public struct Inputs: Codable, Sendable, Equatable {
        /// Images, captions and what they are encoded with; nil in states from before these were told apart one by one.
        public var data: String?
        /// The UNet's weights.
        public var unet: String
    }

    /// What it consists of beside the counters.
    enum Component: String, CaseIterable {
        case policy
        case optimiser
        /// The slowly following average of the policy, where one is kept.
        case average

        /// Of the names of its tensors in the file.
        var prefix: String { rawValue + "." }
    }

    /// A component, as it is saved.
    struct Part {
        let component: Component
        let tensors: [(name: String, value: Tensor)]
    }

    public var counters: Counters
    public var inputs: Inputs
    private var tensors: [Component: [String: Tensor]] = [:]

    /// The tensors of a component, by the names that it gave them.
    subscript(_ component: Component) -> [String: Tensor] { tensors[component] ?? [:] }

    /// A saved state whose tensors were not read yet.
    public struct Saved {
        public let file: SafeTensorsFile
        public let counters: Counters
        public let inputs: Inputs

        public var policyShapes: [String: [Int]] {
            let prefix = Component.policy.prefix
            let names = file.names.filter { $0.hasPrefix(prefix) }
            return Dictionary(uniqueKeysWithValues: names.map { (String($0.dropFirst(prefix.count)), file.shape(of: $0) ?? []) })
        }
    }

    /// What the pointer says before the first save: a state that is missing then was never there.
    private static let awaited = "0"

    /// Notes that a run has begun and has saved nothing.
    static func awaitFirst(in directory: RunDirectory) throws { try writeAtomically(Data((awaited + "\n").utf8), to: directory.statePointer) }

    /// Whether a run has begun and has saved nothing.
    static func isAwaited(_ directory: RunDirectory) -> Bool { (try? pointer(directory)) == awaited }

    private static func pointer(_ directory: RunDirectory) throws -> String? {
        let pointer = directory.statePointer
        guard FileManager.default.fileExists(atPath: pointer.path) else { return nil }
        return try RegularFile.text(pointer).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The newest state of a run, nil where none was saved yet. Throws where it is gone or damaged.
    public static func newest(_ directory: RunDirectory) throws -> Saved? {
        let pointer = directory.statePointer
        guard let name = try self.pointer(directory), name != awaited else { return nil }
        guard !name.isEmpty, !name.contains("/") else { throw RunError.state("\(pointer.path) names \"\(name)\", which is no file beside it") }
        let file: SafeTensorsFile
        do {
            file = try SafeTensorsFile(directory.state.appendingPathComponent(name))
            try file.verify()
        } catch {
            throw RunError.state("\(error)")
        }
        func read<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
            guard let json = file.metadata[name], let value = try? JSONDecoder().decode(type, from: Data(json.utf8)) else {
                throw RunError.state("\(file.url.path) has no \(name)")
            }
            return value
        }
        return Saved(file: file, counters: try read("counters", as: Counters.self), inputs: try read("inputs", as: Inputs.self))
    }

    /// The newest state of a run with its tensors, nil where none was saved yet.
    public static func load(_ directory: RunDirectory) throws -> RunState? {
        guard let saved = try newest(directory) else { return nil }
        var state = RunState(counters: saved.counters, inputs: saved.inputs)
        for (name, tensor) in try saved.file.all() {
            guard let component = Component.allCases.first(where: { name.hasPrefix($0.prefix) }) else { continue }
            state.tensors[component, default: [:]][String(name.dropFirst(component.prefix.count))] = tensor
        }
        return state
    }

    static func save(_ counters: Counters, inputs: Inputs, _ parts: [Part], in directory: RunDirectory) throws {
        let name = String(format: "%08d.safetensors", counters.updates)
        let tensors = parts.flatMap { part in part.tensors.map { (name: part.component.prefix + $0.name, value: $0.value) } }
        try SafeTensors.write(tensors, metadata: try metadata(counters, inputs), isSealed: true, to: directory.state.appendingPathComponent(name))
        try writeAtomically(Data((name + "\n").utf8), to: directory.statePointer)
        for old in directory.states where old.lastPathComponent != name { unlink(old.path) }
        try AtomicFile.removeLeftovers(in: directory.state)
    }

    static func metadata(_ counters: Counters, _ inputs: Inputs) throws -> [String: String] {
        [
            "counters": String(decoding: try JSONEncoder().encode(counters), as: UTF8.self),
            "inputs": String(decoding: try JSONEncoder().encode(inputs), as: UTF8.self),
        ]
    }
}

extension RunState.Inputs {
    /// Throws where a run that was begun with other inputs would come out otherwise.
    func refuseChanges(from saved: RunState.Inputs) throws {
        var changes: [String] = []
        if let before = saved.data, before != data {
            changes.append("winners: images, captions or the encoders of the model have changed since the run began")
        }
        if saved.unet != unet { changes.append("model: the UNet's weights have changed since the run began") }
        guard changes.isEmpty else { throw RunError.differs(changes) }
    }
}
