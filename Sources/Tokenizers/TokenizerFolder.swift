import Foundation
import Storage

/// The files of a tokenizer folder as bytes and as decoded JSON, every failure a `TokenizerError`.
struct TokenizerFolder {
    let url: URL

    /// CLIP's largest file, `tokenizer.json`, has 2.2 MB; whatever is far larger was not meant for this program.
    private static let largestFile = 64 << 20

    /// The file's bytes, or nil if there is none of that name.
    func bytes(of name: String) throws -> Data? {
        let file = url.appendingPathComponent(name).resolvingSymlinksInPath()
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let data: Data
        do {
            data = try RegularFile.bytes(file, atMost: Self.largestFile)
        } catch {
            switch error.problem {
            case .folder, .pipe, .socket, .device:
                throw TokenizerError(.file, name, "not a regular file", remedy: "Put the file itself into the tokenizer folder")
            case .tooLarge: throw TokenizerError(.file, name, "larger than 64 MB", remedy: "Check that this is a tokenizer folder")
            default: throw TokenizerError(.file, name, "\(error.problem)", remedy: "Check its permissions")
            }
        }
        switch FileKind(data) {
        case nil, .json: return data
        case let kind?: throw TokenizerError(.format, name, kind.sentence, remedy: "The file belongs into \(url.path)")
        }
    }

    func text(of name: String) throws -> String? {
        guard let data = try bytes(of: name) else { return nil }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw TokenizerError(.format, name, "not UTF-8 text", remedy: "Fetch the file again from where the model came from")
        }
        return text
    }

    func json<Value: Decodable>(_ type: Value.Type, from name: String) throws -> Value? {
        guard let data = try bytes(of: name) else { return nil }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw Self.explain(error, in: name)
        } catch {
            throw TokenizerError(.format, name, "not JSON", remedy: "Fetch the file again from where the model came from")
        }
    }

    private static func explain(_ error: DecodingError, in name: String) -> TokenizerError {
        let remedy = "Correct it, or fetch the file again from where the model came from"
        func place(_ path: [any CodingKey]) -> String {
            path.isEmpty ? "" : "at " + path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue.quotedForMessage }.joined(separator: " › ")
        }
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return TokenizerError(.format, name, at: place(context.codingPath), "wrong type: \(context.debugDescription)", remedy: remedy)
        case .keyNotFound(let key, let context):
            return TokenizerError(.format, name, at: place(context.codingPath), "\(key.stringValue.quotedForMessage) is missing", remedy: remedy)
        case .dataCorrupted(let context):
            let underlying = (context.underlyingError as NSError?)?.userInfo[NSDebugDescriptionErrorKey] as? String
            let problem = underlying ?? context.debugDescription
            return TokenizerError(.format, name, at: place(context.codingPath), "invalid JSON or value: \(problem)", remedy: remedy)
        @unknown default:
            return TokenizerError(.format, name, "not the JSON expected", remedy: remedy)
        }
    }
}
