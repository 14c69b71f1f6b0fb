#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# load: archives as real tools make them, what is wrong with archives, and what is in the store afterwards.

load helpers

podman_save() { # format out name…
	local format=$1 out=$2
	shift 2
	podman save -q --format "$format" -o "$out" "$@"
}

podman_import() { # name
	podman import -q "$CORACLE_TEST_CACHE/busybox.rootfs.tar" "$1" >/dev/null
}

# All below a layer's directory: path, type, mode, owner, size, link. In the user namespace, so that owners are a container's.
describe() { # directory
	unshare --map-root-user --map-auto find "$1" -mindepth 1 -printf '%P %y %m %U:%G %l %T@\n' | sort
}

layer_of() { # name of the image's ref file
	local id
	id=$(sed 's/.* sha256://' "$ROOT/refs/$1")
	jq -r '.rootfs.diff_ids[0]' "$ROOT/images/$id/config" | cut -d: -f2
}

@test "an OCI archive from standard input; the tree is what tar makes of it, owners included" {
	run coracle load -q <"$CORACLE_TEST_CACHE/busybox.tar"
	expect_status 0
	expect_match '^Loaded image: localhost/busybox:latest$'
	local layer
	layer=$(layer_of localhost/busybox/:latest)
	mkdir "$T/reference"
	unshare --map-root-user --map-auto tar -C "$T/reference" -xpf "$CORACLE_TEST_CACHE/busybox.rootfs.tar"
	diff <(describe "$T/reference") <(describe "$ROOT/layers/$layer/diff")
	[[ $(describe "$ROOT/layers/$layer/diff" | grep -c '1000:1000') -ge 1 ]]
	unshare --map-root-user --map-auto diff -r --no-dereference "$T/reference" "$ROOT/layers/$layer/diff"
	unshare --map-root-user --map-auto rm -rf "$T/reference"
}

@test "what podman saves, in each of its formats, and several images in one archive" {
	podman_import example.com/one:1
	podman tag example.com/one:1 localhost/two
	podman_save docker-archive "$T/docker.tar" example.com/one:1
	podman_save oci-archive "$T/oci.tar" example.com/one:1
	podman_save oci-dir "$T/layout" example.com/one:1
	podman save -q -m -o "$T/both.tar" example.com/one:1 localhost/two
	local archive
	for archive in docker.tar oci.tar layout; do
		run coracle load -q -i "$T/$archive"
		expect_status 0
		expect_output 'Loaded image: example.com/one:1'
	done
	run coracle load -q -i "$T/both.tar"
	expect_status 0
	expect_match 'Loaded image: example.com/one:1'
	expect_match 'Loaded image: localhost/two:latest'
	# All have the same layer: it is there once.
	[[ $(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l) == 1 ]]
}

@test "an archive compressed as a whole, with each compression, from a file and through a pipe" {
	local tool
	for tool in gzip zstd xz bzip2; do
		"$tool" -c "$BUILD/hello.tar" >"$T/hello.$tool"
		run coracle load -q -i "$T/hello.$tool"
		expect_status 0
		expect_output 'Loaded image: localhost/hello:latest'
		run coracle load -q < <(cat "$T/hello.$tool")
		expect_status 0
		expect_output 'Loaded image: localhost/hello:latest'
	done
}

@test "what is not an archive, or not of images, is refused in one line, and nothing is left" {
	echo nothing of the kind >"$T/text"
	tar -C "$T" -cf "$T/other.tar" text
	mkdir "$T/empty"
	local input words
	while read -r input words; do
		run coracle load -q -i "$T/$input"
		expect_status 125
		expect_match "^Error: .*$words"
		[[ ${#lines[@]} == 1 ]]
	done <<-L
		text not a tar archive
		other.tar not an archive of images
		empty not an archive of images
		missing No such file
	L
	expect_no_images
}

@test "truncated and damaged archives are refused and leave nothing" {
	local size part
	size=$(stat -c %s "$CORACLE_TEST_CACHE/busybox.tar")
	for part in 3 50 90; do
		head -c $((size * part / 100)) "$CORACLE_TEST_CACHE/busybox.tar" >"$T/cut.tar"
		run coracle load -q -i "$T/cut.tar"
		expect_status 125
		expect_match '^Error: .*truncated'
		run coracle load -q < <(cat "$T/cut.tar")
		expect_status 125
		expect_match '^Error: .*truncated'
	done
	mkdir "$T/layout"
	tar -C "$T/layout" -xf "$CORACLE_TEST_CACHE/busybox.tar"
	local blob
	blob=$(find "$T/layout/blobs" -type f -size +100k)
	chmod u+w "$blob"
	printf X | dd of="$blob" bs=1 seek=90000 conv=notrunc status=none
	run coracle load -q -i "$T/layout"
	expect_status 125
	expect_match '^Error: .*(digest|damaged)'
	expect_no_images
}

@test "a full disk is named, and nothing half made is left" {
	mkdir "$T/small"
	export -f wait_for_trash
	run unshare --map-root-user --map-auto --mount bash -c '
		mount -t tmpfs -o size=600k tmpfs "$1/small" || exit 99
		"$2/coracle" --root "$1/small/root" --runroot "$1/run" load -i "$3"
		status=$?
		wait_for_trash "$1/small/root"
		find "$1"/small/root/{images,layers,refs,tmp,trash} -mindepth 1
		exit $status
	' - "$T" "$BUILD" "$BUILD/hello.tar"
	expect_status 125
	expect_match '^Error: .*No space left on device$'
}

@test "two loads at once keep the layer once" {
	local i pids=()
	for i in 1 2 3 4; do
		coracle load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >"$T/out.$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	[[ $(cat "$T"/out.* | sort -u) == 'Loaded image: localhost/busybox:latest' ]]
	[[ $(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l) == 1 ]]
	expect_equal "$(staged)" ""
}

@test "nobody waits for a load: images are removed meanwhile; a layer that it had found there is brought again" {
	local pid before
	coracle load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
	coracle run --name maker busybox dd if=/dev/urandom of=/big bs=1M count=60 2>/dev/null
	coracle commit -q maker two >/dev/null
	coracle save -q -o "$T/two.tar" two
	coracle rm maker >/dev/null
	coracle rmi two >/dev/null
	setsid "$T/coracle" load -q -i "$T/two.tar" >"$T/out" 2>&1 3>&- &
	pid=$!
	wait_until 20 is_unpacking
	kill -STOP -- -$pid
	before=$(find "$ROOT/layers" -mindepth 1 -maxdepth 1)
	timeout 10 "$T/coracle" rmi busybox >/dev/null
	[[ -n $before && -z $(find "$ROOT/layers" -mindepth 1) ]]
	kill -CONT -- -$pid
	wait $pid || { cat "$T/out"; false; }
	expect_equal "$(coracle run --rm two stat -c %s /big)" "$((60 << 20))"
	expect_equal "$(staged)" ""
}

is_unpacking() {
	[[ -n $(find "$ROOT/tmp" -name big -size +0 2>/dev/null) ]]
}

@test "a load that is killed leaves nothing that stays" {
	mkfifo "$T/pipe"
	"$BUILD/coracle" --root "$ROOT" --runroot "$RUNROOT" load -i "$T/pipe" &
	local pid=$!
	exec 7>"$T/pipe"
	head -c 500000 "$CORACLE_TEST_CACHE/busybox.tar" >&7
	kill -9 "$pid"
	wait "$pid" || true
	exec 7>&-
	load_image busybox
	run find "$ROOT/layers" -mindepth 1 -maxdepth 1
	[[ ${#lines[@]} == 1 ]]
	wait_until 10 nothing_staged
}

# The archive, of which all but the beginning comes after more than a second.
slowly() { # archive
	head -c 65536 "$1"
	sleep 1.2
	tail -c +65537 "$1"
}

@test "what takes over a second shows how far it is: bars on a terminal" {
	declare -f slowly >"$T/functions"
	run terminal size=20x90 -- bash -c "source $T/functions; slowly $CORACLE_TEST_CACHE/debian.tar | $T/coracle load"
	expect_status 0
	expect_match $'\e\\[[0-9]+A'
	expect_match 'archive: +Read'
	expect_match '[0-9a-f]{12}: Loading layer +\[=*>? *\] +[0-9.]+[kM]?B/[0-9.]+MB'
	# Below the last drawing, and nothing after it.
	expect_match $'[0-9a-f]{12}: Loaded[^\n]*\n[^\n]*Loaded image: localhost/debian:latest\r$'
	expect_equal "$(coracle run --rm debian cat /var/www/html/index.html)" "<h1>nginx in coracle</h1>"
}

@test "what takes over a second shows how far it is: plain lines elsewhere, on standard error" {
	slowly "$CORACLE_TEST_CACHE/busybox.tar" | coracle load >"$T/out" 2>"$T/err"
	expect_equal "$(<"$T/out")" "Loaded image: localhost/busybox:latest"
	expect_matches "$(<"$T/err")" $'archive: Read\n[0-9a-f]{12}: Loading layer\n[0-9a-f]{12}: Writing to the disk\n[0-9a-f]{12}: Loaded$'
	expect_no grep -q $'\e' "$T/err"
	slowly "$CORACLE_TEST_CACHE/busybox.tar" | coracle load >"$T/out" 2>"$T/err"
	expect_matches "$(<"$T/err")" $'\n[0-9a-f]{12}: Already exists$'
}

@test "no progress is shown with --quiet" {
	slowly "$CORACLE_TEST_CACHE/busybox.tar" | coracle load -q >"$T/out" 2>"$T/err"
	expect_equal "$(cat "$T/out" "$T/err")" "Loaded image: localhost/busybox:latest"
}

@test "a load that waits for its archive keeps nobody from removing images" {
	load_image busybox
	mkfifo "$T/pipe"
	coracle load -q <"$T/pipe" >"$T/out" &
	local loading=$! writer
	exec {writer}>"$T/pipe"
	timeout 60 "$T/coracle" rmi busybox
	timeout 60 "$T/coracle" image prune -f
	expect_no coracle image exists busybox
	cat "$CORACLE_TEST_CACHE/busybox.tar" >&"$writer"
	exec {writer}>&-
	await "$loading"
	expect_status 0
	expect_equal "$(<"$T/out")" "Loaded image: localhost/busybox:latest"
	expect_equal "$(coracle run --rm busybox echo in)" in
}
