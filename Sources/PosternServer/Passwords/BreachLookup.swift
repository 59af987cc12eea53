import BreachFilter
import Secrets

/// Asks the lists of stolen passwords: the filter on this machine, then the range service.
struct BreachLookup: Sendable {
    enum Answer: Equatable, Sendable {
        case clean, found
        /// Known to a filter that errs once in 256.
        case suspected
        /// A list that should be asked could not be.
        case unknown
    }

    /// Nil where none is configured.
    let filter: BreachFilterFile?
    let range: BreachRange?

    func answer(for hash: BreachedHash) async -> Answer {
        let local = localAnswer(for: hash)
        if local == .found { return .found }
        switch await range?.contains(hash) {
        case nil: return local
        case .listed?: return .found
        case .notListed?: return local == .unknown ? .unknown : .clean
        case .notAnswered?: return local == .suspected ? .suspected : .unknown
        }
    }

    /// The password in its normal form and, where that is another, as it was typed: lists have it as it was stolen.
    func answer(for password: Password) async -> Answer {
        guard let typed = password.typed else { return await answer(for: BreachedHash(password: password.bytes.exposed)) }
        // Side by side, so that both together take no longer than one.
        async let asTyped = answer(for: BreachedHash(password: typed.exposed))
        let answer = await answer(for: BreachedHash(password: password.bytes.exposed))
        let other = await asTyped
        return answer == .found || other == .clean ? answer : answer == .clean || other == .found ? other : answer
    }

    /// Whether this machine's list has it, for sure.
    func isListedHere(_ password: Password) -> Bool {
        localAnswer(for: BreachedHash(password: password.bytes.exposed)) == .found
    }

    /// What this machine knows by itself: three reads of two bytes.
    func localAnswer(for hash: BreachedHash) -> Answer {
        guard let filter else { return .clean }
        switch filter.contains(hash) {
        case nil: return .unknown
        case .listed(let isExact)?: return isExact ? .found : .suspected
        case .notListed?: return .clean
        }
    }
}
