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

    public init(width: Int, height: Int, posterior: Posterior = .sample, flipsImages: Bool = false, withLosers: Bool = false) {
        self.width = width
        self.height = height
        self.posterior = posterior
        self.flipsImages = flipsImages
        self.withLosers = withLosers
    }

    /// Square images of that side.
    public init(resolution: Int, posterior: Posterior = .sample, flipsImages: Bool = false, withLosers: Bool = false) {
        self.init(width: resolution, height: resolution, posterior: posterior, flipsImages: flipsImages, withLosers: withLosers)
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
