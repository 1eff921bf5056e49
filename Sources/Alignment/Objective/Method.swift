/// Where the sample that a winner is held against comes from.
public enum LosingSource: String, Codable, Sendable, CaseIterable {
    /// Drawn by the reference checkpoint.
    case sampled
    /// The data set's losing image.
    case dataset
    /// There is none: plain fine-tuning on winners.
    case none
}

/// Which of the checkpoints 0 … k−1 is the reference of an update in iteration k.
public enum ReferenceRule: String, Codable, Sendable, CaseIterable {
    /// Uniform over all (SePPO's random reference selection; SSPO's Random Checkpoint Replay).
    case random
    /// k−1 (SPIN-Diffusion).
    case latest
    /// 0, the base model (DITTO, Diffusion-DPO).
    case initial
}

/// The sign s that an example's reference sample enters the loss with.
public enum Flip: String, Codable, Sendable, CaseIterable {
    /// sign(r_w − m_w), 0 for a tie: the anchor-based adaptive flipper (SSPO: Self-Sampling Regularization).
    case sign
    /// 1 where r_w > m_w, else 0.
    case indicator
    /// +1 always.
    case none
}

/// A row of the method table: every compared method is a choice of these three, carried out by one trainer.
public struct Method: Codable, Sendable, Equatable {
    public var losers: LosingSource
    public var reference: ReferenceRule
    public var flip: Flip

    public init(losers: LosingSource, reference: ReferenceRule, flip: Flip) {
        self.losers = losers
        self.reference = reference
        self.flip = flip
    }

    /// Whether the loss compares pairs, so that there is a reference at all.
    public var comparesPairs: Bool { losers != .none }

    /// The published methods by name.
    public enum Name: String, Codable, Sendable, CaseIterable {
        case seppo, sspo, spin, ditto, dpo, sft

        public var method: Method {
            switch self {
            case .seppo: Method(losers: .sampled, reference: .random, flip: .sign)
            case .sspo: Method(losers: .sampled, reference: .random, flip: .indicator)
            case .spin: Method(losers: .sampled, reference: .latest, flip: .none)
            case .ditto: Method(losers: .sampled, reference: .initial, flip: .none)
            case .dpo: Method(losers: .dataset, reference: .initial, flip: .none)
            case .sft: Method(losers: .none, reference: .initial, flip: .none)
            }
        }
    }
}
