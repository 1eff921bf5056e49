import Foundation
import Storage

/// What people and other programs read: results on standard output, progress and log lines on standard error.
///
/// A terminal that was closed, a pipe that nobody reads and a full disk end no work: only a result that cannot be written is an error.
package enum Console {
    /// A log line. What it quotes of others steers no terminal.
    package static func line(_ text: String) { show(text.printableLines + "\n") }

    /// A part of a line, such as a bar that is drawn again.
    package static func show(_ text: String) { _ = write(text, to: STDERR_FILENO) }

    /// A line that tells what was done and where it lies; the work is done, whether anybody reads it or not.
    package static func print(_ text: String) { _ = write(text.printableLines + "\n", to: STDOUT_FILENO) }

    /// What the command was asked for. Throws where it cannot be written.
    package static func result(_ text: String) throws { try writeResult(text.printableLines) }

    /// The same as one JSON object, in which what is quoted stays as it is.
    package static func result(json: Data) throws { try writeResult(String(decoding: json, as: UTF8.self)) }

    private static func writeResult(_ text: String) throws {
        if let code = write(text + "\n", to: STDOUT_FILENO) { throw OutputError(code: code) }
    }

    package static let isTerminal = isatty(STDERR_FILENO) == 1

    /// Takes the places of standard streams that are closed, so that no file that is opened later gets their numbers. To be called first of all. Writing to
    /// such a stream fails, as before.
    package static func openStandardStreams() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest number that is free is this one.
            _ = open("/dev/null", O_RDONLY)
        }
        // A pipe that nobody reads any more is an error like a full disk, not an end without a word.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Every text passes through here.
    /// - Returns: the system's reason where not all of it could be written
    private static func write(_ text: String, to descriptor: Int32) -> Int32? {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
            if written >= 0 {
                done += written
            } else if errno == EAGAIN {
                // A pipe that does not block is full.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wanted, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return nil
    }
}

/// That a result could not be written.
package struct OutputError: Error, CustomStringConvertible {
    package let code: Int32

    package var description: String { "standard output cannot be written: \(String(cString: strerror(code)))" }
}

/// A bar with rate and remaining time on a terminal, a plain line now and then elsewhere.
package final class ProgressBar {
    private let title: String
    private let clock = Stopwatch()
    private var first: Int?
    private var lastShown: Double?

    package init(_ title: String) { self.title = title }

    package func show(_ done: Int, of total: Int, _ note: String = "") {
        let before = first ?? done
        first = before
        let isLast = done >= total
        let seconds = clock.seconds
        guard isLast || lastShown.map({ seconds - $0 >= (Console.isTerminal ? 0.2 : 10) }) ?? true else { return }
        lastShown = seconds
        let rate = seconds > 0 ? Double(done - before) / seconds : 0
        let rest = rate > 0 ? Double(total - done) / rate : 0
        let figures = "\(done)/\(total)" + (rate > 0 ? String(format: "  %.1f/s", rate) : "") + (isLast || rate == 0 ? "" : "  \(Self.clock(rest)) left")
        guard Console.isTerminal else { return Console.line("\(title)  \(figures)\(note.isEmpty ? "" : "  " + note)") }
        let width = 24
        let filled = total > 0 ? min(width, done * width / total) : width
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        Console.show("\r\u{1b}[2K\(title)  \(bar)  \(figures)  \(note)\(isLast ? "\n" : "")")
    }

    package static func clock(_ seconds: Double) -> String {
        guard seconds < 1e12 else { return "ages" }
        let whole = Int(seconds.rounded())
        return whole < 60 ? "\(whole) s" : whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}
