import Diffusion
import Encoding
import Foundation
import Networks
import Storage
import Winners

/// Measures every checkpoint on winners that are not trained on, and draws images at fixed prompts and seeds.
///
/// A validation depends on its checkpoint alone, which is a file of the run: one that a kill has left out is made when the run goes on.
public final class Validator {
    private let settings: AlignmentSettings
    private let pipeline: DenoisingPipeline
    private let winners: EncodedWinners
    private let directory: RunDirectory
    private let samples: ValidationSamples?
    private let rows: [Int]
    private var log: ValidationLog
    /// Called with each new validation.
    public var onValidation: (Validation) -> Void = { _ in }

    private init(
        _ settings: AlignmentSettings, _ pipeline: DenoisingPipeline, _ winners: EncodedWinners, _ directory: RunDirectory, rows: [Int],
        _ samples: ValidationSamples?, _ log: ValidationLog
    ) {
        (self.settings, self.pipeline, self.winners, self.directory) = (settings, pipeline, winners, directory)
        (self.rows, self.samples, self.log) = (rows, samples, log)
    }

    /// Encodes what is to be looked at, and writes down which winners are held out.
    /// - Parameters:
    ///   - autoencoder: gives the autoencoder that decodes samples; it is released after each checkpoint
    ///   - encoding: called while winners are encoded; where it throws, so does this
    /// - Returns: nil where the settings ask for no validation
    public static func prepare(
        _ settings: AlignmentSettings, _ pipeline: DenoisingPipeline, _ winners: EncodedWinners, _ directory: RunDirectory,
        autoencoder: @escaping () throws -> Autoencoder, encoding: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
    ) throws -> Validator? {
        let heldOut = HeldOutSplit(of: winners, settings)
        let usable = zip(heldOut.heldOut, try winners.prepare(heldOut.heldOut, progress: encoding)).filter(\.1).map(\.0)
        try HeldOutSplit.requireSame(usable, as: directory)
        guard !heldOut.heldOut.isEmpty || settings.validation.prompts > 0 else { return nil }
        let prompts = ValidationSamples.rows(winners.captions, heldOut, count: settings.validation.prompts)
        // While the text encoder is there.
        if !prompts.isEmpty { _ = try winners.conditioning(prompts) }
        let samples = prompts.isEmpty ? nil : ValidationSamples(settings, pipeline, winners, rows: prompts, autoencoder: autoencoder)
        let lines = try usable.map { try HeldOutWinner(row: $0, caption: winners.captions[$0]).line() }
        try writeAtomically(lines.reduce(Data(), +), to: directory.heldOut)
        return Validator(settings, pipeline, winners, directory, rows: usable, samples, try ValidationLog(directory.validation))
    }

    /// Makes the validations of checkpoints 0 … `last` that are missing. After a signal it stops between two of them.
    public func run(through last: Int, of pool: ReferencePool, _ events: RunEvents, stopping signals: StopSignals) throws {
        for k in 0...last {
            if k == log.entries.count {
                guard signals.received == nil else { return }
                try log.append(validation(k, pool.denoiser(k)))
                onValidation(log.entries[k])
            }
            try events.append(log.entries[k], samples: directory.samples(k))
        }
    }

    private func validation(_ k: Int, _ denoiser: any Denoiser) throws -> Validation {
        let clock = Stopwatch()
        let errors = try FixedDenoisingErrors(seed: settings.run.seed).errors(of: denoiser, on: winners, rows: rows, schedule: pipeline.schedule)
        let areFinite = !errors.isEmpty && errors.allSatisfy(\.isFinite)
        let drawn = try samples?.draw(denoiser, to: directory.samples(k)) ?? 0
        return Validation(
            k: k, update: k * settings.optimisation.updates, denoisingError: areFinite ? errors.reduce(0, +) / Double(errors.count) : nil,
            errors: areFinite ? errors : nil, n: rows.count, samples: drawn, seconds: clock.seconds)
    }
}

/// A winner that is not trained on: a line of `held-out.jsonl`.
public struct HeldOutWinner: Codable, Equatable, Sendable {
    /// Of the winners, from 0.
    public var row: Int
    public var caption: String

    fileprivate func line() throws -> Data { try JSONLines.line(self) }
}
