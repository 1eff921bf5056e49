import Crypto
import Foundation
import Media
import Storage

/// One clip of a data set: which bytes it has, and where they can be read.
public struct ClipReference: Sendable {
    /// For people, relative to the data set: `a/b.mp4`, `shard.tar/000.mp4`, `train.parquet:17`, or a folder of frames.
    public let name: String
    /// SHA-256 of the file's bytes in hexadecimal; of a folder of frames, that of its pictures' digests in their order.
    public let digest: String
    /// How frames of this clip are spaced, where the data set says so: time-lapse clips are seen whole whatever the rule for the others.
    public let spacing: FrameRule.Spacing?
    private let place: Place

    private enum Place: Sendable {
        case file(FileIdentity, Range<Int>?)
        case frames([FileIdentity], rate: Double)
        case bytes(any ImageSource)
    }

    /// Reads the file once, for its digest, unless that is known.
    /// - Parameter range: the part of the file that is the clip
    public init(file path: String, range: Range<Int>? = nil, name: String, spacing: FrameRule.Spacing? = nil) throws(ClipError.Reason) {
        guard let identity = FileIdentity(path) else { throw .file("not a regular file, or it cannot be opened") }
        guard range?.isEmpty != true, identity.size > 0 else { throw .empty }
        (self.name, self.spacing, place) = (name, spacing, .file(identity, range))
        digest = try Self.digest(identity, range)
    }

    /// - Parameter frames: pictures by their paths, in their order
    public init(frames: [String], rate: Double, name: String, spacing: FrameRule.Spacing? = nil) throws(ClipError.Reason) {
        guard !frames.isEmpty else { throw .noFrames }
        var identities: [FileIdentity] = []
        for path in frames {
            guard let identity = FileIdentity(path) else { throw .file("\(path) is not a regular file, or it cannot be opened") }
            identities.append(identity)
        }
        (self.name, self.spacing, place) = (name, spacing, .frames(identities, rate: rate))
        digest = try Self.digest(identities)
    }

    /// For a reader that has the bytes in hand.
    init(_ source: some ImageSource, name: String, bytes: [UInt8]) {
        (self.name, spacing, place) = (name, nil, .bytes(source))
        digest = ImageReference.digest(of: bytes)
    }

    // MARK: Digests

    private static func digest(_ file: FileIdentity, _ range: Range<Int>?) throws(ClipError.Reason) -> String {
        let isKept = (range?.count ?? file.size) >= DigestCache.smallest
        return try DigestCache.ofUser.digest(of: "bytes \(range.map { "\($0)" } ?? "")", isKept ? [file] : nil) { () throws(ClipError.Reason) in
            try digest(ofFile: file.path, range ?? 0..<file.size)
        }
    }

    private static func digest(_ frames: [FileIdentity]) throws(ClipError.Reason) -> String {
        var hash = SHA256()
        for frame in frames { hash.update(data: Data(try digest(frame, nil).utf8)) }
        return hash.finalize().text
    }

    /// Piece by piece: a clip need not fit into the memory.
    private static func digest(ofFile path: String, _ range: Range<Int>) throws(ClipError.Reason) -> String {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var (hash, place) = (SHA256(), range.lowerBound)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while place < range.upperBound {
            let count = pread(descriptor, &buffer, min(buffer.count, range.upperBound - place), off_t(place))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .file(String(cString: strerror(errno))) }
            guard count > 0 else { throw .file("the file has become shorter") }
            hash.update(data: buffer[..<count])
            place += count
        }
        return hash.finalize().text
    }

    // MARK: Reading

    /// Of what was listed, or an error: what was computed from others must never be taken for this clip's.
    public func decoder(ground: RGBImage.Ground = .white) throws(ClipError) -> ClipDecoder {
        do { return ClipDecoder(try source(), name: name, ground: ground) } catch { throw ClipError(file: name, reason: error) }
    }

    private func source() throws(ClipError.Reason) -> ClipSource {
        let changed = ClipError.Reason.file("has changed since it was listed")
        switch place {
        case .file(let identity, let range):
            let now = FileIdentity(identity.path)
            if now != identity {
                guard let now, range.map({ $0.upperBound <= now.size }) ?? (now.size == identity.size) else { throw changed }
                guard try Self.digest(ofFile: identity.path, range ?? 0..<now.size) == digest else { throw changed }
            }
            return .file(identity.path, range: range)
        case .frames(let identities, let rate):
            let now = identities.compactMap { FileIdentity($0.path) }
            if now != identities {
                guard now.count == identities.count, try Self.digest(now) == digest else { throw changed }
            }
            return .frames(identities.map(\.path), rate: rate)
        case .bytes(let source):
            let bytes: [UInt8]
            do { bytes = try source.bytes() } catch { throw .file(error.description) }
            guard ImageReference.digest(of: bytes) == digest else { throw changed }
            return .bytes(bytes)
        }
    }

    /// The frames that a model sees of it: for a seed always the same, whatever is asked for before, so that they can be encoded once.
    /// - Parameter size: of the middle part that is cut out of each; nil leaves them whole
    public func clip(_ rule: FrameRule, seed: UInt64, fittedTo size: (width: Int, height: Int)? = nil) throws(ClipError) -> Clip {
        var dice = dice(seed: seed)
        return try decoder().clip(self.rule(rule), using: &dice, fittedTo: size)
    }

    /// A rule, with the clip's own spacing.
    public func rule(_ rule: FrameRule) -> FrameRule { spacing.map(rule.spaced) ?? rule }

    /// By which a random start is drawn.
    public func dice(seed: UInt64) -> SeededGenerator {
        SeededGenerator(seed: seed, purpose: "clip start", index: Int(truncatingIfNeeded: SeededGenerator.fnv1a(digest)))
    }

    /// Releases what its source holds open to be quick. The bytes can be read all the same.
    public func release() { if case .bytes(let source) = place { source.release() } }
}
