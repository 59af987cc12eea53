import BreachFilter
import Glibc

/// How many passwords' hashes a filter is asked for in a second: half of them on the list.
struct FilterRate {
    let file: String
    let seconds: Double

    func run() throws {
        let descriptor = open(file, O_RDONLY)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else { return }
        var head = [UInt8](repeating: 0, count: BreachFilter.headerBytes)
        guard pread(descriptor, &head, head.count, 0) == head.count else { return }
        head = [UInt8](repeating: 0, count: try BreachFilter.headBytes(of: head))
        guard pread(descriptor, &head, head.count, 0) == head.count else { return }
        let filter = try BreachFilter(head: head, fileBytes: Int(status.st_size))
        do {
            // Those of the list are numbers from 0, as Benchmarks/strength.py makes it.
            let hashes = (0..<200_000).map { number in
                BreachedHash(password: Array("\(number % 2 == 0 ? number * 37 % filter.hashes : filter.hashes + number)".utf8))
            }
            var (asked, found) = (0, 0)
            let start = OpenLoopClient.now()
            while OpenLoopClient.now() - start < seconds {
                for hash in hashes {
                    let isFound = filter.contains(hash) { offset in
                        var value: UInt16 = 0
                        return pread(descriptor, &value, 2, offset) == 2 ? value : nil
                    }
                    if isFound == true { found += 1 }
                }
                asked += hashes.count
            }
            let took = OpenLoopClient.now() - start
            print("{\"per_second\":\(Int(Double(asked) / took)),\"share_found\":\(Double(found) / Double(asked))}")
        }
    }
}
