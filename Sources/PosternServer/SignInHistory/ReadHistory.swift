import NetworkAddress
package import Secrets
package import Storage

/// Which attempts are asked for.
enum HistoryFilter: String, CaseIterable, Sendable {
    case all
    case signedIn = "signed-in"
    case refused
    case unusual

    var words: String {
        switch self {
        case .all: "Everything"
        case .signedIn: "Signed in"
        case .refused: "Failed"
        case .unusual: "Unusual only"
        }
    }

    /// Of which of the account's two chains; nil for both.
    fileprivate var refusedOnly: Bool? {
        switch self {
        case .all, .unusual: nil
        case .signedIn: false
        case .refused: true
        }
    }
}

/// An attempt with what is shown beside it.
package struct ShownAttempt: Sendable {
    let attempt: KeptAttempt
    let place: ShownPlace
    let findings: [FindingLine]
    /// Whose account it was; nil where it is nobody's, or one's own.
    var email: String?
}

/// How a day went.
struct HistoryDay: Sendable {
    /// Since 1970, UTC.
    let day: Int64
    var signedIn: Int64 = 0
    var refused: Int64 = 0
}

/// Reads the history: of one account, for its owner, and of all, for administrators.
package struct ReadHistory: Sendable {
    struct Page: Sendable {
        let attempts: [ShownAttempt]
        /// Where older ones begin; nil at the end.
        let next: String?
    }

    /// What administrators look for among everybody's.
    struct Search: Sendable {
        var account: Account.ID?
        var outcome: SignInAttempt.Outcome?
        /// A network, such as 198.51.100.0/24.
        var network: AddressRange?
        var country = ""
    }

    let store: any Store
    /// Signs cursors: nobody makes one up that reads on in another's history.
    let keys: KeyRing.Authenticator

    package init(store: any Store, keys: KeyRing.Authenticator) { (self.store, self.keys) = (store, keys) }

    /// Read at once while looking for what fits a search.
    private static let stride: Int64 = 500
    /// Attempts looked at for one page of a search; then the reader is asked to go on.
    private static let mostLookedAt = 100_000
    /// Attempts that a plot is drawn from.
    private static let mostOfPlot = 2_000
    private static let partOfPlot = 200
    static let plotDays: Int64 = 30

    // MARK: One account's

    /// - Returns: nil for a cursor that is none of ours.
    func page(
        of account: Account.ID, _ filter: HistoryFilter, after cursor: String?, limit: Int
    ) async throws(StoreError) -> Page? {
        var place = AttemptCursor()
        if let cursor {
            guard let numbers = numbers(in: cursor, of: account.bytes) else { return nil }
            place = AttemptCursor(signIns: numbers.0, refusals: numbers.1)
        }
        let start = place
        let (found, end) = try await store.read { (transaction) throws(StoreError) in
            var (places, end) = (PlaceCache(), start)
            let attempts =
                filter == .unusual
                ? try unusual(of: account, &end, limit: limit, in: transaction)
                : try transaction.attempts(of: account, refused: filter.refusedOnly, from: &end, limit: limit)
            return (try show(attempts, of: account, &places, in: transaction), end)
        }
        return Page(attempts: found, next: end.isAtEnd ? nil : self.cursor((end.signIns, end.refusals), of: account.bytes))
    }

    private func unusual(
        of account: Account.ID, _ cursor: inout AttemptCursor, limit: Int, in transaction: borrowing Transaction
    ) throws(StoreError) -> [KeptAttempt] {
        var reader = AttemptReader()
        let numbers = try transaction.unusualNumbers(of: account, before: cursor.signIns, limit: Int64(limit) + 1)
        var found: [KeptAttempt] = []
        for number in numbers.prefix(limit) {
            if let attempt = try transaction.attempt(number, &reader) { found.append(attempt) }
        }
        cursor = AttemptCursor(signIns: numbers.count > limit ? numbers[limit - 1] : nil, refusals: nil)
        return found
    }

    /// The last 30 days, oldest first.
    func days(of account: Account.ID, now: Timestamp) async throws(StoreError) -> [HistoryDay] {
        let first = now.day - Self.plotDays + 1
        var days = (first...now.day).map { HistoryDay(day: $0) }
        var place = AttemptCursor()
        var seen = 0
        while seen < Self.mostOfPlot {
            let start = place
            let (part, end) = try await store.read { (transaction) throws(StoreError) in
                var end = start
                return (try transaction.attempts(of: account, from: &end, limit: Self.partOfPlot), end)
            }
            for attempt in part where attempt.at.day >= first && attempt.at.day <= now.day {
                let index = Int(attempt.at.day - first)
                switch attempt.outcome {
                case .signedIn: days[index].signedIn += 1
                case .refused: days[index].refused += attempt.times
                case .challenged: break
                }
            }
            place = end
            seen += part.count
            guard part.count == Self.partOfPlot, let last = part.last, last.at.day >= first else { break }
        }
        return days
    }

    /// How far everything of an account was read.
    package struct Progress: Sendable {
        package init() {}

        fileprivate var cursor = AttemptCursor()
        fileprivate var places = PlaceCache()
    }

    /// The next part of everything, so that memory stays flat however much it is; empty at the end.
    package func part(of account: Account.ID, _ progress: inout Progress) async throws(StoreError) -> [ShownAttempt] {
        let before = progress
        let (part, after) = try await store.read { (transaction) throws(StoreError) in
            var progress = before
            let attempts = try transaction.attempts(of: account, from: &progress.cursor, limit: Int(Self.stride))
            return (try show(attempts, of: account, &progress.places, in: transaction), progress)
        }
        progress = after
        return part
    }

    // MARK: Everybody's

    /// - Returns: nil for a cursor that is none of ours; also how far back was looked.
    func search(
        _ search: Search, after cursor: String?, limit: Int, now: Timestamp
    ) async throws(StoreError) -> (page: Page, lookedBackTo: Timestamp?)? {
        var before = SignInAttempt.Number.first(at: now + .seconds(86_400))
        if let cursor {
            guard let number = numbers(in: cursor, of: Self.everybody)?.0 else { return nil }
            before = number
        }
        var found: [KeptAttempt] = []
        var lookedAt = 0
        while found.count <= limit, lookedAt < Self.mostLookedAt {
            let start = before
            let part = try await store.read { (transaction) throws(StoreError) in
                let attempts = try transaction.attempts(before: start, limit: Self.stride)
                var countries: [Int64: String] = [:]
                return try attempts.map { (attempt) throws(StoreError) in
                    (attempt, fits: try fits(attempt, search, &countries, in: transaction))
                }
            }
            guard let last = part.last else { break }
            before = last.0.number
            lookedAt += part.count
            found += part.filter(\.fits).map(\.0)
        }
        let isCut = lookedAt >= Self.mostLookedAt && found.count <= limit
        let kept = Array(found.prefix(limit))
        let shown = try await store.read { (transaction) throws(StoreError) in
            var places = PlaceCache()
            return try kept.map { (attempt) throws(StoreError) in
                let findings = attempt.account == nil ? [] : try transaction.findings(of: attempt.number)
                var shown = try show(attempt, findings, &places, in: transaction)
                shown.email = try attempt.account.flatMap { (id) throws(StoreError) in try transaction.account(id)?.email }
                return shown
            }
        }
        let end = found.count > limit ? kept.last?.number : isCut ? before : nil
        return (Page(attempts: shown, next: end.map { self.cursor(($0, nil), of: Self.everybody) }), isCut ? before.at : nil)
    }

    private static let everybody: [UInt8] = Array("everybody".utf8)

    private func fits(
        _ attempt: KeptAttempt, _ search: Search, _ countries: inout [Int64: String], in transaction: borrowing Transaction
    ) throws(StoreError) -> Bool {
        if let account = search.account, attempt.account != account { return false }
        if let outcome = search.outcome, attempt.outcome != outcome { return false }
        if let network = search.network, !(attempt.address.map(network.contains) ?? false) { return false }
        guard !search.country.isEmpty else { return true }
        guard let place = attempt.place else { return false }
        if countries[place] == nil { countries[place] = try transaction.place(place)?.country ?? "" }
        return countries[place] == search.country
    }

    // MARK: What stands beside

    /// Places that were read already.
    fileprivate struct PlaceCache: Sendable {
        fileprivate struct Key: Hashable {
            let place: Int64?
            let network: UInt32?
        }

        fileprivate var places: [Key: ShownPlace] = [:]
    }

    /// Of one account, with one question for all that is unusual among them.
    private func show(
        _ attempts: [KeptAttempt], of account: Account.ID, _ cache: inout PlaceCache, in transaction: borrowing Transaction
    ) throws(StoreError) -> [ShownAttempt] {
        guard let newest = attempts.map(\.number).max(), let oldest = attempts.map(\.number).min() else { return [] }
        let findings = Dictionary(grouping: try transaction.findings(of: account, from: oldest, to: newest), by: \.number)
        return try attempts.map { (attempt) throws(StoreError) in
            try show(attempt, findings[attempt.number] ?? [], &cache, in: transaction)
        }
    }

    private func show(
        _ attempt: KeptAttempt, _ findings: [FindingLine], _ cache: inout PlaceCache, in transaction: borrowing Transaction
    ) throws(StoreError) -> ShownAttempt {
        let key = PlaceCache.Key(place: attempt.place, network: attempt.network)
        let known = cache.places[key]
        let place = if let known { known } else { try transaction.shownPlace(attempt.place, network: attempt.network) }
        if known == nil {
            if cache.places.count > 10_000 { cache.places = [:] }
            cache.places[key] = place
        }
        return ShownAttempt(attempt: attempt, place: place, findings: findings)
    }

    // MARK: Cursors

    private func cursor(_ numbers: (SignInAttempt.Number?, SignInAttempt.Number?), of whose: [UInt8]) -> String {
        let bytes = [numbers.0, numbers.1].flatMap { number in withUnsafeBytes(of: (number?.value ?? 0).bigEndian) { Array($0) } }
        return Base64URL.encode(bytes + keys.code(for: whose + bytes).prefix(16))
    }

    private func numbers(in text: String, of whose: [UInt8]) -> (SignInAttempt.Number?, SignInAttempt.Number?)? {
        guard text.utf8.count == 43, let bytes = Base64URL.decode(text.utf8), bytes.count == 32 else { return nil }
        let numbers = Array(bytes.prefix(16))
        guard isEqualInConstantTime(Array(bytes.suffix(16)), Array(keys.code(for: whose + numbers).prefix(16))) else { return nil }
        func number(_ bytes: ArraySlice<UInt8>) -> SignInAttempt.Number? {
            let value = bytes.reduce(0) { $0 << 8 | Int64($1) }
            return value == 0 ? nil : SignInAttempt.Number(value)
        }
        return (number(numbers[..<8]), number(numbers[8...]))
    }
}
