import Storage

/// Plots drawn here: lines of SVG that need no script, each with a table of the same figures beside it.
enum Plot {
    struct Curve: Sendable {
        let name: String
        /// From left to right, 0 to 1 each way.
        let points: [(x: Double, y: Double)]
    }

    struct Span: Sendable {
        let label: String
        let words: String
        let value: Double
        let low: Double
        let high: Double
        let isKnown: Bool
    }

    /// As many as can be told apart.
    static let mostCurves = 3

    /// Curves over a scale.
    /// - Parameters:
    ///   - lines: heights that are marked, with what they stand for.
    ///   - ticks: places along the bottom, with what they stand for.
    static func curves(
        _ curves: [Curve], label: String, lines: [(y: Double, text: String)], ticks: [(x: Double, text: String)]
    ) -> String {
        let (top, height) = (14.0, 156.0)
        var svg = "<svg height=\"190\" role=\"img\" aria-label=\"\(attribute(label))\">"
        for line in lines {
            let y = top + height * (1 - line.y) + 0.5
            svg +=
                "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"\(fixed(y))\" y2=\"\(fixed(y))\"/><text x=\"0\" y=\"\(fixed(y - 4))\">\(markupEscaped(line.text))</text>"
        }
        svg += "<line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"170.5\" y2=\"170.5\"/>"
        svg +=
            "<svg x=\"0\" y=\"14\" width=\"100%\" height=\"156\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" overflow=\"visible\">"
        for (index, curve) in curves.prefix(mostCurves).enumerated().reversed() {
            let points = curve.points.map { "\(fixed($0.x * 1_000)),\(fixed(1_000 - $0.y * 1_000))" }.joined(separator: " ")
            svg += "<polyline class=\"curve s\(index + 1)\" points=\"\(points)\"/>"
        }
        svg += "</svg>"
        for (index, curve) in curves.prefix(mostCurves).enumerated() {
            guard let last = curve.points.last else { continue }
            svg += "<circle class=\"f\(index + 1)\" cx=\"\(fixed(last.x * 100))%\" cy=\"\(fixed(top + height * (1 - last.y)))\" r=\"3\"/>"
        }
        for tick in ticks {
            let anchor = tick.x < 0.05 ? "start" : tick.x > 0.95 ? "end" : "middle"
            svg += "<text x=\"\(fixed(tick.x * 100))%\" y=\"186\" text-anchor=\"\(anchor)\">\(markupEscaped(tick.text))</text>"
        }
        return svg + "</svg>"
    }

    /// Differences with their intervals, one below the other; right of the middle is better.
    /// - Parameter widest: what the ends of the scale stand for.
    static func spans(_ spans: [Span], label: String, widest: Double, unit: (Double) -> String) -> String {
        let height = spans.count * 40 + 6
        func place(_ value: Double) -> Double { 50 + max(-1, min(1, value / widest)) * 46 }
        var svg = "<svg height=\"\(height + 20)\" role=\"img\" aria-label=\"\(attribute(label))\">"
        for part in [-1.0, -0.5, 0, 0.5, 1] {
            let x = fixed(place(part * widest))
            svg += "<line class=\"\(part == 0 ? "axis" : "grid")\" x1=\"\(x)%\" x2=\"\(x)%\" y1=\"0\" y2=\"\(height)\"/>"
            svg += "<text x=\"\(x)%\" y=\"\(height + 16)\" text-anchor=\"middle\">\(markupEscaped(unit(part * widest)))</text>"
        }
        for (index, span) in spans.enumerated() {
            let (text, bar) = (14 + index * 40, 26 + index * 40)
            let strong = span.isKnown ? " strong" : ""
            svg += "<text class=\"label\(strong)\" x=\"0\" y=\"\(text)\">\(markupEscaped(span.label))</text>"
            svg += "<text class=\"label\" x=\"100%\" y=\"\(text)\" text-anchor=\"end\">\(markupEscaped(span.words))</text>"
            svg +=
                "<line class=\"whisker \(span.isKnown ? "s1" : "sq")\" x1=\"\(fixed(place(span.low)))%\" x2=\"\(fixed(place(span.high)))%\" y1=\"\(bar)\" y2=\"\(bar)\"/>"
            svg += "<circle class=\"\(span.isKnown ? "f1" : "fq")\" cx=\"\(fixed(place(span.value)))%\" cy=\"\(bar)\" r=\"4\"/>"
        }
        return svg + "</svg>"
    }

    private static func attribute(_ text: String) -> String { markupEscaped(text).replacing("\"", with: "&quot;") }

    /// At most two decimals.
    static func fixed(_ value: Double) -> String { Figure.decimals(value, 2).replacing("−", with: "-").replacing(",", with: "") }
}

/// Numbers as people read them.
enum Figure {
    /// - Parameter digits: after the point, 0 to 6.
    static func decimals(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let units = Int64((abs(value) * scale).rounded())
        let sign = value < 0 && units != 0 ? "−" : ""
        guard digits > 0 else { return sign + grouped(units) }
        let (whole, rest) = units.quotientAndRemainder(dividingBy: Int64(scale))
        let decimals = String(repeating: "0", count: digits - "\(rest)".utf8.count) + "\(rest)"
        return "\(sign)\(grouped(whole)).\(decimals)"
    }

    static func grouped(_ number: Int64) -> String {
        let digits = Array("\(abs(number))".utf8)
        var text = number < 0 ? "−" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.unicodeScalars.append(Unicode.Scalar(digit))
        }
        return text
    }

    static func count(_ number: Int) -> String { grouped(Int64(number)) }
    static func percent(_ share: Double) -> String { decimals(share * 100, 1) + " %" }
    static func seconds(_ milliseconds: Double) -> String { decimals(milliseconds / 1_000, abs(milliseconds) < 10_000 ? 1 : 0) + " s" }
    static func signed(_ value: Double, _ digits: Int = 1) -> String { (value > 0 ? "+" : "") + decimals(value, digits) }
}
