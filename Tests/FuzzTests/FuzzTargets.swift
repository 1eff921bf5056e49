import Foundation
import Layers
import TestFiles
import TestSupport
import Torch

@testable import Alignment
@testable import Diffusion
@testable import Media
@testable import Networks
@testable import Reports
@testable import Storage
@testable import Tokenizers
@testable import Winners
@testable import Commands
@testable import seppo_engine

/// Every parser of outside bytes that is ours. Another one is another entry.
enum FuzzTargets {
    static let faultyVariable = "SEPPO_FUZZ_FAULTY"

    static var all: [FuzzTarget] {
        if ProcessInfo.processInfo.environment[faultyVariable] == "1" { return faulty }
        let every = weights + configurations + tokenizers + tables + [prompts, shard, digests] + images + clips + runs
        // Those alone whose names begin so.
        guard let beginning = ProcessInfo.processInfo.environment["SEPPO_FUZZ_ONLY"] else { return every }
        return every.filter { $0.name.hasPrefix(beginning) }
    }

    /// Parsers that are wrong, to see that it is noticed.
    nonisolated(unsafe) private static var eaten: [UInt8] = []

    static let faulty = [
        FuzzTarget(name: "trap", seeds: [text("a")]) { _ in _ = [Int]()[Int.random(in: 1...2)] },
        FuzzTarget(name: "hang", seeds: [text("a")]) { _ in while true { usleep(1000) } },
        FuzzTarget(name: "glutton", seeds: [text("a")]) { _ in
            // Where the optimiser cannot see that nobody looks at it.
            eaten = [UInt8](repeating: .random(in: 1...2), count: 150 << 20)
        },
        FuzzTarget(name: "none", seeds: [text("a")]) { _ in },
    ]

    // MARK: Weights

    private static let weights = [
        FuzzTarget(
            name: "safetensors", seeds: files("tensor_files", ".safetensors") + [headerAndData], words: safeTensorsWords, repair: Repairs.headerLength
        ) { file in
            for tensor in try SafeTensorsFile(file).all().values { touch(tensor) }
        },
        FuzzTarget(
            name: "torch-checkpoint", seeds: files("checkpoints", "mixed.pt") + files("checkpoints", "-legacy.pt") + files("checkpoints", ".pth"),
            words: ["ctorch\nHalfStorage\n", "ccollections\nOrderedDict\n", "state_dict"]
        ) { file in
            let checkpoint = try TorchCheckpoint(file)
            for name in checkpoint.names { _ = try checkpoint.tensor(name).sum() }
        },
        FuzzTarget(name: "shards", seeds: shards, isText: true, words: ["weight_map", "a.safetensors", "b.safetensors", ".safetensors"]) { file in
            let files = try WeightFiles(in: file.deletingLastPathComponent(), stem: "model")
            for tensor in try files.all().values { touch(tensor) }
        },
        FuzzTarget(name: "single-file", seeds: [singleFile], words: safeTensorsWords, repair: Repairs.headerLength) { file in
            try SingleFile(file).check()
        },
        FuzzTarget(
            name: "lora", seeds: adapters,
            words: safeTensorsWords + [
                "lora_A.weight", ".lora.up.weight", "lora_unet_", ".alpha", "unet.", "to_q", "lora_adapter_metadata", "ss_network_alpha",
            ],
            repair: Repairs.headerLength
        ) { file in
            _ = try pipeline.get().merged(LoRA.File(file))
        },
    ]

    private static let safeTensorsWords = [
        "__metadata__", "dtype", "shape", "data_offsets", "\"F32\"", "\"BOOL\"", "\"F4\"", "[0,0]", "[]", "{", "}", "\"", "\\u", "9223372036854775807", "-",
        ",", ".weight",
    ]

    private static func touch(_ tensor: Tensor) {
        // To the last byte, which must be the file's.
        _ = tensor.withUnsafeBytes { $0.reduce(0) { $0 ^ $1 } }
    }

    private static let motionModules = written("motion.safetensors") { url in
        var configuration = UNetConfiguration()
        (configuration.channels, configuration.layersPerBlock, configuration.groups, configuration.heads) = ([4], [1], 2, [2])
        (configuration.downAttention, configuration.upAttention, configuration.transformerDepth) = ([true], [true], [1])
        (configuration.onlyCrossAttention, configuration.crossAttentionChannels) = ([false], 4)
        configuration.motion = MotionConfiguration(layers: [1], heads: [2], depth: [1], maximumFrames: 4)
        let store = ParameterStore(seed: 1, isTrainable: false)
        _ = try store.build { UNet($0, configuration) }
        try SafeTensors.write(store.parameters.filter { MotionConfiguration.owns($0.name) }, to: url)
    }

    private static let headerAndData = written("model.safetensors") { url in
        let tensors = [
            ("a", Tensor.range(6).reshaped([2, 3])), ("b", Tensor([true, false])), ("c.weight", Tensor.range(4, on: Placement(.cpu, .int64))),
            ("d", .zeros([0, 2])),
        ]
        try SafeTensors.write(tensors, metadata: ["format": "pt", "k": "é"], to: url)
    }

    private static let shards: [FuzzTarget.Seed] = {
        let shard = { (names: [String]) in written("x") { try SafeTensors.write(names.map { ($0, Tensor.ones([2])) }, to: $0) } }
        let others = ["a.safetensors": Data(shard(["one", "two"]).bytes), "b.safetensors": Data(shard(["three"]).bytes)]
        let index = #"{"metadata": {"total_size": 24}, "weight_map": {"one": "a.safetensors", "two": "a.safetensors", "three": "b.safetensors"}}"#
        return [FuzzTarget.Seed(path: "model.safetensors.index.json", bytes: Array(index.utf8), others: others)]
    }()

    /// The header alone; its data are zeros.
    private static let singleFile: FuzzTarget.Seed = {
        let whole = written("model.safetensors") { url in
            try SmallStableDiffusion.pipeline().write(singleFile: url)
        }
        let header = 8 + Int(whole.bytes.prefix(8).littleEndian())
        return FuzzTarget.Seed(path: whole.path, bytes: Array(whole.bytes[..<header]), length: whole.bytes.count)
    }()

    // Read once, by one thread.
    private nonisolated(unsafe) static let pipeline = Result { try Pipeline.load(Fixture.folder.appendingPathComponent("pipeline/model")) }

    private static let adapters: [FuzzTarget.Seed] = {
        let layers = LoRA.layers([.attention], of: try! pipeline.get().unetTensors).filter { $0.key.hasPrefix("mid_block") }
        let own = LowRankAdapters(rank: 1, alpha: 1, layers: layers, seed: 5)
        let peft = written("peft.safetensors") { try LoRA.write(own, naming: .diffusers, to: $0) }
        let kohya = written("kohya.safetensors") { try LoRA.write(own, to: $0) }
        let stated = written("stated.safetensors") { url in
            let object = #"{"unet.r": 1, "unet.lora_alpha": 2, "unet.alpha_pattern": {"to_q": 3, "attn\\d\\.to_k": 4}, "unet.use_rslora": false}"#
            try SafeTensors.write(
                own.tensors.map { ("unet." + $0.key, $0.value) }, metadata: ["lora_adapter_metadata": object, "ss_network_alpha": "1"], to: url)
        }
        return [peft, kohya, stated]
    }()

    // MARK: Configurations

    private static let configurations = [
        FuzzTarget(
            name: "pipeline", seeds: .folder(Fixture.folder.appendingPathComponent("pipeline/model")) { $0.hasSuffix(".json") && !$0.hasPrefix("tokenizer") },
            isText: true, words: ["block_out_channels", "CrossAttnDownBlock2D", "v_prediction", "sample_size", "layers_per_block"]
        ) { file in
            let isIndex = file.lastPathComponent == "model_index.json"
            _ = try Pipeline.load(isIndex ? file.deletingLastPathComponent() : file.deletingLastPathComponent().deletingLastPathComponent())
        },
        FuzzTarget(name: "unet-configuration", seeds: files("unet", "config.json"), isText: true) { _ = try UNetConfiguration($0) },
        FuzzTarget(name: "motion-unet-configuration", seeds: files("motion", "config.json"), isText: true) {
            let configuration = try UNetConfiguration($0)
            _ = try configuration.json.prettyData()
        },
        FuzzTarget(name: "motion-adapter-configuration", seeds: files("motion/pipeline", "config.json"), isText: true) {
            _ = try MotionAdapterConfiguration($0)
        },
        FuzzTarget(name: "motion-modules", seeds: [motionModules], words: safeTensorsWords, repair: Repairs.headerLength) { file in
            _ = try MotionFile(file).tensors()
        },
        FuzzTarget(name: "vae-configuration", seeds: files("vae", "config.json"), isText: true) { _ = try AutoencoderConfiguration($0) },
        FuzzTarget(name: "text-configuration", seeds: files("clip_text", "config.json"), isText: true) { _ = try CLIPTextConfiguration($0) },
        FuzzTarget(name: "scheduler", seeds: files("pipeline/schedulers", "scheduler_config.json"), isText: true) { file in
            let configuration = try SchedulerConfiguration(contentsOf: file)
            _ = try configuration.noiseSchedule()
            for name in SamplerName.allCases { _ = try configuration.inStableDiffusionPipeline.sampler(name, eta: 0).timesteps(7) }
        },
        FuzzTarget(
            name: "config-yaml", seeds: [text("beta: 50\nlearning_rate: 1e-4\nflip_images: true\nmethod: dpo\nschedule: cosine\nwinners: ./a\nlora: 4\n")],
            isText: true, words: ["&a", "*a", "<<: *a", "!!int", "|", ">", "---", "- ", "? ", "# ", "  ", "yes", "2020-01-01"]
        ) { file in
            let arguments = ["align", "--config", file.path, "--model", "scenes", "--output", "x"]
            _ = try Seppo.parseAsRoot(ConfigurationFile.expanded(arguments, of: Seppo.self))
        },
        FuzzTarget(
            name: "run-yaml",
            seeds: [written("run.yaml") { try AlignmentSettings(model: "m", winners: "w").yaml().write(to: $0, atomically: true, encoding: .utf8) }],
            isText: true, words: ["&a", "*a", "<<: *a", "!!int", "---", "- ", "? "]
        ) { file in
            _ = try AlignmentSettings.fields(yaml: String(contentsOf: file, encoding: .utf8))
        },
    ]

    // MARK: Tokenizers

    private static let tokenizers = ["added", "pair", "single", "unknown"].map { name in
        FuzzTarget(
            name: "tokenizer-\(name)", seeds: .folder(Fixture.folder.appendingPathComponent("tokenizer/\(name)")) { _ in true }, isText: true,
            words: ["</w>", "<|endoftext|>", "<|startoftext|>", "Ġ", "merges", "vocab", "added_tokens", "model_max_length", "single_word", "#version: 0.2"]
        ) { file in
            let tokenizer = try CLIPTokenizer(folder: file.deletingLastPathComponent())
            _ = tokenizer.ids(["a photo of a cat", "", "<|endoftext|> é\u{301} 猫 \u{0}", String(repeating: "x", count: 300)])
        }
    }

    // MARK: Data sets

    private static let tables: [FuzzTarget] = {
        let picture = try! Data(contentsOf: Fixture.folder.appendingPathComponent("images/rgb.png"))
        let others = ["a.png": picture, "sub/b.png": picture]
        let lines = "{\"file_name\": \"a.png\", \"text\": \"a cat\"}\n{\"file_name\": \"sub/b.png\", \"text\": \"a \\u00e9\", \"loser_file_name\": \"a.png\"}\n"
        let table = "file_name,text,loser_file_name\na.png,\"a cat, \"\"red\"\"\",\r\nsub/b.png,a dog,a.png\r\n"
        let words = ["file_name", "text", "loser_file_name", "NaN", "\\ud83d", "[\"a\"]", "caption", "a.png", "\"\"", "\r\n", ",,", "../a.png", "/etc/passwd"]
        return [("metadata.jsonl", lines), ("metadata.csv", table)].map { name, content in
            FuzzTarget(
                name: name.replacingOccurrences(of: ".", with: "-"), seeds: [FuzzTarget.Seed(path: name, bytes: Array(content.utf8), others: others)],
                isText: true, words: words
            ) { file in
                // An image's name is its path within the folder, or a whole one where it lies outside.
                let set = try WinnerSet.list(file.deletingLastPathComponent())
                for winner in set.winners { precondition(!winner.image.name.hasPrefix("/"), "\(winner.image.name) lies outside") }
            }
        }
    }()

    private static let prompts = FuzzTarget(
        name: "prompts", seeds: [text("# a\na cat --n blurry --w 512 --h 64 --d 7 --l 7.5 --s 30\r\n\na dog\n")], isText: true,
        words: ["--n", " --w ", "--d 99999999999999999999", "--l nan", "--l inf", "--", "#", "\u{FEFF}"]
    ) { file in _ = try PromptFile(file) }

    private static let shard = FuzzTarget(
        name: "tar", seeds: [shardSeed], words: ["ustar\0", "a.png", ".txt", ".loser.png", "L", "x", "g", "12 size=100\n", "path=../b.png\n", "777777"],
        repair: Repairs.tarChecksums
    ) { file in
        let set = try WinnerSet.list(file)
        for winner in set.winners { _ = try winner.image.bytes() }
    }

    private static let shardSeed = written("shard.tar") { url in
        let folder = url.deletingLastPathComponent().appendingPathComponent("pictures")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in ["a", "b"] {
            try FileManager.default.copyItem(
                at: Fixture.folder.appendingPathComponent("images/rgb.png"), to: folder.appendingPathComponent(name + ".png"))
            try Data("a \(name)".utf8).write(to: folder.appendingPathComponent(name + ".txt"))
        }
        _ = try WinnerShard.write(WinnerSet.list(folder).winners, to: url)
    }

    /// Whatever the cache says, the digest is the file's.
    private static let digests: FuzzTarget = {
        let picture = FileIdentity(Fixture.url("images/rgb.png").path)!
        let later: @Sendable () -> Date = { Date(timeIntervalSinceNow: 60) }
        let seed = written("digests") { url in
            for subject in ["a", "b"] { _ = DigestCache(url, now: later).digest(of: subject, [picture]) { String(repeating: subject, count: 64) } }
        }
        return FuzzTarget(name: "digests", seeds: [seed], isText: true, words: [String(repeating: "b", count: 64), "\n", " "]) { file in
            chmod(file.path, 0o600)
            let known = try DigestCache(file, now: later).digest(of: "a", [picture]) { throw WireReader.Malformed() }
            precondition(known == String(repeating: "a", count: 64), "\(known)")
        }
    }()

    private static let images = [
        image(
            "png",
            [
                "IHDR", "PLTE", "tRNS", "IDAT", "IEND", "eXIf", "iTXt", "zTXt", "tEXt", "XML:com.adobe.xmp", "tiff:Orientation=\"6", "acTL", "fcTL", "MM\0*",
                "II*\0",
            ], repair: Repairs.pngChecksums),
        image("jpg", ["Exif\0\0", "MM\0*", "II*\0", "Adobe", "JFIF\0"], repair: { $0 }),
        image("webp", ["RIFF", "WEBP", "VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "EXIF"], repair: Repairs.riffLength),
    ]

    private static func image(_ kind: String, _ words: [String], repair: @escaping @Sendable ([UInt8]) -> [UInt8]) -> FuzzTarget {
        FuzzTarget(name: kind, seeds: files("images", ".\(kind)"), words: words, repair: repair) { file in
            var container = try ImageContainer(Array(Data(contentsOf: file)))
            // What follows is the libraries' work; a large picture would take them long.
            let pixels = [(container.width, container.height), container.canvas.map { ($0.width, $0.height) } ?? (0, 0)].map { $0 * $1 }
            guard pixels.allSatisfy({ $0 <= 1 << 20 }) else { return }
            let raster = try container.decoded()
            precondition(raster.width > 0 && raster.rgb.count == raster.width * raster.height * 3)
        }
    }

    private static let clips = [
        clip("mp4", ["ftyp", "moov", "mdat", "stsz", "stts", "stco", "elst", "avcC", "tkhd", "free"]),
        clip("mkv", ["\u{1A}E", "matroska", "V_MPEG4/ISO/AVC"]),
        clip("webm", ["V_VP9", "V_VP8", "webm"]),
        clip("avi", ["RIFF", "AVI ", "LIST", "movi", "idx1", "00dc", "strh", "strf"]),
        clip("gif", ["GIF89a", "NETSCAPE2.0", "!", ","]),
        FuzzTarget(
            name: "clip-tables", seeds: clipTables, isText: true,
            words: ["videoid", "name", "is_transmit", "file_name", "['a', 'b']", "b'a'", "[['0', '1']]", "timestamp", "videoID", "caption", "../a.mp4", "\r\n"]
        ) { file in
            let set = try WinnerSet.list(file.deletingLastPathComponent())
            for winner in set.winners { precondition(!winner.medium.name.hasPrefix("/"), "\(winner.medium.name) lies outside") }
        },
    ]

    /// Frames are small and few here: what follows on larger ones is the libraries' work.
    private static func clip(_ kind: String, _ words: [String]) -> FuzzTarget {
        FuzzTarget(name: "clip-\(kind)", seeds: files("clips", ".\(kind)"), words: words) { file in
            var limits = ClipLimits()
            (limits.pixels, limits.frames, limits.allPixels) = (1 << 18, 1000, 1 << 23)
            let decoder = ClipDecoder(.file(file.path), name: kind, limits: limits)
            var dice = SeededGenerator(seed: 0)
            let clip = try decoder.clip(FrameRule(frames: 8), using: &dice, fittedTo: (8, 8))
            precondition(clip.frames.count == 8 && clip.width == 8)
        }
    }

    private static let clipTables: [FuzzTarget.Seed] = {
        let clip = try! Data(contentsOf: Fixture.url("clips/plain.mp4"))
        let others = ["a.mp4": clip, "b/a_0.mp4": clip, "b/a_1.mp4": clip]
        return [
            ("list.csv", "videoid,name,is_transmit\r\na,\"a cat, asleep\",0\r\n"), ("metadata.jsonl", "{\"file_name\": \"a.mp4\", \"text\": \"b'a cat'\"}\n"),
            ("panda.csv", "videoID,timestamp,caption\na,\"[['0', '1'], ['1', '2']]\",\"['a cat', 'a dog']\"\n"), ("captions.json", "{\"a.mp4\": [\"a cat\"]}"),
        ].map { FuzzTarget.Seed(path: $0, bytes: Array($1.utf8), others: others) }
    }()

    // MARK: Runs

    private static let runs = [
        FuzzTarget(name: "events", seeds: [events], words: ["train/loss", "text", "images"], repair: Repairs.frameChecksums) { file in
            let bytes = try Data(contentsOf: file)
            guard EventFile.read(bytes, { _ in true }) == bytes.count else { throw WireReader.Malformed() }
        },
        FuzzTarget(name: "logs", seeds: [log], isText: true, words: ["update", "loss", "skipped", "margin_quantiles", "alarms"]) { file in
            guard try TrainingLog(jsonLines: Data(contentsOf: file)).unreadableLines == 0 else { throw RunError.state("unreadable lines") }
        },
        FuzzTarget(name: "validations", seeds: [validations], isText: true, words: ["k", "errors", "n", "samples"]) { file in
            let before = try Data(contentsOf: file).count
            _ = try ValidationLog(file)
            guard try Data(contentsOf: file).count == before else { throw RunError.state("cut") }
        },
        FuzzTarget(name: "state", seeds: state, words: safeTensorsWords + ["counters", "inputs", "updates"], repair: Repairs.headerLength) { file in
            _ = try RunState.load(RunDirectory(file.deletingLastPathComponent().deletingLastPathComponent()))
        },
    ]

    private static let events = written("events.out.tfevents.seppo") { url in
        let file = try EventFile(url, continuingAfter: 0) { _ in }
        try file.append(Event(step: 1, values: [.init(tag: "train/loss", content: .scalar(0.7)), .init(tag: "train/m_w", content: .scalar(0))]))
        try file.append(Event(step: 2, values: [.init(tag: "settings", content: .text("| a | b |"))]))
        try file.append(Event(step: 3, values: [.init(tag: "samples/00", content: .image(png: Data(count: 30), width: 2, height: 1, caption: "a cat"))]))
    }

    private static let log = text(
        #"{"accuracy":0.5,"alarms":["a"],"flip_by_age":[null,0.25],"k":1,"loss":0.69,"margin_quantiles":[-1,0,1],"skipped":0,"update":1}"# + "\n"
            + #"{"k":1,"loss":1e-3,"skipped":true,"update":2}"# + "\n")

    private static let validations = text(
        #"{"denoising_error":0.1,"errors":[0.05,0.15],"k":0,"n":2,"samples":4,"seconds":1.5,"update":0}"# + "\n"
            + #"{"k":1,"n":2,"samples":4,"seconds":1.5,"update":3}"# + "\n")

    private static let state: [FuzzTarget.Seed] = {
        let file = written("00000003.safetensors") { url in
            var counters = RunState.Counters()
            counters.updates = 3
            let tensors = [("policy.w", Tensor.ones([400])), ("optimiser.step.w", Tensor.ones([1]))]
            try SafeTensors.write(tensors, metadata: RunState.metadata(counters, RunState.Inputs(data: "a", unet: "b")), to: url)
        }
        let (pointer, path) = ("state/current", "state/00000003.safetensors")
        let name = Data("00000003.safetensors\n".utf8)
        return [
            FuzzTarget.Seed(path: path, bytes: file.bytes, others: [pointer: name]),
            FuzzTarget.Seed(path: pointer, bytes: Array(name), others: [path: Data(file.bytes)]),
        ]
    }()

    // MARK: Seeds

    private static func text(_ content: String) -> FuzzTarget.Seed { FuzzTarget.Seed(path: "file", bytes: Array(content.utf8)) }

    /// Every fixture below a folder whose name ends so, each by itself.
    private static func files(_ folder: String, _ end: String) -> [FuzzTarget.Seed] {
        [FuzzTarget.Seed].folder(Fixture.folder.appendingPathComponent(folder)) { $0.hasSuffix(end) }.filter { $0.bytes.count < 1 << 16 }.map {
            FuzzTarget.Seed(path: URL(fileURLWithPath: $0.path).lastPathComponent, bytes: $0.bytes)
        }
    }

    private static func written(_ name: String, _ write: (URL) throws -> Void) -> FuzzTarget.Seed {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-fuzz-seed-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try! write(folder.appendingPathComponent(name))
        return FuzzTarget.Seed(path: name, bytes: Array(try! Data(contentsOf: folder.appendingPathComponent(name))))
    }
}
