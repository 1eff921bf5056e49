import ArgumentParser
import Foundation
import Torch

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a model in another form: a diffusers folder, or a single file.",
        discussion: """
            Reads whatever --model takes elsewhere: a diffusers folder (half precision, variants and shards among them), a Stable Diffusion 1.x \
            model in a single safetensors file, the built-in model. Writes single precision. A single file is written where it can tell all there \
            is to the model, which is to say for Stable Diffusion 1.x.

              seppo convert --model ./liked.safetensors --output ./liked
              seppo convert --model runs/mine/model --output mine.safetensors
              seppo convert --model ./stable-diffusion-v1-5 --lora style.safetensors --output ./with-style
            """)

    @OptionGroup var model: ModelOptions
    @Option(help: "A folder, or a file that ends in .safetensors; not there yet.", transform: Place.url) var output: URL
    @OptionGroup var common: CommonOptions

    func validate() throws {
        var use = FileUse()
        model.reads(&use)
        common.reads(&use)
        use.writes("--output", output)
        try use.checkUsage()
        try Output.checkNew(output)
    }

    func run() throws {
        let pipeline = try model.pipeline()
        if output.pathExtension == "safetensors" {
            try FileManager.default.createDirectory(at: output.deletingLastPathComponent(), withIntermediateDirectories: true)
            try pipeline.write(singleFile: output)
        } else {
            try pipeline.write(to: output)
        }
        Console.print(output.path)
    }
}
