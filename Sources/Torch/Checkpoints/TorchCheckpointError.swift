import Storage

/// Why a checkpoint of torch was refused.
public struct TorchCheckpointError: Error, Equatable, CustomStringConvertible {
    public let path: String
    public let problem: Problem

    public enum Problem: Error, Equatable {
        case file(SafeTensorsError.Problem)
        /// Neither of the two forms that `torch.save` writes.
        case otherKind(FileKind?)
        case truncated(byte: Int)
        case limit(String, byte: Int)
        case malformed(String, byte: Int)
        /// Of a pickle, one that no file of tensors needs.
        case opcode(String, byte: Int)
        /// A name that a pickle would import.
        case global(String, byte: Int)
        case beyondStorage(key: String, byte: Int)
        case archive(String)
        case torchScript
        case bigEndian
        case damaged(entry: String)
        case missingStorage(String)
        case storageSize(key: String, bytes: Int, needed: Int)
        case storageDiffers(String)
        case leftOver(Int)
        case noTensors
        case duplicateName(String)
        case tooDeep
        case tooMany
        case noSuchTensor(String)
        case libtorch(tensor: String, message: String)
    }

    public var description: String { "\(path): \(problem)".printable }
}

extension TorchCheckpointError.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let problem): "\(problem)"
        case .otherKind(let kind): kind?.sentence ?? "is no checkpoint of torch"
        case .truncated(let byte): "ends at byte \(byte), in the middle of a pickle: truncated? Was its download cut short?"
        case .limit(let what, let byte): "has \(what) at byte \(byte), which no checkpoint needs"
        case .malformed(let what, let byte): "is not what torch writes: \(what) at byte \(byte)"
        case .opcode(let what, let byte): "holds more than tensors: \(what) at byte \(byte) of its pickle. Only tensors are read, and nothing is executed"
        case .global(let name, let byte):
            "holds more than tensors: it names \(name) at byte \(byte) of its pickle. Only tensors are read, and nothing is executed"
        case .beyondStorage(let key, let byte): "a tensor at byte \(byte) of its pickle reaches beyond its storage \(key)"
        case .archive(let what): "is a zip archive that torch did not write: \(what)"
        case .torchScript: "is a TorchScript program, not a file of tensors: its weights are read where they are published as a checkpoint or as safetensors"
        case .bigEndian: "was written on a big-endian machine, which is not read"
        case .damaged(let entry): "is damaged: \(entry) is not what was written"
        case .missingStorage(let key): "lacks storage \(key): truncated? Was its download cut short?"
        case .storageSize(let key, let bytes, let needed): "storage \(key) has \(bytes) bytes, its tensors need \(needed)"
        case .storageDiffers(let key): "says of storage \(key) two things"
        case .leftOver(let count): "\(count) bytes after the last storage belong to nothing"
        case .noTensors: "holds no tensor"
        case .duplicateName(let name): "the name \(name) occurs twice"
        case .tooDeep: "is nested more than \(TorchCheckpoint.deepest) levels deep"
        case .tooMany: "holds more than \(TorchCheckpoint.mostLeaves) values"
        case .noSuchTensor(let name): "no tensor \(name)"
        case .libtorch(let tensor, let message): "tensor \(tensor): \(message)"
        }
    }
}
