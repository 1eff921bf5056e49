import Alignment
import Commands
import Foundation
import Winners

/// The winners that models were trained on, and what of a test set is among them.
struct TrainedOn {
    /// A data set by its place, or why it cannot be looked at.
    private var sets: [(place: String, winners: Result<WinnerSet, any Error>)] = []

    /// - Parameters:
    ///   - named: by the user
    ///   - models: of which those that runs of ours wrote are told by where they lie, with the models that these runs began with
    init(_ named: URL?, models: [URL]) throws {
        if let named { sets.append((named.path, .success(try WinnerSet.list(named)))) }
        for settings in Self.runs(of: models) where !sets.contains(where: { $0.place == settings.data.winners }) {
            sets.append((settings.data.winners, Result { try settings.listedWinners() }))
        }
    }

    private static func runs(of models: [URL]) -> [AlignmentSettings] {
        var (found, seen, open): ([AlignmentSettings], Set<String>, [URL]) = ([], [], models)
        while let model = open.popLast() {
            guard let run = run(of: model), seen.insert(run.root.path).inserted, let settings = run.settings else { continue }
            found.append(settings)
            open += [settings.model.path, settings.model.motion, settings.adapters.from].compactMap { $0 }.map { URL(fileURLWithPath: $0) }
        }
        return found
    }

    /// The run that wrote a model, motion modules or adapters; nil for anything else. A checkpoint lies two folders below it.
    private static func run(of model: URL) -> RunDirectory? {
        var folder = model.standardizedFileURL
        for _ in 0..<3 where folder.path != "/" {
            folder.deleteLastPathComponent()
            let run = RunDirectory(folder)
            if run.holdsRun, run.claims(model) { return run }
        }
        return nil
    }

    /// Throws where test clips are among the winners.
    /// - Returns: what a reader of the numbers should know
    func check(_ references: ReferenceClips, allowsOverlap: Bool) throws -> [String] {
        if sets.isEmpty { return ["which winners the model was trained on is not known, and so not whether test clips are among them"] }
        return try sets.compactMap { place, winners throws -> String? in
            let shared: [ReferenceClips.Item]
            switch winners {
            case .success(let winners): shared = references.items(among: winners)
            case .failure(let error):
                let reason = "\(error)".split(separator: "\n").first ?? ""
                return "winners that the model was trained on cannot be looked at, and so not whether test clips are among them: \(reason)"
            }
            guard !shared.isEmpty else { return nil }
            let overlap = Overlap(
                names: shared.map(\.id), of: references.items.count, place: place)
            guard allowsOverlap else { throw overlap }
            return overlap.sentence
        }
    }

    private struct Overlap: Error, CustomStringConvertible {
        let names: [String]
        let of: Int
        let place: String

        var sentence: String {
            let more = names.count > 5 ? " and \(names.count - 5) more" : ""
            return "\(names.count) of \(of) test clips are, by name, bytes or caption, among the winners that the model was trained on (\(place)): "
                + names.prefix(5).joined(separator: ", ") + more
        }

        var description: String { sentence + ". Its numbers would say little of other prompts; --allow-overlap measures all the same" }
    }
}
