import ArgumentParser
import Torch

@main
struct Seppo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seppo",
        abstract: "Aligns diffusion models with people's taste from nothing but images they like.",
        subcommands: [Pretrain.self])

    static func main() {
        // Before the first tensor: the allocator's habits and the treatment of denormals hold for the whole process.
        Runtime.keepFreedMemory()
        Runtime.flushDenormals()
        main(nil)
    }
}
