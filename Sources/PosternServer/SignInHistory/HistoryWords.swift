/// Attempts in words.
enum HistoryWords {
    /// What became of it.
    static func outcome(_ attempt: KeptAttempt) -> String {
        let words =
            switch (attempt.outcome, attempt.reason) {
            case (.signedIn, _): "Signed in"
            case (.challenged, _): "Right password, second factor asked"
            case (.refused, "wrong-password"): "Wrong password"
            case (.refused, "unknown-address"): "No such account"
            case (.refused, "not-confirmed"): "Address not confirmed"
            case (.refused, "closed"): "Account closed"
            case (.refused, "unusual-sign-in"): "Right password, stopped as unusual"
            case (.refused, "stolen-password"), (.refused, "expired-password"), (.refused, "change-required"):
                "Right password, another is needed"
            case (.refused, Reason.codeUsed.rawValue): "Used code"
            case (.refused, Reason.codesSpent.rawValue), (.refused, Reason.codesWait.rawValue), (.refused, Reason.moreCodesNeeded.rawValue):
                "Too many wrong codes"
            case (.refused, Reason.wrongCode.rawValue), (.refused, Reason.clockOff.rawValue): "Wrong code"
            case (.refused, _): "Refused"
            }
        return attempt.times > 1 ? "\(words), \(attempt.times) times" : words
    }

    /// How it was done.
    static func means(_ attempt: KeptAttempt) -> String {
        guard attempt.outcome == .signedIn else { return "" }
        switch attempt.reason {
        case "password": return "Password."
        case "totp": return "Password, then a code of an app."
        case "recovery_code": return "Password, then a recovery code."
        case "phone": return "Password, then a code we sent."
        default: return ""
        }
    }

    static func badge(_ attempt: KeptAttempt) -> String {
        switch attempt.outcome {
        case .signedIn: "ok"
        case .challenged: "warn"
        case .refused: "bad"
        }
    }

    /// Where it came from, as far as anybody can tell.
    static func place(_ place: ShownPlace) -> String {
        guard !place.words.isEmpty else { return place.isAnonymous ? "Place unknown, a shared way out" : "Place unknown" }
        let near = place.radius.map { $0 > 25 } ?? true ? "Roughly \(place.words)" : place.words
        return place.isAnonymous ? "\(near), but a shared way out (a VPN, a proxy or a hoster)" : near
    }
}
