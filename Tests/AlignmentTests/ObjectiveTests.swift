import Diffusion
import Foundation
import Layers
import Networks
import TestSupport
import Testing
import Torch

@testable import Alignment
@testable import Storage

/// The loss against its formulas in double precision.
@Suite struct ObjectiveTests {
    // θ better than ref, worse, and a tie.
    static let policyWinner = [0.30, 0.52, 0.41, 0.10]
    static let policyLoser = [0.45, 0.40, 0.39, 0.12]
    static let referenceWinner = [0.35, 0.50, 0.41, 0.20]
    static let referenceLoser = [0.40, 0.44, 0.36, 0.11]
    static let beta = 40.0

    static func errors(
        _ mw: [Double] = policyWinner, _ mr: [Double] = policyLoser, differentiated: Bool = false
    ) -> DenoisingErrors {
        let errors = DenoisingErrors(
            policyWinner: Tensor(mw), policyLoser: Tensor(mr), referenceWinner: Tensor(referenceWinner), referenceLoser: Tensor(referenceLoser))
        if differentiated {
            errors.policyWinner.requiresGradient = true
            errors.policyLoser.requiresGradient = true
        }
        return errors
    }

    static func signs(_ flip: Flip) -> [Double] {
        zip(referenceWinner, policyWinner).map { r, m in
            switch flip {
            case .sign: r > m ? 1 : r < m ? -1 : 0
            case .indicator: r > m ? 1 : 0
            case .none: 1
            }
        }
    }

    /// −a(Δ_w − s·Δ_r).
    static func margins(_ s: [Double], a: Double = beta / 2) -> [Double] {
        s.indices.map { -a * ((policyWinner[$0] - referenceWinner[$0]) - s[$0] * (policyLoser[$0] - referenceLoser[$0])) }
    }

    static func sigma(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    static func distance(_ tensor: Tensor, _ expected: [Double]) -> Double {
        zip(tensor.values(Double.self), expected).map { abs($0 - $1) }.max()!
    }

    @Test(arguments: Flip.allCases) func valuesAreTheFormulas(_ flip: Flip) {
        let value = PreferenceObjective(beta: Self.beta, flip: flip)(Self.errors())
        let s = Self.signs(flip)
        #expect(value.sign.values(Double.self) == s)
        #expect(Self.distance(value.margin, Self.margins(s)) < 1e-14)
        #expect(Self.distance(value.losses, Self.margins(s).map { -log(Self.sigma($0)) }) < 1e-12)
        // Twins: the sign of s wrong; β without its ½.
        #expect(Self.distance(value.margin, Self.margins(s.map { -$0 })) > 0.1)
        #expect(Self.distance(value.margin, Self.margins(s, a: Self.beta)) > 0.1)
    }

    @Test func aTieHasSignZero() {
        #expect(PreferenceObjective(beta: 1, flip: .sign)(Self.errors()).sign.values(Double.self)[2] == 0)
        #expect(PreferenceObjective(beta: 1, flip: .indicator)(Self.errors()).sign.values(Double.self)[2] == 0)
    }

    @Test(arguments: Flip.allCases) func gradientIsTheFormula(_ flip: Flip) throws {
        let errors = Self.errors(differentiated: true)
        PreferenceObjective(beta: Self.beta, flip: flip)(errors).losses.sum().backward()
        let a = Self.beta / 2
        let s = Self.signs(flip)
        let weights = Self.margins(s).map { a * Self.sigma(-$0) }
        let ofWinner = try #require(errors.policyWinner.gradient)
        let ofLoser = try #require(errors.policyLoser.gradient)
        #expect(Self.distance(ofWinner, weights) < 1e-12)
        #expect(Self.distance(ofLoser, zip(weights, s).map { -$0 * $1 }) < 1e-12)
        #expect(errors.referenceWinner.gradient == nil && errors.referenceLoser.gradient == nil)
        if flip != .indicator { #expect(Self.distance(ofLoser, zip(weights, s).map { $0 * $1 }) > 1, "the twin with s negated") }
        #expect(Self.distance(ofWinner, Self.margins(s, a: 2 * a).map { 2 * a * Self.sigma(-$0) }) > 1, "the twin without the half")
    }

    @Test(arguments: Flip.allCases) func gradientIsTheFiniteDifference(_ flip: Flip) throws {
        let errors = Self.errors(differentiated: true)
        let objective = PreferenceObjective(beta: Self.beta, flip: flip)
        objective(errors).losses.sum().backward()
        // The flip is held: it is not differentiated.
        let advantage = errors.referenceWinner - errors.policyWinner.detached
        let step = 1e-6
        func loss(_ index: Int, winner: Double, loser: Double) -> Double {
            var (mw, mr) = (Self.policyWinner, Self.policyLoser)
            mw[index] += winner
            mr[index] += loser
            return objective(Self.errors(mw, mr), advantage: advantage).losses.values(Double.self)[index]
        }
        for index in 0..<4 {
            let ofWinner = (loss(index, winner: step, loser: 0) - loss(index, winner: -step, loser: 0)) / (2 * step)
            let ofLoser = (loss(index, winner: 0, loser: step) - loss(index, winner: 0, loser: -step)) / (2 * step)
            #expect(abs(ofWinner - errors.policyWinner.gradient!.values(Double.self)[index]) < 1e-7)
            #expect(abs(ofLoser - errors.policyLoser.gradient!.values(Double.self)[index]) < 1e-7)
        }
    }

    @Test func theFlipTakesAnAveragedAdvantage() {
        let advantage = Tensor([-1.0, 1, 0, -0.5])
        let value = PreferenceObjective(beta: Self.beta, flip: .sign)(Self.errors(), advantage: advantage)
        #expect(value.sign.values(Double.self) == [-1, 1, 0, -1])
        #expect(Self.distance(value.margin, Self.margins([-1, 1, 0, -1])) < 1e-14)
    }

    @Test func greatMarginsStayFinite() {
        let value = PreferenceObjective(beta: 1e7, flip: .none)(Self.errors(differentiated: true))
        #expect(value.losses.isFinite)
    }

    @Test func theTableIsThePapers() {
        #expect(Method.Name.seppo.method == Method(losers: .sampled, reference: .random, flip: .sign))
        #expect(Method.Name.sspo.method == Method(losers: .sampled, reference: .random, flip: .indicator))
        #expect(Method.Name.spin.method == Method(losers: .sampled, reference: .latest, flip: .none))
        #expect(Method.Name.ditto.method == Method(losers: .sampled, reference: .initial, flip: .none))
        #expect(Method.Name.dpo.method == Method(losers: .dataset, reference: .initial, flip: .none))
        #expect(!Method.Name.sft.method.comparesPairs)
        var settings = AlignmentSettings(model: "", winners: "")
        (settings.objective.flip, settings.objective.reference, settings.objective.losers) = (Flip.none, .latest, .dataset)
        #expect(settings.row == Method(losers: .dataset, reference: .latest, flip: .none))
    }
}

/// Policy and reference of equal weights, through the real network.
@Suite struct TieTests {
    let world: TinyWorld
    let policy: ParameterStore
    let network: UNet
    let winner: NoisedLatents
    let loser: NoisedLatents
    let states: Tensor

    init() throws {
        let world = try TinyWorld()
        self.world = world
        policy = ParameterStore(world.pipeline.unetTensors, isTrainable: true)
        network = try policy.build { UNet($0, world.pipeline.unet.configuration) }
        let timesteps = Tensor([10, 300, 700, 999])
        func noise(_ seed: UInt64) -> Tensor { Generator(seed: seed).normal([4, 4, 4, 4]) }
        winner = world.pipeline.schedule.noise(noise(1), with: noise(3), at: timesteps)
        loser = world.pipeline.schedule.noise(noise(2), with: noise(3), at: timesteps)
        states = world.pipeline.textStates(Array(TinyWorld.captions.prefix(4)))
    }

    func gradient(_ loss: Tensor) -> [String: Tensor] {
        for (_, value) in policy.parameters { value.clearGradient() }
        loss.backward()
        return Dictionary(uniqueKeysWithValues: policy.parameters.map { ($0.name, $0.value.gradient ?? $0.value.detached.zerosLike()) })
    }

    @Test func errorsTieExactlyAndTheStepIsHalfWeightFineTuning() throws {
        let errors = DenoisingErrors.measure(policy: network, reference: world.pipeline.unet, winner: winner, loser: loser, Conditioning(text: states))
        #expect(sameBits(errors.policyWinner.detached, errors.referenceWinner))
        #expect(sameBits(errors.policyLoser.detached, errors.referenceLoser))
        #expect(!errors.referenceWinner.requiresGradient && errors.policyWinner.requiresGradient)
        let imitation = gradient(winner.errors(of: network, Conditioning(text: states)).mean())
        let push = gradient(loser.errors(of: network, Conditioning(text: states)).mean())
        let beta = 30.0
        for flip in Flip.allCases {
            let again = DenoisingErrors.measure(policy: network, reference: world.pipeline.unet, winner: winner, loser: loser, Conditioning(text: states))
            let value = PreferenceObjective(beta: beta, flip: flip)(again)
            #expect(value.sign.values() == Array(repeating: flip == .none ? 1 : 0, count: 4))
            #expect(value.margin.values() == [0, 0, 0, 0])
            #expect(value.losses.values(Double.self).allSatisfy { abs($0 - log(2)) < 1e-7 })
            // a·σ(0) = β/4.
            let expected = imitation.mapValues { $0 * (beta / 4) }
            let pushed = Dictionary(uniqueKeysWithValues: expected.map { ($0, flip == .none ? $1 - push[$0]! * (beta / 4) : $1) })
            let given = gradient(value.losses.mean())
            #expect(relativeDifference(given, pushed) < 1e-5)
            #expect(relativeDifference(given, pushed.mapValues { $0 * 2 }) > 0.4, "the twin without the half")
        }
    }

    @Test func aCheckpointOfThePolicyTiesToo() throws {
        let directory = try world.directory("run")
        let pool = ReferencePool(try TrainedPart.choose(world.settings(), of: world.pipeline.denoising), in: directory, rule: .latest)
        for (_, value) in policy.parameters { value.multiply_(1.01) }
        try pool.append(1, policy.parameters)
        let errors = DenoisingErrors.measure(policy: network, reference: try pool.denoiser(1), winner: winner, loser: loser, Conditioning(text: states))
        #expect(sameBits(errors.policyWinner.detached, errors.referenceWinner) && sameBits(errors.policyLoser.detached, errors.referenceLoser))
        let base = DenoisingErrors.measure(policy: network, reference: world.pipeline.unet, winner: winner, loser: loser, Conditioning(text: states))
        #expect(!sameBits(base.policyWinner.detached, base.referenceWinner), "the twin against other weights")
    }

    /// A batch of one takes other kernels, whose sums depend on where the weights lie in memory: a file's lie anywhere.
    @Test(arguments: [1, 2, 3]) func aSmallBatchTiesToo(_ size: Int) throws {
        let directory = try world.directory("run")
        let pool = ReferencePool(try TrainedPart.choose(world.settings(), of: world.pipeline.denoising), in: directory, rule: .latest)
        try pool.append(1, policy.parameters)
        for seed in 0..<20 {
            func noise(_ purpose: String) -> Tensor { Generator(seed: SeededGenerator.seed(1, purpose, seed)).normal([size, 4, 4, 4]) }
            let timesteps = Tensor((0..<size).map { 50 * seed + $0 })
            let winner = world.pipeline.schedule.noise(noise("winner"), with: noise("noise"), at: timesteps)
            for reference in [world.pipeline.unet, try pool.denoiser(1)] {
                let ofPolicy = winner.errors(of: network, Conditioning(text: states[0..<size]))
                let ofReference = noGradients { winner.errors(of: reference, Conditioning(text: states[0..<size])) }
                #expect(sameBits(ofPolicy.detached, ofReference))
            }
        }
    }

    @Test func aTrainableCopySharesNothingWithItsSource() throws {
        let before = world.pipeline.unetTensors.mapValues { $0.clone() }
        for (_, value) in policy.parameters { value.add_(Tensor.ones(value.shape)) }
        #expect(sameBits(world.pipeline.unetTensors, before))
        #expect(world.pipeline.unetTensors.values.allSatisfy { !$0.requiresGradient })
    }
}
