/// Finds what is said again and again: `aaa`, `abcabcabc`.
struct Repeats {
    /// A stretch of `points` from `start` that is its first `length` code points twice or more.
    struct Stretch: Equatable {
        let range: Range<Int>
        let length: Int
    }

    static func stretches(_ points: [UInt32]) -> [Stretch] {
        var (stretches, from): ([Stretch], Int) = ([], 0)
        while let stretch = next(points, from: from) {
            stretches.append(stretch)
            from = stretch.range.upperBound
        }
        return stretches
    }

    /// The first place where something is repeated. Where the longest repeated part reaches further than the shortest, the whole of it
    /// counts: `aabaab` is `aab` twice, not `aa` and more.
    private static func next(_ points: [UInt32], from: Int) -> Stretch? {
        for start in from..<max(points.count, from) {
            let most = (points.count - start) / 2
            guard let shortest = (1...max(most, 1)).first(where: { $0 <= most && repeats(points, start, $0) }),
                let longest = (1...most).last(where: { repeats(points, start, $0) })
            else { continue }
            let near = end(points, start, shortest)
            let far = end(points, start, longest)
            guard far > near else { return Stretch(range: start..<near, length: shortest) }
            // The longest part may be a repeat itself.
            let length = (1...longest).first { (far - start) % $0 == 0 && repeats(points, start, $0, until: far) } ?? longest
            return Stretch(range: start..<far, length: length)
        }
        return nil
    }

    /// - Parameter end: how far the part has to be repeated; once, if none is given.
    private static func repeats(_ points: [UInt32], _ start: Int, _ length: Int, until end: Int? = nil) -> Bool {
        for index in start..<(end ?? start + 2 * length) - length where points[index] != points[index + length] { return false }
        return true
    }

    /// Where the repeats of the part end that starts here.
    private static func end(_ points: [UInt32], _ start: Int, _ length: Int) -> Int {
        var end = start + length
        while end + length <= points.count, repeats(points, end - length, length) { end += length }
        return end
    }
}
