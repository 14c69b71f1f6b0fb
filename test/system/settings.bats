#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# settings: coracle.conf, and compressed blobs that are kept because it says so.

load helpers
load registry

setup() {
	common_setup
	CONF=$HOME/.config/coracle/coracle.conf
	mkdir -p "${CONF%/*}"
}

teardown() {
	end_registries
	common_teardown
}

kept_blobs() {
	find "$ROOT/layers" -name blob -type f
}

# Its layers' digests, as files below the registry have them.
layers_of() { # repository:tag
	registry_manifest "$1" | jq -r '.layers[].digest'
}

@test "settings: the storage driver, which an option overrides" {
	printf '[storage]\ndriver = "vfs"\n' >"$CONF"
	load_image busybox
	coracle run --name one busybox true
	expect_equal "$(inspected one GraphDriver.Name)" vfs
	coracle --storage-driver overlay run --name two busybox true
	expect_equal "$(inspected two GraphDriver.Name)" overlay
	expect_equal "$(coracle info --format '{{.Store.GraphDriverName}}')" vfs
	coracle rm one two
}

@test "settings: the network program" {
	load_image busybox
	local program
	for program in pasta slirp4netns; do
		printf '[network]\nprogram = "%s"\n' $program >"$CONF"
		expect_equal "$(coracle info --format '{{.Host.NetworkProgram}}')" $program
		coracle run -d --name $program busybox sleep 1000
		expect_equal "$(inspected $program HostConfig.NetworkMode)" $program
		coracle rm -f -t 0 $program
	done
	expect_equal "$(coracle run --rm --network none busybox ls /sys/class/net)" lo
}

@test "settings: what is wrong is one line with file and line" {
	printf '[storage]\n# so\ndirver = "vfs"\n' >"$CONF"
	expect_error 125 "$CONF:3: unknown key \"dirver\"" coracle ps
	printf '[storage]\nkeep_compressed_blobs = 1\n' >"$CONF"
	expect_error 125 "$CONF:2: storage.keep_compressed_blobs: expected true or false" coracle images
	expect_error 125 "$T/none.conf" env CORACLE_CONF="$T/none.conf" "$T/coracle" ps
	printf '[network]\nprogram = "pasta"\n' >"$T/good.conf"
	CORACLE_CONF=$T/good.conf "$T/coracle" ps
}

@test "settings: a start without any reads nothing more than that there are none" {
	load_image busybox
	rm -r "${CONF%/*}"
	# The leak sanitizer cannot work where somebody else traces.
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -o "$T/trace" -e trace=openat,open "$T/coracle" run --rm --network none busybox true
	expect_equal "$(grep -c 'coracle\.conf' "$T/trace")" 1
	grep 'coracle\.conf' "$T/trace" | grep -q ENOENT
}

@test "kept blobs: none without the setting; with it, the manifest's digest is the same in a fresh registry" {
	start_registry
	local first=$REGISTRY first_dir=$REGISTRY_DIR
	seed_image busybox app:1
	coracle pull -q "$first/app:1"
	expect_equal "$(kept_blobs)" ""
	coracle rmi -f "$first/app:1"
	printf '[storage]\nkeep_compressed_blobs = true\n' >"$CONF"
	# Compressed as nobody else would.
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --dest-compress-format gzip --dest-compress-level 1 --dest-force-compress-format \
		"docker://$first/app:1" "docker://$first/app:2" 2>/dev/null || skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$first/app:1" "docker://$first/app:2"
	local digest layers
	digest=$(registry_digest app:2) layers=$(layers_of app:2)
	coracle pull -q "$first/app:2"
	expect_equal "$(kept_blobs | wc -l)" "$(wc -l <<<"$layers")"
	local blob
	for blob in $(kept_blobs); do
		expect_matches "$layers" "$(sha256sum "$blob" | cut -d' ' -f1)"
	done
	expect_equal "$(find "$ROOT/blobs" -type f)" ""
	start_registry
	[[ $REGISTRY != "$first" && $REGISTRY_DIR != "$first_dir" ]]
	coracle push -q "$first/app:2" "$REGISTRY/other:1"
	expect_equal "$(registry_digest other:1)" "$digest"
	# And through files.
	coracle save -q --format oci-archive -o "$T/app.tar" "$first/app:2"
	expect_equal "$(skopeo inspect --raw "oci-archive:$T/app.tar" | sha256sum | cut -d' ' -f1)" "${digest#sha256:}" ||
		expect_matches "$(registry_manifest app:2 | jq -r .mediaType)" docker
	coracle --root "$T/second" load -q -i "$T/app.tar"
	expect_equal "$(find "$T/second/layers" -name blob | wc -l)" "$(wc -l <<<"$layers")"
	coracle --root "$T/second" push -q "$first/app:2" "$REGISTRY/other:2"
	expect_equal "$(layers_of other:2)" "$layers"
	remove_tree "$T/second"
}

@test "kept blobs: counted, checked, let go of when they are damaged, and freed" {
	start_registry
	seed_image busybox app:1
	coracle pull -q "$REGISTRY/app:1"
	local without with blob size=0
	without=$(coracle system df --format json | jq '.[] | select(.Type == "Images") | .RawSize // .Size')
	coracle rmi -f "$REGISTRY/app:1"
	printf '[storage]\nkeep_compressed_blobs = true\n' >"$CONF"
	coracle pull -q "$REGISTRY/app:1"
	for blob in $(kept_blobs); do size=$((size + $(stat -c %s "$blob"))); done
	with=$(coracle system df --format json | jq '.[] | select(.Type == "Images") | .RawSize // .Size')
	expect_equal "$with" $((without + size))
	coracle system check
	blob=$(kept_blobs | head -n 1)
	printf X | dd of="$blob" conv=notrunc bs=1 seek=100 status=none
	# A push of what is damaged does without it.
	local good=$REGISTRY
	start_registry
	coracle push -q "$good/app:1" "$REGISTRY/app:1"
	skopeo inspect --tls-verify=false "docker://$REGISTRY/app:1" >/dev/null
	run coracle system check
	expect_matches "$output" 'blob: the kept blob has not got its digest'
	[[ $status -ne 0 ]]
	coracle system check --repair
	[[ ! -e $blob ]]
	coracle system check
	coracle run --rm --network none "$good/app:1" true
	coracle rmi -f "$good/app:1"
	expect_equal "$(find "$ROOT/layers" -mindepth 1)" ""
}
