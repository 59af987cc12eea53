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
        DayBars(
            days: days.map { ($0.day, $0.signedIn, $0.refused) }, title: "Sign-ins and failures a day", words: words, upper: "Signed in",
            lower: "Failed"
        ).svg
    }
}
