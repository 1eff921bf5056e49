import ArgumentParser
import Foundation
import Storage

/// What every command takes.
package struct CommonOptions: ParsableArguments {
    package init() {}

    @Option(help: "A YAML file of options, under their names in snake_case.", transform: Place.path)
    package var config: String?

    package func reads(_ use: inout FileUse) { use.reads("--config", config.map { URL(fileURLWithPath: $0) }) }
}
