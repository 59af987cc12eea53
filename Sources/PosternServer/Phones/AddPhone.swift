import PhoneNumbers
import Secrets
import Storage
import Throttle

/// Adds a telephone number: it counts once a code that went there was typed (RC-17).
struct AddPhone: Sendable {
    enum Beginning: Sendable {
        case sent(Phone.ID, SendCode.Sent)
        /// - Parameter readsLikeOne: a number of its form, of which none is given out.
        case invalid(readsLikeOne: Bool)
        /// No code goes to such a number.
        case refused(CodeDesk.Asked)
        case known
        case tooMany
        /// More new numbers than a day allows.
        case tooManyToday
        case forbidden
        case stepUpNeeded
    }

    enum Confirmation: Sendable {
        /// - Parameters:
        ///   - codes: recovery codes, made with the first factor.
        ///   - token: under which a browser's session goes on (SE-02).
        ///   - usableFrom: later than now where it takes the place of another.
        case confirmed(codes: NewRecoverySet?, token: SessionToken?, usableFrom: Timestamp)
        case wrongCode
        /// Five wrong ones: another code must be sent.
        case spent
        /// It waited longer than ten minutes, or another was begun since.
        case gone
        case busy
    }

    let store: any Store
    let desk: SessionDesk
    let hasher: PasswordHasher
    let policy: PhonePolicy
    let keys: KeyRingHolder
    let notices: PhoneNotices
    let random: Randomness
    let wake: @Sendable () -> Void

    private static let perDay = Rate(limit: Phone.mostPerDay, period: 86_400)

    /// - Parameter channel: nil for a text where one can be sent, else a call.
    func begin(
        _ text: String, by channel: Delivery.Channel?, in session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Beginning {
        let settings = policy.desk.rules.settings
        let number: PhoneNumber
        // Where all people live in one country, they needn't write it.
        do throws(PhoneNumber.Problem) {
            number = try PhoneNumber(text, in: settings.countries.count == 1 ? settings.countries.first : nil)
        } catch { return .invalid(readsLikeOne: error == .notInUse) }
        let id = Phone.ID(now: now, random: random.bytes(10))
        let new = NewPhone(
            id: id, account: session.account, number: number,
            sealed: keys.current.seal(Array(number.e164.utf8), at: Phone.place(of: id), nonce: random.bytes(12)),
            key: policy.desk.key(of: number), now: now)
        let outcome = try await store.write { (transaction) throws(StoreError) -> Beginning in
            try transaction.lockFactors(of: session.account)
            guard try policy.isAllowed(session.account, in: transaction) else { return .forbidden }
            guard try transaction.isFreshlyProven(session.id, of: session.account, now: now) else { return .stepUpNeeded }
            guard try !transaction.hasPhone(key: new.key, of: session.account) else { return .known }
            // One that no code goes to takes nobody's place.
            let request = request(id, number, new.key, by: channel, session, client)
            if let refusal = policy.desk.guarding.placeRefusal(request, under: settings) {
                // Written down so often and no more.
                if let rate = Self.perDay, try transaction.countRate("refused phones \(session.account)", rate, now: now).isAllowed {
                    try policy.desk.guarding.record(refusal, request, in: transaction, now: now)
                }
                return .refused(.refused(.notThere))
            }
            if let waiting = try transaction.waitingPhone(key: new.key, of: session.account, now: now) {
                return try send(waiting, number, new.key, by: channel, session, client, in: transaction, now: now)
            }
            if let rate = Self.perDay {
                guard try transaction.countRate("phones \(session.account)", rate, now: now).isAllowed else { return .tooManyToday }
            }
            guard try transaction.addPendingPhone(new) else { return .tooMany }
            return try send(id, number, new.key, by: channel, session, client, in: transaction, now: now)
        }
        if case .sent = outcome { wake() }
        return outcome
    }

    /// Another code for a number that waits.
    func sendAgain(
        _ id: Phone.ID, by channel: Delivery.Channel, in session: LiveSession, client: Client, now: Timestamp
    ) async throws(StoreError) -> Beginning? {
        let outcome = try await store.write { (transaction) throws(StoreError) -> Beginning? in
            try transaction.lockFactors(of: session.account)
            guard let known = try transaction.phone(id, of: session.account, now: now), !known.isConfirmed,
                let text = try? keys.open(known.sealed, at: Phone.place(of: id)),
                let number = try? PhoneNumber(String(decoding: text.exposed, as: UTF8.self))
            else { return nil }
            guard try policy.isAllowed(session.account, in: transaction) else { return .forbidden }
            let hasFactor = try transaction.hasSecondFactor(session.account)
            // As long as the number waits, what was proved when it was given holds.
            guard
                try transaction.proof(of: session.id, account: session.account)?.isFresh(hasFactor: hasFactor, now: known.phone.addedAt)
                    == true
            else { return .stepUpNeeded }
            return try send(id, number, known.key, by: channel, session, client, in: transaction, now: now)
        }
        if case .sent = outcome { wake() }
        return outcome
    }

    private func send(
        _ id: Phone.ID, _ number: PhoneNumber, _ key: [UInt8], by channel: Delivery.Channel?, _ session: LiveSession, _ client: Client,
        in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) -> Beginning {
        let request = request(id, number, key, by: channel, session, client)
        switch try policy.desk.ask(request, for: .confirm(id), in: transaction, now: now) {
        case .written(let delivery):
            try transaction.record(
                AuditEvent(
                    .codeSent, account: session.account, by: .account(session.account), from: client, at: now,
                    detail: "\(request.channel.rawValue) \(number.masked), to confirm it"))
            return .sent(id, SendCode.Sent(delivery: delivery, resendAfter: policy.desk.resendAfter))
        case let refusal: return .refused(refusal)
        }
    }

    private func request(
        _ id: Phone.ID, _ number: PhoneNumber, _ key: [UInt8], by channel: Delivery.Channel?, _ session: LiveSession, _ client: Client
    ) -> SendRequest {
        SendRequest(
            account: session.account, phone: id, number: number, numberKey: key,
            channel: channel ?? number.deliveryChannels.first ?? .sms, client: client, isConfirmed: false)
    }

    /// - Parameters:
    ///   - making: what becomes of recovery codes, which are made with the first factor.
    ///   - renews: whether the session goes on under a new token.
    func confirm(
        _ id: Phone.ID, code text: Secret<String>, in session: LiveSession, codes making: EnrolAuthenticator.Codes, renews: Bool,
        client: Client, now: Timestamp
    ) async throws(StoreError) -> Confirmation {
        let account = session.account
        let known = try await store.read { (transaction) throws(StoreError) in
            (
                phone: try transaction.phone(id, of: account, now: now), wish: try transaction.liveWish(.confirm(id), now: now),
                hasCodes: try transaction.recoverySet(of: account) != nil
            )
        }
        guard let phone = known.phone, !phone.isConfirmed, let wish = known.wish, wish.account == account else { return .gone }
        let hash = SentCode(typed: text.exposed).map { policy.desk.hash($0, for: wish.id) }
        let codes: NewRecoverySet?
        do {
            // Ten hashes are only worth it for a code that is right.
            let isRight = try await isRight(hash, wish.id, now: now)
            codes = known.hasCodes || !isRight ? nil : try await NewRecoverySet(hasher: hasher, now: now, random: random)
        } catch let error as StoreError { throw error } catch { return .busy }
        let token = renews ? SessionToken(random: random.bytes(Token.byteCount)) : nil
        let outcome = try await store.write { (transaction) throws(StoreError) -> Confirmation in
            try transaction.lockFactors(of: account)
            guard
                let found = try hash.flatMap({ (hash) throws(StoreError) in
                    try transaction.delivery(of: wish.id, codeHash: hash, now: now)
                })
            else {
                _ = try transaction.countFailure(of: account, now: now)
                return try transaction.countWrongCode(wish.id, now: now) ? .wrongCode : .spent
            }
            guard try transaction.isLive(wish.id, now: now) else { return .spent }
            // The proof was asked for when this was begun, and must still stand: the session may have ended, or another factor come.
            let hasFactor = try transaction.hasSecondFactor(account)
            guard try transaction.proof(of: session.id, account: account)?.isFresh(hasFactor: hasFactor, now: phone.phone.addedAt) == true,
                try policy.isAllowed(account, in: transaction), try transaction.useWish(wish.id, now: now)
            else { return .gone }
            try transaction.credit(found.id, madeAt: found.createdAt, now: now)
            // Beside anything else that is asked, or in its place: its owner gets a day to object.
            let changes = hasFactor ? true : try transaction.changedPhone(account, since: now - policy.factors.phoneCoolOff)
            let usableFrom = changes ? now + policy.factors.phoneCoolOff : now
            let others = try transaction.phones(of: account)
            guard try transaction.confirmPhone(id, of: account, usableFrom: usableFrom, now: now) else { return .gone }
            // What can't be used yet proves nothing yet.
            let isProof = !changes
            if isProof {
                _ = try transaction.noteFactorProof(.phone(id), in: session.id, of: account, token: token, now: now)
            }
            try conclude(phone.phone, others, codes, making, session, client, in: transaction, now: now)
            return .confirmed(codes: codes, token: isProof ? token : nil, usableFrom: usableFrom)
        }
        self.desk.forget(account)
        return outcome
    }

    private func isRight(_ hash: [UInt8]?, _ wish: CodeWish.ID, now: Timestamp) async throws(StoreError) -> Bool {
        guard let hash else { return false }
        return try await store.read { (transaction) throws(StoreError) in
            try transaction.delivery(of: wish, codeHash: hash, now: now) != nil
        }
    }

    private func conclude(
        _ phone: Phone, _ others: [Phone], _ codes: NewRecoverySet?, _ making: EnrolAuthenticator.Codes, _ session: LiveSession,
        _ client: Client,
        in transaction: borrowing Transaction, now: Timestamp
    ) throws(StoreError) {
        let account = session.account
        func record(_ kind: AuditEvent.Kind, _ detail: String) throws(StoreError) {
            try transaction.record(AuditEvent(kind, account: account, by: .account(account), from: client, at: now, detail: detail))
        }
        if let codes {
            try transaction.addRecoverySet(codes, of: account, now: now)
            if making == .atOnce, try transaction.useRecoverySet(codes.set.id, of: account) {
                try record(.recoveryCodesMade, "\(codes.codes.count)")
            }
        }
        try transaction.endTrust(of: account)
        // What was half made without the new factor is over.
        try transaction.endChallenges(of: account)
        try transaction.noteSessionChange(of: account, now: now)
        try record(.phoneAdded, phone.masked)
        try notices.tell(.added(phone), others, account, in: transaction, now: now)
    }
}
