import Foundation
import Storage

/// The `metadata.jsonl` beside what is drawn into a folder: a line each. It is replaced whole as it grows, so that an interruption keeps what was drawn.
struct DrawnRows {
    struct Row: Encodable {
        let file_name: String
        let text: String
        let seed: UInt64
        /// How it was drawn; nil where it was not.
        let guidance: Double?
        let steps: Int?
        /// Of the prompt in a test set.
        var id: String?
    }

    private let file: URL
    private var lines = Data()

    init(in folder: URL) { file = folder.appendingPathComponent("metadata.jsonl") }

    /// What the picture, or the folder of a clip's frames, is called without an ending.
    static func name(_ place: Int, seed: UInt64) -> String { String(format: "%05d-%llu", place, seed) }

    mutating func add(_ row: Row) throws { lines += try JSONLines.line(row) }
    func write() throws { try writeAtomically(lines, to: file) }
}
