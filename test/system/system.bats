# SPDX-License-Identifier: Apache-2.0
# system: df, the prune commands, reset, and the sizes of containers.
load helpers

setup() {
	common_setup
	load_image busybox
	"$BATS_TEST_DIRNAME/../small-image" "$T/small.tar" localhost/small:latest label=purpose=test
}

# Bytes of all files below the directory, each once.
bytes() {
	unshare --map-root-user --map-auto find "$1" ! -type d -printf '%i %s\n' | sort -u | awk '{sum += $2} END {print sum + 0}'
}

raw() { # Type Field
	coracle system df --format "{{if eq .Type \"$1\"}}{{.$2}}{{end}}" | tr -d '\n'
}

@test "system: the size of a container is what it has written, whoever owns it" {
	local id
	id=$(coracle create --name one busybox sh -c 'echo 12345 >/f; ln /f /g; mkdir -m 700 /d; head -c 100000 /dev/zero >/d/big; chown -R 33 /d')
	expect_equal "$(coracle inspect --size --format '{{.SizeRw}}' one)" 0
	coracle start --attach one
	expect_equal "$(coracle inspect -s --format '{{.SizeRw}}' one)" 100006
	expect_equal "$(coracle inspect --size --format '{{.SizeRw}}' one)" "$(bytes "$ROOT/containers/$id/upper")"
	expect_equal "$(coracle inspect --size --format '{{.SizeRootFs}}' one)" $((100006 + $(coracle image inspect --format '{{.Size}}' busybox)))
	expect_equal "$(coracle inspect --format '{{.SizeRw}}' one 2>/dev/null)" "$(coracle inspect --format '{{.NoSuchMember}}' one 2>/dev/null)"
	run -0 coracle ps -a --size
	expect_match 'NAMES +SIZE'
	expect_match '100kB \(virtual 2\.0[0-9]MB\)'
	run -0 coracle ps -a
	expect_equal "$(grep -c virtual <<<"$output")" 0
	# The kept number goes with the next start.
	coracle run -d --name two busybox sh -c 'cat /dev/zero | head -c 5000 >/x; sleep 1000'
	written() { [[ $(coracle ps --format '{{.Size}}' --filter name=two) == 5kB* ]]; }
	wait_until 10 written
	coracle exec two sh -c 'echo 123456789 >>/x'
	expect_equal "$(coracle inspect --size --format '{{.SizeRw}}' two)" 5010
	coracle stop -t 0 two
	expect_equal "$(coracle inspect --size --format '{{.SizeRw}}' two)" 5010
	coracle start two
	coracle exec two rm /x
	expect_equal "$(coracle ps -a --sort size --format '{{.Names}}' | tr '\n' ' ')" "two one "
	expect_equal "$(coracle ps -a --size --format json | python3 -c 'import json, sys; print(sorted(c["Size"]["rwSize"] for c in json.load(sys.stdin))[-1])')" 100006
}

@test "system: df counts each layer once, and what is reclaimable is what pruning frees" {
	coracle load -q -i "$T/small.tar"
	coracle tag small localhost/small:again
	coracle run --name one busybox sh -c 'head -c 12345 /dev/zero >/f'
	coracle run -d --name two busybox sleep 1000
	run -0 coracle system df
	expect_equal "$(sed -E 's/ {2,}/|/g' <<<"$output" | cut -d '|' -f 1-3 | sed 's/ *$//')" $'TYPE|TOTAL|ACTIVE\nImages|2|1\nContainers|2|1\nLocal Volumes|0|0\nBuild Cache|0|0'
	local all small
	all=$(($(grep -oh '"size":[0-9]*' "$ROOT"/layers/*/layer.json | cut -d: -f2 | paste -sd+)))
	small=$(coracle image inspect --format '{{.Size}}' small)
	expect_equal "$(raw Images RawSize)" "$all"
	expect_equal "$(raw Images RawReclaimable)" "$small"
	expect_equal "$(raw Containers RawSize)" 12345
	expect_equal "$(raw Containers RawReclaimable)" 12345
	run -0 coracle system df -v
	expect_match 'localhost/small +again +[0-9a-f]{12} .* 0B +70\.1kB +0'
	expect_match 'localhost/busybox +latest .* 1\.98MB +2'
	expect_match '12\.3kB .*one'
	run -0 coracle image prune -a -f
	expect_match 'Total reclaimed space: 70.1kB'
	expect_equal "$(raw Images RawReclaimable)" 0
	run -0 coracle container prune -f
	expect_match 'Total reclaimed space: 12.3kB'
	expect_equal "$(raw Containers RawSize)" 0
}

@test "system: container prune removes what does not run, and asks before" {
	coracle run --name old busybox true
	coracle create --name created --label keep=yes busybox true
	coracle run -d --name up busybox sleep 1000
	run -0 coracle container prune </dev/null
	expect_match 'WARNING! This will remove all stopped containers.'
	expect_match 'Are you sure you want to continue\? \[y/N\]'
	run -0 bash -c "echo n | $T/coracle container prune"
	expect_equal "$(coracle ps -aq | wc -l)" 3
	run -0 bash -c "$T/coracle container prune -f --filter until=1h"
	expect_output 'Total reclaimed space: 0B'
	run -0 bash -c "echo y | $T/coracle container prune --filter label!=keep"
	expect_match 'Deleted Containers:'
	expect_equal "$(coracle ps -a --format '{{.Names}}' | sort | paste -sd' ')" "created up"
	coracle container prune -f --filter label=keep=yes
	expect_equal "$(coracle ps -a --format '{{.Names}}')" up
	expect_error 125 'until, label' coracle container prune -f --filter status=exited
}

@test "system: image prune removes dangling images, with --all those that nobody uses" {
	coracle load -q -i "$T/small.tar"
	local id
	id=$(coracle images -q --no-trunc small)
	coracle untag small
	run -0 bash -c "echo n | $T/coracle image prune"
	expect_match 'all dangling images'
	coracle image exists "$id"
	run -0 coracle image prune -f --filter label=purpose=other
	coracle image exists "$id"
	run -0 coracle image prune -f --filter label=purpose=test
	expect_match "deleted: $id"
	expect_no coracle image exists "$id"
	coracle load -q -i "$T/small.tar"
	coracle create --name one busybox true
	run -0 coracle image prune -a -f
	expect_match 'untagged: localhost/small:latest'
	expect_equal "$(coracle images --format '{{.Repository}}')" localhost/busybox
	coracle start one
	# Layers without an image go as well, but not those of containers.
	rm -r "$ROOT/refs/localhost/busybox" "$ROOT"/images/*
	coracle image prune -f
	expect_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 1
	coracle rm one
	run -0 coracle image prune -f
	expect_match 'Total reclaimed space: 1.98MB'
	expect_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 0
	wait_until 5 nothing_staged
}

@test "system: prune removes containers, networks, then images" {
	coracle load -q -i "$T/small.tar"
	coracle network create --label keep old
	coracle network create of-container
	coracle network create used
	coracle create --network of-container small
	coracle run -d --name up --network used busybox sleep 1000
	run -0 bash -c "echo n | $T/coracle system prune --all"
	expect_match 'all stopped containers'
	expect_match 'all networks not used by at least one container'
	expect_match 'all images without at least one container associated to them'
	expect_equal "$(coracle ps -aq | wc -l)" 2
	run -0 coracle system prune --force --filter 'label!=keep'
	expect_match 'Deleted Containers:'
	expect_match $'Deleted Networks:\nof-container\n'
	expect_equal "$(coracle network ls -q | sort)" $'bridge\nold\nused'
	coracle image exists small
	run -0 coracle system prune --force --all
	expect_match 'Total reclaimed space: 70.1kB'
	expect_equal "$(coracle images --format '{{.Repository}}')" localhost/busybox
	expect_equal "$(coracle network ls -q | sort)" $'bridge\nused'
	expect_state up running
	wait_until 5 nothing_staged
}

@test "system: prune asks on a terminal" {
	coracle create --name one busybox true
	run -0 terminal 'expect=continue\? \[y/N\]' 'send=n\n' -- "$T/coracle" system prune
	coracle container inspect one >/dev/null
	run -0 terminal 'expect=continue\? \[y/N\]' 'send=y\n' 'expect=Total reclaimed' -- "$T/coracle" system prune
	no_containers
}

@test "system: reset leaves nothing, and the store can be used again" {
	coracle run -d --name up busybox sleep 1000
	coracle run --name old busybox sh -c 'mkdir -m 700 /d; chown 33 /d; echo >/d/f || true'
	coracle run --rm -v data:/data busybox sh -c 'echo mine >/data/file; chown 33 /data/file /data || true; chmod 700 /data'
	mkdir "$T/elsewhere"
	echo kept >"$T/elsewhere/kept"
	coracle volume create -o type=none -o o=bind -o device="$T/elsewhere" elsewhere
	coracle network create own
	echo secret | coracle secret create word -
	mkdir -p "$ROOT/blobs/partial"
	echo part >"$ROOT/blobs/partial/sha256:$(printf '%064d' 1)"
	local pid
	pid=$(inspected up State.Pid)
	run -0 bash -c "echo n | $T/coracle system reset"
	expect_match "the store: \"$ROOT\""
	expect_match "all volumes"
	expect_state up running
	coracle system reset --force
	is_gone "$pid"
	[[ ! -e $ROOT ]]
	expect_equal "$(coracle images -q; coracle ps -aq; coracle volume ls -q; coracle secret ls -q)" ""
	expect_equal "$(coracle network ls -q)" bridge
	expect_equal "$(<"$T/elsewhere/kept")" kept
	load_image busybox
	expect_equal "$(coracle run --rm busybox echo again)" again
	run -0 coracle system check
}
