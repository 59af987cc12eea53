import UnusualSignIns

/// What is unusual about a sign-in, in words for its owner and for administrators.
enum FindingWords {
    static func sentence(of finding: Finding) -> String {
        switch finding.kind {
        case .newBrowser: "This browser is new to your account."
        case .failuresBefore: "It came after \(finding.measure) wrong tries."
        case .halfWay: "The password was right, and no second factor followed."
        case .newCountry: "You haven’t signed in from this country before."
        case .newNetwork: "You haven’t signed in over this network before."
        case .travel:
            "It is at least \(Figure.count(finding.kilometres)) km from the sign-in \(Span.words(.seconds(finding.seconds))) before: faster than anybody travels."
        }
    }

    /// For lists.
    static func name(of kind: String) -> String {
        switch Finding.Kind(rawValue: kind) {
        case .newBrowser: "New browser"
        case .failuresBefore: "After wrong tries"
        case .halfWay: "Second factor didn’t follow"
        case .newCountry: "New country"
        case .newNetwork: "New network"
        case .travel: "Impossible travel"
        case nil: kind
        }
    }
}

extension FindingLine {
    /// In words; empty for a kind of another version.
    var sentence: String { finding.map(FindingWords.sentence) ?? "" }

    /// As it was found; nil for a kind of another version.
    var finding: Finding? {
        Finding.Kind(rawValue: kind).map {
            Finding(
                $0, confidence: Int(confidence), measure: Int(measure), kilometres: Int(kilometres), seconds: Int(seconds))
        }
    }
}
