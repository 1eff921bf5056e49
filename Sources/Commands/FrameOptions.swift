import ArgumentParser
import Media

extension FrameRule.Spacing: ExpressibleByArgument {}
extension FrameRule.Start: ExpressibleByArgument {}
extension FrameRule.ShortClips: ExpressibleByArgument {}

/// Which frames of a clip are seen.
package struct FrameOptions: ParsableArguments {
    package init() {}

    @Option(help: "Frames of a clip.") package var frames = 16
    @Option(help: "Which: every so many (stride), spread over the clip (uniform), so many a second (fps), or the first ones (first).")
    package var frameRule = FrameRule.Spacing.stride
    @Option(help: "For stride: every so many frames.") package var frameStride = 4
    @Option(help: "For fps: frames a second.") package var fps = 8.0
    @Option(help: "Where they begin in a longer clip: random, first or middle.") package var frameStart = FrameRule.Start.random
    @Option(help: "Clips that are too short: error, shrink (a smaller stride), loop, or skip.") package var shortClips = FrameRule.ShortClips.shrink
    @Option(help: "Draws the random beginnings.") package var seed: UInt64 = 0

    package func validate() throws {
        try require("frames", frames, in: 1...1024)
        try require("frame-stride", frameStride, in: 1...10_000)
        guard fps > 0, fps <= 1000 else { throw ValidationError("--fps is \(fps): it must be above 0, and 1000 at the most") }
    }

    package var rule: FrameRule {
        FrameRule(frames: frames, spacing: frameRule, stride: frameStride, fps: fps, start: frameStart, shortClips: shortClips)
    }
}
