import Foundation
import PasswordStrength

/// How many passwords one core estimates in a second, and what the slowest of them costs.
struct StrengthRate {
    /// One password a line.
    let file: String
    let seconds: Double

    func run() throws {
        let passwords = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
        let estimator = StrengthEstimator()
        for password in passwords.prefix(500) { _ = estimator.estimate(password) }
        var (count, times): (Int, [Double]) = (0, [])
        let start = OpenLoopClient.now()
        var last = start
        while last - start < seconds {
            _ = estimator.estimate(passwords[count % passwords.count])
            count += 1
            let now = OpenLoopClient.now()
            times.append(now - last)
            last = now
        }
        times.sort()
        print("{\"per_second\":\(Int(Double(count) / (last - start))),\"p50_us\":\(times[count / 2] * 1e6)}")
    }
}

/// Looks for the slowest password: random ones of sly alphabets, and changes of the slowest so far.
struct StrengthSearch {
    let seconds: Double

    private static let alphabets = [
        "aeiost4310$7", "1|7il!t+", "4@a", "0123456789", "ab", "abc", "s5$a4@", "qaz12wsx", "-./ 0123456789", "asdfghjkl;", "aA1!", "sa",
        "19/", "4@8({[</369&#!1|0$5+7%2", "etaoinshrdlu", "mississippi", "abcdefghijklmnopqrstuvwxyz",
    ].map { Array($0.unicodeScalars) }

    func run() {
        let estimator = StrengthEstimator()
        var generator = SystemRandomNumberGenerator()
        var (slowest, worst): ([Unicode.Scalar], Double) = ([], 0)
        func cost(_ scalars: [Unicode.Scalar]) -> Double {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            let password = String(text)
            // The least of three, so that an interrupt is no discovery.
            return (0..<3).map { _ in
                let start = OpenLoopClient.now()
                _ = estimator.estimate(password, context: ["ada", "lovelace", "example.com"])
                return OpenLoopClient.now() - start
            }.min() ?? 0
        }
        let start = OpenLoopClient.now()
        var tried = 0
        while OpenLoopClient.now() - start < seconds {
            var candidate = slowest
            let alphabet = Self.alphabets[Int.random(in: 0..<Self.alphabets.count, using: &generator)]
            let letter = { alphabet[Int.random(in: 0..<alphabet.count)] }
            if candidate.isEmpty || tried % 3 == 0 {
                candidate = (0..<Int.random(in: 60...256, using: &generator)).map { _ in letter() }
            } else {
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    candidate[Int.random(in: 0..<min(candidate.count, 100), using: &generator)] = letter()
                }
            }
            tried += 1
            let took = cost(candidate)
            if took > worst { (slowest, worst) = (candidate, took) }
        }
        print("{\"worst_ms\":\(worst * 1e3),\"tried\":\(tried)}")
    }
}
