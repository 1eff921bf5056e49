import Media
import Storage

/// Which fields of a row name a clip, and which say what it shows.
struct ClipColumns {
    private let chosenFile: String?
    private let chosenCaption: String?

    /// Files by their paths: Hugging Face's `videofolder`, musubi-tuner's, OpenVid's.
    private static let files = ["file_name", "video_path", "video", "path", "video_file_name", "file_path", "filepath"]
    /// Files by the beginnings of their names: WebVid's and ChronoMagic's, Panda-70M's, ChronoMagic's JSON.
    private static let identifiers = ["videoid", "videoID", "video_id"]
    private static let captions = ["text", "caption", "captions", "prompt"]
    /// WebVid's and ChronoMagic's captions, beside an identifier alone.
    private static let name = "name"

    /// - Parameter choice: what a user named; that alone holds then
    init(_ choice: ParquetColumnNames) { (chosenFile, chosenCaption) = (choice.image, choice.caption) }

    private var files: [String] { chosenFile.map { [$0] } ?? Self.files }
    private var identifiers: [String] { chosenFile.map { [$0] } ?? Self.identifiers }

    private func captions(_ fields: [String: JSONValue]) -> [String] {
        if let chosenCaption { return [chosenCaption] }
        return Self.captions + (identifiers.contains { fields[$0] != nil } ? [Self.name] : [])
    }

    /// Whether rows with these fields may name clips.
    func mayName(_ fields: [String: JSONValue]) -> Bool {
        (files + identifiers).contains { fields[$0] != nil } && captions(fields).contains { fields[$0] != nil }
    }

    /// Why rows under this header could not be read; nil where they can.
    func problem(ofHeader names: [String]) -> String? {
        if Set(names).count < names.count { return "the header row names a column twice" }
        let fields = Dictionary(names.map { ($0, JSONValue.string("")) }) { first, _ in first }
        if mayName(fields) { return nil }
        return "the header row must name the columns \(files[0]) and \((chosenCaption.map { [$0] } ?? Self.captions).joined(separator: " or ")); "
            + "it has \(names.prefix(8).joined(separator: ", "))"
    }

    /// What a row names.
    enum Name: Equatable {
        case path(String)
        /// With the folder that the row puts it in, and how many clips of it were cut.
        case identifier(String, folder: String, parts: Int)
    }

    func name(_ row: [String: JSONValue]) throws(RowError) -> Name {
        if let key = files.first(where: { (row[$0] ?? .null) != .null }) {
            guard case .string(let text) = row[key]! else { throw RowError("\(key) is \(row[key]!.typeInWords), not a text") }
            if text.isEmpty { throw RowError("\(key) is empty") }
            return .path(text)
        }
        guard let key = identifiers.first(where: { (row[$0] ?? .null) != .null }) else {
            throw RowError("no \(files[0])\(row.isEmpty ? "" : "; there is \(row.keys.sorted().prefix(8).joined(separator: ", "))")")
        }
        let text: String
        switch row[key]! {
        case .string(let value): text = value
        case .number(let value) where value == value.rounded() && abs(value) < 1e15: text = String(Int(value))
        default: throw RowError("\(key) is \(row[key]!.typeInWords), not a text")
        }
        if text.isEmpty { throw RowError("\(key) is empty") }
        var folder = ""
        if case .string(let page)? = row["page_dir"] { folder = page }
        var parts = 1
        if key == "videoID", case .string(let times)? = row["timestamp"], let count = PythonText.count(times) { parts = count }
        return .identifier(text, folder: folder, parts: parts)
    }

    /// What a row says of its clip: under the first of the names that says something.
    func caption(_ row: [String: JSONValue]) throws(RowError) -> (key: String, value: JSONValue) {
        let names = captions(row)
        let present = names.filter { (row[$0] ?? .null) != .null }
        guard let first = present.first else { throw RowError("no \(names.joined(separator: ", "))") }
        let key = present.first { if case .string(let text) = row[$0]! { !text.allSatisfy(\.isWhitespace) } else { true } } ?? first
        return (key, row[key]!)
    }

    /// MagicTime's `is_transmit`: 0 for a time-lapse clip, which is seen whole; 1 for one of ordinary speed.
    func spacing(_ row: [String: JSONValue]) throws(RowError) -> FrameRule.Spacing? {
        let text: String
        switch row["is_transmit"] {
        case nil, .null: return nil
        case .string(let value): text = value
        case .number(let value): text = value == 0 ? "0" : value == 1 ? "1" : "\(value)"
        case .bool(let value): text = value ? "1" : "0"
        default: throw RowError("is_transmit is neither 0 nor 1")
        }
        switch text.lowercased() {
        case "0", "0.0", "false": return .uniform
        case "1", "1.0", "true": return .stride
        case "": return nil
        default: throw RowError("is_transmit is \(text), neither 0 nor 1")
        }
    }
}
