import Foundation
import Storage
import Torch

/// A parser of outside bytes, and whole files for it to be damaged.
struct FuzzTarget: Sendable {
    let name: String
    let seeds: [Seed]
    /// Whether the format is text of tokens: JSON, YAML, tables.
    var isText = false
    /// What the format is made of, beside brackets and numbers.
    var words: [String] = []
    /// Makes a damaged file pass the checks that would keep every mutant from the rest: a checksum, a length.
    var repair: @Sendable ([UInt8]) -> [UInt8] = { $0 }
    /// Reads the file; to throw is to refuse.
    let read: @Sendable (_ file: URL) throws -> Void

    /// A file that is damaged, in a folder of others that are not.
    struct Seed: Sendable {
        /// Within the folder.
        let path: String
        let bytes: [UInt8]
        var others: [String: Data] = [:]
        /// The file's length where it is more than that of its bytes: zeros follow.
        var length = 0

    }
}

extension [FuzzTarget.Seed] {
    /// Every file of a folder that `isDamaged` names, the others beside it.
    static func folder(_ folder: URL, where isDamaged: (String) -> Bool) -> Self {
        let root = folder.resolvingSymlinksInPath().path
        let paths = (FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []).sorted().filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(root)/\($0)", isDirectory: &isFolder) && !isFolder.boolValue
        }
        let files = Dictionary(uniqueKeysWithValues: paths.map { ($0, try! Data(contentsOf: URL(fileURLWithPath: "\(root)/\($0)"))) })
        return paths.filter(isDamaged).map { path in FuzzTarget.Seed(path: path, bytes: [UInt8](files[path]!), others: files.filter { $0.key != path }) }
    }
}

extension FuzzTarget {
    /// The input of a number: which seed, and its damaged bytes. At first each of the seeds comes as it is.
    func input(_ number: Int, seed: UInt64) -> (place: Int, bytes: [UInt8]) {
        let place = number % seeds.count
        guard number >= seeds.count else { return (place, seeds[place].bytes) }
        var mutator = Mutator(seed: SeededGenerator.seed(seed, name, 0), index: number, words: words, isText: isText)
        let bytes = mutator.mutated(seeds[place].bytes, splicing: seeds.map(\.bytes))
        return (place, mutator.repairs() ? repair(bytes) : bytes)
    }
}

/// All inputs of all targets in one sequence, the targets in turn.
struct FuzzPlan: Sendable {
    let targets: [FuzzTarget]
    let seed: UInt64

    func target(_ index: Int) -> FuzzTarget { targets[index % targets.count] }

    func input(_ index: Int) -> (target: FuzzTarget, seed: FuzzTarget.Seed, place: Int, bytes: [UInt8]) {
        let target = target(index)
        let (place, bytes) = target.input(index / targets.count, seed: seed)
        return (target, target.seeds[place], place, bytes)
    }
}
