/// An image that was preferred, its captions and, in preference data, the image it was preferred to.
public struct Winner: Sendable {
    public let image: ImageReference
    /// At least one. Of several, every example of a training takes one by its own dice; what measures takes the first.
    public let captions: [String]
    public let loser: ImageReference?

    /// The first of its captions.
    public var caption: String { captions[0] }

    public init(image: ImageReference, caption: String, loser: ImageReference? = nil) {
        self.init(image: image, captions: [caption], loser: loser)
    }

    public init(image: ImageReference, captions: [String], loser: ImageReference? = nil) {
        precondition(!captions.isEmpty, "a winner without a caption")
        self.image = image
        self.captions = captions
        self.loser = loser
    }
}
