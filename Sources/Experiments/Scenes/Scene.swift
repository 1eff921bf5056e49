/// Where the first object of a caption stands with respect to the second. Raw values are the caption's words.
public enum SceneRelation: String, CaseIterable, Sendable, Codable {
    case leftOf = "left of"
    case rightOf = "right of"
    case above
    case below

    /// The relation of the second object to the first.
    public var converse: SceneRelation {
        switch self {
        case .leftOf: .rightOf
        case .rightOf: .leftOf
        case .above: .below
        case .below: .above
        }
    }

    /// The halves of the image that hold the first and the second object.
    public var halves: (first: SceneHalf, second: SceneHalf) {
        switch self {
        case .leftOf: (.left, .right)
        case .rightOf: (.right, .left)
        case .above: (.top, .bottom)
        case .below: (.bottom, .top)
        }
    }
}

/// Two different objects and where they stand: what one caption says.
public struct Scene: Hashable, Sendable, CustomStringConvertible {
    public let first: SceneObject
    public let relation: SceneRelation
    public let second: SceneObject

    /// A scene of two different objects; traps on the same object twice, which no caption names.
    public init(_ first: SceneObject, _ relation: SceneRelation, _ second: SceneObject) {
        precondition(first != second, "a scene needs two different objects, got \(first) twice")
        self.first = first
        self.relation = relation
        self.second = second
    }

    /// Reads a caption of exactly the form `caption` writes, such as "a red circle left of a blue square"; nil for any other text.
    public init?(caption: String) {
        let words = caption.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 7 || words.count == 8, words[0] == "a", words[words.count - 3] == "a",
            let relation = SceneRelation(rawValue: words[3..<(words.count - 3)].joined(separator: " ")),
            let first = SceneObject(words: words[1...2]), let second = SceneObject(words: words.suffix(2)),
            first != second
        else { return nil }
        self.init(first, relation, second)
    }

    /// "a red circle left of a blue square"
    public var caption: String { "a \(first) \(relation.rawValue) a \(second)" }
    public var description: String { caption }

    /// The same pictures in the other words: "a blue square right of a red circle".
    public var restated: Scene { Scene(second, relation.converse, first) }

    /// All 18 · 17 · 4 = 1,224 scenes. The order is part of the fixed split: do not change it.
    public static let all: [Scene] = SceneRelation.allCases.flatMap { relation in
        SceneObject.all.flatMap { first in
            SceneObject.all.filter { $0 != first }.map { Scene(first, relation, $0) }
        }
    }
}

extension SceneObject {
    fileprivate init?(words: ArraySlice<String>) {
        guard let colour = words.first.flatMap(SceneColour.init(rawValue:)), let shape = words.last.flatMap(SceneShape.init(rawValue:))
        else { return nil }
        self.init(colour, shape)
    }
}
