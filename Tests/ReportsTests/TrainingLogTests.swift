import Alignment
import Foundation
import Testing

@testable import Reports

@Suite struct TrainingLogTests {
    @Test func readsEveryKeyOfTheContract() throws {
        let line = """
            {"update": 12, "k": 2, "reference": 1, "examples": 192, "loss": 0.69, "m_w": 0.031, "m_r": 0.03, "r_w": 0.032, "r_r": 0.029, "margin": 0.02, \
            "margin_quantiles": [-1, -0.5, 0, 0.5, 1], "flip_positive": 0.5, "flip_zero": 0, "flip_negative": 0.5, "accuracy": 0.56, "gradient_norm": 0.2, \
            "learning_rate": 1e-4, "sample_s": 0.1, "update_s": 0.2, "examples_per_s": 50, "peak_mb": 640, "skipped": false, "flip_by_age": [0.5, null], \
            "flip_by_timestep": [0.4, 0.5, 0.6, null], "alarms": ["careful"], "not_known_yet": 1}
            """
        let log = TrainingLog(jsonLines: Data(line.utf8))
        let update = try #require(log.updates.first)
        #expect(update.update == 12 && update.k == 2 && update.reference == 1 && update.examples == 192)
        #expect(update.winnerError == 0.031 && update.sampleError == 0.03 && update.referenceWinnerError == 0.032 && update.referenceSampleError == 0.029)
        #expect(update.loss == 0.69 && update.margin == 0.02 && update.marginQuantiles?.count == 5 && update.accuracy == 0.56)
        #expect(update.flipPositive == 0.5 && update.flipZero == 0 && update.flipNegative == 0.5)
        #expect(update.gradientNorm == 0.2 && update.learningRate == 1e-4 && update.peakMegabytes == 640)
        #expect(update.sampleSeconds == 0.1 && update.updateSeconds == 0.2 && update.examplesPerSecond == 50)
        #expect(update.flipByAge == [0.5, nil] && update.flipByTimestep == [0.4, 0.5, 0.6, nil])
        #expect(log.skippedUpdates == 0 && log.alarms.first?.text == "careful")
        #expect(try JSONDecoder().decode(LoggedUpdate.self, from: JSONEncoder().encode(update)) == update)
    }

    @Test func skipsAreCountedHoweverWritten() {
        let log = TrainingLog(jsonLines: Data("{\"update\": 1, \"skipped\": true}\n{\"update\": 2, \"skipped\": 1}\n{\"update\": 3, \"skipped\": 0}\n".utf8))
        #expect(log.skippedUpdates == 2)
    }

    @Test func tornBlankAndRepeatedLines() {
        let text = "\n{\"update\": 2, \"loss\": 1}\r\n\n{\"update\": 1, \"loss\": null}\n{\"update\": 2, \"loss\": 3}\nnonsense\n{\"update\": 3, \"los"
        let log = TrainingLog(jsonLines: Data(text.utf8))
        #expect(log.updates.map(\.update) == [1, 2])
        #expect(log.updates[1].loss == 3)
        #expect(log.unreadableLines == 2)
        #expect(TrainingLog(jsonLines: Data()) == TrainingLog())
    }

    @Test func alarmsAreToldOnce() {
        var log = TrainingLog(updates: (1...4).map(LoggedUpdate.init(update:)))
        log.updates[1].alarms = ["a"]
        log.updates[2].alarms = ["b", "a"]
        #expect(log.alarms.map(\.text) == ["a", "b"])
        #expect(log.alarms.map(\.first) == [2, 3] && log.alarms.map(\.count) == [2, 1])
    }
}
