import Foundation
import Pages
import TestFiles
import Testing

@testable import Storage
@testable import Winners

@Suite struct TarArchiveTests {
    private func members(_ build: (inout TarBytes) -> Void) throws -> [String] {
        var tar = TarBytes()
        build(&tar)
        tar.end()
        return try TarArchive(bytes: tar.bytes, name: "a.tar").members.map { "\($0.path)=\(String(decoding: tar.bytes[$0.range], as: UTF8.self))" }
    }

    private func problem(_ build: (inout TarBytes) -> Void) -> TarError? {
        var tar = TarBytes()
        build(&tar)
        return #expect(throws: TarError.self) { try TarArchive(bytes: tar.bytes, name: "a.tar") }
    }

    @Test func everyWayToNameAFile() throws {
        let long = String(repeating: "long/", count: 40) + "ü.jpg"
        let found = try members {
            $0.file("plain.jpg", "1")
            $0.file("b.jpg", Array("2".utf8), prefix: "a/folder")
            $0.header("gnu.jpg", size: 1, prefix: "no prefix here", magic: "ustar  \0")
            $0.content(Array("3".utf8))
            $0.extended("mtime=1.5", "path=\(long)")
            $0.file("short", "4")
            $0.file("././@LongLink", Array((long + "\0").utf8), kind: "L")
            $0.file("short", "5")
            $0.file("after.jpg", "6")
            $0.file("empty.jpg", "")
        }
        #expect(found == ["plain.jpg=1", "a/folder/b.jpg=2", "gnu.jpg=3", "\(long)=4", "\(long)=5", "after.jpg=6", "empty.jpg="])
    }

    @Test func everyWayToSayASize() throws {
        let found = try members {
            $0.header("base256.jpg", size: 0, sizeField: [0x80] + [UInt8](repeating: 0, count: 10) + [3])
            $0.content(Array("abc".utf8))
            $0.extended("size=2")
            $0.header("pax.jpg", size: 0)
            $0.content(Array("de".utf8))
            $0.header("spaces.jpg", size: 0, sizeField: Array("         1 \0".utf8))
            $0.content(Array("f".utf8))
        }
        #expect(found == ["base256.jpg=abc", "pax.jpg=de", "spaces.jpg=f"])
    }

    @Test func onlyRegularFilesAreMembers() throws {
        let found = try members {
            $0.file("pax_global_header", Array("18 comment=aaaaaa\n".utf8), kind: "g")
            $0.header("folder/", size: 0, kind: "5")
            $0.header("old-folder/", size: 0)
            // Their sizes count for nothing: a header alone.
            for kind in "12346" { $0.header("kind\(kind)", size: 700, kind: kind) }
            $0.extended("path=of the link")
            $0.header("link", size: 0, kind: "2")
            $0.file("strange", Array("other".utf8), kind: "Z")
            $0.file("a.jpg", "1")
        }
        #expect(found == ["a.jpg=1"])
    }

    @Test func damageIsToldWithItsPlace() throws {
        let huge: [UInt8] = [0x80] + [UInt8](repeating: 0xFF, count: 11)
        let cases: [(TarError.Problem, Int, (inout TarBytes) -> Void)] = [
            (.empty, 0, { _ in }), (.notTar, 0, { $0.content(Array("no archive".utf8)) }),
            (.compressed(by: "gunzip"), 0, { $0.content([0x1F, 0x8B, 8]) }), (.compressed(by: "unzstd"), 0, { $0.content([0x28, 0xB5, 0x2F, 0xFD]) }),
            (
                .badChecksum, 1024,
                {
                    $0.file("a", "1"); $0.header("b", size: 0, sumOffset: 1)
                }
            ),
            (
                .badNumber(field: "size"), 1024,
                {
                    $0.file("a", "1"); $0.header("b", size: 0, sizeField: Array("7x000000000\0".utf8))
                }
            ),
            (
                .badNumber(field: "size"), 1024,
                {
                    $0.file("a", "1"); $0.header("b", size: 0, sizeField: huge)
                }
            ),
            (
                .truncated(member: "b"), 1024,
                {
                    $0.file("a", "1"); $0.header("b", size: 1)
                }
            ),
            (
                .truncated(member: "b"), 1024,
                {
                    $0.file("a", "1"); $0.header("b", size: 0o7777_7777_777)
                }
            ),
            (.truncated(member: "an extended header"), 1024, { $0.extended("path=b") }), (.sparse(member: "a"), 0, { $0.header("a", size: 0, kind: "S") }),
            (.sparse(member: "PaxHeader"), 0, { $0.extended("GNU.sparse.major=1") }),
            (.extendedHeaderTooLong(1 << 21), 0, { $0.file("a", [UInt8](repeating: 65, count: 1 << 21), kind: "x") }),
            (.badExtendedHeader("the size is not a number"), 0, { $0.extended("size=-1") }),
            (.badExtendedHeader("a record's length is wrong"), 0, { $0.file("a", Array("99 path=b\n".utf8), kind: "x") }),
            (.badExtendedHeader("a record's length is wrong"), 0, { $0.file("a", Array("0 path=b\n".utf8), kind: "x") }),
            (.badExtendedHeader("a record without ="), 0, { $0.file("a", Array("7 path\n".utf8), kind: "x") }),
        ]
        for (expected, offset, build) in cases {
            let error = problem(build)
            #expect(error?.problem == expected && error?.offset == offset && error?.path == "a.tar", "\(expected): \(error?.description ?? "")")
        }
        #expect(problem { $0.content([0x1F, 0x8B]) }?.description.contains("unpack it first with `gunzip`") == true)
    }

    /// Cut anywhere, an archive is refused or has a prefix of the members.
    @Test func cutOffAnywhere() throws {
        var tar = TarBytes()
        for number in 0..<3 { tar.file("\(number).jpg", [UInt8](repeating: 7, count: 700 * number)) }
        tar.end()
        let whole = try TarArchive(bytes: tar.bytes, name: "a.tar")
        #expect(whole.hasEnd && whole.members.count == 3)
        for length in 1..<tar.bytes.count {
            guard let cut = try? TarArchive(bytes: Array(tar.bytes.prefix(length)), name: "a.tar") else { continue }
            #expect(cut.members == Array(whole.members.prefix(cut.members.count)))
            #expect(cut.hasEnd ? cut.members.count == 3 : cut.members.last!.range.upperBound <= length)
        }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/tar")), arguments: ["ustar", "gnu", "pax"])
    func readsWhatTarWrites(format: String) throws {
        try withTemporaryFolder { folder in
            let files = [
                "a.jpg": 1, "sub/b.png": 511, "sub/ü.txt": 512, "deep/\(String(repeating: "x", count: 90))/\(String(repeating: "y", count: 90)).webp": 5000,
            ]
            for (name, size) in files {
                let file = folder.appendingPathComponent("in/" + name)
                try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(repeating: UInt8(size % 256), count: size).write(to: file)
            }
            try FileManager.default.createSymbolicLink(atPath: folder.path + "/in/link.jpg", withDestinationPath: "a.jpg")
            let tar = Process()
            tar.executableURL = URL(fileURLWithPath: "/usr/bin/tar")
            tar.arguments = ["--format=\(format)", "-cf", folder.path + "/a.tar", "-C", folder.path + "/in", "."]
            try tar.run()
            tar.waitUntilExit()
            let bytes = try Data(contentsOf: folder.appendingPathComponent("a.tar"))
            let archive = try TarArchive(folder.appendingPathComponent("a.tar"))
            let found = Dictionary(uniqueKeysWithValues: archive.members.map { (String($0.path.dropFirst(2)), Data(bytes[$0.range])) })
            #expect(found == files.mapValues { Data(repeating: UInt8($0 % 256), count: $0) })
        }
    }

    @Test func neverCrashesAndNeverLeadsOutside() throws {
        var tar = TarBytes()
        tar.extended("path=a/0.jpg", "size=600")
        tar.file("0.jpg", [UInt8](repeating: 1, count: 600))
        tar.file("././@LongLink", Array("b/1.jpg\0".utf8), kind: "L")
        tar.file("1.jpg", "x")
        tar.file("2.txt", "a caption")
        tar.end()
        var random = SeededGenerator(seed: 3)
        var accepted = 0
        var refused: [String: Int] = [:]
        for _ in 0..<20_000 {
            var bytes = tar.bytes
            for _ in 0...random.integer(below: 3) { Self.mutate(&bytes, &random) }
            do {
                for member in try TarArchive(bytes: bytes, name: "a.tar").members {
                    #expect(member.range.lowerBound >= 512 && member.range.upperBound <= bytes.count)
                }
                accepted += 1
            } catch {
                refused[String("\(error.problem)".prefix(20)), default: 0] += 1
            }
        }
        #expect(accepted > 1000 && refused.values.reduce(0, +) > 5000 && refused.count >= 8, "\(accepted) accepted, refused: \(refused)")
    }

    /// One change and, mostly, the checksum made good again: what is behind it would never be reached otherwise.
    private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        guard bytes.count > 512 else { return }
        let block = random.integer(below: bytes.count / 512) * 512
        let place = block + [random.integer(below: 512), 124 + random.integer(below: 12), 156, random.integer(below: 40)][random.integer(below: 4)]
        switch random.integer(below: 5) {
        case 0: bytes[place] ^= 1 << UInt8(random.integer(below: 8))
        case 1: bytes[place] = Array("0123457xLgS \0=".utf8)[random.integer(below: 14)]
        case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 3: bytes.removeLast(random.integer(below: min(1400, bytes.count - 512)))
        default: bytes.replaceSubrange(block..<block + 512, with: bytes[0..<512])
        }
        guard random.integer(below: 8) > 0, block + 512 <= bytes.count else { return }
        let sum = bytes[block..<block + 512].enumerated().reduce(0) { $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element)) }
        if bytes[block + 257] == UInt8(ascii: "u") { bytes.replaceSubrange(block + 148..<block + 156, with: Array(String(format: "%06o\0 ", sum).utf8)) }
    }
}
