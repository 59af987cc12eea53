import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// HTTP/1.1 with the limits of HT-06, and without two things that the parser lets through (RFC 9112 §3.2): a second Host line, and a
/// target that names another host than the Host line.
struct StrictHTTP1: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    private let base: HTTP1Channel

    /// A connection that sends nothing for this long is closed.
    private static let idleTimeout = TimeAmount.seconds(30)

    init(responder: @escaping HTTPChannelHandler.Responder) {
        base = HTTP1Channel(
            responder: responder,
            configuration: .init(
                idleTimeout: Self.idleTimeout,
                httpDecoderConfiguration: .init(maxHeaderFieldSize: 8_192, maxHeaderListSize: 16_384, maxHeaderFieldCount: 100)))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
            try pipeline.addHandler(StrictHead(), position: .before(codec))
            return value
        }
    }

    /// On the connection's own event loop: a request changes threads only where it must, for a password or the database.
    func handle(value: Value, logger: Logger) async {
        await withTaskExecutorPreference(LoopExecutor(value.channel.eventLoop)) { await base.handle(value: value, logger: logger) }
    }
}

/// Runs tasks on an event loop (SE-0417).
private final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Answers 400 and closes where a request's head says two things, and closes where its body takes too long to come (FT-12).
private final class StrictHead: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let bodyDeadline = TimeAmount.seconds(30)

    private var isRefused = false
    private var deadline: Scheduled<Void>?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard Self.isClear(head) else { return refuse(context) }
            // A head without a body has its end in the same read: no timer for the many that have none.
            if head.headers.contains(name: "Content-Length") || head.headers.contains(name: "Transfer-Encoding") {
                let channel = context.channel
                deadline = context.eventLoop.scheduleTask(in: Self.bodyDeadline) { channel.close(promise: nil) }
            }
        case .end:
            deadline?.cancel()
            deadline = nil
        case .body: break
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    /// One Host, and a target that doesn't name another.
    private static func isClear(_ head: HTTPRequestHead) -> Bool {
        var hosts = 0
        for (name, _) in head.headers where name.utf8.count == 4 && name.lowercased() == "host" { hosts += 1 }
        guard hosts == 1 || (hosts == 0 && head.version.minor == 0) else { return false }
        guard head.uri.utf8.first != UInt8(ascii: "/"), head.uri != "*" else { return true }
        guard let start = head.uri.firstRange(of: "://") else { return false }
        let authority = head.uri[start.upperBound...].prefix { !"/?#".contains($0) }
        return authority.lowercased() == head.headers.first(name: "Host")?.lowercased()
    }

    private func refuse(_ context: ChannelHandlerContext) {
        isRefused = true
        let head = HTTPResponseHead(version: .http1_1, status: .badRequest, headers: ["Connection": "close", "Content-Length": "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
