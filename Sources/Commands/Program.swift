import ArgumentParser
import Foundation
import Storage

/// One of the programs behind `seppo`, from its arguments to its end.
package struct Program {
    private let root: any ParsableCommand.Type
    private let prepare: (any ParsableCommand, _ given: GivenOptions) throws -> Void
    private let asUsage: (any Error) -> any Error

    /// - Parameters:
    ///   - root: has the commands
    ///   - prepare: called before a command runs, with the options that it was given
    ///   - asUsage: makes an error of usage of one that is a number which does not suit
    package init(
        _ root: any ParsableCommand.Type, prepare: @escaping (any ParsableCommand, _ given: GivenOptions) throws -> Void = { _, _ in },
        asUsage: @escaping (any Error) -> any Error = { $0 }
    ) {
        (self.root, self.prepare, self.asUsage) = (root, prepare, asUsage)
    }

    /// Runs the command that the arguments name. Does not return where that fails, or help is asked for.
    /// - Parameter stopped: the code to end with, for errors that are a stop and no failure
    package func run(_ arguments: [String], stopped: (any Error) -> Int32? = { _ in nil }) {
        Console.openStandardStreams()
        // A file beyond the limit of `ulimit -f` is an error like a full disk, not an end without a word.
        signal(SIGXFSZ, SIG_IGN)
        do {
            let expanded = try ConfigurationFile.expanded(arguments, of: root)
            var command = try root.parseAsRoot(expanded)
            try prepare(command, GivenOptions(arguments, expanded: expanded))
            try command.run()
        } catch {
            if let code = stopped(error) {
                Console.line("\(error)")
                Foundation.exit(code)
            }
            end(asUsage(error), arguments)
        }
    }

    /// Foundation's errors in one line: the file, and the system's reason where there is one.
    private static func plain(_ error: CocoaError) -> String {
        let reason = (error.underlying as? POSIXError).map { String(cString: strerror($0.code.rawValue)) } ?? error.localizedDescription
        let path = error.filePath ?? error.url?.path
        return path.map { "\($0): \(reason)" } ?? reason
    }

    /// An error with the usage of the command that these arguments begin with, where it is one of usage.
    private func message(_ error: any Error, _ arguments: [String]) -> String {
        // The parser's own errors know their command.
        guard let error = error as? ValidationError else { return (error as? CocoaError).map { "Error: \(Self.plain($0))" } ?? root.fullMessage(for: error) }
        let (names, command) = DeclaredOptions.command(of: arguments, root)
        let help = (["seppo"] + names + ["--help"]).joined(separator: " ")
        return "Error: \(error.message)\nUsage: \(root.usageString(for: command))\n  See '\(help)' for more information."
    }

    /// Ends with an error's message and code. A help that was asked for is a result.
    private func end(_ error: any Error, _ arguments: [String]) -> Never {
        let (code, message) = (root.exitCode(for: error), message(error, arguments))
        if code.isSuccess {
            do {
                try Console.result(message)
            } catch {
                end(error, arguments)
            }
        } else if !message.isEmpty {
            Console.line(message)
        }
        Foundation.exit(code.rawValue)
    }
}
