import HTTPTypes
import Hummingbird
import NIOCore

/// The files that pages load, from the binary itself.
struct AssetsWeb: Room {
    /// `#rrggbb` for buttons and links in the light scheme; nil for ours.
    let accent: String?

    var routes: [Route] {
        let accentRule = accent.map { ":root:not([data-theme=\"dark\"]) { --accent: \($0); --accent-strong: \($0); }\n" } ?? ""
        // Dark values come after the accent, so that it holds in the light scheme alone.
        let style = PackageResources.postern_css + Array(accentRule.utf8)
        return [
            file("/auth/assets/postern.css", "text/css; charset=utf-8", style),
            file("/auth/assets/postern-mark.svg", "image/svg+xml", PackageResources.postern_mark_svg),
            file("/auth/assets/postern.js", "text/javascript; charset=utf-8", PackageResources.postern_js),
            file("/auth/assets/history.js", "text/javascript; charset=utf-8", PackageResources.history_js),
            file("/auth/assets/strength.js", "text/javascript; charset=utf-8", PackageResources.strength_js),
            file("/auth/openapi.yaml", "application/yaml; charset=utf-8", PackageResources.openapi_yaml),
        ]
    }

    private func file(_ path: String, _ type: String, _ bytes: [UInt8]) -> Route {
        let body = ByteBuffer(bytes: bytes)
        return .plain(path) { _, _ in
            Response(
                status: .ok, headers: [.contentType: type, .cacheControl: "public, max-age=3600"], body: ResponseBody(byteBuffer: body))
        }
    }
}
