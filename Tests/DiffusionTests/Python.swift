import Foundation

/// The Python that has diffusers, for checks of what we write: `SEPPO_PYTHON`, or `python3` on the path.
enum Python {
    static let command = ProcessInfo.processInfo.environment["SEPPO_PYTHON"] ?? "python3"
    static let hasDiffusers: Bool = {
        let modules = ["diffusers", "transformers", "safetensors"]
        let question = "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in \(modules)))"
        return (try? run(["-c", question]).status) == 0
    }()

    static func has(_ module: String) -> Bool {
        (try? run(["-c", "import importlib.util as u, sys; sys.exit(u.find_spec('\(module)') is None)"]).status) == 0
    }

    /// Runs it offline, and returns its exit status and what it wrote to its standard error.
    static func run(_ arguments: [String]) throws -> (status: Int32, errors: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
