import Foundation
import Pages
import TestFiles
import Testing

/// `seppo inspect --json`: what it says of whole and of spoilt folders.
@Suite struct InspectTests {
    private func inspect(_ url: URL, _ others: String...) throws -> (kind: String, problems: [String], json: [String: Any]) {
        let answer = try Seppo.run(["inspect", url.path, "--json"] + others)
        #expect(answer.code == 0, "\(answer.error)")
        let json = try #require(answer.json)
        #expect(json["parameters"] is Int)
        return (json["kind"] as? String ?? "", json["problems"] as? [String] ?? ["none listed"], json)
    }

    private func copyOfModel(_ folder: TemporaryFolder) throws -> URL {
        try FileManager.default.copyItem(at: URL(fileURLWithPath: Materials.model), to: folder.url("model"))
        return folder.url("model")
    }

    @Test func builtInModel() throws {
        let answer = try Seppo.run("inspect", "scenes", "--json", "--tokens", "a red circle", "-5 degrees", "")
        let json = try #require(answer.json)
        #expect(json["kind"] as? String == "pipeline" && json["problems"] as? [String] == [])
        let pipeline = try #require(json["pipeline"] as? [String: Any])
        let parts = try #require(pipeline["parts"] as? [[String: Any]])
        #expect(Set(parts.compactMap { $0["name"] as? String }) == ["text_encoder", "vae", "unet"])
        let counts = parts.compactMap { ($0["weights"] as? [String: Any])?["parameters"] as? Int }
        #expect(json["parameters"] as? Int == counts.reduce(0, +))
        let length = try #require(pipeline["tokenizer_length"] as? Int)
        #expect((json["tokens"] as? [[Int]])?.map(\.count) == [length, length, length])
        #expect(try Seppo.run("inspect", "scenes").out.contains("no problems"))
    }

    @Test func onlyATokenizer() throws {
        let folder = TemporaryFolder()
        let part = folder.url("part")
        try FileManager.default.createDirectory(at: part, withIntermediateDirectories: true)
        let tokenizer = URL(fileURLWithPath: Materials.model).appendingPathComponent("tokenizer")
        try FileManager.default.copyItem(at: tokenizer, to: part.appendingPathComponent("tokenizer"))
        let whole = try inspect(URL(fileURLWithPath: Materials.model), "--tokens", "a red circle")
        let found = try inspect(part, "--tokens", "a red circle")
        #expect(found.kind == "pipeline")
        #expect(["model_index.json", "unet", "vae", "text_encoder", "scheduler"].allSatisfy { part in found.problems.contains { $0.contains(part) } })
        #expect(found.json["tokens"] as? [[Int]] == whole.json["tokens"] as? [[Int]])
        #expect(try inspect(tokenizer, "--tokens", "a red circle").json["tokens"] as? [[Int]] == whole.json["tokens"] as? [[Int]])
    }

    @Test func spoiltModel() throws {
        let folder = TemporaryFolder()
        let model = try copyOfModel(folder)
        func edit(_ file: String, _ change: (String) -> String) throws {
            let url = model.appendingPathComponent(file)
            try change(String(contentsOf: url, encoding: .utf8)).write(to: url, atomically: true, encoding: .utf8)
        }
        // A truncated file, an unsupported option, tensors of other names, a part that is not there.
        let text = model.appendingPathComponent("text_encoder/model.safetensors")
        try Data(contentsOf: text).dropLast(1000).write(to: text)
        try edit("scheduler/scheduler_config.json") { $0.replacingOccurrences(of: "{", with: "{\"a_new_option\": 3,") }
        let unet = model.appendingPathComponent("unet/diffusion_pytorch_model.safetensors")
        var bytes = try Data(contentsOf: unet)
        bytes.replaceSubrange(try #require(bytes.range(of: Data("\"conv_in.bias\"".utf8))), with: Data("\"conv_im.bias\"".utf8))
        try bytes.write(to: unet)
        try FileManager.default.removeItem(at: model.appendingPathComponent("vae/diffusion_pytorch_model.safetensors"))

        let (kind, problems, _) = try inspect(model)
        #expect(kind == "pipeline")
        for words in [
            ["text_encoder", "cut short"], ["scheduler", "a_new_option"], ["unet", "missing", "conv_in.bias"], ["unet", "not part", "conv_im.bias"],
            ["vae", "missing"],
        ] {
            #expect(problems.contains { problem in words.allSatisfy { problem.contains($0) } }, "\(words) in \(problems)")
        }
        #expect(problems.count == 5, "\(problems)")
    }

    @Test func filesAndOtherFolders() throws {
        let folder = TemporaryFolder()
        let weights = URL(fileURLWithPath: Materials.model).appendingPathComponent("unet/diffusion_pytorch_model.safetensors")
        let file = try inspect(weights)
        #expect(file.kind == "unet" && file.problems.isEmpty && (file.json["parameters"] as? Int ?? 0) > 100_000)
        #expect(try inspect(weights.deletingLastPathComponent()).kind == "unet")
        #expect(try inspect(folder.url).kind == "unknown")
        let winners = try inspect(Materials.winners)
        #expect(winners.kind == "dataset" && winners.problems.isEmpty)
        let answer = try Seppo.run("inspect", folder.url("nowhere").path, "--json")
        #expect(answer.code == 1 && answer.out.isEmpty && answer.error.contains("nowhere"))
    }

    @Test func run() throws {
        let folder = TemporaryFolder()
        let output = folder.url("run")
        #expect(try Seppo.run(Materials.align(output)).code == 0)
        let whole = try inspect(output)
        #expect(whole.kind == "run" && whole.problems.isEmpty)
        let run = try #require(whole.json["run"] as? [String: Any])
        #expect(run["updates_saved"] as? Int == 4 && run["updates_total"] as? Int == 4 && run["checkpoints"] as? [Int] == [1, 2])
        #expect(run["finished"] as? Bool == true && run["locked"] as? Bool == false)
        #expect((run["settings"] as? [String: Any])?["batch"] as? Int == 2)

        try FileManager.default.removeItem(at: output.appendingPathComponent("checkpoints/0001"))
        _ = try folder.write("{\"update\": 1}\n", to: "run/log.jsonl")
        let spoilt = try inspect(output).problems
        #expect(spoilt.contains { $0.contains("checkpoints/0001") } && spoilt.contains { $0.contains("ends at update 1") })
    }
}
