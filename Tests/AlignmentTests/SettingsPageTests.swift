import Foundation
import Testing

@testable import Alignment

/// `Documentation/Settings.md` says of every setting what its declaration says.
@Suite struct SettingsPageTests {
    private static let page = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Documentation/Settings.md").standardizedFileURL

    /// A setting as a row of the page.
    private static func row(_ setting: any SettingDeclaration) -> String {
        let standard = [setting.standardText, setting.standardTextOfBuiltInModels].compactMap(\.self).joined(separator: "; ")
        let values = setting.choices.isEmpty ? setting.rangeWords.map { "must \($0)" } ?? "" : setting.choices.joined(separator: ", ")
        let cells = ["`\(setting.name)`", standard, values, setting.changesNumbers ? "no" : "yes", setting.help]
        return "| " + cells.joined(separator: " | ") + " |"
    }

    private static func section(_ group: SettingGroup) -> String {
        let head = ["## \(group.title)", "", "| setting | default | values | may change on resume | what it does |", "|---|---|---|---|---|"]
        return (head + group.settings.map(row)).joined(separator: "\n") + "\n"
    }

    /// With `SEPPO_WRITE_PAGES=1` the page is written anew.
    @Test func pageSaysWhatTheDeclarationsSay() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let start = text.range(of: "\n## ")?.lowerBound ?? text.endIndex
        let sections = AlignmentSettings.groups.map(Self.section).joined(separator: "\n")
        let expected = text[..<start].trimmingCharacters(in: .newlines) + "\n\n" + sections
        if ProcessInfo.processInfo.environment["SEPPO_WRITE_PAGES"] == "1" { try expected.write(to: Self.page, atomically: true, encoding: .utf8) }
        #expect(try String(contentsOf: Self.page, encoding: .utf8) == expected, "SEPPO_WRITE_PAGES=1 makes this test write Documentation/Settings.md anew")
    }
}
