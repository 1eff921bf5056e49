import Foundation

extension WinnerSet {
    /// The clips of a folder.
    /// - Parameters:
    ///   - table: of the folder; nil for all that it holds
    ///   - error: why it has no pictures, which is told where nothing could be a clip either
    static func clips(
        _ root: URL, _ walk: FolderWalk, _ columns: ParquetColumnNames, _ captionLines: CaptionLines, only table: String? = nil,
        insteadOf error: WinnerSetError
    ) throws(WinnerSetError) -> WinnerSet {
        switch error {
        case .noWinners, .noColumns, .notADataSet, .severalConfigurations: break
        default: throw error
        }
        let found = try ClipListing(root, walk, columns, captionLines, only: table)
        let mayBeMeant = table == nil && found.holdsClips && !walk.files.contains { DatasetPath($0).isImage }
        guard !found.listing.winners.isEmpty || mayBeMeant else { throw error }
        return try WinnerSet(
            root, form: found.form, found.listing, lookedFor: ClipListing.lookedFor, notes: found.listing.notes, found.links, linked: found.linked)
    }
}
