import Diffusion
import Foundation
import Storage

extension AlignmentSettings {
    /// Throws `FileUseError` where the run would write over what it reads, or where its cache would lie among its results.
    /// - Parameter name: of a setting, for people
    public func checkFiles(in directory: RunDirectory, naming name: (String) -> String = { $0 }) throws {
        let own = run.cache.map { URL(fileURLWithPath: $0) }.flatMap { FileUse.lies($0, within: directory.cache) ? nil : $0 }
        var use = FileUse()
        use.reads(name("model"), BuiltInModel.resolve(model.path))
        use.reads(name("base"), model.base.map(BuiltInModel.resolve))
        use.reads(name("vae"), model.vae.map(BuiltInModel.resolve))
        use.reads(name("text-encoder"), model.textEncoder.map(BuiltInModel.resolve))
        use.reads(name("winners"), URL(fileURLWithPath: data.winners))
        use.reads(name("lora-from"), adapters.from.map { URL(fileURLWithPath: $0) })
        // Folders of the run may be links that lead elsewhere.
        for place in [directory.root, directory.cache] + directory.folders { use.writes(name("output"), place) }
        use.writes(name("cache"), own)
        try use.check()
        var beside = FileUse()
        beside.reads(name("cache"), own)
        beside.writes(name("output"), directory.root)
        try beside.check()
    }
}
