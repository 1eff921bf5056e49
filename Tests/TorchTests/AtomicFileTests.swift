import Foundation
import Storage
import TestFiles
import Testing
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct AtomicFileTests {
    let folder = TemporaryFolder()
    private struct Interruption: Error {}

    private func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() }

    @Test func replacesWhole() throws {
        let url = folder.url("state.json")
        try writeAtomically(Data("old".utf8), to: url)
        try writeAtomically(Data("newer".utf8), to: url)
        #expect(try Data(contentsOf: url) == Data("newer".utf8))
        try writeAtomically(Data(), to: url)
        #expect(try Data(contentsOf: url) == Data() && files() == ["state.json"])
    }

    @Test func anErrorInBetweenLeavesTheOldFile() throws {
        let url = folder.url("state.json")
        try writeAtomically(Data("old".utf8), to: url)
        #expect(throws: Interruption.self) {
            try AtomicFile.write(to: url) { file in
                try file.write(Data("new".utf8))
                // While it is written, the new file has another name.
                #expect(try files().count == 2)
                #expect(try Data(contentsOf: url) == Data("old".utf8))
                throw Interruption()
            }
        }
        #expect(try Data(contentsOf: url) == Data("old".utf8) && files() == ["state.json"])
    }

    @Test func saysWhatIsInTheWay() throws {
        let missing = folder.url("no folder/state.json")
        let error = #expect(throws: FileError.self) { try writeAtomically(Data("new".utf8), to: missing) }
        #expect(error?.description == "cannot create \(missing.path): No such file or directory")

        let occupied = folder.url("occupied")
        try FileManager.default.createDirectory(at: occupied, withIntermediateDirectories: false)
        let second = #expect(throws: FileError.self) { try writeAtomically(Data("new".utf8), to: occupied) }
        #expect(second?.operation == "replace" && second?.code == EISDIR)
        #expect(try files() == ["occupied"])
    }

    @Test func aLinkIsReplacedAndWhatItLedToStays() throws {
        let (target, link) = (folder.url("target"), folder.url("link"))
        try writeAtomically(Data("old".utf8), to: target)
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: target)
        try writeAtomically(Data("new".utf8), to: link)
        #expect(try Data(contentsOf: target) == Data("old".utf8) && Data(contentsOf: link) == Data("new".utf8))
    }

    @Test func removesWhatKilledProcessesLeft() throws {
        try Data().write(to: folder.url(".partial-1f"))
        try Data().write(to: folder.url("model.safetensors"))
        try AtomicFile.removeLeftovers(in: folder.url)
        #expect(try files() == ["model.safetensors"])
    }

    #if compiler(>=6.2)
        // In processes of their own, because limits and rights are the whole process's.

        @Test func aFullDiskLeavesTheOldFile() async {
            await #expect(processExitsWith: .success) {
                let folder = TemporaryFolder()
                let url = folder.url("model.safetensors")
                try SafeTensors.write([("x", Tensor([Float(1)]))], to: url)
                // A limit on the size of files is reported by write(2), like a full disk.
                signal(SIGXFSZ, SIG_IGN)
                #if canImport(Glibc)
                    let limit = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
                #else
                    let limit = RLIMIT_FSIZE
                #endif
                var size = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
                #expect(setrlimit(limit, &size) == 0)

                let error = #expect(throws: FileError.self) { try SafeTensors.write([("x", Tensor.ones([100_000]))], to: url) }
                #expect(error?.description == "cannot write \(url.path): File too large")
                #expect(try SafeTensorsFile(url).tensor("x").values() == [1])
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["model.safetensors"])
            }
        }

        @Test func aReadOnlyFolderLeavesTheOldFile() async {
            await #expect(processExitsWith: .success) {
                let folder = TemporaryFolder()
                let url = folder.url("state.json")
                try writeAtomically(Data("old".utf8), to: url)
                #expect(chmod(folder.url.path, 0o555) == 0)
                // Rights do not bind the superuser.
                if geteuid() == 0 { #expect(seteuid(65534) == 0) }
                let error = #expect(throws: FileError.self) { try writeAtomically(Data("new".utf8), to: url) }
                #expect(error?.description == "cannot create \(url.path): Permission denied")
                #expect(try Data(contentsOf: url) == Data("old".utf8))
                if getuid() == 0 { #expect(seteuid(0) == 0) }
                #expect(chmod(folder.url.path, 0o755) == 0)
            }
        }
    #endif
}
