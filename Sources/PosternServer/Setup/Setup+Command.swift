import ArgumentParser
import Secrets

struct SetupLinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "setup-link", abstract: "Print a fresh link with which to make the first owner.",
        discussion: "It works for an hour, once, until the server is restarted, and only while there is no owner. Earlier links die.")

    @OptionGroup var place: PlaceOptions

    func run() async throws {
        try await place.withOpening { opening in
            let hasher = PasswordHasher(settings: opening.settings.hashing, random: .system)
            let setUp = SetUpOwner(
                store: opening.store, hasher: hasher, breaches: try opening.passwords().followUp(opening.notices),
                random: .system)
            guard let link = try await setUp.freshLink(now: .now()) else {
                throw failure("There is an owner already. Another is made by an owner, under Administration, People.")
            }
            print("\(opening.settings.publicURL)/auth/setup/\(link.text.exposed)")
        }
    }
}
