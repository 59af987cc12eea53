import Logging
import ServiceLifecycle
import Storage

/// Deletes what is over: ended sessions, dead links, finished jobs. Missing a round costs space, nothing else.
struct Upkeep: Service {
    let store: any Store
    let logger: Logger

    private static let interval = Duration.seconds(600)
    /// Finished jobs are kept this long to be looked at.
    private static let jobsKept = Duration.seconds(7 * 86_400)
    /// Those that were given up are kept that long: somebody may still let them be tried again.
    private static let deadJobsKept = Duration.seconds(90 * 86_400)

    /// Longer than any reminder comes ahead: that a notice was sent is known by its row.
    private static let noticesKept = Duration.seconds(400 * 86_400)

    /// A sign-up that nobody confirmed is deleted after that long.
    private static let unconfirmedKept = Duration.seconds(7 * 86_400)

    /// Blocks that are over are kept this long to be looked at.
    private static let blocksKept = Duration.seconds(90 * 86_400)

    /// Figures of deliveries: two half-years can be compared.
    private static let deliveriesKept = Duration.seconds(400 * 86_400)

    /// Addresses that accounts had: as long as anybody may say that a sign-in wasn't them.
    private static let emailsKept = Duration.seconds(40 * 86_400)
    /// Cases that were closed.
    private static let casesKept = Duration.seconds(400 * 86_400)
    /// Rows of the sign-in history younger than that are still counted on or looked after.
    private static let attemptsSettle = Duration.seconds(2 * 3_600)

    /// Who used which key.
    private static let keyUsesKept = Duration.seconds(90 * 86_400)
    /// Ended keys, to be told what follows them, and to be looked at.
    private static let endedKeysKept = Duration.seconds(400 * 86_400)
    /// So long an ended organization's keys are told what became of them.
    private static let endedOrganizationsKept = Duration.seconds(7 * 86_400)

    /// Between two blocks, for who signs in.
    private static let rest = Duration.milliseconds(1)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await prune(now: .now())
                    try await pack(now: .now())
                    try await erase()
                } catch {
                    logger.debug("upkeep could not run", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    /// Packs what is old enough of the sign-in history: a block in a transaction of its own, so that nobody waits for it.
    func pack(now: Timestamp) async throws(StoreError) {
        while try await store.write({ (transaction) throws(StoreError) in
            try transaction.packAttempts(before: now - Self.attemptsSettle)
        }) > 0 { try? await Task.sleep(for: Self.rest) }
    }

    /// Deletes what accounts left behind.
    func erase() async throws(StoreError) {
        while try await store.write({ (transaction) throws(StoreError) in try transaction.eraseAttempts(most: 20) }) {
            try? await Task.sleep(for: Self.rest)
        }
    }

    func prune(now: Timestamp) async throws(StoreError) {
        try await store.write { (transaction) throws(StoreError) in
            try transaction.pruneSessions(now: now)
            try transaction.pruneSignUp(now: now)
            try transaction.prunePasswords(now: now)
            try transaction.pruneEmailChanges(now: now)
            try transaction.pruneTickets(now: now)
            try transaction.pruneAuthenticators(now: now)
            try transaction.pruneRecoverySets(now: now)
            try transaction.prunePhones(now: now)
            try transaction.pruneWishes(now: now, figuresBefore: now - Self.deliveriesKept)
            try transaction.pruneDeliveryGuard(now: now)
            try transaction.pruneChallenges(now: now)
            try transaction.pruneThrottling(now: now)
            try transaction.pruneTallies(now: now)
            try transaction.pruneEmailsBefore(now - Self.emailsKept)
            try transaction.pruneSignInLinks(now: now)
            try transaction.pruneCases(closedBefore: now - Self.casesKept)
            try transaction.pruneBlocks(before: now - Self.blocksKept)
            try transaction.pruneKeyChanges(now: now)
            try transaction.pruneKeys(endedBefore: now - Self.endedKeysKept, most: 500)
            try transaction.pruneKeyUses(beforeDay: (now - Self.keyUsesKept).day)
            try transaction.pruneOrganizations(endedBefore: now - Self.endedOrganizationsKept, now: now)
            try transaction.pruneUnconfirmed(createdBefore: now - Self.unconfirmedKept)
            try transaction.buryExhaustedJobs(now: now)
            try transaction.noteLostNotices(now: now)
            try transaction.pruneNotices(before: now - Self.noticesKept)
            try transaction.pruneJobs(doneBefore: now - Self.jobsKept, deadBefore: now - Self.deadJobsKept)
        }
    }
}
