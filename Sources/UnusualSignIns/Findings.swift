/// Where a sign-in came from, as far as an address tells.
public struct Whereabouts: Equatable, Sendable {
    /// ISO 3166, two letters; empty where it isn't known.
    public var country: String
    /// Number of the autonomous system; nil where it isn't known.
    public var network: UInt32?
    public var position: Position?
    /// A way out that many share and that says nothing of where they are: a VPN, a proxy, Tor, a hoster.
    public var isAnonymous: Bool
    /// A mobile network: its addresses are where its exchange is.
    public var isMobile: Bool

    public init(country: String = "", network: UInt32? = nil, position: Position? = nil, isAnonymous: Bool = false, isMobile: Bool = false)
    {
        (self.country, self.network, self.position) = (country, network, position)
        (self.isAnonymous, self.isMobile) = (isAnonymous, isMobile)
    }
}

/// Something about a sign-in that its account hasn't done before, or that one person could hardly have done.
public struct Finding: Equatable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case newBrowser = "new-browser"
        case failuresBefore = "failures-before"
        /// Only one of two factors was passed.
        case halfWay = "half-way"
        case newCountry = "new-country"
        case newNetwork = "new-network"
        case travel

        /// Whether it is known only once the address was looked up.
        public var isOfPlace: Bool { self == .newCountry || self == .newNetwork || self == .travel }
    }

    public let kind: Kind
    /// How likely it is that this means anything, 0 to 100. A known browser, a shared way out and a vague place lower it.
    public let confidence: Int
    /// Failures, for `failuresBefore`; kilometres an hour, for `travel`; else 0.
    public let measure: Int
    /// Kilometres, for `travel`; else 0.
    public let kilometres: Int
    /// Between the two sign-ins, for `travel`; else 0.
    public let seconds: Int

    public init(_ kind: Kind, confidence: Int, measure: Int = 0, kilometres: Int = 0, seconds: Int = 0) {
        (self.kind, self.confidence) = (kind, min(100, max(0, confidence)))
        (self.measure, self.kilometres, self.seconds) = (measure, kilometres, seconds)
    }
}

/// Says what is unusual about a sign-in. It decides nothing: that is what rules are for.
public enum Findings {
    /// Failures that nobody makes by mistyping.
    public static let fewestFailures = 3
    /// A place that is known less exactly, in kilometres, tells of no travel.
    public static let widestRadius = 200.0
    /// Shorter ways, in kilometres, are what places' errors look like.
    public static let shortestWay = 100.0
    /// What is written down as a travel at all, in kilometres an hour: rules can't ask for less.
    public static let slowest = 300

    /// What is known in the moment of the sign-in.
    /// - Parameters:
    ///   - isKnownBrowser: nil where the account never signed in before: then there is nothing to compare with.
    ///   - failures: before this success, since the last one.
    public static func atOnce(isKnownBrowser: Bool?, failures: Int) -> [Finding] {
        var findings: [Finding] = []
        if isKnownBrowser == false { findings.append(Finding(.newBrowser, confidence: 60)) }
        if failures >= fewestFailures {
            let confidence = min(95, 45 + 5 * failures)
            findings.append(
                Finding(.failuresBefore, confidence: isKnownBrowser == true ? confidence / 2 : confidence, measure: failures))
        }
        return findings
    }

    /// A right password whose second factor never came.
    public static func halfWay(isKnownBrowser: Bool?) -> Finding { Finding(.halfWay, confidence: isKnownBrowser == true ? 30 : 70) }

    /// What places tell.
    /// - Parameters:
    ///   - here: of this sign-in.
    ///   - before: of the one before, and how many seconds lie between; nil where there is none.
    ///   - known: countries and networks that the account signed in from; empty for its first sign-in.
    public static func ofPlace(
        _ here: Whereabouts, before: (place: Whereabouts, seconds: Double)?, isKnownBrowser: Bool, knownCountries: Set<String>,
        knownNetworks: Set<UInt32>
    ) -> [Finding] {
        var findings: [Finding] = []
        let isKnownNetwork = here.network.map(knownNetworks.contains) ?? false
        func weighed(_ confidence: Int) -> Int {
            var confidence = confidence
            if isKnownBrowser { confidence /= 2 }
            if here.isAnonymous { confidence /= 2 }
            return confidence
        }
        // Who roams keeps their network: it says where they are no more than a tunnel does.
        if !here.country.isEmpty, !knownCountries.isEmpty, !knownCountries.contains(here.country), !isKnownNetwork {
            let isVague = here.position.map { $0.radius > 500 } ?? false
            findings.append(Finding(.newCountry, confidence: weighed(isVague ? 40 : 75)))
        }
        if here.network != nil, !knownNetworks.isEmpty, !isKnownNetwork {
            findings.append(Finding(.newNetwork, confidence: weighed(knownCountries.contains(here.country) ? 40 : 55)))
        }
        if let before, let travel = travel(from: before.place, to: here, seconds: before.seconds, isKnownBrowser: isKnownBrowser) {
            findings.append(travel)
        }
        return findings
    }

    /// A way that is too fast for most; nil for one that is not, or where nothing can be said.
    static func travel(from before: Whereabouts, to here: Whereabouts, seconds: Double, isKnownBrowser: Bool) -> Finding? {
        guard let from = before.position, let to = here.position, from.radius <= widestRadius, to.radius <= widestRadius,
            !before.isAnonymous, !here.isAnonymous, !before.isMobile, !here.isMobile,
            // One network hands its addresses out anew all over the place.
            before.network == nil || before.network != here.network
        else { return nil }
        let travel = Travel(from: from, to: to, seconds: seconds)
        guard travel.kilometres >= shortestWay, travel.speed >= Double(slowest) else { return nil }
        // From 50 at an airliner's speed to 95 far beyond it; slower, it is likely an airliner.
        let confidence = travel.speed < 1_000 ? 40 : 50 + Int(45 * (1 - 1_000 / travel.speed))
        return Finding(
            .travel, confidence: isKnownBrowser ? confidence / 2 : confidence, measure: Int(min(travel.speed, 1e9)),
            kilometres: Int(travel.kilometres), seconds: Int(travel.seconds))
    }
}
