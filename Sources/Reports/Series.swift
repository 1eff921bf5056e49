import Alignment

/// Points of a curve as a report shows them: averaged where they are too many or too restless to be read singly.
enum Series {
    /// At most this many points a line: a report of a long run stays a small file.
    static let mostPoints = 240

    /// How many neighbouring updates a smooth line averages, for a log of `count`.
    static func window(_ count: Int) -> Int { max(1, count / 20) }

    /// The mean over each point and its neighbours, `window` of them; numbers that are not finite are left out of the mean but stay gaps of their own.
    static func runningMean(_ points: [Chart.Point], window: Int) -> [Chart.Point] {
        guard window > 1 else { return points }
        var sums = [0.0]
        var counts = [0]
        for point in points {
            let counted = point.y.isFinite && abs(point.y) < 1e30
            sums.append(sums.last! + (counted ? point.y : 0))
            counts.append(counts.last! + (counted ? 1 : 0))
        }
        return points.indices.map { index in
            let first = max(0, index - window / 2)
            let end = min(points.count, index + (window + 1) / 2)
            let count = counts[end] - counts[first]
            guard points[index].y.isFinite, count > 0 else { return Chart.Point(x: points[index].x, y: .nan) }
            return Chart.Point(x: points[index].x, y: (sums[end] - sums[first]) / Double(count))
        }
    }

    /// Means over consecutive points, so that at most ``mostPoints`` remain.
    static func thinned(_ points: [Chart.Point]) -> [Chart.Point] {
        guard points.count > mostPoints else { return points }
        let size = (points.count + mostPoints - 1) / mostPoints
        return stride(from: 0, to: points.count, by: size).map { start in
            let group = points[start..<min(start + size, points.count)]
            let finite = group.map(\.y).filter(\.isFinite)
            let mean = finite.isEmpty ? .nan : finite.reduce(0, +) / Double(finite.count)
            return Chart.Point(x: group[group.startIndex + group.count / 2].x, y: mean)
        }
    }
}

extension TrainingLog {
    /// One value by update; an update without it is a gap.
    func points(_ value: (LoggedUpdate) -> Double?) -> [Chart.Point] {
        let points = updates.map { Chart.Point(x: Double($0.update), y: value($0) ?? .nan) }
        return points.contains { $0.y.isFinite } ? points : []
    }

    /// As ``points(_:)``, smoothed and thinned.
    func smooth(_ value: (LoggedUpdate) -> Double?) -> [Chart.Point] {
        Series.thinned(Series.runningMean(points(value), window: Series.window(updates.count)))
    }

    /// The updates at which a new iteration begins, where there are not so many that they would be a hatching.
    var iterationStarts: [Double] {
        let starts = zip(updates, updates.dropFirst()).filter { $0.k != $1.k }.map { Double($1.update) - 0.5 }
        return starts.count <= 40 ? starts : []
    }
}
