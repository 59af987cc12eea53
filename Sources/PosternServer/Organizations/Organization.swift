import Storage

/// A marketplace, a shop, a team: people with roles, and the API keys that are theirs together.
struct Organization: Sendable {
    typealias ID = Identifier<Organization>

    /// What a member may do. Each role may what the next one may, and more.
    enum Role: String, CaseIterable, Comparable, Sendable {
        /// Everything, and deleting it.
        case owner
        /// Members and keys.
        case manager
        /// Keys.
        case developer
        /// Looks on; addresses are masked.
        case support

        /// The highest is the least.
        static func < (left: Self, right: Self) -> Bool { left.rank > right.rank }
        private var rank: Int { Self.allCases.firstIndex(of: self) ?? Self.allCases.count }

        var mayManageKeys: Bool { self >= .developer }
        var mayManageMembers: Bool { self >= .manager }
        /// Nobody gives, takes or touches a role above their own; owners alone make owners (AZ-06).
        func mayGive(_ role: Role) -> Bool { mayManageMembers && role <= self }
    }

    let id: ID
    /// `[a-z0-9-]`, up to 40, for good: apps know it by that.
    let slug: String
    let name: String
    let createdAt: Timestamp
    /// Made without a sign-in, and claimed by nobody yet.
    let isGuest: Bool
    /// From then on it is over, with all its keys; nil for one that stays.
    let endsAt: Timestamp?

    func isOver(at now: Timestamp) -> Bool { endsAt.map { $0 <= now } ?? false }

    /// In code points.
    static let longestName = 60

    /// Without space around it; nil if it can't be any's.
    static func name(_ text: String) -> String? {
        guard text.utf8.count <= 4 * longestName + 100 else { return nil }
        let name = trimmed(text)
        return isPlainLine(name) && (1...longestName).contains(name.unicodeScalars.count) ? name : nil
    }

    /// What is left of a name in a slug; empty where nothing is.
    static func slug(of name: String) -> String {
        var slug: [UInt8] = []
        for byte in name.lowercased().utf8 {
            let isPlain = (97...122).contains(byte) || (48...57).contains(byte)
            if isPlain { slug.append(byte) } else if slug.last != 45, !slug.isEmpty { slug.append(45) }
        }
        return String(decoding: slug.prefix(30), as: UTF8.self).trimmingHyphens
    }
}

extension String {
    fileprivate var trimmingHyphens: String {
        var text = Substring(self)
        while text.last == "-" { text = text.dropLast() }
        return String(text)
    }
}

/// Somebody in an organization.
struct Member: Sendable {
    let account: Account.ID
    let email: String
    let name: String
    let role: Organization.Role
    let joinedAt: Timestamp
}

/// An organization that somebody is in, and as what.
struct Membership: Sendable {
    let organization: Organization
    let role: Organization.Role
}

/// Somebody who was asked to join, by the address of the account they are to do it with.
struct OrganizationInvitation: Sendable {
    typealias ID = Identifier<OrganizationInvitation>

    /// From then on it is over, whichever way it is come to.
    static let lifetime = Duration.seconds(7 * 86_400)

    let id: ID
    let organization: Organization.ID
    let email: String
    let role: Organization.Role
    let invitedAt: Timestamp
    let expiresAt: Timestamp
}
