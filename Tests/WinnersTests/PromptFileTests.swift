import Foundation
import TestFiles
import Testing

@testable import Winners

@Suite struct PromptFileTests {
    private let folder = TemporaryFolder()

    private func prompts(_ bytes: [UInt8]) throws -> PromptFile {
        try Data(bytes).write(to: folder.url("prompts.txt"))
        return try PromptFile(folder.url("prompts.txt"))
    }

    private func refusal(_ bytes: [UInt8]) -> String? {
        do {
            _ = try prompts(bytes)
            return nil
        } catch {
            return "\(error)".replacingOccurrences(of: folder.url.path + "/", with: "")
        }
    }

    @Test func optionsOfSdScripts() throws {
        let file = try prompts(Array("# mine\na cat on a roof --n blurry, bad --w 24 --h 16 --d 7 --l 3.5 --s 2\n\n  a dog --D 8\nplain\n#".utf8))
        var cat = PromptFile.Prompt("a cat on a roof")
        (cat.negative, cat.width, cat.height, cat.seed, cat.guidance, cat.steps) = ("blurry, bad", 24, 16, 7, 3.5, 2)
        var dog = PromptFile.Prompt("a dog")
        dog.seed = 8
        #expect(file.prompts == [cat, dog, PromptFile.Prompt("plain")] && file.comments == 2)
    }

    @Test func dashesThatAreNoOptions() throws {
        for text in ["a dog -- happy", "a well-known--dog", "a --- b", "--- a", "- a", "a-b --"] {
            #expect(try prompts(Array(text.utf8)).prompts == [PromptFile.Prompt(text)])
        }
    }

    @Test func lines() throws {
        let file = try prompts([0xEF, 0xBB, 0xBF] + Array("a\r\nb\rc\u{B}d\u{2028}e\u{85}f\n\ng".utf8))
        #expect(file.prompts.map(\.text) == ["a", "b", "c\u{B}d\u{2028}e\u{85}f", "g"])
    }

    @Test(arguments: [
        ("a\nb --w wide", "prompts.txt:2: --w takes a whole number from 8 to 16384, not wide"),
        ("a --s 0", "prompts.txt:1: --s takes a whole number from 1 to 1000, not 0"),
        ("a --h 99999999999999999999", "prompts.txt:1: --h takes a whole number from 8 to 16384, not 99999999999999999999"),
        ("a --d -1", "prompts.txt:1: --d takes a whole number from 0 to 18446744073709551615, not -1"),
        ("a --l nan", "prompts.txt:1: --l takes a number from 0 to 1000, not nan"), ("a --l", "prompts.txt:1: --l takes a number from 0 to 1000, not nothing"),
        ("a --w 8 --w 16", "prompts.txt:1: --w stands twice"), ("\n--n b", "prompts.txt:2: no prompt stands before --n"), ("", "prompts.txt: holds no prompt"),
        ("# a\n \n", "prompts.txt: holds no prompt"),
    ])
    func refused(_ text: String, _ reason: String) { #expect(refusal(Array(text.utf8)) == reason) }

    @Test func unknownOptionsAreNoWords() {
        for option in ["--ss euler_a", "--cn x.png", "--negative_prompt b", "--steps=30"] {
            let name = option.prefix { $0 != " " && $0 != "=" }
            #expect(refusal(Array("a cat \(option)".utf8))?.hasPrefix("prompts.txt:1: \(name) is not understood") == true)
        }
    }

    @Test func encodings() {
        #expect(refusal([0xFF, 0xFE] + "a cat".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }) == "prompts.txt: is UTF-16, not UTF-8: save it as UTF-8")
        #expect(refusal(Array("a\ncaf".utf8) + [0xE9]) == "prompts.txt: is not UTF-8 (line 2): save it as UTF-8")
    }

    @Test func filesThatAreNone() {
        #expect(mkfifo(folder.url("pipe").path, 0o600) == 0)
        #expect(throws: PromptFileError.self) { try PromptFile(folder.url("pipe")) }
        #expect(throws: PromptFileError(file: folder.url("no").path, reason: "does not exist")) { try PromptFile(folder.url("no")) }
    }
}
