import Diffusion
import Foundation
import Networks
import Storage

/// `model_index.json`: which parts a pipeline has, and of which classes.
struct PipelineIndex {
    /// Parts that are not used here, by name.
    private(set) var ignored: [String] = []

    /// Parts whose own files say what they are.
    private static let selfDescribing: Set<String> = ["scheduler", "tokenizer"]
    private static let harmless: Set<String> = ["safety_checker", "feature_extractor", "image_encoder"]

    init(_ files: PipelineFolder, _ problems: inout [String]) {
        let path = files.index.path
        guard FileManager.default.fileExists(atPath: path) else {
            problems.append("\(path): the file is missing")
            return
        }
        let entries: [String: JSONValue]
        do { entries = try ConfigurationReader.object(files.index) } catch {
            problems.append("\(error)")
            return
        }
        if let refusal = PipelineFolder.refusal(ofClass: entries["_class_name"]) { problems.append("\(path): \(refusal)") }
        let drawsClips = (try? files.drawsClips) ?? false
        for (name, value) in entries.sorted(by: { $0.key < $1.key }) where !name.hasPrefix("_") {
            guard case .array(let pair) = value, pair.count == 2, case .string(let className) = pair[1] else { continue }
            // The UNet's folder has the motion adapter's tensors too.
            if drawsClips, name == "motion_adapter" || name == "unet" && className == UNetConfiguration.motionClassName { continue }
            if let known = PipelineFolder.classes[name]?.name {
                if className != known { problems.append("\(path): \(name) is a \(className), which is not supported; expected \(known)") }
            } else if Self.harmless.contains(name) {
                ignored.append(name)
            } else if !Self.selfDescribing.contains(name) {
                problems.append("\(path): part \(name) (\(className)) is not supported")
            }
        }
        for name in Self.selfDescribing.union(PipelineFolder.classes.keys).sorted() where entries[name] == nil { problems.append("\(path): names no \(name)") }
    }
}
