/// A list made while the program runs: what a site added, or what is known of one person.
///
/// Words are compared in lower case. Children of a node lie side by side and in order, so that a wide alphabet costs no more than a
/// narrow one.
struct RankedWords: Trie, Sendable {
    private let list: WordList
    /// One for each node but the root, which is 0.
    private var labels: [UInt32] = [0]
    /// Where each node's children begin; they end where the next node's begin.
    private var firstChild: [Int32] = []
    /// 0 where no word ends.
    private var ranks: [Int32] = []

    var isEmpty: Bool { labels.count == 1 }

    /// - Parameters:
    ///   - words: in lower case, with their ranks. Empty ones are left out.
    ///   - keepingLowest: which rank counts of a word that stands twice: the lowest, or the last.
    init(list: WordList, _ words: [(points: [UInt32], rank: Int)], keepingLowest: Bool = false) {
        self.list = list
        // Words that share their first `depth` code points, node by node and level by level, by their places in `words`.
        var level = [words.indices.filter { !words[$0].points.isEmpty }]
        var depth = 0
        while !level.isEmpty {
            var below: [[Int]] = []
            for group in level {
                let ending = group.filter { words[$0].points.count == depth }.map { Int32(words[$0].rank) }
                ranks.append((keepingLowest ? ending.min() : ending.last) ?? 0)
                firstChild.append(Int32(labels.count))
                let further = group.filter { words[$0].points.count > depth }
                    .map { UInt64(words[$0].points[depth]) << 32 | UInt64($0) }.sorted()
                for key in further {
                    let label = UInt32(key >> 32)
                    if Int(firstChild[firstChild.count - 1]) == labels.count || labels[labels.count - 1] != label {
                        labels.append(label)
                        below.append([])
                    }
                    below[below.count - 1].append(Int(key & 0xFFFF_FFFF))
                }
            }
            level = below
            depth += 1
        }
        firstChild.append(Int32(labels.count))
    }

    func child(of node: Int, by character: UInt32) -> Int? {
        var (low, high) = (Int(firstChild[node]), Int(firstChild[node + 1]))
        while low < high {
            let middle = (low + high) / 2
            if labels[middle] == character { return middle }
            if labels[middle] < character { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    func word(at node: Int) -> RankedWord? {
        let rank = Int(ranks[node])
        return rank == 0 ? nil : RankedWord(list: list, rank: rank)
    }
}
