/// Days in two rows of bars, drawn here: what went well above, what didn't below.
struct DayBars {
    /// A day since 1970 (UTC), and how many of each.
    let days: [(day: Int64, upper: Int64, lower: Int64)]
    let title: String
    /// What there is to see, in a sentence.
    let words: String
    let upper: String
    let lower: String

    var svg: String {
        let most = (days.map(\.upper).max() ?? 0, days.map(\.lower).max() ?? 0)
        let step = 100.0 / Double(max(1, days.count))
        func bar(_ index: Int, _ number: Int64, _ most: Int64, top: Bool) -> String {
            guard number > 0 else { return "" }
            let height = max(3, 44 * Double(number) / Double(most))
            let y = top ? 62 - height : 64
            return
                "<rect class=\"\(top ? "f1" : "f2")\" x=\"\(Plot.fixed(Double(index) * step + step * 0.17))%\" y=\"\(Plot.fixed(y))\" width=\"\(Plot.fixed(step * 0.66))%\" height=\"\(Plot.fixed(height))\" rx=\"1.5\"/>"
        }
        var svg =
            "<svg height=\"148\" role=\"img\" aria-label=\"\(title). \(words). The table below has the figures.\"><text class=\"label f1\" x=\"0\" y=\"10\">\(upper)</text><text class=\"label f2\" x=\"0\" y=\"124\">\(lower)\(most.1 > 2 * most.0 ? ", at a smaller scale" : "")</text><line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"63\" y2=\"63\"/>"
        for (index, day) in days.enumerated() {
            svg += bar(index, day.upper, most.0, top: true)
            svg += bar(index, day.lower, max(most.0, most.1), top: false)
        }
        for (index, anchor) in [(0, "start"), (days.count - 1, "end")] where days.indices.contains(index) {
            let x = index == 0 ? "0" : "100%"
            svg += "<text x=\"\(x)\" y=\"142\" text-anchor=\"\(anchor)\">\(HistoryPage.dayName(days[index].day))</text>"
        }
        return svg + "</svg>"
    }
}
