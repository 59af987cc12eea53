/// A moment: integer microseconds since 1970-01-01 UTC, as every `…_at` column holds it.
package struct Timestamp: Hashable, Comparable, Sendable, SQLBindable {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package init(secondsSinceEpoch seconds: Int64) { microseconds = seconds.multipliedReportingOverflow(by: 1_000_000).partialValue }

    package var secondsSinceEpoch: Int64 { microseconds / 1_000_000 }
    package var sqlValue: SQLValue { .integer(microseconds) }

    package static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    /// Saturates instead of trapping: a setting of ten thousand years means "never".
    package static func + (time: Self, duration: Duration) -> Self {
        let (sum, overflow) = time.microseconds.addingReportingOverflow(duration.wholeMicroseconds)
        return Self(microseconds: overflow ? .max : sum)
    }

    package static func - (time: Self, duration: Duration) -> Self {
        let (difference, overflow) = time.microseconds.subtractingReportingOverflow(duration.wholeMicroseconds)
        return Self(microseconds: overflow ? .min : difference)
    }

    package static func - (later: Self, earlier: Self) -> Duration {
        .microseconds(later.microseconds.subtractingReportingOverflow(earlier.microseconds).partialValue)
    }
}

extension Duration {
    /// Microseconds, the ends of the range where it would overflow.
    package var wholeMicroseconds: Int64 {
        let (scaled, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return components.seconds < 0 ? .min : .max }
        return scaled.addingReportingOverflow(components.attoseconds / 1_000_000_000_000).partialValue
    }
}
