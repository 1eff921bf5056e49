import ArgumentParser
import Foundation
import Media
import Storage

/// Paths that are given by options.
package enum Place {
    /// For options of a path: an empty one would be the current folder.
    package static func path(_ text: String) throws -> String {
        guard !text.allSatisfy(\.isWhitespace) else { throw ValidationError("an empty path names nothing") }
        guard !text.utf8.contains(0) else { throw ValidationError("no path holds a zero byte") }
        return text
    }

    /// A path that means the same file from every folder.
    package static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

    package static func url(_ text: String) throws -> URL { URL(fileURLWithPath: try path(text)).standardizedFileURL }
}

extension FileUse {
    /// Wrong usage where something would be written over what is read.
    package func checkUsage() throws {
        do {
            try check()
        } catch {
            throw ValidationError("\(error)")
        }
    }
}

extension DataSetOptions {
    /// Wrong usage where what is written would touch the data set.
    func checkOutput(_ output: URL, _ common: CommonOptions) throws {
        var use = FileUse()
        use.reads("the data set", URL(fileURLWithPath: path).standardizedFileURL)
        common.reads(&use)
        use.writes("--output", output)
        try use.checkUsage()
    }
}

/// Where a command writes, looked at before it works. What lies there already stays as it is, or is wrong usage.
package enum Output {
    /// Neither a file nor a folder is there, nor a link.
    package static func checkNew(_ url: URL) throws {
        guard !isThere(url) else { throw ValidationError("\(url.path) is there already: choose another --output") }
    }

    /// A folder that is not there, or empty.
    package static func checkFolder(_ url: URL) throws {
        guard isThere(url) else { return }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
        } catch {
            throw ValidationError("\(url.path) is there already, and no folder that could be looked into: choose another --output")
        }
        guard names.isEmpty else {
            let some = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
            throw ValidationError("\(url.path) holds something already (\(some)), which is not replaced: choose an --output that is not there, or empty")
        }
    }

    /// A file that is not there, or of the kind that replaces it: one that begins with these bytes.
    package static func checkFile(_ url: URL, beginningWith bytes: [UInt8], kind: String) throws {
        guard isThere(url) else { return }
        let start = isFile(url) ? (try? FileHandle(forReadingFrom: url)).flatMap { try? $0.read(upToCount: bytes.count) } : nil
        guard start.map(Array.init) == bytes else {
            throw ValidationError("\(url.path) is there already and is no \(kind), so it is not replaced: choose another place")
        }
    }

    /// A PNG file that is not there, or a picture that belongs to no data set.
    package static func checkPicture(_ url: URL) throws {
        try checkFile(url, beginningWith: PNGHeader.signature, kind: "PNG file")
        guard isThere(url) else { return }
        let folder = url.deletingLastPathComponent()
        let captions = ["metadata.jsonl", "metadata.csv"].map(folder.appendingPathComponent) + [url.deletingPathExtension().appendingPathExtension("txt")]
        guard let caption = captions.first(where: isThere) else { return }
        throw ValidationError("\(url.path) belongs to a data set (\(caption.path)), so it is not replaced: choose another place")
    }

    private static func isThere(_ url: URL) -> Bool {
        var status = stat()
        return lstat(url.path, &status) == 0
    }

    /// Opening a pipe would wait for somebody at its other end.
    private static func isFile(_ url: URL) -> Bool {
        var status = stat()
        return stat(url.path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}
