import Diffusion
import Foundation

/// Networks of the checkpoints in use.
///
/// On the processor one is held, a map of its file. On another device it is a copy there, which takes time: two are held, and that of the next update
/// is brought there on a thread of its own while the present one computes.
final class ReferenceRing: @unchecked Sendable {
    private let isOnDevice: Bool
    private let load: (_ index: Int) throws -> any Denoiser
    /// The latest last. Used by the training's thread alone.
    private var held: [Slot] = []

    /// A network that is there, or on its way.
    private final class Slot: @unchecked Sendable {
        let index: Int
        private let condition = NSCondition()
        private var found: Result<any Denoiser, any Error>?

        init(_ index: Int) { self.index = index }

        func fill(_ load: (_ index: Int) throws -> any Denoiser) {
            let result = Result { try load(index) }
            condition.withLock {
                found = result
                condition.broadcast()
            }
        }

        func denoiser() throws -> any Denoiser {
            try condition.withLock {
                while found == nil { condition.wait() }
                return try found!.get()
            }
        }
    }

    /// - Parameter load: reads the network of a checkpoint, in any thread
    init(isOnDevice: Bool, load: @escaping (_ index: Int) throws -> any Denoiser) { (self.isOnDevice, self.load) = (isOnDevice, load) }

    /// The network of checkpoint `index`, once it is there. Throws what reading it throws.
    func denoiser(_ index: Int) throws -> any Denoiser {
        if let place = held.firstIndex(where: { $0.index == index }) {
            held.append(held.remove(at: place))
        } else {
            makeRoom(for: index).fill(load)
        }
        do {
            return try held.last!.denoiser()
        } catch {
            held.removeLast()
            throw error
        }
    }

    /// Begins to bring a network to the device, unless it is there; on the processor there is nothing to bring.
    func prepare(_ index: Int) {
        guard isOnDevice, !held.contains(where: { $0.index == index }) else { return }
        let slot = makeRoom(for: index)
        let thread = Thread { [self] in slot.fill(load) }
        thread.name = "reference"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Forgets a network, whose checkpoint will be another, when all that are on their way have come.
    func remove(_ index: Int) {
        for slot in held { _ = try? slot.denoiser() }
        held.removeAll { $0.index == index }
    }

    /// Before it is read: at no time are there more than there should be.
    private func makeRoom(for index: Int) -> Slot {
        let slot = Slot(index)
        held = held.suffix(isOnDevice ? 1 : 0) + [slot]
        return slot
    }
}
