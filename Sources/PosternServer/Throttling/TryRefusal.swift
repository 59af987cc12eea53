import Storage

extension TryRefusal {
    /// Only a release, a browser that is known, or another password by mail helps.
    var isBlock: Bool { until == nil }

    /// What happened, and what to do next. The same for every address, with an account and without (LG-12).
    func words(now: Timestamp) -> String {
        guard let until else {
            if case .blocked(.network) = self {
                return
                    "Wrong passwords were tried for many accounts from your network, so nobody signs in from it for a while. Sign in from another network, or from a browser that you have used here before."
            }
            return
                "Too many wrong passwords were tried. Sign in from a browser that you have used here before, or choose another password with “Forgot your password?”: that lets you in again. If the account is yours, you also got a mail with a link that does."
        }
        return
            "Too many tries. This one wasn’t looked at. Wait \(Span.words(until - now)), or choose another password with “Forgot your password?”: that works at once."
    }

    /// As the API refuses.
    func refused(field: String? = nil, now: Timestamp) -> Refused {
        var refused = Refused(isBlock ? .blocked : .throttled, field: field, detail: words(now: now))
        guard let until else { return refused }
        refused.retryAfter = max(1, (until - now).components.seconds + 1)
        if case .throttled = self { refused.rate = RateState(policy: "sign-in", limit: limit, left: max(0, limit - count)) }
        return refused
    }
}
