import BreachFilter
import PasswordStrength
import Secrets
import Storage

/// A password that may be set: it was judged, and held against the lists of stolen ones.
struct ChosenPassword: Sendable {
    let password: Password
    /// Its hash, where no list could be asked: a job asks again.
    fileprivate(set) var unasked: Secret<[UInt8]>?
    /// A filter that errs once in 256 knows it: its owner is told, and nothing more.
    fileprivate(set) var isSuspected = false

    fileprivate init(_ password: Password) { self.password = password }
}

/// Why a password may not be set.
enum PasswordRefusal: Error, Sendable {
    /// - Parameter fewest: in code points.
    case tooShort(fewest: Int, Verdict)
    case tooLong(most: Int)
    case common(Verdict)
    case tooWeak(lowest: Int, Verdict)
    /// Letters and digits are both asked for.
    case notMixed(Verdict)
    case breached
    /// No list of stolen passwords could be asked, and the settings refuse what wasn't held against one.
    case unasked
}

/// Decides whether somebody may set a password: length, strength, the common ones, the stolen ones.
struct ChoosePassword: Sendable {
    let judge: PasswordJudge
    let breaches: BreachLookup

    /// - Parameters:
    ///   - about: what is known of the person: an address, a name.
    ///   - groups: the person's own, for what they ask.
    func choose(_ text: String, about: [String], groups: [String] = []) async throws(PasswordRefusal) -> ChosenPassword {
        guard let password = try? Password(trying: text) else { throw .tooLong(most: judge.policy.rules.strength.mostBytes) }
        let verdict = judge.verdict(on: password, about: about, groups: groups)
        let rules = judge.policy.rules(for: groups)
        let asked = rules.strength
        switch verdict.refusal {
        case .tooShort: throw .tooShort(fewest: asked.fewestCodePoints, verdict)
        case .tooLong: throw .tooLong(most: asked.mostBytes)
        case .common: throw .common(verdict)
        case .tooWeak: throw .tooWeak(lowest: asked.lowestScore, verdict)
        case nil: break
        }
        guard !rules.mixesLettersAndDigits || password.mixesLettersAndDigits else { throw .notMixed(verdict) }
        var chosen = ChosenPassword(password)
        switch await breaches.answer(for: password) {
        case .clean: break
        case .found: throw .breached
        case .suspected: chosen.isSuspected = true
        case .unknown:
            guard judge.policy.breached.onFailure == .allow else { throw .unasked }
            chosen.unasked = Secret(BreachedHash(password: password.bytes.exposed).bytes)
        }
        return chosen
    }
}
