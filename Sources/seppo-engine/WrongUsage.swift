import Alignment
import ArgumentParser
import Diffusion

/// An error as wrong usage where it is about a number that does not suit the model, which had to be read to know.
func asUsage(_ error: any Error) -> any Error {
    switch error {
    case RunError.setting, GenerationError.size, GenerationError.setting, GenerationError.batch, SamplingError.stepCount, SamplingError.outsideSchedule:
        ValidationError("\(error)")
    default: error
    }
}
