import Media
import Testing

@Suite struct SheetTests {
    @Test func everyImageStandsInItsCellAndTheRestIsWhite() {
        let images = (0..<5).map { index in RGBImage(width: 3, height: 2, pixels: (0..<18).map { UInt8(index * 20 + $0) }) }
        let sheet = RGBImage.sheet(images, columns: 3, gap: 1)
        #expect((sheet.width, sheet.height) == (11, 5))
        for (index, image) in images.enumerated() {
            #expect(sheet.cropped(x: index % 3 * 4, y: index / 3 * 3, width: 3, height: 2) == image)
        }
        let emptyCell = sheet.cropped(x: 8, y: 3, width: 3, height: 2)
        let gapRow = sheet.cropped(x: 0, y: 2, width: 11, height: 1)
        #expect((emptyCell.pixels + gapRow.pixels).allSatisfy { $0 == 255 })
    }
}
