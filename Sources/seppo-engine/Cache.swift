import ArgumentParser
import Commands
import Encoding
import Foundation
import Storage

struct Cache: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a cache of encoded winners holds, or clear it.",
        discussion: """
            Runs keep the latents of images and the text states of captions in OUTPUT/cache, or where --cache told them to. What is cleared is made \
            again when a run needs it.

              seppo cache runs/liked/cache
              seppo cache ~/seppo-cache --clear --older-than 30
            """)

    @Argument(help: "The folder.", transform: Place.url) var folder: URL
    @Flag(help: "Remove what it holds.") var clear = false
    @Option(help: ArgumentHelp("With --clear: only what was not used for that many days.", valueName: "days")) var olderThan: Double?
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try require("older-than", olderThan, in: 0...1_000_000)
    }

    func run() throws {
        let cache = EncodingCache(folder)
        let removed = clear ? try cache.clear(unusedFor: (olderThan ?? 0) * 86400) : nil
        let held = try cache.contents()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return try Console.result(json: encoder.encode(Answer(held: held, removed: removed)))
        }
        if let removed { Console.print("removed from \(folder.path): \(Self.text(removed))") }
        try Console.result("\(folder.path): \(Self.text(held))")
    }

    private struct Answer: Encodable {
        let held: EncodingCache.Contents
        let removed: EncodingCache.Contents?
    }

    private static func text(_ contents: EncodingCache.Contents) -> String {
        func size(_ part: EncodingCache.Contents.Part) -> String {
            part.bytes < 10 << 20 ? "\((part.bytes + 1023) / 1024) KB" : "\(part.bytes >> 20) MB"
        }
        let (latents, states) = (contents.latents, contents.states)
        return "latents of \(latents.files) images (\(size(latents))), text states of \(states.files) captions (\(size(states)))"
    }
}
