import ArgumentParser

/// Refuses a number outside of what an option takes, before any work starts. A number that is none lies in no range.
package func require<Number: Comparable>(_ option: String, _ value: Number?, in range: ClosedRange<Number>) throws {
    guard let value, !(range ~= value) else { return }
    throw ValidationError("--\(option) is \(value): it must lie between \(range.lowerBound) and \(range.upperBound)")
}

/// Refuses a number that is not finite.
package func requireFinite(_ option: String, _ value: Double) throws {
    guard !value.isFinite else { return }
    throw ValidationError("--\(option) is \(value): it must be a finite number")
}

/// What `--threads` takes.
package let threadCounts = 0...1024
