import Foundation
import Layers
import Networks
import Storage
import Tokenizers
import Torch

/// A model on disk, in whatever forms its parts come, of which every part is loaded when it is asked for, and can be released by itself.
public struct ModelFiles: Sendable {
    public let source: ModelSource
    public var location: URL { source.location }
    private let main: ModelLocation
    private let textEncoderPart: ModelLocation.Part
    private let autoencoderPart: ModelLocation.Part
    private let unetPart: ModelLocation.Part
    /// That the tokenizer and the noise schedule come from: the model, or for a UNet alone its base.
    private let whole: ModelLocation
    /// That the text encoder comes from.
    private let words: ModelLocation
    private let textEncoderChanges: LoRA.File?
    /// Motion modules that were added; nil where there are none, or the model has its own.
    public let motion: MotionFile?

    public init(_ location: URL, textEncoderChanges: LoRA.File? = nil) throws {
        try self.init(ModelSource(location), textEncoderChanges: textEncoderChanges)
    }

    /// Reads what says which parts there are. Throws with the file that is missing or of a kind that we do not have.
    /// - Parameter textEncoderChanges: a file of adapters whose changes of the text encoder, if it has any, are added to it
    public init(_ source: ModelSource, textEncoderChanges: LoRA.File? = nil) throws {
        self.source = source
        self.textEncoderChanges = textEncoderChanges
        main = try ModelLocation(source.location)
        motion = try source.motion.map { try MotionFile($0) }
        func refused(_ message: String) -> ConfigurationError { ConfigurationError(file: source.location.path, message: message) }
        guard let unet = main.unet else {
            throw refused("holds no UNet, only: \(main.networks.map(\.rawValue).joined(separator: ", ")). It is no model by itself")
        }
        unetPart = unet
        let base = try source.base.map { try ModelLocation($0) }
        let givenText = try source.textEncoder.map { try Self.location($0, .textEncoder) { $0.textEncoder } }
        let givenAutoencoder = try source.autoencoder.map { try Self.location($0, .autoencoder) { $0.autoencoder } }
        let lacksOthers = main.textEncoder == nil && main.autoencoder == nil
        if source.base != nil, main.textEncoder != nil, main.autoencoder != nil { throw refused("is a whole model: it needs no other as its base") }
        // Of a UNet alone the base tells the noise schedule, too.
        whole = main.scheduler == nil && (main.file == nil || lacksOthers) ? base ?? main : main
        let texts: [ModelLocation] = [givenText, main, base].compactMap { $0 }
        let autoencoders: [ModelLocation] = [givenAutoencoder, main, base].compactMap { $0 }
        guard let words = texts.first(where: { $0.textEncoder != nil }), let pictures = autoencoders.first(where: { $0.autoencoder != nil }) else {
            throw refused(Self.missing(texts.allSatisfy { $0.textEncoder == nil }, autoencoders.allSatisfy { $0.autoencoder == nil }, isUNet: lacksOthers))
        }
        self.words = words
        (textEncoderPart, autoencoderPart) = (words.textEncoder!, pictures.autoencoder!)
    }

    private static func location(
        _ url: URL, _ network: SingleFilePart.Network, _ part: (ModelLocation) -> ModelLocation.Part?
    ) throws -> ModelLocation {
        let location = try ModelLocation(url)
        guard part(location) != nil else { throw ConfigurationError(file: url.path, message: "holds no \(network.rawValue)") }
        return location
    }

    private static func missing(_ lacksText: Bool, _ lacksAutoencoder: Bool, isUNet: Bool) -> String {
        if isUNet, lacksText, lacksAutoencoder {
            return "is a UNet alone, without text encoder and autoencoder (VAE): name the model that it was trained from with --base, or its parts with "
                + "--text-encoder and --vae"
        }
        let (what, option) = lacksText ? ("text encoder", "--text-encoder") : ("autoencoder (VAE)", "--vae")
        return "has no \(what): name one with \(option), such as that of the model it was made from (a file, or a diffusers folder)"
    }

    /// Tensors of single files that no part uses, sorted.
    public var setAside: [String] { main.file?.setAside ?? [] }

    /// The same for people; nil where there are none.
    public var setAsideText: String? { setAside.isEmpty ? nil : SingleFile.grouped(setAside).joined(separator: ", ") }

    // MARK: Parts

    public func tokenizer() throws -> CLIPTokenizer {
        // A text encoder brings its words along; without them those of the model are taken.
        if let folder = words.tokenizer { return try CLIPTokenizer(folder: folder) }
        if let file = words.file, file.isSecondGeneration { return .openCLIP }
        if let folder = whole.tokenizer { return try CLIPTokenizer(folder: folder) }
        return (words.file ?? whole.file)?.tokenizer ?? .standard
    }

    // Each is read straight to where it is to compute: nothing else of it stays in memory.

    public func textEncoder(on placement: Placement = Placement()) throws -> (CLIPTextConfiguration, ParameterStore) {
        let (configuration, store) = try ownTextEncoder(on: placement)
        guard let textEncoderChanges else { return (configuration, store) }
        _ = try store.build { CLIPTextModel($0, configuration) }
        return (configuration, ParameterStore(try textEncoderChanges.merged(store.tensors, part: .textEncoder, scale: 1), on: placement))
    }

    /// The adapters that `textEncoder()` has added; nil where there is no file of them.
    public func textEncoderAdapters() throws -> LowRankAdapters? {
        guard let textEncoderChanges else { return nil }
        let (configuration, store) = try ownTextEncoder(on: Placement())
        _ = try store.build { CLIPTextModel($0, configuration) }
        return try textEncoderChanges.adapters(of: .textEncoder, over: store.tensors)
    }

    private func ownTextEncoder(on placement: Placement) throws -> (CLIPTextConfiguration, ParameterStore) {
        switch textEncoderPart {
        case .folder(let part, let weights): (try CLIPTextConfiguration(part.configuration), try part.store(from: weights, on: placement))
        case .file(let file): (file.textEncoder!, try file.textEncoderStore(on: placement))
        }
    }

    public func autoencoder(on placement: Placement = Placement()) throws -> (AutoencoderConfiguration, ParameterStore) {
        switch autoencoderPart {
        case .folder(let part, let weights): (try AutoencoderConfiguration(part.configuration), try part.store(from: weights, on: placement))
        case .file(let file): (file.autoencoder!, try file.autoencoderStore(on: placement))
        }
    }

    /// The network that turns latents into images, and images into latents.
    public func decoder(on placement: Placement = Placement()) throws -> Autoencoder {
        let (configuration, store) = try autoencoder(on: placement)
        return try store.build { Autoencoder($0, configuration) }
    }

    /// - Parameter weights: a file of tensors to take instead of the model's own, such as a checkpoint of a run
    public func unet(weights: URL? = nil, on placement: Placement = Placement()) throws -> (UNetConfiguration, ParameterStore) {
        let configuration = try unetConfiguration()
        if let purpose = configuration.otherPurpose { throw ConfigurationError(file: location.path, message: purpose) }
        var (tensors, origin) = try unetTensors(configuration, weights)
        if weights != nil, configuration.motion != nil, tensors.keys.allSatisfy(MotionConfiguration.owns) {
            // A checkpoint of a run that trained the motion modules alone.
            tensors = try unetTensors(configuration, nil).tensors.merging(tensors) { $1 }
        } else if let motion, weights == nil {
            // A checkpoint of a run has its own.
            tensors = try tensors.filter { !MotionConfiguration.owns($0.key) }.merging(motion.tensors()) { $1 }
            origin += " with \(motion.url.path)"
        }
        return (configuration, ParameterStore(tensors, from: origin, on: placement))
    }

    private func unetTensors(_ configuration: UNetConfiguration, _ weights: URL?) throws -> (tensors: [String: Tensor], origin: String) {
        switch unetPart {
        case .folder(let part, let named): try part.tensors(from: weights ?? named)
        case .file(let file):
            try weights.map { try PipelineFolder(location).unet.tensors(from: $0) } ?? (tensors: file.unetTensors(configuration), origin: file.file.url.path)
        }
    }

    // MARK: Identities

    /// Of the files that hold a network's weights, as they are now: while they stay the same, so do its tensors. Nil where that cannot be told.
    public var textEncoderFiles: [FileIdentity]? { textEncoderChanges == nil ? Self.files(of: textEncoderPart) : nil }
    public var autoencoderFiles: [FileIdentity]? { Self.files(of: autoencoderPart) }
    public var unetFiles: [FileIdentity]? {
        guard let motion else { return Self.files(of: unetPart) }
        let added = motion.files.compactMap { FileIdentity($0.path) }
        return added.count == motion.files.count ? Self.files(of: unetPart).map { $0 + added } : nil
    }

    private static func files(of part: ModelLocation.Part) -> [FileIdentity]? {
        let urls: [URL]? =
            switch part {
            case .folder(_, let named?): [named]
            case .folder(let part, nil): (try? part.weights()).map { [$0.origin] + $0.files.map(\.url) }
            case .file(let file): [file.file.url]
            }
        guard let urls else { return nil }
        let identities = urls.compactMap { FileIdentity($0.path) }
        return identities.count == urls.count ? identities : nil
    }

    /// Of the network, with the motion modules that were added to it.
    func unetConfiguration() throws -> UNetConfiguration {
        let own = try ownUNetConfiguration()
        return try motion.map { try own.animated(by: $0) } ?? own
    }

    private func ownUNetConfiguration() throws -> UNetConfiguration {
        switch unetPart {
        case .folder(let part, _): return try UNetConfiguration(part.configuration)
        case .file(let file):
            // A UNet alone stands in for its base's, whose configuration says more than shapes do.
            switch whole.url == main.url ? nil : whole.unet {
            case .folder(let part, _)?: return try UNetConfiguration(part.configuration)
            case .file(let base)?: if let known = base.unet { return known }
            case nil: break
            }
            guard var configuration = file.unet else {
                let message = "is a UNet under diffusers' names, whose configuration they do not tell: name the model that it was trained from with --base"
                throw ConfigurationError(file: location.path, message: message)
            }
            // Those of Stable Diffusion 2.x that predict v were trained on larger pictures.
            if file.isSecondGeneration, try prediction().value == .velocity { configuration.sampleSize = 96 }
            return configuration
        }
    }

    // MARK: Noise process

    /// What the UNet predicts, and what says so. Throws where nothing does and there is no telling, or where the caller contradicts it.
    public func prediction() throws -> Said<PredictionType> {
        let stated = try statedPrediction()
        if let given = source.prediction {
            guard let stated, stated.value != given else { return stated ?? Said(value: given, by: "--prediction") }
            let message =
                "\(stated.by) says that it predicts \(stated.value.rawValue), --prediction says \(given.rawValue): leave the option out, or correct the file"
            throw ConfigurationError(file: location.path, message: message)
        }
        if let stated { return stated }
        if whole.url != main.url, let file = whole.file, let stated = file.statedPrediction { return stated }
        if let scheduler = whole.scheduler {
            return Said(value: try SchedulerConfiguration(contentsOf: scheduler).predictionType ?? .epsilon, by: scheduler.lastPathComponent)
        }
        if let file = whole.file, file.isSecondGeneration || file.statements.isZeroTerminal?.value == true {
            let kind =
                file.isSecondGeneration ? "is of Stable Diffusion 2.x, whose models come in both kinds, and" : "has a schedule that ends in pure noise and"
            let choice = "choose --prediction epsilon (as the 512-base models do) or --prediction v (as the 768-v models do)"
            let message = "\(kind) does not say what it predicts: \(choice)"
            throw ConfigurationError(file: whole.url.path, message: message)
        }
        return Said(value: .epsilon, by: "nothing says so; Stable Diffusion 1.x does")
    }

    /// What is said of the UNet itself.
    private func statedPrediction() throws -> Said<PredictionType>? {
        if let file = main.file { return file.statedPrediction }
        guard let scheduler = main.scheduler else { return nil }
        return try SchedulerConfiguration(contentsOf: scheduler).predictionType.map { Said(value: $0, by: scheduler.lastPathComponent) }
    }

    /// The scheduler's file, for clips with the noise schedule that motion modules know: see ``motionNotes()``.
    public func scheduler() throws -> SchedulerConfiguration {
        try hasPictureScheduler ? ownScheduler().forClips : ownScheduler()
    }

    /// Whether motion modules meet the scheduler of a model of pictures.
    var hasPictureScheduler: Bool {
        get throws { try (motion != nil || !whole.isPipelineOfClips) && unetConfiguration().motion != nil }
    }

    func ownScheduler() throws -> SchedulerConfiguration {
        let prediction = try prediction().value
        if let file = whole.file { return try file.scheduler(prediction) }
        guard let folder = whole.scheduler else {
            let message = "has no scheduler, which tells the noise schedule: name the model that it was trained from with --base"
            throw ConfigurationError(file: whole.url.path, message: message)
        }
        var scheduler = try SchedulerConfiguration(contentsOf: folder)
        if prediction != scheduler.predictionType ?? .epsilon { scheduler.predictionType = prediction }
        return scheduler
    }
}
