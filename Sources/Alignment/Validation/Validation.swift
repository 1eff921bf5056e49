import Foundation
import Storage

/// What was measured of one checkpoint: a line of `validation.jsonl`.
public struct Validation: Codable, Equatable, Sendable {
    /// 0 is the base model.
    public var k: Int
    /// Updates that the checkpoint has behind it.
    public var update: Int
    /// Mean over the held-out winners; nothing where none is held out, or where the network's answers are not finite.
    public var denoisingError: Double?
    /// Of each held-out winner, in the order of `held-out.jsonl`.
    public var errors: [Double]?
    /// Winners that are held out.
    public var n: Int
    /// Images that were drawn.
    public var samples: Int
    public var seconds: Double

    enum CodingKeys: String, CodingKey {
        case k, update, errors, n, samples, seconds
        case denoisingError = "denoising_error"
    }
}

/// `validation.jsonl`: one line a checkpoint, 0 … K in order, only ever appended to.
struct ValidationLog {
    private let file: AppendingFile
    private(set) var entries: [Validation]

    /// Opens the log of a run, or begins one; a torn last line is cut off.
    init(_ url: URL) throws {
        file = try AppendingFile(url)
        let (entries, end) = Self.read(try Data(contentsOf: url))
        self.entries = entries
        try file.truncate(to: end)
    }

    mutating func append(_ entry: Validation) throws {
        try file.append(JSONLines.line(entry))
        try file.flush()
        entries.append(entry)
    }

    /// Keeps the first `count` validations of a run.
    static func cut(_ url: URL, to count: Int) throws {
        guard let data = try? Data(contentsOf: url) else { return }
        try AppendingFile(url).truncate(to: read(data, atMost: count).end)
    }

    /// The validations of a run, as far as its file is whole.
    static func entries(_ url: URL) -> [Validation] { (try? Data(contentsOf: url)).map { read($0).entries } ?? [] }

    private static func read(_ data: Data, atMost most: Int = .max) -> (entries: [Validation], end: Int) {
        var entries: [Validation] = []
        var end = data.startIndex
        for line in JSONLinesReader(data) {
            guard entries.count < most, line.isWhole, let entry = try? line.decoded(Validation.self), entry.k == entries.count else { break }
            entries.append(entry)
            end = line.bytes.endIndex + 1
        }
        return (entries, end - data.startIndex)
    }
}

extension RunDirectory {
    /// What was measured of the checkpoints so far, from the base model on.
    public var validations: [Validation] { ValidationLog.entries(validation) }
}
