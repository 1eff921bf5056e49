import Foundation
import Storage

/// `log.jsonl`: one line an update, only ever appended to.
public final class RunLog {
    private let file: AppendingFile

    private init(_ file: AppendingFile) { self.file = file }

    /// Opens the log of a run that has `updates` updates behind it. Lines of updates that the saved state does not know are cut off: they will
    /// be done again, with the same numbers.
    /// - Parameter known: is given every update that stays
    public static func open(_ url: URL, continuingAfter updates: Int, known: (LoggedUpdate) throws -> Void = { _ in }) throws -> RunLog {
        let file = try AppendingFile(url)
        let (count, end) = try read(try Data(contentsOf: url), atMost: updates, known)
        guard count == updates else { throw RunError.state("\(url.path) is whole up to update \(count) only, but the saved state is at \(updates)") }
        try file.truncate(to: end)
        return RunLog(file)
    }

    /// Updates that a log has from the first on without a gap.
    static func wholeUpdates(_ url: URL) -> Int { (try? read(Data(contentsOf: url), atMost: .max)).map(\.count) ?? 0 }

    /// Hands out the whole lines from the first update on.
    /// - Returns: how many there are, and where the last ends
    private static func read(_ data: Data, atMost most: Int, _ known: (LoggedUpdate) throws -> Void = { _ in }) throws -> (count: Int, end: Int) {
        var end = data.startIndex
        var count = 0
        for line in JSONLinesReader(data) {
            guard count < most, line.isWhole, let update = try? line.decoded(LoggedUpdate.self), update.update == count + 1 else { break }
            try known(update)
            count += 1
            end = line.bytes.endIndex + 1
        }
        return (count, end - data.startIndex)
    }

    public func append(_ update: LoggedUpdate) throws {
        try file.append(JSONLines.line(update))
    }

    /// Sees to it that what was appended survives a loss of power, before a state that counts on it is saved.
    public func flush() throws { try file.flush() }
}
