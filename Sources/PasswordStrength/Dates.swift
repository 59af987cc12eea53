/// Finds years and dates: `1991`, `13.4.91`, `19910413`.
enum Dates {
    /// Guesses are counted from here: years near to it are tried first. Fixed, so that a password's estimate never changes by itself.
    static let referenceYear = 2_017
    private static let fewestYears = 20
    private static let years = 1_000...2_050

    private struct Day {
        let year, month, day: Int
    }

    static func recentYears(_ subject: Subject, into matches: inout [Match]) {
        var start = 0
        while start + 4 <= subject.count {
            if let year = number(subject.typed, start..<start + 4), (1900...2019).contains(year) {
                matches.append(
                    Match(
                        range: start..<start + 4, pattern: .recentYear(year),
                        guesses: subject.atLeast(Double(yearSpace(year)), over: start..<start + 4)))
                start += 4
            } else {
                start += 1
            }
        }
    }

    static func matches(_ subject: Subject, into matches: inout [Match]) {
        var found: [Match] = []
        for start in subject.typed.indices where subject.typed[start].isDigit {
            for end in stride(from: start + 4, through: min(start + 8, subject.count), by: 1) {
                guard let date = unseparated(subject.typed, start..<end) else { continue }
                found.append(match(subject, start..<end, date, isSeparated: false))
            }
        }
        for start in subject.typed.indices where subject.typed[start].isDigit {
            for end in stride(from: start + 6, through: min(start + 10, subject.count), by: 1) {
                guard let date = separated(subject.typed, start..<end) else { continue }
                found.append(match(subject, start..<end, date, isSeparated: true))
            }
        }
        // A date within a date is noise.
        for (index, date) in found.enumerated() {
            let isWithin = found.indices.contains { other in
                other != index && found[other].range.lowerBound <= date.range.lowerBound
                    && found[other].range.upperBound >= date.range.upperBound
            }
            if !isWithin { matches.append(date) }
        }
    }

    private static func match(_ subject: Subject, _ range: Range<Int>, _ date: Day, isSeparated: Bool) -> Match {
        let guesses = Double(yearSpace(date.year) * 365 * (isSeparated ? 4 : 1))
        return Match(
            range: range, pattern: .date(year: date.year, month: date.month, day: date.day, isSeparated: isSeparated),
            guesses: subject.atLeast(guesses, over: range))
    }

    private static func yearSpace(_ year: Int) -> Int { max(abs(year - referenceYear), fewestYears) }

    /// A number of digits alone.
    private static func number(_ points: [UInt32], _ range: Range<Int>) -> Int? {
        var number = 0
        for point in points[range] {
            guard point.isDigit else { return nil }
            number = number * 10 + Int(point - 48)
        }
        return number
    }

    /// Where the second and third number may start, by how many digits there are.
    private static func splits(_ count: Int) -> [(Int, Int)] {
        switch count {
        case 4: [(1, 2), (2, 3)]
        case 5: [(1, 3), (2, 3)]
        case 6: [(1, 2), (2, 4), (4, 5)]
        case 7: [(1, 3), (2, 3), (4, 5), (4, 6)]
        default: [(2, 4), (4, 6)]
        }
    }

    /// Of all ways to read the digits, the one whose year is nearest.
    private static func unseparated(_ points: [UInt32], _ range: Range<Int>) -> Day? {
        guard number(points, range) != nil else { return nil }
        var best: Day?
        for (second, third) in splits(range.count) {
            let (second, third) = (range.lowerBound + second, range.lowerBound + third)
            guard let first = number(points, range.lowerBound..<second), let middle = number(points, second..<third),
                let last = number(points, third..<range.upperBound), let date = date(first, middle, last)
            else { continue }
            if best.map({ abs(date.year - referenceYear) < abs($0.year - referenceYear) }) ?? true { best = date }
        }
        return best
    }

    private static func separated(_ points: [UInt32], _ range: Range<Int>) -> Day? {
        guard let second = points[range].firstIndex(where: { !$0.isDigit }), isSeparator(points[second]),
            let third = points[(second + 1)..<range.upperBound].firstIndex(where: { !$0.isDigit }), points[third] == points[second],
            let first = number(points, range.lowerBound..<second), let middle = number(points, (second + 1)..<third),
            let last = number(points, (third + 1)..<range.upperBound)
        else { return nil }
        let lengths = (second - range.lowerBound, third - second - 1, range.upperBound - third - 1)
        guard (1...4).contains(lengths.0), (1...2).contains(lengths.1), (1...4).contains(lengths.2) else { return nil }
        return date(first, middle, last)
    }

    /// White space, or one of `/ \ _ . -`.
    private static func isSeparator(_ point: UInt32) -> Bool {
        switch point {
        case 0x2F, 0x5C, 0x5F, 0x2E, 0x2D: true
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// A date of three numbers, the year first or last. Days are not held against months.
    private static func date(_ first: Int, _ middle: Int, _ last: Int) -> Day? {
        guard (1...31).contains(middle) else { return nil }
        let numbers = [first, middle, last]
        let isNoYear = numbers.contains { $0 > 99 && $0 < years.lowerBound || $0 > years.upperBound }
        let (over31, over12, zeros) = (numbers.count { $0 > 31 }, numbers.count { $0 > 12 }, numbers.count { $0 == 0 })
        guard !isNoYear, over31 < 2, over12 < 3, zeros < 2 else { return nil }
        for (year, one, other) in [(last, first, middle), (first, middle, last)] where years.contains(year) {
            // With a whole year, the rest is a day and a month or this is no date.
            return dayAndMonth(one, other).map { Day(year: year, month: $0.month, day: $0.day) }
        }
        for (year, one, other) in [(last, first, middle), (first, middle, last)] {
            if let found = dayAndMonth(one, other) {
                return Day(year: year > 99 ? year : year > 50 ? year + 1_900 : year + 2_000, month: found.month, day: found.day)
            }
        }
        return nil
    }

    private static func dayAndMonth(_ one: Int, _ other: Int) -> (day: Int, month: Int)? {
        if (1...31).contains(one), (1...12).contains(other) { return (one, other) }
        if (1...31).contains(other), (1...12).contains(one) { return (other, one) }
        return nil
    }
}
