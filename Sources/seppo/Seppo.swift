import Alignment
import ArgumentParser
import Foundation
import Torch

@main
struct Seppo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seppo",
        abstract: "Aligns diffusion models with people's taste from nothing but images they like.",
        discussion: """
            SePPO (Semi-Policy Preference Optimization, arXiv 2410.05255) fine-tunes a diffusion model with winning images alone. Start with

              seppo demo                  see it work on the built-in model, in minutes
              seppo align --model MODEL --winners FOLDER --output RUN
              seppo generate --model RUN/model --prompt "…" --output image.png

            Every option can stand in a YAML file given by --config, under the same name in snake_case; the command line wins.
            """,
        subcommands: [
            Demo.self, Align.self, Generate.self, Evaluate.self, Pretrain.self, Scenes.self, DataSets.self, Ablation.self, Convert.self,
            Inspect.self, Cache.self,
        ])

    static func main() {
        // Before the first tensor: the allocator's habits and the treatment of denormals hold for the whole process.
        Runtime.keepFreedMemory()
        Runtime.flushDenormals()
        // A file beyond the limit of `ulimit -f` is an error like a full disk, not an end without a word.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot(ConfigurationFile.expanded(Array(CommandLine.arguments.dropFirst())))
            try command.run()
        } catch let stop as StoppedBySignal {
            Console.line("\(stop)")
            Foundation.exit(128 + stop.number)
        } catch {
            // As `exit(withError:)` does, but through the console: an error may quote what others wrote.
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code == .success { print(message) } else if !message.isEmpty { Console.line(message) }
            Foundation.exit(code.rawValue)
        }
    }
}
