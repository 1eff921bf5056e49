import Alignment
import ArgumentParser
import Commands
import Storage

// Options and flags of settings: name, help and default are the setting's own. Each is nil, or empty, where it was not given.

extension Option {
    /// An option of a setting that always has a value.
    init<Choice: ExpressibleByArgument>(_ path: KeyPath<AlignmentSettings, Choice>) where Value == Choice? {
        let setting = AlignmentSettings.setting(at: path)
        self.init(name: .customLong(setting.name), help: setting.argumentHelp)
    }

    /// An option of a setting that may have none.
    init<Choice: ExpressibleByArgument>(_ path: KeyPath<AlignmentSettings, Choice?>) where Value == Choice? {
        let setting = AlignmentSettings.setting(at: path)
        self.init(name: .customLong(setting.name), help: setting.argumentHelp)
    }

    /// An option of a list, which takes several values.
    init<Choice: ExpressibleByArgument>(severalOf path: KeyPath<AlignmentSettings, [Choice]>) where Value == [Choice] {
        let setting = AlignmentSettings.setting(at: path)
        self.init(wrappedValue: [], name: .customLong(setting.name), parsing: .upToNextOption, help: setting.argumentHelp)
    }

    /// An option of a path that must be given.
    init(path: KeyPath<AlignmentSettings, String>) where Value == String {
        let setting = AlignmentSettings.setting(at: path)
        self.init(name: .customLong(setting.name), help: setting.argumentHelp, transform: Place.path)
    }

    init(path: KeyPath<AlignmentSettings, String?>) where Value == String? {
        let setting = AlignmentSettings.setting(at: path)
        self.init(name: .customLong(setting.name), help: setting.argumentHelp, transform: Place.path)
    }
}

extension Flag where Value == Bool? {
    /// A flag of a setting, with another that takes it back.
    init(_ path: KeyPath<AlignmentSettings, Bool>) {
        let setting = AlignmentSettings.setting(at: path)
        self.init(name: .customLong(setting.name), inversion: .prefixedNo, exclusivity: .chooseLast, help: setting.argumentHelp)
    }
}

extension SettingDeclaration {
    fileprivate var argumentHelp: ArgumentHelp { ArgumentHelp(helpWithDefault) }
}
