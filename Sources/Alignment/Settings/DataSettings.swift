import Encoding
import Winners

/// The winners of a run, and what becomes of them before they are trained on.
public struct DataSettings: Sendable, Equatable {
    public var winners: String
    /// Columns of Parquet files, or keys of metadata files, that are the caption and the image; nil: by their names.
    public var captionColumn: String?
    public var imageColumn: String?
    /// What becomes of captions of several lines.
    public var captionLines = CaptionLines.join
    /// Use at most that many winners; 0: all.
    public var limit = 0
    /// Side of the training images in pixels; 0: the model's.
    public var resolution = 0
    public var vaePosterior = EncodingSettings.Posterior.sample
    public var flipImages = false
    /// Share of captions replaced by the empty one.
    public var captionDropout = 0.0

    init(winners: String) { self.winners = winners }

    public static let declared = SettingGroup(
        "Data",
        [
            Setting(\.data.winners, "winners", "Winning images: a folder, a .parquet or a .tar file."),
            Setting(\.data.captionColumn, .captionColumn),
            Setting(\.data.imageColumn, .imageColumn),
            Setting(\.data.captionLines, .captionLines),
            Setting(\.data.limit, "limit", "Use only the first N winners.", default: "all", in: .between(0, 1_000_000_000)),
            Setting(\.data.resolution, "resolution", "Side of the training images in pixels.", default: "the model's", in: .between(0, 16_384)),
            Setting(\.data.vaePosterior, "vae-posterior", "Latents of winners: a sample of the autoencoder's posterior, or its mode."),
            Setting(\.data.flipImages, "flip-images", "Mirror winners at random. Not for captions that name sides."),
            Setting(\.data.captionDropout, "caption-dropout", "Share of captions replaced by the empty one.", in: .between(0, 1)),
        ])
}
