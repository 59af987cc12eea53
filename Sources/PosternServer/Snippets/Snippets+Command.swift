import ArgumentParser

struct SnippetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snippet", abstract: "Print what a proxy must be told to put an app behind the gateway.",
        discussion: "Example: postern snippet nginx --app grafana --upstream 127.0.0.1:3000")

    @OptionGroup var place: PlaceOptions
    @Argument(help: ArgumentHelp("\(Snippet.Proxy.allCases.map(\.rawValue).joined(separator: ", "))")) var proxy: String
    @Option(help: "The app's name.") var app: String
    @Option(help: ArgumentHelp("Where the proxy finds the app.", valueName: "host:port")) var upstream = "127.0.0.1:3000"
    @Option(help: ArgumentHelp("Where the proxy finds Postern. Default: the address it listens on.", valueName: "host:port")) var postern:
        String?
    @Flag(help: "For haproxy: the Lua file that its configuration loads.") var lua = false

    func run() async throws {
        guard let proxy = Snippet.Proxy(rawValue: proxy) else {
            throw failure("'\(proxy)' is not known. Allowed: \(Snippet.Proxy.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        if lua {
            guard proxy == .haproxy else { throw failure("--lua is for haproxy alone.") }
            return print(Snippet.lua, terminator: "")
        }
        try await place.withOpening { opening in
            let served = try await opening.app(app)
            let cookies = Cookies(needTLS: opening.settings.cookiesNeedTLS)
            let snippet = Snippet(
                app: served.app, postern: postern ?? opening.settings.listen.description, upstream: upstream,
                cookies: cookies.names(on: served.app.origin, ofDomain: served.app.cookieDomain != nil, portal: opening.settings.publicURL))
            print(snippet.text(for: proxy), terminator: "")
            if opening.settings.trustedProxies.isEmpty {
                print(
                    "# Postern's settings name no proxy yet: without 'trusted-proxies: [ADDRESS OF THE PROXY]' it refuses everything here.")
            }
        }
    }
}
