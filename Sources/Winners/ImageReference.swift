import Crypto
import Foundation
import Media
import Storage

/// One image of a data set: which bytes it has, and where they can be read.
public struct ImageReference: Sendable {
    /// For people, relative to the data set: `a/b.png`, `shard.tar/000.jpg`, `train.parquet:17`.
    public let name: String
    /// SHA-256 of the bytes of the PNG, JPEG or WebP file, in hexadecimal: one image under two names has one digest.
    public let digest: String
    private let source: any ImageSource

    /// Reads the bytes once, for their digest, unless that is known.
    public init(_ source: some ImageSource, name: String) throws(ImageError.Reason) {
        self.name = name
        self.source = source
        digest = try source.digest()
    }

    /// For a reader that has the bytes in hand.
    public init(_ source: some ImageSource, name: String, bytes: [UInt8]) {
        self.name = name
        self.source = source
        digest = Self.digest(of: bytes)
    }

    /// For what was digested before.
    init(_ source: some ImageSource, name: String, digest: String) { (self.source, self.name, self.digest) = (source, name, digest) }

    /// In hexadecimal.
    static func digest(of bytes: [UInt8]) -> String { SHA256.hash(data: bytes).text }

    /// The bytes that were listed, or an error: what was computed from others must never be taken for this image's.
    public func bytes() throws(ImageError) -> [UInt8] {
        let bytes: [UInt8]
        do { bytes = try source.bytes() } catch { throw ImageError(file: name, reason: error) }
        guard Self.digest(of: bytes) == digest else { throw ImageError(file: name, reason: .file("has changed since it was listed")) }
        return bytes
    }

    /// Releases what its source holds open to be quick. The bytes can be read all the same.
    public func release() { source.release() }

    public func image() throws(ImageError) -> RGBImage { try RGBImage(data: bytes(), name: name) }

    /// The square that a model sees of it; see ``RGBImage/fitted(to:_:)``.
    public func image(fittedTo side: Int) throws(ImageError) -> RGBImage { try image(fittedTo: (side, side)) }

    /// The middle part that a model sees of it; see ``RGBImage/fitted(width:height:_:)``.
    public func image(fittedTo size: (width: Int, height: Int)) throws(ImageError) -> RGBImage { try RGBImage(data: bytes(), name: name, fittedTo: size) }
}

/// Where the bytes of one image can be read: as often as wanted, in any order and from any thread.
public protocol ImageSource: Sendable {
    func bytes() throws(ImageError.Reason) -> [UInt8]
    /// Of these bytes: see ``ImageReference/digest``.
    func digest() throws(ImageError.Reason) -> String
    /// For sources that hold something open to be quick.
    func release()
}

extension ImageSource {
    public func release() {}

    public func digest() throws(ImageError.Reason) -> String { ImageReference.digest(of: try bytes()) }
}

/// A regular file, or a part of one.
public struct FileSource: ImageSource {
    public let path: String
    /// Nil: the whole file.
    public let range: Range<Int>?

    public init(_ path: String, range: Range<Int>? = nil) {
        self.path = path
        self.range = range
    }

    public func bytes() throws(ImageError.Reason) -> [UInt8] { try RGBImage.bytes(ofFile: path, range) }

    public func digest() throws(ImageError.Reason) -> String {
        let file = FileIdentity(path).flatMap { (range?.count ?? $0.size) < DigestCache.smallest ? nil : [$0] }
        return try DigestCache.ofUser.digest(of: "bytes \(range.map { "\($0)" } ?? "")", file) { () throws(ImageError.Reason) in
            ImageReference.digest(of: try bytes())
        }
    }
}
