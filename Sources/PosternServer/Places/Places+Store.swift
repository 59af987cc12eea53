import NetworkAddress
import Storage

extension Migration {
    static let places = Migration(
        35, "places",
        [
            // Each place that anybody was at, once. A latitude or longitude of a thousand millions stands for unknown: what is NULL is
            // never the same as another NULL.
            """
            CREATE TABLE place (
                number BIGINT NOT NULL PRIMARY KEY, country TEXT NOT NULL, region TEXT NOT NULL, city TEXT NOT NULL,
                latitude BIGINT NOT NULL, longitude BIGINT NOT NULL, radius BIGINT NOT NULL, kind TEXT NOT NULL,
                UNIQUE (country, region, city, latitude, longitude, radius, kind))
            """,
            "CREATE TABLE place_network (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)",
            // Attempts of a day and place, for the list of places. A place of 0 is unknown.
            """
            CREATE TABLE place_day (
                day BIGINT NOT NULL, place BIGINT NOT NULL, signed_in BIGINT NOT NULL, refused BIGINT NOT NULL,
                PRIMARY KEY (day, place))
            """,
        ])
}

/// A place as it is stored.
struct PlaceRow: Hashable, Sendable {
    static let unknown: Int64 = 1_000_000_000

    let country: String
    let region: String
    let city: String
    /// Ten-thousandths of a degree, about eleven metres.
    let latitude: Int64
    let longitude: Int64
    /// Kilometres.
    let radius: Int64
    let kind: String

    /// `Lisbon, Portugal`; empty where nothing is known.
    var words: String { AddressPlace.words(country: country, region: region, city: city) }
    var isAnonymous: Bool { kind == AddressPlace.Kind.anonymous.rawValue }
}

/// Where an attempt came from, for people.
struct ShownPlace: Sendable {
    let words: String
    /// Kilometres; nil where it isn't known.
    let radius: Int64?
    let isAnonymous: Bool
    let network: String

    static let unknown = ShownPlace(words: "", radius: nil, isAnonymous: false, network: "")
}

/// A place, 0 for unknown, on a day since 1970 (UTC).
struct PlaceDay: Hashable, Comparable, Sendable {
    let day: Int64
    let place: Int64

    init(_ place: Int64?, _ time: Timestamp) { (day, self.place) = (time.day, place ?? 0) }

    /// In one order on all nodes, so that two never wait for each other.
    static func < (left: PlaceDay, right: PlaceDay) -> Bool { (left.day, left.place) < (right.day, right.place) }
}

/// How many attempts came from a place.
struct PlaceCount: Sendable {
    /// Nil for attempts whose place isn't known.
    let place: PlaceRow?
    let signedIn: Int64
    let refused: Int64
}

extension Transaction {
    /// The number of a place, a new one for a new place.
    borrowing func placeNumber(_ place: PlaceRow) throws(StoreError) -> Int64? {
        if let number = try knownNumber(place) { return number }
        try change(
            """
            INSERT INTO place (number, country, region, city, latitude, longitude, radius, kind)
            SELECT COALESCE(MAX(number), 0) + 1, CAST(\(place.country) AS TEXT), CAST(\(place.region) AS TEXT), CAST(\(place.city) AS TEXT),
                CAST(\(place.latitude) AS BIGINT), CAST(\(place.longitude) AS BIGINT), CAST(\(place.radius) AS BIGINT),
                CAST(\(place.kind) AS TEXT)
            FROM place WHERE 1 = 1 ON CONFLICT DO NOTHING
            """)
        // Another node may have taken the number for another place, or the place itself: nil, and it is asked again next time.
        return try knownNumber(place)
    }

    private borrowing func knownNumber(_ place: PlaceRow) throws(StoreError) -> Int64? {
        let rows = try run(
            """
            SELECT number FROM place WHERE country = \(place.country) AND region = \(place.region) AND city = \(place.city)
                AND latitude = \(place.latitude) AND longitude = \(place.longitude) AND radius = \(place.radius) AND kind = \(place.kind)
            """)
        return try rows.first.map { (row) throws(StoreError) in try row.integer("number") }
    }

    borrowing func nameNetwork(_ number: UInt32, _ name: String) throws(StoreError) {
        try change(
            """
            INSERT INTO place_network (number, name) VALUES (\(Int64(number)), \(name))
            ON CONFLICT (number) DO UPDATE SET name = excluded.name
            """)
    }

    /// - Parameters:
    ///   - number: nil for unknown.
    ///   - network: nil for unknown.
    borrowing func shownPlace(_ number: Int64?, network: UInt32?) throws(StoreError) -> ShownPlace {
        let place = try number.flatMap { (number) throws(StoreError) in try self.place(number) }
        let name = try network.flatMap { (network) throws(StoreError) -> String? in
            try run("SELECT name FROM place_network WHERE number = \(Int64(network))").first.map { (row) throws(StoreError) in
                try row.text("name")
            }
        }
        return ShownPlace(
            words: place?.words ?? "", radius: place.flatMap { $0.latitude == PlaceRow.unknown ? nil : $0.radius },
            isAnonymous: place?.isAnonymous ?? false, network: name.flatMap { $0.isEmpty ? nil : $0 } ?? network.map { "AS\($0)" } ?? "")
    }

    borrowing func place(_ number: Int64) throws(StoreError) -> PlaceRow? {
        try run("SELECT * FROM place WHERE number = \(number)").first.map { (row) throws(StoreError) in try PlaceRow(row) }
    }

    borrowing func countPlace(_ count: PlaceDay, signedIn: Int64, refused: Int64) throws(StoreError) {
        try change(
            """
            INSERT INTO place_day (day, place, signed_in, refused) VALUES (\(count.day), \(count.place), \(signedIn), \(refused))
            ON CONFLICT (day, place) DO UPDATE SET signed_in = place_day.signed_in + excluded.signed_in,
                refused = place_day.refused + excluded.refused
            """)
    }

    /// Places by country and city, those with most attempts first: what was counted, and what rows count that aren't packed yet.
    borrowing func placeCounts(sinceDay day: Int64, limit: Int64) throws(StoreError) -> [PlaceCount] {
        let first = SignInAttempt.Number.first(at: Timestamp(secondsSinceEpoch: day * 86_400))
        return try run(
            """
            SELECT COALESCE(place.country, '') AS country, COALESCE(place.city, '') AS city, COALESCE(MAX(place.region), '') AS region,
                CAST(SUM(place_day.signed_in) AS BIGINT) AS signed_in, CAST(SUM(place_day.refused) AS BIGINT) AS refused
            FROM (SELECT place, signed_in, refused FROM place_day WHERE day >= \(day)
                UNION ALL SELECT COALESCE(place, 0), 0, times - 1 FROM sign_in_attempt
                    WHERE number >= \(first) AND times > 1 AND settled = 1) AS place_day
                LEFT JOIN place ON place.number = place_day.place
            GROUP BY COALESCE(place.country, ''), COALESCE(place.city, '')
            ORDER BY SUM(place_day.signed_in) + SUM(place_day.refused) DESC, 1, 2 LIMIT \(limit)
            """
        ).map { (row) throws(StoreError) in
            let (country, city) = (try row.text("country"), try row.text("city"))
            let place =
                country.isEmpty && city.isEmpty
                ? nil
                : PlaceRow(
                    country: country, region: try row.text("region"), city: city, latitude: PlaceRow.unknown, longitude: PlaceRow.unknown,
                    radius: 0, kind: "")
            return PlaceCount(place: place, signedIn: try row.integer("signed_in"), refused: try row.integer("refused"))
        }
    }

    borrowing func prunePlaceDays(beforeDay day: Int64) throws(StoreError) {
        try change("DELETE FROM place_day WHERE day < \(day)")
    }
}

extension PlaceRow {
    fileprivate init(_ row: Row) throws(StoreError) {
        self.init(
            country: try row.text("country"), region: try row.text("region"), city: try row.text("city"),
            latitude: try row.integer("latitude"), longitude: try row.integer("longitude"), radius: try row.integer("radius"),
            kind: try row.text("kind"))
    }
}
