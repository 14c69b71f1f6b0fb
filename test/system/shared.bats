#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shared: images that somebody else has filled a folder with (additional image stores), and images that are a single squashfs file, alone and together.

load helpers
load registry

# The folder is filled by a store of another user as far as that can be: one with other ids, read-only to the tests, in which nothing changes.
setup() {
	common_setup
	SHELF=$T/shelf
	CONF=$HOME/.config/coracle/coracle.conf
	mkdir -p "${CONF%/*}"
}

teardown() {
	with_ids chmod -R u+w "$SHELF" 2>/dev/null || true
	end_registries
	common_teardown
}

# shelve IMAGE…: puts images onto the shelf, and it into the settings.
shelve() {
	local name
	for name; do
		coracle --root "$SHELF" load -q -i "$CORACLE_TEST_CACHE/$name.tar" >/dev/null
	done
	printf '[storage]\nadditional_image_stores = ["%s"]\n' "$SHELF" >"$CONF"
}

# What belongs to other ids can be changed by whoever has those.
with_ids() {
	unshare --map-root-user --map-auto "$@"
}

# A small image of no file's.
load_small() { # store
	mkdir -p "$T/small" && echo small >"$T/small/file"
	tar -C "$T/small" -cf "$T/small.tar" file
	coracle --root "$1" import -q "$T/small.tar" small >/dev/null 2>&1 || coracle --root "$1" import "$T/small.tar" small >/dev/null
}

# All that the shelf has, and when it was changed.
state_of_shelf() {
	find "$SHELF" -printf '%P %s %m %T@ %C@\n' | sort | sha256sum
}

@test "additional stores: list, inspect, run, save, diff, history, tree; nothing is written to them" {
	shelve busybox
	with_ids chmod -R a-w "$SHELF"
	local before id
	before=$(state_of_shelf)
	id=$(coracle images -q --no-trunc)
	expect_matches "$(coracle images)" 'R/O'
	expect_matches "$(coracle images)" 'busybox .* true'
	expect_equal "$(coracle images --format '{{.Repository}} {{.ReadOnly}}')" "localhost/busybox true"
	expect_equal "$(coracle images --format json | jq -r '.[0].ReadOnly')" true
	expect_equal "$(coracle images -q --filter readonly=false)" ""
	expect_matches "$(coracle images -q --filter readonly=true)" "${id:7:12}"
	expect_equal "sha256:$(coracle image inspect --format '{{.Id}}' busybox)" "$id"
	coracle history busybox | grep -q .
	expect_matches "$(coracle image tree busybox)" 'busybox'
	coracle image exists busybox
	expect_equal "$(coracle run --rm busybox sh -c 'echo more >>/etc/passwd; rm -r /home/alice; mkdir /home/alice; tail -n 1 /etc/passwd; cat /var/www/index.html')" \
		$'more\nwelcome to busybox'
	expect_equal "$(coracle run --rm --user alice busybox id -u)" 1000
	coracle save -q -o "$T/again.tar" busybox
	CORACLE_CONF=/dev/null coracle --root "$T/other" load -q -i "$T/again.tar"
	expect_equal "$(CORACLE_CONF=/dev/null coracle --root "$T/other" images -q --no-trunc)" "$id"
	remove_tree "$T/other"
	expect_equal "$(coracle diff busybox busybox)" ""
	coracle system check
	expect_equal "$(state_of_shelf)" "$before"
	expect_equal "$(find "$ROOT/layers" "$ROOT/images" -mindepth 1)" ""
}

@test "additional stores: each driver, with layers of both" {
	shelve busybox
	local driver
	for driver in overlay fuse-overlayfs vfs; do
		coracle --storage-driver $driver run --name one busybox sh -c 'echo mine >/mine; rm /var/www/index.html'
		coracle commit -q one both
		expect_equal "$(coracle --storage-driver $driver run --rm both sh -c 'cat /mine; ls /var/www; id -un')" $'mine\nroot'
		coracle rm one
		coracle system check
		coracle save -q -o "$T/both.tar" both
		CORACLE_CONF=/dev/null coracle --root "$T/other" load -q -i "$T/both.tar"
		expect_equal "$(CORACLE_CONF=/dev/null coracle --root "$T/other" run --rm both cat /mine)" mine
		CORACLE_CONF=/dev/null coracle --root "$T/other" rmi -a >/dev/null
		expect_equal "$(coracle images --format '{{.Repository}} {{.ReadOnly}}' | sort)" $'localhost/both false\nlocalhost/busybox true'
		coracle rmi both
		rm "$T/both.tar"
	done
	expect_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1)" ""
	remove_tree "$T/other"
}

@test "additional stores: what they have is not pulled again, and can be pushed" {
	start_registry
	seed_image busybox app:1
	shelve busybox
	coracle push -q busybox "$REGISTRY/pushed:1"
	skopeo inspect --tls-verify=false "docker://$REGISTRY/pushed:1" >/dev/null
	start_faulty_proxy
	make_insecure "$PROXY"
	coracle pull -q "$PROXY/app:1"
	expect_equal "$(grep -c 'GET /v2/app/blobs' "$PROXY_LOG")" 1 # the configuration
	expect_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1)" ""
	expect_equal "$(coracle run --rm "$PROXY/app:1" cat /var/www/index.html)" "welcome to busybox"
	coracle rmi "$PROXY/app:1"
	coracle run --rm busybox true
}

@test "additional stores: rmi is one error, a name of one's own goes, prune leaves them" {
	shelve busybox
	load_small "$SHELF"
	expect_error 125 "$SHELF.*only read" coracle rmi busybox
	expect_error 125 "$SHELF" coracle rmi -f "$(coracle images -q busybox)"
	expect_error 125 "$SHELF" coracle untag busybox
	coracle tag busybox mine
	coracle run --rm mine true
	coracle rmi mine
	expect_error 1 'no such image' coracle rmi mine
	coracle rmi -a
	coracle image prune -a -f
	coracle system prune -a -f
	expect_equal "$(coracle images --format '{{.Repository}}' | sort)" $'localhost/busybox\nlocalhost/small'
	expect_equal "$(coracle system df --format json | jq -r '.[] | select(.Type == "Images") | .RawSize // .Size' | head -n 1)" 0
}

@test "additional stores: a manifest list is used and not changed, an image becomes a file of one's own" {
	shelve busybox
	CORACLE_CONF=/dev/null coracle --root "$SHELF" manifest create list >/dev/null
	CORACLE_CONF=/dev/null coracle --root "$SHELF" manifest add list busybox >/dev/null
	expect_equal "$(coracle manifest inspect list | jq '.manifests | length')" 1
	expect_equal "$(coracle run --rm list cat /var/www/index.html)" "welcome to busybox"
	expect_error 125 "list list lies in the additional image store $SHELF" coracle manifest add list busybox
	expect_error 125 "$SHELF" coracle manifest rm list
	coracle image convert --squash busybox mine
	expect_equal "$(CORACLE_CONF=/dev/null coracle run --rm mine cat /var/www/index.html)" "welcome to busybox"
	coracle rmi mine
	expect_equal "$(find "$ROOT/layers" "$ROOT/images" -mindepth 1 -maxdepth 1)" ""
}

@test "additional stores: the user's own image of a name hides theirs" {
	shelve busybox
	load_small "$ROOT"
	coracle tag small busybox
	expect_equal "$(coracle image inspect --format '{{.Id}}' busybox)" "$(coracle image inspect --format '{{.Id}}' small)"
	expect_equal "$(coracle images --format '{{.Repository}}' | sort | uniq -d)" ""
	coracle rmi small busybox
	coracle run --rm busybox true
}

@test "additional stores: what is gone, damaged or closed is said" {
	shelve busybox
	coracle run --name one busybox sh -c 'echo kept >/kept'
	local file
	file=$(find "$SHELF/layers" -path '*/var/www/index.html')
	with_ids sh -c 'echo "something else" >"$1"' sh "$file"
	run coracle system check --repair
	expect_status 1
	expect_matches "$output" 'index.html'
	expect_equal "$(cat "$file")" 'something else'
	mv "$SHELF" "$T/away"
	expect_error 125 "no such image: busybox.*$SHELF cannot be read: No such file" coracle run --pull never --rm busybox true
	expect_error 125 "not there any more.*$SHELF cannot be read" coracle start -a one
	expect_equal "$(coracle images -q)" ""
	mv "$T/away" "$SHELF"
	coracle start -a one
	with_ids sh -c 'rm -rf "$1"/layers/*' sh "$SHELF"
	expect_error 125 "not there any more" coracle start -a one
	coracle rm one
}

@test "additional stores: of other ids: files can be changed, as root, whatever their owners" {
	shelve busybox
	local json
	# As if another user's subordinate ids had unpacked it.
	for json in "$SHELF"/layers/*/layer.json; do
		sed -i 's/"mapping":"[^"]*"/"mapping":"0123456789abcdef"/' "$json"
	done
	coracle run --name one busybox sh -c 'echo more >>/etc/passwd && rm -r /home/alice && mkdir /home/alice && chown 33:33 /home/alice && stat -c %u /home/alice'
	expect_equal "$(coracle logs one)" 33
	expect_equal "$(inspected one GraphDriver.Name)" fuse-overlayfs
	coracle rm one
	expect_error 125 'belong to ids that you do not have' coracle --storage-driver overlay run --rm busybox true
	expect_equal "$(coracle --storage-driver vfs run --rm busybox cat /var/www/index.html)" "welcome to busybox"
	coracle system check
}

@test "additional stores: filled by another user, and shared by him" {
	shelve busybox
	# What only its owner may read is in it.
	printf '[storage]\n' >"$T/none.conf"
	export CORACLE_CONF=$T/none.conf
	coracle --root "$SHELF" run --name one busybox sh -c 'echo secret >/etc/secret; chmod 600 /etc/secret; mkdir -m 700 /closed; echo x >/closed/file; chmod 4711 /bin/busybox'
	coracle --root "$SHELF" commit -q one app
	coracle --root "$SHELF" rm one
	coracle --root "$SHELF" save -q -o "$T/before.tar" app
	run coracle --root "$SHELF" system share
	expect_output "$SHELF: 2 images can be used by others, 2 layers more than before"
	run coracle --root "$SHELF" system share
	expect_output "$SHELF: 2 images can be used by others, 0 layers more than before"
	coracle --root "$SHELF" system check
	coracle --root "$SHELF" save -q -o "$T/after.tar" app
	cmp "$T/before.tar" "$T/after.tar"
	expect_equal "$(find "$SHELF/layers" "$SHELF/images" "$SHELF/refs" ! -type l ! -perm -004)" ""
	expect_equal "$(stat -c %a "$SHELF" "$SHELF/containers" "$SHELF/tmp" | tr '\n' ' ')" "755 700 700 "
	expect_equal "$(stat -c %a "$(find "$SHELF/layers" -path '*/bin/busybox' -perm -4000)")" 4755
	# Whoever repairs does not close it again.
	with_ids chmod 600 "$(find "$SHELF/layers" -name secret)"
	run coracle --root "$SHELF" system check --repair
	expect_matches "$output" 'secret: its mode is 0600, not 0644'
	expect_equal "$(stat -c %a "$(find "$SHELF/layers" -name secret)")" 644
}

# ---- single files ----

@test "squashfs: made, run by each driver with the owners as they are, and its server goes with the container" {
	load_image busybox
	local id
	id=$(coracle image convert --squash busybox squashed)
	expect_equal "$(coracle images -q --no-trunc squashed)" "$id"
	expect_equal "$(coracle image inspect squashed | jq '.[0].RootFS.Layers | length')" 1
	expect_equal "$(find "$ROOT/layers" -name squashfs | wc -l)" 1
	coracle rmi busybox
	expect_equal "$(find "$ROOT/layers" -type f ! -path '*/diff/*' | sed 's|.*/||' | sort | tr '\n' ' ')" "layer.json recipe squashfs "
	local driver pid monitor
	for driver in overlay fuse-overlayfs vfs; do
		expect_equal "$(coracle --storage-driver $driver run --rm squashed sh -c 'stat -c %u /home/alice; echo x >>/etc/passwd; tail -n 1 /etc/passwd; rm -r /var/www; ls /var; chown 33 /bin/busybox; stat -c %u /bin/busybox')" \
			$'1000\nx\nlog\n33'
	done
	expect_equal "$(coracle run --rm --user alice squashed id -u)" 1000
	coracle run -d --name one squashed sleep 1000
	monitor=$(inspected one State.ConmonPid)
	pid=$(pgrep -P "$monitor" squashfuse)
	kill -0 "$pid"
	coracle restart -t 0 one
	coracle exec one cat /var/www/index.html
	pid=$(pgrep -P "$(inspected one State.ConmonPid)" squashfuse)
	kill -9 "$(inspected one State.ConmonPid)"
	wait_until 10 is_gone "$pid"
	coracle rm one
	coracle system check
}

@test "squashfs: save, push, diff, commit, export and mount give what any image gives" {
	start_registry
	load_image busybox
	local id
	id=$(coracle image convert --squash busybox squashed)
	expect_equal "$(coracle diff busybox squashed)" ""
	coracle push -q squashed "$REGISTRY/squashed:1"
	podman pull -q "$REGISTRY/squashed:1" >"$T/id"
	expect_equal "sha256:$(<"$T/id")" "$id"
	coracle save -q -o "$T/squashed.tar" squashed
	CORACLE_CONF=/dev/null coracle --root "$T/other" load -q -i "$T/squashed.tar"
	expect_equal "$(coracle --root "$T/other" images -q --no-trunc)" "$id"
	# What was converted elsewhere becomes a file here, and stays the same image.
	coracle --root "$T/other" image convert --squash squashed
	expect_equal "$(coracle --root "$T/other" images -q --no-trunc)" "$id"
	expect_equal "$(find "$T/other/layers" -name squashfs | wc -l)" 1
	remove_tree "$T/other"
	coracle run --name one squashed sh -c 'echo new >/new'
	expect_equal "$(coracle diff one)" "A /new"
	coracle commit -q one third
	expect_equal "$(coracle run --rm third sh -c 'cat /new /var/www/index.html')" $'new\nwelcome to busybox'
	coracle export one | tar -x -O new var/www/index.html | grep -q 'welcome to busybox'
	expect_equal "$(coracle image convert --squash third one-file | wc -l)" 1
	expect_equal "$(coracle run --rm one-file cat /new)" new
	local path
	path=$(coracle image mount squashed)
	expect_equal "$(cat "$path/var/www/index.html")" "welcome to busybox"
	coracle image unmount squashed
	coracle rm one
	coracle rmi -a
	expect_equal "$(find "$ROOT/layers" -mindepth 1)" ""
}

@test "squashfs: checked against its digest, and counted by its size" {
	load_image busybox
	coracle image convert --squash busybox squashed
	coracle rmi busybox
	local file
	file=$(find "$ROOT/layers" -name squashfs)
	expect_equal "$(coracle system df --format json | jq -r '.[] | select(.Type == "Images") | .RawSize // .Size')" "$(stat -c %s "$file")"
	coracle system check
	chmod u+w "$file"
	printf X | dd of="$file" conv=notrunc bs=1 seek=200 status=none
	run coracle system check --repair
	expect_status 1
	expect_matches "$output" 'squashfs: it has not got its digest'
	load_image busybox
	coracle image convert --squash busybox squashed
	coracle run --rm squashed true
	coracle system check
}

@test "squashfs: in an additional store, whoever's ids filled it" {
	shelve busybox
	CORACLE_CONF=/dev/null coracle --root "$SHELF" image convert --squash busybox squashed
	local json
	for json in "$SHELF"/layers/*/layer.json; do
		sed -i 's/"mapping":"[^"]*"/"mapping":"0123456789abcdef"/' "$json"
	done
	with_ids chmod -R a-w "$SHELF"
	expect_equal "$(coracle run --name one squashed sh -c 'stat -c %u /home/alice; echo x >>/etc/passwd; tail -n 1 /etc/passwd')" $'1000\nx'
	expect_equal "$(inspected one GraphDriver.Name)" overlay
	coracle commit -q one both
	expect_equal "$(coracle --storage-driver fuse-overlayfs run --rm both tail -n 1 /etc/passwd)" x
	coracle save -q squashed | tar -t >/dev/null
	coracle rm one
	coracle system check
}

@test "squashfs: what is missing is named with its package" {
	load_image busybox
	mkdir "$T/bin"
	local name
	for name in sh env cat coracle newuidmap newgidmap; do ln -s "$(command -v $name || echo /bin/$name)" "$T/bin/$name" 2>/dev/null || true; done
	expect_error 125 'squashfs-tools' env PATH="$T/bin" "$T/coracle" image convert --squash busybox x
	coracle image convert --squash busybox squashed
	expect_error 125 'install the package squashfuse' env PATH="$T/bin" "$T/coracle" run --rm --network none squashed true
	expect_error 125 '--squash' coracle image convert busybox
}

@test "info: the file system under the store and what follows from it; additional stores and what they lie on" {
	shelve busybox
	sed -i "s|\[\"|[\"$T/none\", \"|" "$CONF"
	run coracle info --format json
	expect_equal "$(jq -r '.store.fileSystem' <<<"$output")" "$(stat -f -c %T "$ROOT" | sed 's|ext2/ext3|ext4|')"
	expect_equal "$(jq '.store.fileSystemAdvice | length > 0' <<<"$output")" true
	expect_equal "$(jq -c '[.store.graphOptions.additionalImageStores[] | [.path, .readable]]' <<<"$output")" "[[\"$T/none\",false],[\"$SHELF\",true]]"
	expect_matches "$(jq -r '.store.graphOptions.additionalImageStores[0].error' <<<"$output")" 'No such file'
	# A store in memory, in a mount namespace of the test's own.
	mkdir "$T/memory"
	run unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none "$1" && exec "$2" --root "$1/root" --runroot "$1/run" info --format "{{.Store.FileSystemAdvice}}"' sh "$T/memory" "$BUILD/coracle"
	expect_matches "$output" 'it is memory'
}
