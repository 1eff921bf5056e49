/// The names of the long options that a command was given, without dashes.
package struct GivenOptions {
    package let onCommandLine: Set<String>
    package let inFile: Set<String>

    /// - Parameters:
    ///   - arguments: as they were typed
    ///   - expanded: with those of the configuration file
    package init(_ arguments: [String], expanded: [String]) {
        onCommandLine = Self.names(arguments)
        inFile = Self.names(expanded).subtracting(onCommandLine)
    }

    private static func names(_ arguments: [String]) -> Set<String> {
        Set(arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }.map { String($0.dropFirst(2).prefix { $0 != "=" }) })
    }
}
