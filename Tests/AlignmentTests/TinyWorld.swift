import Diffusion
import Encoding
import Foundation
import Layers
import Media
import Networks
import Tokenizers
import Torch
import Winners

@testable import Alignment
@testable import Storage

/// A pipeline with random weights and a folder of a few winners with losers, small enough to train on in milliseconds.
final class TinyWorld {
    let folder: URL
    let pipeline: Pipeline
    var model: URL { folder.appendingPathComponent("model") }
    var winners: URL { folder.appendingPathComponent("winners") }

    static let side = 8
    static let captions = ["a red circle", "a blue square", "a red square", "a green star", "a blue circle"]

    /// Frames of a clip of the moving one; nil where it has pictures.
    let frames: Int?

    /// - Parameter moves: whether its model draws clips, and its winners are some
    init(moves: Bool = false) throws {
        frames = moves ? 3 : nil
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("alignment-tests-\(UUID().uuidString)")
        try Self.makePipeline(moves: moves).write(to: folder.appendingPathComponent("model"))
        pipeline = try Pipeline.load(folder.appendingPathComponent("model"))
        try moves ? writeClips() : writeWinners()
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static func makePipeline(seed: UInt64 = 1, moves: Bool = false) throws -> Pipeline {
        let tokenizer = try CLIPTokenizer.train(captions: captions, vocabularySize: 530, maximumLength: 8)
        var text = CLIPTextConfiguration()
        (text.vocabularySize, text.maximumLength, text.width, text.hiddenWidth, text.layers, text.heads) = (tokenizer.vocabularySize, 8, 8, 16, 1, 2)
        var autoencoder = AutoencoderConfiguration()
        (autoencoder.channels, autoencoder.layersPerBlock, autoencoder.groups, autoencoder.sampleSize) = ([4, 8], 1, 2, side)
        autoencoder.scalingFactor = 0.7
        var unet = UNetConfiguration()
        (unet.sampleSize, unet.channels, unet.layersPerBlock, unet.groups, unet.crossAttentionChannels) = (side / 2, [8, 8], [1, 1], 2, 8)
        (unet.downAttention, unet.upAttention, unet.onlyCrossAttention) = ([true, false], [false, true], [false, false])
        (unet.transformerDepth, unet.heads) = ([1, 1], [2, 2])
        if moves { unet.motion = MotionConfiguration(layers: [1, 1], heads: [2, 2], depth: [1, 1], maximumFrames: 4) }
        let scheduler = SchedulerConfiguration(
            className: "DDIMScheduler", trainTimesteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: moves ? .linear : .scaledLinear,
            predictionType: .epsilon, timestepSpacing: .leading, stepsOffset: 1, setAlphaToOne: false, clipSample: false)
        func store(_ part: UInt64) -> ParameterStore { ParameterStore(seed: seed * 10 + part, isTrainable: false) }
        let pipeline = try Pipeline(
            tokenizer: tokenizer, textEncoder: (text, store(0)), autoencoder: (autoencoder, store(1)), unet: (unet, store(2)), scheduler: scheduler)
        // New motion modules add nothing, and of all but their last layers the gradient is zero.
        let last = pipeline.unetTensors.filter { $0.key.contains("motion_modules") && $0.key.contains("proj_out") }
        for (index, name) in last.keys.sorted().enumerated() {
            noGradients { last[name]!.copy_(Generator(seed: UInt64(index)).normal(last[name]!.shape) * 0.3) }
        }
        return pipeline
    }

    private func writeClips() throws {
        for index in Self.captions.indices {
            let clip = winners.appendingPathComponent("clip-\(index)")
            try FileManager.default.createDirectory(at: clip, withIntermediateDirectories: true)
            for frame in 0..<5 { try Self.image(10 * index + frame).writePNG(to: clip.appendingPathComponent("\(frame).png")) }
        }
        let lines = Self.captions.enumerated().map { #"{"video_path": "clip-\#($0)", "caption": "\#($1)"}"# + "\n" }
        try lines.joined().write(to: winners.appendingPathComponent("metadata.jsonl"), atomically: true, encoding: .utf8)
    }

    private func writeWinners() throws {
        try FileManager.default.createDirectory(at: winners.appendingPathComponent("losers"), withIntermediateDirectories: true)
        for index in Self.captions.indices {
            try Self.image(index).writePNG(to: winners.appendingPathComponent("\(index).png"))
            try Self.image(100 + index).writePNG(to: winners.appendingPathComponent("losers/\(index).png"))
        }
        try writeCaptions(Self.captions)
    }

    func writeCaptions(_ captions: [String]) throws {
        let lines = captions.enumerated().map { #"{"file_name": "\#($0).png", "text": "\#($1)", "loser_file_name": "losers/\#($0).png"}"# + "\n" }
        try lines.joined().write(to: winners.appendingPathComponent("metadata.jsonl"), atomically: true, encoding: .utf8)
    }

    static func image(_ index: Int) -> RGBImage {
        var generator = SeededGenerator(seed: 5, purpose: "picture", index: index)
        return RGBImage(width: side, height: side, pixels: (0..<side * side * 3).map { _ in UInt8(generator.integer(below: 256)) })
    }

    /// Two iterations of three updates of batch 4, fast.
    func settings(_ change: (inout AlignmentSettings) -> Void = { _ in }) -> AlignmentSettings {
        var settings = AlignmentSettings(model: model.path, winners: winners.path)
        (settings.optimisation.iterations, settings.optimisation.updates, settings.optimisation.batch) = (2, 3, 4)
        (settings.objective.beta, settings.optimisation.learningRate, settings.sampling.steps, settings.sampling.guidance, settings.run.seed) = (
            50, 1e-3, 2, 2, 7
        )
        if let frames {
            (settings.clips.frames, settings.clips.rule) = (frames, .first)
            settings.adapters.train = .motion
        }
        change(&settings)
        return settings
    }

    func encoded(_ settings: AlignmentSettings, store: any EncodingStore = EncodingMemory()) throws -> EncodedWinners {
        let encoding = EncodingSettings(
            resolution: Self.side, posterior: settings.data.vaePosterior, flipsImages: settings.data.flipImages, withLosers: settings.row.losers == .dataset,
            frames: frames == nil ? nil : settings.clips.frameRule)
        return try EncodedWinners.open(WinnerSet.list(winners), WinnerEncoder.load(pipeline), encoding, limit: settings.data.limit, store: store)
    }

    func directory(_ name: String) throws -> RunDirectory {
        let directory = RunDirectory(folder.appendingPathComponent(name))
        try directory.create()
        return directory
    }

    func trainer(_ settings: AlignmentSettings, _ directory: RunDirectory, pipeline: Pipeline? = nil) throws -> KeptTraining {
        try KeptTraining(settings, (pipeline ?? self.pipeline).denoising, encoded(settings, store: EncodingCache(directory.cache)), directory)
    }

    /// Trains to the end, or as a killed process does to update `killed`. The run goes on where `name` was left.
    @discardableResult
    func train(_ settings: AlignmentSettings, in name: String, killedAfter killed: Int? = nil, pipeline: Pipeline? = nil) throws -> RunDirectory {
        let directory = try directory(name)
        do {
            try trainer(settings, directory, pipeline: pipeline).run(stopping: StopSignals([])) { if $0.update == killed { throw Killed() } }
        } catch is Killed {}
        return directory
    }

    struct Killed: Error {}
}

extension RunDirectory {
    func entries() throws -> [LoggedUpdate] {
        try String(contentsOf: log, encoding: .utf8).split(separator: "\n").map { try JSONDecoder().decode(LoggedUpdate.self, from: Data($0.utf8)) }
    }

    /// The log without what depends on the machine.
    func timelessEntries() throws -> [LoggedUpdate] {
        try entries().map {
            var entry = $0
            (entry.sampleSeconds, entry.updateSeconds, entry.examplesPerSecond, entry.peakMegabytes) = (nil, nil, nil, nil)
            return entry
        }
    }

    func weights(_ k: Int) throws -> [String: Tensor] { try SafeTensorsFile(checkpoint(k)).all() }
}
