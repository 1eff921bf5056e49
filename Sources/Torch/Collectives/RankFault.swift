import Foundation
import Storage

/// Why the ranks of a group cannot go on together. The text names the rank.
public struct RankFault: Error, Codable, Equatable, Sendable, CustomStringConvertible {
    /// Those it is about, in order.
    public let ranks: [Int]
    public let problem: Problem

    public init(_ ranks: [Int], _ problem: Problem) {
        self.ranks = ranks
        self.problem = problem
    }

    public enum Problem: Codable, Equatable, Sendable {
        /// It never came.
        case absent(seconds: Double)
        /// Its process is gone, without a word.
        case ended
        /// Its process gives no sign of life.
        case silent(seconds: Double)
        /// Its process lives, but it does not come to an exchange where others wait.
        case late(seconds: Double)
        /// It said itself that it cannot go on.
        case failed(String)
        /// It was started with something else than rank 0.
        case differs(Difference, from: String, has: String)
        /// Two processes claim to be it.
        case claimedTwice
        /// It lost its connection to another rank, though both are alive.
        case disconnected(String)
    }

    /// What all ranks must have in common.
    public enum Difference: String, Codable, Sendable {
        case size, version, settings, data
    }

    public var description: String {
        let isOne = ranks.count == 1
        let who = (isOne ? "rank " : "ranks ") + ranks.map(String.init).joined(separator: ", ")
        switch problem {
        case .absent(let seconds): return "\(who) did not arrive within \(Self.text(seconds))"
        case .ended: return "\(who) ended unexpectedly: the process was killed or crashed"
        case .silent(let seconds):
            return "\(who) gave no sign of life for \(Self.text(seconds)): the process is stopped, or its machine or the network is gone"
        case .late(let seconds): return "\(who) did not come for \(Self.text(seconds)) to where the others wait"
        case .failed(let reason): return "\(who) failed: \(reason)".printableLines
        case .differs(let difference, let ours, let theirs):
            let verb = isOne ? "has" : "have"
            return "\(who) \(verb) \(difference.name) than rank 0: \(theirs) instead of \(ours)".printableLines
        case .claimedTwice: return "two processes were started as \(who)"
        case .disconnected(let reason): return "\(who) lost the connection to another rank: \(reason)".printableLines
        }
    }

    private static func text(_ seconds: Double) -> String {
        seconds == seconds.rounded() ? "\(Int(seconds)) seconds" : String(format: "%.1f seconds", seconds)
    }
}

extension RankFault.Difference {
    fileprivate var name: String {
        switch self {
        case .size: "another number of ranks"
        case .version: "another version of the program"
        case .settings: "other settings"
        case .data: "other data"
        }
    }
}

/// What must be equal on all ranks before they begin, as texts that are compared and shown: a version, and settings, one a line.
public struct RankIdentity: Codable, Equatable, Sendable {
    public var version: String
    public var settings: String

    public init(version: String, settings: String) { (self.version, self.settings) = (version, settings) }

    /// The first thing in which another is different.
    func difference(_ other: RankIdentity) -> RankFault.Problem? {
        if version != other.version { return .differs(.version, from: version, has: other.version) }
        guard settings != other.settings else { return nil }
        let (ours, theirs) = (settings.split(separator: "\n"), other.settings.split(separator: "\n"))
        func text(_ lines: [Substring], without others: [Substring]) -> String {
            let own = lines.filter { !others.contains($0) }
            return own.isEmpty ? "the default" : own.joined(separator: ", ")
        }
        return .differs(.settings, from: text(ours, without: theirs), has: text(theirs, without: ours))
    }
}
