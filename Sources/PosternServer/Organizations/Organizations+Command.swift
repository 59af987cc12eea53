import ArgumentParser
import Foundation
import Storage

struct OrganizationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "organization", abstract: "See organizations, and help one whose owners are gone.",
        subcommands: [List.self, Show.self, Owner.self, End.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List organizations, by slug.")

        @OptionGroup var place: PlaceOptions
        @Option(help: "At most so many.") var limit = 100
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            guard (1...1_000_000).contains(limit) else { throw failure("--limit is \(limit). Allowed: 1 to 1000000.") }
            try await place.withOpening { opening in
                let all = try await opening.store.read { [limit] (transaction) throws(StoreError) in
                    try transaction.organizations(limit: Int64(limit), now: .now())
                }
                if json { return try printJSON(all.map { OrganizationDocument($0, role: nil) }) }
                guard !all.isEmpty else { return print("No organization yet.") }
                for organization in all {
                    print("\(organization.slug.padded(to: 40))\((organization.isGuest ? "guest" : "").padded(to: 8))\(organization.name)")
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one, with its members.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its slug.") var slug: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                let organization = try await opening.organization(slug)
                let members = try await opening.store.read { (transaction) throws(StoreError) in
                    try transaction.members(of: organization.id, limit: 1_000)
                }
                if json {
                    return try printJSON(
                        ShownOrganization(
                            organization: OrganizationDocument(organization, role: nil),
                            members: members.map { MemberDocument($0, masked: false) }))
                }
                print("\(organization.name) (\(organization.slug)), \(organization.id), since \(ISOTime.words(organization.createdAt))")
                if let end = organization.endsAt { print("A guest: it is over on \(ISOTime.words(end)).") }
                for member in members { print("  \(member.role.rawValue.padded(to: 11))\(member.email)") }
            }
        }
    }

    struct Owner: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "owner", abstract: "Make somebody an owner, where none can any more.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The organization's slug.") var slug: String
        @Argument(help: "The account's e-mail address.") var account: String

        func run() async throws {
            guard let email = EmailAddress(account) else { throw ValidationError("'\(account)' is no e-mail address.") }
            try await place.withOpening { opening in
                let organization = try await opening.organization(slug)
                let isOwner = try await opening.store.write { (transaction) throws(StoreError) in
                    guard let account = try transaction.account(email: email), account.state == .active else { return false }
                    let now = Timestamp.now()
                    try transaction.lockMembers(of: organization.id)
                    if try !transaction.addMember(account.id, to: organization.id, as: .owner, now: now) {
                        _ = try transaction.setRole(of: account.id, in: organization.id, to: .owner)
                    }
                    try transaction.noteSessionChange(of: account.id, now: now)
                    try transaction.record(
                        AuditEvent(
                            .memberRoleChanged, account: account.id, by: .commandLine, from: nil, at: now,
                            detail: "\(organization.id):owner"))
                    return true
                }
                guard isOwner else { throw failure("No open account has the address \(email).") }
                print("\(email) is an owner of \(organization.name).")
            }
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End an organization and all its keys.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Its slug.") var slug: String

        func run() async throws {
            try await place.withOpening { opening in
                let organization = try await opening.organization(slug)
                let isEnded = try await opening.store.write { (transaction) throws(StoreError) in
                    let now = Timestamp.now()
                    let members = try transaction.members(of: organization.id, limit: .max)
                    guard try transaction.endOrganization(organization.id, ifGuest: false, now: now) else { return false }
                    try transaction.noteKeyChange(of: .organization(organization.id), now: now)
                    for member in members { try transaction.noteSessionChange(of: member.account, now: now) }
                    try transaction.record(
                        AuditEvent(.organizationEnded, account: nil, by: .commandLine, from: nil, at: now, detail: organization.slug))
                    return true
                }
                guard isEnded else { throw failure("It is over already.") }
                print("\(organization.name) is over, with all its keys.")
            }
        }
    }
}

private struct ShownOrganization: Encodable {
    let organization: OrganizationDocument
    let members: [MemberDocument]
}

extension Opening {
    func organization(_ slug: String) async throws -> Organization {
        let found = try await store.read { (transaction) throws(StoreError) in try transaction.organization(slug: slug, now: .now()) }
        guard let found else { throw failure("There is no organization '\(slug)'. postern organization list names them.") }
        return found
    }
}
