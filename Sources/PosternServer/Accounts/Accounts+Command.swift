import ArgumentParser
import Logging
import Storage

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Make, look at, close and delete accounts.",
        subcommands: [
            Create.self, List.self, Show.self, Disable.self, Enable.self, Delete.self, UsernameChange.self, FactorsCommand.self,
            ResetFactorsCommand.self, RequireChange.self, StartReset.self, ImportCommand.self,
        ])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account and print its id.",
            discussion: "Without --confirmed the address gets a link to confirm, and nothing opens before that.")

        @OptionGroup var place: PlaceOptions
        @Option(help: "The address that the person signs in with.") var email: String
        @Flag(help: "Read the password from standard input, or ask for it on a terminal.") var passwordStdin = false
        @Flag(help: "The address is known to be the person's.") var confirmed = false
        @Option(help: "member, administrator or owner.") var role = "member"
        @Flag(help: "Print the account as JSON.") var json = false

        func run() async throws {
            guard passwordStdin else { throw ValidationError("A password is needed: use --password-stdin. It is never an argument.") }
            guard let email = EmailAddress(email) else { throw ValidationError("'\(email)' is no e-mail address.") }
            guard let role = Account.Role(rawValue: role) else { throw ValidationError("A role is member, administrator or owner.") }
            let text = readSecret(prompt: "Password: ") ?? ""
            try await place.withOpening { opening in
                let passwords = try opening.passwords()
                let password: ChosenPassword
                do throws(PasswordRefusal) {
                    password = try await passwords.desk.choose.choose(text, about: [email.address])
                } catch {
                    throw failure(error.refused.detail ?? error.reason.advice)
                }
                let flow = opening.createAccount(passwords)
                let request = CreateAccount.Request(email: email, password: password, role: role, isConfirmed: confirmed)
                switch try await flow.create(request, now: .now()) {
                case .emailTaken: throw failure("\(email) has an account already.")
                case .created(let account):
                    if json { try printJSON(AccountDocument(account, groups: [])) } else { print(account.id) }
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List accounts, the newest first.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "Part of an address, username or name.") var search = ""
        @Option(help: "At most this many.") var limit: Int = 100
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                let accounts = try await opening.store.read { (transaction) throws(StoreError) in
                    try transaction.accounts(matching: search, limit: Int64(limit))
                }
                if json { return try printJSON(accounts.map { AccountDocument($0, groups: []) }) }
                let width = accounts.map(\.email.count).max() ?? 5
                print("\("E-MAIL".padded(to: width))  \("STATE".padded(to: 11))  \("ROLE".padded(to: 13))  LAST SIGN-IN")
                for account in accounts {
                    print(
                        "\(account.email.padded(to: width))  \(account.state.rawValue.padded(to: 11))  \(account.role.rawValue.padded(to: 13))  \(account.lastSignInAt.map(ISOTime.words) ?? "never")"
                    )
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one account.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The account's address.") var email: String
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            try await place.withOpening { opening in
                let account = try await opening.account(email)
                let groups = try await opening.store.read { (transaction) throws(StoreError) in try transaction.groups(of: account.id) }
                if json { return try printJSON(AccountDocument(account, groups: groups)) }
                let lines = [
                    ("Id", account.id.description), ("E-mail", account.email), ("Username", account.username), ("Name", account.name),
                    ("State", account.state.rawValue), ("Role", account.role.rawValue), ("Groups", groups.joined(separator: ", ")),
                    ("Since", ISOTime.words(account.createdAt)), ("Last sign-in", account.lastSignInAt.map(ISOTime.words) ?? "never"),
                ]
                for (name, value) in lines { print("\(name.padded(to: 13))\(value)") }
            }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Close an account. Its sessions end within a second; nothing is deleted.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The account's address.") var email: String

        func run() async throws { try await place.act(.disable, on: email, done: "is closed", unchanged: "was closed already") }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Open a closed account again.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The account's address.") var email: String

        func run() async throws { try await place.act(.enable, on: email, done: "is open", unchanged: "wasn't closed") }
    }

    struct UsernameChange: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "username", abstract: "Give somebody another username.",
            discussion:
                "Apps that know people by username take them for somebody else from then on: what they keep there stays under the old name."
        )

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The account's address.") var email: String
        @Argument(help: "1 to 40 of a-z, 0-9 and -.") var username: String

        func run() async throws {
            let apps = try await place.withOpening { opening in try await opening.apps().map(\.app.name) }
            guard let name = Username(choosing: username, appNames: apps) else {
                throw failure("'\(username)' can't be a username. \(Reason.usernameInvalid.advice)")
            }
            try await place.act(.changeUsername(name), on: email, done: "is \(name.text) from now on", unchanged: "is as it was")
        }
    }

    struct RequireChange: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "require-password-change", abstract: "Ask somebody for another password at the next sign-in.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The account's address.") var email: String

        func run() async throws {
            try await place.act(
                .requirePasswordChange, on: email, done: "is asked for another password at the next sign-in",
                unchanged: "was asked already, or has no password yet")
        }
    }

    struct StartReset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset-password", abstract: "Mail somebody a link to choose another password.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The account's address.") var email: String

        func run() async throws {
            try await place.act(.startPasswordReset, on: email, done: "gets a link", unchanged: "isn't open, or has no password yet")
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an account, its sessions and its history. The audit record keeps its id.")

        @OptionGroup var place: PlaceOptions
        @Argument(help: "The account's address.") var email: String

        func run() async throws { try await place.act(.delete, on: email, done: "is deleted", unchanged: "is as it was") }
    }
}

extension Opening {
    var notices: Notices { Notices(keys: keys, random: .system, site: settings.siteChannels) }

    func passwords() throws -> PasswordParts { try PasswordParts(settings: settings) }

    fileprivate var links: PasswordResetLinks {
        PasswordResetLinks(
            notices: notices, mails: PasswordMail(publicURL: settings.publicURL, layout: settings.mailLayout))
    }

    func createAccount(_ passwords: PasswordParts) -> CreateAccount {
        CreateAccount(
            store: store, hasher: PasswordHasher(settings: settings.hashing, random: .system), notices: notices,
            mails: SignUpMail(publicURL: settings.publicURL, layout: settings.mailLayout),
            breaches: passwords.followUp(notices), random: .system)
    }

    func account(_ text: String) async throws -> Account {
        guard let email = EmailAddress(text) else { throw failure("'\(text)' is no e-mail address.") }
        let account = try await store.read { (transaction) throws(StoreError) in try transaction.account(email: email) }
        guard let account else { throw failure("\(email) has no account.") }
        return account
    }
}

extension PlaceOptions {
    fileprivate func act(_ act: AdministerAccount.Act, on email: String, done: String, unchanged: String) async throws {
        try await withOpening { opening in
            let account = try await opening.account(email)
            // Other processes read the change from the database.
            let desk = SessionDesk(store: opening.store, logger: Logger(label: "postern"))
            let flow = AdministerAccount(store: opening.store, desk: desk, links: opening.links, locks: AccountLocks(opening.keys.current))
            switch try await flow.perform(act, on: account.id, by: .commandLine, now: .now()) {
            case .done: print("\(account.email) \(done).")
            case .unchanged: print("\(account.email) \(unchanged).")
            case .usernameTaken: throw failure("That name, or one that looks like it, belongs or belonged to somebody else.")
            case .lastOwner: throw failure("\(account.email) is the last owner, and one must remain.")
            case .noSuchAccount, .notAllowed, .stepUpNeeded: throw failure("\(account.email) can't be changed.")
            }
        }
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
