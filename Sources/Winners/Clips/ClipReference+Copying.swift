import Foundation
import Media
import Storage

extension ClipReference {
    /// As MagicTime's tables say it: 0 for a clip that is seen whole, 1 for one of ordinary speed; nil where the data set does not say.
    var isTransmit: Int? { spacing.map { $0 == .uniform ? 0 : 1 } }

    /// What the name of a copy ends in.
    var fileExtension: String {
        let ending = DatasetPath(name).ending
        return ClipSource.endings.contains(ending) ? ending : "mp4"
    }

    /// The bytes of the file, to be copied as they are. Throws for a folder of frames, which is no file.
    func bytes() throws(ClipError) -> [UInt8] {
        switch try decoder().source {
        case .bytes(let bytes): return bytes
        case .file(let path, let range):
            do { return try RGBImage.bytes(ofFile: path, range) } catch { throw ClipError(file: name, reason: .file(error.description)) }
        case .frames: throw ClipError(file: name, reason: .unsupported("a folder of frames in an archive; convert to a folder instead"))
        }
    }

    /// Copies the file, or the folder of frames.
    /// - Parameter stem: of the name that the copy gets
    /// - Returns: that name
    func copy(to folder: URL, as stem: String) throws -> String {
        let source = try decoder().source
        if case .frames(let paths, _) = source {
            try createFolder(folder.appendingPathComponent(stem))
            for (index, path) in paths.enumerated() {
                let target = folder.appendingPathComponent(stem + String(format: "/%05d.", index) + DatasetPath(path).ending)
                do { try FileManager.default.copyItem(at: URL(fileURLWithPath: path).resolvingSymlinksInPath(), to: target) } catch {
                    throw ClipError(file: name, reason: .file("\(error.localizedDescription)"))
                }
            }
            return stem
        }
        let target = folder.appendingPathComponent("\(stem).\(fileExtension)")
        if case .file(let path, nil) = source {
            // However large it is.
            do { try FileManager.default.copyItem(at: URL(fileURLWithPath: path).resolvingSymlinksInPath(), to: target) } catch {
                throw ClipError(file: name, reason: .file("\(error.localizedDescription)"))
            }
        } else {
            try Data(bytes()).write(to: target)
        }
        return "\(stem).\(fileExtension)"
    }
}
