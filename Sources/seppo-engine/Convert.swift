import ArgumentParser
import Commands
import Diffusion
import Foundation
import Storage
import Torch

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a model in another form, a diffusers folder or a single file; a LoRA under other names; or a torch checkpoint as safetensors.",
        discussion: """
            Reads whatever --model takes elsewhere: a diffusers folder (half precision, variants and shards among them), a Stable Diffusion 1.x \
            model in a single safetensors file, the built-in model. Writes single precision. A single file is written where it can tell all there \
            is to the model, which is to say for Stable Diffusion 1.x.

              seppo convert --model ./liked.safetensors --output ./liked
              seppo convert --model runs/mine/model --output mine.safetensors
              seppo convert --model ./stable-diffusion-v1-5 --lora style.safetensors --output ./with-style

            With --names and no --model, a LoRA of any naming is written under kohya's names, which most programs read, or diffusers'.

              seppo convert --lora style.safetensors --output style-kohya.safetensors --names kohya

            With a checkpoint of torch (.pt, .pth, .ckpt, .bin), its tensors as they are. It is read as data: nothing in it is executed, and one that \
            holds anything beside tensors in dictionaries and lists is refused with what that is.

              seppo convert sac+logos+ava1-l14-linearMSE.pth --output aesthetic.safetensors
            """)

    @ArgumentParser.Argument(help: "A torch checkpoint, whose tensors are written as safetensors.", transform: Place.url) var checkpoint: URL?

    @OptionGroup var model: ModelOptions
    @Option(help: "A folder, or a file that ends in .safetensors; not there yet.", transform: Place.url) var output: URL
    @Option(help: "Write --lora itself, under these names: kohya or diffusers.") var names: LoRA.Naming?
    @OptionGroup var common: CommonOptions

    func validate() throws {
        try checkpoint == nil ? checkNames() : checkAlone()
        var use = FileUse()
        use.reads("the checkpoint", checkpoint)
        model.reads(&use)
        common.reads(&use)
        use.writes("--output", output)
        try use.checkUsage()
        try Output.checkNew(output)
    }

    private func checkAlone() throws {
        guard model.model.isEmpty, model.lora == nil, model.motion == nil, model.base == nil, names == nil else {
            throw ValidationError("a checkpoint is written as it is: leave --model, --base, --lora, --motion and --names out")
        }
        guard output.pathExtension == "safetensors" else { throw ValidationError("--output of a checkpoint must end in .safetensors") }
    }

    private func checkNames() throws {
        guard let names else { return try model.requireModel() }
        guard model.lora != nil else { throw ValidationError("--names \(names.rawValue) is for a LoRA: give --lora") }
        guard model.model.isEmpty else { throw ValidationError("--names writes the LoRA by itself: leave --model out") }
        guard model.loraScale == 1 else { throw ValidationError("--names writes the LoRA as it is: leave --lora-scale out") }
        guard output.pathExtension == "safetensors" else { throw ValidationError("--output of a LoRA must end in .safetensors") }
    }

    func run() throws {
        if let checkpoint { return try write(TorchCheckpoint(checkpoint)) }
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

    private func write(_ checkpoint: TorchCheckpoint) throws {
        if !checkpoint.ignored.isEmpty {
            let (named, count) = (checkpoint.ignored.prefix(8).joined(separator: ", "), checkpoint.ignored.count)
            Console.line("not tensors, and not written: \(named)" + (count > 8 ? " and \(count - 8) more" : ""))
        }
        try createFolder(output.deletingLastPathComponent())
        let digest = try fileDigest(checkpoint.url)
        try SafeTensors.write(
            checkpoint.names.map { ($0, try checkpoint.tensor($0)) }, metadata: ["format": "pt", "source_sha256": digest], to: output)
        Console.print("\(checkpoint.names.count) tensors in \(output.path)")
    }
}
