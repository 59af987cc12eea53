import NetworkAddress
import Secrets
import Storage
import Throttle

/// A key, as JSON has it.
struct KeyDocument: Encodable {
    struct RateDocument: Encodable {
        let limit: Int
        /// In seconds.
        let period: Int
    }

    let id: String
    let name: String
    /// Its text, once: when it is made.
    let key: String?
    let mode: String
    let scopes: [String]
    let last_four: String
    /// `live`, `ending`, `expired` or `revoked`.
    let state: String
    /// Why it was revoked.
    let reason: String?
    let made_at: String
    let expires_at: String?
    /// When it stopped or will stop working, where that was said.
    let ends_at: String?
    let rotated_at: String?
    let successor: String?
    let cut_when_unused_days: Int64?
    let addresses: [String]
    let rate: RateDocument?
    let used_at: String?
    let used_from: String?
    let used_by: String?
    let seen_over_http_at: String?

    init(_ key: APIKey, text: String? = nil, access: KeyAccess = .manages, now: Timestamp) {
        let isMasked = access == .looksOn(masked: true)
        id = key.id.description
        name = key.terms.name
        self.key = text
        mode = key.mode.rawValue
        scopes = key.terms.scopes.names
        last_four = isMasked ? "••••" : key.lastFour
        let standing = key.standing(at: now)
        state = standing.word
        if case .revoked(_, let end) = standing { reason = end.rawValue } else { reason = nil }
        made_at = ISOTime.text(key.madeAt)
        expires_at = key.terms.expiresAt.map(ISOTime.text)
        ends_at = standing.end.map(ISOTime.text)
        rotated_at = key.rotatedAt.map(ISOTime.text)
        successor = key.successor?.description
        cut_when_unused_days = key.unusedDays
        addresses = isMasked ? [] : key.terms.addresses.map(\.description)
        rate = key.terms.rate.map { RateDocument(limit: Int($0.limit), period: Int($0.period)) }
        used_at = key.used.map { ISOTime.text($0.at) }
        used_from = key.used.map { isMasked ? maskedAddress($0.address) : $0.address }
        used_by = key.used.map { $0.agent }
        seen_over_http_at = key.exposedAt.map(ISOTime.text)
    }
}

extension APIKey.Standing {
    var word: String {
        switch self {
        case .live: "live"
        case .ending: "ending"
        case .expired: "expired"
        case .revoked: "revoked"
        }
    }

    /// When it stopped, or will.
    var end: Timestamp? {
        switch self {
        case .live: nil
        case .ending(let at), .revoked(let at, _): at
        case .expired(let at): at
        }
    }
}

struct KeyListDocument: Encodable {
    let api_keys: [KeyDocument]
    let next: OrNull
}

struct KeyUsesDocument: Encodable {
    struct Source: Encodable {
        let address: String
        let user_agent: String
        let passed: Int64
        let refused: Int64
        let passed_at: String?
        let refused_at: String?

        init(_ source: KeySource, masked: Bool) {
            address = masked ? maskedAddress(source.address) : source.address
            user_agent = source.agent
            (passed, refused) = (source.passed, source.refused)
            (passed_at, refused_at) = (source.passedAt.map(ISOTime.text), source.refusedAt.map(ISOTime.text))
        }
    }

    struct Day: Encodable {
        let day: String
        let passed: Int64
        let refused: Int64
    }

    let sources: [Source]
    let days: [Day]

    init(_ detail: ReadKeys.Detail) {
        sources = detail.sources.map { Source($0, masked: detail.access == .looksOn(masked: true)) }
        days = detail.days.map {
            Day(day: ISOTime.day(Timestamp(secondsSinceEpoch: $0.day * 86_400)), passed: $0.passed, refused: $0.refused)
        }
    }
}

struct LateCallersDocument: Encodable {
    struct Caller: Encodable {
        let api_key: String
        let last_four: String
        let source: KeyUsesDocument.Source
    }

    let late_callers: [Caller]

    init(_ callers: [LateCaller], masked: Bool) {
        late_callers = callers.map {
            Caller(
                api_key: $0.key.id.description, last_four: masked ? "••••" : $0.key.lastFour,
                source: KeyUsesDocument.Source($0.source, masked: masked))
        }
    }
}
