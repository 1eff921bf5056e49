import Diffusion
import Foundation
import Storage
import Torch

/// The files that a run writes, told by their names from anybody else's.
extension RunDirectory {
    /// At its root, beside `run.yaml` and the lock.
    private var records: [URL] { [log, validation, heldOut, skippedFiles, adapters, evaluation, report, scores] }
    var folders: [URL] { [state, checkpoints, samples, events.deletingLastPathComponent(), model] }

    /// The results of a run that are there: every file that one would write beside `run.yaml`, the lock and the encoded winners. Files of other names in
    /// its folders are not among them.
    var results: [URL] {
        var files = records + states + [statePointer, events]
        for folder in Self.entries(/\d{4,}/, in: checkpoints) { files += Self.entries(/(?:unet|lora|motion)\.safetensors|config\.json/, in: folder) }
        for folder in Self.entries(/k\d{4,}/, in: samples) { files += Self.entries(/\d{2,}\.(?:png|gif)|metadata\.jsonl/, in: folder) }
        return (files + pipeline).filter(Self.isThere)
    }

    /// Saved states.
    var states: [URL] { Self.entries(/\d{8,}\.safetensors/, in: state) }

    /// What a run writes when it is done, as far as it is there.
    var finalResults: [URL] { ([adapters, evaluation, report, scores] + pipeline).filter(Self.isThere) }

    /// Whether what a run ends with is there: the aligned pipeline, every tensor in its place, and the adapters where these were trained.
    func hasResults(_ settings: AlignmentSettings, unet: [String: [Int]]) -> Bool {
        if settings.trainsAdapters, (try? SafeTensorsFile(adapters)) == nil { return false }
        return (try? ModelFiles(model).check(unet: unet)) != nil
    }

    /// Records of a finished run that are gone or cut short: its results stand without them, and nothing makes them again.
    public func missingRecords(_ settings: AlignmentSettings) -> [String] {
        let checkpoints = (1...settings.optimisation.iterations).map { checkpoint($0, of: settings.trainedKind) }
        let gone = checkpoints.filter { (try? SafeTensorsFile($0)) == nil }.map(\.path)
        return (RunLog.wholeUpdates(log) < settings.totalUpdates ? [log.path] : []) + gone
    }

    /// Whatever lies where the aligned pipeline does.
    private var pipeline: [URL] {
        let folder = PipelineFolder(model)
        return [folder.index] + folder.folders.flatMap { Self.entries(/.+/, in: $0) }
    }

    /// What stands where a new run would write: results of who knows what, and files where it makes folders.
    var obstacles: [URL] {
        results + folders.filter { Self.isThere($0) && !Self.isFolder($0) }
    }

    /// Whether a file at this place would be one of the run's own.
    public func claims(_ url: URL) -> Bool {
        ([configuration, root.appendingPathComponent(Self.lockFile)] + records + folders + [cache]).contains { FileUse.lies(url, within: $0) }
    }

    /// Removes the temporary files of a process that was killed while it wrote. To be called by the holder of the run alone.
    func removeLeftovers() throws {
        func within(_ folder: URL) -> [URL] { [folder] + Self.entries(/.+/, in: folder).filter(Self.isFolder) }
        for folder in [root] + folders.flatMap(within) where Self.isFolder(folder) { try AtomicFile.removeLeftovers(in: folder) }
    }

    /// Removes the results of a run that has saved nothing; its configuration and the encoded winners stay.
    func removeResults() {
        let results = results
        for file in results { unlink(file.path) }
        // Empty ones alone can be removed.
        for folder in Set(results.map { $0.deletingLastPathComponent().path }) where folder != root.path && folder != state.path { rmdir(folder) }
        for folder in folders where folder != state { rmdir(folder.path) }
    }

    /// Removes the run: all that it has written, and the folder where nothing else is left in it.
    public func remove() throws {
        try removeLeftovers()
        removeResults()
        for file in [configuration, root.appendingPathComponent(Self.lockFile)] { unlink(file.path) }
        for folder in [state, root] { rmdir(folder.path) }
    }

    /// What a folder holds under names of that kind.
    private static func entries(_ pattern: Regex<Substring>, in folder: URL) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().filter { $0.wholeMatch(of: pattern) != nil }.map(folder.appendingPathComponent)
    }

    /// A link that leads nowhere is there, too.
    private static func isThere(_ url: URL) -> Bool {
        var status = stat()
        return lstat(url.path, &status) == 0
    }

    private static func isFolder(_ url: URL) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
