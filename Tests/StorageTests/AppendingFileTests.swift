import Foundation
import Storage
import TestFiles
import Testing

@Suite struct AppendingFileTests {
    private let folder = TemporaryFolder()

    private func text(_ url: URL) throws -> String { try String(contentsOf: url, encoding: .utf8) }

    @Test func recordsAreAddedAndCut() throws {
        let url = folder.url("log")
        let file = try AppendingFile(url)
        for record in ["one ", "two ", "three "] { try file.append(Data(record.utf8)) }
        #expect(try text(url) == "one two three ")
        // Opened again it goes on; cut, it goes on from there.
        let again = try AppendingFile(url)
        try again.append(Data("four".utf8))
        try again.truncate(to: 8)
        try again.append(Data("five".utf8))
        try again.flush()
        #expect(try text(url) == "one two five")
    }

    @Test func whatCannotBeWrittenIsNamed() throws {
        let missing = #expect(throws: FileError.self) { try AppendingFile(folder.url("nowhere/log")) }
        #expect(missing?.code == ENOENT && "\(missing!)".contains("nowhere/log"))
    }

    #if os(Linux)
        @Test func aFullDiskIsNamed() throws {
            let full = #expect(throws: FileError.self) { try AppendingFile(URL(fileURLWithPath: "/dev/full")).append(Data("a".utf8)) }
            #expect(full?.code == ENOSPC && "\(full!)".contains("/dev/full"))
        }

        /// The record reaches beyond the limit of a file's size: the system writes its beginning, then refuses.
        @Test func aRecordIsThereWholeOrNotAtAll() throws {
            let size = 1 << 40
            var limit = rlimit()
            let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
            getrlimit(resource, &limit)
            var lower = rlimit(rlim_cur: rlim_t(size), rlim_max: limit.rlim_max)
            signal(SIGXFSZ, SIG_IGN)
            setrlimit(resource, &lower)
            defer { setrlimit(resource, &limit) }
            let url = folder.url("log")
            let file = try AppendingFile(url)
            try file.truncate(to: size - 10)
            func length() throws -> Int { try #require(FileManager.default.attributesOfItem(atPath: url.path)[.size] as? Int) }
            let refused = #expect(throws: FileError.self) { try file.append(Data(count: 100)) }
            #expect(refused?.code == EFBIG)
            #expect(try length() == size - 10)
            try file.append(Data(count: 10))
            #expect(try length() == size)
        }
    #endif
}
