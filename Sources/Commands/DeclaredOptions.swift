import ArgumentParser
import Foundation

/// The long options of one command, or of a command's command, as its declaration has them.
struct DeclaredOptions {
    struct Option {
        let isFlag: Bool
        let isRepeating: Bool
    }

    /// The command, as it is typed: `align`, or `data show`.
    let command: [String]
    /// By their names without dashes.
    let options: [String: Option]

    /// Of the command that these arguments begin with; nil where there is none.
    init?(of arguments: [String], _ root: any ParsableCommand.Type) {
        command = Self.command(of: arguments, root).names
        guard !command.isEmpty else { return nil }
        var options: [String: Option] = [:]
        for argument in Self.help(of: command, root).command.arguments ?? [] {
            for name in argument.names ?? [] where name.kind == "long" {
                options[name.name] = Option(isFlag: argument.kind == "flag", isRepeating: argument.isRepeating)
            }
        }
        self.options = options
    }

    /// The command that these arguments begin with: the root itself where there is no other.
    static func command(of arguments: [String], _ root: any ParsableCommand.Type) -> (names: [String], type: any ParsableCommand.Type) {
        var names: [String] = []
        var command: any ParsableCommand.Type = root
        for name in arguments {
            guard let next = command.configuration.subcommands.first(where: { $0.name == name }) else { break }
            (names, command) = (names + [name], next)
        }
        return (names, command)
    }

    /// What the parser tells other programs of a command, as JSON.
    private static func help(of command: [String], _ root: any ParsableCommand.Type) -> Help {
        do {
            _ = try root.parseAsRoot(command + ["--experimental-dump-help"])
        } catch {
            if let help = try? JSONDecoder().decode(Help.self, from: Data(root.fullMessage(for: error).utf8)) { return help }
        }
        preconditionFailure("the argument parser does not describe \(command.joined(separator: " "))")
    }

    func declares(_ argument: String) -> Bool {
        guard argument.hasPrefix("--") else { return argument == "-h" }
        return options[String(argument.dropFirst(2).prefix { $0 != "=" })] != nil
    }

    /// Whether an argument is written as a long option is, be it one or a mistaken one.
    private func isWrittenAsOption(_ argument: String) -> Bool { argument.wholeMatch(of: /--[a-z][a-z-]*(=.*)?/) != nil }

    /// `--tokens a -b c` as `--tokens a --tokens=-b c`: what follows an option that takes several values is one of them unless it is written as an
    /// option, even where it begins with a dash.
    func withDashedValuesJoined(_ arguments: [String]) -> [String] {
        var joined: [String] = []
        var open: String?
        for argument in arguments {
            if let option = open, argument.hasPrefix("-"), !declares(argument), !isWrittenAsOption(argument) {
                // Joined to the option itself where that waits for its first value.
                if joined.last == option { joined.removeLast() }
                joined.append("\(option)=\(argument)")
                continue
            }
            if argument.hasPrefix("-") { open = options[String(argument.dropFirst(2))]?.isRepeating == true ? argument : nil }
            joined.append(argument)
        }
        return joined
    }

    private struct Help: Decodable {
        let command: Command

        struct Command: Decodable { let arguments: [Argument]? }

        struct Argument: Decodable {
            let kind: String
            let isRepeating: Bool
            let names: [Name]?
        }

        struct Name: Decodable {
            let kind: String
            let name: String
        }
    }
}

extension ParsableCommand {
    /// As it is typed: what its configuration says, or else the type's name.
    fileprivate static var name: String { configuration.commandName ?? "\(self)".lowercased() }
}
