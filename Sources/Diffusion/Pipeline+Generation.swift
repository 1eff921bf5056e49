import Networks
import Torch

/// How an image or a clip is drawn from its start noise.
public struct SamplingSettings: Codable, Sendable, Equatable {
    /// The one that the pipeline's scheduler file names, where nil.
    public var sampler: SamplerName?
    public var steps: Int
    /// Classifier-free guidance; 1 or less is none. See `Guidance`.
    public var guidance: Double
    /// DDIM's η: 0 is deterministic. The other samplers have none.
    public var eta: Double

    public init(sampler: SamplerName? = nil, steps: Int = 50, guidance: Double = 7.5, eta: Double = 0) {
        (self.sampler, self.steps, self.guidance, self.eta) = (sampler, steps, guidance, eta)
    }

    /// Throws `GenerationError` where a number makes no sense.
    var classifierFreeGuidance: Guidance {
        get throws {
            guard guidance.isFinite else { throw GenerationError.setting("guidance", guidance) }
            guard (0...1).contains(eta) else { throw GenerationError.setting("eta", eta) }
            return Guidance(scale: guidance)
        }
    }
}

extension Pipeline {
    /// Draws one image, or clip, for each prompt: diffusers' image for the same prompt, seed and settings, and within rounding the same in any batch.
    ///
    /// - Parameters:
    ///   - prompts: `B` of them.
    ///   - negativePrompts: what guidance leads away from: one for all, or one a prompt.
    ///   - seeds: one an image. Start noise (and the noise of a stochastic sampler) comes from libtorch's CPU generator of that seed.
    ///   - width: in pixels, a multiple of the autoencoder's downsampling; the model's by default, see `size`. `height` likewise.
    ///   - frames: of each clip, for a model that draws clips: 16 by default, or as many as it knows.
    ///   - batch: images, or clips, that go through the network together.
    ///   - denoiser: draws in place of the pipeline's own, such as a run's policy.
    ///   - progress: called after every call of the network with the number of calls made and to make.
    /// - Returns: images `[B, 3, H, W]`, or clips `[B, F, 3, H, W]`, in [−1, 1] on the processor; see `pixels(_:)`.
    /// - Throws: `GenerationError`, `MotionError` where the model does not draw clips of so many frames, and `SamplingError` or `SchedulerError` where the settings do not suit the scheduler.
    public func generate(
        _ prompts: [String], negativePrompts: [String] = [""], seeds: [UInt64], settings: SamplingSettings = SamplingSettings(), width: Int? = nil,
        height: Int? = nil, frames: Int? = nil, batch: Int = 8, denoiser: (any Denoiser)? = nil,
        progress: (_ made: Int, _ calls: Int) throws -> Void = { _, _ in }
    ) throws -> Tensor {
        guard !prompts.isEmpty, seeds.count == prompts.count, negativePrompts.count == 1 || negativePrompts.count == prompts.count else {
            throw GenerationError.counts(prompts: prompts.count, seeds: seeds.count, negativePrompts: negativePrompts.count)
        }
        guard batch > 0 else { throw GenerationError.batch(batch) }
        let latentShape = try latentShape(width: width ?? size.width, height: height ?? size.height, frames: frames)
        let guidance = try settings.classifierFreeGuidance
        let texts = DistinctTexts(prompts + (guidance.isOn ? negativePrompts : []))
        let conditioning = conditioning(texts.distinct, batch: batch)
        let starts = Array(stride(from: 0, to: prompts.count, by: batch))
        let calls = try denoising.latentSampler(settings).calls
        var images: [Tensor] = []
        for (index, start) in starts.enumerated() {
            let range = start..<min(start + batch, prompts.count)
            let negatives = negativePrompts.count == 1 ? [prompts.count] : range.map { prompts.count + $0 }
            let conditional = conditioning.gathered(range.map { texts.rows[$0] })
            let latents = try denoising.latents(
                conditional, unconditional: guidance.isOn ? conditioning.gathered(negatives.map { texts.rows[$0] }) : conditional,
                seeds: Array(seeds[range]), shape: latentShape, settings: settings, denoiser: denoiser,
                progress: { try progress(index * calls + $0, starts.count * calls) })
            images.append(try decoded(latents, seeds: Array(seeds[range])).to(.cpu))
        }
        return Tensor.concatenated(images)
    }

    /// Latents `[B, C, h, w]` → images `[B, 3, H, W]`, or latents of clips `[B, C, F, h, w]` → clips `[B, F, 3, H, W]`, clamped to [−1, 1].
    /// - Parameters:
    ///   - latents: on the autoencoder's device, as the images are
    ///   - seeds: of the images, for the error's text
    public func decoded(_ latents: Tensor, seeds: [UInt64] = []) throws -> Tensor {
        guard latents.rank == 4 else { return try decodedClips(latents, seeds: seeds) }
        let images = try noGradients { try Workers.inParts(of: latents) { [autoencoder] in autoencoder.decode(latents[$0]) } }
        try GenerationError.check(images, "images", seeds)
        return images.clamped(-1, 1).contiguous()
    }

    /// Images `[B, 3, H, W]`, or frames, in [−1, 1] → `[B, H, W, 3]` uint8, rounded as diffusers' image processor does.
    public static func pixels(_ images: Tensor) -> Tensor {
        noGradients { ((images / 2.0 + 0.5).clamped(0, 1).permuted([0, 2, 3, 1]) * 255.0).rounded.to(.uint8).contiguous() }
    }

    /// Few frames at a time, so that a long clip takes no more memory than they do.
    private func decodedClips(_ latents: Tensor, seeds: [UInt64]) throws -> Tensor {
        let clips = try (0..<latents.size(0)).map { clip in
            let frames = latents[clip].transposed(0, 1).contiguous()
            let starts = stride(from: 0, to: frames.size(0), by: Self.framesAtOnce)
            return Tensor.concatenated(
                try starts.map {
                    try decoded(frames[$0..<min($0 + Self.framesAtOnce, frames.size(0))], seeds: seeds.indices.contains(clip) ? [seeds[clip]] : []).to(.cpu)
                })
        }
        return Tensor.stacked(clips)
    }

    private static let framesAtOnce = 4

    /// `[C, h, w]` of the latents of images of that size, `[C, F, h, w]` of clips.
    private func latentShape(width: Int, height: Int, frames: Int?) throws -> [Int] {
        let factor = autoencoder.configuration.downsampling
        guard [width, height].allSatisfy({ (1...GenerationError.greatestSide).contains($0) && $0.isMultiple(of: factor) }) else {
            throw GenerationError.size(width: width, height: height, multiple: factor)
        }
        let (channels, sides) = (unet.configuration.inChannels, [height / factor, width / factor])
        guard let motion = unet.configuration.motion else {
            guard frames == nil else { throw MotionError.noMotion }
            return [channels] + sides
        }
        let frames = frames ?? min(16, motion.maximumFrames)
        try motion.check(frames: frames)
        return [channels, frames] + sides
    }

    private func conditioning(_ texts: [String], batch: Int) -> Conditioning {
        let starts = stride(from: 0, to: texts.count, by: batch)
        return Conditioning.concatenated(starts.map { conditioning(Array(texts[$0..<min($0 + batch, texts.count)])) })
    }
}

/// Texts without repetition, and for each of the given ones its row among them.
private struct DistinctTexts {
    private(set) var distinct: [String] = []
    private(set) var rows: [Int] = []

    init(_ texts: [String]) {
        // By scalars: Swift takes composed and decomposed letters for the same text, a tokenizer may not.
        var known: [[Unicode.Scalar]: Int] = [:]
        for text in texts {
            let scalars = Array(text.unicodeScalars)
            if known[scalars] == nil {
                known[scalars] = distinct.count
                distinct.append(text)
            }
            rows.append(known[scalars]!)
        }
    }
}

/// Why no image was drawn.
public enum GenerationError: Error, Equatable, CustomStringConvertible {
    case counts(prompts: Int, seeds: Int, negativePrompts: Int)
    case batch(Int)
    case size(width: Int, height: Int, multiple: Int)
    case setting(String, Double)
    case notFinite(String, seeds: [UInt64])

    static let greatestSide = 16384

    /// Throws with the seeds of the images that hold a value which is no finite number.
    static func check(_ tensor: Tensor, _ what: String, _ seeds: [UInt64]) throws {
        guard !tensor.isFinite else { return }
        let failed = (0..<tensor.size(0)).filter { !tensor[$0].isFinite }
        throw GenerationError.notFinite(what, seeds: failed.compactMap { seeds.indices.contains($0) ? seeds[$0] : nil })
    }

    public var description: String {
        switch self {
        case .counts(let prompts, let seeds, let negativePrompts):
            "\(prompts) prompts, \(seeds) seeds and \(negativePrompts) negative prompts: every prompt needs one seed, and all share one negative prompt or have their own"
        case .batch(let size):
            "a batch of \(size) images: at least one is needed"
        case .size(let width, let height, let multiple):
            "\(width) x \(height) pixels: this model draws sides that are multiples of \(multiple), up to \(Self.greatestSide)"
        case .setting(let name, let value):
            "\(name) is \(value): \(name == "eta" ? "a number from 0 to 1" : "a finite number") is needed"
        case .notFinite(let what, let seeds):
            "the \(what) hold values that are no finite numbers\(seeds.isEmpty ? "" : " (seeds \(seeds.map(String.init).joined(separator: ", ")))"): "
                + "the weights are damaged or training has diverged, or guidance is far too high"
        }
    }
}
