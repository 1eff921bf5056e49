import Foundation
import Torch

/// Progress and log lines, on standard error: standard output is for results.
enum Console {
    /// What it quotes of others steers no terminal.
    static func line(_ text: String) { FileHandle.standardError.write(Data((text.printableLines + "\n").utf8)) }

    static let isTerminal = isatty(STDERR_FILENO) == 1
}

/// A bar with rate and remaining time on a terminal, a plain line now and then elsewhere.
final class ProgressBar {
    private let title: String
    private let start = Date()
    private var first: Int?
    private var lastShown = Date.distantPast

    init(_ title: String) { self.title = title }

    func show(_ done: Int, of total: Int, _ note: String = "") {
        let before = first ?? done
        first = before
        let isLast = done >= total
        guard isLast || -lastShown.timeIntervalSinceNow >= (Console.isTerminal ? 0.2 : 10) else { return }
        lastShown = Date()
        let seconds = -start.timeIntervalSinceNow
        let rate = seconds > 0 ? Double(done - before) / seconds : 0
        let rest = rate > 0 ? Double(total - done) / rate : 0
        let figures = "\(done)/\(total)" + (rate > 0 ? String(format: "  %.1f/s", rate) : "") + (isLast || rate == 0 ? "" : "  \(Self.clock(rest)) left")
        guard Console.isTerminal else { return Console.line("\(title)  \(figures)\(note.isEmpty ? "" : "  " + note)") }
        let width = 24
        let filled = total > 0 ? min(width, done * width / total) : width
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        FileHandle.standardError.write(Data("\r\u{1b}[2K\(title)  \(bar)  \(figures)  \(note)\(isLast ? "\n" : "")".utf8))
    }

    static func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return whole < 60 ? "\(whole) s" : whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}
