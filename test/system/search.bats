#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# search: what registries find, and tags; and the registry client against one that is faulty.

load helpers
load registry

setup() {
	common_setup
	export XDG_RUNTIME_DIR=$T/session
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	unset REGISTRY_AUTH_FILE DOCKER_CONFIG
}

teardown() {
	end_registries
	common_teardown
}

@test "search lists the names that a registry has" {
	start_registry
	seed_image busybox web/front:1
	seed_image busybox web/back:1
	seed_image busybox tool:1
	run coracle search "$REGISTRY/web"
	expect_status 0
	expect_equal "$(awk 'NF {print $1}' <<<"$output")" "NAME"$'\n'"$REGISTRY/web/back"$'\n'"$REGISTRY/web/front"
	run coracle search --limit 1 --format '{{.Index}} {{.Name}} {{.Stars}}' "$REGISTRY/web"
	expect_output "$REGISTRY $REGISTRY/web/back 0"
	run coracle search --format json "$REGISTRY/"
	expect_equal "$(jq -r '.[].Name' <<<"$output" | wc -l)" 3
	# Without a host, where registries.conf says; one that cannot be reached hides nothing.
	sed -i "1i unqualified-search-registries = [\"127.0.0.1:9\", \"$REGISTRY\"]" "$HOME/.config/containers/registries.conf"
	run --separate-stderr coracle search --format '{{.Name}}' tool
	expect_status 0
	expect_output "$REGISTRY/tool"
	expect_matches "$stderr" "127.0.0.1:9: "
	run coracle search --filter stars=1 --format '{{.Name}}' tool
	expect_no grep -q tool <<<"$output"
	expect_error 125 "is-official=, is-automated= or stars=" coracle search --filter colour=red tool
	expect_error 125 "limit" coracle search --limit 0 tool
}

# serve_json NAME: a server in the background whose answers are what answer(path, query), Python from standard input, returns; None: not found. Its port: port_of "$T/NAME.port".
serve_json() {
	{
		cat
		cat <<-'P'
			import http.server, json, urllib.parse
			class Handler(http.server.BaseHTTPRequestHandler):
			    def do_GET(self):
			        url = urllib.parse.urlsplit(self.path)
			        found = answer(url.path, urllib.parse.parse_qs(url.query))
			        body = json.dumps(found if found is not None else {}).encode()
			        self.send_response(404 if found is None else 200)
			        self.send_header("Content-Length", str(len(body)))
			        self.end_headers()
			        self.wfile.write(body)
			    def log_message(self, *arguments):
			        pass
			server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
			print(server.server_address[1], flush=True)
			server.serve_forever()
		P
	} >"$T/$1.py"
	in_background "$T/$1.port" python3 "$T/$1.py"
}

# What Docker Hub answers with, from a server of the test's own.
serve_index() {
	serve_json index <<-'P'
		def answer(path, query):
		    page, n = int(query.get("page", ["1"])[0]), int(query.get("n", ["25"])[0])
		    every = [{"name": "nginx", "description": "Official build of Nginx, and a description that goes on and on for long", "star_count": 20000,
		              "is_official": True, "is_automated": False}] + \
		            [{"name": "user%d/nginx" % i, "description": "\x1b[31mred\n", "star_count": i, "is_official": False, "is_automated": i == 7} for i in range(150)]
		    return {"num_pages": -(-len(every) // n), "page": page, "results": every[(page - 1) * n:page * n]}
	P
	INDEX=127.0.0.1:$(port_of "$T/index.port")
	make_insecure "$INDEX"
}

@test "search shows what an index says: stars, what is official, descriptions" {
	serve_index
	run coracle search --compatible --limit 2 "$INDEX/nginx"
	expect_status 0
	expect_matches "${lines[0]}" "^NAME +DESCRIPTION +STARS +OFFICIAL +AUTOMATED"
	expect_matches "${lines[1]}" "^$INDEX/nginx +Official build of Nginx, and a description t\.\.\. +20000 +\[OK\]"
	[[ ${#lines[@]} == 3 && $output != *$'\e'* ]]
	run coracle search --no-trunc "$INDEX/nginx"
	expect_match "goes on and on for long"
	run coracle search --limit 140 --format '{{.Name}}' "$INDEX/nginx"
	expect_equal "$(sort -u <<<"$output" | wc -l)" 140
	run coracle search --filter is-official=true --format '{{.Name}} {{.Official}}' "$INDEX/nginx"
	expect_output "$INDEX/nginx [OK]"
	run coracle search --filter is-automated --filter is-official=false --format '{{.Name}}' "$INDEX/nginx"
	expect_output "$INDEX/user7/nginx"
	run coracle search --limit 200 --filter stars=149 --format '{{.Stars}}' "$INDEX/nginx"
	expect_output $'20000\n149'
}

@test "--list-tags lists the tags of a repository" {
	start_registry htpasswd
	local tag
	for tag in a b c; do seed_image busybox "app:$tag"; done
	expect_error 125 "not authorized" coracle search --list-tags "$REGISTRY/app"
	coracle login -u alice -p secret "$REGISTRY"
	run coracle search --list-tags --format '{{.Name}}:{{.Tag}}' "$REGISTRY/app"
	expect_equal "$(sort <<<"$output")" "$REGISTRY/app:a"$'\n'"$REGISTRY/app:b"$'\n'"$REGISTRY/app:c"
	run coracle search --list-tags --limit 2 "$REGISTRY/app"
	expect_equal "${#lines[@]}" 3
	run coracle search --list-tags --format json "$REGISTRY/app"
	expect_equal "$(jq -c '.[0].Tags | sort' <<<"$output")" '["a","b","c"]'
	expect_error 125 "not found" coracle search --list-tags "$REGISTRY/none"
}

@test "what is neither a name nor a tag is not listed" {
	serve_json hostile <<-'P'
		def answer(path, query):
		    return {"/v2/_catalog": {"repositories": ["app\x1b[2J", "app\nlocalhost/other", "app/good"]},
		            "/v2/app/tags/list": {"name": "app", "tags": ["1\x1b]0;title\x07", "2\n3", "good"]}}.get(path)
	P
	local hostile
	hostile=127.0.0.1:$(port_of "$T/hostile.port")
	make_insecure "$hostile"
	expect_equal "$(coracle search --format '{{.Name}}' "$hostile/app")" "$hostile/app/good"
	expect_equal "$(coracle search --list-tags --format '{{.Tag}}' "$hostile/app")" good
}

@test "tokens are asked for each repository, once, and for nobody where the registry lets everybody" {
	start_registry token
	seed_image busybox public/app:1
	seed_image busybox private/app:1
	run coracle search --list-tags --format '{{.Tag}}' "$REGISTRY/public/app"
	expect_output 1
	expect_error 125 "$REGISTRY: list the tags of private/app: not authorized" coracle search --list-tags "$REGISTRY/private/app"
	coracle login -u alice -p secret "$REGISTRY"
	: >"$REGISTRY_DIR/token.log"
	run coracle search --list-tags --format '{{.Tag}}' "$REGISTRY/private/app"
	expect_output 1
	expect_equal "$(cut -d ' ' -f 1-3 "$REGISTRY_DIR/token.log" | tr -d '\0')" "GET /token?service=test-service&scope=repository%3Aprivate%2Fapp%3Apull&account=alice alice"
	# An identity token, as docker keeps one.
	echo "{\"auths\":{\"$REGISTRY\":{\"identitytoken\":\"refresh-alice\"}}}" >"$T/identity.json"
	run coracle search --authfile "$T/identity.json" --list-tags --format '{{.Tag}}' "$REGISTRY/private/app"
	expect_output 1
	echo "{\"auths\":{\"$REGISTRY\":{\"identitytoken\":\"refresh-nobody\"}}}" >"$T/identity.json"
	expect_error 125 "the refresh token is not valid" coracle search --authfile "$T/identity.json" --list-tags "$REGISTRY/private/app"
}

@test "what fails for a moment is tried again, when the registry says" {
	start_registry
	seed_image busybox app:1
	start_faulty_proxy
	fault 1 GET tags/list status 503/1
	fault 1 GET tags/list status 429/1
	fault 1 GET tags/list cut 5
	run coracle search --list-tags --format '{{.Tag}}' "$PROXY/app"
	expect_output 1
	expect_equal "$(requests tags/list)" 4
	faults_end
	fault '*' GET tags/list status 404
	expect_error 125 "not found" coracle search --list-tags "$PROXY/app"
	expect_equal "$(requests tags/list)" 5
}

@test "credentials do not follow a redirect to another host" {
	start_registry htpasswd
	seed_image busybox app:1
	coracle login -u alice -p secret "$REGISTRY"
	start_faulty_proxy
	local other=$PROXY other_log=$PROXY_LOG
	start_faulty_proxy
	jq ".auths[\"$PROXY\"] = .auths[\"$REGISTRY\"]" "$HOME/.config/containers/auth.json" >"$T/auth.json"
	fault '*' GET tags/list redirect "http://$other"
	expect_error 125 "not authorized" coracle search --authfile "$T/auth.json" --list-tags "$PROXY/app"
	grep -q 'GET /v2/app/tags/list redirect .*auth=' "$PROXY_LOG"
	grep -q 'GET /v2/app/tags/list' "$other_log"
	expect_no grep -q auth=Basic "$other_log"
	faults_end
	run coracle search --authfile "$T/auth.json" --list-tags --format '{{.Tag}}' "$PROXY/app"
	expect_output 1
	grep -q auth=Basic "$PROXY_LOG"
}
