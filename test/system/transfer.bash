# SPDX-License-Identifier: Apache-2.0
# transfer.bash: what the tests of pull and push share, on top of registry.bash.

# tar_gz OUT SEED KIB: a layer with one file that does not compress, the same for the same seed, and a file of 1000:1000.
layer_of_noise() { # out seed kib
	mkdir -p "$T/noise/$2"
	openssl enc -aes-128-ctr -pass "pass:$2" -nosalt -pbkdf2 -iter 1 </dev/zero 2>/dev/null | head -c "$(($3 * 1024))" >"$T/noise/$2/noise-$2"
	echo "of $2" >"$T/noise/$2/small-$2"
	tar -C "$T/noise/$2" --sort=name --mtime=@1700000000 --owner=1000 --group=1000 --numeric-owner -cf - . | gzip -1n >"$1"
}

# put_blob REPOSITORY FILE: prints its digest.
put_blob() {
	local digest location
	digest=sha256:$(sha256sum "$2" | cut -d' ' -f1)
	location=$(curl -sf -X POST -D - -o /dev/null "http://$REGISTRY/v2/$1/blobs/uploads/" | sed -n 's/^[Ll]ocation: \(.*\)\r$/\1/p')
	curl -sf -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$2" "$location&digest=$digest"
	echo "$digest"
}

# put_manifest REPOSITORY:TAG FILE: prints its digest.
put_manifest() {
	curl -sf -o /dev/null -X PUT -H "Content-Type: $(jq -r .mediaType "$2")" --data-binary "@$2" "http://$REGISTRY/v2/${1%:*}/manifests/${1##*:}"
	echo "sha256:$(sha256sum "$2" | cut -d' ' -f1)"
}

unpacked() { # layer
	case $1 in
	*zst) zstd -dcq --long=27 "$1" ;;
	*xz) xz -dc "$1" ;;
	*) gzip -dc "$1" ;;
	esac
}

# make_image REPOSITORY:TAG ARCHITECTURE LAYER.tar.gz…: puts an OCI image together in the registry; prints the manifest's digest.
make_image() {
	local to=$1 architecture=$2 layer layers=() diff_ids=() config
	shift 2
	for layer; do
		layers+=("{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"size\":$(stat -c %s "$layer"),\"digest\":\"$(put_blob "${to%:*}" "$layer")\"}")
		diff_ids+=("\"sha256:$(unpacked "$layer" | sha256sum | cut -d' ' -f1)\"")
	done
	config=$(mktemp "$T/config.XXXXXX")
	jq -nc --argjson ids "[$(IFS=,; echo "${diff_ids[*]}")]" --arg a "$architecture" \
		'{architecture: $a, os: "linux", config: {}, rootfs: {type: "layers", diff_ids: $ids}}' >"$config"
	jq -nc --argjson layers "[$(IFS=,; echo "${layers[*]}")]" --arg digest "$(put_blob "${to%:*}" "$config")" --argjson size "$(stat -c %s "$config")" \
		'{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
		  config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $digest, size: $size}, layers: $layers}' >"$config.manifest"
	put_manifest "$to" "$config.manifest"
}

# make_index REPOSITORY:TAG ARCHITECTURE=TAG…: an index of images that are there; prints its digest.
make_index() {
	local to=$1 pair entries=()
	shift
	for pair; do
		curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' -o "$T/entry" "http://$REGISTRY/v2/${to%:*}/manifests/${pair#*=}"
		entries+=("{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":$(stat -c %s "$T/entry"),
			\"digest\":\"sha256:$(sha256sum "$T/entry" | cut -d' ' -f1)\",\"platform\":{\"os\":\"linux\",\"architecture\":\"${pair%%=*}\"}}")
	done
	jq -nc --argjson entries "[$(IFS=,; echo "${entries[*]}")]" \
		'{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: $entries}' >"$T/index.json"
	put_manifest "$to" "$T/index.json"
}

# The digest of the Nth layer's blob (from 0), by the registry's manifest.
layer_digest() { # repository:tag n
	registry_manifest "$1" | jq -r ".layers[$2].digest"
}

id_in_registry() { # repository:tag
	registry_manifest "$1" | jq -r '.config.digest' | cut -d: -f2
}

layers_here() {
	find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l
}

# No image, no layer, nothing staged; what was being fetched may wait for the next time.
expect_nothing_here() {
	expect_equal "$(find "$ROOT/images" "$ROOT/layers" "$ROOT/refs" -mindepth 1 2>/dev/null; staged)" ""
}

expect_no_partials() {
	expect_equal "$(find "$ROOT/blobs/partial" -type f)" ""
}
