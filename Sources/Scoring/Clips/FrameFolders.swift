import Encoding
import Foundation
import Media
import Storage
import Torch

/// Clips as `seppo generate` writes them: a folder of frames each, side by side in one folder, with a `metadata.jsonl` that may tell their captions and seeds.
public struct FrameFolders: Sendable {
    /// One clip, whose frames are read when they are asked for.
    public struct Clip: Sendable, Equatable {
        /// Of its folder.
        public var name: String
        /// In the order of their names, numbers in these by their value.
        public var frames: [URL]
        public var caption: String?
        public var seed: UInt64?
    }

    /// In the order of their names.
    public let clips: [Clip]

    /// Frames of one clip, and clips: more are refused before any is read.
    static let mostFrames = 10_000
    static let mostClips = 100_000
    /// Numbers of one clip, which is measured whole.
    static let mostValues = 1 << 28
    private static let endings: Set<String> = ["png", "jpg", "jpeg", "webp"]

    /// Lists the folders in `url` that hold frames; where it holds frames itself, it is the one clip.
    /// - Throws: ``FrameFolderError``
    public init(_ url: URL) throws {
        let names = try Self.contents(url)
        if names.contains(where: Self.isFrame) {
            clips = [Clip(name: url.lastPathComponent, frames: try Self.frames(url, names), caption: nil, seed: nil)]
            return
        }
        let rows = try Self.rows(url)
        clips = try names.compactMap { name in
            let folder = url.appendingPathComponent(name)
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else { return nil }
            let inside = try Self.contents(folder)
            guard inside.contains(where: Self.isFrame) else { return nil }
            return Clip(name: name, frames: try Self.frames(folder, inside), caption: rows[name]?.text, seed: rows[name]?.seed)
        }
        guard !clips.isEmpty else { throw FrameFolderError(path: url.path, problem: .noClips) }
        guard clips.count <= Self.mostClips else { throw FrameFolderError(path: url.path, problem: .tooMany(clips.count, most: Self.mostClips)) }
    }

    /// The pairs to compare: by name where the same names are on either side, otherwise, where there are as many, by order.
    /// - Throws: ``FrameFolderError`` where neither can be
    public func paired(with references: FrameFolders) throws(FrameFolderError) -> (pairs: [(clip: Clip, reference: Clip)], isByName: Bool) {
        let byName = Dictionary(uniqueKeysWithValues: references.clips.map { ($0.name, $0) })
        if clips.allSatisfy({ byName[$0.name] != nil }) { return (clips.map { ($0, byName[$0.name]!) }, true) }
        guard clips.count == references.clips.count else {
            let missing = clips.first { byName[$0.name] == nil }!
            throw FrameFolderError(path: missing.name, problem: .noReference(clips: clips.count, references: references.clips.count))
        }
        return (Array(zip(clips, references.clips)).map { ($0, $1) }, false)
    }

    private static func contents(_ folder: URL) throws(FrameFolderError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }.sorted {
                let order = $0.compare($1, options: .numeric)
                return order == .orderedSame ? $0 < $1 : order == .orderedAscending
            }
        } catch {
            throw FrameFolderError(path: folder.path, problem: .unreadable)
        }
    }

    private static func isFrame(_ name: String) -> Bool { endings.contains((name as NSString).pathExtension.lowercased()) }

    private static func frames(_ folder: URL, _ names: [String]) throws(FrameFolderError) -> [URL] {
        let frames = names.filter(isFrame)
        guard frames.count <= mostFrames else { throw FrameFolderError(path: folder.path, problem: .tooMany(frames.count, most: mostFrames)) }
        return frames.map { folder.appendingPathComponent($0) }
    }

    /// What `seppo generate` tells of a clip.
    private struct Row: Decodable {
        let file_name: String
        let text: String?
        let seed: UInt64?
    }

    private static func rows(_ folder: URL) throws -> [String: Row] {
        let file = folder.appendingPathComponent("metadata.jsonl")
        guard FileManager.default.fileExists(atPath: file.path) else { return [:] }
        var rows: [String: Row] = [:]
        for line in JSONLinesReader(try RegularFile.bytes(file, atMost: 1 << 28)) {
            guard let row = try? line.decoded(Row.self) else { throw FrameFolderError(path: file.path, problem: .line(line.number)) }
            rows[row.file_name] = row
        }
        return rows
    }
}

extension FrameFolders.Clip {
    /// Reads the frames, `[F, 3, H, W]` in [0, 1].
    /// - Throws: `ImageError` for a damaged frame, ``FrameFolderError`` where one has another size than the first
    public func pixels() throws -> Tensor {
        var first: (width: Int, height: Int)?
        return try Media.Clip.pixels(
            frames.map { url in
                let image = try RGBImage(contentsOf: url)
                let size = first ?? (image.width, image.height)
                let values = frames.count.multipliedReportingOverflow(by: 3 * size.width * size.height)
                guard !values.overflow, values.partialValue <= FrameFolders.mostValues else {
                    throw FrameFolderError(path: url.path, problem: .tooLarge(size.width, size.height, frames: frames.count))
                }
                first = size
                guard size == (image.width, image.height) else {
                    throw FrameFolderError(path: url.path, problem: .size(image.width, image.height, first: size.width, size.height))
                }
                return image
            })
    }
}

/// Why folders of frames cannot be compared.
public struct FrameFolderError: Error, Equatable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable {
        case unreadable
        case noClips
        case tooMany(Int, most: Int)
        case tooLarge(Int, Int, frames: Int)
        case size(Int, Int, first: Int, Int)
        case noReference(clips: Int, references: Int)
        case line(Int)
    }

    public let path: String
    public let problem: Problem

    public var description: String {
        let text =
            switch problem {
            case .unreadable: "is no folder that can be read"
            case .noClips: "has no frames (.png, .jpg, .webp), and no folder in it has any"
            case .tooMany(let count, let most): "\(count) are more than the limit of \(most)"
            case .tooLarge(let width, let height, let frames):
                "\(frames) frames of \(width) x \(height) are more than \(FrameFolders.mostValues) numbers: measure shorter or smaller clips"
            case .size(let width, let height, let firstWidth, let firstHeight):
                "is \(width) x \(height), and the clip's first frame \(firstWidth) x \(firstHeight)"
            case .noReference(let clips, let references):
                "has no reference of its name, and \(clips) clips cannot be paired with \(references) references by order"
            case .line(let number): "line \(number) is no row of a clip (file_name, text, seed)"
            }
        return "\(path): \(text)".printable
    }
}
