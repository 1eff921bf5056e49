import Diffusion
import Encoding
import Foundation
import Media
import Networks
import Storage
import Torch
import Winners

/// Images or clips of the checkpoints at fixed prompts and seeds, drawn as the run draws its losing samples.
struct ValidationSamples {
    let settings: AlignmentSettings
    let pipeline: DenoisingPipeline
    let winners: EncodedWinners
    /// The winners whose captions are the prompts.
    let rows: [Int]
    let autoencoder: () throws -> Autoencoder

    init(
        _ settings: AlignmentSettings, _ pipeline: DenoisingPipeline, _ winners: EncodedWinners, rows: [Int], autoencoder: @escaping () throws -> Autoencoder
    ) {
        self.settings = settings
        self.pipeline = pipeline
        self.winners = winners
        self.rows = rows
        self.autoencoder = autoencoder
    }

    /// The first winner of each of `count` captions, those held out before the others.
    static func rows(_ captions: [String], _ heldOut: HeldOutSplit, count: Int) -> [Int] {
        var seen: Set<String> = []
        return Array((heldOut.heldOut + heldOut.training).filter { seen.insert(captions[$0]).inserted }.prefix(count))
    }

    /// Draws image i at seed + i and writes a folder of them, with their captions in `metadata.jsonl`. Of a clip the image is its frames side by side, and
    /// an animation of the same name lies beside it.
    /// - Returns: how many there are: none where the network's answers are not finite
    func draw(_ denoiser: any Denoiser, to folder: URL) throws -> Int {
        let drawn: [[RGBImage]]
        do {
            drawn = try self.drawn(denoiser)
        } catch GenerationError.notFinite {
            // The log and its alarms tell of that; the run itself decides whether it goes on.
            return 0
        }
        try createFolder(folder)
        for (index, frames) in drawn.enumerated() {
            let image = frames.count == 1 ? frames[0] : RGBImage.sheet(frames, columns: frames.count)
            try image.writePNG(to: folder.appendingPathComponent(Sample.fileName(index)))
            guard frames.count > 1 else { continue }
            try Clip(try frames.map(Self.preview), rate: ClipSource.usualRate).write(to: folder.appendingPathComponent(Sample.animationName(index)))
        }
        let lines = try rows.indices.map { index in
            let sample = Sample(fileName: Sample.fileName(index), text: winners.captions[rows[index]], seed: settings.run.seed &+ UInt64(index))
            return try JSONLines.line(sample)
        }
        try writeAtomically(lines.reduce(Data(), +), to: folder.appendingPathComponent("metadata.jsonl"))
        return drawn.count
    }

    /// Small enough for a page that shows many.
    private static func preview(_ frame: RGBImage) throws -> RGBImage {
        min(frame.width, frame.height) > 192 ? try frame.resized(shorterSide: 192) : frame
    }

    /// The frames of each; one where the model draws pictures.
    private func drawn(_ denoiser: any Denoiser) throws -> [[RGBImage]] {
        let shape = winners.latentShape
        // Half as many as without guidance, which doubles the batch.
        let size = max(1, FixedDenoisingErrors.batch(latents: shape) / 2)
        let latents = try noGradients {
            try stride(from: 0, to: rows.count, by: size).map { first in
                let part = first..<min(first + size, rows.count)
                return try pipeline.latents(
                    winners.conditioning(Array(rows[part])), unconditional: winners.unconditional, seeds: part.map { settings.run.seed &+ UInt64($0) },
                    shape: shape, settings: settings.sampling, denoiser: denoiser)
            }
        }
        let autoencoder = try autoencoder()
        // One at a time: decoding is what needs most memory.
        return try latents.flatMap { batch in
            try (0..<batch.size(0)).map { index in
                // Of a clip the axis of frames takes the place of that of examples.
                let frames = batch.rank == 5 ? batch[index].transposed(0, 1) : batch[index..<index + 1]
                return try (0..<frames.size(0)).map { frame in
                    let image = noGradients { autoencoder.decode(frames[frame..<frame + 1]) }
                    guard image.isFinite else { throw GenerationError.notFinite("images", seeds: []) }
                    return RGBImage(image[0])
                }
            }
        }
    }
}

/// An image that was drawn on the way: a line of `metadata.jsonl`, so that the folder is a data set again.
public struct Sample: Codable, Equatable, Sendable {
    public var fileName: String
    public var text: String
    public var seed: UInt64

    enum CodingKeys: String, CodingKey {
        case fileName = "file_name"
        case text, seed
    }

    static func fileName(_ index: Int) -> String { String(format: "%02d.png", index) }
    static func animationName(_ index: Int) -> String { String(format: "%02d.gif", index) }

    /// The images in a folder of them, in order, and the animations of those that are clips; none where it is not whole.
    public static func all(in folder: URL) -> [(sample: Sample, png: Data, gif: Data?)] {
        guard let lines = try? Data(contentsOf: folder.appendingPathComponent("metadata.jsonl")) else { return [] }
        return JSONLinesReader(lines).enumerated().compactMap { index, line in
            guard let sample = try? line.decoded(Sample.self), sample.fileName == fileName(index),
                let png = try? Data(contentsOf: folder.appendingPathComponent(sample.fileName))
            else { return nil }
            return (sample, png, try? Data(contentsOf: folder.appendingPathComponent(animationName(index))))
        }
    }
}
