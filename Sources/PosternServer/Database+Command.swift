import ArgumentParser
import Storage

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database's schema up to date.",
        discussion: "'serve' does it too. Several at once wait for each other; a database of a newer Postern is refused.")

    @OptionGroup var place: PlaceOptions

    func run() async throws {
        try await place.withOpening { _ in print("The schema is up to date: \(Migration.all.last?.number ?? 0).") }
    }
}

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write a consistent copy of the database, while the server runs.",
        discussion: "The key ring is not in it. Back that up too, and keep the two apart: together they are everything.")

    @OptionGroup var place: PlaceOptions

    @Argument(help: ArgumentHelp("A file that isn't there yet. It is made with mode 0600.", valueName: "file"))
    var file: String

    func run() async throws {
        try await place.withOpening { opening in
            switch try await opening.store.backup(to: file) {
            case .copied(let bytes):
                print("\(file): \(bytes) bytes, mode 0600. The key ring is not in it: it lies in \(opening.settings.keyRingFile).")
            case .use(let command):
                print(
                    "PostgreSQL has its own tool. Run:\n  \(command)\nThe key ring is not in it: it lies in \(opening.settings.keyRingFile)."
                )
            }
        }
    }
}
