import Alignment
import ArgumentParser
import Foundation
import Storage
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
        Console.openStandardStreams()
        // Before the first tensor: the allocator's habits and the treatment of denormals hold for the whole process.
        ProcessMemory.keepFreed()
        Runtime.flushDenormals()
        // A file beyond the limit of `ulimit -f` is an error like a full disk, not an end without a word.
        signal(SIGXFSZ, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            let expanded = try ConfigurationFile.expanded(arguments)
            var command = try parseAsRoot(expanded)
            try (command as? any RefusesIdleOptions)?.refuseIdleOptions(GivenOptions(arguments, expanded: expanded))
            try command.run()
        } catch let stop as StoppedBySignal {
            Console.line("\(stop)")
            Foundation.exit(128 + stop.number)
        } catch {
            end(asUsage(error), arguments)
        }
    }

    /// Foundation's errors in one line: the file, and the system's reason where there is one.
    private static func plain(_ error: CocoaError) -> String {
        let reason = (error.underlying as? POSIXError).map { String(cString: strerror($0.code.rawValue)) } ?? error.localizedDescription
        let path = error.filePath ?? error.url?.path
        return path.map { "\($0): \(reason)" } ?? reason
    }

    /// An error with the usage of the command that these arguments begin with, where it is one of usage.
    private static func message(_ error: any Error, _ arguments: [String]) -> String {
        // The parser's own errors know their command.
        guard let error = error as? ValidationError else { return (error as? CocoaError).map { "Error: \(plain($0))" } ?? fullMessage(for: error) }
        let (names, command) = DeclaredOptions.command(of: arguments)
        let help = (["seppo"] + names + ["--help"]).joined(separator: " ")
        return "Error: \(error.message)\nUsage: \(usageString(for: command))\n  See '\(help)' for more information."
    }

    /// Ends with an error's message and code. A help that was asked for is a result.
    private static func end(_ error: any Error, _ arguments: [String]) -> Never {
        let (code, message) = (exitCode(for: error), message(error, arguments))
        if code.isSuccess {
            do {
                try Console.result(message)
            } catch {
                end(error, arguments)
            }
        } else if !message.isEmpty {
            Console.line(message)
        }
        Foundation.exit(code.rawValue)
    }
}
