#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# save: images as archives and directories. The image keeps its id and its layers their digests, whoever loads it: podman, skopeo or coracle itself.

load helpers

setup() {
	common_setup
	load_image busybox
	ID=$(id_of busybox)
}

id_of() {
	coracle image inspect --format '{{.Id}}' "$1"
}

# An image of another layer on top of that of busybox.
make_second() { # name
	coracle run --name maker busybox sh -c 'echo more >/more; rm /etc/group'
	coracle commit -q maker "$1" >/dev/null
	coracle rm maker >/dev/null
}

# The image that an archive gives in an empty store.
loaded_id() { # file
	coracle --root "$T/other" load -q -i "$1" >/dev/null
	coracle --root "$T/other" images -q --no-trunc
}

podman_id() { # file
	podman load -q -i "$1" >/dev/null
	podman images -q --no-trunc
	podman rmi -fa >/dev/null
}

@test "a docker-archive has configuration and layers byte for byte, under the names of their digests" {
	coracle save -o a.tar busybox
	mkdir a && tar -C a -xf a.tar
	[[ $(jq -c '.[] | [.Config, .RepoTags]' a/manifest.json) == "[\"$ID.json\",[\"localhost/busybox:latest\"]]" ]]
	cmp "a/$ID.json" "$ROOT/images/$ID/config"
	cmp "a/$(jq -r '.[0].Layers[0]' a/manifest.json)" "$CORACLE_TEST_CACHE/busybox.rootfs.tar"
	expect_equal "$(podman_id a.tar)" "sha256:$ID"
	expect_equal "$(loaded_id a.tar)" "sha256:$ID"
	expect_equal "$(coracle --root "$T/other" images --format '{{.Repository}}:{{.Tag}}')" localhost/busybox:latest
}

@test "the same image gives the same bytes, to standard output too" {
	make_second two
	coracle save -q -o a.tar two
	coracle save -q two | cmp - a.tar
	coracle save -q --format oci-archive two >b.tar
	coracle save -q --format oci-archive -o c.tar two
	cmp b.tar c.tar
}

@test "an oci-archive keeps the id, compressed or not, and podman and skopeo read it" {
	make_second two
	local id
	id=sha256:$(id_of two)
	coracle save --format oci-archive -o a.tar two
	coracle save --format oci-archive --uncompressed -o b.tar two
	[[ $(stat -c %s a.tar) -lt $(($(stat -c %s b.tar) / 3 * 2)) ]]
	local archive
	for archive in a.tar b.tar; do
		expect_equal "$(podman_id "$archive")" "$id"
		expect_equal "$(loaded_id "$archive")" "$id"
		expect_equal "sha256:$(skopeo inspect --raw --config "oci-archive:$archive" | sha256sum | cut -d' ' -f1)" "$id"
		expect_equal "$(skopeo inspect --config "oci-archive:$archive" | jq -c .rootfs.diff_ids)" \
			"$(jq -c .rootfs.diff_ids "$ROOT/images/${id#sha256:}/config")"
	done
}

@test "oci-dir and docker-dir are directories that skopeo copies and coracle loads" {
	make_second two
	local id kind
	id=sha256:$(id_of two)
	coracle save --format oci-dir -o layout two
	coracle save --format docker-dir -o plain two
	coracle save --format docker-dir --compress -o packed two
	[[ -f layout/index.json && -f plain/manifest.json && $(cat plain/version) == "Directory Transport Version: 1.1" ]]
	[[ $(jq -r '.layers[0].mediaType' plain/manifest.json) == application/vnd.docker.image.rootfs.diff.tar ]]
	[[ $(jq -r '.layers[0].mediaType' packed/manifest.json) == application/vnd.docker.image.rootfs.diff.tar.gzip ]]
	for kind in layout plain packed; do
		expect_equal "$(podman_id "$kind")" "$id"
		expect_equal "$(loaded_id "$kind")" "$id"
		coracle --root "$T/other" rmi -fa >/dev/null
	done
	skopeo copy -q dir:plain dir:copy
	expect_equal "$(loaded_id copy)" "$id"
	coracle --root "$T/other" rmi -fa >/dev/null
	skopeo copy -q oci:layout dir:copied
	expect_equal "$(loaded_id copied)" "$id"
	[[ -z $(find layout plain packed -name '.*') ]]
}

@test "several images share their layers in one archive; what names none is a further name" {
	make_second two
	coracle save -m -o m.tar two busybox two
	[[ $(tar -tf m.tar | grep -c '\.tar$') == 2 ]]
	coracle save -o n.tar two busybox extra:v1
	[[ $(tar -xOf n.tar manifest.json | jq -c '[.[].RepoTags]') == '[["localhost/two:latest","localhost/extra:v1"],["localhost/busybox:latest"]]' ]]
	podman load -q -i m.tar >/dev/null
	[[ $(podman images --format '{{.Repository}}' | sort | paste -sd' ') == "localhost/busybox localhost/two" ]]
	coracle --root "$T/other" load -q -i n.tar >/dev/null
	[[ $(coracle --root "$T/other" images --sort repository --format '{{.Repository}}:{{.Tag}}' | paste -sd' ') == "localhost/busybox:latest localhost/extra:v1 localhost/two:latest" ]]
	expect_error 125 'several images' coracle save -m --format oci-archive -o x two busybox
	expect_error 125 'no such image' coracle save -m -o y two nosuch
}

@test "an image that was asked for by its id has no name in the archive" {
	coracle save -o a.tar "${ID:0:12}"
	[[ $(tar -xOf a.tar manifest.json | jq -c '.[0].RepoTags') == "[]" ]]
	run coracle --root "$T/other" load -q -i a.tar
	expect_output "Loaded image: sha256:$ID"
}

@test "owners, set-user-ID bits and duplicate names come back from a layer bit for bit" {
	mkdir -p tree/dir
	echo one >tree/file && ln tree/file tree/link && ln -s nowhere tree/symlink && mkfifo tree/fifo && truncate -s 3M tree/hole
	tar -C tree --format=pax --sparse --owner=33 --group=33 -cf odd.tar .
	echo two >tree/file
	tar -C tree --owner=0 --group=0 --mode=4755 -rf odd.tar ./file
	coracle import -q odd.tar odd >/dev/null
	coracle save odd >a.tar
	tar -xOf a.tar "$(tar -xOf a.tar manifest.json | jq -r '.[0].Layers[0]')" | cmp - odd.tar
}

@test "what cannot be saved is said, and nothing is left" {
	expect_error 125 'no such image: nosuch' coracle save -o x.tar nosuch
	expect_error 125 'docker-dir' coracle save --compress -o x.tar busybox
	expect_error 125 'oci-archive and oci-dir' coracle save --uncompressed -o x.tar busybox
	expect_error 125 'needs a directory' coracle save --format oci-dir busybox
	expect_error 125 'No such file' coracle save -o nowhere/x.tar busybox
	[[ ! -e x.tar ]]
	coracle save -o x.tar busybox
	expect_error 125 'there already' coracle save -o x.tar busybox
}

@test "a damaged layer is found, and no archive is left" {
	local diff
	diff=$(echo "$ROOT"/layers/*/diff)
	chmod u+w "$diff/bin/busybox"
	printf x | dd of="$diff/bin/busybox" bs=1 seek=1000 conv=notrunc status=none
	expect_error 125 'damaged' coracle save -o a.tar busybox
	expect_error 125 'damaged' coracle save --format oci-archive -o b.tar busybox
	[[ -z $(find . -maxdepth 1 -name '*.tar*') ]]
	nothing_staged
}

@test "a full disk is said, and no archive is left" {
	expect_error 125 'No space left' coracle save -o /dev/full busybox
	expect_error 125 'No space left' bash -c "'$T/coracle' save busybox >/dev/full"
}

@test "save that is killed leaves neither a file nor a stage" {
	coracle save busybox | head -c 100 >/dev/null
	timeout -s KILL 0.05 "$T/coracle" save -o a.tar --format oci-archive busybox || true
	[[ -z $(find . -maxdepth 1 -name 'a.tar*') || -s a.tar ]]
	load_image busybox # sweeps
	wait_until 10 nothing_staged
}

# A save that has begun, and waits for its reader: descriptor 9.
begin_save() {
	mkfifo pipe
	"$T/coracle" save -q busybox >pipe 2>out 3>&- &
	SAVE=$!
	exec 9<pipe
	head -c 1000 <&9 >whole.tar
}

end_save() {
	cat <&9 >>whole.tar
	exec 9<&-
	wait "$SAVE" || { cat out; false; }
	expect_equal "$(loaded_id whole.tar)" "sha256:${ID#sha256:}"
}

@test "nobody waits for a save: the image is removed meanwhile, and arrives whole" {
	begin_save
	coracle rmi busybox >/dev/null
	kill -0 "$SAVE"
	end_save
	expect_equal "$(staged)" ""
}

@test "a save whose image was removed and came back meanwhile empties the trash" {
	begin_save
	coracle rmi busybox >/dev/null
	load_image busybox
	[[ -n $(find "$ROOT/trash" -mindepth 2 -name diff) ]]
	end_save
	expect_equal "$(staged)" ""
}

@test "in single-id mode an image is saved with its true owners" {
	with_one_id "$T/coracle" --root "$T/one" load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
	with_one_id "$T/coracle" --root "$T/one" save -o a.tar busybox
	tar -xOf a.tar "$(tar -xOf a.tar manifest.json | jq -r '.[0].Layers[0]')" | cmp - "$CORACLE_TEST_CACHE/busybox.rootfs.tar"
}

@test "an image whose manifest does not say of what kind its configuration is" {
	mkdir layout
	tar -C layout --no-same-owner -xf "$CORACLE_TEST_CACHE/busybox.tar"
	local manifest
	manifest=layout/blobs/sha256/$(jq -r '.manifests[0].digest' layout/index.json | cut -d: -f2)
	jq -c 'del(.config.mediaType)' "$manifest" >manifest
	cp manifest "layout/blobs/sha256/$(sha256sum manifest | cut -d' ' -f1)"
	jq -c --arg digest "sha256:$(sha256sum manifest | cut -d' ' -f1)" --argjson size "$(stat -c %s manifest)" \
		'.manifests[0] |= (.digest = $digest | .size = $size)' layout/index.json >index
	mv index layout/index.json
	coracle rmi busybox
	coracle load -q -i layout
	coracle save -q --format oci-archive -o a.tar busybox
	expect_equal "$(loaded_id a.tar)" "sha256:$ID"
	coracle save -q --format docker-dir -o directory busybox
	expect_equal "$(jq -r .config.digest directory/manifest.json)" "sha256:$ID"
}
