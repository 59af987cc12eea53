import NetworkAddress
import UnusualSignIns

/// What databases say of an address.
package struct AddressPlace: Equatable, Sendable {
    /// What a way out tells of where its users are.
    enum Kind: String, Sendable {
        case plain = ""
        /// A VPN, a proxy, Tor or a hoster.
        case anonymous
        /// A mobile network.
        case mobile
    }

    /// ISO 3166, two letters; empty where it isn't known.
    var country = ""
    var region = ""
    var city = ""
    var position: Position?
    /// Number of the autonomous system.
    var network: UInt32?
    /// Who runs it.
    var networkName = ""
    var kind = Kind.plain

    package var isKnown: Bool { !country.isEmpty || !city.isEmpty }

    var whereabouts: Whereabouts {
        Whereabouts(country: country, network: network, position: position, isAnonymous: kind == .anonymous, isMobile: kind == .mobile)
    }

    /// Degrees, and kilometres around; nil where they aren't known.
    var coordinates: (latitude: Double, longitude: Double, radius: Double)? { position.map { ($0.latitude, $0.longitude, $0.radius) } }

    /// `Lisbon, Portugal`; empty where it isn't known.
    var words: String { Self.words(country: country, region: region, city: city) }

    static func words(country: String, region: String, city: String) -> String {
        let name = country.isEmpty ? "" : CountryNames.english(country)
        // A city that has its region's name needs it once.
        return [city, region == city || city.isEmpty ? "" : region, name].filter { !$0.isEmpty }.joined(separator: ", ")
    }

    /// Nobody's databases know them, and what they say of a carrier's shared addresses means nothing.
    static func canBeKnown(_ address: IPAddress) -> Bool { address.isPublic || sixToFour.contains { $0.contains(address) } }

    /// An IPv4 network inside IPv6: its place is the IPv4 address's.
    private static let sixToFour = ["2002::/16"].compactMap(AddressRange.init)
}

extension PlaceRow {
    /// Nil for what isn't known.
    init?(_ place: AddressPlace) {
        guard place.isKnown || place.position != nil || place.kind != .plain else { return nil }
        func scaled(_ degrees: Double?) -> Int64 { degrees.map { Int64(($0 * 10_000).rounded()) } ?? Self.unknown }
        self.init(
            country: place.country, region: place.region, city: place.city, latitude: scaled(place.position?.latitude),
            longitude: scaled(place.position?.longitude), radius: Int64(min(place.position?.radius ?? 0, 20_000)), kind: place.kind.rawValue
        )
    }

    var position: Position? {
        latitude == Self.unknown
            ? nil : Position(latitude: Double(latitude) / 10_000, longitude: Double(longitude) / 10_000, radius: Double(radius))
    }

    func whereabouts(network: UInt32?) -> Whereabouts {
        Whereabouts(
            country: country, network: network, position: position, isAnonymous: isAnonymous,
            isMobile: kind == AddressPlace.Kind.mobile.rawValue)
    }
}
