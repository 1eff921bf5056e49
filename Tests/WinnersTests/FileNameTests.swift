import Foundation
import TestFiles
import Testing
import Winners

@Suite struct FileNameTests {
    @Test(arguments: ["jfif", "JFIF", "jpe", "jpg"]) func aJPEGIsReadUnderEachOfItsNames(name: String) throws {
        try withTemporaryFolder { folder in
            try Data(Fixtures.bytes("444.jpg")).write(to: folder.appendingPathComponent("a.\(name)"))
            try Data("a picture".utf8).write(to: folder.appendingPathComponent("a.txt"))
            #expect(try WinnerSet.list(folder).winners.map(\.image.name) == ["a.\(name)"])
            try Data("{\"file_name\": \"a.\(name)\", \"text\": \"a picture\"}".utf8).write(to: folder.appendingPathComponent("metadata.jsonl"))
            #expect(try WinnerSet.list(folder).winners[0].image.image(fittedTo: 8).width == 8)
        }
    }
}
