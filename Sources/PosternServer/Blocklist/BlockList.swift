import Logging
import NetworkAddress
import ServiceLifecycle
import Storage
import Synchronization

/// A block of a network that lives.
struct LiveBlock: Sendable {
    let id: Block.ID
    let network: AddressRange
    /// Then nothing is answered at all; else nobody signs in.
    let isByHand: Bool
    let until: Timestamp?
}

/// The networks that are blocked, in memory: every request asks. What changes in the database holds within a second.
final class BlockList: Sendable {
    /// One state of it; never changed.
    private final class Listing: Sendable {
        let number: Int64
        let blocks: [LiveBlock]
        let everything: NetworkSet
        let signIn: NetworkSet
        private let everythingIndexes: [Int]
        private let signInIndexes: [Int]
        /// When the first of them is over.
        let endsAt: Timestamp

        init(number: Int64, _ blocks: [LiveBlock]) {
            self.number = number
            self.blocks = blocks
            everythingIndexes = blocks.indices.filter { blocks[$0].isByHand }
            signInIndexes = blocks.indices.filter { !blocks[$0].isByHand }
            everything = NetworkSet(everythingIndexes.map { blocks[$0].network })
            signIn = NetworkSet(signInIndexes.map { blocks[$0].network })
            endsAt = blocks.compactMap(\.until).min() ?? Timestamp(microseconds: .max)
        }

        func blocked(_ address: IPAddress) -> LiveBlock? { everything.index(of: address).map { blocks[everythingIndexes[$0]] } }
        func blockedFromSignIn(_ address: IPAddress) -> LiveBlock? { signIn.index(of: address).map { blocks[signInIndexes[$0]] } }
    }

    private let store: any Store
    private let trustedProxies: [AddressRange]
    private let logger: Logger
    private let listing = Mutex<Listing?>(nil)
    private let count = Atomic(0)

    private static let interval = Duration.milliseconds(500)

    init(store: any Store, trustedProxies: [AddressRange], logger: Logger) {
        (self.store, self.trustedProxies, self.logger) = (store, trustedProxies, logger)
    }

    /// Whether any network is blocked.
    var areAny: Bool { count.load(ordering: .relaxed) > 0 }

    /// What refuses every request of an address. A proxy's own is never refused: everybody is behind it.
    func findForAll(_ address: IPAddress, now: Timestamp) -> LiveBlock? {
        alive(listing.withLock { $0 }?.blocked(address), address, now)
    }

    /// What refuses tries to sign in from an address.
    func find(_ address: IPAddress, now: Timestamp) -> LiveBlock? {
        alive(listing.withLock { $0 }?.blockedFromSignIn(address), address, now)
    }

    private func alive(_ block: LiveBlock?, _ address: IPAddress, _ now: Timestamp) -> LiveBlock? {
        guard let block, block.until.map({ $0 > now }) ?? true, !trustedProxies.contains(where: { $0.contains(address) }) else {
            return nil
        }
        return block
    }

    /// Reads what changed.
    func load(now: Timestamp) async throws(StoreError) {
        let old = listing.withLock { $0 }
        let fresh = try await store.read { (transaction) throws(StoreError) -> (Int64, [LiveBlock])? in
            let number = try transaction.blockChanges()
            // One that is over may have hidden one within it.
            if let old, old.number == number, old.endsAt > now { return nil }
            return (number, try transaction.liveNetworkBlocks(now: now))
        }
        guard let (number, blocks) = fresh else { return }
        let made = Listing(number: number, blocks)
        listing.withLock { $0 = made }
        count.store(blocks.count, ordering: .relaxed)
    }
}

extension BlockList: Service {
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                do {
                    try await load(now: .now())
                } catch {
                    logger.debug("the list of blocks could not be read", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
