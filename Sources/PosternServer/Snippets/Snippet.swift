/// What a proxy must be told to put one app behind the gateway, from the settings as they are.
///
/// All of them hold the same: the gateway is asked about every request but those to `/auth/`, with the request as the client sent it; what
/// it answers replaces the client's own identity headers and `Authorization`; its cookies stay outside the app where the proxy can do that.
struct Snippet: Sendable {
    enum Proxy: String, CaseIterable, Sendable { case nginx, caddy, haproxy, traefik, envoy }

    let app: App
    /// Where the proxy finds Postern, `HOST:PORT`.
    let postern: String
    /// Where it finds the app, `HOST:PORT`.
    let upstream: String
    /// The names that our cookies have on an app's host.
    let cookies: [String]

    func text(for proxy: Proxy) -> String {
        switch proxy {
        case .nginx: nginx
        case .caddy: caddy
        case .haproxy: haproxy
        case .traefik: traefik
        case .envoy: envoy
        }
    }

    private var host: String { app.origin.authority }
    private var identity: [String] { Gateway.identityHeaders }
    /// The app must not see keys.
    private var keyHeaders: [String] { app.keyHeader.map { [$0] } ?? [] }
    /// Besides who is there: what is left of the client's own `Authorization`.
    private var handedOn: [String] { identity + ["Authorization"] }

    private var nginx: String {
        let headers = handedOn.map { name in
            let variable = "$postern_" + name.lowercased().replacing("remote-", with: "")
            let answer = "$upstream_http_" + name.lowercased().replacing("-", with: "_")
            return "        auth_request_set \(variable) \(answer); proxy_set_header \(name) \(variable);"
        }
        let keyHeader = app.keyHeader.map { "\n        proxy_set_header \($0) \"\";" } ?? ""
        // The app's own name, not what the client wrote into Host: another app's rules must not decide here.
        let asking = """
            proxy_set_header Host \(host); proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
            """
        let original = """
            proxy_set_header X-Original-URL $scheme://\(host)$request_uri; proxy_set_header X-Original-Method $request_method;
            """
        let suffix = app.name.replacing("-", with: "_")
        let names = cookies.enumerated().map { index, cookie in
            let from = index == 0 ? "$http_cookie" : "$postern_\(suffix)_\(index)"
            return
                "map \(from) $postern_\(suffix)_\(index + 1) { default \(from); \"~^(?<pa\(index)>(?:.*; )?)\(cookie)=[^;]*(?:; )?(?<pb\(index)>.*)$\" $pa\(index)$pb\(index); }"
        }
        let cookieLeft = "$postern_\(suffix)_\(cookies.count)"
        let listen =
            app.origin.isHTTPS
            ? [
                "    \(app.origin.port == 443 ? "listen 80; " : "")listen \(app.origin.port) ssl; ssl_certificate /etc/ssl/\(app.name).pem; ssl_certificate_key /etc/ssl/\(app.name).key;"
            ]
            : ["    listen \(app.origin.port);"]
        return """
            # \(app.name) at \(app.origin), for /etc/nginx/conf.d/\(app.name).conf. The app is at \(upstream).
            \(names.joined(separator: "\n"))
            upstream postern-\(app.name) { server \(postern); keepalive 32; }
            server {
            \(listen.joined(separator: "\n"))
                server_name \(app.origin.host);
                location /auth/ { proxy_pass http://\(postern); proxy_redirect off; proxy_set_header X-Original-URL ""; \(asking) }
                location ~ ^/auth/(forward|envoy) { return 404; }
                location = /auth/request {
                    internal; proxy_pass http://postern-\(app.name); proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffer_size 8k;
                    proxy_pass_request_body off; proxy_set_header Content-Length "";
                    \(asking)
                    \(original)
                }
                location @postern {
                    rewrite ^ /auth/begin? break; proxy_pass http://\(postern); proxy_redirect off; proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length "";
                    \(asking)
                    \(original)
                }
                location / {
                    auth_request /auth/request; error_page 401 403 500 = @postern;
            \(headers.joined(separator: "\n"))\(keyHeader)
                    proxy_set_header Cookie \(cookieLeft); \(asking)
                    proxy_pass http://\(upstream);
                }
            }

            """
    }

    private var caddy: String {
        """
        # \(app.name) at \(app.origin). The app is at \(upstream).
        \(app.origin.isHTTPS ? host : app.origin.description) {
        \t@app not path /auth/*
        \t@asked path /auth/request /auth/forward /auth/envoy*
        \trespond @asked 404
        \t@tunnel header_regexp Upgrade (?i)(^[^w]|,)
        \trespond @tunnel 400
        \treverse_proxy /auth/* \(postern)
        \tforward_auth @app \(postern) {
        \t\turi /auth/forward
        \t\tcopy_headers \(handedOn.joined(separator: " "))
        \t}
        \trequest_header @app Cookie "(^|; )(?:(?:\(cookies.joined(separator: "|")))=[^;]*(?:; |$))+" "$1"\(app.keyHeader.map { "\n\trequest_header @app -\($0)" } ?? "")
        \treverse_proxy \(upstream)
        }

        """
    }

    private var haproxy: String {
        let bind =
            app.origin.isHTTPS
            ? ["    bind :80", "    bind :443 ssl crt /etc/ssl/\(app.name).pem"] : ["    bind 127.0.0.1:\(app.origin.port)"]
        let cookieLines = cookies.map {
            "    http-request replace-header Cookie (^|.*;\\ *)\($0)=[^;]*(.*) \\1\\2 unless { path_beg /auth/ }"
        }
        return """
            # \(app.name) at \(app.origin). The app is at \(upstream). In 'global', once: lua-load /etc/haproxy/postern.lua
            # That file: postern snippet haproxy --app \(app.name) --lua
            frontend \(app.name)
                mode http
            \(bind.joined(separator: "\n"))
                http-request deny deny_status 421 unless { req.hdr(host),lower -m str \(host) }
                http-request deny if METH_CONNECT
                http-request del-header Upgrade unless { req.hdr(upgrade) -i websocket }
                http-request deny deny_status 404 if { path_beg /auth/request /auth/forward /auth/envoy }
                http-request set-header X-Forwarded-For %[src]
                http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
                http-request lua.postern \(postern) unless { path_beg /auth/ }
            \(cookieLines.joined(separator: "\n"))\(app.keyHeader.map { "\n    http-request del-header \($0) unless { path_beg /auth/ }" } ?? "")
                use_backend \(app.name)-postern if { path_beg /auth/ }
                default_backend \(app.name)-app
            backend \(app.name)-postern
                mode http
                server postern \(postern)
            backend \(app.name)-app
                mode http
                server app \(upstream)

            """
    }

    /// For HAProxy: asks, and hands every other answer than 200 to the browser as it is.
    static let lua = """
        -- Asks Postern about a request before HAProxy passes it on: http-request lua.postern HOST:PORT
        local handed_on = { \(( Gateway.identityHeaders + ["Authorization"]).map { "\"\($0.lowercased())\"" }.joined(separator: ", ")) }
        local kept_back = { ["content-length"] = true, ["transfer-encoding"] = true, ["connection"] = true, ["expect"] = true, ["upgrade"] = true }
        local function ask(txn, postern)
            local question, headers = {}, txn.http:req_get_headers()
            for name, values in pairs(headers) do
                if not kept_back[name] then
                    question[name] = {}
                    for i = 0, #values do table.insert(question[name], values[i]) end
                end
            end
            question["x-forwarded-method"] = { txn.f:method() }
            question["x-forwarded-proto"] = { headers["x-forwarded-proto"][0] }
            question["x-forwarded-host"] = { headers["host"] and headers["host"][0] or "" }
            question["x-forwarded-uri"] = { txn.f:pathq() }
            local answer = core.httpclient():get { url = "http://" .. postern .. "/auth/forward", headers = question, timeout = 5000 }
            local given = answer.headers or {}
            if answer.status == 200 then
                for _, name in ipairs(handed_on) do
                    txn.http:req_del_header(name)
                    if given[name] and given[name][0] ~= "" then txn.http:req_set_header(name, given[name][0]) end
                end
                return
            end
            local reply = txn:reply { status = (answer.status and answer.status > 0) and answer.status or 503 }
            for _, name in ipairs({ "location", "content-type", "cache-control", "content-security-policy", "retry-after", "www-authenticate" }) do
                if given[name] then reply:add_header(name, given[name][0]) end
            end
            reply:set_body(answer.body or "")
            txn:done(reply)
        end
        core.register_action("postern", { "http-req" }, ask, 1)

        """

    private var traefik: String {
        """
        # \(app.name) at \(app.origin), as a file of Traefik's dynamic configuration. The app is at \(upstream). Traefik can't take a cookie
        # out: the app sees ours, which are good for the gateway on this host alone.
        http:
          middlewares:
            postern: { forwardAuth: { address: "http://\(postern)/auth/forward", authResponseHeaders: [\((handedOn + keyHeaders).joined(separator: ", "))] } }
          routers:
            \(app.name): { rule: "Host(`\(app.origin.host)`) && !PathPrefix(`/auth/`)", middlewares: [postern], service: \(app.name) }
            \(app.name)-auth: { rule: "Host(`\(app.origin.host)`) && PathPrefix(`/auth/`) && !PathPrefix(`/auth/request`) && !PathPrefix(`/auth/forward`) && !PathPrefix(`/auth/envoy`)", service: postern }
          services:
            \(app.name): { loadBalancer: { servers: [{ url: "http://\(upstream)" }] } }
            postern: { loadBalancer: { servers: [{ url: "http://\(postern)" }] } }

        """
    }

    private var envoy: String {
        let patterns = { (names: [String]) in names.map { "{ exact: \($0.lowercased()) }" }.joined(separator: ", ") }
        let (posternHost, posternPort) = Self.split(postern)
        let (appHost, appPort) = Self.split(upstream)
        let cluster = { (name: String, host: String, port: String) in
            """
                - { name: \(name), type: STRICT_DNS, load_assignment: { cluster_name: \(name), endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: \(host), port_value: \(port) } } } }] }] } }
            """
        }
        return """
            # \(app.name) at \(app.origin). The app is at \(upstream). Envoy takes identity headers away, refuses names with an underscore, and
            # shows Postern every other name that begins with 'remote': aliases are refused there. TLS is yours to add.
            static_resources:
              listeners:
                - address: { socket_address: { address: 0.0.0.0, port_value: \(app.origin.port) } }
                  filter_chains:
                    - filters:
                        - name: envoy.filters.network.http_connection_manager
                          typed_config:
                            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                            stat_prefix: \(app.name)
                            use_remote_address: true
                            common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST }
                            path_with_escaped_slashes_action: REJECT_REQUEST
                            early_header_mutation_extensions:
                              - name: postern
                                typed_config:
                                  "@type": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
                                  mutations: [\(identity.map { "{ remove: \($0.lowercased()) }" }.joined(separator: ", "))]
                            route_config:
                              virtual_hosts:
                                - name: \(app.name)
                                  domains: ["\(host)"]\(app.keyHeader.map { "\n                      request_headers_to_remove: [\($0.lowercased())]" } ?? "")
                                  routes:
                                    - match: { safe_regex: { regex: "/auth/(request|forward|envoy).*" } }
                                      direct_response: { status: 404 }
                                      typed_per_filter_config: { envoy.filters.http.ext_authz: { "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: true } }
                                    - match: { prefix: "/auth/" }
                                      route: { cluster: postern }
                                      typed_per_filter_config: { envoy.filters.http.ext_authz: { "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: true } }
                                    - match: { prefix: "/" }
                                      route: { cluster: \(app.name) }
                            http_filters:
                              - name: envoy.filters.http.ext_authz
                                typed_config:
                                  "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
                                  failure_mode_allow: false
                                  http_service:
                                    server_uri: { uri: "http://\(postern)", cluster: postern, timeout: 5s }
                                    path_prefix: /auth/envoy
                                    authorization_request: { allowed_headers: { patterns: [\(patterns(["cookie", "authorization", "accept", "user-agent", "sec-fetch-mode", "postern-check", "x-forwarded-for", "x-forwarded-proto"] + keyHeaders)), { prefix: remote, ignore_case: true }] } }
                                    authorization_response: { allowed_upstream_headers: { patterns: [\(patterns(handedOn))] }, allowed_client_headers: { patterns: [\(patterns(["location", "content-type", "content-security-policy", "cache-control", "www-authenticate", "retry-after"]))] } }
                              - { name: envoy.filters.http.router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }
              clusters:
            \(cluster("postern", posternHost, posternPort))
            \(cluster(app.name, appHost, appPort))

            """
    }

    private static func split(_ address: String) -> (host: String, port: String) {
        guard let parts = PublicURL.split(address), let port = parts.port else { return (address, "80") }
        return (parts.host, "\(port)")
    }
}
