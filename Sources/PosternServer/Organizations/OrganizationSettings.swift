import Throttle

/// Who may make organizations.
struct OrganizationSettings: Sendable {
    /// Whether one is made without a sign-in, for a test or for trying it out.
    var guests = false
    /// Guests that one address may make.
    var guestsPerHour = Rate.perHour(10)
    /// Guests that are alive at once.
    var mostGuests: Int64 = 1_000

    /// A guest that nobody claims is over after that long.
    static let guestLifetime = Duration.seconds(86_400)
    /// Organizations that one account may be in.
    static let mostOfAccount: Int64 = 20
}

extension Settings {
    mutating func readOrganizations(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        organizations.guests = try raw.yesNo("organizations.guests") ?? publicURL.isLoopback
        if let limit = try raw.number("organizations.guests-per-hour", in: 1...60_000) {
            organizations.guestsPerHour = Rate.perHour(UInt16(limit))
        }
    }
}
