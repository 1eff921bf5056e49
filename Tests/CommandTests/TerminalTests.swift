import Foundation
import Media
import Storage
import TestFiles
import Testing
import Torch

/// What others wrote never steers the terminal on which it is shown.
@Suite struct TerminalTests {
    private let folder = TemporaryFolder()
    /// Clears the screen, sets a title, goes up a line, turns the direction of writing, begins a line of its own.
    static let hostile = "a\u{1B}[2J\u{1B}]0;title\u{7}\u{9B}1A\u{202E}gnp\u{2066}\u{7F}\r\nWARNING: x"

    /// Lines whose every sign is to be read.
    private func expectHarmless(_ answer: Seppo.Answer, _ what: String) {
        for text in [answer.out, answer.error] {
            let orders = text.unicodeScalars.filter { scalar in
                scalar != "\n" && (scalar.properties.generalCategory == .control || scalar.properties.isBidiControl)
            }
            #expect(orders.isEmpty, "\(what): \(text.debugDescription)")
            #expect(!text.split(separator: "\n").contains { $0.hasPrefix("WARNING") }, "\(what): \(text.debugDescription)")
        }
    }

    @Test func dataSets() throws {
        let data = folder.url("data")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        let picture = Data(try RGBImage(width: 8, height: 8, pixels: Array(repeating: 9, count: 192)).encodedPNG())
        let files = [("good", picture), ("bad", Data("no picture".utf8)), ("alone", picture)]
        for (name, bytes) in files.map({ ("\($0)\(Self.hostile).png", $1) }) {
            try bytes.write(to: data.appendingPathComponent(name))
            guard !name.hasPrefix("alone") else { continue }
            let caption = data.appendingPathComponent(name).deletingPathExtension().appendingPathExtension("txt")
            try Data("a caption \(Self.hostile)".utf8).write(to: caption)
        }
        for arguments in [["data", "check"], ["data", "show"], ["inspect"], ["data", "convert", "--output", folder.url("out").path]] {
            let answer = try Seppo.run(Array(arguments.prefix(2 - (arguments[0] == "inspect" ? 1 : 0))) + [data.path] + arguments.dropFirst(2))
            expectHarmless(answer, "\(arguments)")
            #expect((answer.out + answer.error).contains("\\u{1B}[2J") || arguments.contains("convert"), "\(arguments): \(answer)")
        }
        let shown = try #require(try Seppo.run("inspect", data.path, "--json").json)
        let captions = (shown["dataset"] as? [String: Any])?["first_captions"] as? [String]
        #expect(captions?.first?.contains("\u{1B}") == true, "JSON holds the caption as it is")
    }

    @Test func tensorNames() throws {
        let file = folder.url("weights\(Self.hostile).safetensors")
        try SafeTensors.write([(Self.hostile, Tensor.range(3))], metadata: [Self.hostile: Self.hostile], to: file)
        let inspected = try Seppo.run("inspect", file.path)
        expectHarmless(inspected, "inspect")
        #expect(inspected.out.contains("\\u{1B}[2J"))
        for arguments in [
            ["convert", "--model", file.path, "--output", folder.url("x").path],
            ["generate", "--model", file.path, "--prompt", "a", "--output", "x.png"],
        ] {
            let answer = try Seppo.run(arguments)
            #expect(answer.code == 1)
            let orders = (answer.out + answer.error).unicodeScalars.filter {
                $0 != "\n" && ($0.properties.generalCategory == .control || $0.properties.isBidiControl)
            }
            #expect(orders.isEmpty, "\(answer.error.debugDescription)")
        }
    }

    @Test func argumentsAndOptions() throws {
        expectHarmless(try Seppo.run("data", "check", "/nowhere/\(Self.hostile)"), "a path")
        let yaml = try folder.write("\"a\\u001b[2Jb\": 3\n", to: "options.yaml")
        let answer = try Seppo.run("align", "--config", yaml, "--winners", "w", "--model", "scenes", "--output", "o")
        #expect(answer.code == 64)
        #expect(!answer.error.contains("\u{1B}"), "\(answer.error.debugDescription)")
        // Our own lines stay lines.
        #expect(try Seppo.run("--help").out.split(separator: "\n").count > 20)
    }

    @Test func whatIsPrintable() {
        #expect("a\u{1B}[31m\u{9B}\u{7F}\n\tb".printable == "a\\u{1B}[31m\\u{9B}\\u{7F}\\u{A}\\u{9}b")
        #expect("one\ntwo\r\u{2028}".printableLines == "one\ntwo\\u{D}\\u{2028}")
        #expect("a\r\nb".printableLines == "a\\u{D}\nb")
        #expect("\u{202E}\u{2066}\u{200F}\u{61C}".printable == "\\u{202E}\\u{2066}\\u{200F}\\u{61C}")
        for text in ["", "a photo of a cat", "café Ελλάδα 東京 العربية 👩‍👩‍👧 नमस्ते e\u{301}"] { #expect(text.printable == text) }
    }
}
