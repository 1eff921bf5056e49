import Foundation
import Testing

@testable import Alignment
@testable import Commands
@testable import seppo_engine

/// The options of `align` and the settings that they are of.
@Suite struct SettingOptionTests {
    private static let needed = ["--model", "m", "--winners", "w", "--output", "o"]

    /// Another value than the default, as it is typed.
    private static func other(_ setting: any SettingDeclaration) throws -> String {
        let values = ["device": "cpu", "model": "n", "winners": "v", "held-out": "0.25", "ema": "0.5", "eta": "0.5", "caption-dropout": "0.5"]
        if let value = values[setting.name] { return value }
        let field = try setting.field(of: AlignmentSettings(model: "m", winners: "w"))
        if case .number = field { return "3" }
        if setting.choices.isEmpty { return setting.name == "lora-alpha" ? "3" : "other" }
        let standard = setting.standardText ?? ""
        return setting.choices.first { $0 != standard } ?? ""
    }

    /// What is given arrives at its setting, and at no other.
    @Test func everyOptionSetsItsSetting() throws {
        for setting in AlignmentSettings.all {
            let plainArguments = Self.needed + (setting.name == "lora-names" ? ["--lora", "2"] : [])
            let plain = try Align.parse(plainArguments).settings
            var arguments = plainArguments
            if case .bool = try setting.field(of: plain) {
                arguments.append("--\(setting.name)")
            } else if let position = arguments.firstIndex(of: "--\(setting.name)") {
                arguments[position + 1] = try Self.other(setting)
            } else {
                arguments += ["--\(setting.name)", try Self.other(setting)]
            }
            let changed = try Align.parse(arguments).settings
            let others = try AlignmentSettings.all.filter { try $0.field(of: changed) != $0.field(of: plain) }
            #expect(others.map(\.name) == [setting.name], "\(arguments)")
        }
    }

    /// The parser's description of every command is read: `--config` depends on it.
    @Test func everyCommandDeclaresOptions() {
        for command in UsageTests.commands where command != "data" {
            #expect(DeclaredOptions(of: [command], seppo_engine.Seppo.self)?.declares("--config") == true, "\(command)")
        }
        for command in ["show", "check", "convert", "split", "sheet"] {
            let declared = DeclaredOptions(of: ["data", command, "pictures"], seppo_engine.Seppo.self)
            #expect(declared?.command == ["data", command] && declared?.declares("--caption-column") == true, "\(command)")
        }
        let align = DeclaredOptions(of: ["align"], seppo_engine.Seppo.self)?.options
        #expect(align?["lora-targets"]?.isRepeating == true && align?["beta"]?.isRepeating == false)
        #expect(align?["no-flip-images"]?.isFlag == true && align?["beta"]?.isFlag == false && align?["bata"] == nil)
        #expect(DeclaredOptions(of: ["nonsense"], seppo_engine.Seppo.self) == nil && DeclaredOptions(of: [], seppo_engine.Seppo.self) == nil)
    }
}
