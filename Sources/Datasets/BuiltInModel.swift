import Foundation

/// The model that ships with this program: a small Stable-Diffusion-shaped pipeline trained on Scenes, good and bad alike, by
/// `seppo pretrain --scenes --autoencoder-steps 1200 --steps 6000 --threads 1` as it was before it weighed noisy timesteps (a greatest weight
/// of 1) and narrowed the autoencoder's posterior (a divergence weight of 1e-4); today's command makes another one.
public enum BuiltInModel {
    /// What `--model` calls it.
    public static let name = "scenes"

    /// Its diffusers folder.
    public static var folder: URL { Bundle.module.bundleURL.appendingPathComponent("scenes") }

    /// The folder that a `--model` names.
    public static func resolve(_ model: String) -> URL { model == name ? folder : URL(fileURLWithPath: model) }
}
