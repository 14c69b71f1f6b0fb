#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# images, rmi, tag, untag, image exists and image inspect.

load helpers

# An image of one file; prints its id.
make_image() { # content, then options of import and a name
	local tree=$T/tree content=$1
	shift
	mkdir -p "$tree"
	echo "$content" >"$tree/file"
	tar -C "$tree" --mtime=@0 -cf "$T/tree.tar" file
	coracle import -q "${@:1:$#-1}" "$T/tree.tar" ${!#:+"${!#}"}
}

@test "images lists each name, newest image first" {
	make_image one localhost/one:latest
	make_image two ""
	coracle tag one one:v1 quay.io/some/where:2
	run coracle images --format '{{.Repository}} {{.Tag}}'
	expect_output $'<none> <none>\nlocalhost/one latest\nlocalhost/one v1\nquay.io/some/where 2'
	run coracle images
	[[ ${lines[0]} =~ ^REPOSITORY\ +TAG\ +IMAGE\ ID\ +CREATED\ +SIZE$ ]]
	[[ ${lines[2]} =~ ^localhost/one\ +latest\ +[0-9a-f]{12}\ +.*ago\ +4\ B$ ]]
	run coracle images --digests --noheading one:v1
	[[ ${#lines[@]} == 1 && $output =~ ^localhost/one\ +v1\ +sha256:[0-9a-f]{64}\  ]]
	run coracle images -q --no-trunc
	[[ ${#lines[@]} == 2 && ${lines[1]} =~ ^sha256:[0-9a-f]{64}$ ]]
}

@test "images without any" {
	run coracle images
	[[ ${#lines[@]} == 1 ]]
	run coracle images -q
	expect_output ""
	run coracle images --format json
	expect_output "[]"
}

@test "images filters" {
	local one two
	one=$(make_image one -c LABEL=kind=old localhost/one:latest)
	sleep 0.01
	two=$(make_image two -c LABEL=kind=new -c LABEL=big= localhost/two:v2)
	make_image three ""
	coracle tag one quay.io/other/one:v9
	names() { coracle images --sort repository --format '{{.Repository}}:{{.Tag}}' "$@" | paste -sd' '; }
	[[ $(names -f dangling=true) == '<none>:<none>' ]]
	[[ $(names -f dangling=false) == 'localhost/one:latest localhost/two:v2 quay.io/other/one:v9' ]]
	[[ $(names -f label=kind=new) == 'localhost/two:v2' ]]
	[[ $(names -f label=kind=new -f label=big) == 'localhost/two:v2' ]]
	[[ $(names -f label=kind=old -f label=big) == '' ]]
	[[ $(names -f 'label!=kind') == '<none>:<none>' ]]
	[[ $(names -f before=two:v2) == 'localhost/one:latest quay.io/other/one:v9' ]]
	[[ $(names -f since=two:v2) == '<none>:<none>' ]]
	[[ $(names -f reference='one*:v*') == 'quay.io/other/one:v9' ]]
	[[ $(names -f reference=two -f reference='*/one') == 'localhost/one:latest localhost/two:v2 quay.io/other/one:v9' ]]
	[[ $(names -f id="${two:7:10}") == 'localhost/two:v2' ]]
	[[ $(names "${one:7:12}") == 'localhost/one:latest quay.io/other/one:v9' ]]
	[[ $(names 'o*') == 'localhost/one:latest quay.io/other/one:v9' ]]
	run coracle images -f nonsense=1
	expect_status 125
	expect_match 'KEY=VALUE'
	run coracle images -f before=nothing
	expect_status 125
	expect_match 'no such image: nothing'
}

@test "images --format json has podman's members" {
	make_image one -c LABEL=kind=old localhost/one:latest
	coracle tag one one:v1
	run coracle images --format json
	[[ $(jq -r '.[0] | [.Names[]] | join(" ")' <<<"$output") == 'localhost/one:latest localhost/one:v1' ]]
	[[ $(jq -r '.[0] | "\(.Labels.kind) \(.Size) \(.Id | length) \(.Created | type) \(.Containers)"' <<<"$output") == 'old 4 64 number 0' ]]
	[[ $(jq length <<<"$output") == 1 ]]
	run coracle images --format '{{index .Labels "kind"}} {{.Digest}}' one:v1
	expect_match '^old sha256:'
}

@test "rmi by name untags, and deletes with the last name" {
	local id
	id=$(make_image one localhost/one:latest)
	coracle tag one one:v1
	run coracle rmi one:v1
	expect_output "Untagged: localhost/one:v1"
	coracle image exists one
	run coracle rmi one
	expect_output $'Untagged: localhost/one:latest\nDeleted: '"${id#sha256:}"
	run coracle image exists one
	expect_status 1
	expect_no_images
}

@test "rmi by id wants --force for several names, and keeps layers that others have" {
	local id other
	id=$(make_image one localhost/one:latest)
	other=$(make_image one -c LABEL=a=b localhost/other:latest)
	[[ $id != "$other" && $(ls "$ROOT/layers" | wc -l) == 1 ]]
	coracle tag one one:v1
	run coracle rmi "$id"
	expect_status 125
	expect_match 'several names \(localhost/one:latest, localhost/one:v1\)'
	run coracle rmi --force "${id:7:12}"
	expect_status 0
	expect_match "Deleted: ${id#sha256:}"
	[[ $(ls "$ROOT/layers" | wc -l) == 1 ]]
	coracle rmi -a
	[[ $(ls "$ROOT/layers" | wc -l) == 0 ]]
}

@test "rmi tells what is not there, and goes on" {
	make_image one localhost/one:latest
	run coracle rmi nothing one
	expect_status 1
	expect_match 'no such image: nothing'
	expect_match 'Untagged: localhost/one:latest'
	run coracle rmi -f nothing
	expect_status 0
	expect_output ""
	run coracle rmi -i nothing
	expect_status 0
	run coracle rmi
	expect_status 125
	run coracle rmi -a
	expect_status 0
}

@test "rmi leaves alone what a container has, unless forced" {
	make_image one localhost/one:latest
	coracle create --name c one /file
	run coracle rmi one
	expect_status 2
	expect_match "in use by container"
	coracle tag one one:v1
	run coracle rmi one:v1
	expect_output "Untagged: localhost/one:v1"
	run coracle images --filter containers=true --format '{{.Containers}}'
	expect_output 1
	make_image two localhost/two:latest
	run coracle rmi -a
	expect_status 2
	expect_match 'image localhost/one:latest is in use by container'
	expect_match 'Untagged: localhost/two:latest'
	run coracle rmi -f one
	expect_status 0
	[[ -z $(coracle ps -aq) && -z $(coracle images -q) ]]
}

@test "rmi --all --force removes containers too" {
	make_image one localhost/one:latest
	make_image two ""
	coracle tag one one:v1
	coracle create one /file
	run coracle rmi --all --force
	expect_status 0
	[[ -z $(coracle ps -aq) && -z $(coracle images -q) ]]
	[[ -z $(find "$ROOT/images" "$ROOT/layers" "$ROOT/refs" "$ROOT/containers" -mindepth 1) ]]
}

@test "tag and untag" {
	make_image one localhost/one:latest
	make_image two localhost/two:latest
	run coracle tag one a/b:c UPPER
	expect_status 125
	expect_match 'lower case'
	run coracle image exists a/b:c
	expect_status 1
	coracle tag one a/b:c docker.io/x
	run coracle images --sort repository --format '{{.Repository}}:{{.Tag}}' "$(coracle images -q one)"
	expect_output $'docker.io/library/x:latest\nlocalhost/a/b:c\nlocalhost/one:latest'
	# A name moves.
	coracle tag two one
	[[ $(coracle images -q one) == "$(coracle images -q two)" ]]
	run coracle untag two a/b:c
	expect_status 125
	expect_match 'not a name of image'
	coracle untag a/b:c a/b:c
	coracle image exists x
	coracle untag x
	[[ $(coracle images -q -f dangling=true | wc -l) == 1 ]]
}

@test "image inspect" {
	local id
	id=$(make_image one -c LABEL=kind=old -c ENV=A=b -c 'CMD=["/x"]' localhost/one:latest)
	run coracle image inspect one
	[[ $(jq -r '.[0] | "\(.Id) \(.RepoTags[0]) \(.Config.Env[0]) \(.Config.Cmd[0]) \(.Labels.kind) \(.Os) \(.Size) \(.RootFS.Layers | length)"' <<<"$output") == \
		"${id#sha256:} localhost/one:latest A=b /x old linux 4 1" ]]
	[[ $(jq -r '.[0].RepoDigests[0]' <<<"$output") == "localhost/one@$(jq -r '.[0].Digest' <<<"$output")" ]]
	run coracle image inspect --format '{{.Id}} {{.ManifestType}} {{.Author}} {{.GraphDriver.Name}} {{len .History}}' one
	expect_match "^${id#sha256:} application/vnd.oci.image.manifest.v1.json  [a-z-]+ [0-9]+$"
}
