/// Finds code points at equal distance: `abcdef`, `97531`, `жзий`.
enum Sequences {
    private static let farthest = 5

    static func matches(_ subject: Subject, into matches: inout [Match]) {
        guard subject.count > 1 else { return }
        let points = subject.typed
        func distance(_ index: Int) -> Int { Int(points[index]) - Int(points[index - 1]) }
        func take(_ first: Int, _ last: Int, _ distance: Int) {
            guard last - first > 1 || abs(distance) == 1, distance != 0, abs(distance) <= farthest else { return }
            let range = first..<last + 1
            let guesses = guesses(from: points[first], isAscending: distance > 0) * Double(range.count)
            matches.append(
                Match(range: range, pattern: .sequence(isAscending: distance > 0), guesses: subject.atLeast(guesses, over: range)))
        }
        var (first, last) = (0, distance(1))
        for index in 1..<points.count where distance(index) != last {
            take(first, index - 1, last)
            (first, last) = (index - 1, distance(index))
        }
        take(first, points.count - 1, last)
    }

    private static func guesses(from first: UInt32, isAscending: Bool) -> Double {
        let start: Double =
            switch first {
            case 97, 65, 122, 90, 48, 49, 57: 4  // a A z Z 0 1 9: where people start
            case let point where point.isDigit: 10
            default: 26
            }
        return isAscending ? start : start * 2
    }
}
