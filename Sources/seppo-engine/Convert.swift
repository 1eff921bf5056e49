import ArgumentParser
import Commands
import Diffusion
import Foundation
import Storage
import Torch

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a model in another form, a diffusers folder or a single file; or a LoRA under other names.",
        discussion: """
            Reads whatever --model takes elsewhere: a diffusers folder (half precision, variants and shards among them), a Stable Diffusion 1.x \
            model in a single safetensors file, the built-in model. Writes single precision. A single file is written where it can tell all there \
            is to the model, which is to say for Stable Diffusion 1.x.

              seppo convert --model ./liked.safetensors --output ./liked
              seppo convert --model runs/mine/model --output mine.safetensors
              seppo convert --model ./stable-diffusion-v1-5 --lora style.safetensors --output ./with-style

            With --names and no --model, a LoRA of any naming is written under kohya's names, which most programs read, or diffusers'.

              seppo convert --lora style.safetensors --output style-kohya.safetensors --names kohya
            """)

    @OptionGroup var model: ModelOptions
    @Option(help: "A folder, or a file that ends in .safetensors; not there yet.", transform: Place.url) var output: URL
    @Option(help: "Write --lora itself, under these names: kohya or diffusers.") var names: LoRA.Naming?
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try checkNames()
        var use = FileUse()
        model.reads(&use)
        common.reads(&use)
        use.writes("--output", output)
        try use.checkUsage()
        try Output.checkNew(output)
    }

    private func checkNames() throws {
        guard let names else { return try model.requireModel() }
        guard model.lora != nil else { throw ValidationError("--names \(names.rawValue) is for a LoRA: give --lora") }
        guard model.model.isEmpty else { throw ValidationError("--names writes the LoRA by itself: leave --model out") }
        guard model.loraScale == 1 else { throw ValidationError("--names writes the LoRA as it is: leave --lora-scale out") }
        guard output.pathExtension == "safetensors" else { throw ValidationError("--output of a LoRA must end in .safetensors") }
    }

    func run() throws {
        if let names, let lora = model.lora {
            let adapters = try LoRA.File(lora)
            try createFolder(output.deletingLastPathComponent())
            try adapters.write(names, to: output)
            return Console.print(output.path)
        }
        let pipeline = try model.pipeline(on: Placement())
        if output.pathExtension == "safetensors" {
            try createFolder(output.deletingLastPathComponent())
            try pipeline.write(singleFile: output)
        } else {
            try pipeline.write(to: output)
        }
        Console.print(output.path)
    }
}
