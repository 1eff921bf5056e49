/// Columns of a Parquet file, or files and keys of a WebDataset's samples, that a user named, where the names alone do not tell.
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
        if choice.image == nil, images.count == 2, labels.count == 2, choice.caption != nil || file.field("caption") != nil {
            let caption = try Self.caption(file, choice.caption ?? "caption")
            self = .pair(caption: caption, images: images, labels: labels, hasLabel: column("has_label", .number))
            return
        }
        self = .captioned(caption: try Self.caption(file, choice.caption), image: try Self.image(file, choice.image))
    }

    /// Their names, for people.
    var description: String {
        switch self {
        case .pair: "Pick-a-Pic's columns"
        case .captioned(let caption, let image): "columns \(image.name) and \(ParquetFile.Column.name(of: caption))"
        }
    }

    // MARK: Finding them

    private static let captionNames = ["text", "caption", "captions", "prompt"]
    /// The first of these of which a name is there decides.
    private static let imageNames: [Set<String>] = [
        ["image", "images", "img", "jpg", "jpeg", "png", "webp"], ["image_bytes", "bytes"], ["video", "videos", "mp4", "clip"],
    ]

    /// A column that bears one of the names, and no other: what is text may as well name a file, a class or a split.
    private static func caption(_ file: ParquetFile, _ name: String?) throws(ParquetError) -> ParquetFile.Column {
        let usable = file.columns.filter { [.text, .texts].contains($0.kind) && !$0.name.hasSuffix(".path") }.map(ParquetFile.Column.name(of:))
        if let name, let column = file.columns.first(where: { $0.name == name && [.text, .bytes].contains($0.kind) }) { return column }
        let named = name.map { name in file.fields.first { $0.name == name } } ?? captionNames.lazy.compactMap(file.field).first
        guard let field = named else {
            throw ParquetError(
                path: file.path,
                problem: name.map { .missing(.caption, name: $0, among: described(file.fields)) } ?? .noColumn(.caption, among: described(file.fields)))
        }
        guard let column = field.columns.first, column.kind == .texts || column.name == field.name && [.text, .bytes].contains(column.kind) else {
            throw ParquetError(path: file.path, problem: .unusable(.caption, name: field.name, type: field.type, instead: usable))
        }
        return column
    }

    /// `struct<bytes, path>`, as the `datasets` library writes images, or a column of bytes whose name says so.
    private static func image(_ file: ParquetFile, _ name: String?) throws(ParquetError) -> ParquetFile.Column {
        func picture(_ field: ParquetFile.Field) -> ParquetFile.Column? {
            field.columns.first { $0.kind == .bytes && ($0.name == field.name || $0.name == field.name + ".bytes") }
        }
        let usable = file.fields.filter { picture($0) != nil }.map(\.name)
        if let name, let column = file.columns.first(where: { $0.name == name && $0.kind == .bytes }) { return column }
        let named: [ParquetFile.Field]
        if let name {
            named = file.fields.filter { $0.name == name }
            if named.isEmpty { throw ParquetError(path: file.path, problem: .missing(.image, name: name, among: described(file.fields))) }
        } else {
            let groups = imageNames.map { names in file.fields.filter { names.contains($0.name.lowercased()) } }
            named = groups.first { !$0.isEmpty } ?? file.fields.filter { field in picture(field).map { $0.name != field.name } ?? false }
        }
        guard let only = named.first else { throw ParquetError(path: file.path, problem: .noColumn(.image, among: described(file.fields))) }
        guard named.count == 1 else { throw ParquetError(path: file.path, problem: .severalColumns(.image, named.map(\.name))) }
        guard let column = picture(only) else {
            throw ParquetError(path: file.path, problem: .unusable(.image, name: only.name, type: only.type, instead: usable))
        }
        return column
    }

    private static func described(_ fields: [ParquetFile.Field]) -> [String] { fields.map { "\($0.name) (\($0.type))" } }
}

extension ParquetFile.Column {
    /// As people know it: a list is a column, and not a part of one.
    fileprivate static func name(of column: Self) -> String {
        column.kind == .texts ? String(column.name.split(separator: ".").first ?? "") : column.name
    }
}
