#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# push: what registries have afterwards, as skopeo, podman and buildah see it, and what was sent for it.

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

# The diff ids of an image in a registry, computed from the bytes of its blobs.
diff_ids_of() { # repository:tag
	local digest
	for digest in $(registry_manifest "$1" | jq -r '.layers[].digest'); do
		case $(head -c 4 "$(blob_file "$digest")" | od -An -tx1 | tr -d ' ') in
		1f8b*) gzip -dc "$(blob_file "$digest")" ;;
		28b52ffd) zstd -dcq "$(blob_file "$digest")" ;;
		*) cat "$(blob_file "$digest")" ;;
		esac | sha256sum | sed 's/\(.*\)  -/sha256:\1/'
	done
}

diff_ids_here() { # image
	coracle image inspect "$1" | jq -r '.[0].RootFS.Layers[]'
}

media_types() { # repository:tag
	registry_manifest "$1" | jq -r '[.mediaType, .config.mediaType, .layers[].mediaType] | join(" ")'
}

@test "a loaded image: podman and buildah take it, its layers and its id are what they were" {
	load_image busybox
	run --separate-stderr coracle push --digestfile "$T/digest" localhost/busybox "$REGISTRY/app:1"
	expect_status 0
	expect_output ""
	expect_matches "$stderr" "$REGISTRY/app:1: digest: sha256:"
	expect_equal "$(<"$T/digest")" "$(registry_digest app:1)"
	expect_equal "$(diff_ids_of app:1)" "$(diff_ids_here localhost/busybox)"
	expect_equal "sha256:$(id_in_registry app:1)" "$(coracle image inspect --format '{{.Id}}' localhost/busybox | sed 's/^\(sha256:\)\?/sha256:/')"
	podman pull -q "$REGISTRY/app:1" >"$T/id"
	expect_equal "$(<"$T/id")" "$(id_in_registry app:1)"
	expect_equal "$(podman run --rm --network none "$REGISTRY/app:1" echo podman runs it)" "podman runs it"
	XDG_RUNTIME_DIR=$T/podman/runtime buildah --root "$T/podman/root" --runroot "$T/podman/run" pull -q --policy always "$REGISTRY/app:1" >"$T/id2"
	expect_equal "$(<"$T/id2")" "$(<"$T/id")"
}

@test "the whole way round: pushed by us, by podman, and pulled again" {
	load_image busybox
	coracle push -q localhost/busybox "$REGISTRY/a:1"
	podman pull -q "$REGISTRY/a:1"
	podman push -q "$REGISTRY/a:1" "$REGISTRY/b:1"
	coracle pull -q "$REGISTRY/b:1"
	expect_equal "$(diff_ids_here "$REGISTRY/b:1")" "$(diff_ids_here localhost/busybox)"
	coracle push -q "$REGISTRY/b:1" "$REGISTRY/c:1"
	expect_equal "$(registry_digest c:1)" "$(registry_digest b:1)"
	expect_equal "$(diff_ids_of c:1)" "$(diff_ids_here localhost/busybox)"
}

@test "an image just pulled, to another repository: no layer is sent, and the manifest stays byte for byte" {
	local format
	start_faulty_proxy
	for format in oci v2s2; do
		seed_image busybox "app:$format" --format "$format"
		coracle pull -q "$PROXY/app:$format"
		: >"$PROXY_LOG"
		coracle push -q "$PROXY/app:$format" "$PROXY/$format/other:1"
		expect_equal "$(registry_manifest "$format/other:1" | sha256sum)" "$(registry_manifest "app:$format" | sha256sum)"
		expect_equal "$(requests 'POST .*mount=.*from=app')" 1
		# The configuration alone.
		expect_equal "$(requests 'PATCH ')" 0
		(($(requests 'PUT .*blobs') <= 1))
		# And once more: nothing but questions, and the manifest.
		: >"$PROXY_LOG"
		coracle push -q "$PROXY/app:$format" "$PROXY/$format/other:1"
		expect_equal "$(requests 'P[A-Z]* ') $(requests 'PUT .*manifests')" "1 1"
		coracle rmi -f "$PROXY/app:$format"
	done
}

@test "an image pulled by the digest of an index keeps its own manifest" {
	layer_of_noise "$T/1.tgz" 1 10
	local image index
	image=$(make_image app:amd amd64 "$T/1.tgz")
	index=$(make_index app:1 amd64=amd)
	coracle pull -q "$REGISTRY/app@$index"
	coracle push -q --digestfile "$T/digest" "$REGISTRY/app@$index" "$REGISTRY/other:1"
	expect_equal "$(<"$T/digest") $(registry_digest other:1)" "$image $image"
}

@test "to another registry: the layers are made again, the same from every store" {
	layer_of_noise "$T/1.tgz" 1 900
	layer_of_noise "$T/2.tgz" 2 900
	make_image app:1 amd64 "$T/1.tgz" "$T/2.tgz" "$T/1.tgz" >/dev/null
	coracle pull -q "$REGISTRY/app:1"
	start_registry
	coracle push -q 127.0.0.1:"${REGISTRY##*:}"/none "$REGISTRY/x" 2>/dev/null || true
	local from
	from=$(coracle images --format '{{.Repository}}:{{.Tag}}')
	coracle push -q "$from" "$REGISTRY/app:1"
	expect_equal "$(diff_ids_of app:1)" "$(diff_ids_here "$from")"
	local first
	first=$(registry_digest app:1)
	coracle pull -q "$REGISTRY/app:1"
	# Another store, another registry: nobody remembers anything.
	coracle --root "$T/second" pull -q "$from"
	start_registry
	coracle --root "$T/second" push -q "$from" "$REGISTRY/app:1"
	expect_equal "$(registry_digest app:1)" "$first"
	remove_tree "$T/second"
}

@test "a blob that is believed to belong to a layer, but was never unpacked, is not pushed as that layer" {
	layer_of_noise "$T/1.tgz" 1 10
	layer_of_noise "$T/2.tgz" 2 10
	make_image app:1 amd64 "$T/1.tgz" >/dev/null
	# The second one's blob is said to be the first one's layer.
	jq -c --arg digest "$(put_blob app "$T/2.tgz")" --argjson size "$(stat -c %s "$T/2.tgz")" '.layers[0].digest = $digest | .layers[0].size = $size' \
		<(registry_manifest app:1) >"$T/lie"
	put_manifest app:lie "$T/lie"
	coracle pull -q "$REGISTRY/app:1"
	coracle pull -q "$REGISTRY/app:lie"
	coracle push -q "$REGISTRY/app:lie" "$REGISTRY/app:new"
	expect_equal "$(diff_ids_of app:new)" "$(diff_ids_here "$REGISTRY/app:1")"
}

@test "--compression-format, --compression-level, --force-compression" {
	load_image busybox
	local gzip=application/vnd.oci.image.layer.v1.tar+gzip zstd=application/vnd.oci.image.layer.v1.tar+zstd level
	coracle push -q localhost/busybox "$REGISTRY/app:gzip"
	expect_equal "$(media_types app:gzip)" "application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json $gzip"
	gzip -t "$(blob_file "$(layer_digest app:gzip 0)")"
	coracle push -q --compression-format zstd localhost/busybox "$REGISTRY/app:zstd"
	expect_equal "$(media_types app:zstd)" "application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json $zstd"
	zstd -tq "$(blob_file "$(layer_digest app:zstd 0)")"
	# Without being told, what is there will do, whatever it is.
	coracle push -q --compression-format gzip --force-compression=false localhost/busybox "$REGISTRY/app:any"
	expect_equal "$(registry_digest app:any)" "$(registry_digest app:zstd)"
	coracle push -q --force-compression localhost/busybox "$REGISTRY/app:forced"
	expect_equal "$(registry_digest app:forced)" "$(registry_digest app:gzip)"
	expect_equal "$(diff_ids_of app:gzip)" "$(diff_ids_of app:zstd)"
	for level in 1 9; do
		start_registry
		coracle --root "$T/level" load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
		coracle --root "$T/level" push -q --compression-level "$level" localhost/busybox "$REGISTRY/app:1"
		registry_manifest app:1 | jq '.layers[0].size' >"$T/size.$level"
		remove_tree "$T/level"
	done
	(($(<"$T/size.9") < $(<"$T/size.1")))
	expect_error 125 'levels 1 to 9' coracle push -q --compression-level 10 localhost/busybox "$REGISTRY/app:1"
	expect_error 125 '1 to 20' coracle push -q --compression-format zstd --compression-level 0 localhost/busybox "$REGISTRY/app:1"
}

@test "--format: Docker's and OCI's manifests, of images of the other kind" {
	local docker="application/vnd.docker.distribution.manifest.v2+json application/vnd.docker.container.image.v1+json application/vnd.docker.image.rootfs.diff.tar.gzip"
	local oci="application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json application/vnd.oci.image.layer.v1.tar+gzip"
	seed_image busybox app:oci
	seed_image busybox app:docker --format v2s2
	coracle pull -q "$REGISTRY/app:oci" "$REGISTRY/app:docker"
	coracle push -q --format v2s2 "$REGISTRY/app:oci" "$REGISTRY/new:docker"
	expect_equal "$(media_types new:docker)" "$docker"
	coracle push -q -f oci "$REGISTRY/app:docker" "$REGISTRY/new:oci"
	expect_equal "$(media_types new:oci)" "$oci"
	coracle push -q "$REGISTRY/app:docker" "$REGISTRY/new:same"
	expect_equal "$(media_types new:same)" "$docker"
	podman pull -q "$REGISTRY/new:docker" "$REGISTRY/new:oci"
	expect_error 125 'no layers compressed with zstd' coracle push -q --format v2s2 --compression-format zstd "$REGISTRY/app:oci" "$REGISTRY/new:1"
}

@test "names: the image's own, a tag, all tags; what is no destination" {
	load_image busybox
	coracle tag localhost/busybox "$REGISTRY/app:1" "$REGISTRY/app:2" "$REGISTRY/apple:1"
	coracle push -q "$REGISTRY/app:1"
	expect_equal "$(skopeo list-tags --tls-verify=false "docker://$REGISTRY/app" | jq -r '.Tags | sort | join(" ")')" 1
	coracle push -q --all-tags "$REGISTRY/app"
	expect_equal "$(skopeo list-tags --tls-verify=false "docker://$REGISTRY/app" | jq -r '.Tags | sort | join(" ")')" "1 2"
	expect_no registry_manifest apple:1 2>/dev/null
	coracle push -q "$(coracle images -q | head -n 1)" "docker://$REGISTRY/by-id"
	expect_equal "$(registry_digest by-id:latest)" "$(registry_digest app:1)"
	expect_error 125 'say where it is to go' coracle push "$(coracle images -q | head -n 1)"
	expect_error 125 'no such image' coracle push localhost/none "$REGISTRY/x"
	expect_error 125 'give a tag' coracle push localhost/busybox "$REGISTRY/x@$(registry_digest app:1)"
	expect_error 125 'no image here' coracle push -a "$REGISTRY/none"
	expect_error 125 'without a tag' coracle push -a "$REGISTRY/app:1"
	expect_error 125 'no destination' coracle push -a "$REGISTRY/app" "$REGISTRY/other"
}

@test "an upload that breaks is begun again" {
	layer_of_noise "$T/1.tgz" 1 3000
	make_image app:1 amd64 "$T/1.tgz" >/dev/null
	coracle pull -q "$REGISTRY/app:1"
	local from=$REGISTRY/app:1
	start_registry
	start_faulty_proxy
	fault 1 PATCH blobs drop 1000000
	fault 1 PUT blobs status 503
	coracle push -q --retry-delay 0 "$from" "$PROXY/app:1"
	expect_equal "$(diff_ids_of app:1)" "$(diff_ids_here "$from")"
	fault '*' PATCH blobs drop 1000000
	expect_error 125 "$PROXY/new:1" coracle push -q --retry 1 --retry-delay 0 --compression-format zstd "$from" "$PROXY/new:1"
	expect_no registry_manifest new:1 2>/dev/null
}

@test "a registry that sends what is written on to another host: it arrives there" {
	load_image busybox
	head -c 20000000 /dev/urandom >"$T/noise"
	coracle create --name grown busybox >"$T/out"
	coracle cp "$T/noise" grown:/noise
	coracle commit -q grown grown >"$T/out"
	coracle rm grown >"$T/out"
	local from=localhost/grown method when i=0
	# Before it has read any of it, and after all of it.
	for when in redirect redirect-late; do
		start_registry
		start_faulty_proxy
		for method in PATCH PUT POST '*'; do
			: >"$PROXY_LOG"
			faults_end
			fault '*' "$method" . "$when" "http://$REGISTRY"
			coracle push -q --retry-delay 0 "$from" "$PROXY/app$((++i)):1"
			grep -q " $when .* 307\$" "$PROXY_LOG"
			expect_equal "$(diff_ids_of "app$i:1")" "$(diff_ids_here "$from")"
		done
	done
}

@test "nobody waits for a push: images and volumes are removed meanwhile, the pushed image too, which arrives whole" {
	local ids pid seconds
	load_image busybox
	ids=$(diff_ids_here busybox)
	coracle tag busybox other
	coracle volume create vol >/dev/null
	kill -STOP "${REGISTRY_PIDS[-1]}"
	"$T/coracle" push -q --tls-verify=false busybox "$REGISTRY/app:1" >out 2>&1 3>&- &
	pid=$!
	wait_until 20 is_held
	seconds=$SECONDS
	coracle volume rm vol >/dev/null
	coracle rmi other busybox >/dev/null
	coracle system prune -f >/dev/null
	((SECONDS - seconds < 60)) # the push itself waits for ever
	kill -0 $pid
	[[ -z $(find "$ROOT/layers" -mindepth 1) ]]
	kill -CONT "${REGISTRY_PIDS[-1]}"
	wait $pid || { cat out; false; }
	expect_equal "$(diff_ids_of app:1)" "$ids"
	expect_equal "$(staged)" ""
}

is_held() {
	find /proc/[0-9]*/fd -lname "$ROOT/layers/*" 2>/dev/null | grep -q .
}

@test "what a killed push held is given up" {
	load_image busybox
	kill -STOP "${REGISTRY_PIDS[-1]}"
	"$T/coracle" push -q --tls-verify=false busybox "$REGISTRY/app:1" >/dev/null 2>&1 3>&- &
	wait_until 20 is_held
	coracle rmi busybox >/dev/null
	[[ -n $(find "$ROOT/trash" -mindepth 2 -name diff) ]]
	kill -KILL $!
	wait $! || true
	coracle load -q -i "$BUILD/hello.tar" >/dev/null
	expect_equal "$(staged)" ""
}

@test "credentials and certificates" {
	start_registry tls htpasswd
	load_image busybox
	mkdir "$T/certs"
	cp "$T/ca.crt" "$T/certs"
	expect_error 125 'certificate' coracle push -q --creds alice:secret localhost/busybox "$REGISTRY/app:1"
	expect_error 125 'authoriz|denied|allowed|authentic' coracle push -q --cert-dir "$T/certs" localhost/busybox "$REGISTRY/app:1"
	expect_error 125 'authoriz|denied|allowed|authentic' coracle push -q --cert-dir "$T/certs" --creds alice:wrong localhost/busybox "$REGISTRY/app:1"
	coracle push -q --cert-dir "$T/certs" --creds alice:secret localhost/busybox "$REGISTRY/app:1"
	coracle push -q --tls-verify=false --creds alice:secret localhost/busybox "$REGISTRY/app:2"
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf alice:secret | base64)" >"$T/auth.json"
	trust_authority "$REGISTRY"
	coracle push -q --authfile "$T/auth.json" localhost/busybox "$REGISTRY/app:3"
	expect_equal "$(registry_digest app:1) $(registry_digest app:2)" "$(registry_digest app:3) $(registry_digest app:3)"
}

@test "by tokens, which are for repositories: pushed, pulled, and mounted from one to another" {
	start_registry token
	load_image busybox
	coracle push -q --creds alice:secret localhost/busybox "$REGISTRY/app:1"
	coracle pull -q --creds alice:secret "$REGISTRY/app:1"
	coracle push -q --creds alice:secret "$REGISTRY/app:1" "$REGISTRY/other:1"
	expect_equal "$(registry_digest other:1)" "$(registry_digest app:1)"
	grep -q 'mount=.*from=app' "$REGISTRY_DIR/registry.log"
	expect_error 125 'authoriz|denied|allowed|authentic' coracle push -q --creds alice:wrong localhost/busybox "$REGISTRY/app:1"
}

@test "podman's options that have no meaning here say what has" {
	load_image busybox
	local command
	for command in "push" "manifest push" "image sign"; do
		# shellcheck disable=SC2086 # it is two words
		expect_error 125 '--sign-by: signatures by GPG are not made; --sign-by-sigstore-private-key FILE' coracle $command --sign-by me@example.com localhost/busybox
	done
	expect_error 125 'save --compress --format docker-dir' coracle push --compress localhost/busybox "$REGISTRY/app:1"
	expect_error 125 "'coracle save' writes such files" coracle push localhost/busybox "dir:$T/dir"
	expect_error 125 "another program's image" coracle push localhost/busybox docker-daemon:app:1
	[[ ! -e $T/dir ]]
	expect_no registry_manifest app:1 2>/dev/null
	coracle push -q --compression-format zstd:chunked localhost/busybox "$REGISTRY/app:1"
	[[ $(media_types app:1) == *zstd* ]]
	expect_equal "$(diff_ids_of app:1)" "$(diff_ids_here localhost/busybox)"
	coracle untag localhost/busybox
	coracle image prune -f --external >"$T/out"
	grep -q '^deleted: sha256:' "$T/out"
	expect_equal "$(coracle images -aq)" ""
}

@test "a signature is stored beside the image, and a policy takes that image and no other" {
	load_image busybox
	openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt >"$T/key"
	openssl pkey -in "$T/key" -pubout >"$T/key.pub"
	coracle push -q --sign-by-sigstore-private-key "$T/key" localhost/busybox "$REGISTRY/app:signed"
	local tag
	tag=$(registry_digest app:signed | tr : -).sig
	expect_equal "$(registry_manifest "app:$tag" | jq -r '.layers[0].annotations | has("dev.cosignproject.cosign/signature")')" true
	layer_of_noise "$T/1.tgz" 1 10
	make_image app:unsigned amd64 "$T/1.tgz" >/dev/null
	printf '{"default": [{"type": "reject"}], "transports": {"docker": {"%s": [{"type": "sigstoreSigned", "keyPath": "%s"}]}}}' "$REGISTRY/app" "$T/key.pub" >"$T/policy.json"
	coracle rmi localhost/busybox
	coracle pull -q --signature-policy "$T/policy.json" "$REGISTRY/app:signed"
	coracle rmi "$REGISTRY/app:signed"
	expect_error 125 'sign' coracle pull -q --signature-policy "$T/policy.json" "$REGISTRY/app:unsigned"
	expect_nothing_here
	seed_image busybox other:1
	expect_error 125 'reject' coracle pull -q --signature-policy "$T/policy.json" "$REGISTRY/other:1"
	expect_nothing_here
	# A second signature is put beside the first; without a key none is made.
	coracle pull -q "$REGISTRY/app:signed"
	coracle push -q --sign-by-sigstore-private-key "$T/key" "$REGISTRY/app:signed"
	expect_equal "$(registry_manifest "app:$tag" | jq '.layers | length')" 2
	coracle push -q --remove-signatures "$REGISTRY/app:signed" "$REGISTRY/plain:1"
	expect_equal "$(skopeo list-tags --tls-verify=false "docker://$REGISTRY/plain" | jq -r '.Tags | sort | join(" ")')" 1
}

@test "with one id: the layers that are pushed have their true owners" {
	with_one_id "$T/coracle" load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	with_one_id "$T/coracle" push -q localhost/busybox "$REGISTRY/app:1"
	expect_equal "$(diff_ids_of app:1)" "$(diff_ids_here localhost/busybox)"
	gzip -dc "$(blob_file "$(layer_digest app:1 0)")" | tar --numeric-owner -tvf - | grep -q ' 1000/1000 '
}

@test "a layer that is damaged here is not pushed" {
	load_image busybox
	unshare --map-root-user --map-auto bash -c 'echo more >>"$1"/layers/*/diff/etc/passwd' - "$ROOT"
	expect_error 125 'damaged' coracle push -q localhost/busybox "$REGISTRY/app:1"
	expect_no registry_manifest app:1 2>/dev/null
}

@test "progress: what becomes of each layer" {
	local i
	for i in 1 2 3 4 5; do
		layer_of_noise "$T/$i.tgz" "$i" 10
	done
	make_image app:1 amd64 "$T"/[1-5].tgz >/dev/null
	coracle pull -q "$REGISTRY/app:1"
	local from=$REGISTRY/app:1
	start_registry
	start_faulty_proxy
	fault '*' PATCH . delay 1
	run --separate-stderr coracle push "$from" "$PROXY/app:1"
	expect_status 0
	expect_matches "$stderr" "[0-9a-f]{12}: Pushing"
	expect_matches "$stderr" "[0-9a-f]{12}: Pushed"
	run --separate-stderr coracle push -q "$from" "$PROXY/app:2"
	expect_equal "$output$stderr" ""
}
