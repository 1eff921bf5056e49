import Storage

/// Why a safetensors file was refused, or could not be written.
public struct SafeTensorsError: Error, Equatable, CustomStringConvertible {
    public let path: String
    public let problem: Problem

    public enum Problem: Error, Equatable {
        case file(FileError)
        case notAFile
        /// By its first bytes.
        case otherKind(FileKind)
        case truncated(size: Int)
        case headerTooLong(UInt64)
        case headerBeyondFile(length: Int, size: Int)
        case notJSON(String, byte: Int)
        case notUTF8(byte: Int)
        case duplicateName(String)
        case unknownKey(tensor: String, key: String)
        case missingKey(tensor: String, key: String)
        case unknownDType(tensor: String, dtype: String)
        case unsupportedDType(tensor: String, dtype: String)
        case subByteDType(tensor: String, dtype: String)
        case tooManyAxes(tensor: String)
        case shapeOverflow(tensor: String)
        case reversedOffsets(tensor: String, start: Int, end: Int)
        case offsetsBeyondFile(tensor: String, end: Int, data: Int)
        case wrongSize(tensor: String, bytes: Int, expected: Int)
        case overlap(tensor: String, other: String)
        case gap(before: String, bytes: Int)
        case trailingBytes(Int)
        case noSuchTensor(String)
        case notBoolean(tensor: String)
        case reservedName
        case damaged
        case libtorch(tensor: String, message: String)
    }

    public var description: String { "\(path): \(problem)".printable }
}

extension SafeTensorsError.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let error): "cannot \(error.operation) it: \(error.reason)"
        case .notAFile: "is a folder, a pipe or a device, not a file"
        case .otherKind(let kind): kind.sentence
        case .truncated(let size):
            size == 0
                ? "the file is empty: download it again"
                : "\(size) bytes are too few for a safetensors file: truncated? Was its download cut short?"
        case .headerTooLong(let length):
            "is not a safetensors file: its header would have \(length) bytes, of which the format allows \(SafeTensors.longestHeader)"
        case .headerBeyondFile(let length, let size):
            "the header claims \(length) bytes, the file has \(size): truncated? Was its download cut short? Get it again"
        case .notJSON(let what, let byte): "the header is not what the format demands: \(what) at byte \(byte)"
        case .notUTF8(let byte): "the header is not UTF-8 in the text at byte \(byte)"
        case .duplicateName(let name): "the name \(name) occurs twice"
        case .unknownKey(let tensor, let key): "tensor \(tensor) has an unknown key \(key)"
        case .missingKey(let tensor, let key): "tensor \(tensor) has no \(key)"
        case .unknownDType(let tensor, let dtype): "tensor \(tensor) has the unknown element type \(dtype)"
        case .unsupportedDType(let tensor, let dtype): "tensor \(tensor) has the element type \(dtype), which is not supported here"
        case .subByteDType(let tensor, let dtype): "tensor \(tensor) has the element type \(dtype), less than a byte, which is not supported here"
        case .tooManyAxes(let tensor): "tensor \(tensor) has more than \(SafeTensors.mostAxes) axes"
        case .shapeOverflow(let tensor): "tensor \(tensor) has more elements than a number can count"
        case .reversedOffsets(let tensor, let start, let end): "tensor \(tensor) ends at \(end), before it starts at \(start)"
        case .offsetsBeyondFile(let tensor, let end, let data):
            "tensor \(tensor) ends at \(end), the file has \(data) bytes of data: truncated? Was its download cut short? Get it again"
        case .wrongSize(let tensor, let bytes, let expected): "tensor \(tensor) has \(bytes) bytes, its shape and element type need \(expected)"
        case .overlap(let tensor, let other): "tensors \(tensor) and \(other) overlap"
        case .gap(let tensor, let bytes): "\(bytes) bytes before tensor \(tensor) belong to no tensor"
        case .trailingBytes(let count): "\(count) bytes after the last tensor belong to no tensor"
        case .noSuchTensor(let name): "no tensor \(name)"
        case .notBoolean(let tensor): "tensor \(tensor) is of booleans, but has bytes other than 0 and 1"
        case .reservedName: "__metadata__ cannot be the name of a tensor"
        case .damaged: "is damaged: its bytes are no longer those that were written"
        case .libtorch(let tensor, let message): "tensor \(tensor): \(message)"
        }
    }
}
