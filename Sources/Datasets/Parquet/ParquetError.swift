import Torch

/// Why a Parquet file was refused.
public struct ParquetError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Problem: Error, Sendable, Equatable {
        case notAFile
        /// By its first bytes.
        case otherKind(FileKind)
        /// What Arrow says of the file.
        case arrow(String)
        /// No column could be this, or several could: which there are.
        case noColumn(Role, among: [String])
        case severalColumns(Role, [String])
        /// A column that was asked for is not there, or not of the kind that is needed.
        case unsuitable(Role, name: String, among: [String])
    }

    /// What a column is wanted for.
    public enum Role: String, Sendable { case image, caption }

    public let path: String
    public let problem: Problem

    public var description: String { "\(path): \(problem)" }
}

extension ParquetError.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notAFile: "not a regular file"
        case .otherKind(let kind): kind.sentence
        case .arrow(let message): "cannot be read as Parquet: \(message)"
        case .noColumn(let role, let names):
            "no column is clearly the \(role.rawValue); there are \(names.joined(separator: ", ")). "
                + "`seppo data convert` makes an image folder of it, with \(role.option) NAME"
        case .severalColumns(let role, let names):
            "more than one column could be the \(role.rawValue): \(names.joined(separator: ", ")). "
                + "`seppo data convert` makes an image folder of it, with \(role.option) NAME"
        case .unsuitable(let role, let name, let names):
            "no column \(name) that could be the \(role.rawValue); there are \(names.joined(separator: ", "))"
        }
    }
}

extension ParquetError.Role {
    var option: String { "--\(rawValue)-column" }
}
