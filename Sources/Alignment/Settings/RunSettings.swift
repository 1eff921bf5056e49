/// What a run as a whole has: its dice, and what it keeps.
public struct RunSettings: Sendable, Equatable {
    public var seed: UInt64 = 0
    /// Folder where latents and text states are kept, for any number of runs; nil: the run's own.
    public var cache: String?
    /// Updates between two saved states.
    public var saveEvery = 10
    /// Seconds after which all processes of a run end where one is missing.
    public var rankTimeout = 300.0

    public static let declared = SettingGroup(
        "Run",
        [
            Setting(
                \.run.seed, "seed", "Seed of every random number of the run.",
                in: SettingRange("be below 2^53: run.yaml keeps greater numbers inexactly") { $0 < 1 << 53 }),
            Setting(\.run.cache, "cache", "Folder for encoded winners; several runs may share one.", default: "OUTPUT/cache", changesNumbers: false),
            Setting(\.run.saveEvery, "save-every", "Updates between saved states.", in: .between(1, 1_000_000_000), changesNumbers: false),
            Setting(
                \.run.rankTimeout, "rank-timeout", "Of several processes: seconds after which all end where one is missing.", in: .between(1, 86_400),
                changesNumbers: false),
        ])
}
