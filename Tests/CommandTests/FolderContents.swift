import Foundation

/// Every file of a folder with its bytes, to see that nothing has changed.
struct FolderContents: Equatable {
    let files: [String: Data]

    init(_ root: URL) throws {
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: root.path) {
            let url = root.appendingPathComponent(name)
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue else { continue }
            files[name] = try Data(contentsOf: url)
        }
        self.files = files
    }

    /// Without the file that a process holds while it looks.
    var withoutLock: [String: Data] { files.filter { !$0.key.hasSuffix("lock") } }
}

extension URL {
    /// Turns one bit of a file over.
    func flipBit(at offset: Int) throws {
        var bytes = try Data(contentsOf: self)
        bytes[offset] ^= 4
        try bytes.write(to: self)
    }
}
