import Diffusion
import Networks
import TestFiles
import TestSupport
import Testing
import Torch

@Suite struct CLIPTextModelTests {
    /// The largest difference from transformers' last hidden states.
    private func difference(_ name: String, change: (inout CLIPTextConfiguration) -> Void = { _ in }) throws -> Double {
        struct Case: Decodable { let inputs_and_outputs: String? }
        let part = PipelineFolder.Part.textEncoder(Fixture.folder.appendingPathComponent("clip_text/\(name)"))
        var configuration = try CLIPTextConfiguration(part.configuration)
        change(&configuration)
        let model = try part.store().build { CLIPTextModel($0, configuration) }
        let path = try Fixture.json("clip_text/\(name)/case.json", as: Case.self).inputs_and_outputs ?? "clip_text/\(name)/case.safetensors"
        let expected = try Fixture.tensors(path)
        return largestDifference(model(expected["input_ids"]!), expected["last_hidden_state"]!)
    }

    @Test(arguments: ["quick_gelu", "gelu_pad_differs", "eos_not_largest", "quick_gelu_legacy_names"]) func statesAreThoseOfTransformers(_ name: String) throws
    {
        let difference = try difference(name)
        print("clip_text/\(name): \(difference)")
        #expect(difference <= 1e-4)
    }

    @Test(arguments: ["quick_gelu", "gelu_pad_differs", "eos_not_largest"]) func aWrongDetailShows(_ name: String) throws {
        #expect(try difference(name) { $0.activation = $0.activation == .gelu ? .quickGELU : .gelu } > 1e-3)
        #expect(try difference(name) { $0.heads = 1 } > 1e-3)
        #expect(try difference(name) { $0.epsilon = 1e-2 } > 1e-3)
    }

    @Test func aTokenSeesOnlyThoseBeforeIt() throws {
        let part = PipelineFolder.Part.textEncoder(Fixture.folder.appendingPathComponent("clip_text/quick_gelu"))
        let configuration = try CLIPTextConfiguration(part.configuration)
        let model = try part.store().build { CLIPTextModel($0, configuration) }
        let (states, changed) = (model(Tensor([1, 2, 3, 4], shape: [1, 4])), model(Tensor([1, 2, 3, 5], shape: [1, 4])))
        #expect(largestDifference(states.slice(0..<3, axis: 1), changed.slice(0..<3, axis: 1)) < 1e-6)
        #expect(largestDifference(states, changed) > 0.01)
    }
}
