import Storage

extension Transaction {
    /// Counts of deliveries since a day, in the order of the index that holds them: ten million are a few seconds.
    /// - Parameter experiment: nil for all.
    borrowing func deliveryFigures(sinceDay day: Int64, experiment: String? = nil) throws(StoreError) -> [DeliveryCount] {
        try run(
            """
            SELECT day, provider, channel, country, experiment, cause, state, reason, bucket, COUNT(*) AS number,
                CAST(SUM(resends) AS BIGINT) AS resends, CAST(SUM(CASE WHEN resends > 0 THEN 1 ELSE 0 END) AS BIGINT) AS resent,
                CAST(SUM(is_billed * cost) AS BIGINT) AS cost
            FROM delivery WHERE day >= \(day) AND (CAST(\(experiment) AS TEXT) IS NULL OR experiment = \(experiment ?? ""))
            GROUP BY day, provider, channel, country, experiment, cause, state, reason, bucket
            """
        ).map { (row) throws(StoreError) in
            DeliveryCount(
                day: try row.integer("day"), provider: try row.text("provider"), channel: try row.text("channel"),
                country: try row.text("country"), experiment: try row.text("experiment"),
                isFirst: try row.text("cause") == Delivery.Cause.first.rawValue, state: try row.text("state"),
                reason: try row.text("reason"),
                bucket: Int(try row.integer("bucket")), number: Int(try row.integer("number")), resends: Int(try row.integer("resends")),
                resent: Int(try row.integer("resent")), cost: try row.integer("cost"))
        }
    }

    /// Names of experiments that chose, since a day.
    borrowing func experimentNames(sinceDay day: Int64) throws(StoreError) -> [String] {
        let none = ""
        return try run("SELECT DISTINCT experiment FROM delivery WHERE day >= \(day) AND experiment <> \(none) ORDER BY experiment")
            .map { (row) throws(StoreError) in try row.text("experiment") }
    }
}
