import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a piece of work reads and what it writes. Nothing that is written may be, contain or lie within anything that is read.
///
/// Places are compared as the system finds them: links are followed, also above a place that is not there yet, and files and folders that have several
/// names (hard links, folders mounted twice) are told by their numbers.
public struct FileUse {
    private var read: [(name: String, place: Place)] = []
    private var written: [(name: String, place: Place)] = []

    public init() {}

    /// - Parameter name: what people call it, such as an option
    public mutating func reads(_ name: String, _ url: URL?) {
        if let url { read.append((name, Place(url.path))) }
    }

    public mutating func writes(_ name: String, _ url: URL?) {
        if let url { written.append((name, Place(url.path))) }
    }

    /// Throws for the first thing that is read where something is written.
    public func check() throws(FileUseError) {
        for (reader, source) in read {
            for (writer, target) in written {
                guard let relation = source.relation(to: target) else { continue }
                throw FileUseError(read: "\(reader) \(source.path)", relation: relation, written: "\(writer) \(target.path)")
            }
        }
    }

    /// Whether a place is another, or lies within it.
    public static func lies(_ inner: URL, within outer: URL) -> Bool { Place(inner.path).lies(within: Place(outer.path)) }
}

/// That something would be written over what is read.
public struct FileUseError: Error, Equatable, CustomStringConvertible {
    /// What is read, with its place.
    public let read: String
    public let relation: Relation
    /// What is written, with its place.
    public let written: String

    public enum Relation: String, Sendable { case same = "is", within = "lies within", around = "contains" }

    public var description: String { "\(read) \(relation.rawValue) \(written): what is read must stay as it is, so what is written needs a place of its own" }
}

/// A place in the file system, whether there is something or not.
private struct Place {
    let path: String
    /// From the root to the place itself, links resolved; nil for the identity of what is not there.
    private let steps: [(path: String, identity: Identity?)]

    private struct Identity: Equatable {
        let device: UInt64
        let number: UInt64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt64(truncatingIfNeeded: status.st_dev)
            number = UInt64(truncatingIfNeeded: status.st_ino)
        }
    }

    init(_ path: String) {
        self.path = path
        var step = Self.resolved(path)
        var steps = [(step, Identity(step))]
        while step != "/" {
            step = Self.parent(step)
            steps.append((step, Identity(step)))
        }
        self.steps = steps.reversed()
    }

    func relation(to target: Place) -> FileUseError.Relation? {
        switch (lies(within: target), target.lies(within: self)) {
        case (true, true): .same
        case (true, false): .within
        case (false, true): .around
        case (false, false): nil
        }
    }

    func lies(within other: Place) -> Bool {
        guard let (outer, identity) = other.steps.last else { return false }
        return steps.contains { $0.path == outer || identity != nil && $0.identity == identity }
    }

    /// Where a path leads, links resolved one after another as the system does it; what is not there is taken as it is written.
    private static func resolved(_ path: String) -> String {
        var rest = parts(path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path)
        var place = "/"
        // A path has no more links than that; the system itself gives up sooner.
        var links = 0
        while let part = rest.popLast() {
            if part == ".." {
                place = parent(place)
                continue
            }
            let next = place == "/" ? "/" + part : place + "/" + part
            guard links < 256, let target = try? FileManager.default.destinationOfSymbolicLink(atPath: next) else {
                place = next
                continue
            }
            links += 1
            if target.hasPrefix("/") { place = "/" }
            rest += parts(target)
        }
        return place
    }

    /// The last comes first.
    private static func parts(_ path: String) -> [String] { path.split(separator: "/").filter { $0 != "." }.reversed().map(String.init) }

    private static func parent(_ path: String) -> String {
        let parent = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        return parent.isEmpty ? "/" : String(parent)
    }
}
