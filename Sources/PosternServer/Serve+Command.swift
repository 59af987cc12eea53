import ArgumentParser
import Glibc

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Start the server.",
        discussion: "TERM and INT end it gently: what is under way is answered, for 15 seconds at most.")

    @OptionGroup var place: PlaceOptions

    @Option(help: ArgumentHelp("Where to listen. Default: 127.0.0.1:8080", valueName: "host:port"))
    var listen: String?

    func run() async throws {
        let settings = try place.settings(listen: listen)
        try await Serving(settings: settings).run(greet: { link, _ in Self.greet(settings, setupLink: link) })
    }

    /// What to open next, for a person at the terminal. The setup link goes here and never into the log.
    private static func greet(_ settings: Settings, setupLink: String?) {
        print("Postern is ready at \(settings.publicURL)")
        print("  Sign-up is '\(settings.signUp.rawValue)'.")
        if let setupLink { print("  There is no owner yet. Within an hour, open\n    \(setupLink)") }
        if settings.showsDevelopmentMailbox {
            print("  Mail lands in \(settings.publicURL)/auth/dev/mailbox")
        } else if settings.smtp == nil {
            print("  mail.smtp is not set: mail waits in the queue until it is.")
        }
        fflush(nil)
    }
}
