/// Slurm's short forms of lists.
enum HostList {
    /// The hosts of "gpu[01-03,7],login" in order: gpu01, gpu02, gpu03, gpu7, login. Nothing where the text is no such list.
    static func hosts(_ text: String) -> [String] {
        var hosts: [String] = []
        for part in split(text) {
            guard let open = part.firstIndex(of: "[") else {
                hosts.append(String(part))
                continue
            }
            guard let close = part[open...].firstIndex(of: "]") else { return [] }
            let (prefix, suffix) = (part[..<open], part[part.index(after: close)...])
            for range in part[part.index(after: open)..<close].split(separator: ",") {
                let ends = range.split(separator: "-", maxSplits: 1)
                guard let first = Int(ends[0]), let last = Int(ends.last!), first <= last, last - first < 1 << 16 else { return [] }
                for number in first...last {
                    let digits = String(number)
                    let zeros = String(repeating: "0", count: max(0, ends[0].count - digits.count))
                    // A second pair of brackets stands behind the first.
                    hosts += suffix.contains("[") ? self.hosts("\(prefix)\(zeros)\(digits)\(suffix)") : ["\(prefix)\(zeros)\(digits)\(suffix)"]
                }
            }
        }
        return hosts
    }

    /// The numbers of "2(x3),1": 2, 2, 2, 1. Nothing where the text is no such list.
    static func tasks(_ text: String) -> [Int] {
        var tasks: [Int] = []
        for part in text.split(separator: ",") {
            guard let match = part.wholeMatch(of: /(\d{1,6})(?:\(x(\d{1,6})\))?/), let count = Int(match.1) else { return [] }
            tasks += [Int](repeating: count, count: match.2.flatMap { Int($0) } ?? 1)
        }
        return tasks
    }

    /// By commas outside of brackets.
    private static func split(_ text: String) -> [Substring] {
        var (parts, start, depth) = ([Substring](), text.startIndex, 0)
        for index in text.indices {
            if text[index] == "[" { depth += 1 }
            if text[index] == "]" { depth -= 1 }
            if text[index] == ",", depth == 0 {
                parts.append(text[start..<index])
                start = text.index(after: index)
            }
        }
        return (parts + [text[start...]]).filter { !$0.isEmpty }
    }
}
