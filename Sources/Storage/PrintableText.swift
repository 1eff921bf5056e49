extension StringProtocol {
    /// The text with everything that would steer a terminal made visible, as `\u{1B}`: control characters (C0, DEL and C1), line and paragraph
    /// separators, and the marks that change the direction of writing.
    ///
    /// For what others wrote, such as captions, file names and the names of tensors.
    public var printable: String { printable(keepingLines: false) }

    /// The same of several lines.
    public var printableLines: String { printable(keepingLines: true) }

    private func printable(keepingLines: Bool) -> String {
        guard unicodeScalars.contains(where: { $0.steers }) else { return String(self) }
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar.steers, !(keepingLines && scalar == "\n") {
                shown += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars
            } else {
                shown.append(scalar)
            }
        }
        return String(shown)
    }
}

extension Unicode.Scalar {
    /// Whether it is no sign to be read but an order to whatever shows it.
    fileprivate var steers: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: properties.isBidiControl
        default: false
        }
    }
}

extension [String] {
    /// The first few, and how many more there are.
    package func enumerated(upTo count: Int) -> String {
        prefix(count).joined(separator: ", ") + (self.count > count ? " and \(self.count - count) more" : "")
    }
}
