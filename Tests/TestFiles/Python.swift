import Foundation

/// The Python of checks of what we write: `SEPPO_PYTHON`, or `python3` on the path.
public enum Python {
    private static let command = ProcessInfo.processInfo.environment["SEPPO_PYTHON"] ?? "python3"
    public static let hasDiffusers = has("diffusers", "transformers", "safetensors")

    public static func has(_ modules: String...) -> Bool {
        (try? run(["-c", "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in \(modules)))"]).status) == 0
    }

    /// Runs it offline, and returns its exit status and what it wrote to its standard error.
    public static func run(_ arguments: [String]) throws -> (status: Int32, errors: String) {
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
