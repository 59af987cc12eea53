import Storage
import Support
import Testing

@Suite struct ValueTests {
    @Test("a value in a statement is bound, never spliced")
    func binding() {
        let name = "x'; DROP TABLE account; --"
        let sql: SQLStatement = "SELECT id FROM account WHERE email = \(name)"
        #expect(sql.text == "SELECT id FROM account WHERE email = $1")
        #expect(sql.bindings == [.text(name)])
    }

    @Test("an identifier prints and reads back as the same UUID of version 7, and nothing else reads")
    func identifier() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 1...1_000 {
            let random = (0..<10).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let id = Identifier<Int>(
                now: Timestamp(microseconds: Int64.random(in: 0...4_000_000_000_000_000, using: &generator)), random: random)
            let text = id.description
            #expect(Identifier<Int>(text) == id)
            #expect(Identifier<Int>(bytes: id.bytes) == id)
            #expect(text.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
            #expect(Identifier<Int>(text.uppercased()) == nil)
            #expect(Identifier<Int>(String(text.dropLast())) == nil)
            #expect(Identifier<Int>(text + "0") == nil)
        }
    }

    @Test("times saturate instead of trapping")
    func saturation() {
        let last = Timestamp(microseconds: .max)
        #expect(last + .seconds(1) == last)
        #expect(Timestamp(microseconds: .min) - .seconds(1) == Timestamp(microseconds: .min))
        #expect(Timestamp(microseconds: 5) + .seconds(Int64.max) == last)
        #expect(Timestamp(microseconds: 1_500_000) - Timestamp(microseconds: 500_000) == .seconds(1))
    }
}
