import ArgumentParser
import Winners

extension CaptionLines: ExpressibleByArgument {}

/// How winners are read where names do not tell: one group for every command that reads some.
struct ReadingOptions: ParsableArguments {
    @Option(\.data.captionColumn) var captionColumn: String?
    @Option(\.data.imageColumn) var imageColumn: String?
    @Option(\.data.captionLines) var captionLines: CaptionLines?

    var columns: ParquetColumnNames { ParquetColumnNames(image: imageColumn, caption: captionColumn) }
    var lines: CaptionLines { captionLines ?? .join }

    /// The first option that was given, for commands that read no winners this time.
    var given: String? {
        captionColumn != nil ? "--caption-column" : imageColumn != nil ? "--image-column" : captionLines != nil ? "--caption-lines" : nil
    }
}
