import Foundation

/// `log.jsonl`: one line an update, only ever appended to.
public final class RunLog {
    private let file: FileHandle
    private let encoder = JSONEncoder()

    /// Opens the log of a run that has `updates` updates behind it. Lines of updates that the saved state does not know are cut off: they will
    /// be done again, with the same numbers.
    public init(_ url: URL, continuingAfter updates: Int) throws {
        encoder.outputFormatting = [.sortedKeys]
        if updates == 0 || !FileManager.default.fileExists(atPath: url.path) {
            guard FileManager.default.createFile(atPath: url.path, contents: nil) else { throw RunError.unusable(url.path, "cannot be written") }
        }
        file = try FileHandle(forUpdating: url)
        let data = try file.readToEnd() ?? Data()
        let decoder = JSONDecoder()
        var end = data.startIndex
        var known = 0
        while let newline = data[end...].firstIndex(of: UInt8(ascii: "\n")) {
            guard known < updates, let line = try? decoder.decode(LoggedUpdate.self, from: data[end..<newline]), line.update == known + 1 else { break }
            known += 1
            end = data.index(after: newline)
        }
        guard known == updates else { throw RunError.state("\(url.path) is whole up to update \(known) only, but the saved state is at \(updates)") }
        try file.truncate(atOffset: UInt64(end - data.startIndex))
        try file.seekToEnd()
    }

    public func append(_ update: LoggedUpdate) throws {
        try file.write(contentsOf: encoder.encode(update) + Data("\n".utf8))
    }

    /// Sees to it that what was appended survives a loss of power, before a state that counts on it is saved.
    public func flush() throws { try file.synchronize() }

    deinit { try? file.close() }
}
