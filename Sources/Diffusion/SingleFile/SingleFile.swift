import Foundation
import Layers
import Networks
import Storage
import Tokenizers
import Torch

/// A Stable Diffusion 1.x or 2.x model in one safetensors file, in the naming of latent-diffusion's code: what model-sharing sites offer. Or a part of one:
/// some lack the autoencoder or the text encoder, some are nothing but one of the networks.
///
/// It holds weights and a few statements about them. The configuration is read off the tensors' shapes, the tokenizer is CLIP's, the noise schedule
/// Stable Diffusion's.
public struct SingleFile: Sendable {
    public let file: SafeTensorsFile
    /// Nil where the file has no UNet, or one alone under diffusers' names, whose configuration its shapes do not tell.
    public let unet: UNetConfiguration?
    public let autoencoder: AutoencoderConfiguration?
    public let textEncoder: CLIPTextConfiguration?
    /// Tensors that no part uses, sorted.
    public let setAside: [String]
    let parts: [SingleFilePart.Network: SingleFilePart]
    let statements: FileStatements

    /// Reads the header, and the configuration beside the file where there is one. Throws `SafeTensorsError`, or `ConfigurationError` where it is another
    /// kind of file.
    public init(_ url: URL) throws {
        let file = try SafeTensorsFile(url)
        let names = Self.unwrapped(file)
        func refused(_ message: String) -> ConfigurationError { ConfigurationError(file: url.path, message: message) }
        if let other = Self.otherKind(names.keys) { throw refused("is \(other): that is not supported") }
        var parts: [SingleFilePart.Network: SingleFilePart] = [:]
        for network in SingleFilePart.Network.allCases { parts[network] = SingleFilePart(network, of: file, names: names) }
        guard !parts.isEmpty else {
            let list = file.names.prefix(3).map(\.quotedForMessage).joined(separator: ", ")
            throw refused("holds no UNet, autoencoder or text encoder of Stable Diffusion 1.x or 2.x\(list.isEmpty ? "" : ": its tensors are \(list), …")")
        }
        self.file = file
        self.parts = parts
        statements = try FileStatements(file, names: names.keys)
        let sidecar = statements.sidecar
        unet = try parts[.unet].flatMap { part in part.naming == .original ? try part.shapes.unet().with(sidecar, url) : nil }
        var autoencoder = try parts[.autoencoder].map { try $0.shapes.autoencoder($0.naming) }
        if let factor = sidecar?.scalingFactor { autoencoder?.scalingFactor = factor }
        self.autoencoder = autoencoder
        textEncoder = try parts[.textEncoder].map { try $0.shapes.textEncoder($0.naming, leavesOutLast: sidecar?.leavesOutLastLayer ?? true) }
        if let purpose = unet?.otherPurpose { throw refused(purpose) }
        var used = Set(names.filter { FileStatements.marks.contains($0.key) }.values)
        if let part = parts[.textEncoder], let textEncoder { used.formUnion(part.textEncoder(textEncoder).values.map(\.inFile)) }
        for network in [SingleFilePart.Network.unet, .autoencoder] {
            guard let part = parts[network] else { continue }
            used.formUnion(part.names.filter { !part.isLeftOver($0.key) }.values)
        }
        setAside = file.names.filter { !used.contains($0) }
    }

    /// Tensors by their names without the `state_dict.` that some tools put before all of them, and the whole names.
    private static func unwrapped(_ file: SafeTensorsFile) -> [String: String] {
        let prefix = "state_dict."
        var names: [String: String] = [:]
        for name in file.names where !name.hasPrefix(prefix) { names[name] = name }
        for name in file.names where name.hasPrefix(prefix) {
            let bare = String(name.dropFirst(prefix.count))
            names[names[bare] == nil ? bare : name] = name
        }
        return names
    }

    /// Names of tensors for people: many with the same beginning together.
    public static func grouped(_ names: [String]) -> [String] {
        func shown(_ name: some StringProtocol) -> String { name.unicodeScalars.prefix(80).map { $0.escaped(asASCII: true) }.joined() }
        return Dictionary(grouping: names) { $0.prefix { $0 != "." } }.sorted { $0.key < $1.key }.flatMap { beginning, names in
            names.count < 5 ? names.map(shown) : ["\(shown(beginning)).… (\(names.count) tensors)"]
        }
    }

    /// Whether it looks like one by its names, and which of diffusers' parts it is where it is one alone.
    public static func contents(_ file: SafeTensorsFile) -> [String] {
        let names = unwrapped(file)
        guard otherKind(names.keys) == nil || names.keys.contains(where: { $0.hasPrefix("model.diffusion_model.") }) else { return [] }
        return SingleFilePart.Network.allCases.filter { SingleFilePart($0, of: file, names: names) != nil }.map(\.folder)
    }

    /// Its networks by diffusers' names for them, and the names of their tensors.
    public var networks: [(name: String, tensors: Set<String>)] {
        SingleFilePart.Network.allCases.compactMap { network in parts[network].map { (network.folder, Set($0.names.values).subtracting(setAside)) } }
    }

    /// Whether it is of Stable Diffusion 2.x, whose models come in two kinds: those that predict noise, and those that predict v.
    public var isSecondGeneration: Bool { parts[.textEncoder]?.naming == .openCLIP || textEncoder?.width == 1024 || unet?.usesLinearProjection == true }

    // MARK: Parts

    /// - Parameter configuration: where the file's shapes do not tell it
    func unetTensors(_ configuration: UNetConfiguration) throws -> [String: Tensor] {
        try parts[.unet]!.unet(configuration).mapValues { try $0.tensor() }
    }

    func autoencoderStore(on placement: Placement) throws -> ParameterStore {
        try parts[.autoencoder]!.autoencoder(autoencoder!).store(from: file, on: placement)
    }

    func textEncoderStore(on placement: Placement) throws -> ParameterStore {
        try parts[.textEncoder]!.textEncoder(textEncoder!).store(from: file, on: placement)
    }

    /// Holds the names and shapes of all tensors against the configurations, without touching the data. Throws `ParameterError`.
    public func check() throws {
        if let unet { _ = try parts[.unet]!.unet(unet).outline(from: file).build { UNet($0, unet) } }
        if let autoencoder { _ = try parts[.autoencoder]!.autoencoder(autoencoder).outline(from: file).build { Autoencoder($0, autoencoder) } }
        if let textEncoder { _ = try parts[.textEncoder]!.textEncoder(textEncoder).outline(from: file).build { CLIPTextModel($0, textEncoder) } }
    }

    // MARK: Noise process

    /// Stable Diffusion 1.x's.
    public static let scheduler = SchedulerConfiguration(
        className: "PNDMScheduler", trainTimesteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: .scaledLinear, predictionType: .epsilon,
        stepsOffset: 1, setAlphaToOne: false, skipRungeKutta: true)

    /// What the network predicts, where something says so.
    public var statedPrediction: Said<PredictionType>? { statements.prediction }

    /// The schedule, of a network that predicts `prediction`. Throws where that cannot be with what the file states.
    public func scheduler(_ prediction: PredictionType) throws -> SchedulerConfiguration {
        var scheduler = Self.scheduler
        scheduler.predictionType = prediction
        scheduler.betaStart = statements.sidecar?.betaStart ?? scheduler.betaStart
        scheduler.betaEnd = statements.sidecar?.betaEnd ?? scheduler.betaEnd
        scheduler.trainTimesteps = statements.sidecar?.trainTimesteps ?? scheduler.trainTimesteps
        guard let zero = statements.isZeroTerminal, zero.value else { return scheduler }
        guard prediction == .velocity else {
            let message = "\(zero.by) says that its schedule ends in pure noise (zero terminal SNR), where a network that predicts epsilon has nothing to tell"
            throw ConfigurationError(file: file.url.path, message: message)
        }
        // As diffusers recommends for these models; PNDM is not defined there.
        scheduler.className = SamplerName.ddim.className
        scheduler.skipRungeKutta = nil
        scheduler.clipSample = false
        scheduler.timestepSpacing = .trailing
        scheduler.rescaleToZeroSignal = true
        return scheduler
    }

    /// The tokenizer that belongs to its text encoder.
    var tokenizer: CLIPTokenizer { isSecondGeneration ? .openCLIP : .standard }
}

extension SingleFilePart.Network {
    /// diffusers' name for it.
    var folder: String {
        switch self {
        case .textEncoder: "text_encoder"
        case .autoencoder: "vae"
        case .unet: "unet"
        }
    }
}

extension UNetConfiguration {
    /// With the heads that a configuration beside the file states.
    fileprivate func with(_ sidecar: SidecarConfiguration?, _ url: URL) throws -> UNetConfiguration {
        var changed = self
        if let size = sidecar?.headChannels {
            guard channels.allSatisfy({ $0.isMultiple(of: size) }) else {
                throw ConfigurationError(file: sidecar!.url.path, message: "num_head_channels \(size) is no divisor of the UNet's channels \(channels)")
            }
            changed.heads = channels.map { $0 / size }
        } else if let count = sidecar?.heads {
            guard channels.allSatisfy({ $0.isMultiple(of: count) }) else {
                throw ConfigurationError(file: sidecar!.url.path, message: "num_heads \(count) is no divisor of the UNet's channels \(channels)")
            }
            changed.heads = channels.map { _ in count }
        }
        return changed
    }
}
