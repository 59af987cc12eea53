import ArgumentParser

struct SecretsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secrets", abstract: "The keys that seal what must be read back later.", subcommands: [Rotate.self])

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a key to the ring and seal everything anew with it.",
            discussion: "The server may go on running. Old keys stay in the ring, so that an older backup still opens.")

        @OptionGroup var place: PlaceOptions

        func run() async throws {
            try await place.withOpening { opening in
                let secrets = SecretsAtRest(store: opening.store, file: KeyRingFile(path: opening.settings.keyRingFile), random: .system)
                let count = try await secrets.rotate(now: .now())
                print("A new key is in \(opening.settings.keyRingFile). Sealed anew: \(count). Back the file up now.")
            }
        }
    }
}
