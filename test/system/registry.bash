# SPDX-License-Identifier: Apache-2.0
# registry.bash: registries for a test, on loopback: Debian's docker-registry, plain or with TLS, passwords and tokens, and a proxy that is faulty on purpose.
#
#	load helpers
#	load registry
#	setup() { common_setup; start_registry; }
#	teardown() { end_registries; common_teardown; }
#	@test "…" { seed_image busybox app:1; coracle pull "$REGISTRY/app:1"; }
#
# start_registry KIND… sets REGISTRY ("127.0.0.1:PORT") and REGISTRY_DIR (its files: registry.log, data/). Without a kind it speaks plain HTTP and lets everybody do
# everything; every plain one is entered as insecure into the test's registries.conf, which coracle, podman and skopeo read. Kinds can be combined:
#
#	tls                    with a certificate of the test's own authority, $T/ca.crt; it is called localhost:PORT then
#	client-certificate     and only for those who show one of that authority: $T/client.cert, $T/client.key
#	htpasswd               for "alice" with the password "secret" (make_user adds others)
#	token                  the same by tokens, of a token server whose log is $REGISTRY_DIR/token.log
#
# start_faulty_proxy [HOST:PORT] stands in front of $REGISTRY, and sets PROXY ("127.0.0.1:PORT"); `fault TIMES METHOD REGEX FAULT [ARGUMENT]` (see faulty-proxy.py)
# adds a fault, `faults_end` takes all away, and $PROXY_LOG has a line for each request. A second proxy of a test has its own rules and log; `fault` means the last one.
#
# All of it dies with the test's shell, however that ends.

REGISTRY_PIDS=()

# in_background LOG COMMAND…: it dies with this shell.
in_background() {
	local log=$1
	shift
	setpriv --pdeathsig KILL "$@" >"$log" 2>&1 3>&- &
	REGISTRY_PIDS+=($!)
}

end_registries() {
	local pid
	for pid in "${REGISTRY_PIDS[@]}"; do
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	REGISTRY_PIDS=()
}

# ---- certificates and users ----

# $T/ca.crt and ca.key.
make_authority() {
	[[ ! -e $T/ca.crt ]] || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Test Authority' \
		-keyout "$T/ca.key" -out "$T/ca.crt" 2>/dev/null
}

# make_certificate BASE: BASE.cert and BASE.key, for a server on loopback and for clients alike.
make_certificate() {
	make_authority
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' -keyout "$1.key" -out "$1.request" 2>/dev/null
	openssl x509 -req -in "$1.request" -CA "$T/ca.crt" -CAkey "$T/ca.key" -CAcreateserial -days 2 -out "$1.cert" 2>/dev/null \
		-extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth,clientAuth\n')
}

# make_user NAME PASSWORD: for the last registry that was started.
make_user() {
	htpasswd -Bb -C 4 "$REGISTRY_DIR/htpasswd" "$1" "$2" 2>/dev/null
	echo "$1:$2" >>"$REGISTRY_DIR/users"
}

# trust_authority HOST:PORT [BASE]: the test's authority belongs into the user's certs.d; with BASE its .cert and .key, too.
trust_authority() {
	local dir=$HOME/.config/containers/certs.d/$1
	mkdir -p "$dir"
	cp "$T/ca.crt" "$dir/ca.crt"
	[[ $# -lt 2 ]] || cp "$2.cert" "$2.key" "$dir/"
}

# Plain HTTP will do for this registry.
make_insecure() { # host:port
	mkdir -p "$HOME/.config/containers"
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$1" >>"$HOME/.config/containers/registries.conf"
}

# ---- registries ----

is_kind() { # wanted kind…
	local wanted=$1
	shift
	[[ " $* " == *" $wanted "* ]]
}

start_registry() { # kind…
	REGISTRY_DIR=$(mktemp -d "$T/registry.XXXXXX")
	mkdir "$REGISTRY_DIR/data"
	: >"$REGISTRY_DIR/users"
	touch "$REGISTRY_DIR/htpasswd"
	make_user alice secret
	if is_kind tls "$@"; then make_certificate "$REGISTRY_DIR/server"; fi
	if is_kind client-certificate "$@"; then make_certificate "$T/client"; fi
	if is_kind token "$@"; then start_token_server; fi
	registry_config "$@" >"$REGISTRY_DIR/config.yml"
	OTEL_TRACES_EXPORTER=none in_background "$REGISTRY_DIR/registry.log" docker-registry serve "$REGISTRY_DIR/config.yml"
	wait_until 20 grep -q 'listening on' "$REGISTRY_DIR/registry.log" || {
		cat "$REGISTRY_DIR/registry.log"
		return 1
	}
	local port
	port=$(sed -n 's/.*listening on [^ "]*:\([0-9]*\).*/\1/p' "$REGISTRY_DIR/registry.log" | head -n 1)
	REGISTRY=127.0.0.1:$port
	if is_kind tls "$@"; then REGISTRY=localhost:$port; else make_insecure "$REGISTRY"; fi
}

registry_config() { # kind…
	cat <<-C
		version: 0.1
		log: {level: info, accesslog: {disabled: false}}
		storage: {filesystem: {rootdirectory: $REGISTRY_DIR/data}, delete: {enabled: true}}
		http:
		  addr: 127.0.0.1:0
	C
	if is_kind tls "$@"; then
		echo "  tls:"
		echo "    certificate: $REGISTRY_DIR/server.cert"
		echo "    key: $REGISTRY_DIR/server.key"
		if is_kind client-certificate "$@"; then echo "    clientcas: [$T/ca.crt]"; fi
	fi
	if is_kind htpasswd "$@"; then echo "auth: {htpasswd: {realm: test, path: $REGISTRY_DIR/htpasswd}}"; fi
	if is_kind token "$@"; then
		echo "auth: {token: {realm: 'http://127.0.0.1:$TOKEN_PORT/token', service: test-service, issuer: test-issuer, rootcertbundle: $REGISTRY_DIR/token.cert}}"
	fi
}

port_of() { # file
	wait_until 20 grep -qx '[0-9]\+' "$1"
	grep -xm 1 '[0-9]\+' "$1"
}

start_token_server() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Token Signer' -keyout "$REGISTRY_DIR/token.key" -out "$REGISTRY_DIR/token.cert" 2>/dev/null
	in_background "$REGISTRY_DIR/token.log" python3 "$BATS_TEST_DIRNAME/token-server.py" "$REGISTRY_DIR/token.key" "$REGISTRY_DIR/token.cert" \
		"$REGISTRY_DIR/users"
	TOKEN_PORT=$(port_of "$REGISTRY_DIR/token.log")
}

start_faulty_proxy() { # [host:port]
	PROXY_DIR=$(mktemp -d "$T/proxy.XXXXXX")
	PROXY_LOG=$PROXY_DIR/requests
	: >"$PROXY_DIR/rules"
	: >"$PROXY_LOG"
	in_background "$PROXY_DIR/port" python3 "$BATS_TEST_DIRNAME/faulty-proxy.py" "${1-$REGISTRY}" "$PROXY_DIR/rules" "$PROXY_LOG"
	PROXY=127.0.0.1:$(port_of "$PROXY_DIR/port")
	make_insecure "$PROXY"
}

# Quote what has blanks or stars in it.
fault() { # times method regex fault [argument]
	echo "$@" >>"$PROXY_DIR/rules"
}

faults_end() {
	: >"$PROXY_DIR/rules"
}

# How many requests in the proxy's log match the pattern.
requests() { # pattern
	local before=-1 now
	# The proxy writes its line when it is through with a request; the client may be so a little sooner.
	while now=$(wc -l <"$PROXY_LOG") && [[ $now != "$before" ]]; do
		before=$now
		sleep 0.2
	done
	grep -c -- "$1" "$PROXY_LOG" || true
}

# ---- content ----

# seed_image NAME REPOSITORY:TAG [skopeo's options…]: brings one of the test images into the registry (as "alice", if it asks).
seed_image() {
	local name=$1 to=$2
	shift 2
	# Unpacked here: skopeo would give the files their owners.
	[[ -d $T/seed/$name ]] || {
		mkdir -p "$T/seed/$name"
		tar -x --no-same-owner -f "$CORACLE_TEST_CACHE/$name.tar" -C "$T/seed/$name"
	}
	skopeo --insecure-policy copy -q --dest-tls-verify=false --dest-creds alice:secret "$@" "oci:$T/seed/$name" "docker://$REGISTRY/$to"
}

# The digest of a manifest, and the manifest, as the registry has them.
registry_digest() { # repository:tag
	skopeo inspect --tls-verify=false --creds alice:secret --format '{{.Digest}}' "docker://$REGISTRY/$1"
}

registry_manifest() { # repository:tag
	skopeo inspect --tls-verify=false --creds alice:secret --raw "docker://$REGISTRY/$1"
}

# blob_file DIGEST: where the registry keeps the bytes of a blob.
blob_file() {
	local hex=${1#sha256:}
	echo "$REGISTRY_DIR/data/docker/registry/v2/blobs/sha256/${hex:0:2}/$hex/data"
}
