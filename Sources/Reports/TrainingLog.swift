import Alignment
import Foundation
import Storage

/// The updates of a run, in order, as far as its log can be read.
public struct TrainingLog: Equatable, Sendable {
    public var updates: [LoggedUpdate]
    /// Lines that are not a logged update: the torn end of a killed run's file, say. They are counted in the report.
    public var unreadableLines: Int

    public init(updates: [LoggedUpdate] = [], unreadableLines: Int = 0) {
        self.updates = updates
        self.unreadableLines = unreadableLines
    }

    /// Reads JSON lines. Of an update that stands there twice the later line counts: it is the one the weights went on from.
    public init(jsonLines: Data) {
        var byNumber: [Int: LoggedUpdate] = [:]
        var unreadable = 0
        for line in JSONLinesReader(jsonLines) {
            if let update = try? line.decoded(LoggedUpdate.self) {
                byNumber[update.update] = update
            } else {
                unreadable += 1
            }
        }
        self.init(updates: byNumber.values.sorted { $0.update < $1.update }, unreadableLines: unreadable)
    }

    /// Updates left out because of a non-finite loss or gradient.
    public var skippedUpdates: Int { updates.reduce(0) { $0 + ($1.skipped?.count ?? 0) } }

    /// Each different alarm with the first update that raised it and how many did.
    public var alarms: [(text: String, first: Int, count: Int)] {
        var found: [(text: String, first: Int, count: Int)] = []
        for update in updates {
            for text in update.alarms ?? [] {
                if let position = found.firstIndex(where: { $0.text == text }) {
                    found[position].count += 1
                } else {
                    found.append((text, update.update, 1))
                }
            }
        }
        return found
    }

    /// Whether the loss is one of pairs (−log σ of a margin) and not the winner's plain error, as in fine-tuning on winners alone.
    public var comparesPairs: Bool { updates.contains { ($0.margin ?? 0) != 0 } }
}
