#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pull: from real registries, through faulty lines, next to others who pull; and what is in the store afterwards.

load helpers
load registry
load transfer

setup() {
	common_setup
	start_registry
}

teardown() {
	end_registries
	common_teardown
}

# An image of three layers of noise, behind the faulty proxy.
behind_proxy() { # kib of each layer
	local i
	for i in 1 2 3; do
		layer_of_noise "$T/$i.tgz" "$i" "$1"
	done
	make_image app:1 amd64 "$T/1.tgz" "$T/2.tgz" "$T/3.tgz" >/dev/null
	start_faulty_proxy
}

blob_requests() {
	requests "GET /v2/app/blobs/$(layer_digest app:1 "$1")"
}

@test "the image is what skopeo says it is, of Docker's format and of OCI's; the id is printed last" {
	seed_image busybox oci:1
	seed_image busybox docker:1 --format v2s2
	local name
	for name in oci:1 docker:1; do
		run --separate-stderr coracle pull "$REGISTRY/$name"
		expect_status 0
		expect_output "$(id_in_registry "$name")"
		expect_matches "$stderr" "^Trying to pull $REGISTRY/$name\.\.\."
		expect_equal "$(coracle image inspect --format '{{.Digest}}' "$REGISTRY/$name")" "$(registry_digest "$name")"
		expect_equal "$(jq -cS . "$ROOT/images/$output/config")" "$(skopeo inspect --tls-verify=false --config --raw "docker://$REGISTRY/$name" | jq -cS .)"
	done
	# Both are of the same layer.
	expect_equal "$(layers_here)" 1
	mkdir "$T/reference"
	unshare --map-root-user --map-auto tar -C "$T/reference" -xpf "$CORACLE_TEST_CACHE/busybox.rootfs.tar"
	unshare --map-root-user --map-auto diff -r --no-dereference "$T/reference" "$ROOT"/layers/*/diff
	unshare --map-root-user --map-auto rm -rf "$T/reference"
	expect_equal "$(coracle run --rm --network none "$REGISTRY/oci:1" echo it runs)" "it runs"
	expect_no_partials
}

@test "what podman has pushed, in each of its formats" {
	coracle load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	local id
	id=$(coracle image inspect --format '{{.Id}}' localhost/busybox)
	podman load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	podman push -q localhost/busybox "$REGISTRY/by:podman"
	podman push -q --format v2s2 localhost/busybox "$REGISTRY/by:podman2"
	coracle rmi localhost/busybox
	for tag in podman podman2; do
		run coracle pull -q "$REGISTRY/by:$tag"
		expect_status 0
		expect_equal "$(coracle run --rm --network none "$REGISTRY/by:$tag" echo it runs)" "it runs"
	done
	coracle pull -q "$REGISTRY/by:podman"
	expect_equal "$(coracle pull -q "$REGISTRY/by:podman")" "${id#sha256:}"
}

@test "an index: this machine's image, or the one that is asked for" {
	layer_of_noise "$T/1.tgz" 1 10
	layer_of_noise "$T/2.tgz" 2 10
	make_image app:amd amd64 "$T/1.tgz"
	make_image app:arm arm64 "$T/2.tgz"
	make_index app:1 amd64=amd arm64=arm
	expect_equal "$(coracle pull -q "$REGISTRY/app:1")" "$(id_in_registry app:amd)"
	expect_equal "$(coracle image inspect --format '{{.Architecture}} {{.Digest}}' "$REGISTRY/app:1")" "amd64 $(registry_digest app:amd)"
	local option
	for option in --platform=linux/arm64 --arch=arm64 "--os=linux --arch=arm64"; do
		coracle pull -q "$REGISTRY/app:1"
		# shellcheck disable=SC2086 # words
		expect_equal "$(coracle pull -q $option "$REGISTRY/app:1")" "$(id_in_registry app:arm)"
		expect_equal "$(coracle image inspect --format '{{.Architecture}}' "$REGISTRY/app:1")" arm64
	done
	expect_error 125 'not there for linux/riscv64, only for .*linux/amd64, linux/arm64' coracle pull -q --arch riscv64 "$REGISTRY/app:1"
	expect_error 125 'not there for windows/' coracle pull -q --os windows "$REGISTRY/app:1"
	expect_error 125 'OS/ARCH' coracle pull -q --platform arm64 "$REGISTRY/app:1"
	expect_error 125 'give either' coracle pull -q --platform linux/arm64 --arch arm64 "$REGISTRY/app:1"
	run --separate-stderr coracle pull -q --arch arm64 "$REGISTRY/app:amd"
	expect_status 0
	expect_matches "$stderr" "the image is for linux/amd64, not for linux/arm64"
}

@test "run and create --platform: the image for it, fetched where another is here" {
	layer_of_noise "$T/1.tgz" 1 10
	layer_of_noise "$T/2.tgz" 2 10
	make_image app:amd amd64 "$T/1.tgz"
	make_image app:arm arm64 "$T/2.tgz"
	make_index app:1 amd64=amd arm64=arm
	image_of() { inspected "$1" Image; }
	coracle create -q --name a --platform linux/amd64 "$REGISTRY/app:1" true
	expect_equal "$(image_of a)" "$(id_in_registry app:amd)"
	coracle create -q --name b --platform linux/arm64 "$REGISTRY/app:1" true
	expect_equal "$(image_of b)" "$(id_in_registry app:arm)"
	coracle create -q --name by-arch --arch amd64 "$REGISTRY/app:1" true
	coracle create -q --name by-os --os linux --arch arm64 "$REGISTRY/app:1" true
	expect_equal "$(image_of by-arch) $(image_of by-os)" "$(id_in_registry app:amd) $(id_in_registry app:arm)"
	expect_error 125 'not there for linux/arm/v6' coracle create -q --arch arm --variant v6 "$REGISTRY/app:1" true
	expect_error 125 'give either' coracle create -q --arch arm64 --platform linux/amd64 "$REGISTRY/app:1" true
	# What is here already is not asked for again.
	end_registries
	coracle create -q --name c --platform linux/arm64 "$REGISTRY/app:1" true
	expect_equal "$(image_of c)" "$(image_of b)"
	expect_error 125 'it is not to be pulled' coracle create -q --pull never --platform linux/riscv64 "$REGISTRY/app:1" true
}

@test "variants: the best one that the platform can run" {
	local i
	for i in 5 6 7 8; do
		layer_of_noise "$T/$i.tgz" "$i" 1
		make_image "app:v$i" arm "$T/$i.tgz"
	done
	make_index app:1 arm=v5 arm=v6 arm=v7
	jq -c '.manifests |= [range(3) as $i | .[$i] | .platform.variant = "v\($i + 5)"]' "$T/index.json" >"$T/with-variants.json"
	put_manifest app:1 "$T/with-variants.json"
	expect_equal "$(coracle pull -q --platform linux/arm/v7 "$REGISTRY/app:1")" "$(id_in_registry app:v7)"
	expect_equal "$(coracle pull -q --arch arm --variant v6 "$REGISTRY/app:1")" "$(id_in_registry app:v6)"
}

@test "by digest: of an image, of an index; what has another digest is refused" {
	layer_of_noise "$T/1.tgz" 1 10
	local image index
	image=$(make_image app:amd amd64 "$T/1.tgz")
	index=$(make_index app:1 amd64=amd)
	expect_equal "$(coracle pull -q "$REGISTRY/app@$image")" "$(id_in_registry app:amd)"
	expect_equal "$(coracle pull -q "$REGISTRY/app@$index")" "$(id_in_registry app:amd)"
	expect_equal "$(coracle pull -q "$REGISTRY/app:whatever@$index")" "$(id_in_registry app:amd)"
	end_registries
	# Both are known by now, without the registry.
	expect_equal "$(coracle image inspect --format '{{.Digest}}' "$REGISTRY/app@$index")" "$image"
	coracle image exists "$REGISTRY/app@$image"
	start_registry
	seed_image busybox app:1
	start_faulty_proxy
	image=$(registry_digest app:1)
	fault '*' GET manifests corrupt 20
	expect_error 125 'digest' coracle pull -q "$PROXY/app@$image"
	expect_error 125 "$PROXY/app@sha256:0123456789abcdef.*not found|unknown" coracle pull -q "$PROXY/app@sha256:$(printf '0123456789abcdef%.0s' 1 2 3 4)"
}

@test "a download that is cut goes on where it was" {
	behind_proxy 2000
	fault 3 GET "blobs/$(layer_digest app:1 1)" cut 500000
	expect_equal "$(coracle pull -q "$PROXY/app:1")" "$(id_in_registry app:1)"
	expect_equal "$(blob_requests 0)" 1
	expect_equal "$(blob_requests 1)" 4
	grep "$(layer_digest app:1 1)" "$PROXY_LOG" | tail -n 1 | grep -q 'range=bytes=1500000-'
	cmp "$T/noise/2/noise-2" "$(find "$ROOT/layers" -name noise-2)"
	expect_no_partials
}

@test "a blob that is damaged on the way, or shorter than it should be, is refused, and what was wrong is not kept" {
	behind_proxy 300
	local what
	for what in 'corrupt 100000' 'truncate 100000' 'add garbage'; do
		fault '*' GET "blobs/$(layer_digest app:1 2)" "$what"
		expect_error 125 "layer sha256:$(layer_digest app:1 2 | cut -c 8-12)" coracle pull -q --retry 1 --retry-delay 0 "$PROXY/app:1"
		expect_nothing_here
		faults_end
		expect_equal "$(coracle pull -q "$PROXY/app:1")" "$(id_in_registry app:1)"
		expect_no_partials
		cmp "$T/noise/3/noise-3" "$(find "$ROOT/layers" -name noise-3)"
		coracle rmi "$PROXY/app:1" >/dev/null
	done
	# A configuration is read whole, and checked the same.
	fault '*' GET "blobs/sha256:$(id_in_registry app:1)" corrupt 10
	expect_error 125 'configuration' coracle pull -q "$PROXY/app:1"
	expect_nothing_here
}

@test "after a kill -9 the next pull goes on with what had come, if it is right" {
	behind_proxy 1000
	fault '*' GET "blobs/$(layer_digest app:1 0)" slow 200000
	"$T/coracle" pull -q "$PROXY/app:1" 3>&- &
	local pid=$! partial=$ROOT/blobs/partial/$(layer_digest app:1 0)
	wait_until 20 eval "[[ \$(stat -c %s '$partial' 2>/dev/null) -gt 300000 ]]"
	kill -9 "$pid"
	await "$pid"
	# Stages of killed processes are swept by the next command.
	expect_equal "$(find "$ROOT/images" "$ROOT/layers" "$ROOT/refs" -mindepth 1 2>/dev/null)" ""
	faults_end
	local size
	size=$(stat -c %s "$partial")
	expect_equal "$(coracle pull -q "$PROXY/app:1")" "$(id_in_registry app:1)"
	# That of the killed one, and one more.
	wait_until 20 eval "[[ \$(blob_requests 0) == 2 ]]"
	grep "$(layer_digest app:1 0)" "$PROXY_LOG" | grep -q "range=bytes=$size-"
	cmp "$T/noise/1/noise-1" "$(find "$ROOT/layers" -name noise-1)"
	expect_no_partials
	nothing_staged
}

@test "partial files that a power cut has spoilt are fetched anew" {
	behind_proxy 500
	local i spoilt
	mkdir -p "$ROOT/blobs/partial"
	for i in 0 1 2; do
		spoilt=$ROOT/blobs/partial/$(layer_digest app:1 "$i")
		cp "$(blob_file "${spoilt##*/}")" "$spoilt"
		chmod u+w "$spoilt"
	done
	# All of it there, but zeros in the middle; a part, and garbage behind it; longer than it can be.
	dd if=/dev/zero of="$ROOT/blobs/partial/$(layer_digest app:1 0)" bs=4096 seek=50 count=3 conv=notrunc status=none
	truncate -s 200000 "$ROOT/blobs/partial/$(layer_digest app:1 1)"
	head -c 8192 /dev/urandom >>"$ROOT/blobs/partial/$(layer_digest app:1 1)"
	echo too long >>"$ROOT/blobs/partial/$(layer_digest app:1 2)"
	expect_equal "$(coracle pull -q "$PROXY/app:1")" "$(id_in_registry app:1)"
	for i in 1 2 3; do
		cmp "$T/noise/$i/noise-$i" "$(find "$ROOT/layers" -name "noise-$i")"
	done
	expect_no_partials
}

@test "a partial file that is whole is not fetched again" {
	behind_proxy 100
	mkdir -p "$ROOT/blobs/partial"
	cp "$(blob_file "$(layer_digest app:1 0)")" "$ROOT/blobs/partial/$(layer_digest app:1 0)"
	coracle pull -q "$PROXY/app:1"
	expect_equal "$(blob_requests 0) $(blob_requests 1)" "0 1"
}

@test "partial files that nobody has touched for a week go with the next pull" {
	seed_image busybox app:1
	mkdir -p "$ROOT/blobs/partial"
	local old=sha256:$(printf '%064d' 1) new=sha256:$(printf '%064d' 2) fetched=sha256:$(printf '%064d' 3)
	echo old >"$ROOT/blobs/partial/$old"
	echo new >"$ROOT/blobs/partial/$new"
	echo locked >"$ROOT/blobs/partial/$fetched"
	touch -d '8 days ago' "$ROOT/blobs/partial/$old" "$ROOT/blobs/partial/$fetched"
	touch -d '6 days ago' "$ROOT/blobs/partial/$new"
	python3 -c 'import fcntl, struct, sys, time
f = open(sys.argv[1], "w")
fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("locked", flush=True)
time.sleep(60)' "$ROOT/blobs/partial/$fetched.lock" >"$T/held" 3>&- &
	local pid=$!
	wait_until 20 grep -q locked "$T/held"
	coracle pull -q "$REGISTRY/app:1"
	kill "$pid"
	[[ ! -e $ROOT/blobs/partial/$old && -e $ROOT/blobs/partial/$new && -e $ROOT/blobs/partial/$fetched ]]
}

@test "two pulls at once fetch each layer once, and both have the image" {
	behind_proxy 600
	layer_of_noise "$T/4.tgz" 4 10
	make_image app:2 amd64 "$T/3.tgz" "$T/4.tgz" "$T/1.tgz" >/dev/null
	fault '*' GET blobs slow 1000000
	local i pids=()
	for i in 1 2 1 2; do
		coracle pull -q "$PROXY/app:$i" >>"$T/ids.$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		await "$i"
		expect_status 0
	done
	for i in 1 2; do
		expect_equal "$(sort -u "$T/ids.$i")" "$(id_in_registry "app:$i")"
		expect_equal "$(blob_requests "$i")" 1
	done
	expect_equal "$(blob_requests 0) $(requests "$(layer_digest app:2 1)")" "1 1"
	expect_equal "$(layers_here)" 4
	expect_no_partials
	nothing_staged
}

@test "who waits for another's layer fetches it himself when that one is killed" {
	behind_proxy 500
	fault '1' GET "blobs/$(layer_digest app:1 0)" slow 50000
	"$T/coracle" pull -q "$PROXY/app:1" 3>&- &
	local first=$!
	wait_until 20 eval "[[ -s $ROOT/blobs/partial/$(layer_digest app:1 0) ]]"
	"$T/coracle" pull -q "$PROXY/app:1" >"$T/id" 3>&- &
	local second=$!
	sleep 0.5
	kill -0 "$second"
	kill -9 "$first"
	await "$first"
	await "$second"
	expect_status 0
	expect_equal "$(<"$T/id")" "$(id_in_registry app:1)"
	cmp "$T/noise/1/noise-1" "$(find "$ROOT/layers" -name noise-1)"
	expect_no_partials
}

@test "of an image that shares layers only the others are fetched" {
	behind_proxy 100
	layer_of_noise "$T/4.tgz" 4 100
	make_image app:2 amd64 "$T/1.tgz" "$T/2.tgz" "$T/4.tgz" >/dev/null
	coracle pull -q "$PROXY/app:1"
	: >"$PROXY_LOG"
	run coracle pull "$PROXY/app:2"
	expect_status 0
	expect_equal "$(requests 'GET /v2/app/blobs/')" 2
	expect_equal "$(requests "$(layer_digest app:2 2)") $(requests "$(id_in_registry app:2)")" "1 1"
	expect_equal "$(layers_here)" 4
	# And of one that is here, nothing at all.
	: >"$PROXY_LOG"
	coracle pull -q "$PROXY/app:2"
	expect_equal "$(requests 'GET /v2/app/blobs/')" 0
	# A layer that has gone is noticed.
	unshare --map-root-user --map-auto rm -rf "$ROOT/layers/$(gzip -dc "$T/4.tgz" | sha256sum | cut -d' ' -f1)"
	coracle pull -q "$PROXY/app:2"
	expect_equal "$(layers_here)" 4
}

@test "the same layer twice in an image, and one without files" {
	layer_of_noise "$T/1.tgz" 1 50
	tar -cf - -T /dev/null | gzip -n >"$T/empty.tgz"
	make_image app:1 amd64 "$T/1.tgz" "$T/empty.tgz" "$T/1.tgz" "$T/empty.tgz" >/dev/null
	expect_equal "$(coracle pull -q "$REGISTRY/app:1")" "$(id_in_registry app:1)"
	expect_equal "$(layers_here)" 2
}

@test "all tags of a repository, and several images at once" {
	seed_image busybox app:1
	seed_image busybox app:2
	seed_image busybox app:three
	seed_image busybox other:1
	run coracle pull -q --all-tags "$REGISTRY/app"
	expect_status 0
	expect_equal "${#lines[@]}" 3
	expect_equal "$(find "$ROOT/refs" -name ':*' -printf '%f\n' | sort | tr '\n' ' ')" ":1 :2 :three "
	expect_error 125 'without a tag' coracle pull -q -a "$REGISTRY/app:1"
	run coracle pull -q "$REGISTRY/other:1" "$REGISTRY/app:2"
	expect_status 0
	expect_equal "${#lines[@]}" 2
	coracle image exists "$REGISTRY/other:1"
	# One that cannot be had does not keep the others from coming.
	coracle rmi -a -f >/dev/null
	run --separate-stderr coracle pull -q --retry 0 "$REGISTRY/none:1" "$REGISTRY/other:1" "$REGISTRY/App:1" "$REGISTRY/app:2"
	expect_status 125
	expect_output "$(id_in_registry other:1)"$'\n'"$(id_in_registry app:2)"
	expect_equal "$(grep -c '^Error: ' <<<"$stderr") $(wc -l <<<"$stderr")" "2 2"
	coracle image exists "$REGISTRY/app:2"
}

@test "--policy: missing and never ask nobody for what is here, newer and always see what has changed" {
	behind_proxy 10
	expect_error 125 'not to be pulled' coracle pull -q --policy never "$PROXY/app:1"
	coracle pull -q --policy missing "$PROXY/app:1"
	local first policy
	first=$(id_in_registry app:1)
	make_image app:1 amd64 "$T/3.tgz" >/dev/null
	: >"$PROXY_LOG"
	for policy in missing never; do
		expect_equal "$(coracle pull -q --policy "$policy" "$PROXY/app:1")" "$first"
	done
	expect_equal "$(wc -l <"$PROXY_LOG")" 0
	expect_equal "$(coracle pull -q --policy newer "$PROXY/app:1")" "$(id_in_registry app:1)"
	[[ $first != "$(id_in_registry app:1)" ]]
	make_image app:1 amd64 "$T/2.tgz" >/dev/null
	expect_equal "$(coracle pull -q "$PROXY/app:1")" "$(id_in_registry app:1)"
	# Without the registry `newer` has to do with what is here.
	first=$(id_in_registry app:1)
	end_registries
	run --separate-stderr coracle pull -q --policy newer --retry 0 "$PROXY/app:1"
	expect_status 0
	expect_output "$first"
	expect_matches "$stderr" 'the image that is here is used'
	expect_error 125 "$PROXY" coracle pull -q --retry 0 "$PROXY/app:1"
}

@test "run and create fetch an image that is missing, and show no more of it than there is to see" {
	seed_image busybox app:1
	run --separate-stderr coracle run --rm --network none "$REGISTRY/app:1" echo hello
	expect_status 0
	expect_output hello
	expect_matches "$stderr" 'Trying to pull'
	coracle rmi "$REGISTRY/app:1"
	run --separate-stderr coracle run -q --rm --network none "$REGISTRY/app:1" echo hello
	expect_output hello
	expect_equal "$stderr" ""
	coracle rmi "$REGISTRY/app:1"
	run --separate-stderr coracle create -q --network none --name c "$REGISTRY/app:1" true
	expect_status 0
	expect_match '^[0-9a-f]{64}$'
	expect_equal "$(inspected c ImageName)" "$REGISTRY/app:1"
	coracle rm c
	coracle rmi "$REGISTRY/app:1"
	expect_error 125 'no such image' coracle run --rm --pull never "$REGISTRY/app:1" true
	run --separate-stderr coracle run --rm "$REGISTRY/none:1" true
	expect_status 125
	expect_equal "$(grep -c '^Error: ' <<<"$stderr")" 1
	expect_output ""
}

@test "run --pull always and newer take what the registry has now" {
	seed_image busybox app:1
	coracle pull -q "$REGISTRY/app:1"
	local first policy
	first=$(id_in_registry app:1)
	layer_of_noise "$T/1.tgz" 1 10
	for policy in always newer; do
		gzip -nc "$CORACLE_TEST_CACHE/busybox.rootfs.tar" >"$T/busybox.tgz"
		layer_of_noise "$T/new.tgz" "$policy" 10
		make_image app:1 amd64 "$T/busybox.tgz" "$T/new.tgz" >/dev/null
		expect_equal "$(coracle run -q --rm --network none "$REGISTRY/app:1" ls / | grep -c "^noise-$policy")" 0
		expect_equal "$(coracle run -q --rm --network none --pull "$policy" "$REGISTRY/app:1" ls / | grep "^noise-")" "noise-$policy"
	done
}

@test "artifacts, encrypted layers, too many layers and those that do not fit are refused in words" {
	layer_of_noise "$T/1.tgz" 1 1
	make_image app:1 amd64 "$T/1.tgz" >/dev/null
	registry_manifest app:1 >"$T/manifest"
	local filter words
	while IFS=@ read -r filter words; do
		jq -c "$filter" "$T/manifest" >"$T/other"
		put_manifest app:other "$T/other" >/dev/null
		expect_error 125 "$words" coracle pull -q "$REGISTRY/app:other"
	done <<-'L'
		.config.mediaType = "application/vnd.cncf.helm.config.v1+json"@artifact of type application/vnd.cncf.helm
		.layers[0].mediaType = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"@encrypted
		.layers = [range(600) as $i | .layers[0]]@at most 512
		.layers += .layers@the manifest has 2 layers, the image's configuration 1
	L
	expect_nothing_here
}

@test "a disk that is full is named, and nothing half made is left" {
	behind_proxy 2000
	mkdir "$T/small"
	export -f wait_for_trash
	run --separate-stderr unshare --map-root-user --map-auto --mount bash -c '
		mount -t tmpfs -o size=5m tmpfs "$1/small" || exit 99
		"$2/coracle" --root "$1/small/root" --runroot "$1/run" pull -q "$3"
		status=$?
		wait_for_trash "$1/small/root"
		find "$1"/small/root/{images,layers,refs,tmp,trash} -mindepth 1
		exit $status
	' - "$T" "$BUILD" "$PROXY/app:1"
	expect_status 125
	expect_output ""
	expect_matches "$stderr" '^Error: .*No space left on device$'
}

@test "credentials and certificates: --creds, --authfile, --cert-dir, --tls-verify" {
	start_registry tls htpasswd
	seed_image busybox app:1
	expect_error 125 'certificate' coracle pull -q --creds alice:secret "$REGISTRY/app:1"
	mkdir "$T/certs"
	cp "$T/ca.crt" "$T/certs"
	expect_error 125 'authoriz|authentic' coracle pull -q --cert-dir "$T/certs" "$REGISTRY/app:1"
	expect_error 125 'authoriz|authentic' coracle pull -q --cert-dir "$T/certs" --creds alice:wrong "$REGISTRY/app:1"
	expect_error 125 'USER:PASSWORD' coracle pull -q --creds alice "$REGISTRY/app:1"
	coracle pull -q --cert-dir "$T/certs" --creds alice:secret "$REGISTRY/app:1"
	coracle rmi "$REGISTRY/app:1"
	coracle pull -q --tls-verify=false --creds alice:secret "$REGISTRY/app:1"
	coracle rmi "$REGISTRY/app:1"
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf alice:secret | base64)" >"$T/auth.json"
	coracle pull -q --tls-verify=false --authfile "$T/auth.json" "$REGISTRY/app:1"
	coracle rmi "$REGISTRY/app:1"
	trust_authority "$REGISTRY"
	REGISTRY_AUTH_FILE=$T/auth.json coracle pull -q "$REGISTRY/app:1"
	coracle image exists "$REGISTRY/app:1"
	# Where TLS was asked for nothing else will do.
	start_registry
	expect_error 125 "$REGISTRY" coracle pull -q --tls-verify --retry 0 "$REGISTRY/app:1"
}

@test "--retry and --retry-delay" {
	behind_proxy 10
	fault '*' GET manifests status 503
	expect_error 125 '503' coracle pull -q --retry 0 "$PROXY/app:1"
	expect_equal "$(requests 'GET /v2/app/manifests')" 1
	: >"$PROXY_LOG"
	local before=$SECONDS
	expect_error 125 '503' coracle pull -q --retry 12 --retry-delay 0 "$PROXY/app:1"
	expect_equal "$(requests 'GET /v2/app/manifests')" 13
	# With the usual pauses, which become longer each time, it would be minutes.
	((SECONDS - before < 60))
	before=$SECONDS
	expect_error 125 '503' coracle pull -q --retry 1 --retry-delay 3s "$PROXY/app:1"
	((SECONDS - before >= 3))
	expect_error 125 'retry' coracle pull -q --retry -1 "$PROXY/app:1"
}

@test "with one id" {
	seed_image busybox app:1
	run with_one_id "$T/coracle" pull -q "$REGISTRY/app:1"
	expect_status 0
	expect_output "$(id_in_registry app:1)"
	expect_equal "$(with_one_id "$T/coracle" run --rm --network none "$REGISTRY/app:1" echo it runs)" "it runs"
	expect_equal "$(find "$ROOT/layers" ! -uid "$(id -u)")" ""
}

# most_memory PID: in kB, of all our processes together, for as long as that one runs.
most_memory() {
	python3 - "$1" "$ROOT" <<-'P'
		import os, re, sys, time
		pid, root, most = sys.argv[1], sys.argv[2].encode(), 0
		def runs():
		    try:
		        return open("/proc/%s/stat" % pid).read().split()[2] != "Z"
		    except OSError:
		        return False
		while runs():
		    total = 0
		    for name in filter(str.isdigit, os.listdir("/proc")):
		        try:
		            if root in open("/proc/%s/cmdline" % name, "rb").read() and "coracle" in os.readlink("/proc/%s/exe" % name):
		                total += int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%s/status" % name).read()).group(1))
		        except (OSError, AttributeError):
		            pass
		    most = max(most, total)
		    time.sleep(0.02)
		print(most)
	P
}

@test "what unpacks to far more than it was takes no memory, nor does any size" {
	truncate -s 1500M "$T/zeros"
	tar -C "$T" -cf - zeros | gzip -1n >"$T/bomb.tgz"
	rm "$T/zeros"
	layer_of_noise "$T/1.tgz" 1 20000
	layer_of_noise "$T/2.tgz" 2 20000
	make_image app:1 amd64 "$T/bomb.tgz" "$T/1.tgz" "$T/2.tgz" >/dev/null
	coracle pull -q "$REGISTRY/app:1" >"$T/id" 3>&- &
	local pid=$!
	most_memory "$pid" >"$T/most"
	await "$pid"
	expect_status 0
	echo "most: $(<"$T/most") kB"
	# Sanitizers have memory of their own for each of the processes.
	local bound=64
	[[ ! -e $BUILD/sanitizer-reports ]] || bound=256
	(($(<"$T/most") > 5000 && $(<"$T/most") < bound * 1024))
	expect_equal "$(coracle image inspect --format '{{.Size}}' "$REGISTRY/app:1" | head -c 3)" 161
}

@test "layers that take much memory to decompress take it one after the other" {
	local i pid
	# As long as the window, so that all of it is used.
	truncate -s 140M "$T/zeros"
	for i in 1 2 3; do
		mkdir "$T/$i"
		mv "$T/zeros" "$T/$i/zeros-$i"
		tar -C "$T/$i" -cf - "zeros-$i" | zstd -q --long=27 -o "$T/$i.tzst"
		mv "$T/$i/zeros-$i" "$T/zeros"
	done
	mv "$T/zeros" "$T/zeros-4"
	tar -C "$T" -cf - zeros-4 | xz -0 --lzma2=dict=64MiB -T1 >"$T/4.txz"
	rm "$T/zeros-4"
	make_image app:1 amd64 "$T/1.tzst" "$T/2.tzst" "$T/3.tzst" "$T/4.txz" >/dev/null
	coracle pull -q "$REGISTRY/app:1" >"$T/id" 3>&- &
	pid=$!
	most_memory "$pid" >"$T/most"
	await "$pid"
	expect_status 0
	echo "most: $(<"$T/most") kB"
	[[ -e $BUILD/sanitizer-reports ]] || (($(<"$T/most") > 100 * 1024 && $(<"$T/most") < (64 + 128) * 1024))
	expect_equal "$(coracle image inspect --format '{{.Size}}' "$REGISTRY/app:1")" $((4 * 140 * 1024 * 1024))
}

@test "progress: a bar for each layer on a terminal, plain lines elsewhere, nothing with -q" {
	behind_proxy 600
	fault '*' GET blobs slow 300000
	run --separate-stderr coracle pull "$PROXY/app:1"
	expect_status 0
	expect_matches "$stderr" "$(layer_digest app:1 0 | cut -c 8-19): Downloading"
	expect_matches "$stderr" "$(layer_digest app:1 2 | cut -c 8-19): Pull complete"
	[[ $stderr != *$'\033'* ]]
	coracle rmi "$PROXY/app:1"
	terminal 'expect=Downloading *\[=+>' 'expect=Pull complete' -- "$T/coracle" pull "$PROXY/app:1"
	coracle rmi "$PROXY/app:1"
	run --separate-stderr coracle pull -q "$PROXY/app:1"
	expect_output "$(id_in_registry app:1)"
	expect_equal "$stderr" ""
}

@test "names of other transports" {
	seed_image busybox app:1
	coracle pull -q "docker://$REGISTRY/app:1"
	coracle image exists "$REGISTRY/app:1"
	expect_error 125 "load" coracle pull -q "docker-archive:$CORACLE_TEST_CACHE/busybox.tar"
	expect_error 125 "lower case" coracle pull -q "$REGISTRY/App:1"
}

@test "short names and mirrors, as registries.conf has them" {
	layer_of_noise "$T/1.tgz" 1 10
	make_image mirror/app:1 amd64 "$T/1.tgz"
	local conf=$HOME/.config/containers/registries.conf far
	far=127.0.0.1:$(free_port)
	printf 'unqualified-search-registries = ["%s"]\n%s\n[[registry]]\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s/mirror"\ninsecure = true\n' \
		"$REGISTRY" "$(<"$conf")" "$far" "$REGISTRY" >"$conf.new"
	mv "$conf.new" "$conf"
	expect_equal "$(coracle pull -q mirror/app:1)" "$(id_in_registry mirror/app:1)"
	coracle image exists "$REGISTRY/mirror/app:1"
	expect_equal "$(coracle pull -q "$far/app:1")" "$(id_in_registry mirror/app:1)"
	coracle image exists "$far/app:1"
	# What could be in several registries is asked of nobody where that is forbidden; an alias decides.
	sed "1s|.*|unqualified-search-registries = [\"$REGISTRY\", \"$far\"]\nshort-name-mode = \"enforcing\"|" "$conf" >"$T/enforcing.conf"
	expect_error 125 "\"mirror/app:1\" could be $REGISTRY/mirror/app:1 or $far/mirror/app:1, and short-name-mode" \
		env CONTAINERS_REGISTRIES_CONF="$T/enforcing.conf" "$T/coracle" pull -q mirror/app:1
	printf '[aliases]\n"mirror/app" = "%s/mirror/app"\n' "$REGISTRY" >>"$T/enforcing.conf"
	expect_equal "$(env CONTAINERS_REGISTRIES_CONF="$T/enforcing.conf" "$T/coracle" pull -q mirror/app:1)" "$(id_in_registry mirror/app:1)"
	sed -i 's/enforcing"/strict"/' "$T/enforcing.conf"
	expect_error 125 'enforcing.conf: short-name-mode: expected' env CONTAINERS_REGISTRIES_CONF="$T/enforcing.conf" "$T/coracle" pull -q mirror/app:1
	# A push goes past mirrors, to a registry that is not there.
	expect_error 125 "$far" coracle push -q --retry 0 "$far/app:1"
	# So it does past a location, which is for reading, as podman and skopeo have it.
	local moved
	moved=127.0.0.1:$(free_port)
	printf '[[registry]]\nprefix = "%s/of/app:1"\nlocation = "%s/mirror/app:1"\ninsecure = true\n[[registry]]\nprefix = "%s"\nlocation = "%s"\ninsecure = true\n' \
		"$moved" "$REGISTRY" "$moved" "$REGISTRY" >>"$conf"
	expect_equal "$(coracle pull -q "$moved/of/app:1")" "$(id_in_registry mirror/app:1)"
	expect_equal "$(coracle pull -q "$moved/mirror/app:1")" "$(id_in_registry mirror/app:1)"
	coracle tag "$moved/of/app:1" "$moved/pushed:1"
	expect_error 125 "$moved" coracle push -q --retry 0 "$moved/pushed:1"
	expect_no skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/pushed:1"
}

# add_entry LOCATION [LINE…]: a [[registry]] of the test's registries.conf.
add_entry() {
	local line
	printf '[[registry]]\nlocation = "%s"\n' "$1" >>"$HOME/.config/containers/registries.conf"
	shift
	for line; do echo "$line" >>"$HOME/.config/containers/registries.conf"; done
}

@test "a mirror is not given the credentials for the registry that it stands in for" {
	end_registries
	start_registry htpasswd
	make_user bob mirrors
	seed_image busybox mirror/app:1
	local far far_auth=$T/far.json both=$T/both.json id
	far=127.0.0.1:$(free_port)
	add_entry "$far" '[[registry.mirror]]' "location = \"$REGISTRY/mirror\"" 'insecure = true'
	add_entry "$REGISTRY/mirror" 'prefix = "moved.example.com"' 'insecure = true'
	id=$(skopeo inspect --tls-verify=false --creds alice:secret --raw "docker://$REGISTRY/mirror/app:1" | jq -r .config.digest)
	# The mirror would take them: that it does not means that it has not seen them.
	jq -n --arg far "$far" '{auths: {($far): {auth: "alice:secret" | @base64}, "moved.example.com": {auth: "alice:secret" | @base64}}}' >"$far_auth"
	jq --arg here "$REGISTRY" '.auths[$here].auth = ("bob:mirrors" | @base64)' "$far_auth" >"$both"
	expect_error 125 "." coracle pull -q --retry 0 --authfile "$far_auth" "$far/app:1"
	expect_error 125 "not authorized" coracle pull -q --retry 0 --authfile "$far_auth" moved.example.com/app:1
	expect_error 125 "." coracle pull -q --retry 0 --creds alice:secret "$far/app:1"
	expect_error 125 "not authorized" coracle pull -q --retry 0 --creds alice:secret moved.example.com/app:1
	# It is asked with its own, whatever the other's are.
	expect_equal "$(coracle pull -q --authfile "$both" "$far/app:1")" "${id#sha256:}"
	coracle rmi "$far/app:1"
	expect_equal "$(coracle pull -q --authfile "$both" --creds nobody:none moved.example.com/app:1)" "${id#sha256:}"
}
