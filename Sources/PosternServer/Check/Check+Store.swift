import Secrets
import Storage

extension Migration {
    static let checks = Migration(
        18, "checks",
        [
            "CREATE TABLE check_round (token_hash BYTEA NOT NULL PRIMARY KEY, expires_at BIGINT NOT NULL)",
            """
            CREATE TABLE check_sighting (
                round_hash BYTEA NOT NULL REFERENCES check_round (token_hash) ON DELETE CASCADE, at BIGINT NOT NULL,
                number BIGINT NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL, peer TEXT NOT NULL,
                is_peer_trusted BIGINT NOT NULL, client TEXT NOT NULL, forwarded_for TEXT NOT NULL, aliases TEXT NOT NULL,
                verdict TEXT NOT NULL)
            """,
            "CREATE INDEX check_sighting_by_round ON check_sighting (round_hash)",
        ])
}

extension Transaction {
    borrowing func beginCheck(_ round: CheckRound, now: Timestamp) throws(StoreError) {
        try change("DELETE FROM check_round WHERE expires_at <= \(now)")
        try change(
            "INSERT INTO check_round (token_hash, expires_at) VALUES (\(round.token.hash(for: CheckRound.purpose)), \(round.expiresAt))")
    }

    borrowing func isCheckLive(_ hash: [UInt8], now: Timestamp) throws(StoreError) -> Bool {
        try !run("SELECT 1 AS found FROM check_round WHERE token_hash = \(hash) AND expires_at > \(now)").isEmpty
    }

    /// With all that was seen.
    borrowing func endCheck(_ hash: [UInt8]) throws(StoreError) { try change("DELETE FROM check_round WHERE token_hash = \(hash)") }

    /// - Returns: false if there is no such round, or it is over, or saw enough.
    borrowing func addSighting(_ sighting: Sighting, ofCheck hash: [UInt8], now: Timestamp) throws(StoreError) -> Bool {
        let live = try run(
            """
            SELECT (SELECT COUNT(*) FROM check_sighting WHERE round_hash = \(hash)) AS number FROM check_round
            WHERE token_hash = \(hash) AND expires_at > \(now)
            """)
        guard let seen = try live.first?.integer("number"), seen < CheckRound.mostSightings else { return false }
        return try change(
            """
            INSERT INTO check_sighting (round_hash, at, number, method, url, peer, is_peer_trusted, client, forwarded_for, aliases, verdict)
            VALUES (\(hash), \(now), \(sighting.number), \(sighting.method), \(sighting.url), \(sighting.peer),
                \(Int64(sighting.isPeerTrusted ? 1 : 0)), \(sighting.client), \(sighting.forwardedFor), \(sighting.aliases),
                \(sighting.verdict))
            """) == 1
    }

    /// In the order they came.
    borrowing func sightings(ofCheck hash: [UInt8]) throws(StoreError) -> [Sighting] {
        try run("SELECT * FROM check_sighting WHERE round_hash = \(hash) ORDER BY at").map { (row) throws(StoreError) in
            Sighting(
                number: try row.integer("number"), method: try row.text("method"),
                url: try row.text("url"), peer: try row.text("peer"), isPeerTrusted: try row.integer("is_peer_trusted") == 1,
                client: try row.text("client"), forwardedFor: try row.text("forwarded_for"), aliases: try row.text("aliases"),
                verdict: try row.text("verdict"))
        }
    }
}
