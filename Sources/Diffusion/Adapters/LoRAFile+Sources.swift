import Foundation
import Storage

extension LoRA.File {
    /// A file of weights, and what tells more about it.
    struct Source {
        let file: URL
        /// That all of it belongs to; nil where names tell.
        var part: LoRA.Part?
        /// PEFT's.
        var configuration: URL?

        private static let peftNames = ("adapter_model.safetensors", "adapter_config.json")

        static func found(at url: URL) throws -> [Source] {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
                throw ConfigurationError(file: url.path, message: "there is no such file or folder")
            }
            guard isFolder.boolValue else {
                if PickledWeights.isOne(url.lastPathComponent) {
                    throw ConfigurationError(file: url.path, message: PickledWeights.remedy(url))
                }
                return [Source(file: url, configuration: url.lastPathComponent == peftNames.0 ? configuration(in: url.deletingLastPathComponent()) : nil)]
            }
            if let own = peft(in: url) { return [own] }
            let parts: [(String, LoRA.Part)] = [("unet", .unet), ("text_encoder", .textEncoder)]
            let within = parts.compactMap { name, part in
                peft(in: url.appendingPathComponent(name)).map { Source(file: $0.file, part: part, configuration: $0.configuration) }
            }
            if !within.isEmpty { return within }
            let others = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).filter { $0.hasSuffix(".safetensors") }.sorted()
            if others.count == 1 { return [Source(file: url.appendingPathComponent(others[0]))] }
            throw ConfigurationError(
                file: url.path,
                message: others.isEmpty
                    ? "is a folder without \(peftNames.0) or another .safetensors file"
                    : "is a folder with several .safetensors files (\(others.prefix(5).joined(separator: ", "))): name one")
        }

        private static func peft(in folder: URL) -> Source? {
            let file = folder.appendingPathComponent(peftNames.0)
            return FileManager.default.fileExists(atPath: file.path) ? Source(file: file, configuration: configuration(in: folder)) : nil
        }

        private static func configuration(in folder: URL) -> URL? {
            let file = folder.appendingPathComponent(peftNames.1)
            return FileManager.default.fileExists(atPath: file.path) ? file : nil
        }
    }
}
