import Secrets
import Storage

/// Opens the key ring that belongs to a database, and makes both at the first start. Never touches data with a wrong ring.
struct SecretsAtRest: Sendable {
    let store: any Store
    let file: KeyRingFile
    let random: Randomness

    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// - Returns: the ring that this database was sealed with.
    func open(now: Timestamp) async throws -> KeyRing {
        try await file.locked { try await openLocked(now: now) }
    }

    private func openLocked(now: Timestamp) async throws -> KeyRing {
        if !file.exists {
            let known = try await store.read { (transaction) throws(StoreError) in try transaction.sealingKeys() }
            guard known.isEmpty else {
                throw Problem(
                    description:
                        "The key ring \(file.path) is missing, and this database was sealed with it. Put it back from its backup, or name its place with key-ring-file. Nothing was changed."
                )
            }
            guard let ring = KeyRing(keys: [KeyRingFile.freshKey(random)]) else { preconditionFailure("One key is a ring.") }
            try file.write(ring)
        }
        let ring = try file.read()
        try await remember(ring, now: now)
        return ring
    }

    /// Adds a key and seals everything anew in one transaction.
    /// The file comes first: a crash in between leaves a ring that opens both old and new.
    /// - Returns: how many values were sealed anew.
    func rotate(now: Timestamp) async throws -> Int {
        try await file.locked { try await rotateLocked(now: now) }
    }

    private func rotateLocked(now: Timestamp) async throws -> Int {
        let old = try await openLocked(now: now)
        guard let ring = KeyRing(keys: old.keys + [KeyRingFile.freshKey(random)]) else {
            preconditionFailure("Four random bytes met twice.")
        }
        try file.write(ring)
        try await remember(ring, now: now)
        let random = random
        return try await store.write { (transaction) throws(StoreError) in
            let reseal = { (sealed: [UInt8], place: KeyRing.Place) in
                (try? ring.open(sealed, at: place)).map { ring.seal($0.exposed, at: place, nonce: random.bytes(12)) }
            }
            let resealed =
                try transaction.resealJobs(reseal) + transaction.resealAuthenticators(reseal) + transaction.resealPhones(reseal)
                + transaction.resealDeliveries(reseal)
            try transaction.record(AuditEvent(.keysRotated, account: nil, by: .commandLine, from: nil, at: now, detail: "\(resealed)"))
            return resealed
        }
    }

    /// Checks that the ring holds every key the database knows, and tells the database of new ones: in one transaction and under a lock,
    /// because two nodes may bring a ring of their own to one new database.
    private func remember(_ ring: KeyRing, now: Timestamp) async throws {
        let keys = ring.keys.map { (id: $0.id, fingerprint: ring.fingerprint(of: $0)) }
        let stranger = try await store.write { (transaction) throws(StoreError) -> [UInt8]? in
            if let lock = transaction.dialect.migrationLock { _ = try transaction.run(lock) }
            let known = try transaction.sealingKeys()
            for (id, fingerprint) in known {
                guard let own = keys.first(where: { $0.id == id }), isEqualInConstantTime(own.fingerprint, fingerprint) else { return id }
            }
            for key in keys where known[key.id] == nil { try transaction.addSealingKey(id: key.id, fingerprint: key.fingerprint, now: now) }
            return nil
        }
        guard let stranger else { return }
        throw Problem(
            description:
                "The key ring \(file.path) is not the one this database was sealed with: key \(Base64URL.encode(stranger)) is missing or another. Put the right ring back. Nothing was changed."
        )
    }
}
