import Foundation
import Storage
import Yams

/// A model's configuration for latent-diffusion's code (`v2-inference-v.yaml`), which people put beside a single file under its name: what of it changes
/// the meaning of the tensors.
struct SidecarConfiguration: Sendable {
    let url: URL
    private(set) var prediction: PredictionType?
    private(set) var isZeroTerminal: Bool?
    private(set) var betaStart: Double?
    private(set) var betaEnd: Double?
    private(set) var trainTimesteps: Int?
    private(set) var scalingFactor: Double?
    /// Of the UNet's attention: their number, or the channels of each.
    private(set) var heads: Int?
    private(set) var headChannels: Int?
    /// Whether the text encoder's states before its last layer are taken.
    private(set) var leavesOutLastLayer: Bool?

    /// Nil where there is none, or a YAML file that is about something else.
    init?(beside file: URL) throws {
        let stem = file.deletingPathExtension()
        let found = ["yaml", "yml"].map { stem.appendingPathExtension($0) }.first { FileManager.default.fileExists(atPath: $0.path) }
        guard let found else { return nil }
        url = found
        let root: Node?
        do {
            root = try Yams.compose(yaml: RegularFile.text(found, atMost: 1 << 20))
        } catch let error as UnreadableFile {
            throw wrong("\(error.problem)")
        } catch {
            throw wrong("is not YAML: \(error)")
        }
        guard let model = root?["model"], let parameters = model["params"], parameters.mapping != nil else { return nil }
        if let target = Self.className(model), target != "LatentDiffusion" { throw wrong("describes a \(target), which is not supported") }
        try read(parameters)
    }

    private mutating func read(_ parameters: Node) throws {
        if let word = Self.text(parameters["parameterization"]) {
            guard let type = PredictionType(word: word) else { throw wrong("parameterization \(word.quotedForMessage) is not supported") }
            prediction = type
        }
        // Forks that train with it have names of their own.
        for key in ["zero_terminal_snr", "rescale_betas_zero_snr", "zero_snr", "ztsnr", "use_zero_terminal_snr"] where parameters[key] != nil {
            guard let isZero = parameters[key]?.bool else { throw wrong("\(key) must be true or false") }
            isZeroTerminal = isZero
        }
        betaStart = try number(parameters, "linear_start", in: 1e-9...1)
        betaEnd = try number(parameters, "linear_end", in: 1e-9...1)
        trainTimesteps = try number(parameters, "timesteps", in: 1...100_000).map { Int($0) }
        scalingFactor = try number(parameters, "scale_factor", in: 1e-6...1e6)
        if let schedule = Self.text(parameters["beta_schedule"]), schedule != "linear" {
            throw wrong("beta_schedule \(schedule.quotedForMessage) is not supported")
        }
        if let unet = parameters["unet_config"]?["params"] {
            heads = try number(unet, "num_heads", in: -1...4096).flatMap { $0 >= 1 ? Int($0) : nil }
            headChannels = try number(unet, "num_head_channels", in: -1...65536).flatMap { $0 >= 1 ? Int($0) : nil }
        }
        guard let text = parameters["cond_stage_config"] else { return }
        let layer = Self.text(text["params"]?["layer"])
        switch (Self.className(text), layer) {
        case (nil, nil), ("FrozenCLIPEmbedder", nil), ("FrozenCLIPEmbedder", "last"), ("FrozenOpenCLIPEmbedder", nil): break
        case ("FrozenOpenCLIPEmbedder", "penultimate"): leavesOutLastLayer = true
        case ("FrozenOpenCLIPEmbedder", "last"): leavesOutLastLayer = false
        case (let name, let layer): throw wrong("a text encoder \(name ?? "?")\(layer.map { " of layer \($0.quotedForMessage)" } ?? "") is not supported")
        }
    }

    private func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: url.path, message: message) }

    private static func text(_ node: Node?) -> String? { node?.scalar?.string }

    /// The last part of `ldm.models.diffusion.ddpm.LatentDiffusion`.
    private static func className(_ node: Node) -> String? {
        text(node["target"]).map { String($0.split(separator: ".").last ?? "").prefix(60).filter { $0.isLetter || $0.isNumber || $0 == "_" } }
    }

    private func number(_ node: Node, _ key: String, in range: ClosedRange<Double>) throws -> Double? {
        guard let value = node[key] else { return nil }
        guard let number = Self.text(value).flatMap(Double.init), range.contains(number) else {
            throw wrong("\(key) must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
