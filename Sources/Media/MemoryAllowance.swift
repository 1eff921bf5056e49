import Foundation

/// So many bytes that several threads share: who wants more than is left waits.
final class MemoryAllowance: @unchecked Sendable {
    // Touched under the condition's lock alone.
    private var left: Int
    private let condition = NSCondition()

    init(_ bytes: Int) { left = bytes }

    /// - Precondition: `bytes` is no more than the whole.
    func using<Result, Failure: Error>(_ bytes: Int, _ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        condition.withLock {
            while left < bytes { condition.wait() }
            left -= bytes
        }
        defer {
            condition.withLock {
                left += bytes
                condition.broadcast()
            }
        }
        return try body()
    }
}
