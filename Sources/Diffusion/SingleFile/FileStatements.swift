import Foundation
import Storage
import Torch

/// A value, and what says so.
public struct Said<Value: Sendable & Equatable>: Sendable {
    public let value: Value
    /// For people, such as "fluffy.yaml".
    public let by: String
}

/// What a single file states about its noise process beside its tensors: in its header, by tensors that stand as marks, and in the configuration of
/// latent-diffusion's code beside it.
///
/// Sources: Stability-AI/ModelSpec (`modelspec.…`), kohya-ss/sd-scripts (`ss_…`, `library/sai_model_spec.py`), ComfyUI (`modelspec.predict_key`, `v_pred`,
/// `ztsnr`, in `comfy_extras/nodes_model_merging.py`).
struct FileStatements: Sendable {
    private(set) var prediction: Said<PredictionType>?
    /// Whether the schedule ends in pure noise (zero terminal SNR).
    private(set) var isZeroTerminal: Said<Bool>?
    private(set) var sidecar: SidecarConfiguration?
    private let file: String

    /// - Parameter names: of the file's tensors, without what wraps them all
    init(_ file: SafeTensorsFile, names: some Collection<String>) throws {
        self.file = file.url.path
        let metadata = file.metadata
        for key in ["modelspec.prediction_type", "modelspec.predict_key", "prediction_type"] {
            guard let text = metadata[key], !text.isEmpty else { continue }
            guard let type = PredictionType(word: text) else { throw wrong("its header says \(key) = \(text.quotedForMessage), which is not supported") }
            try state(type, "the file's header (\(key))")
        }
        let architecture = metadata["modelspec.architecture"] ?? ""
        for (end, type) in [("v2-768-v", PredictionType.velocity), ("v2-512", .epsilon)] where architecture.hasPrefix("stable-diffusion-\(end)") {
            try state(type, "the file's header (modelspec.architecture)")
        }
        if let predictsVelocity = try flag("ss_v_parameterization", metadata) {
            try state(predictsVelocity ? .velocity : .epsilon, "the file's header (ss_v_parameterization)")
        }
        if let isZero = try flag("ss_zero_terminal_snr", metadata) { try state(isZeroTerminal: isZero, "the file's header (ss_zero_terminal_snr)") }
        if names.contains("v_pred") { try state(.velocity, "its tensor v_pred") }
        if names.contains("ztsnr") { try state(isZeroTerminal: true, "its tensor ztsnr") }
        sidecar = try SidecarConfiguration(beside: file.url)
        guard let sidecar else { return }
        if let type = sidecar.prediction { try state(type, sidecar.url.lastPathComponent) }
        if let isZero = sidecar.isZeroTerminal { try state(isZeroTerminal: isZero, sidecar.url.lastPathComponent) }
    }

    /// Tensors that state something and are no weights.
    static let marks: Set<String> = ["v_pred", "ztsnr"]

    private func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: file, message: message) }

    private func flag(_ key: String, _ metadata: [String: String]) throws -> Bool? {
        switch metadata[key]?.lowercased() {
        case nil, "", "none": return nil
        case "true", "1": return true
        case "false", "0": return false
        case let text?: throw wrong("its header says \(key) = \(text.quotedForMessage), which is neither true nor false")
        }
    }

    private mutating func state(_ type: PredictionType, _ by: String) throws {
        if let prediction, prediction.value != type {
            throw wrong("\(prediction.by) says that it predicts \(prediction.value.rawValue), \(by) \(type.rawValue): correct the one that is wrong")
        }
        prediction = prediction ?? Said(value: type, by: by)
    }

    private mutating func state(isZeroTerminal isZero: Bool, _ by: String) throws {
        if let known = isZeroTerminal, known.value != isZero {
            throw wrong("\(known.by) and \(by) contradict each other about a zero terminal signal-to-noise ratio: correct the one that is wrong")
        }
        isZeroTerminal = isZeroTerminal ?? Said(value: isZero, by: by)
    }
}

extension PredictionType {
    /// By any of the words that programs have for it.
    public init?(word: String) {
        switch word.lowercased() {
        case "epsilon", "eps", "noise": self = .epsilon
        case "v", "v_prediction", "v-prediction", "v_pred", "vpred", "velocity": self = .velocity
        default: return nil
        }
    }
}
