import Media

/// Which frames of clips a moving model sees, and how many it draws.
public struct ClipSettings: Sendable, Equatable {
    /// Of every clip.
    public var frames = 16
    public var rule = FrameRule.Spacing.stride
    public var stride = 4
    public var fps = 8.0
    public var start = FrameRule.Start.random
    public var shortClips = FrameRule.ShortClips.shrink

    public static let declared = SettingGroup(
        "Clips, with a model that draws them",
        [
            Setting(\.clips.frames, "frames", "Frames of every clip, at most as many as the motion modules know.", in: .between(1, 4096)),
            Setting(
                \.clips.rule, "frame-rule",
                "Which frames: stride (every N-th from a random start), uniform (over the whole clip), fps (N a second) or first (the first ones)."),
            Setting(\.clips.stride, "frame-stride", "Of --frame-rule stride.", in: .between(1, 100_000)),
            Setting(\.clips.fps, "fps", "Frames a second of --frame-rule fps.", in: SettingRange("lie above 0 and be at most 1000") { $0 > 0 && $0 <= 1000 }),
            Setting(\.clips.start, "frame-start", "Where the frames begin in a longer clip: random, by the seed, first or middle."),
            Setting(
                \.clips.shortClips, "short-clips",
                "Clips that are too short: error, shrink (a smaller stride, or repeated frames), loop (from the start again) or skip."),
        ])

    /// The rule that they make.
    public var frameRule: FrameRule { FrameRule(frames: frames, spacing: rule, stride: stride, fps: fps, start: start, shortClips: shortClips) }
}
