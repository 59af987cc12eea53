import BreachFilter
import PosternServer

/// How many passwords' hashes the server's filter is asked for in a second: half of them on the list.
struct FilterRate {
    let file: String
    let copy: String
    let seconds: Double

    func run() throws {
        let filter = try BreachFilterFile(path: file, copiedTo: copy)
        let count = filter.figures.hashes
        // Those of the list are numbers from 0, as Benchmarks/strength.py makes it.
        let hashes = (0..<200_000).map { number in
            BreachedHash(password: Array("\(number % 2 == 0 ? number * 37 % count : count + number)".utf8))
        }
        var (asked, found) = (0, 0)
        let start = OpenLoopClient.now()
        while OpenLoopClient.now() - start < seconds {
            for hash in hashes where filter.contains(hash) == .listed(isExact: true) { found += 1 }
            asked += hashes.count
        }
        let took = OpenLoopClient.now() - start
        print("{\"per_second\":\(Int(Double(asked) / took)),\"share_found\":\(Double(found) / Double(asked))}")
    }
}
