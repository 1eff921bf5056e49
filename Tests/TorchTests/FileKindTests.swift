import Foundation
import Storage
import TestFiles
import Testing
import Torch

/// What files are by their first bytes.
@Suite struct FileKindTests {
    private let folder = TemporaryFolder()

    static let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(String(repeating: "ab", count: 32))\nsize 12634048\n"

    private static func zip(_ member: String) -> [UInt8] {
        [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + [UInt8(member.utf8.count), 0, 0, 0] + Array(member.utf8) + [1, 2, 3]
    }

    private static func tar() -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        block.replaceSubrange(257..<262, with: "ustar".utf8)
        return block
    }

    private static let utf16Page: [UInt8] = [0xFF, 0xFE] + Array("<html>".utf8).flatMap { [$0, 0] as [UInt8] }

    static let known: [([UInt8], FileKind)] = [
        (Array(pointer.utf8), .gitLFSPointer), (Array(pointer.replacingOccurrences(of: "\n", with: "\r\n").utf8), .gitLFSPointer),
        (Array("/annex/objects/SHA256E-s12--ab.png\n".utf8), .gitAnnexPointer),
        (zip("archive/data.pkl"), .torchArchive), (zip("pickle/data.pkl"), .torchArchive), (zip("a.npy"), .numPy), (zip("photo.jpg"), .archive("a zip")),
        // torch.save before 1.6, and Python 2's protocols.
        ([0x80, 2, 0x8A, 10], .pickle), ([0x80, 4, 0x95, 1], .pickle), (Array("ccollections\nOrderedDict\n".utf8), .pickle),
        (Array("(dp0\n".utf8), .pickle),
        (Array("<!DOCTYPE html>\n<html>".utf8), .webPage), (Array("\u{FEFF}\r\n  <HTML lang=en>".utf8), .webPage), (Self.utf16Page, .webPage),
        (Array("<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>".utf8), .xml), (Array("<!-- saved --><html>".utf8), .webPage),
        (Array("{\"error\":\"Unauthorized\"}".utf8), .json("{\"error\":\"Unauthorized\"}")), (Array("GGUF\u{3}\0\0\0".utf8), .gguf),
        ([0x89] + Array("HDF\r\n\u{1A}\n".utf8), .hdf5), ([0x1F, 0x8B, 8, 0], .archive("a gzip")),
        (Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C], .archive("a 7-Zip")),
        (tar(), .archive("a tar")), ([0x89] + Array("PNG\r\n\u{1A}\n".utf8), .image("a PNG")), ([0xFF, 0xD8, 0xFF, 0xE0], .image("a JPEG")),
        (Array("RIFF\0\0\0\0WEBPVP8 ".utf8), .image("a WebP")), ([0, 0, 0, 28] + Array("ftypavif".utf8), .image("an AVIF")), (Array("PAR1".utf8), .parquet),
    ]

    @Test(arguments: known.indices) func aFileIsKnownByItsStart(_ index: Int) throws {
        let (bytes, kind) = Self.known[index]
        #expect(FileKind(bytes) == kind)
        // A model's reader says so, whatever its name claims.
        let url = folder.url("model.safetensors")
        try Data(bytes).write(to: url)
        let error = #expect(throws: SafeTensorsError.self) { try SafeTensorsFile(url) }
        #expect(error?.problem == .otherKind(kind), "\(String(describing: error))")
        #expect(error?.description == "\(url.path): \(kind.sentence)")
    }

    /// The twin: what is none of these keeps its own reason, and what is well-formed is read.
    @Test(arguments: ["", "a photo of a cat", "[1, 2]", "#version: 0.2\na b\n", "RIFF\0\0\0\0WAVE", "version 2"])
    func otherBytesAreNothingKnown(_ text: String) { #expect(FileKind(Array(text.utf8)) == nil) }

    @Test func aHeaderOfAnyLengthIsNoOtherKind() throws {
        // Of 0x028B1F + … bytes: the length of the header begins as gzip files do.
        let length = 0x8B1F
        var header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
        header += String(repeating: " ", count: length - header.utf8.count)
        let url = folder.url("a.safetensors")
        try (withUnsafeBytes(of: UInt64(length).littleEndian) { Data($0) } + Data(header.utf8) + Data(count: 4)).write(to: url)
        #expect(FileKind(try RegularFile.start(of: url)) == .archive("a gzip"))
        #expect(try SafeTensorsFile(url).names == ["a"])
    }

    /// What a server wrote never reaches a terminal as it is.
    @Test func controlCharactersAreNotQuoted() {
        let kind = FileKind(Array("{\"a\":\"\u{1B}[31m\u{7}é\u{202E}\n\"}".utf8))
        #expect(kind == .json("{\"a\":\" [31m    \"}"), "\(String(describing: kind))")
    }

    @Test func pipesSocketsDevicesAndFoldersAreNotWaitedFor() throws {
        let pipe = folder.url("model.safetensors")
        try #require(mkfifo(pipe.path, 0o600) == 0)
        #expect(#expect(throws: SafeTensorsError.self) { try SafeTensorsFile(pipe) }?.problem == .notAFile)
        #expect(throws: UnreadableFile(path: pipe.path, problem: .pipe)) { try RegularFile.bytes(pipe) }
        #expect(throws: UnreadableFile(path: folder.url.path, problem: .folder)) { try RegularFile.bytes(folder.url) }
        #expect(throws: UnreadableFile(path: "/dev/zero", problem: .device)) { try RegularFile.start(of: URL(fileURLWithPath: "/dev/zero")) }
        #expect(throws: UnreadableFile(path: folder.url("no").path, problem: .missing)) { try RegularFile.text(folder.url("no")) }
    }

    @Test func aTextIsNoModel() throws {
        let url = folder.url("model.safetensors")
        try Data("Entry not found".utf8).write(to: url)
        let error = #expect(throws: SafeTensorsError.self) { try SafeTensorsFile(url) }
        #expect(error?.problem == .otherKind(.text("Entry not found")))
        #expect(FileKind(Array("Entry not found".utf8)) == nil && FileKind(notText: [0x81, 1, 2, 3]) == nil)
    }

    @Test func textIsUTF8OrRefused() throws {
        let url = folder.url("text")
        try Data("\u{FEFF}a\n".utf8).write(to: url)
        #expect(try RegularFile.text(url) == "a\n")
        try "a photo".write(to: url, atomically: true, encoding: .utf16)
        #expect(throws: UnreadableFile(path: url.path, problem: .notUTF8(.utf16))) { try RegularFile.text(url) }
        #expect(throws: UnreadableFile(path: url.path, problem: .tooLarge(16, limit: 8))) { try RegularFile.text(url, atMost: 8) }
    }
}
