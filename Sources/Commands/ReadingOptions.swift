import ArgumentParser
import Winners

extension CaptionLines: ExpressibleByArgument {}

/// How winners are read where names do not tell: one group for every command that reads some.
package struct ReadingOptions: ParsableArguments {
    package init() {}

    @Option(ReadingChoice.captionColumn) package var captionColumn: String?
    @Option(ReadingChoice.imageColumn) package var imageColumn: String?
    @Option(ReadingChoice.captionLines) package var captionLines: CaptionLines?

    package var columns: ParquetColumnNames { ParquetColumnNames(image: imageColumn, caption: captionColumn) }
    package var lines: CaptionLines { captionLines ?? .join }

    /// The first option that was given, for commands that read no winners this time.
    package var given: String? {
        captionColumn != nil ? "--caption-column" : imageColumn != nil ? "--image-column" : captionLines != nil ? "--caption-lines" : nil
    }
}

extension Option {
    fileprivate init<Choice: ExpressibleByArgument>(_ choice: ReadingChoice) where Value == Choice? {
        self.init(name: .customLong(choice.name), help: "\(choice.help) Default: \(choice.standard).")
    }
}
