import Media

/// The bytes of a PNG, JPEG or WebP file, to be copied as they are.
struct ImageFile {
    let bytes: [UInt8]
    /// By what the bytes are, whatever they were called.
    let fileExtension: String

    /// Throws where the bytes cannot be read or are of no such file.
    init(_ reference: ImageReference) throws(ImageError) {
        bytes = try reference.bytes()
        do {
            switch try ImageContainer(bytes).codec {
            case .png: fileExtension = "png"
            case .jpeg: fileExtension = "jpg"
            case .webp: fileExtension = "webp"
            }
        } catch {
            throw ImageError(file: reference.name, reason: error)
        }
    }
}
