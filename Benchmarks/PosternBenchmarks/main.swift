/// The two halves of the benchmarks that want to be Swift: a server with a bare route beside it, clients that send on time, and what is
/// pure: codes, estimates, filters.
///
/// `serve DIRECTORY PORT BARE-PORT SESSIONS TOKENS-FILE` and `send …`: Benchmarks/bench.py says how.
let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "serve" where arguments.count == 7 || arguments.count == 8:
    try await BenchmarkServer(
        directory: arguments[2], port: Int(arguments[3]) ?? 0, barePort: Int(arguments[4]) ?? 0, sessions: Int(arguments[5]) ?? 0,
        tokensFile: arguments[6], config: arguments.count == 8 && arguments[7] != "-" ? arguments[7] : nil
    ).run()
case "serve-keys" where arguments.count == 9:
    try await KeyServer(
        directory: arguments[2], port: Int(arguments[3]) ?? 0, barePort: Int(arguments[4]) ?? 0, keys: Int(arguments[5]) ?? 0,
        listed: Int(arguments[6]) ?? 0, checked: Int(arguments[7]) ?? 1, textsFile: arguments[8]
    ).run()
case "send" where arguments.count == 8:
    OpenLoopClient(
        port: UInt16(arguments[2]) ?? 0, rate: Double(arguments[3]) ?? 0, seconds: Double(arguments[4]) ?? 0,
        connections: Int(arguments[5]) ?? 0, requestFile: arguments[6], isNice: arguments[7] == "nice"
    ).run()
case "codes" where arguments.count == 3: CodeVerification(seconds: Double(arguments[2]) ?? 1).run()
case "strength" where arguments.count == 4: try StrengthRate(file: arguments[2], seconds: Double(arguments[3]) ?? 1).run()
case "slowest" where arguments.count == 3: StrengthSearch(seconds: Double(arguments[2]) ?? 1).run()
case "filter" where arguments.count == 5: try FilterRate(file: arguments[2], copy: arguments[3], seconds: Double(arguments[4]) ?? 1).run()
case "jobs" where arguments.count == 6:
    try await JobRate(directory: arguments[2], database: arguments[3], jobs: Int(arguments[4]) ?? 0, batch: Int(arguments[5]) ?? 1).run()
case "throttle" where arguments.count == 4: try ThrottleRate(settings: arguments[2], seconds: Double(arguments[3]) ?? 1).run()
case "blocklist" where arguments.count == 3: BlocklistRate(networks: Int(arguments[2]) ?? 0).run()
case "failures" where arguments.count == 6:
    try await FailureRate(directory: arguments[2], database: arguments[3], failures: Int(arguments[4]) ?? 0, atOnce: Int(arguments[5]) ?? 1)
        .run()
case "waiting" where arguments.count == 5:
    try await WaitingSignIns(directory: arguments[2], people: Int(arguments[3]) ?? 0, file: arguments[4]).make()
case "choices" where arguments.count == 5:
    try await ChoiceRate(directory: arguments[2], config: arguments[3], seconds: Double(arguments[4]) ?? 1).run()
case "history" where arguments.count >= 6:
    let rates = HistoryRates(directory: arguments[3], database: arguments[4], number: Int(arguments[5]) ?? 0)
    switch arguments[2] {
    case "fill": try await rates.fill()
    case "rates": try await rates.rates(seconds: 3)
    case "newest": try await rates.newest(rates.number)
    case "drop": try await rates.drop()
    case "export": try await rates.export()
    case "settle" where arguments.count == 7: try await rates.settle(places: arguments[6])
    default: print("history fill|rates|newest|drop|export|settle DIRECTORY DATABASE|- NUMBER [PLACES]")
    }
case "places" where arguments.count == 5:
    try await PlaceRate(file: arguments[2], addresses: arguments[3], seconds: Double(arguments[4]) ?? 1).run()
default:
    print(
        "PosternBenchmarks serve DIRECTORY PORT BARE-PORT SESSIONS TOKENS-FILE [CONFIG] | serve-keys DIRECTORY PORT BARE-PORT KEYS LISTED CHECKED TEXTS-FILE | throttle CONFIG SECONDS | blocklist NETWORKS | failures DIRECTORY DATABASE FAILURES AT-ONCE | waiting DIRECTORY PEOPLE FILE | choices DIRECTORY CONFIG SECONDS | send PORT RATE SECONDS CONNECTIONS REQUEST-FILE nice|- | codes SECONDS | strength FILE SECONDS | slowest SECONDS | filter FILE COPY-DIRECTORY SECONDS | jobs DIRECTORY DATABASE JOBS BATCH | history fill|rates|newest|drop|export|settle DIRECTORY DATABASE|- NUMBER [PLACES] | places FILE ADDRESSES SECONDS"
    )
}
