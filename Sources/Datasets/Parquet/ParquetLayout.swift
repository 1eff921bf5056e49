/// Columns of a Parquet file that a user named, where the names alone do not tell.
public struct ParquetColumnNames: Sendable, Equatable {
    public var image: String?
    public var caption: String?

    public init(image: String? = nil, caption: String? = nil) {
        self.image = image
        self.caption = caption
    }
}

/// The columns of a Parquet file that winners are made of.
enum ParquetLayout {
    /// Pick-a-Pic's: two images, of which a person preferred one.
    case pair(caption: ParquetFile.Column, images: [ParquetFile.Column], labels: [ParquetFile.Column], hasLabel: ParquetFile.Column?)
    /// An image and its caption, as most data sets on the hub have them.
    case captioned(caption: ParquetFile.Column, image: ParquetFile.Column)

    init(_ file: ParquetFile, _ choice: ParquetColumnNames) throws(ParquetError) {
        func column(_ name: String, _ kinds: ParquetFile.Column.Kind...) -> ParquetFile.Column? {
            file.columns.first { $0.name == name && kinds.contains($0.kind) }
        }
        let images = ["jpg_0", "jpg_1"].compactMap { column($0, .bytes) }
        let labels = ["label_0", "label_1"].compactMap { column($0, .number) }
        if choice == ParquetColumnNames(), let caption = column("caption", .text, .bytes), images.count == 2, labels.count == 2 {
            self = .pair(caption: caption, images: images, labels: labels, hasLabel: column("has_label", .number))
            return
        }
        self = .captioned(caption: try Self.caption(file, choice.caption), image: try Self.image(file, choice.image))
    }

    /// Their names, for people.
    var description: String {
        switch self {
        case .pair: "Pick-a-Pic's columns"
        case .captioned(let caption, let image): "columns \(image.name) and \(caption.name)"
        }
    }

    // MARK: Finding them

    private static let captionNames = ["text", "caption", "prompt"]
    private static let imageNames: Set<String> = ["image", "images", "img", "jpg", "jpeg", "png", "webp", "image_bytes", "bytes"]

    private static func caption(_ file: ParquetFile, _ name: String?) throws(ParquetError) -> ParquetFile.Column {
        let texts = file.columns.filter { $0.kind == .text && !$0.name.hasSuffix(".path") }
        if let name {
            guard let chosen = texts.first(where: { $0.name == name }) else {
                throw ParquetError(path: file.path, problem: .unsuitable(.caption, name: name, among: texts.map(\.name)))
            }
            return chosen
        }
        for name in captionNames {
            if let column = texts.first(where: { $0.name == name }) { return column }
        }
        guard let only = texts.first else { throw ParquetError(path: file.path, problem: .noColumn(.caption, among: file.columns.map(\.name))) }
        guard texts.count == 1 else { throw ParquetError(path: file.path, problem: .severalColumns(.caption, texts.map(\.name))) }
        return only
    }

    /// `struct<bytes, path>`, as the `datasets` library writes images, or a column of bytes whose name says so.
    private static func image(_ file: ParquetFile, _ name: String?) throws(ParquetError) -> ParquetFile.Column {
        let bytes = file.columns.filter { $0.kind == .bytes }
        if let name {
            guard let chosen = bytes.first(where: { $0.name == name || $0.name == name + ".bytes" }) else {
                throw ParquetError(path: file.path, problem: .unsuitable(.image, name: name, among: bytes.map(\.name)))
            }
            return chosen
        }
        let images = bytes.filter { imageNames.contains($0.name) || $0.name.hasSuffix(".bytes") }
        guard let only = images.first else { throw ParquetError(path: file.path, problem: .noColumn(.image, among: file.columns.map(\.name))) }
        guard images.count == 1 else { throw ParquetError(path: file.path, problem: .severalColumns(.image, images.map(\.name))) }
        return only
    }
}
