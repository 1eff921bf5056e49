import Foundation
import TestFiles
import Testing

/// Of a picture of at most 64 megapixels, whatever its shape and kind, a command takes less than a gigabyte.
@Suite(.serialized) struct PictureMemoryTests {
    private let folder = TemporaryFolder()

    /// The answer of a sheet of one picture, and the most memory that was resident, in bytes (on Linux; elsewhere 0).
    private func sheet(_ picture: Data, _ name: String) throws -> (answer: Seppo.Answer, page: String, peak: Int) {
        try FileManager.default.createDirectory(at: folder.url("f"), withIntermediateDirectories: true)
        try picture.write(to: folder.url("f/\(name)"))
        _ = try folder.write("a caption", to: "f/picture.txt")
        let page = folder.url("sheet.html")
        let seppo = try Seppo(["data", "sheet", folder.url("f").path, "--output", page.path, "--resolution", "512"])
        var peak = 0
        while seppo.process.isRunning {
            let status = (try? String(contentsOfFile: "/proc/\(seppo.process.processIdentifier)/status", encoding: .utf8)) ?? ""
            if let found = status.firstMatch(of: /VmHWM:\s*([0-9]+)/), let kilobytes = Int(found.1) { peak = 1024 * kilobytes }
            usleep(2000)
        }
        return (try seppo.answer(), (try? String(contentsOf: page, encoding: .utf8)) ?? "", peak)
    }

    private func expectShown(_ picture: Data, _ name: String = "picture.png") throws {
        let (answer, page, peak) = try sheet(picture, name)
        #expect(answer.code == 0 && page.contains("data:image/png"), "\(answer.error) \(page.suffix(600))")
        #expect(peak < 1_000_000_000, "\(peak / 1_000_000) MB")
        print("a picture of \(picture.count) bytes: \(peak / 1_000_000) MB")
    }

    @Test func sixteenBitsWithAlpha() throws { try expectShown(HugePicture.png(8000, 8000, depth: 16, colour: 6)) }
    @Test func interlacedWithAlpha() throws { try expectShown(HugePicture.png(8000, 8000, colour: 6, isInterlaced: true)) }
    @Test func progressiveOfFourColours() throws { try expectShown(HugePicture.jpeg(8000, 8000, components: 4), "picture.jpg") }
    @Test func wide() throws { try expectShown(HugePicture.png(64_000, 1000)) }

    /// 80 bytes, of which the resized whole would take 6 GB as it was computed once.
    @Test func strips() throws {
        for (width, height) in [(1, 680), (680, 1), (1, 100_000), (100_000, 1)] {
            let (answer, page, peak) = try sheet(HugePicture.png(width, height), "picture.png")
            #expect(answer.code == 0 && page.contains("data:image/png") && peak < 300_000_000, "\(width) x \(height): \(peak) \(answer.error)")
        }
    }

    @Test func whatNeedsMoreIsRefusedWithItsSize() throws {
        for (picture, said) in [
            (HugePicture.png(13_000, 13_000, depth: 16, colour: 6), "13000 x 13000 pixels would take"),
            (HugePicture.png(20_000, 20_000), "20000 x 20000 pixels are more than the limit"),
            (HugePicture.png(1, 64_000_000, colour: 0), "so long and thin an image (1 x 64000000 pixels) is not supported"),
        ] {
            let (answer, page, peak) = try sheet(picture, "picture.png")
            #expect(answer.code == 0 && page.contains(said), "\(page.suffix(600))")
            #expect(peak < 300_000_000)
        }
    }
}
