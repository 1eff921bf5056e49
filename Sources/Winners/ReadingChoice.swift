/// A choice of how a data set is read where names do not tell, declared once for commands that read one and for the settings of a run.
public struct ReadingChoice: Sendable {
    /// In kebab-case, as an option is called.
    public let name: String
    /// What it does, without its default.
    public let help: String
    /// The default as people write it.
    public let standard: String

    public static let captionColumn = ReadingChoice(
        name: "caption-column", help: "Column of captions: of Parquet files, or key of a metadata file or a shard's .json.", standard: "by its name")
    public static let imageColumn = ReadingChoice(
        name: "image-column", help: "Column of images: of Parquet files, key of a metadata file, or ending of names in a shard.",
        standard: "by its name")
    public static let captionLines = ReadingChoice(
        name: "caption-lines", help: "What becomes of captions of several lines in image folders: join, or first.", standard: "join")
}
