#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# manifest: lists of images beside those of podman and buildah, and what skopeo, podman and buildah find in the registry.

load helpers
load registry

setup() {
	common_setup
	start_registry
}

teardown() {
	end_registries
	common_teardown
}

# An image here for another machine; what it says is in /of.
import_image() { # name architecture [variant]
	mkdir -p "rootfs/$2"
	echo "$2" >"rootfs/$2/of"
	tar -C "rootfs/$2" --sort=name --mtime=@0 --owner=0 --group=0 -cf "rootfs/$2.tar" .
	coracle import -q --arch "$2" ${3+--variant "$3"} "rootfs/$2.tar" "$1"
}

# buildah in a store of this test's own.
buildah() {
	mkdir -p "$T/podman/runtime"
	XDG_RUNTIME_DIR=$T/podman/runtime command buildah --root "$T/podman/root" --runroot "$T/podman/run" --registries-conf "$HOME/.config/containers/registries.conf" "$@"
}

# What a list or index says of its images, in one order of members.
entries() {
	jq -cS '[.manifests[]? | {digest, size, mediaType, platform, annotations: (.annotations // {})}] | sort_by(.digest)'
}

ours() { # list
	coracle manifest inspect "$1" | entries
}

@test "create, add, annotate, remove: the list says what podman's says" {
	seed_image busybox one:1
	import_image other arm64 v8
	coracle push -q localhost/other "$REGISTRY/two:1"
	theirs() { podman manifest inspect localhost/list | entries; }
	both() { # subcommand… : by both, with podman's way to say that a registry is plain
		coracle manifest "$@" >/dev/null
		podman manifest "$@" >/dev/null
		expect_equal "$(ours list)" "$(theirs)"
	}
	both create list
	both add list "docker://$REGISTRY/one:1"
	both add --annotation color=blue --annotation shape= list "docker://$REGISTRY/two:1"
	both annotate --arch ppc64le --os-version 7 list "$(registry_digest one:1)"
	both annotate --variant v9 --annotation color=red list "$(registry_digest two:1)"
	both remove list "$(registry_digest one:1)"
	both add --os linux --arch s390x list "docker://$REGISTRY/one:1"
	expect_equal "$(ours list | jq -c 'map(.platform.architecture) | sort')" '["arm64","s390x"]'
	# Podman takes these and says them nowhere.
	coracle manifest annotate --features a,b --os-features c list "$(registry_digest one:1)"
	expect_equal "$(ours list | jq -c '.[] | select(.platform.architecture == "s390x") | .platform | [.features, .["os.features"]]')" '[["a","b"],["c"]]'
}

@test "a list is named, shown, tagged and removed as images are" {
	load_image busybox
	local id
	id=$(coracle manifest create tools localhost/busybox)
	expect_equal "$(coracle images --no-trunc --format '{{.ID}}' localhost/tools)" "sha256:$id"
	coracle tag tools registry.example.com/tools:2
	expect_equal "$(coracle manifest add --os-version 7 "${id:0:12}" "localhost/busybox")" "$id"
	expect_equal "$(ours registry.example.com/tools:2)" "$(ours tools)"
	coracle manifest exists tools
	expect_equal "$(coracle run --rm tools echo in)" in
	expect_equal "$(coracle image inspect --format '{{.Id}}' tools)" "$(coracle image inspect --format '{{.Id}}' localhost/busybox)"
	expect_error 125 'has several names' coracle rmi "$id"
	run coracle manifest rm tools
	expect_output "Untagged: localhost/tools:latest"
	run coracle rmi registry.example.com/tools:2
	expect_equal "${lines[1]}" "Deleted: $id"
	run coracle manifest exists tools
	expect_status 1
	run coracle manifest exists busybox
	expect_status 1
	expect_equal "$(coracle run --rm busybox echo still)" still
	expect_equal "$(ls "$ROOT/images" | wc -l)" 1
}

@test "where files or a configuration are wanted, a list means its image for this machine" {
	load_image busybox
	local id command words
	id=$(coracle image inspect --format '{{.Id}}' localhost/busybox)
	import_image other s390x
	coracle manifest create tools localhost/other localhost/busybox
	for command in history 'image tree' 'image diff' diff; do
		IFS=' ' read -ra words <<<"$command"
		expect_equal "$(coracle "${words[@]}" tools)" "$(coracle "${words[@]}" localhost/busybox)"
		[[ -n $(coracle "${words[@]}" tools) ]]
	done
	# It is saved and pushed by the list's name.
	coracle save -q -o tools.tar tools
	expect_equal "$(tar -xOf tools.tar manifest.json | jq -c '.[0] | [.Config, .RepoTags]')" "[\"$id.json\",[\"localhost/tools:latest\"]]"
	coracle push -q tools "$REGISTRY/tools:1"
	expect_equal "$(registry_manifest tools:1 | jq -r .config.digest)" "sha256:$id"
	expect_equal "$(coracle run --rm --mount type=image,source=tools,destination=/mnt busybox ls /mnt)" \
		"$(coracle run --rm --mount type=image,source=localhost/busybox,destination=/mnt busybox ls /mnt)"
	coracle create --name of-list tools
	expect_equal "$(coracle ps -a --filter ancestor=tools --format '{{.Names}}')" of-list
	coracle rm of-list
	# One that is not here is said.
	coracle manifest create foreign localhost/other
	expect_error 125 'linux/s390x' coracle save -q -o none.tar foreign
	[[ ! -e none.tar ]]
	# The lists themselves are what can be asked for.
	expect_equal "$(coracle images --filter manifest=true --format '{{.Repository}}' | sort | xargs)" "localhost/foreign localhost/tools"
	expect_equal "$(coracle images --filter manifest=false --format '{{.Repository}}' | sort | xargs)" "localhost/busybox localhost/other"
}

@test "push: the digest is skopeo's, and podman and coracle pull each machine's image of it" {
	import_image a amd64
	import_image b arm64 v8
	import_image c s390x
	coracle manifest create list a b c
	run --separate-stderr coracle manifest push --digestfile digest list "$REGISTRY/list:1"
	expect_status 0
	expect_output "$(registry_digest list:1)"
	expect_equal "$(<digest)" "$output"
	expect_equal "sha256:$(registry_manifest list:1 | sha256sum | cut -d' ' -f1)" "$output"
	skopeo copy -q --all --insecure-policy --src-tls-verify=false "docker://$REGISTRY/list:1" "dir:$T/all"
	local arch
	for arch in amd64 arm64 s390x; do
		podman pull -q --arch "$arch" "$REGISTRY/list:1" >/dev/null
		expect_equal "$(podman image inspect --format '{{.Architecture}} {{.Id}}' "$REGISTRY/list:1")" \
			"$arch $(coracle image inspect --format '{{.Id}}' "$(case $arch in amd64) echo a ;; arm64) echo b ;; *) echo c ;; esac)")"
		coracle pull -q --arch "$arch" "$REGISTRY/list:1"
		expect_equal "$(coracle image inspect --format '{{.Architecture}}' "$REGISTRY/list:1")" "$arch"
	done
	# A second time nothing but manifests has to be sent.
	coracle manifest push -q list "$REGISTRY/list:2"
	expect_equal "$(registry_digest list:2)" "$(registry_digest list:1)"
}

@test "push --format v2s2: Docker's list of Docker's images, without annotations" {
	import_image a amd64
	coracle manifest create list
	coracle manifest add --annotation a=b list a
	coracle manifest push -f v2s2 list "$REGISTRY/list:1"
	expect_equal "$(registry_manifest list:1 | jq -c '[.mediaType, .manifests[0].mediaType, .manifests[0].annotations]')" \
		'["application/vnd.docker.distribution.manifest.list.v2+json","application/vnd.docker.distribution.manifest.v2+json",null]'
	podman pull -q --arch amd64 "$REGISTRY/list:1" >/dev/null
	coracle manifest push --format oci list "$REGISTRY/list:2"
	expect_equal "$(registry_manifest list:2 | jq -c '[.mediaType, .manifests[0].annotations]')" '["application/vnd.oci.image.index.v1+json",{"a":"b"}]'
}

@test "images that are in registries are copied: from another repository, and from another registry, byte for byte" {
	seed_image busybox here:1
	local first=$REGISTRY second digest
	digest=$(registry_digest here:1)
	coracle manifest create list "docker://$REGISTRY/here:1"
	coracle manifest push list "$REGISTRY/there:1"
	expect_equal "$(registry_manifest there:1 | jq -r '.manifests[0].digest')" "$digest"
	expect_equal "$(registry_manifest "there@$digest")" "$(registry_manifest here:1)"
	start_registry
	second=$REGISTRY
	coracle manifest push list "$second/elsewhere:1"
	skopeo copy -q --all --insecure-policy --src-tls-verify=false "docker://$second/elsewhere:1" "dir:$T/all"
	expect_equal "$(skopeo inspect --tls-verify=false --raw "docker://$second/elsewhere@$digest" | sha256sum)" \
		"$(skopeo inspect --tls-verify=false --raw "docker://$first/here:1" | sha256sum)"
	# The list alone, without its images, is nothing that a registry takes where they are not.
	expect_error 125 'manifest' coracle manifest push --all=false list "$second/alone:1"
	coracle manifest push --all=false list "$second/elsewhere:2"
	expect_equal "$(registry_digest elsewhere:2)" "$(registry_digest elsewhere:1)"
}

@test "push --creds: they are for where the list goes, and the registry that an image is copied from does not see them" {
	end_registries
	start_registry htpasswd
	seed_image busybox app:1
	local from=$REGISTRY
	start_registry htpasswd
	make_user bob there
	export REGISTRY_AUTH_FILE=$T/auth.json
	jq -n --arg from "$from" '{auths: {($from): {auth: "alice:secret" | @base64}}}' >"$REGISTRY_AUTH_FILE"
	coracle manifest create list
	coracle manifest add list "docker://$from/app:1"
	# bob is unknown there.
	coracle manifest push --retry 0 --creds bob:there list "docker://$REGISTRY/copied:1"
	expect_equal "$(registry_manifest copied:1 | entries)" "$(ours list)"
	skopeo --insecure-policy copy -q --src-tls-verify=false --src-creds bob:there "docker://$REGISTRY/copied:1" "dir:$T/copied"
	# In the same registry they are for both.
	seed_image busybox here:1
	coracle manifest create second
	coracle manifest add --creds bob:there second "docker://$REGISTRY/here:1"
	coracle manifest push --retry 0 --creds bob:there second "docker://$REGISTRY/copied:2"
	expect_equal "$(registry_manifest copied:2 | entries)" "$(ours second)"
}

@test "an index that buildah has pushed: --all takes it whole, else the image for this machine or the one that is asked for" {
	import_image a amd64
	import_image b arm64 v8
	coracle push -q localhost/a "$REGISTRY/a:1"
	coracle push -q localhost/b "$REGISTRY/b:1"
	buildah manifest create theirs >/dev/null
	buildah manifest add theirs "docker://$REGISTRY/a:1" >/dev/null
	buildah manifest add theirs "docker://$REGISTRY/b:1" >/dev/null
	buildah manifest push -q --all --format oci theirs "docker://$REGISTRY/theirs:1"
	coracle manifest create --all whole "docker://$REGISTRY/theirs:1"
	expect_equal "$(ours whole)" "$(registry_manifest theirs:1 | entries)"
	expect_equal "$(ours "docker://$REGISTRY/theirs:1")" "$(registry_manifest theirs:1 | entries)"
	coracle manifest create one "$REGISTRY/theirs:1"
	expect_equal "$(ours one)" "$(registry_manifest theirs:1 | jq '{manifests: [.manifests[] | select(.platform.architecture == "amd64")]}' | entries)"
	coracle manifest create arm
	coracle manifest add --arch arm64 --variant v8 arm "docker://$REGISTRY/theirs:1"
	expect_equal "$(ours arm)" "$(registry_manifest theirs:1 | jq '{manifests: [.manifests[] | select(.platform.architecture == "arm64")]}' | entries)"
	coracle manifest create --all copy whole
	expect_equal "$(ours copy)" "$(ours whole)"
	coracle manifest push --rm copy "$REGISTRY/copy:1"
	expect_equal "$(registry_manifest copy:1 | entries)" "$(registry_manifest theirs:1 | entries)"
	run coracle manifest exists copy
	expect_status 1
}

@test "many add to one list at once: nothing is lost" {
	load_image busybox
	local i pids=()
	for i in 1 2 3 4 5 6; do import_image "i$i" "a$i"; done
	coracle manifest create list
	for i in 1 2 3 4 5 6; do
		coracle manifest add list "localhost/i$i" >/dev/null &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	expect_equal "$(coracle manifest inspect list | jq -c '[.manifests[].platform.architecture] | sort')" '["a1","a2","a3","a4","a5","a6"]'
}

@test "mistakes are said, and change nothing" {
	load_image busybox
	coracle manifest create list localhost/busybox
	local before
	before=$(ours list)
	expect_error 125 'the name localhost/list:latest is taken by the list .*--amend' coracle manifest create list
	expect_error 125 'the name localhost/busybox:latest is taken by the image' coracle manifest create busybox
	expect_error 125 'busybox:latest is an image, not a list' coracle manifest create --amend busybox
	expect_error 125 'busybox is an image, not a list' coracle manifest add busybox list
	expect_error 125 'busybox is an image, not a list' coracle manifest inspect busybox
	expect_error 125 'busybox is an image, not a list' coracle manifest push busybox "$REGISTRY/x:1"
	expect_error 125 'busybox is an image, not a list' coracle manifest rm busybox
	expect_error 125 'KEY=VALUE, not "wrong"' coracle manifest add --annotation wrong list localhost/busybox
	expect_error 125 'not there for linux/s390x' coracle manifest add --arch s390x list list
	expect_error 125 'is not in the list' coracle manifest remove list "sha256:$(printf '%064d' 0)"
	expect_error 125 'neither a digest nor an image' coracle manifest annotate --arch arm list nowhere
	expect_error 125 'nothing/here' coracle manifest add list "docker://$REGISTRY/nothing/here:1"
	expect_error 125 'cannot be given a digest' coracle manifest create "x@sha256:$(printf '%064d' 0)"
	expect_error 125 'give a tag' coracle manifest push list "$REGISTRY/x@sha256:$(printf '%064d' 0)"
	expect_error 1 'no such image' coracle manifest rm nowhere
	expect_equal "$(ours list)" "$before"
	coracle manifest create --amend list
	expect_equal "$(ours list)" "$before"
	coracle rmi busybox
	expect_error 125 'is not here' coracle run --rm list true
	expect_error 125 'is no longer here' coracle manifest push list "$REGISTRY/x:1"
}
