import ArgumentParser
import Commands
import Foundation
import Media
import Scoring
import Storage

/// What `evaluate --protocol` takes beside its models.
struct ProtocolOptions: ParsableArguments {
    @Option(name: .customLong("protocol"), help: "Draw the prompts of a test set and measure against its reference clips: chronomagic-150.")
    var name: String?
    @Option(help: "The test set's table, a row a prompt: videoid and name.", transform: Place.url) var prompts: URL?
    @Option(help: "Folder of the reference clips: VIDEOID.mp4 or another video, or a folder of frames.", transform: Place.url) var reference: URL?
    @Option(help: "Motion modules (AnimateDiff) to add to --model.", transform: Place.url) var motion: URL?
    @Option(help: "Motion modules to add to --base.", transform: Place.url) var baseMotion: URL?
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("lpips=FILE, fvd=FILE or kvd=FILE; several may be given. psnr and ssim are always measured.", valueName: "name=file"))
    var metric: [String] = []
    @Option(help: "How FVD and KVD are computed: \(FVDPreset.all.map(\.name).joined(separator: ", ")). Default: \(FVDPreset.commonMetrics.name).")
    var preset: String?
    @Option(help: "Frames of each clip. Default: 16.") var frames: Int?
    @Option(help: "Which frames of a reference: uniform, stride, fps or first, see `seppo data sheet`. Default: uniform.") var frameRule: FrameRule.Spacing?
    @Option(help: "Side of the square at which both sides are compared, in pixels. Default: 256.") var resolution: Int?
    @Option(help: "Of the clips as they are drawn, in pixels. Default: the model's.") var width: Int?
    @Option(help: "Likewise.") var height: Int?
    @Option(
        help: "A folder for the drawn clips and the references as they were compared, in the form that `seppo score` takes. Not there yet, or empty.",
        transform: Place.url) var output: URL?
    @Option(
        help: """
            Winners that the model was trained on, in any form: a test set of which some are among these is refused. Those of a run that wrote --model are \
            found.
            """,
        transform: Place.url) var trainedOn: URL?
    @Flag(help: "Measure all the same.") var allowOverlap = false

    /// Names of options that mean nothing without `--protocol`.
    static let others = [
        "prompts", "reference", "motion", "base-motion", "metric", "preset", "frames", "frame-rule", "resolution", "width", "height", "output", "trained-on",
        "allow-overlap",
    ]

    func validate() throws {
        try require("frames", frames, in: 1...1024)
        try require("resolution", resolution, in: 1...4096)
        try require("width", width, in: 1...16_384)
        try require("height", height, in: 1...16_384)
        _ = try requests
        _ = try fvdPreset
        guard name != nil else { return }
        _ = try published
        for (option, value) in [("prompts", prompts), ("reference", reference)] where value == nil {
            throw ValidationError("Missing expected argument '--\(option) <\(option)>', which --protocol needs")
        }
    }

    var requests: MetricRequests { get throws { try MetricRequests(metric, always: ["psnr", "ssim"]) } }
    var fvdPreset: FVDPreset { get throws { try MetricRequests.preset(preset ?? FVDPreset.commonMetrics.name) } }

    /// The protocol that was named, as it is published.
    private var published: ClipProtocol {
        get throws {
            guard let found = ClipProtocol.all.first(where: { $0.name == name }) else {
                throw ValidationError("--protocol \(name ?? ""): there is \(ClipProtocol.all.map(\.name).joined(separator: ", "))")
            }
            return found
        }
    }

    /// The protocol with what was changed of it.
    func chosen(seeds: Int?, steps: Int?, guidance: Double?) throws -> ClipProtocol {
        var chosen = try published
        if let frameRule { chosen.rule = chosen.rule.spaced(frameRule) }
        chosen.rule.frames = frames ?? chosen.rule.frames
        chosen.side = resolution ?? chosen.side
        (chosen.width, chosen.height) = (width, height)
        chosen.seeds = seeds ?? chosen.seeds
        chosen.sampling.steps = steps ?? chosen.sampling.steps
        chosen.sampling.guidance = guidance ?? chosen.sampling.guidance
        return chosen
    }

    /// What is read and what is written.
    func use(_ use: inout FileUse) throws {
        for (option, place) in [("motion", motion), ("base-motion", baseMotion), ("prompts", prompts), ("reference", reference), ("trained-on", trainedOn)] {
            use.reads("--\(option)", place)
        }
        for request in try requests.all { use.reads("--metric \(request.name)", request.file) }
        use.writes("--output", output)
    }
}
