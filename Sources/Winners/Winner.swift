import Media

/// A picture or a clip that was preferred, its captions and, in preference data, what it was preferred to.
public struct Winner: Sendable {
    public let medium: Medium
    /// At least one. Of several, every example of a training takes one by its own dice; what measures takes the first.
    public let captions: [String]
    public let losingMedium: Medium?

    /// The first of its captions.
    public var caption: String { captions[0] }

    /// The picture. A clip's stand-in has its name and digest, and no picture: reading it throws.
    public var image: ImageReference { medium.image }
    /// The same of what it was preferred to.
    public var loser: ImageReference? { losingMedium?.image }

    public init(image: ImageReference, caption: String, loser: ImageReference? = nil) {
        self.init(image: image, captions: [caption], loser: loser)
    }

    public init(image: ImageReference, captions: [String], loser: ImageReference? = nil) {
        self.init(.image(image), captions: captions, loser: loser.map { .image($0) })
    }

    public init(_ medium: Medium, captions: [String], loser: Medium? = nil) {
        precondition(!captions.isEmpty, "a winner without a caption")
        self.medium = medium
        self.captions = captions
        losingMedium = loser
    }
}

/// What a winner shows.
public enum Medium: Sendable {
    case image(ImageReference)
    case clip(ClipReference)

    public var name: String {
        switch self {
        case .image(let image): image.name
        case .clip(let clip): clip.name
        }
    }

    public var digest: String {
        switch self {
        case .image(let image): image.digest
        case .clip(let clip): clip.digest
        }
    }

    /// Releases what its source holds open to be quick; see ``ImageReference/release()``.
    public func release() {
        switch self {
        case .image(let image): image.release()
        case .clip(let clip): clip.release()
        }
    }

    public var clip: ClipReference? { if case .clip(let clip) = self { clip } else { nil } }

    fileprivate var image: ImageReference {
        switch self {
        case .image(let image): image
        case .clip(let clip): ImageReference(NoPicture(), name: clip.name, digest: clip.digest)
        }
    }

    private struct NoPicture: ImageSource {
        func bytes() throws(ImageError.Reason) -> [UInt8] { throw .unsupported("a clip, where a picture is wanted,") }
    }
}
