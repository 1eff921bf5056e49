import ArgumentParser
import Commands
import Foundation

/// `seppo data …`; every other command, and the help that lists them all, is the engine's, which links libtorch.
@main
struct Seppo: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "seppo", subcommands: [DataSets.self])

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.first == DataSets.configuration.commandName else { Engine.take(arguments) }
        Program(Self.self).run(arguments)
    }
}

/// The program beside this one that has all commands.
enum Engine {
    private static let name = "seppo-engine"

    /// Becomes the engine: the same process with its number, streams, signals and folder.
    static func take(_ arguments: [String]) -> Never {
        let own = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        let engine = own.resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent(name).path
        var words: [UnsafeMutablePointer<CChar>?] = ([engine] + arguments).map { strdup($0) }
        words.append(nil)
        execv(engine, words)
        let reason = String(cString: strerror(errno))
        Console.openStandardStreams()
        Console.line("Error: \(engine) does not start: \(reason). It belongs beside this program")
        exit(1)
    }
}
