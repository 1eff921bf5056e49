/// Values that are chosen by name.
enum NamedChoices {
    /// The names of all values of a type, of an optional one or of a list of them; none where they are not chosen by name.
    static func names(of type: Any.Type) -> [String] {
        if let container = type as? any ContainerOfOneType.Type { return names(of: container.content) }
        guard let choice = type as? any (CaseIterable & RawRepresentable<String>).Type else { return [] }
        return all(of: choice)
    }

    private static func all<Choice: CaseIterable & RawRepresentable<String>>(of type: Choice.Type) -> [String] { Choice.allCases.map(\.rawValue) }
}

private protocol ContainerOfOneType { static var content: Any.Type { get } }

extension Optional: ContainerOfOneType {
    fileprivate static var content: Any.Type { Wrapped.self }
}

extension Array: ContainerOfOneType {
    fileprivate static var content: Any.Type { Element.self }
}
