import Foundation

/// Weights as Python pickled them. Reading a pickle runs whatever its author wrote into it: they are refused, with the way to convert them.
public enum PickledWeights {
    static let refusal = "is a pickle, which can run code when it is opened, and is not read"

    public static func isOne(_ name: String) -> Bool { ["bin", "ckpt", "pt", "pth", "pkl"].contains((name as NSString).pathExtension) }

    /// - Parameter folder: of the pipeline
    static func remedy(folder: URL) -> String { conversion("from_pretrained", folder.path, to: folder.path + "-safe") }

    public static func remedy(file: URL) -> String { conversion("from_single_file", file.path, to: file.deletingPathExtension().path) }

    private static func conversion(_ method: String, _ source: String, to target: String) -> String {
        "\(refusal). Convert where you trust it: python -c \"from diffusers import StableDiffusionPipeline as P; "
            + "P.\(method)('\(source)').save_pretrained('\(target)')\""
    }
}
