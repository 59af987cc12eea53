// The browser's door to PasswordStrength: built by `make wasm` together with that library's own files into one WebAssembly module.
// Texts go in as UTF-8 at an address of `reserve`; numbers are little-endian.

private nonisolated(unsafe) var estimator = StrengthEstimator()
private nonisolated(unsafe) var answer: UnsafeMutableRawPointer?

/// Room for a text of so many bytes. The caller gives it back with `release`.
@_expose(wasm, "reserve")
@_cdecl("reserve")
public func reserve(_ bytes: Int32) -> UnsafeMutableRawPointer { .allocate(byteCount: max(Int(bytes), 1), alignment: 16) }

@_expose(wasm, "release")
@_cdecl("release")
public func release(_ address: UnsafeMutableRawPointer) { address.deallocate() }

/// Takes a list of words, one a line, the most likely first, in place of any before.
@_expose(wasm, "add_words")
@_cdecl("add_words")
public func addWords(_ address: UnsafeRawPointer, _ bytes: Int32) { estimator = StrengthEstimator(adding: lines(address, bytes)) }

/// Judges a password.
///
/// - Parameters:
///   - about: what is known of the person and site, one text a line.
///   - fewest: code points that it needs.
///   - lowest: the score that it needs.
///   - most: bytes that it may have.
/// - Returns: the address of: f64 guesses, i32 score, i32 refusal (−1 none, else its place in `Verdict.Refusal`), i32 warning (−1 none), i32
///   suggestions (a bit each), i32 level for a meter, i32 length of the words, and the words: title and sentences, one a line. Good until the next call.
@_expose(wasm, "judge")
@_cdecl("judge")
public func judge(
    _ password: UnsafeRawPointer, _ bytes: Int32, _ about: UnsafeRawPointer, _ aboutBytes: Int32, _ fewest: Int32, _ lowest: Int32,
    _ most: Int32
) -> UnsafeMutableRawPointer {
    let verdict = estimator.verdict(
        on: text(password, bytes), about: lines(about, aboutBytes),
        policy: StrengthPolicy(fewestCodePoints: Int(fewest), lowestScore: Int(lowest), mostBytes: Int(most)))
    var words = Array(verdict.title.utf8)
    for sentence in verdict.sentences {
        words.append(UInt8(ascii: "\n"))
        words += Array(sentence.utf8)
    }
    answer?.deallocate()
    let block = UnsafeMutableRawPointer.allocate(byteCount: 32 + words.count, alignment: 16)
    block.storeBytes(of: verdict.estimate.guesses, as: Double.self)
    let refusal = verdict.refusal.flatMap { Verdict.Refusal.allCases.firstIndex(of: $0) }
    var suggestions: Int32 = 0
    for (bit, suggestion) in Feedback.Suggestion.allCases.enumerated() where verdict.feedback.suggestions.contains(suggestion) {
        suggestions |= 1 << Int32(bit)
    }
    let warning = verdict.feedback.warning.flatMap { Feedback.Warning.allCases.firstIndex(of: $0) }
    let numbers = [
        Int32(verdict.estimate.score), Int32(refusal ?? -1), Int32(warning ?? -1), suggestions, Int32(verdict.level), Int32(words.count),
    ]
    for (index, number) in numbers.enumerated() { block.storeBytes(of: number, toByteOffset: 8 + 4 * index, as: Int32.self) }
    for (index, byte) in words.enumerated() { block.storeBytes(of: byte, toByteOffset: 32 + index, as: UInt8.self) }
    answer = block
    return block
}

private func text(_ address: UnsafeRawPointer, _ bytes: Int32) -> String {
    String(decoding: UnsafeRawBufferPointer(start: address, count: Int(bytes)), as: UTF8.self)
}

private func lines(_ address: UnsafeRawPointer, _ bytes: Int32) -> [String] {
    UnsafeRawBufferPointer(start: address, count: Int(bytes)).split(separator: UInt8(ascii: "\n")).map {
        String(decoding: $0, as: UTF8.self)
    }
}
