import Foundation
import Media
import Testing
import Winners

@testable import Experiments

@Suite struct CaptionedImagesTests {
    @Test func readsAFolderAndListsWhatItLeavesOut() throws {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: place) }
        // Left half red, right half blue, twice as wide as high: the middle square keeps both.
        let row: [UInt8] = Array(repeating: [255, 0, 0], count: 16).flatMap { $0 } + Array(repeating: [0, 0, 255], count: 16).flatMap { $0 }
        try RGBImage(width: 32, height: 16, pixels: Array(repeating: row, count: 16).flatMap { $0 }).writePNG(to: place.appendingPathComponent("a.png"))
        try Data("no picture".utf8).write(to: place.appendingPathComponent("b.png"))
        try Data((#"{"file_name": "b.png", "text": "broken"}"# + "\n" + #"{"file_name": "a.png", "text": "two colours"}"#).utf8)
            .write(to: place.appendingPathComponent("metadata.jsonl"))

        var skips: [Skip] = []
        let corpus = try CaptionedImages(WinnerSet.list(place), side: 16) { skips.append($0) }
        #expect(corpus.captions == ["two colours"])
        #expect(corpus.images.shape == [1, 3, 16, 16])
        #expect(skips.map(\.file) == ["b.png"])
        let image = corpus.batch([0])
        #expect(image.values(Float.self).prefix(16).elementsEqual(Array(repeating: 1, count: 8) + Array(repeating: -1, count: 8)))

        #expect(throws: WinnerSetError.self) { try CaptionedImages(WinnerSet.list(place), side: 16, limit: 1) }
    }
}
