import Foundation
import Networks
import Storage
import Torch

extension ModelFiles {
    /// What people should know of a model's motion modules and their noise schedule, a sentence each.
    public func motionNotes() throws -> [String] {
        try (motion.map { file in file.notes.map { "\(file.url.path): \($0)" } } ?? []) + [schedulerNote()].compactMap { $0 }
    }

    /// What became of the noise schedule of a model that draws clips; nil where nothing is to be said.
    private func schedulerNote() throws -> String? {
        let own = try ownScheduler()
        if try hasPictureScheduler {
            let former = own.betaSchedule ?? .linear
            guard own != own.forClips else { return nil }
            return "noise schedule: linear betas, timesteps by linspace, as the motion modules were trained, in place of the model's own"
                + (former == .linear ? "" : " (\(former.rawValue))")
        }
        guard try unetConfiguration().motion != nil, let kind = own.betaSchedule, kind != .linear else { return nil }
        return "its scheduler says \(kind.rawValue) betas: motion modules are trained with linear ones, and another schedule can wash the clips out"
    }

    /// Whether it draws clips.
    public func drawsClips() throws -> Bool { try unetConfiguration().motion != nil }

    /// Throws `MotionError` where it draws no clips, or none of so many frames.
    public func check(frames: Int) throws {
        guard let motion = try unetConfiguration().motion else { throw MotionError.noMotion }
        try motion.check(frames: frames)
    }
}

extension UNetConfiguration {
    /// The motion modules among a network's tensors as diffusers' adapter; nil for a model of pictures.
    func motionAdapter(_ tensors: [(name: String, value: Tensor)]) throws -> PipelineFolder.Network? {
        guard motion != nil else { return nil }
        return (try MotionAdapterConfiguration(of: self).json, tensors.filter { MotionConfiguration.owns($0.name) })
    }
}

extension PipelineFolder {
    /// Writes a folder as diffusers' `MotionAdapter.save_pretrained` does.
    public static func writeMotionAdapter(_ tensors: [(name: String, value: Tensor)], of unet: UNetConfiguration, to folder: URL) throws {
        guard let adapter = try unet.motionAdapter(tensors) else { throw MotionError.noMotion }
        try Part.unet(folder).write(adapter)
    }

    /// Writes a folder as diffusers' `UNetMotionModel.save_pretrained` does, or `UNet2DConditionModel`'s.
    public static func writeUNet(_ tensors: [(name: String, value: Tensor)], of unet: UNetConfiguration, to folder: URL) throws {
        try Part.unet(folder).write((unet.json, tensors))
    }
}
