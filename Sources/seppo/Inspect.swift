import ArgumentParser

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Tell what a model folder, a data set or a run is, and what is wrong with it.")

    @Argument(help: "A folder.") var path: String
    @OptionGroup var common: CommonOptions

    func run() throws {}
}
