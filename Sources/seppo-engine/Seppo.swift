import Alignment
import ArgumentParser
import Commands
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
            Demo.self, Align.self, Generate.self, Evaluate.self, Score.self, Pretrain.self, Scenes.self, DataSets.self, Ablation.self, Convert.self,
            Inspect.self, Cache.self,
        ])

    static func main() {
        // Before the first tensor: the allocator's habits and the treatment of denormals hold for the whole process.
        ProcessMemory.keepFreed()
        Runtime.flushDenormals()
        let program = Program(Self.self, prepare: { try ($0 as? any RefusesIdleOptions)?.refuseIdleOptions($1) }, asUsage: asUsage)
        program.run(Array(CommandLine.arguments.dropFirst())) { ($0 as? StoppedBySignal).map { 128 + $0.number } }
    }
}
