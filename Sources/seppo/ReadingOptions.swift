import ArgumentParser
import Winners

extension CaptionLines: ExpressibleByArgument {}

/// How winners are read where names do not tell: one group for every command that reads some.
struct ReadingOptions: ParsableArguments {
    @Option(help: "Column of captions: of Parquet files, or key of a metadata file or a shard's .json. Default: by its name.") var captionColumn: String?
    @Option(help: "Column of images: of Parquet files, key of a metadata file, or ending of names in a shard. Default: by its name.") var imageColumn: String?
    @Option(help: "What becomes of captions of several lines in image folders: join, or first. Default: join.") var captionLines: CaptionLines?

    var columns: ParquetColumnNames { ParquetColumnNames(image: imageColumn, caption: captionColumn) }
    var lines: CaptionLines { captionLines ?? .join }

    /// The first option that was given, for commands that read no winners this time.
    var given: String? {
        captionColumn != nil ? "--caption-column" : imageColumn != nil ? "--image-column" : captionLines != nil ? "--caption-lines" : nil
    }
}
