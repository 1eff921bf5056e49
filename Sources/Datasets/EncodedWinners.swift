import Diffusion
import Foundation
import Torch

/// Winners as the denoiser sees them: latents and text states, computed once.
public struct EncodedWinners: Sendable {
    /// Of all they were made from: images, captions, settings and encoders. Equal keys stand for equal winners.
    public let key: String
    public let latents: LatentPosterior
    /// Of the mirrored images, where training flips them.
    public let mirrored: LatentPosterior?
    /// Of the data set's losing images, where the method wants them.
    public let losers: LatentPosterior?
    /// Text states of the different captions, `[M, L, D]`, and of the empty one, `[1, L, D]`.
    public let states: Tensor
    public let emptyState: Tensor
    /// The row of `states` for each winner.
    public let captionRows: [Int]
    public let captions: [String]
    /// Images that could not be used.
    public let skips: [Skip]

    public var count: Int { captionRows.count }

    /// Text states `[B, L, D]` of the winners at `indices`, the empty caption's where `dropped`.
    public func states(_ indices: [Int], dropped: [Bool]) -> Tensor {
        let own = states.gathered(indices.map { captionRows[$0] })
        guard dropped.contains(true) else { return own }
        return emptyState.selected(where: Tensor(dropped, shape: [dropped.count, 1, 1]), else: own)
    }
}

/// Scaled latents as the autoencoder's posterior gives them.
public struct LatentPosterior: Sendable {
    /// `[N, C, h, w]`
    public let mean: Tensor
    /// `[N, C, h, w]`; nil where the mode alone is wanted.
    public let deviation: Tensor?

    public init(mean: Tensor, deviation: Tensor?) {
        self.mean = mean
        self.deviation = deviation
    }

    /// The latents at `indices`: the mode, or a sample from `noise` `[B, C, h, w]`.
    public func latents(_ indices: [Int], noise: () -> Tensor) -> Tensor {
        let mode = mean.gathered(indices)
        guard let deviation else { return mode }
        return mode + deviation.gathered(indices) * noise()
    }
}

/// How winners become latents.
public struct EncodingSettings: Codable, Sendable, Equatable {
    public enum Posterior: String, Codable, Sendable, CaseIterable { case sample, mode }

    /// Side of the square images, in pixels.
    public var resolution: Int
    public var posterior: Posterior
    /// Whether mirrored images are wanted beside the others.
    public var flipsImages: Bool
    /// Whether losing images are wanted.
    public var withLosers: Bool

    public init(resolution: Int, posterior: Posterior = .sample, flipsImages: Bool = false, withLosers: Bool = false) {
        self.resolution = resolution
        self.posterior = posterior
        self.flipsImages = flipsImages
        self.withLosers = withLosers
    }
}

extension EncodedWinners {
    /// Decodes, crops and encodes winners. An image that fails is left out and listed.
    /// - Parameters:
    ///   - limit: use at most that many winners; 0 for all
    ///   - cache: a file to keep the result in and to take it from where nothing it depends on has changed
    public init(
        _ set: WinnerSet, _ pipeline: Pipeline, _ settings: EncodingSettings, limit: Int = 0, cache: URL? = nil,
        progress: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
    ) throws {
        let listed = limit > 0 ? Array(set.winners.prefix(limit)) : set.winners
        let key = Self.key(set, listed, pipeline, settings)
        let cache = cache.map { WinnerCache(file: $0, key: key) }
        if let cached = cache?.load() {
            self = cached
        } else {
            self = try EncodedWinners(key, set, listed, pipeline, settings, progress: progress)
            try cache?.save(self)
        }
    }

    private static func key(_ set: WinnerSet, _ winners: [Winner], _ pipeline: Pipeline, _ settings: EncodingSettings) -> String {
        let key = ContentKey()
        key.update("winners 3 \(settings.resolution) \(settings.posterior) \(settings.flipsImages) \(settings.withLosers)")
        key.update(pipeline.encoderTensors)
        key.update("\(pipeline.textEncoder.configuration) \(pipeline.autoencoder.configuration)")
        for text in winners.map(\.caption) + [""] {
            key.update(text)
            key.update(pipeline.tokenizer.ids([text])[0].map(String.init).joined(separator: " "))
        }
        for skip in set.report { key.update(skip.description) }
        for winner in winners {
            key.update(winner.image.digest)
            if settings.withLosers { key.update(winner.loser?.digest ?? "none") }
        }
        return key.finish()
    }

    private init(
        _ key: String, _ set: WinnerSet, _ listed: [Winner], _ pipeline: Pipeline, _ settings: EncodingSettings,
        progress: (_ done: Int, _ of: Int) throws -> Void
    ) throws {
        var skips = set.report
        var winners = PosteriorBuilder(settings, pipeline.autoencoder)
        var mirrored = PosteriorBuilder(settings, pipeline.autoencoder)
        var losers = PosteriorBuilder(settings, pipeline.autoencoder)
        var captions: [String] = []
        for (index, winner) in listed.enumerated() {
            try progress(index, listed.count)
            if settings.withLosers, winner.loser == nil {
                skips.append(Skip(file: winner.image.name, reason: "has no losing image, which this method needs"))
                continue
            }
            let fitted: (image: RGBImage, loser: RGBImage?)
            do throws(ImageError) {
                let loser = settings.withLosers ? winner.loser : nil
                fitted = (try winner.image.image().fitted(to: settings.resolution), try loser?.image().fitted(to: settings.resolution))
            } catch {
                let skip = Skip(error)
                if !skips.contains(skip) { skips.append(skip) }
                continue
            }
            try winners.append(fitted.image)
            if let loser = fitted.loser { try losers.append(loser) }
            if settings.flipsImages { try mirrored.append(fitted.image.flippedHorizontally()) }
            captions.append(winner.caption)
        }
        guard !captions.isEmpty else { throw WinnerSetError.noWinners(set.root.path, lookedFor: "images that can be decoded", skips) }
        try progress(listed.count, listed.count)
        let distinct = Array(Set(captions)).sorted()
        let rows = Dictionary(uniqueKeysWithValues: distinct.enumerated().map { ($1, $0) })
        self.init(
            key: key, latents: try winners.finish(), mirrored: settings.flipsImages ? try mirrored.finish() : nil,
            losers: settings.withLosers ? try losers.finish() : nil,
            states: Tensor.concatenated(
                stride(from: 0, to: distinct.count, by: 64).map { pipeline.textStates(Array(distinct[$0..<min($0 + 64, distinct.count)])) }),
            emptyState: pipeline.textStates([""]), captionRows: captions.map { rows[$0]! }, captions: captions, skips: skips)
    }
}

/// Encodes images in small batches, so that a large set never stands in memory as pixels.
private struct PosteriorBuilder {
    private let settings: EncodingSettings
    private let autoencoder: Autoencoder
    private var pending: [RGBImage] = []
    private var means: [Tensor] = []
    private var deviations: [Tensor] = []

    init(_ settings: EncodingSettings, _ autoencoder: Autoencoder) {
        self.settings = settings
        self.autoencoder = autoencoder
    }

    mutating func append(_ image: RGBImage) throws {
        pending.append(image)
        // About a megapixel at a time.
        if pending.count * settings.resolution * settings.resolution >= 1 << 20 || pending.count >= 64 { try flush() }
    }

    mutating func finish() throws -> LatentPosterior {
        try flush()
        // In row-major order, as the cache gives them back: a sum over another order would round otherwise.
        return LatentPosterior(
            mean: Tensor.concatenated(means).contiguous(), deviation: settings.posterior == .mode ? nil : Tensor.concatenated(deviations).contiguous())
    }

    private mutating func flush() throws {
        guard !pending.isEmpty else { return }
        try noGradients {
            let posterior = autoencoder.posterior(Tensor.stacked(pending.map(\.tensor)))
            guard posterior.mean.isFinite else { throw EncodingError() }
            means.append(autoencoder.scaled(posterior.mean))
            guard settings.posterior == .sample else { return }
            deviations.append((posterior.logVariance * 0.5).exponential * autoencoder.configuration.scalingFactor)
        }
        pending = []
    }
}

/// The autoencoder's answer was not a number.
public struct EncodingError: Error, CustomStringConvertible {
    public var description: String { "the autoencoder gave values that are not finite: its weights are damaged or of another kind" }
}

extension RGBImage {
    /// `[3, H, W]` in [−1, 1].
    public var tensor: Tensor {
        (Tensor(pixels, shape: [height, width, 3]).to(.float32) / 127.5 - 1).permuted([2, 0, 1])
    }

    /// From `[3, H, W]` in [−1, 1]; values outside are clipped.
    public init(_ tensor: Tensor) {
        let bytes = ((tensor / 2 + 0.5).clamped(0, 1) * 255).rounded.to(.uint8).permuted([1, 2, 0])
        self.init(width: tensor.size(2), height: tensor.size(1), pixels: bytes.values(UInt8.self))
    }
}
