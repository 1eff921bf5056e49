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
        do {
            let arguments = Array(CommandLine.arguments.dropFirst())
            let expanded = try ConfigurationFile.expanded(arguments)
            var command = try parseAsRoot(expanded)
            try (command as? any RefusesIdleOptions)?.refuseIdleOptions(GivenOptions(arguments, expanded: expanded))
            try command.run()
        } catch let stop as StoppedBySignal {
            Console.line("\(stop)")
            Foundation.exit(128 + stop.number)
        } catch {
            end(asUsage(error))
        }
    }

    /// Foundation's errors in one line: the file, and the system's reason where there is one.
    private static func plain(_ error: CocoaError) -> String {
        let reason = (error.underlying as? POSIXError).map { String(cString: strerror($0.code.rawValue)) } ?? error.localizedDescription
        let path = error.filePath ?? error.url?.path
        return path.map { "\($0): \(reason)" } ?? reason
    }

    /// Ends with an error's message and code. A help that was asked for is a result.
    private static func end(_ error: any Error) -> Never {
        let (code, message) = (exitCode(for: error), (error as? CocoaError).map { "Error: \(plain($0))" } ?? fullMessage(for: error))
        if code.isSuccess {
            do {
                try Console.result(message)
            } catch {
                end(error)
            }
        } else if !message.isEmpty {
            Console.line(message)
        }
        Foundation.exit(code.rawValue)
    }
}
