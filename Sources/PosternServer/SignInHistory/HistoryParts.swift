import Logging
import Secrets
import Storage

/// What looks after sign-ins once they happened, made from the settings.
package struct HistoryParts: Sendable {
    package let finder: PlaceFinder
    package let settling: SettleAttempts
    private let settings: Settings
    private let store: any Store
    private let keys: KeyRingHolder
    private let random: Randomness
    private let logger: Logger

    init(
        _ settings: Settings, store: any Store, keys: KeyRingHolder, desk: SessionDesk, notices: Notices, random: Randomness, logger: Logger
    ) {
        (self.settings, self.store, self.keys, self.random, self.logger) = (settings, store, keys, random, logger)
        finder = PlaceFinder(paths: settings.placeFiles, directory: settings.dataDirectory, logger: logger)
        settling = SettleAttempts(
            store: store, desk: desk, finder: finder, policy: settings.unusual,
            notices: SignInNotices(
                notices: notices, mails: SignInMail(publicURL: settings.publicURL, layout: settings.mailLayout)), logger: logger)
    }

    /// The history's pages and calls, and the links of its mails.
    func rooms(_ links: PasswordResetLinks, _ views: Views, _ shell: Shell, _ desk: SessionDesk, _ notices: Notices) -> [any Room] {
        let answer = AnswerSignIn(
            store: store, desk: desk, notices: notices, mails: NotMeMail(publicURL: settings.publicURL, layout: settings.mailLayout),
            links: links, random: random)
        return [
            HistoryWeb(
                read: ReadHistory(store: store, keys: keys.current.authenticator(for: "cursor of the history")), shell: shell,
                account: views.accountID,
                overview: { [views, finder] (now) throws(StoreError) in try await views.signIns(finder.listings, now: now) },
                notMe: answer, cases: CloseCase(store: store)),
            NotMeWeb(answer: answer, shell: shell),
        ]
    }

    func addJobs(to handlers: inout [Job.Kind: JobWorker.Handler]) {
        let prune = PruneHistory(store: store, kept: settings.historyKept, refusalsKept: settings.refusalsKept)
        handlers[.pruneHistory] = JobWorker.Handler(
            period: .daily(.pruneHistory),
            perform: { _, _ in
                do throws(StoreError) {
                    _ = try await prune.run(now: Timestamp.now())
                    return .done
                } catch { return .failed("the database can't be reached") }
            })
        guard !settings.places.sources.isEmpty else { return }
        let update = UpdatePlaces(sources: settings.places.sources, directory: settings.dataDirectory)
        let (finder, logger) = (finder, logger)
        handlers[.updatePlaces] = JobWorker.Handler(
            period: .daily(.updatePlaces),
            perform: { _, _ in
                var problems: [String] = []
                for (source, outcome) in await update.run(now: Timestamp.now()) {
                    if case .failed(let words) = outcome { problems.append("\(source): \(words)") }
                    logger.info("places: \(outcome.words)", metadata: ["source": "\(source)"])
                }
                await finder.refresh()
                return problems.isEmpty ? .done : .failed(problems.joined(separator: "; "))
            })
    }
}
