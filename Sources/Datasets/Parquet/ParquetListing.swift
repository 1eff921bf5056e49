import Foundation

/// Winners in Parquet files, row by row: an image's bytes are read for their digest and let go.
struct ParquetListing {
    private(set) var listing = WinnerListing()
    private let files: DatasetFiles
    private let images = ParquetImages()
    /// Of every file, each once.
    private var columns: [String] = []
    private var rows = 0
    private var unusable = 0
    private var ties = 0
    private var unlabelled = 0
    private var hasPairs = false

    static let lookedFor = "rows with an image and its caption, or Pick-a-Pic's pairs of which one image is preferred"

    /// Throws where a file is damaged: what is left of it could be mistaken for the whole.
    init(_ files: DatasetFiles, _ choice: ParquetColumnNames) throws(ParquetError) {
        self.files = files
        for file in files.read { try add(file, choice) }
        for skip in files.unread { listing.leaveOut(skip.file, skip.reason) }
    }

    var form: String { "Parquet (\(files.read.count == 1 ? "one file" : "\(files.read.count) files"), \(columns.joined(separator: "; ")))" }

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
        if !columns.contains(layout.description) { columns.append(layout.description) }
        if case .pair = layout { hasPairs = true }
        var number = 0
        for (rowGroup, count) in parquet.rows.enumerated() {
            var group = RowGroup(parquet, rowGroup, file, images)
            for row in 0..<count {
                number += 1
                switch try group.row(row, number, layout) {
                case .winner(let winner): listing.add(winner, from: file.name, row: number)
                case .tie: ties += 1
                case .unlabelled: unlabelled += 1
                case .unusable(let reason):
                    unusable += 1
                    listing.leaveOut(file.name, row: number, reason)
                }
            }
        }
        rows += number
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

        mutating func row(_ row: Int, _ number: Int, _ layout: ParquetLayout) throws(ParquetError) -> Row {
            switch layout {
            case .captioned(let caption, let image):
                return try winner(row, number, caption: caption, image: image, loser: nil)
            case .pair(let caption, let images, let labels, let hasLabel):
                if let hasLabel, try column(hasLabel).number(at: row) != 1 { return .unlabelled }
                guard let first = try column(labels[0]).number(at: row), let second = try column(labels[1]).number(at: row) else { return .unlabelled }
                switch (first, second) {
                case (1, 0): return try winner(row, number, caption: caption, image: images[0], loser: images[1])
                case (0, 1): return try winner(row, number, caption: caption, image: images[1], loser: images[0])
                case (0, 0): return .unlabelled
                default: return first == second ? .tie : .unusable("the labels \(first) and \(second) name no winner")
                }
            }
        }

        private mutating func winner(
            _ row: Int, _ number: Int, caption: ParquetFile.Column, image: ParquetFile.Column, loser: ParquetFile.Column?
        ) throws(ParquetError) -> Row {
            guard let bytes = try column(caption).bytes(at: row) else { return .unusable("no caption") }
            guard let text = String(bytes: bytes, encoding: .utf8) else { return .unusable("the caption is not UTF-8") }
            let caption = WinnerListing.caption(text)
            guard !caption.isEmpty else { return .unusable("the caption is empty") }
            guard let winner = try reference(image, row, "\(file.name):\(number)") else { return .unusable("no bytes in \(image.name)") }
            guard let loser else { return .winner(Winner(image: winner, caption: caption)) }
            guard let other = try reference(loser, row, "\(file.name):\(number) (\(loser.name))") else { return .unusable("no bytes in \(loser.name)") }
            return .winner(Winner(image: winner, caption: caption, loser: other))
        }

        private mutating func reference(_ image: ParquetFile.Column, _ row: Int, _ name: String) throws(ParquetError) -> ImageReference? {
            guard let bytes = try column(image).bytes(at: row), !bytes.isEmpty else { return nil }
            let source = ParquetImageSource(images: images, path: file.path, rowGroup: index, row: row, column: image.name)
            return ImageReference(source, name: name, bytes: bytes)
        }

        private mutating func column(_ column: ParquetFile.Column) throws(ParquetError) -> ParquetColumn {
            if let open = open[column] { return open }
            let opened = try ParquetColumn(parquet, rowGroup: index, column)
            open[column] = opened
            return opened
        }
    }
}
