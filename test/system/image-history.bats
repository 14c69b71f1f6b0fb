#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# history, image tree, images --tree and --history: how images came to be, and which is made of which. image mount: their files.

load helpers

setup() {
	common_setup
	load_image busybox
	BUSYBOX=$(id_of busybox)
}

teardown() {
	coracle image unmount --all --force >/dev/null
	common_teardown
}

id_of() {
	coracle image inspect --format '{{.Id}}' "$1"
}

# An image of one more file of the given size.
grow() { # from to bytes
	coracle run --name grower "$1" sh -c "head -c $3 /dev/zero >/$2"
	coracle commit -q -m "with $2" grower "$2" >/dev/null
	coracle rm grower >/dev/null
}

@test "history lists the steps, those that are images by their ids" {
	grow busybox one 1000
	grow one two 2000
	expect_equal "$(coracle history -q --no-trunc two)" "$(id_of two)"$'\n'"$(id_of one)"$'\n'"$BUSYBOX"
	coracle rmi one >/dev/null
	run coracle history two
	[[ ${lines[0]} =~ ^ID\ +CREATED\ +CREATED\ BY\ +SIZE\ +COMMENT$ && ${#lines[@]} == 4 ]]
	[[ ${lines[1]} =~ \ ago\ +sh\ -c\ head\ -c\ 2000\ /dev/zero\ \>/two\ +2\ kB\ +with\ two$ ]]
	[[ ${lines[2]} =~ ^\<missing\>\ .*\ 1\ kB\ +with\ one$ ]]
	[[ ${lines[3]} =~ ^${BUSYBOX:0:12}\ +[0-9]+\ years\ ago\ +made\ from\ distribution\ packages ]]
	expect_equal "$(coracle history --human=false --format '{{.Size}} {{.Created}}' busybox)" "$(find "$ROOT"/layers/"$(coracle image inspect --format '{{index .RootFS.Layers 0}}' busybox | cut -c8-)"/diff -type f -printf '%s\n' | awk '{s += $1} END {print s}') 2024-01-02T03:04:05Z"
	expect_equal "$(coracle history --format json two | jq -c '.[1] | [.id, .size, .comment]')" '["<missing>",1000,"with one"]'
	expect_equal "$(coracle history --format '{{.Comment}}|{{.CreatedAt}}' busybox)" '|2024-01-02 03:04:05 +0000 UTC'
	expect_error 125 'no such image' coracle history nosuch
}

@test "history cuts long commands, and keeps them with --no-trunc" {
	grow busybox a_rather_long_name_for_an_image_of_one_file 1
	expect_matches "$(coracle history a_rather_long_name_for_an_image_of_one_file)" 'sh -c head -c 1 /dev/zero >/a_rather_long_\.\.\. '
	expect_matches "$(coracle history --no-trunc a_rather_long_name_for_an_image_of_one_file)" 'sh -c head -c 1 /dev/zero >/a_rather_long_name_for_an_image_of_one_file '
}

@test "history has a line for each step, whatever an image says of it" {
	coracle create --name maker busybox
	coracle commit -q -m $'two\nlines\t\e[2J' maker said
	coracle rm maker
	run coracle history said
	[[ ${#lines[@]} == 3 && $output != *$'\e'* ]]
	expect_matches "${lines[1]}" ' two lines  \[2J$'
	expect_equal "$(coracle history --no-trunc --format '{{.Comment}}' said | head -n 2)" $'two\nlines\t\e[2J'
	expect_equal "$(coracle history --format json said | jq -r '.[0].comment')" $'two\nlines\t\e[2J'
	# What is cut is cut at a character.
	coracle create --name maker busybox sh -c "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaäöüäöüäöüäöü"
	coracle commit -q maker umlauts
	coracle history umlauts | iconv -f UTF-8 -t UTF-8 >/dev/null
	coracle rm maker
}

@test "image tree shows the layers, and those that others laid over them" {
	grow busybox one 1000
	grow one two 20000
	grow busybox other 30
	local base=${BUSYBOX:0:12}
	run coracle image tree two
	expect_equal "${lines[0]}|${lines[1]}|${lines[3]}" "Image ID: $(id_of two | cut -c1-12)|Tags:     [localhost/two:latest]|Image Layers"
	[[ ${#lines[@]} == 7 && ${lines[4]} == "├── ID: "*" Top Layer of: [localhost/busybox:latest]" ]]
	[[ ${lines[5]} == "├── ID: "*" Size:     1kB Top Layer of: [localhost/one:latest]" ]]
	[[ ${lines[6]} == "└── ID: "*" Size:    20kB Top Layer of: [localhost/two:latest]" ]]
	run coracle image tree --whatrequires busybox
	[[ ${#lines[@]} == 8 && $output == *"[localhost/other:latest]"* && $output == *"[localhost/two:latest]"* ]]
	run coracle images --tree
	[[ $output == *"localhost/busybox:latest"*"$base"*"─ localhost/o"*"   └─ localhost/two:latest"* || $output == *"│  └─ localhost/two:latest"* ]]
	expect_equal "$(coracle images --format '{{.ParentId}}' two)" "$(id_of one)"
	expect_error 125 'contradict' coracle images --tree -q
}

@test "images: further filters and the names of an image" {
	grow busybox one 10
	coracle tag one more:v1
	local digest
	digest=$(coracle images --format '{{.Digest}}' one)
	expect_equal "$(coracle images -q -f "digest=${digest:0:20}")" "$(id_of one | cut -c1-12)"
	expect_equal "$(coracle images -q -f readonly=true)$(coracle images -q -f manifest=true)$(coracle images -q -f intermediate=true)" ""
	expect_equal "$(coracle images -q -f readonly=false -f manifest=false | wc -l)" 2
	run coracle images --history --noheading one:latest
	expect_match ' localhost/more:v1, localhost/one:latest$'
	expect_error 125 'manifest' coracle images -f nosuch=1
	expect_error 125 'maybe' coracle images -f manifest=maybe
}

@test "image mount shows an image's files without a container, until it is unmounted" {
	grow busybox one 10
	local where
	where=$(coracle image mount one)
	[[ $(stat -c %s "$where/one") == 10 && $(cat "$where/var/www/index.html") == 'welcome to busybox' ]]
	expect_no touch "$where/new"
	expect_equal "$(coracle image mount one)" "$where"
	expect_matches "$(coracle image mount one busybox)" "localhost/one:latest +$where"
	expect_equal "$(coracle image mount --format json | jq -c 'sort_by(.Repositories) | [.[].Repositories[0]]')" '["localhost/busybox:latest","localhost/one:latest"]'
	(cd "$where" && expect_error 125 'busy|in use' coracle image unmount one)
	(cd "$where" && expect_no coracle rmi one)
	# A file that was just closed is let go of a little later (FUSE).
	unmounts() { unmounted=$(coracle image unmount one); }
	wait_until 5 unmounts
	expect_equal "$unmounted" "$(id_of one)"
	[[ ! -e $where ]]
	coracle rmi -f busybox one >/dev/null
	expect_equal "$(coracle image mount)" ""
	expect_equal "$(ls "$RUNROOT/images")" ""
}

@test "a mounted image is not pruned, and reset unmounts it" {
	grow busybox one 10
	local where
	where=$(coracle image mount one)
	coracle untag one
	coracle image prune -f >/dev/null
	coracle system prune -a -f >/dev/null
	expect_equal "$(coracle images --noheading | wc -l)" 1
	[[ $(stat -c %s "$where/one") == 10 ]]
	coracle image unmount --all >/dev/null
	expect_matches "$(coracle image prune -f)" 'deleted: sha256:'
	load_image busybox
	where=$(coracle image mount busybox)
	coracle system reset -f
	[[ ! -e $where ]]
	expect_no grep -qF " $where " /proc/self/mountinfo
}

@test "image mount in a user and a mount namespace is the kernel's, and goes with them" {
	unshare --user --map-current-user --keep-caps --mount bash -c '
		where=$("$T/coracle" image mount busybox) && cat "$where/var/www/index.html" && grep -c " $where " /proc/self/mountinfo && grep -c fuse /proc/self/mountinfo' >seen || true
	expect_equal "$(sed -n 1,2p seen)" $'welcome to busybox\n1'
	expect_equal "$(coracle image mount)" ""
	coracle image unmount busybox >/dev/null
	expect_error 125 'no such image' coracle image mount nosuch
	expect_error 125 '\-\-all' coracle image unmount
}
