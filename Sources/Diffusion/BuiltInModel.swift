import Foundation

/// The model that ships with this program: a small Stable-Diffusion-shaped pipeline trained on Scenes, good and bad alike, by
/// `seppo pretrain --scenes --threads 1 --output Sources/Diffusion/Resources/scenes`.
public enum BuiltInModel {
    /// What `--model` calls it.
    public static let name = "scenes"

    /// Its diffusers folder.
    public static var folder: URL { Bundle.module.bundleURL.appendingPathComponent("scenes") }

    /// The folder that a `--model` names.
    public static func resolve(_ model: String) -> URL { model == name ? folder : URL(fileURLWithPath: model) }
}
