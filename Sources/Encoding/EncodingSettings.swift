import Media

/// How winners become latents.
public struct EncodingSettings: Codable, Sendable, Equatable {
    public enum Posterior: String, Codable, Sendable, CaseIterable { case sample, mode }

    /// Of the images, in pixels.
    public var width: Int
    public var height: Int
    public var posterior: Posterior
    /// Whether mirrored images are wanted beside the others.
    public var flipsImages: Bool
    /// Whether losing images are wanted.
    public var withLosers: Bool
    /// Which frames of clips are wanted; nil: winners are pictures.
    public var frames: FrameRule?
    /// By which a rule draws where a clip's frames begin.
    public var clipSeed: UInt64 = 0

    public init(
        width: Int, height: Int, posterior: Posterior = .sample, flipsImages: Bool = false, withLosers: Bool = false,
        frames: FrameRule? = nil
    ) {
        self.width = width
        self.height = height
        self.posterior = posterior
        self.flipsImages = flipsImages
        self.withLosers = withLosers
        self.frames = frames
    }

    /// Square images of that side.
    public init(
        resolution: Int, posterior: Posterior = .sample, flipsImages: Bool = false, withLosers: Bool = false, frames: FrameRule? = nil
    ) {
        self.init(width: resolution, height: resolution, posterior: posterior, flipsImages: flipsImages, withLosers: withLosers, frames: frames)
    }

    /// The size as the keys of encoded images have it: of squares their side.
    var sizeText: String { width == height ? "\(width)" : "\(width)x\(height)" }
}

/// Which latents of a winner are meant.
public enum WinnerView: String, Sendable {
    case winner
    /// The winning image mirrored.
    case mirrored
    /// The image that it was preferred to.
    case loser
}
