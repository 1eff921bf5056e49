import Alignment
import ArgumentParser
import Commands

/// Options of which nothing comes in some combination: an effect that is asked for and does not come is refused, or at least said, not passed over in
/// silence.
struct IdleOptions {
    /// Without dashes.
    let names: [String]
    let areIdle: Bool
    /// Follows "has no effect".
    let reason: String
    /// False for options that a command line may keep for every method, and whose result is the same: these are only said to be idle.
    let areRefused: Bool

    init(_ names: String..., when areIdle: Bool, refused areRefused: Bool = true, _ reason: String) {
        (self.names, self.areIdle, self.areRefused, self.reason) = (names, areIdle, areRefused, reason)
    }

    init(_ names: [String], when areIdle: Bool, _ reason: String) {
        (self.names, self.areIdle, self.areRefused, self.reason) = (names, areIdle, true, reason)
    }

    /// Those of settings of a run.
    init(_ settings: PartialKeyPath<AlignmentSettings>..., when areIdle: Bool, refused areRefused: Bool = true, _ reason: String) {
        (names, self.areIdle, self.areRefused, self.reason) = (settings.map { AlignmentSettings.setting(at: $0).name }, areIdle, areRefused, reason)
    }
}

/// A command with such options.
protocol RefusesIdleOptions: ParsableCommand {
    /// By what this command was given. Only those that were given are refused.
    var idleOptions: [IdleOptions] { get }

    /// Whether an option has the value that it would have without being given. A file of all settings, such as a run's, gives those too.
    func isByDefault(_ option: String) throws -> Bool
}

extension RefusesIdleOptions {
    func isByDefault(_ option: String) -> Bool { false }

    /// Throws with the first option that was given for nothing, and says which others were.
    func refuseIdleOptions(_ given: GivenOptions) throws {
        for idle in idleOptions where idle.areIdle {
            for name in idle.names {
                guard try given.onCommandLine.contains(name) || given.inFile.contains(name) && !isByDefault(name) else { continue }
                guard !idle.areRefused else { throw ValidationError("--\(name) has no effect \(idle.reason)") }
                Console.line("note: --\(name) has no effect \(idle.reason)")
            }
        }
    }
}
