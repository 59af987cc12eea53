import CPostgres
import Foundation
import Storage
import Synchronization

/// A connection of its own that rings a bell when another writes down work (LISTEN). It connects again for as long as it lives.
final class PostgresListener: Sendable {
    let bell = Bell()
    private let url: String
    private let isOver = Mutex(false)

    /// Milliseconds: how long a look at the socket lasts, and so how long an end takes at most.
    private static let look: Int32 = 500

    init(url: String) {
        self.url = url
        Thread.detachNewThread { [self] in
            while !isOver.withLock({ $0 }) {
                listen()
                Thread.sleep(forTimeInterval: 1)
            }
        }
    }

    func close() { isOver.withLock { $0 = true } }

    private func listen() {
        let connection = PostgresConnection(url: url)
        guard (try? connection.connect()) != nil, (try? connection.command("LISTEN \(Dialect.channel)")) != nil,
            let house = try? connection.run("SELECT current_schema() AS name").first?.text("name")
        else { return }
        // What was written down meanwhile was not heard.
        bell.ring()
        while !isOver.withLock({ $0 }), let heard = connection.notifications(within: Self.look) {
            if heard.contains(house) { bell.ring() }
        }
    }
}
