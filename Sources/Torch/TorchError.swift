import Foundation

/// What libtorch said of a call that failed.
public struct TorchError: Error, CustomStringConvertible {
    public let operation: String
    public let message: String
    public var description: String { "\(operation): \(message)" }

    /// Whether memory was refused, by libtorch's allocators or by C++'s own.
    public var isOutOfMemory: Bool {
        ["can't allocate memory", "out of memory", "std::bad_alloc", "std::length_error", "array is too big"].contains { message.contains($0) }
    }

    /// Ends the process where nothing can be thrown: a failed operator is a programming error and traps, but memory that is refused is nobody's mistake
    /// in the program, so that is one line on standard error and exit code 1.
    func end() -> Never {
        guard isOutOfMemory else { fatalError("\(self)") }
        let bytes = message.firstMatch(of: /allocate (\d+) bytes/).flatMap { Int($0.1) }
        let amount = bytes.map { " for another \(($0 + (1 << 20) - 1) >> 20) MB" } ?? ""
        let line = "Error: out of memory: the system has none\(amount). Smaller pictures, or fewer at a time, take less.\n"
        FileHandle.standardError.write(Data(line.utf8))
        // Without the libraries' own farewells: other threads are still at work.
        _exit(1)
    }
}
