import Foundation
import Storage

/// What a file of adapters states about their alpha and rank beside its tensors: in its header, or in the `adapter_config.json` of a PEFT folder.
///
/// It counts for layers that have no tensor `.alpha`. What is stated there and is not carried out is refused by its name.
struct AdapterStatements {
    private var rules: [LoRA.Part: PEFTRule] = [:]
    private let kohya: KohyaHeader?

    /// What diffusers keeps of PEFT's configurations, one object for all parts: `unet.r`, `text_encoder.lora_alpha`, …
    private static let diffusersKey = "lora_adapter_metadata"
    private static let parts: [(String, LoRA.Part)] = [("unet.", .unet), ("text_encoder.", .textEncoder)]

    /// - Parameters:
    ///   - parts: those that the file has adapters for; what is stated of others means nothing
    ///   - isNeeded: whether some layer has no tensor `.alpha`
    ///   - configuration: PEFT's, where the adapters lie beside one
    init(_ metadata: [String: String], for parts: Set<LoRA.Part>, isNeeded: Bool, configuration: URL?, file: URL) throws {
        kohya = isNeeded ? try KohyaHeader(metadata, file: file) : nil
        // Python takes an empty text for none, too.
        if let text = metadata[Self.diffusersKey], !text.isEmpty {
            let place = "\(Self.diffusersKey) in the header"
            var options: [LoRA.Part: [String: JSONValue]] = [:]
            for (key, value) in try JSONValue.object(text, place, file: file) {
                guard let (prefix, part) = Self.parts.first(where: { key.hasPrefix($0.0) }) else {
                    throw ConfigurationError(file: file.path, message: "\(place) states \(key), which belongs to no part of Stable Diffusion 1.x or 2.x")
                }
                options[part, default: [:]][String(key.dropFirst(prefix.count))] = value
            }
            for (part, options) in options where parts.contains(part) {
                let prefix = Self.parts.first { $0.1 == part }!.0
                rules[part] = try PEFTRule(options, text: text, prefix: prefix, place: place, file: file)
            }
        } else if let configuration {
            let text = String(decoding: try ConfigurationReader.data(configuration), as: UTF8.self)
            let options = try JSONValue.object(text, "it", file: configuration)
            for part in parts { rules[part] = try PEFTRule(options, text: text, prefix: "", place: "it", file: configuration) }
        }
    }

    /// What B·A is multiplied by; nil where nothing is stated.
    /// - Parameters:
    ///   - rank: of the layer's matrices
    ///   - isWide: whether the layer is a convolution over more than one pixel
    func scale(_ part: LoRA.Part, _ path: String, rank: Int, isWide: Bool) throws -> Double? {
        if let rule = rules[part] { return try rule.scale(path, rank: rank) }
        return try kohya?.scale(path, rank: rank, isWide: isWide)
    }
}

extension JSONValue {
    /// The object in a text of Python's, which writes NaN and Infinity as JSON proper does not: those are then refused as numbers.
    fileprivate static func object(_ text: String, _ place: String, file: URL) throws -> [String: JSONValue] {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        guard let object = try? decoder.decode([String: JSONValue].self, from: Data(text.utf8)) else {
            throw ConfigurationError(file: file.path, message: "\(place) is not a JSON object")
        }
        return object
    }

    fileprivate var number: Double? { if case .number(let value) = self { value } else { nil } }

    /// Whether it says nothing: null, false, nothing in a list, or `none`.
    fileprivate var isNone: Bool { [.null, .bool(false), .array([]), .object([:]), .string("none"), .string("")].contains(self) }
}

/// PEFT's `LoraConfig` of one part, as PEFT applies it to layers of given ranks (`tuners/lora/{config,model,layer}.py`).
struct PEFTRule {
    private let alpha: Double
    /// Nil where none is stated; PEFT would take 8, and have no place for matrices of another.
    private let rank: Int?
    private let alphas: [(LayerPattern, Double)]
    private let ranks: [(LayerPattern, Double)]
    /// alpha / √r instead of alpha / r.
    private let isRankStabilised: Bool
    private let place: String
    private let file: URL

    /// What a finished adapter's meaning does not depend on.
    private static let harmless: Set<String> = [
        "task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode", "target_modules", "exclude_modules",
        "lora_dropout", "layers_to_transform", "layers_pattern", "megatron_core", "megatron_config", "loftq_config", "eva_config", "corda_config",
        "lora_ga_config", "qalora_group_size", "runtime_config", "ensure_weight_tying",
    ]
    /// Ways to begin that leave the layer's own weight as it is.
    private static let harmlessStarts: [JSONValue] = [.null, .bool(true), .bool(false), .string("gaussian"), .string("orthogonal"), .string("eva")]

    /// - Parameters:
    ///   - text: that the options were read from: of two patterns that fit a layer, PEFT takes the first
    ///   - prefix: of the options' names in the text
    init(_ options: [String: JSONValue], text: String, prefix: String, place: String, file: URL) throws {
        func wrong(_ key: String, _ expected: String) -> ConfigurationError {
            ConfigurationError(file: file.path, message: "\(place) states \(prefix)\(key) \(options[key]?.text ?? ""), which should be \(expected)")
        }
        func number(_ key: String) throws -> Double? {
            guard let value = options[key], value != .null else { return nil }
            guard let number = value.number, number.isFinite, number > 0 else { throw wrong(key, "a positive number") }
            return number
        }
        func patterns(_ key: String) throws -> [(LayerPattern, Double)] {
            guard let value = options[key], !value.isNone else { return [] }
            guard case .object(let entries) = value, entries.count <= 10_000 else { throw wrong(key, "an object of numbers") }
            let places = Self.places(in: text, after: "\"\(prefix)\(key)\"")
            func start(_ pattern: String) -> Int { places[JSONValue.string(pattern).text] ?? .max }
            let ordered = entries.sorted { (start($0.key), $0.key) < (start($1.key), $1.key) }
            let rules = try ordered.map { pattern, value in
                guard let number = value.number, number.isFinite, number > 0 else { throw wrong(key, "an object of positive numbers") }
                guard let rule = LayerPattern(pattern) else {
                    throw ConfigurationError(
                        file: file.path, message: "\(place) has the rule \(pattern) in \(prefix)\(key), a regular expression of a kind that is not read")
                }
                return (rule, number)
            }
            guard rules.count(where: \.0.isExpression) <= 100 else { throw wrong(key, "at most a hundred regular expressions") }
            return rules
        }
        let kind = options["peft_type"] ?? .null
        guard [.null, .string("LORA")].contains(kind) else {
            throw ConfigurationError(file: file.path, message: "\(place) states that it is a \(kind.text), and of adapters only LoRA and LoCon are read")
        }
        let beginning = options["init_lora_weights"] ?? .null
        guard Self.harmlessStarts.contains(beginning) else {
            throw ConfigurationError(
                file: file.path,
                message: "\(place) states \(prefix)init_lora_weights \(beginning.text), which changes the weights that the adapters stand beside")
        }
        alpha = try number("lora_alpha") ?? 8
        rank = try number("r").map { Int(exactly: $0) ?? -1 }
        (alphas, ranks) = (try patterns("alpha_pattern"), try patterns("rank_pattern"))
        switch options["use_rslora"] ?? .null {
        case .bool(let value): isRankStabilised = value
        case .null: isRankStabilised = false
        default: throw wrong("use_rslora", "true or false")
        }
        let known = Self.harmless.union(["peft_type", "init_lora_weights", "lora_alpha", "r", "alpha_pattern", "rank_pattern", "use_rslora"])
        for (key, value) in options.sorted(by: { $0.key < $1.key }) where !known.contains(key) && !value.isNone {
            throw ConfigurationError(file: file.path, message: "\(place) states \(prefix)\(key) \(value.text), which is not carried out here")
        }
        (self.place, self.file) = (place, file)
    }

    /// Where the texts of a JSON object begin, quotation marks and all, by what is written there: of equal ones the first.
    private static func places(in text: String, after key: String) -> [String: Int] {
        let bytes = Array((text.range(of: key).map { text[$0.upperBound...] } ?? text[...]).utf8)
        var places: [String: Int] = [:]
        var start: Int?
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\") {
                index += 1
            } else if bytes[index] == UInt8(ascii: "\"") {
                if let begin = start {
                    let found = String(decoding: bytes[begin...index], as: UTF8.self)
                    places[found] = places[found] ?? begin
                }
                start = start == nil ? index : nil
            }
            index += 1
        }
        return places
    }

    func scale(_ path: String, rank: Int) throws -> Double {
        // Of a text encoder, transformers 5 leaves out what older ones began with.
        let paths = [path] + (path.hasPrefix("text_model.") ? [String(path.dropFirst("text_model.".count))] : [])
        func first(_ patterns: [(LayerPattern, Double)]) -> Double? { patterns.first { pattern, _ in paths.contains(where: pattern.matches) }?.1 }
        let stated = first(ranks) ?? self.rank.map(Double.init)
        if let stated, stated != Double(rank) {
            throw ConfigurationError(
                file: file.path, message: "\(place) states rank \(JSONValue.number(stated).text) for \(path), whose matrices have rank \(rank)")
        }
        return (first(alphas) ?? alpha) / (isRankStabilised ? Double(rank).squareRoot() : Double(rank))
    }
}

/// What sd-scripts, and LyCORIS within it, state in a header.
///
/// diffusers, ComfyUI and AUTOMATIC1111 pass over it, and sd-scripts itself reads alpha from tensors alone, which every file of its has. A file with
/// this header and without those tensors was rewritten by another program: the header says how it was trained, and that is what counts here.
struct KohyaHeader {
    private let alpha: Double
    private let rank: Double?
    private let wideAlpha: Double
    private let wideRank: Double?
    private let isRankStabilised: Bool
    /// Options that change what alpha and rank are, and are not carried out.
    private let unread: String?
    private let file: URL

    /// Of `ss_network_args`: what a finished adapter does not depend on, or its tensors tell.
    private static let harmless: Set<String> = [
        "conv_dim", "conv_alpha", "algo", "rs_lora", "dropout", "rank_dropout", "module_dropout", "preset", "verbose", "bypass_mode", "decompose_both",
        "factor", "down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold", "loraplus_lr_ratio", "loraplus_unet_lr_ratio",
        "loraplus_text_encoder_lr_ratio", "disable_conv_cp", "rank_dropout_scale",
    ]

    /// Nil where it states no alpha.
    init?(_ metadata: [String: String], file: URL) throws {
        guard let stated = metadata["ss_network_alpha"], stated != LoRA.dynamic else { return nil }
        self.file = file
        func number(_ text: String, _ key: String) throws -> Double {
            guard let number = Double(text), number.isFinite, number > 0 else {
                throw ConfigurationError(file: file.path, message: "the header states \(key) \(text), which should be a positive number")
            }
            return number
        }
        // Not given, alpha is 1 (`create_network`).
        alpha = stated == "None" ? 1 : try number(stated, "ss_network_alpha")
        rank = metadata["ss_network_dim"].flatMap(Double.init)
        var arguments: [String: JSONValue] = [:]
        if let text = metadata["ss_network_args"], !["", "None", "null"].contains(text) {
            arguments = try JSONValue.object(text, "ss_network_args in the header", file: file)
        }
        func text(_ key: String) -> String? {
            switch arguments[key] {
            case .string(let text): ["None", ""].contains(text) ? nil : text
            case .number(let value): "\(value)"
            default: nil
            }
        }
        let algorithm = text("algo") ?? "lora"
        let isOn: (JSONValue) -> Bool = { !$0.isNone && ![.string("False"), .string("false"), .string("None"), .string("0")].contains($0) }
        let others = arguments.filter { !Self.harmless.contains($0.key) && isOn($0.value) }.keys.sorted()
        unread =
            ["lora", "locon"].contains(algorithm.lowercased()) ? others.first.map { "ss_network_args.\($0)" } : "ss_network_args.algo \(algorithm)"
        isRankStabilised = arguments["rs_lora"].map(isOn) ?? false
        // sd-scripts' own default is 1, LyCORIS' the network's.
        let isLyCORIS = metadata["ss_network_module"]?.hasPrefix("lycoris") == true
        let statedWide = try text("conv_dim").map { try number($0, "ss_network_args.conv_dim") }
        wideRank = statedWide ?? rank
        wideAlpha = try text("conv_alpha").map { try number($0, "ss_network_args.conv_alpha") } ?? (statedWide == nil || isLyCORIS ? alpha : 1)
    }

    func scale(_ path: String, rank: Int, isWide: Bool) throws -> Double {
        func wrong(_ message: String) -> ConfigurationError {
            ConfigurationError(file: file.path, message: "\(path) has no tensor alpha, and the header states \(message)")
        }
        if let unread { throw wrong("\(unread), which is not carried out here") }
        let (alpha, stated) = isWide ? (wideAlpha, wideRank) : (self.alpha, self.rank)
        if let stated, stated != Double(rank) { throw wrong("rank \(JSONValue.number(stated).text), where its matrices have rank \(rank)") }
        return alpha / (isRankStabilised ? Double(rank).squareRoot() : Double(rank))
    }
}
