import Networks

/// Names of motion modules' tensors in published files; ours are diffusers'.
enum MotionNames {
    private static let roots: Set<Substring> = ["down_blocks", "up_blocks", "mid_block"]

    /// Today's name of a tensor, from that of the original code or today's, whatever stands before it (`module.`, `state_dict.`); nil for one that belongs to no
    /// motion module. The original keeps a table of positions for each attention: both have the name of the one table.
    static func current(_ name: String) -> String? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard MotionConfiguration.owns(name), let root = parts.firstIndex(where: roots.contains) else { return nil }
        var current: [String] = []
        var rest = parts[root...].filter { $0 != "temporal_transformer" }[...]
        while let part = rest.popFirst() {
            switch part {
            case "attention_blocks":
                guard let number = rest.popFirst().flatMap({ Int($0) }), number >= 0, number < 100 else { return nil }
                // The table stands beside the attentions today.
                if rest.first == "pos_encoder" {
                    rest.removeFirst()
                    current.append("pos_embed")
                } else {
                    current.append("attn\(number + 1)")
                }
            case "norms":
                guard let number = rest.popFirst().flatMap({ Int($0) }), number >= 0, number < 100 else { return nil }
                current.append("norm\(number + 1)")
            case "ff_norm": current.append("norm3")
            default: current.append(String(part))
            }
        }
        return current.joined(separator: ".")
    }

    /// What a file of that many channels is where it is none of Stable Diffusion 1.x's motion modules; nil where it may be one.
    static func otherKind(_ shapes: [String: [Int]]) -> String? {
        let names = shapes.keys
        if names.contains(where: { $0.contains("temporal_attentions.") }) { return "motion modules of HotShot-XL, for Stable Diffusion XL" }
        if names.contains(where: { $0.contains("controlnet") || $0.hasPrefix("input_hint_block.") }) { return "a SparseCtrl encoder (a ControlNet for clips)" }
        if let input = shapes.first(where: { $0.key == "conv_in.weight" || $0.key.hasSuffix(".conv_in.weight") })?.value, input.count == 4, input[1] == 9 {
            return "a model that also takes pictures (PIA, FancyVideo: nine channels into conv_in)"
        }
        if names.contains(where: { $0.contains("_lora.") || $0.contains(".lora_") }) { return "a LoRA of motion modules, not motion modules" }
        let last = shapes.first { name, shape in name.contains("up_blocks.2.motion_modules.0.") && name.hasSuffix(".norm.weight") && shape == [320] }
        if last != nil { return "motion modules for Stable Diffusion XL (AnimateDiff's SDXL beta)" }
        return nil
    }
}
