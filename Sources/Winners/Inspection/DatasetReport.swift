import Foundation

/// What stands at a path of which it is known that it should be a data set. The same answer as that of an inspection that finds one.
public struct DatasetReport: Encodable, Sendable {
    public let kind = "dataset"
    public let path: String
    /// A data set has none.
    public let parameters = 0
    public private(set) var problems: [String] = []
    public let dataset: DatasetInspection

    private enum CodingKeys: String, CodingKey { case kind, path, parameters, problems, dataset }

    /// - Parameters:
    ///   - columns: of Parquet files, or keys of metadata files, where their names do not tell
    ///   - captionLines: what becomes of captions of several lines
    ///   - images: how many are decoded, evenly spread over the data set; 0 for all
    public init(
        _ path: String, columns: ParquetColumnNames = ParquetColumnNames(), captionLines: CaptionLines = .join, images: Int = DatasetInspection.fewImages
    ) throws {
        let url = URL(fileURLWithPath: path).standardizedFileURL
        self.path = url.path
        guard FileManager.default.fileExists(atPath: url.path) else { throw InspectionError(path: url.path) }
        dataset = DatasetInspection(url, columns: columns, captionLines: captionLines, images: images, &problems)
    }

    /// For people.
    public var text: String { InspectionForms.text(path, DatasetInspection.title, dataset.lines, problems) }

    /// One JSON object, names in snake_case.
    public func json() throws -> Data { try InspectionForms.json(self) }
}
