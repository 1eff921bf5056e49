import Foundation
import Storage
import Winners

/// `skipped.jsonl`: what of the data set a run could not use.
public struct SkippedFiles {
    private(set) var all: [Skip]
    private let file: URL
    private var isWritten = false

    /// - Parameter keepingFormer: whether the run goes on: what it passed over before is not looked at again
    init(_ directory: RunDirectory, keepingFormer: Bool) {
        file = directory.skippedFiles
        all = keepingFormer ? Self.read(directory) : []
    }

    /// What is listed for a run.
    public static func read(_ directory: RunDirectory) -> [Skip] {
        guard let lines = try? Data(contentsOf: directory.skippedFiles) else { return [] }
        return JSONLinesReader(lines).compactMap { try? $0.decoded(Skip.self) }
    }

    /// Adds what is new among `skips`, and gives it back.
    @discardableResult
    mutating func record(_ skips: [Skip]) throws -> [Skip] {
        var known = Set(all)
        let new = skips.filter { known.insert($0).inserted }
        guard !new.isEmpty || !isWritten else { return [] }
        all += new
        try writeAtomically(all.map { try JSONLines.line($0) }.reduce(Data(), +), to: file)
        isWritten = true
        return new
    }
}
