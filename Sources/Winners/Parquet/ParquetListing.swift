import Foundation
import Media

/// Winners in Parquet files, row by row: an image's bytes are read for their digest and let go.
struct ParquetListing {
    private(set) var listing: WinnerListing
    private let files: DatasetFiles
    private let images = ParquetImages()
    /// Every layout once, with the first file that has it.
    private var layouts: [(columns: String, file: String)] = []
    private var rows = 0
    private var unusable = 0
    private var ties = 0
    private var unlabelled = 0
    private var hasPairs = false

    static let lookedFor = "rows with an image and its caption, or Pick-a-Pic's pairs of which one image is preferred"

    /// Unusable rows that are told one by one: a table without pictures has millions.
    private static let mostListed = 10_000

    /// Throws where a file is damaged: what is left of it could be mistaken for the whole.
    init(_ files: DatasetFiles, _ choice: ParquetColumnNames, _ captionLines: CaptionLines) throws(ParquetError) {
        self.files = files
        listing = WinnerListing(captionLines)
        for file in files.read { try add(file, choice) }
        for skip in files.unread { listing.leaveOut(skip.file, skip.reason) }
    }

    var form: String {
        let count = files.read.count == 1 ? "one file" : "\(files.read.count) files"
        if layouts.count == 1 { return "Parquet (\(count), \(layouts[0].columns))" }
        return "Parquet (\(count) with different columns: \(layouts.map { "\($0.columns) in \($0.file)" }.joined(separator: "; ")))"
    }

    var counts: [WinnerSet.Count] {
        let pairs = hasPairs ? [WinnerSet.Count("ties", ties), WinnerSet.Count("without label", unlabelled)] : []
        return [WinnerSet.Count("rows", rows)] + pairs + [WinnerSet.Count("unusable", unusable)]
    }

    // MARK: Rows

    private enum Row {
        case winner(Winner)
        case tie
        case unlabelled
        case unusable(String)
    }

    private mutating func add(_ file: DatasetFiles.File, _ choice: ParquetColumnNames) throws(ParquetError) {
        let parquet = try ParquetFile(file.path)
        let layout = try ParquetLayout(parquet, choice)
        if !layouts.contains(where: { $0.columns == layout.description }) {
            if let first = layouts.first, !Self.areNeighbours(first.file, file.name) {
                throw ParquetError(path: file.path, problem: .otherColumns(layout.description, first.columns, in: first.file))
            }
            layouts.append((layout.description, file.name))
        }
        if case .pair = layout { hasPairs = true }
        let before = unusable
        var number = 0
        for (rowGroup, count) in parquet.rows.enumerated() {
            var group = RowGroup(parquet, rowGroup, file, images)
            for row in 0..<count {
                number += 1
                switch try group.row(row, number, layout, &listing) {
                case .winner(let winner): listing.add(winner, from: file.name, row: number)
                case .tie: ties += 1
                case .unlabelled: unlabelled += 1
                case .unusable(let reason):
                    unusable += 1
                    if unusable <= Self.mostListed { listing.leaveOut(file.name, row: number, reason) }
                }
            }
        }
        rows += number
        let unlisted = max(0, unusable - Self.mostListed) - max(0, before - Self.mostListed)
        if unlisted > 0 { listing.leaveOut(file.name, "\(unlisted) more rows cannot be used") }
    }

    /// Whether files lie in one folder: in another, with other columns, there is another data set.
    private static func areNeighbours(_ a: String, _ b: String) -> Bool {
        NSString(string: a).deletingLastPathComponent == NSString(string: b).deletingLastPathComponent
    }

    /// The columns of one row group that have been needed so far.
    private struct RowGroup {
        private let parquet: ParquetFile
        private let index: Int
        private let file: DatasetFiles.File
        private let images: ParquetImages
        private var open: [ParquetFile.Column: ParquetColumn] = [:]

        init(_ parquet: ParquetFile, _ index: Int, _ file: DatasetFiles.File, _ images: ParquetImages) {
            (self.parquet, self.index, self.file, self.images) = (parquet, index, file, images)
        }

        mutating func row(_ row: Int, _ number: Int, _ layout: ParquetLayout, _ listing: inout WinnerListing) throws(ParquetError) -> Row {
            switch layout {
            case .captioned(let caption, let image):
                return try winner(row, number, &listing, caption: caption, image: image, loser: nil)
            case .pair(let caption, let images, let labels, let hasLabel):
                if let hasLabel, try column(hasLabel).number(at: row) != 1 { return .unlabelled }
                guard let first = try column(labels[0]).number(at: row), let second = try column(labels[1]).number(at: row) else { return .unlabelled }
                switch (first, second) {
                case (1, 0): return try winner(row, number, &listing, caption: caption, image: images[0], loser: images[1])
                case (0, 1): return try winner(row, number, &listing, caption: caption, image: images[1], loser: images[0])
                case (0, 0): return .unlabelled
                default: return first == second ? .tie : .unusable("the labels \(first) and \(second) name no winner")
                }
            }
        }

        private mutating func winner(
            _ row: Int, _ number: Int, _ listing: inout WinnerListing, caption: ParquetFile.Column, image: ParquetFile.Column, loser: ParquetFile.Column?
        ) throws(ParquetError) -> Row {
            let captions: [String]
            switch try self.captions(caption, row, &listing) {
            case .success(let found): captions = found
            case .failure(let error): return .unusable(error.reason)
            }
            guard let winner = try reference(image, row, "\(file.name):\(number)") else { return .unusable(try reasonForNoBytes(image, row)) }
            guard let loser else { return .winner(Winner(winner, captions: captions)) }
            guard let other = try reference(loser, row, "\(file.name):\(number) (\(loser.name))") else { return .unusable("no bytes in \(loser.name)") }
            return .winner(Winner(winner, captions: captions, loser: other))
        }

        private mutating func captions(
            _ caption: ParquetFile.Column, _ row: Int, _ listing: inout WinnerListing
        ) throws(ParquetError) -> Result<[String], RowError> {
            let texts: [[UInt8]]
            if caption.kind == .texts {
                guard let found = try column(caption).texts(at: row) else { return .failure(RowError("the list of captions is too long")) }
                texts = found
            } else {
                texts = try column(caption).bytes(at: row).map { [$0] } ?? []
            }
            if texts.isEmpty { return .failure(RowError("no caption")) }
            do throws(RowError) { return .success(try listing.captions(utf8: texts)) } catch { return .failure(error) }
        }

        /// A struct without bytes may name a file that stayed where it was when the table was written.
        private mutating func reasonForNoBytes(_ image: ParquetFile.Column, _ row: Int) throws(ParquetError) -> String {
            let path = parquet.columns.first { $0.kind == .text && $0.name == image.name.dropLast("bytes".count) + "path" }
            guard let path, image.name.hasSuffix(".bytes"), let name = try column(path).bytes(at: row), !name.isEmpty else {
                return "no bytes in \(image.name)"
            }
            return "no bytes in \(image.name): only the path of a file outside, \(String(decoding: name.prefix(200), as: UTF8.self))"
        }

        /// A clip where the bytes begin as those of a video file do, else a picture.
        private mutating func reference(_ image: ParquetFile.Column, _ row: Int, _ name: String) throws(ParquetError) -> Medium? {
            guard let bytes = try column(image).bytes(at: row), !bytes.isEmpty else { return nil }
            let source = ParquetImageSource(images: images, path: file.path, rowGroup: index, row: row, column: image.name)
            if ClipSource.mayBegin(with: bytes) { return .clip(ClipReference(source, name: name, bytes: bytes)) }
            return .image(ImageReference(source, name: name, bytes: bytes))
        }

        private mutating func column(_ column: ParquetFile.Column) throws(ParquetError) -> ParquetColumn {
            if let open = open[column] { return open }
            let opened = try ParquetColumn(parquet, rowGroup: index, column)
            open[column] = opened
            return opened
        }
    }
}
