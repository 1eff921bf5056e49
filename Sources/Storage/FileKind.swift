/// What a file is by its first bytes: what clones, downloads and renamings leave where a model or a picture should be.
public enum FileKind: Sendable, Equatable {
    case gitLFSPointer, gitAnnexPointer
    case webPage, xml
    /// With its beginning, for people.
    case json(String)
    /// Plain text, with its beginning: where bytes are expected that are none.
    case text(String)
    /// What `torch.save` writes today, a zip archive of a pickle and its tensors.
    case torchArchive
    /// A bare pickle, as `torch.save` wrote before 1.6.
    case pickle
    case numPy
    case gguf, hdf5, parquet
    /// By its usual name.
    case archive(String)
    case image(String)
    case document(String)

    /// How many bytes it takes to tell.
    public static let startLength = 1024

    /// - Parameter start: of the file, ``startLength`` bytes where it has as many
    public init?(_ start: some Collection<UInt8>) {
        let start = Array(start.prefix(Self.startLength))
        guard let kind = Self.binary(start) ?? Self.text(start) else { return nil }
        self = kind
    }

    /// A file that should hold anything but text: the same, or what its text begins with.
    public init?(notText start: some Collection<UInt8>) {
        if let kind = FileKind(start) {
            self = kind
            return
        }
        let bytes = Array(start.prefix(Self.startLength))
        guard bytes.count > 2, bytes.allSatisfy({ 32..<127 ~= $0 || 9...13 ~= $0 }) else { return nil }
        self = .text(Self.beginning(String(decoding: bytes, as: UTF8.self)[...]))
    }

    /// What the file is and where to go from there, as the end of a sentence that begins with its name.
    public var sentence: String {
        switch self {
        case .gitLFSPointer: "is a Git LFS pointer, which stands for a file that was not fetched: run `git lfs pull` in its folder, or download the file itself"
        case .gitAnnexPointer: "is a git-annex pointer, which stands for a file that was not fetched: run `git annex get` in its folder"
        case .webPage: "is a web page (HTML), such as a site shows in place of a download that needs a login: download the file itself"
        case .xml: "is XML, such as a storage server answers with when it refuses a download: download the file itself"
        case .json(let beginning): "is JSON (\(beginning)), such as a server answers with when it refuses a download: download the file itself"
        case .text(let beginning): "is a text (\(beginning)), such as a server answers with when there is no such file: download the file itself"
        case .torchArchive: "is a torch checkpoint: `seppo convert` writes its tensors as a safetensors file, and executes nothing of it"
        case .pickle: "is a pickle: of one that torch wrote, `seppo convert` writes the tensors as a safetensors file, and executes nothing of it"
        case .numPy: "is a NumPy file"
        case .gguf: "is a GGUF file, whose weights are quantised for llama.cpp and its kin: take the model's safetensors file"
        case .hdf5: "is an HDF5 file, as Keras writes: take the model's safetensors file"
        case .parquet: "is a Parquet file"
        case .archive(let name): "is \(name) archive: unpack it first"
        case .image(let name): "is \(name) image"
        case .document(let name): "is \(name)"
        }
    }

    private static func binary(_ start: [UInt8]) -> FileKind? {
        func text(_ range: Range<Int>) -> String? { start.count >= range.upperBound ? String(decoding: start[range], as: UTF8.self) : nil }
        if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return zip(start) }
        // A pickle of protocol 2 to 5 begins with PROTO and is followed by an opcode; older ones with a mark or a global of a module.
        if start.count > 2, start[0] == 0x80, 2...5 ~= start[1] { return .pickle }
        if ["(dp", "(lp", "ccopy_reg\n", "ccollections\n", "c__builtin__\n", "ctorch"].contains(where: { start.starts(with: $0.utf8) }) { return .pickle }
        // Of a tar archive only the magic number, behind the first member's name.
        if let magic = text(257..<262), magic == "ustar" { return .archive("a tar") }
        if text(0..<4) == "RIFF", text(8..<12) == "WEBP" { return .image("a WebP") }
        if let brand = text(4..<12), brand.hasPrefix("ftyp") {
            if ["avif", "avis"].contains(brand.dropFirst(4)) { return .image("an AVIF") }
            if ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"].contains(brand.dropFirst(4)) { return .image("an HEIC") }
            return .document("a video or sound file (MP4)")
        }
        // Two letters are little: the size of a bitmap's second header, of which there are few.
        if text(0..<2) == "BM", start.count > 17, [12, 40, 52, 56, 64, 108, 124].contains(start[14]), start[15...17] == [0, 0, 0] { return .image("a BMP") }
        return signatures.first { start.starts(with: $0.0) }?.1
    }

    private static let signatures: [([UInt8], FileKind)] = [
        (Array("GGUF".utf8), .gguf), (Array("PAR1".utf8), .parquet), ([0x89] + Array("HDF\r\n".utf8), .hdf5), ([0x93] + Array("NUMPY".utf8), .numPy),
        ([0x89] + Array("PNG\r\n".utf8), .image("a PNG")), ([0xFF, 0xD8, 0xFF], .image("a JPEG")), (Array("GIF8".utf8), .image("a GIF")),
        (Array("II*\0".utf8), .image("a TIFF")), (Array("MM\0*".utf8), .image("a TIFF")), ([0xFF, 0x0A], .image("a JPEG XL")),
        ([0, 0, 0, 12] + Array("JXL ".utf8), .image("a JPEG XL")), ([0, 0, 0, 12] + Array("jP  ".utf8), .image("a JPEG 2000")),
        (Array("II+\0".utf8), .image("a TIFF")), (Array("MM\0+".utf8), .image("a TIFF")), (Array("8BPS".utf8), .image("a Photoshop")),
        (Array("%PDF-".utf8), .document("a PDF document")),
        ([0x1F, 0x8B], .archive("a gzip")), ([0x28, 0xB5, 0x2F, 0xFD], .archive("a Zstandard")), ([0xFD] + Array("7zXZ\0".utf8), .archive("an xz")),
        (Array("BZh".utf8), .archive("a bzip2")), (Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C], .archive("a 7-Zip")), (Array("Rar!".utf8), .archive("a RAR")),
        ([0x50, 0x4B, 0x05, 0x06], .document("an empty zip archive")), ([0x7F] + Array("ELF".utf8), .document("a program (ELF)")),
        (Array("OggS".utf8), .document("a sound file (Ogg)")), ([0x1A, 0x45, 0xDF, 0xA3], .document("a video file (Matroska)")),
    ]

    /// By the name of its first member.
    private static func zip(_ start: [UInt8]) -> FileKind {
        guard start.count > 30 else { return .archive("a zip") }
        let length = Int(start[26]) | Int(start[27]) << 8
        let name = String(decoding: start[30..<min(30 + length, start.count)], as: UTF8.self)
        if name.hasSuffix("data.pkl") || name.hasSuffix("/.format_version") || name.hasSuffix("/byteorder") { return .torchArchive }
        return name.hasSuffix(".npy") ? .numPy : .archive("a zip")
    }

    private static func text(_ start: [UInt8]) -> FileKind? {
        // UTF-16 of Latin letters is the letters with zeros between them.
        let isWide = start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF])
        var text = Substring(String(decoding: isWide ? start.dropFirst(2).filter { $0 != 0 } : start, as: UTF8.self))
        if text.hasPrefix("\u{FEFF}") { text = text.dropFirst() }
        text = text.drop { $0.isWhitespace }
        let lower = text.lowercased()
        if lower.hasPrefix("version https://git-lfs.github.com/") || lower.hasPrefix("version https://hawser.github.com/") { return .gitLFSPointer }
        if lower.hasPrefix("/annex/objects/") { return .gitAnnexPointer }
        if ["<!doctype html", "<html", "<head", "<body", "<script", "<title"].contains(where: lower.hasPrefix) { return .webPage }
        if lower.hasPrefix("<?xml") || lower.hasPrefix("<!doctype") || lower.hasPrefix("<!--") { return lower.contains("<html") ? .webPage : .xml }
        if lower.hasPrefix("<error") || lower.hasPrefix("<svg") { return .xml }
        let object = text.dropFirst().drop { $0.isWhitespace }
        guard text.hasPrefix("{"), object.hasPrefix("\"") || object.hasPrefix("}") else { return nil }
        return .json(beginning(text))
    }

    /// Somebody else's words, for a terminal: printable ASCII of one line.
    private static func beginning(_ text: Substring) -> String {
        let words = text.prefix(100).map { $0.isASCII && !$0.isWhitespace && $0.asciiValue! > 32 && $0.asciiValue! < 127 ? $0 : " " }
        return String(words) + (text.count > 100 ? "…" : "")
    }
}
