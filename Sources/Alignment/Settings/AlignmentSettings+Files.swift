import Diffusion
import Foundation
import Storage

extension AlignmentSettings {
    /// Where latents and text states are kept.
    public func cacheFolder(of directory: RunDirectory) -> URL { run.cache.map { URL(fileURLWithPath: $0) } ?? directory.cache }

    /// Throws `FileUseError` where the run would write over what it reads, or where its cache would lie among its results.
    /// - Parameter name: of a setting, for people
    public func checkFiles(in directory: RunDirectory, naming name: (String) -> String = { $0 }) throws {
        func setting(_ path: PartialKeyPath<AlignmentSettings>) -> String { name(Self.setting(at: path).name) }
        let own = run.cache.map { URL(fileURLWithPath: $0) }.flatMap { FileUse.lies($0, within: directory.cache) ? nil : $0 }
        var use = FileUse()
        use.reads(setting(\.model.path), BuiltInModel.resolve(model.path))
        use.reads(setting(\.model.base), model.base.map(BuiltInModel.resolve))
        use.reads(setting(\.model.motion), model.motion.map { URL(fileURLWithPath: $0) })
        use.reads(setting(\.model.vae), model.vae.map(BuiltInModel.resolve))
        use.reads(setting(\.model.textEncoder), model.textEncoder.map(BuiltInModel.resolve))
        use.reads(setting(\.data.winners), URL(fileURLWithPath: data.winners))
        use.reads(setting(\.adapters.from), adapters.from.map { URL(fileURLWithPath: $0) })
        // Folders of the run may be links that lead elsewhere.
        for place in [directory.root, directory.cache] + directory.folders { use.writes(name("output"), place) }
        use.writes(setting(\.run.cache), own)
        try use.check()
        var beside = FileUse()
        beside.reads(setting(\.run.cache), own)
        beside.writes(name("output"), directory.root)
        try beside.check()
    }
}
