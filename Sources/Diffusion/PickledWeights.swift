import Foundation

/// Weights as Python pickled them, which no model is loaded from. `TorchCheckpoint` reads their tensors as data.
public enum PickledWeights {
    static let refusal = "is a pickle, and models are loaded from safetensors files"

    public static func isOne(_ name: String) -> Bool { ["bin", "ckpt", "pt", "pth", "pkl"].contains((name as NSString).pathExtension) }

    /// What is said of one: how to take its tensors out of it, of which nothing is executed.
    public static func remedy(_ file: URL) -> String {
        "\(refusal). Convert it, which executes nothing of it: seppo convert \(quoted(file.path)) --output "
            + quoted(file.deletingPathExtension().path + ".safetensors")
    }

    /// As a shell takes it.
    private static func quoted(_ path: String) -> String {
        let plain = path.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-+=,@%".contains($0)) }
        return plain ? path : "'" + path.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
