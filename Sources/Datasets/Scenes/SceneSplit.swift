import Torch

/// The fixed split of the 1,224 captions: 858 to train on, 121 to tune methods on, 245 (a fifth) held out for reported figures.
///
/// Every picture has two captions ("a red circle left of a blue square", "a blue square right of a red circle"), so a split by
/// caption alone would train on the pictures it holds out. Pictures are split instead, with both their captions: training never
/// sees a held-out or a tuning picture in either wording. 245 is odd: one picture gives one caption to `heldOut` and the other to `tune`.
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
        let heldOutPictures = 122
        let tunePictures = 60
        // Of the first 2,000 shuffles the most even one: every object is in 11 to 18 held-out and 4 to 9 tuning pictures, and the
        // pictures of each split are as often side by side as one above the other. The first shuffle left an object out of `tune`.
        var generator = SeededGenerator(seed: 0, purpose: "scenes/split", index: 756)
        let pictures = generator.permuted(Scene.all.filter { $0.relation == .leftOf || $0.relation == .above })
        var membership: [Scene: SceneSplit] = [:]
        for (rank, picture) in pictures.enumerated() {
            let splits: (SceneSplit, SceneSplit) =
                switch rank {
                case ..<heldOutPictures: (.heldOut, .heldOut)
                case heldOutPictures: (.heldOut, .tune)
                case ...(heldOutPictures + tunePictures): (.tune, .tune)
                default: (.train, .train)
                }
            membership[picture] = splits.0
            membership[picture.restated] = splits.1
        }
        return membership
    }()
}
