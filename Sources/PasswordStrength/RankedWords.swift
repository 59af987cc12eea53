/// A list made while the program runs: what a site added, or what is known of one person.
///
/// Words are compared in lower case.
struct RankedWords: Trie, Sendable {
    private struct Node {
        let label: UInt32
        var firstChild: Int32 = 0
        var nextSibling: Int32 = 0
        /// 0 where no word ends.
        var rank: Int32 = 0
    }

    private var nodes = [Node(label: 0)]
    private let list: WordList

    init(list: WordList) { self.list = list }

    var isEmpty: Bool { nodes.count == 1 }

    /// - Parameter keepingLowest: whether a word that is there already keeps its rank if that is lower; else the last one counts.
    mutating func insert(_ word: some Sequence<UInt32>, rank: Int, keepingLowest: Bool) {
        var node = 0
        for character in word { node = child(of: node, by: character) ?? grow(node, by: character) }
        guard node != 0 else { return }
        let known = nodes[node].rank
        if known == 0 || !keepingLowest || rank < known { nodes[node].rank = Int32(rank) }
    }

    private mutating func grow(_ node: Int, by character: UInt32) -> Int {
        nodes.append(Node(label: character, nextSibling: nodes[node].firstChild))
        nodes[node].firstChild = Int32(nodes.count - 1)
        return nodes.count - 1
    }

    func child(of node: Int, by character: UInt32) -> Int? {
        var next = Int(nodes[node].firstChild)
        while next != 0 {
            if nodes[next].label == character { return next }
            next = Int(nodes[next].nextSibling)
        }
        return nil
    }

    func word(at node: Int) -> RankedWord? {
        let rank = Int(nodes[node].rank)
        return rank == 0 ? nil : RankedWord(list: list, rank: rank)
    }
}
