#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# login, logout: credentials that coracle keeps, for itself and for podman and skopeo, and theirs.

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

AUTH=.config/containers/auth.json

@test "login keeps credentials that skopeo and podman use, and logout takes them away" {
	start_registry htpasswd
	expect_no skopeo list-tags --tls-verify=false "docker://$REGISTRY/app"
	run coracle login -u alice -p secret "$REGISTRY"
	expect_status 0
	expect_output "Login Succeeded!"
	[[ $(stat -c %a "$HOME/$AUTH") == 600 ]]
	expect_equal "$(jq -r ".auths[\"$REGISTRY\"].auth" "$HOME/$AUTH" | base64 -d)" alice:secret
	seed_image busybox app:1
	run skopeo list-tags --tls-verify=false "docker://$REGISTRY/app"
	expect_status 0
	run podman login --get-login "$REGISTRY"
	expect_output alice
	run coracle login --get-login "$REGISTRY"
	expect_output alice
	run coracle logout "$REGISTRY"
	expect_output "Removed login credentials for $REGISTRY"
	expect_error 125 "not logged into $REGISTRY" coracle login --get-login "$REGISTRY"
	expect_no skopeo list-tags --tls-verify=false "docker://$REGISTRY/app"
	expect_error 125 "not logged into $REGISTRY" coracle logout "$REGISTRY"
}

@test "a wrong password is refused, and nothing is kept" {
	start_registry htpasswd
	expect_error 125 "$REGISTRY: log in: not authorized" coracle login -u alice -p wrong "$REGISTRY"
	[[ ! -e $HOME/$AUTH ]]
	expect_error 125 "not authorized" coracle login -u nobody -p secret "$REGISTRY"
}

@test "podman's credentials are used, and changed where podman keeps them" {
	start_registry htpasswd
	XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR command podman --root "$T/podman/root" --runroot "$T/podman/run" login -u alice -p secret --tls-verify=false \
		--authfile "$XDG_RUNTIME_DIR/containers/auth.json" "$REGISTRY"
	run coracle login "$REGISTRY" </dev/null
	expect_status 0
	expect_match "Existing credentials are valid. Already logged in to $REGISTRY"
	make_user bob hidden
	run coracle login -v -u bob -p hidden "$REGISTRY"
	expect_match "Used: $XDG_RUNTIME_DIR/containers/auth.json"
	expect_equal "$(jq -r ".auths[\"$REGISTRY\"].auth" "$XDG_RUNTIME_DIR/containers/auth.json" | base64 -d)" bob:hidden
	[[ ! -e $HOME/$AUTH ]]
}

@test "--authfile and REGISTRY_AUTH_FILE name the file, and what else is in it stays" {
	start_registry htpasswd
	echo '{"auths":{"other.org":{"auth":"eDp5"}},"extra":{"a":[1,2]}}' >"$T/mine.json"
	coracle login --authfile "$T/mine.json" -u alice -p secret "$REGISTRY"
	expect_equal "$(jq -c '[.auths["other.org"].auth, .extra]' "$T/mine.json")" '["eDp5",{"a":[1,2]}]'
	[[ ! -e $HOME/$AUTH ]]
	run env REGISTRY_AUTH_FILE="$T/mine.json" "$T/coracle" login --get-login "$REGISTRY"
	expect_output alice
	run skopeo list-tags --authfile "$T/mine.json" --tls-verify=false "docker://$REGISTRY/none"
	expect_match "404 .Not Found"
	coracle logout --all --authfile "$T/mine.json"
	expect_equal "$(jq -c .auths "$T/mine.json")" '{}'
	echo '{"auths": nonsense}' >"$T/mine.json"
	expect_error 125 "mine.json: not valid JSON in line 1" coracle login --authfile "$T/mine.json" -u alice -p secret "$REGISTRY"
	expect_error 125 "none.json" coracle login --get-login --authfile "$T/none.json" "$REGISTRY"
}

@test "the password comes from standard input" {
	start_registry htpasswd
	run coracle login -u alice --password-stdin "$REGISTRY" <<<secret
	expect_status 0
	expect_error 125 "no password on standard input" coracle login -u alice --password-stdin "$REGISTRY" </dev/null
	expect_error 125 "contradict" coracle login -u alice -p x --password-stdin "$REGISTRY"
	expect_error 125 "only with --username" coracle login --password-stdin "$REGISTRY"
	coracle logout "$REGISTRY"
	expect_error 125 "no terminal" coracle login "$REGISTRY" </dev/null
}

@test "at a terminal it asks, and shows no password" {
	start_registry htpasswd
	run terminal expect='Username: ' send='alice\n' expect='Password: ' send='secret\n' end -- "$T/coracle" login "$REGISTRY"
	expect_status 0
	expect_match "Login Succeeded!"
	[[ $output != *secret* ]]
	# The name that is known is offered, and a bad one asked for again.
	make_user alice changed
	run terminal expect='Username \(alice\): ' send='\n' expect='Password: ' send='changed\n' end -- "$T/coracle" login "$REGISTRY"
	expect_status 0
	expect_match "Existing credentials are invalid"
	expect_match "Login Succeeded!"
}

@test "interrupted at the password, it leaves a terminal that echoes" {
	start_registry htpasswd
	run terminal expect='Password: ' send='\x03' sleep=0.3 end -- bash -c "trap : INT; stty -a | grep -o '[-]*echo\b'; '$T/coracle' login -u alice $REGISTRY; stty -a | grep -o '[-]*echo\b'"
	[[ $output != *-echo* ]]
	[[ ! -e $HOME/$AUTH ]]
	# Both times: before and after.
	expect_equal "$(tr -d '\r' <<<"$output" | grep -cx echo)" 2
}

@test "TLS: an authority in certs.d, one in --cert-dir, and none" {
	start_registry tls htpasswd
	expect_error 125 "certificate" coracle login -u alice -p secret "$REGISTRY"
	mkdir "$T/certificates"
	cp "$T/ca.crt" "$T/certificates/"
	run coracle login --cert-dir "$T/certificates" -u alice -p secret "$REGISTRY"
	expect_status 0
	coracle logout "$REGISTRY"
	run coracle login --tls-verify=false -u alice -p secret "$REGISTRY"
	expect_status 0
	trust_authority "$REGISTRY"
	run coracle login "$REGISTRY" </dev/null
	expect_status 0
	# It is somebody else's certificate under another name.
	local other=127.0.0.2:${REGISTRY#*:}
	trust_authority "$other"
	expect_error 125 "." coracle login -u alice -p secret "$other"
	expect_error 125 "there is no such directory" coracle login --cert-dir "$T/none" -u alice -p secret "$REGISTRY"
}

@test "TLS: our own certificate is shown to who wants one" {
	start_registry tls client-certificate htpasswd
	trust_authority "$REGISTRY"
	expect_error 125 "$REGISTRY: log in: " coracle login -u alice -p secret "$REGISTRY"
	trust_authority "$REGISTRY" "$T/client"
	run coracle login -u alice -p secret "$REGISTRY"
	expect_status 0
	rm "$HOME/.config/containers/certs.d/$REGISTRY/client.key"
	expect_error 125 "client.key, which belongs to it, is not" coracle login -u alice -p secret "$REGISTRY"
}

@test "plain HTTP is spoken only where registries.conf or --tls-verify=false allow it" {
	start_registry htpasswd
	coracle login -u alice -p secret "$REGISTRY"
	rm "$HOME/.config/containers/registries.conf"
	expect_error 125 "$REGISTRY: log in: " coracle login -u alice -p secret "$REGISTRY"
	run coracle login --tls-verify=false -u alice -p secret "$REGISTRY"
	expect_status 0
	make_insecure "$REGISTRY"
	expect_error 125 "$REGISTRY: log in: " coracle login --tls-verify -u alice -p secret "$REGISTRY"
}

@test "a token server is asked with name and password" {
	start_registry token
	run coracle login -u alice -p secret "$REGISTRY"
	expect_status 0
	grep -q '^GET /token?service=test-service&account=alice alice 200' "$REGISTRY_DIR/token.log"
	expect_error 125 "incorrect username or password" coracle login -u alice -p wrong "$REGISTRY"
}

@test "a helper keeps the credentials, for coracle and for podman" {
	start_registry htpasswd
	mkdir "$T/bin"
	cat >"$T/bin/docker-credential-drawer" <<-'H'
		#!/bin/sh
		input=$(cat)
		case $1 in
		store) echo "$input" >"$HOME/drawer" ;;
		get) cat "$HOME/drawer" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
		erase) rm "$HOME/drawer" ;;
		esac
	H
	chmod +x "$T/bin/docker-credential-drawer"
	export PATH=$T/bin:$PATH
	mkdir -p "$HOME/.config/containers"
	echo "{\"credHelpers\":{\"$REGISTRY\":\"drawer\"}}" >"$HOME/$AUTH"
	coracle login -u alice -p secret "$REGISTRY"
	expect_equal "$(jq -r .Secret "$HOME/drawer")" secret
	expect_no grep -q auths "$HOME/$AUTH"
	run coracle login --get-login "$REGISTRY"
	expect_output alice
	run podman login --get-login --authfile "$HOME/$AUTH" "$REGISTRY"
	expect_output alice
	coracle logout "$REGISTRY"
	[[ ! -e $HOME/drawer ]]
}

@test "credential-helpers of registries.conf: their order, for login, pull, push and logout, and podman goes the same way" {
	start_registry htpasswd
	mkdir "$T/bin"
	local name
	for name in one two; do
		cat >"$T/bin/docker-credential-$name" <<-H
			#!/bin/sh
			input=\$(cat)
			not_found() { echo 'credentials not found in native keychain'; exit 1; }
			case \$1 in
			store) echo "\$input" >"$T/$name" ;;
			get) cat "$T/$name" 2>/dev/null || not_found ;;
			erase) rm "$T/$name" 2>/dev/null || not_found ;;
			list) echo '{"$REGISTRY":"alice"}' ;;
			esac
		H
		chmod +x "$T/bin/docker-credential-$name"
	done
	export PATH=$T/bin:$PATH
	local conf=$HOME/.config/containers/registries.conf entry
	entry=$(<"$conf")
	helpers_are() { printf 'credential-helpers = [%s]\n%s\n' "$1" "$entry" >"$conf"; }
	# The first takes them; the files are not in the list.
	helpers_are '"one", "two"'
	run coracle login -v -u alice -p secret "$REGISTRY"
	expect_match "Used: docker-credential-one"
	expect_equal "$(jq -r '.Username + ":" + .Secret' "$T/one")" alice:secret
	[[ ! -e $T/two && ! -e $HOME/$AUTH && ! -e $XDG_RUNTIME_DIR/containers/auth.json ]]
	run podman login --get-login "$REGISTRY"
	expect_match alice
	load_image busybox
	coracle push -q busybox "$REGISTRY/team/app:1"
	coracle rmi -a -f
	coracle pull -q "$REGISTRY/team/app:1"
	expect_error 125 "keep credentials for whole registries" coracle login -u alice -p secret "$REGISTRY/team"
	# The second has them as well: what the first says goes first, and logout takes both.
	echo '{"ServerURL":"x","Username":"bob","Secret":"no"}' >"$T/two"
	run coracle login --get-login "$REGISTRY"
	expect_output alice
	helpers_are '"two", "one"'
	run coracle login --get-login "$REGISTRY"
	expect_output bob
	expect_error 125 "." coracle pull -q "$REGISTRY/team/app:1"
	coracle logout "$REGISTRY"
	[[ ! -e $T/one && ! -e $T/two ]]
	# The files have a name in the list.
	helpers_are '"containers-auth.json", "one"'
	run coracle login -v -u alice -p secret "$REGISTRY"
	expect_match "Used: $HOME/$AUTH"
	[[ ! -e $T/one ]]
	cp "$T/bin/docker-credential-one" "$T/bin/docker-credential-three"
	sed -i "s|$T/one|$T/three|" "$T/bin/docker-credential-three"
	echo '{"ServerURL":"x","Username":"carol","Secret":"no"}' >"$T/three"
	helpers_are '"three", "containers-auth.json"'
	run coracle login --get-login "$REGISTRY"
	expect_output carol
	coracle logout --all
	[[ ! -e $T/three ]]
	expect_equal "$(jq -c .auths "$HOME/$AUTH")" '{}'
	# One that is not there is passed over where another knows, and told of where none does.
	helpers_are '"nothere", "one"'
	coracle login -u alice -p secret "$REGISTRY"
	expect_equal "$(jq -r .Secret "$T/one")" secret
	coracle pull -q "$REGISTRY/team/app:1"
	rm "$T/one"
	expect_error 125 "docker-credential-nothere is not there" coracle login --get-login "$REGISTRY"
	helpers_are '"a/b"'
	expect_error 125 'registries.conf: credential-helpers: "a/b" is not the name of one' coracle login --get-login "$REGISTRY"
}

@test "two logins at once are both kept" {
	start_registry htpasswd
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		coracle login -u alice -p secret "$REGISTRY/team$i" >"$T/out.$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_equal "$(jq '.auths | length' "$HOME/$AUTH")" 8
}

@test "without a name docker.io is meant, or the first that is searched" {
	expect_error 125 "not logged into docker.io" coracle login --get-login
	mkdir -p "$HOME/.config/containers"
	echo 'unqualified-search-registries = ["one.example", "two.example"]' >"$HOME/.config/containers/registries.conf"
	expect_error 125 "not logged into one.example" coracle login --get-login
	printf '[[registry]]\nlocation = "one.example"\nblocked = true\n' >>"$HOME/.config/containers/registries.conf"
	expect_error 125 "one.example: the registry is blocked .*registries.conf:2" coracle login -u a -p b
	echo '[[registry' >>"$HOME/.config/containers/registries.conf"
	expect_error 125 "registries.conf:5: expected ]]" coracle login -u a -p b
}
