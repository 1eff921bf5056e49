import Foundation
import Testing

#if os(Linux)
    /// The tests of the data wing run where there is no libtorch; all tests together run with it.
    @Suite struct DataWingTests {
        @Test func libtorchIsLoadedWithTheTensorWingAlone() throws {
            // Read to its end: such a file has no size, and is given out in pieces.
            let file = try #require(fopen("/proc/self/maps", "r"))
            defer { fclose(file) }
            var (maps, line) = ("", [CChar](repeating: 0, count: 8192))
            while fgets(&line, 8192, file) != nil { maps += String(cString: line) }
            #expect(maps.contains("libarrow"))
            #if DATA_WING
                #expect(!maps.contains("libtorch"))
            #else
                #expect(maps.contains("libtorch"))
            #endif
        }
    }
#endif
