import OneTimePassword
import Secrets
import Storage

/// An authenticator app of an account, as pages and lists show it.
struct Authenticator: Equatable, Sendable {
    typealias ID = Identifier<Authenticator>

    let id: ID
    let name: String
    let createdAt: Timestamp
    let usedAt: Timestamp?
    /// Seconds that its clock is ahead of ours, negative for behind; nil while it is in step.
    let clockError: Int64?

    /// 160 bits, as RFC 4226 §4 recommends (TO-07).
    static let secretBytes = 20
    /// How long a new one may wait for its first code.
    static let pendingLifetime = Duration.seconds(600)
    /// Of one account: each makes a guess a little likelier.
    static let most = 8
    /// In code points.
    static let longestName = 60

    static func place(of id: ID) -> KeyRing.Place { KeyRing.Place(table: "authenticator", column: "secret", row: id.description) }

    /// The secret as people type it: in groups of four, so that nobody loses their place.
    static func groups(of secret: [UInt8]) -> [String] {
        let text = Array(Base32.encode(secret).utf8)
        return stride(from: 0, to: text.count, by: 4).map { String(decoding: text[$0..<min($0 + 4, text.count)], as: UTF8.self) }
    }

    /// A name on one line, without characters that reorder or end it; nil if it is none.
    static func name(_ text: String) -> String? {
        guard text.utf8.count <= 4 * longestName + 100 else { return nil }
        let name = trimmed(text)
        return isPlainLine(name) && (1...longestName).contains(name.unicodeScalars.count) ? name : nil
    }
}

/// A confirmed authenticator with what is needed to judge a code.
struct AuthenticatorSecret: Sendable {
    let id: Authenticator.ID
    let sealed: [UInt8]
    let clock: AuthenticatorClock
}

/// What is known of a device's clock, in steps and seconds. It moves the window in which a code is right; it never widens it.
struct AuthenticatorClock: Equatable, Sendable {
    /// Steps that the device is ahead, negative for behind.
    var drift: Int64 = 0
    /// Where in the window the last accepted code stood: -1, 0 or 1.
    var side: Int64 = 0
    /// Seconds that it is ahead, as far as accepted codes tell.
    var error: Int64 = 0

    /// A clock that is off by more steps is not learnt.
    static let mostDrift: Int64 = 10

    /// After a code of `step` was accepted at `seconds`: two in a row on the same side move the window by one.
    func accepting(step: Int64, at seconds: Int64, password: OneTimePassword = .standard) -> AuthenticatorClock {
        var clock = self
        let offset = step - (password.step(at: seconds) + drift)
        let moved = drift + offset
        if offset != 0, offset == side, abs(moved) <= Self.mostDrift {
            clock.drift = moved
            clock.side = 0
        } else {
            clock.side = offset
        }
        clock.error = (error + Self.error(step: step, at: seconds, password)) / 2
        return clock
    }

    /// How far ahead the device's clock is, when it shows the code of `step` at `seconds`: a code stands for a whole period, so the middle
    /// of it is taken.
    static func error(step: Int64, at seconds: Int64, _ password: OneTimePassword = .standard) -> Int64 {
        step * password.period + password.period / 2 - seconds
    }
}

/// What a typed code turned out to be, before anything is counted or spent.
enum CodeMatch: Sendable {
    /// The code of a step inside the window of one authenticator.
    case step(Int64, of: Authenticator.ID, AuthenticatorClock)
    /// Not a right code. Those of steps farther out tell something of a clock.
    case none(strays: [Stray])

    /// A code of a step outside the window, but within reach of a wrong clock.
    struct Stray: Sendable {
        let authenticator: Authenticator.ID
        let step: Int64
        /// Steps from now.
        let drift: Int64
        let error: Int64
    }
}

/// Compares typed codes with the account's authenticators. Pure but for the key ring.
struct CodeMatcher: Sendable {
    let keys: KeyRingHolder
    /// Steps accepted on each side of the current one: 0 or 1 (TO-04).
    let reach: Int64

    func match(_ text: String, _ authenticators: [AuthenticatorSecret], now: Timestamp) -> CodeMatch {
        let password = OneTimePassword.standard
        guard let code = OneTimePassword.Code(text), code.digits == password.digits else { return .none(strays: []) }
        let seconds = now.secondsSinceEpoch
        let current = password.step(at: seconds)
        var strays: [CodeMatch.Stray] = []
        for authenticator in authenticators {
            // One whose seal doesn't open is as good as lost; the others still work.
            guard let secret = try? keys.open(authenticator.sealed, at: Authenticator.place(of: authenticator.id)).exposed else { continue }
            let center = current + authenticator.clock.drift
            if let step = password.matchingStep(of: code, secret: secret, around: center, reach: reach) {
                return .step(step, of: authenticator.id, authenticator.clock.accepting(step: step, at: seconds))
            }
            if let step = password.matchingStep(of: code, secret: secret, around: current, reach: AuthenticatorClock.mostDrift) {
                strays.append(
                    CodeMatch.Stray(
                        authenticator: authenticator.id, step: step, drift: step - current,
                        error: AuthenticatorClock.error(step: step, at: seconds)))
            }
        }
        return .none(strays: strays)
    }
}

/// Why a try with a code was refused.
enum CodeVerdict: Equatable, Sendable {
    case wrong
    /// Right, but used before, or older than one that was. Not counted: it is no guess (TO-02).
    case used
    /// Wrong, and now it is known why: the device's clock is off by that many seconds.
    case clockOff(seconds: Int64)
    /// Not tried: too many wrong ones before.
    case wait(until: Timestamp)
    /// Right, after so many wrong ones that more right ones are needed, at that distance.
    case moreNeeded(Int64, from: Timestamp)
    /// Codes that were sent for this are worth nothing any more: five wrong ones were typed.
    case spent
}

/// How wrong codes are counted, over all attempts, addresses and methods of an account (TO-05). Apart from wrong passwords (TO-06).
enum CodeLimits {
    /// From this many in a row on, each makes the next wait: 30 s, 60 s … up to 15 minutes.
    static let delayFrom: Int64 = 10
    /// From this many on, codes alone don't let in any more.
    static let stopAt: Int64 = 50
    /// Right codes in a row that end the stop, each a quarter of an hour after the other.
    static let rightOnesToLift: Int64 = 3
    static let wait = Duration.seconds(900)
    static let firstDelay = Duration.seconds(30)
}
