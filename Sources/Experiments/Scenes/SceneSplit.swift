import Storage

/// The fixed split of the 1,224 captions: 860 to train on, 120 to tune methods on, 244 (a fifth) held out for reported figures.
///
/// Two objects along one axis, side by side or one above the other, have four captions: two places of the objects, each told in two ways
/// ("a red circle left of a blue square", "a blue square right of a red circle"). The four stay together. Split by caption alone, training
/// would see the pictures it holds out; split by picture, it would see their objects in the other places only, and a model that has learned
/// those places by heart would be sure to draw the held-out ones the wrong way round.
public enum SceneSplit: String, CaseIterable, Sendable, Codable {
    case train
    case tune
    case heldOut = "held-out"

    /// The split's scenes, in the order of `Scene.all`.
    public var scenes: [Scene] { Self.partition[self]! }

    /// The split a scene belongs to.
    public init(of scene: Scene) {
        self = Self.membership[scene]!
    }

    private static let partition: [SceneSplit: [Scene]] = Dictionary(grouping: Scene.all, by: SceneSplit.init(of:))

    private static let membership: [Scene: SceneSplit] = {
        // Of the first 2,000 shuffles the most even one: every object is in 5 to 9 held-out and 2 to 6 tuning groups, and the pictures of
        // each split are about as often side by side as one above the other.
        var generator = SeededGenerator(seed: 0, purpose: "scenes/split", index: 1150)
        let groups = generator.permuted(
            [SceneRelation.leftOf, .above].flatMap { relation in
                SceneObject.all.indices.flatMap { first in
                    SceneObject.all[(first + 1)...].map { Scene(SceneObject.all[first], relation, $0) }
                }
            })
        var membership: [Scene: SceneSplit] = [:]
        for (rank, scene) in groups.enumerated() {
            let split: SceneSplit = rank < 61 ? .heldOut : rank < 91 ? .tune : .train
            let exchanged = Scene(scene.second, scene.relation, scene.first)
            for member in [scene, scene.restated, exchanged, exchanged.restated] { membership[member] = split }
        }
        return membership
    }()
}
