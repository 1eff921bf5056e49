import Alignment
import Foundation
import TestFiles
import Testing

@Suite struct LearningRateTests {
    struct Case: Decodable {
        let schedule: String
        let warmup: Int
        let total: Int
        let values: [Double]
    }
    struct Cases: Decodable { let cases: [Case] }

    @Test func equalsDiffusers() throws {
        let cases = try Fixture.json("optimizer/learning_rates.json", as: Cases.self, keys: .convertFromSnakeCase).cases
        #expect(cases.count >= 6)
        for example in cases {
            let shape = try #require(LearningRateSchedule.Shape(rawValue: example.schedule.replacingOccurrences(of: "_with_warmup", with: "")))
            let schedule = LearningRateSchedule(peak: 3e-4, shape: shape, warmup: example.warmup, updates: example.total)
            for (index, factor) in example.values.enumerated() {
                #expect(abs(schedule.rate(at: index) - 3e-4 * factor) < 1e-18 + 3e-4 * factor * 1e-14, "\(example.schedule) at \(index)")
            }
        }
    }

    @Test func everyShapeIsCovered() throws {
        let named = Set(try Fixture.json("optimizer/learning_rates.json", as: Cases.self, keys: .convertFromSnakeCase).cases.map(\.schedule))
        for shape in LearningRateSchedule.Shape.allCases { #expect(named.contains(shape.rawValue)) }
    }
}
