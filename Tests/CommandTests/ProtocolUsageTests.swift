import Foundation
import TestFiles
import Testing

/// Options of `evaluate --protocol` beside those of its other modes: wrong usage before anything is read.
@Suite struct ProtocolUsageTests {
    @Test(
        arguments: [
            (["--scenes", "--frames", "3"], "--frames has no effect without --protocol"), (["--scenes", "--metric", "psnr"], "--metric has no effect"),
            (["--winners", "w", "--trained-on", "w"], "--trained-on has no effect"), (["--scenes", "--output", "o"], "--output has no effect"),
            (["--protocol", "chronomagic-150", "--prompts", "p", "--reference", "r", "--seed", "3"], "--seed has no effect with --protocol"),
            (["--protocol", "chronomagic-150", "--prompts", "p", "--reference", "r", "--split", "train"], "--split has no effect with --protocol"),
            (["--protocol", "chronomagic-150", "--prompts", "p", "--reference", "r", "--preset", "disco"], "--preset has no effect"),
            (["--protocol", "chronomagic-150", "--prompts", "p", "--reference", "r", "--base-motion", "m"], "--base-motion has no effect without --base"),
            (["--protocol", "chronomagic-150", "--prompts", "p", "--reference", "r", "--guidance", "1", "3"], "--guidance"),
            (["--protocol", "chronomagic-150", "--prompts", "p", "--reference", "r", "--metric", "fvd"], "fvd=FILE"),
            (["--protocol", "chronomagic-150", "--prompts", "p", "--reference", "r", "--frames", "0"], "--frames"),
            (["--protocol", "chronomagic-150", "--prompts", "p", "--reference", "r", "--scenes"], "give one of"),
            (["--protocol", "chronomagic-150", "--reference", "r"], "--prompts"), (["--protocol", "chronomagic-150", "--prompts", "p"], "--reference"),
            (["--protocol", "vbench", "--prompts", "p", "--reference", "r"], "chronomagic-150"),
        ] as [([String], String)])
    func wrongUsage(_ arguments: [String], _ named: String) throws {
        let empty = TemporaryFolder()
        let answer = try Seppo.run(["evaluate", "--model", "scenes"] + arguments, in: empty.url)
        #expect(answer.code == 64 && answer.error.contains(named), "\(answer.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: empty.url.path).isEmpty)
    }
}
