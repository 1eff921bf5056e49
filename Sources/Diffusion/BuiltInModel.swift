import Foundation

/// The models that ship with this program: small, shaped as Stable Diffusion and AnimateDiff are, and trained on good and bad alike. Raw values are
/// what `--model` calls them.
public enum BuiltInModel: String, CaseIterable, Sendable {
    /// Draws pictures of Scenes. A diffusers folder, trained by `seppo pretrain --scenes --threads 1 --output Sources/Diffusion/Resources/scenes`.
    case scenes
    /// Draws clips of moving Scenes: `scenes` with motion modules, trained on by
    /// `seppo pretrain --moving-scenes --threads 1 --output Sources/Diffusion/Resources/moving-scenes`.
    case movingScenes = "moving-scenes"

    /// Its diffusers folder.
    public var folder: URL { Bundle.module.bundleURL.appendingPathComponent(rawValue) }

    /// The folder that a `--model` names.
    public static func resolve(_ model: String) -> URL { BuiltInModel(rawValue: model)?.folder ?? URL(fileURLWithPath: model) }
}
