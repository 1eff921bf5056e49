import Diffusion
import Foundation
import Media
import Networks
import Storage
import Tokenizers
import Torch
import Winners

/// The parts of a model that winners are encoded with: tokenizer, text encoder, autoencoder. The networks can be let go of, and come back from where
/// they came from when they are wanted again.
public final class WinnerEncoder: @unchecked Sendable {
    public let tokenizer: CLIPTokenizer
    public let textEncoder: CLIPTextConfiguration
    public let autoencoder: AutoencoderConfiguration
    /// Numbers in both networks.
    public let parameterCount: Int
    /// Of weights and configuration.
    private let textKey: String
    private let imageKey: String
    private let read: () throws -> Networks
    // Touched under the lock alone.
    private let lock = NSLock()
    private var held: Networks?

    private struct Networks {
        let textEncoder: CLIPTextModel
        let autoencoder: Autoencoder
        let textTensors: [String: Tensor]
        let imageTensors: [String: Tensor]
        /// Of the files that they came from, before these were read.
        var textFiles: [FileIdentity]?
        var imageFiles: [FileIdentity]?

        // The numbers count changes of what is made of a file's tensors.
        var textKey: String { key("text encoder 1", textFiles, textTensors, "\(textEncoder.configuration)") }
        var imageKey: String { key("autoencoder 1", imageFiles, imageTensors, "\(autoencoder.configuration)") }

        private func key(_ name: String, _ files: [FileIdentity]?, _ tensors: [String: Tensor], _ configuration: String) -> String {
            DigestCache.ofUser.digest(of: "\(name) \(configuration)", files) {
                var key = ContentKey()
                key.update(tensors)
                key.update(configuration)
                return key.text
            }
        }
    }

    /// - Parameter networks: read before, whose keys those that are read again must have
    private init(_ tokenizer: CLIPTokenizer, _ networks: Networks, _ read: @escaping () throws -> Networks) {
        self.tokenizer = tokenizer
        self.read = read
        held = networks
        (textEncoder, autoencoder) = (networks.textEncoder.configuration, networks.autoencoder.configuration)
        (textKey, imageKey) = (networks.textKey, networks.imageKey)
        parameterCount = [networks.textTensors, networks.imageTensors].reduce(0) { $1.values.reduce($0) { $0 + $1.count } }
    }

    /// Reads these parts of a model.
    /// - Parameter placement: where the networks are to compute. What they make lies on the processor.
    public static func load(_ model: ModelFiles, on placement: Placement = Placement()) throws -> WinnerEncoder {
        try load(try model.tokenizer()) {
            let (textFiles, imageFiles) = (model.textEncoderFiles, model.autoencoderFiles)
            let (text, image) = (try model.textEncoder(on: placement), try model.autoencoder(on: placement))
            let textEncoder = try text.1.build { CLIPTextModel($0, text.0) }
            let autoencoder = try image.1.build { Autoencoder($0, image.0) }
            return Networks(
                textEncoder: textEncoder, autoencoder: autoencoder, textTensors: text.1.tensors, imageTensors: image.1.tensors, textFiles: textFiles,
                imageFiles: imageFiles)
        }
    }

    /// Over the networks of a pipeline, which stay as long as it does.
    public static func load(_ pipeline: Pipeline) throws -> WinnerEncoder {
        try load(pipeline.tokenizer) {
            Networks(
                textEncoder: pipeline.textEncoder, autoencoder: pipeline.autoencoder, textTensors: pipeline.textEncoderTensors,
                imageTensors: pipeline.autoencoderTensors)
        }
    }

    private static func load(_ tokenizer: CLIPTokenizer, _ read: @escaping () throws -> Networks) throws -> WinnerEncoder {
        WinnerEncoder(tokenizer, try read(), read)
    }

    /// Throws where a denoiser takes other latents or text states than these networks make.
    public func check(fits pipeline: DenoisingPipeline) throws {
        let found = Pipeline.disagreements(tokenizer: tokenizer, textEncoder: textEncoder, autoencoder: autoencoder, unet: pipeline.unet.configuration)
        if let disagreement = found.first { throw ConfigurationError(file: "model", message: disagreement) }
    }

    /// Whether the networks are in memory.
    public var holdsNetworks: Bool { lock.withLock { held != nil } }

    /// Releases the networks.
    public func release() { lock.withLock { held = nil } }

    private func networks() throws -> Networks {
        try lock.withLock {
            if let held { return held }
            let again = try read()
            guard again.textKey == textKey, again.imageKey == imageKey else { throw ModelChanged() }
            held = again
            return again
        }
    }

    /// The model's files are not what they were.
    public struct ModelChanged: Error, CustomStringConvertible {
        public var description: String { "the model's text encoder or autoencoder has changed on disk while the run was going on" }
    }

    // MARK: Images and clips

    /// Of one image, `[C, h, w]`, or one clip, `[C, F, h, w]`.
    func latentShape(_ settings: EncodingSettings) -> [Int] {
        [autoencoder.latentChannels] + (settings.frames.map { [$0.frames] } ?? [])
            + [settings.height / autoencoder.downsampling, settings.width / autoencoder.downsampling]
    }

    /// Of what is made of a winner, or of what it was preferred to: equal keys stand for equal latents.
    func key(of medium: Medium, mirrored: Bool, _ settings: EncodingSettings) -> String {
        guard case .clip(let clip) = medium, let rule = settings.frames else { return key(ofImage: medium.digest, mirrored: mirrored, settings) }
        var key = ContentKey()
        // The number counts changes of what is made of a clip.
        let frames = clip.rule(rule).text(settings.clipSeed)
        for part in ["clip 1", imageKey, "\(settings.sizeText) \(settings.posterior) \(mirrored)", frames, clip.digest] { key.update(part) }
        return key.text
    }

    /// `mean` and, unless the mode alone is wanted, `deviation`, `[C, h, w]`, or `[C, F, h, w]` of clips, scaled.
    func latents(of medium: Medium, mirrored: Bool, _ settings: EncodingSettings) throws -> [String: Tensor] {
        switch (medium, settings.frames) {
        case (.clip(let clip), let rule?): try latents(of: clip, rule, mirrored: mirrored, settings)
        case (.clip(let clip), nil): throw ClipError(file: clip.name, reason: .unsupported("a clip, where pictures are wanted"))
        case (.image(let image), _):
            try latents(of: image.image(fittedTo: (settings.width, settings.height)), name: image.name, mirrored: mirrored, settings)
        }
    }

    /// Frame by frame, as pictures: one crop and one side serve all of a clip.
    private func latents(of clip: ClipReference, _ rule: FrameRule, mirrored: Bool, _ settings: EncodingSettings) throws -> [String: Tensor] {
        var before: (frame: RGBImage, latents: [String: Tensor])?
        let seen = try clip.clip(rule, seed: settings.clipSeed, fittedTo: (settings.width, settings.height))
        let encoded = try seen.frames.map { frame in
            // A short clip has frames that are seen several times.
            if let before, before.frame == frame { return before.latents }
            let latents = try latents(of: frame, name: clip.name, mirrored: mirrored, settings)
            before = (frame, latents)
            return latents
        }
        var whole = Dictionary(uniqueKeysWithValues: encoded[0].keys.map { name in (name, Tensor.stacked(encoded.map { $0[name]! }, axis: 1)) })
        if seen.isShort { whole[Self.short] = Tensor([Float(1)]) }
        return whole
    }

    /// The name beside latents that says that their clip was too short for its rule.
    static let short = "short"

    /// Of an image's latents: equal keys stand for equal latents. The number counts changes of what is made of an image.
    func key(ofImage digest: String, mirrored: Bool, _ settings: EncodingSettings) -> String {
        var key = ContentKey()
        for part in ["image 2", imageKey, "\(settings.sizeText) \(settings.posterior) \(mirrored)", digest] { key.update(part) }
        return key.text
    }

    /// Of pixels in the size that is trained on, `[C, h, w]`.
    private func latents(of pixels: RGBImage, name: String, mirrored: Bool, _ settings: EncodingSettings) throws -> [String: Tensor] {
        try Self.alone {
            let autoencoder = try networks().autoencoder
            let posterior = autoencoder.posterior((mirrored ? pixels.flippedHorizontally() : pixels).tensor.unsqueezed(0).to(autoencoder.device))
            guard posterior.mean.isFinite else { throw EncodingError(image: name) }
            var tensors = ["mean": autoencoder.scaled(posterior.mean)]
            if settings.posterior == .sample { tensors["deviation"] = (posterior.logVariance * 0.5).exponential * autoencoder.configuration.scalingFactor }
            return tensors.mapValues { $0[0].to(.cpu).contiguous() }
        }
    }

    // MARK: Captions

    /// Of a caption's text state. Captions that are the same tokens share one.
    func key(ofCaption caption: String) -> String {
        var key = ContentKey()
        for part in ["caption 1", textKey, ids(caption).map(String.init).joined(separator: " ")] { key.update(part) }
        return key.text
    }

    /// What the store keeps of a caption: `states`, `[L, D]`.
    func states(of caption: String) throws -> [String: Tensor] {
        let textEncoder = try networks().textEncoder
        return Self.alone {
            let ids = Tensor(ids(caption), shape: [1, tokenizer.maximumLength]).to(textEncoder.device)
            return ["states": textEncoder(ids)[0].to(.cpu).contiguous()]
        }
    }

    /// What a denoiser is told, by what the store keeps of a caption, one example; nil where that is something else.
    static func conditioning(_ stored: [String: Tensor]) -> Conditioning? { stored["states"].map { Conditioning(text: $0.unsqueezed(0)) } }

    private func ids(_ caption: String) -> [Int] { tokenizer.ids([caption])[0] }

    /// One image or caption, on one thread: its latents are then a function of itself alone, whoever computes them and whatever goes on beside.
    private static func alone<Result>(_ body: () throws -> Result) rethrows -> Result {
        let threads = Runtime.threads
        Runtime.threads = 1
        defer { Runtime.threads = threads }
        return try noGradients(body)
    }
}

extension FrameRule {
    /// All that chooses frames, for a key.
    fileprivate func text(_ seed: UInt64) -> String {
        let start = start == .random ? "random \(seed)" : start.rawValue
        let spacing =
            switch spacing {
            case .stride: "stride \(stride) \(start)"
            case .fps: "fps \(fps) \(start)"
            case .uniform, .first: self.spacing.rawValue
            }
        return "\(frames) \(spacing) \(shortClips == .loop ? "loop" : "shrink")"
    }
}
