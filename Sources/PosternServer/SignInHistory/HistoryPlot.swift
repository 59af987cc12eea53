/// Thirty days in two rows of bars: what got in above, what didn't below, each on a scale of its own.
struct HistoryPlot {
    let days: [HistoryDay]

    /// What there is to see, in a sentence.
    var words: String {
        let (signedIn, refused) = days.reduce((0 as Int64, 0 as Int64)) { ($0.0 + $1.signedIn, $0.1 + $1.refused) }
        guard signedIn + refused > 0 else { return "Nobody tried to sign in" }
        let got = signedIn == 1 ? "1 sign-in" : "\(Figure.grouped(signedIn)) sign-ins"
        guard refused > 0 else { return "\(got), and no failures" }
        let worst = days.max { $0.refused < $1.refused }
        let failed = refused == 1 ? "1 failure" : "\(Figure.grouped(refused)) failures"
        guard let worst, refused > 3, worst.refused * 2 > refused else { return "\(got) and \(failed)" }
        return "\(got) and \(failed), most of them on \(HistoryPage.dayName(worst.day))"
    }

    var svg: String {
        let most = (days.map(\.signedIn).max() ?? 0, days.map(\.refused).max() ?? 0)
        let step = 100.0 / Double(max(1, days.count))
        func bar(_ index: Int, _ number: Int64, _ most: Int64, top: Bool) -> String {
            guard number > 0 else { return "" }
            let height = max(3, 44 * Double(number) / Double(most))
            let y = top ? 62 - height : 64
            return
                "<rect class=\"\(top ? "f1" : "f2")\" x=\"\(Plot.fixed(Double(index) * step + step * 0.17))%\" y=\"\(Plot.fixed(y))\" width=\"\(Plot.fixed(step * 0.66))%\" height=\"\(Plot.fixed(height))\" rx=\"1.5\"/>"
        }
        var svg =
            "<svg height=\"148\" role=\"img\" aria-label=\"Sign-ins and failures a day. \(words). The table below has the figures.\"><text class=\"label f1\" x=\"0\" y=\"10\">Signed in</text><text class=\"label f2\" x=\"0\" y=\"124\">Failed\(most.1 > 2 * most.0 ? ", at a smaller scale" : "")</text><line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"63\" y2=\"63\"/>"
        for (index, day) in days.enumerated() {
            svg += bar(index, day.signedIn, most.0, top: true)
            svg += bar(index, day.refused, max(most.0, most.1), top: false)
        }
        for (index, anchor) in [(0, "start"), (days.count - 1, "end")] where days.indices.contains(index) {
            let x = index == 0 ? "0" : "100%"
            svg += "<text x=\"\(x)\" y=\"142\" text-anchor=\"\(anchor)\">\(HistoryPage.dayName(days[index].day))</text>"
        }
        return svg + "</svg>"
    }
}
