import Foundation
import Storage
import Torch

/// How many tensors there are, of how many elements, and of which types.
public struct WeightsSummary: Encodable, Sendable {
    public var tensors = 0
    public var parameters = 0
    /// Tensors by the name that safetensors has for their type.
    public var dtypes: [String: Int] = [:]
    public var bytes = 0

    init() {}

    init(_ files: [SafeTensorsFile], where counts: (_ name: String) -> Bool = { _ in true }) {
        for file in files {
            for name in file.names where counts(name) {
                guard let shape = file.shape(of: name), let dtype = file.dtype(of: name) else { continue }
                let count = shape.reduce(1, *)
                tensors += 1
                parameters += count
                bytes += count * dtype.size
                dtypes[dtype.safeTensorsName, default: 0] += 1
            }
        }
    }
}

/// One safetensors file.
public struct TensorFileInspection: Encodable, Sendable {
    public struct Entry: Encodable, Sendable {
        public let name: String
        public let dtype: String
        public let shape: [Int]
    }

    public var weights = WeightsSummary()
    public var metadata: [String: String] = [:]
    public var tensors: [Entry] = []

    init(_ url: URL, _ effort: Inspection.Effort, _ problems: inout [String]) {
        do {
            let file = try SafeTensorsFile(url)
            weights = WeightsSummary([file])
            metadata = file.metadata
            tensors = file.names.map { Entry(name: $0, dtype: file.dtype(of: $0)?.safeTensorsName ?? "?", shape: file.shape(of: $0) ?? []) }
            if let problem = Self.notFinite(file, effort) { problems.append(problem) }
        } catch {
            problems.append("\(error)")
        }
    }

    /// Whether the file begins as a safetensors file does: the header's length, then its brace.
    static func looksLikeOne(_ url: URL) -> Bool {
        guard let start = try? RegularFile.start(of: url), start.count >= 9 else { return false }
        return start[8] == UInt8(ascii: "{") && start[7] == 0
    }

    /// Whether the effort allows to read all of a file.
    static func isSearched(_ file: SafeTensorsFile, _ effort: Inspection.Effort) -> Bool { WeightsSummary([file]).bytes <= effort.weightBytes }

    /// The tensors that hold NaN or infinity; nil where there are none, or the file is larger than the effort allows.
    static func notFinite(_ file: SafeTensorsFile, _ effort: Inspection.Effort) -> String? {
        guard isSearched(file, effort) else { return nil }
        let floating: Set<DType> = [.float16, .float32, .float64, .bfloat16]
        let bad = file.names.filter { name in
            guard let dtype = file.dtype(of: name), floating.contains(dtype), file.shape(of: name)?.contains(0) == false else { return false }
            return (try? file.tensor(name).isFinite) == false
        }
        return bad.isEmpty ? nil : "\(file.url.path): values that are not finite in \(bad.enumerated(upTo: 10))"
    }
}
