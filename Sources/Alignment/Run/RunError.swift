/// Why a run does not start or go on.
public enum RunError: Error, CustomStringConvertible {
    case unusable(String, String)
    case locked(String)
    case exists(String)
    /// Files that no run has written where this one would write.
    case inTheWay([String], folder: String)
    case foreignSettings(String, reason: String)
    case stateLost(LostState)
    case differs([String])
    case notFinite(Int)
    /// No update of the run was taken.
    case noneTaken(Int)
    /// Nothing finite comes out of the policy that the last update has left.
    case spoilt
    /// A setting that makes no sense, or does not suit the model.
    case setting(String)
    case state(String)
    case disk(needed: Int, free: Int, String)
    case model(String)

    public var description: String {
        switch self {
        case .unusable(let path, let reason): "\(path): \(reason)"
        case .locked(let path): "\(path): another process is working on this run"
        case .exists(let path): "\(path) already holds a run: go on with --resume, or choose another --output"
        case .inTheWay(let files, let folder):
            "\(folder) holds files where a run would write that it has not written: \(files.prefix(5).joined(separator: ", "))"
                + (files.count > 5 ? " and \(files.count - 5) more" : "") + "; choose another --output, or move them away"
        case .foreignSettings(let path, let reason): "\(path) is not the record of a run (\(reason)): choose another --output, or move it away"
        case .stateLost(let lost): "\(lost)"
        case .differs(let changes):
            "the run was begun with something else; resume it with the same, or choose another --output:\n  " + changes.joined(separator: "\n  ")
        case .notFinite(let count):
            "the loss or its gradient was not finite in \(count) updates in a row; the last good state is kept. A lower learning rate or beta may help"
        case .noneTaken(let count):
            "\(count == 1 ? "the only update was" : "all \(count) updates were") left out, because the loss or its gradient was not finite: nothing was trained and no "
                + "model is written. A lower beta or guidance, or a precision of f32 or bf16, may help"
        case .spoilt:
            "the last update has left weights from which nothing finite comes: no model is written, and the last good state is kept. A lower learning rate may help"
        case .setting(let message): message
        case .state(let message): message
        case .disk(let needed, let free, let path):
            "\(path): a run with these settings needs about \(needed >> 20) MB, and \(free >> 20) MB are free"
        case .model(let message): message
        }
    }
}

/// A run whose saved state is gone or damaged: what is still there, and what it could go on from.
public struct LostState: Sendable, CustomStringConvertible {
    public let folder: String
    /// What is wrong with the state.
    public let reason: String
    /// Such as "a log of 30 updates".
    public let remains: [String]
    /// The newest iteration whose policy is whole, with its updates; nil where there is none.
    public let checkpoint: (k: Int, updates: Int)?

    public var description: String {
        let found = remains.isEmpty ? "" : "; still there: \(remains.joined(separator: ", "))"
        return "\(folder): the saved state of this run cannot be read: \(reason)\(found). Nothing was changed"
    }
}
