import Alignment
import ArgumentParser
import Diffusion

/// Refuses a number outside of what an option takes, before any work starts. A number that is none lies in no range.
func require<Number: Comparable>(_ option: String, _ value: Number?, in range: ClosedRange<Number>) throws {
    guard let value, !(range ~= value) else { return }
    throw ValidationError("--\(option) is \(value): it must lie between \(range.lowerBound) and \(range.upperBound)")
}

/// Refuses a number that is not finite.
func requireFinite(_ option: String, _ value: Double) throws {
    guard !value.isFinite else { return }
    throw ValidationError("--\(option) is \(value): it must be a finite number")
}

/// What `--threads` takes.
let threadCounts = 0...1024

/// An error as wrong usage where it is about a number that does not suit the model, which had to be read to know.
func asUsage(_ error: any Error) -> any Error {
    switch error {
    case RunError.setting, GenerationError.size, GenerationError.setting, GenerationError.batch, SamplingError.stepCount, SamplingError.outsideSchedule:
        ValidationError("\(error)")
    default: error
    }
}
