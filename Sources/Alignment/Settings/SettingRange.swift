/// Values that make sense for a setting.
struct SettingRange<Value>: Sendable {
    /// Follows "must".
    let words: String
    let contains: @Sendable (Value) -> Bool

    init(_ words: String, _ contains: @escaping @Sendable (Value) -> Bool) { (self.words, self.contains) = (words, contains) }

    /// The same of a value that may be absent.
    static func ifGiven<Wrapped>(_ range: SettingRange<Wrapped>) -> Self where Value == Wrapped? {
        Self(range.words) { $0.map(range.contains) ?? true }
    }
}

extension SettingRange where Value: Comparable & Sendable {
    /// No range holds a number that is none.
    static func between(_ low: Value, _ high: Value) -> Self { Self("lie between \(low) and \(high)") { low <= $0 && $0 <= high } }
}

extension SettingRange<Double> {
    static var positive: Self { Self("be positive and finite") { $0 > 0 && $0.isFinite } }
    static var notNegative: Self { Self("be 0 or more and finite") { $0 >= 0 && $0.isFinite } }
    static var finite: Self { Self("be finite", \.isFinite) }
}
