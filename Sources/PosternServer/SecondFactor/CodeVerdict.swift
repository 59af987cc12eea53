import Storage

extension CodeVerdict {
    /// The stable code.
    var reason: Reason {
        switch self {
        case .wrong: .wrongCode
        case .used: .codeUsed
        case .clockOff: .clockOff
        case .wait: .codesWait
        case .moreNeeded: .moreCodesNeeded
        case .spent: .codesSpent
        }
    }

    /// What happened, and what to do next.
    /// - Parameter method: what was typed, as the API names it.
    func words(_ method: String = "totp", now: Timestamp) -> String {
        switch self {
        case .wrong where method == "recovery_code":
            "That isn’t one of your unused recovery codes. Check it for typing mistakes."
        case .wrong where method != "totp":
            "That code isn’t right. Type the 6 digits of a code that we sent you for this; any of them does."
        case .wrong: "That code isn’t right. Type the 6 digits your app shows now."
        case .used: "That code was used already, or is older than one that was. Wait for the next one, at most 30 seconds."
        case .clockOff(let seconds) where abs(seconds) < 45:
            "Your phone’s clock has changed. Wait for the next code, and type that."
        case .clockOff(let seconds):
            "Your phone’s clock is \(abs(seconds)) seconds \(seconds < 0 ? "behind" : "ahead"). Switch on automatic time there, then type the next code it shows."
        case .spent: "Five wrong codes were typed. None that we sent for this is good any more. Use another way, or start over."
        case .wait(let until):
            "Too many wrong codes. This one wasn’t tried. Wait \(Span.words(until - now)), or use a recovery code."
        case .moreNeeded(let count, let from):
            "That was right. After so many wrong codes, \(count) more right \(count == 1 ? "one is" : "ones are") needed in a row. Type the next one in \(Span.words(from - now)), or use a recovery code now."
        }
    }

    /// As the API refuses.
    func refused(_ method: String = "totp", now: Timestamp) -> Refused {
        var refused = Refused(reason, field: "code", detail: words(method, now: now))
        switch self {
        case .wait(let until), .moreNeeded(_, let until): refused.retryAfter = max(1, (until - now).components.seconds + 1)
        case .wrong, .used, .clockOff, .spent: break
        }
        return refused
    }
}
