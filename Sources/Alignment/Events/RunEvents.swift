import Foundation
import Media
import Storage

/// What a run shows in TensorBoard, beside its log: every logged number, the settings, and what validations found and drew.
public final class RunEvents {
    private let file: EventFile
    /// The greatest step of each tag that the file holds.
    private var steps: [String: Int]

    private init(_ file: EventFile, _ steps: [String: Int]) { (self.file, self.steps) = (file, steps) }

    private static let settingsTag = "settings/text_summary"
    /// Every update has it, whatever else it logs.
    private static let updateTag = "train/examples"
    private static let validationTag = "validation/seconds"

    /// Opens the events of a run that has `updates` updates behind it; later ones are cut off with the log's lines.
    public static func open(_ directory: RunDirectory, _ settings: AlignmentSettings, continuingAfter updates: Int) throws -> RunEvents {
        var steps: [String: Int] = [:]
        let file = try EventFile(directory.events, continuingAfter: updates) { event in
            for value in event.values { steps[value.tag] = event.step }
        }
        let events = RunEvents(file, steps)
        guard steps[settingsTag] == nil else { return events }
        let rows = try settings.facts.map { "| \(cell($0.name)) | \(cell($0.value)) |" }
        let table = (["| setting | value |", "|---|---|"] + rows).joined(separator: "\n")
        try events.append(Event(step: 0, values: [Event.Value(tag: settingsTag, content: .text(table))]))
        return events
    }

    /// Notes an update, unless the file holds it already.
    public func append(_ update: LoggedUpdate) throws {
        guard update.update > steps[Self.updateTag] ?? 0 else { return }
        let object = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(update))
        let numbers = Self.numbers(in: object, under: "train").filter { $0.tag != "train/update" }
        try append(Event(step: update.update, values: numbers.map { Event.Value(tag: $0.tag, content: .scalar(Float($0.number))) }))
    }

    /// Notes a validation and its images, unless the file holds it already.
    /// - Parameter samples: the folder of the images
    func append(_ validation: Validation, samples: URL) throws {
        guard validation.update > steps[Self.validationTag] ?? -1 else { return }
        var values = [Event.Value(tag: Self.validationTag, content: .scalar(Float(validation.seconds)))]
        if let error = validation.denoisingError { values.append(Event.Value(tag: "validation/denoising_error", content: .scalar(Float(error)))) }
        for (index, (sample, png, _)) in Sample.all(in: samples).enumerated() {
            let image = try RGBImage(data: Array(png), name: sample.fileName)
            let content = Event.Content.image(png: png, width: image.width, height: image.height, caption: sample.text)
            values.append(Event.Value(tag: String(format: "samples/%02d", index), content: content))
        }
        try append(Event(step: validation.update, values: values))
    }

    private func append(_ event: Event) throws {
        try file.append(event)
        for value in event.values { steps[value.tag] = event.step }
    }

    public func flush() throws { try file.flush() }

    /// Every number of an object, under the name of its place in it; of those in a list, with their position.
    private static func numbers(in value: JSONValue, under name: String) -> [(tag: String, number: Double)] {
        switch value {
        case .number(let number): [(name, number)]
        case .array(let list): list.enumerated().flatMap { numbers(in: $1, under: "\(name)/\($0)") }
        case .object(let entries): entries.sorted { $0.key < $1.key }.flatMap { numbers(in: $1, under: "\(name)/\($0)") }
        case .null, .bool, .string: []
        }
    }

    /// A cell of a Markdown table: a path may hold what would end it.
    private static func cell(_ text: String) -> String {
        text.replacingOccurrences(of: "|", with: "\\|").replacingOccurrences(of: "\n", with: " ")
    }
}
