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

/// Which latents of a winner are meant.
public enum WinnerView: String, Sendable {
    case winner
    /// The winning image mirrored.
    case mirrored
    /// The image that it was preferred to.
    case loser
}
