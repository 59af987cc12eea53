import BreachFilter
import Secrets

/// Asks the lists of stolen passwords: the filter on this machine, then the range service.
struct BreachLookup: Sendable {
    enum Answer: Equatable, Sendable {
        case clean, found
        /// Known to a filter that errs once in 250.
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
        let answer = await answer(for: BreachedHash(password: password.bytes.exposed))
        guard answer == .clean, let typed = password.typed else { return answer }
        return await self.answer(for: BreachedHash(password: typed.exposed))
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
        case true?: return filter.isExact ? .found : .suspected
        case false?: return .clean
        }
    }
}
