import Storage

/// Why a Parquet file was refused.
public struct ParquetError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Problem: Error, Sendable, Equatable {
        case notAFile
        /// By its first bytes.
        case otherKind(FileKind)
        /// What Arrow says of the file.
        case arrow(String)
        /// No column bears a name that tells, or several do.
        case noColumn(Role, among: [String])
        case severalColumns(Role, [String])
        /// The column that bears the name is of a type that cannot be used.
        case unusable(Role, name: String, type: String, instead: [String])
        /// The columns that are found, and those of a file in another folder.
        case otherColumns(String, String, in: String)
        /// A column that was asked for is not there.
        case missing(Role, name: String, among: [String])
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
            "no column is called as the \(role.rawValue) would be (\(role.names)); there are \(names.joined(separator: ", ")). Name one with \(role.option)"
        case .severalColumns(let role, let names):
            "more than one column could be the \(role.rawValue): \(names.joined(separator: ", ")). Name one with \(role.option)"
        case .unusable(let role, let name, let type, let others):
            "\(name) is \(type), which is no \(role.rawValue): \(role.demand)"
                + (others.isEmpty ? "" : ". Name another column with \(role.option): \(others.joined(separator: ", "))")
        case .otherColumns(let columns, let others, let file):
            "\(columns) are found here, and \(others) in \(file), in another folder: give the folder or file of the data set that is meant"
        case .missing(let role, let name, let names):
            "there is no column \(name) to be the \(role.rawValue); there are \(names.joined(separator: ", "))"
        }
    }
}

extension ParquetError.Role {
    var option: String { "--\(rawValue)-column" }

    /// The names that tell, for people.
    var names: String { self == .image ? "image, jpg, png …" : "text, caption, captions or prompt" }

    var demand: String {
        self == .image ? "a picture's own bytes are needed; addresses, paths, base64 and lists are not read" : "text or a list of texts is needed"
    }
}
