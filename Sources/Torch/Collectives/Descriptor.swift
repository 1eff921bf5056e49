import Foundation

/// A descriptor that closes itself, and that other programs do not inherit.
final class Descriptor {
    let number: Int32

    private init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// A copy above the numbers that programs expect to be something else.
    static func high(_ number: Int32) throws -> Descriptor {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 10)
        guard copy >= 0 else { throw SystemError(call: "fcntl", code: errno) }
        return Descriptor(copy)
    }

    /// A pipe whose reader does not wait.
    static func pipe() throws -> (reading: Descriptor, writing: Descriptor) {
        var ends: [Int32] = [0, 0]
        guard systemPipe(&ends) == 0 else { throw SystemError(call: "pipe", code: errno) }
        defer { ends.forEach { close($0) } }
        let (reading, writing) = (try high(ends[0]), try high(ends[1]))
        _ = fcntl(reading.number, F_SETFL, O_NONBLOCK)
        return (reading, writing)
    }
}

private func systemPipe(_ ends: UnsafeMutablePointer<Int32>) -> Int32 { pipe(ends) }
