# SPDX-License-Identifier: Apache-2.0
# degraded: machines that lack something: what works there, and the words for what does not.
load helpers

# without MOUNTS COMMAND…: runs it where files of the machine are covered by others; in a user namespace with the usual ids, whose root mounts them, below
# which it is this user again.
without() { # "SOURCE TARGET;…" command…
	# shellcheck disable=SC2016 # expanded inside
	unshare --user --map-current-user --keep-caps --mount bash -c '
		IFS=";" read -ra mounts <<<"$1"
		for mount in "${mounts[@]}"; do mount --bind ${mount} || exit 99; done
		shift
		exec setpriv --ambient-caps -all --inh-caps -all "$@"' without "$@"
}

@test "degraded: no subordinate ids: the user's own id does, and keep-id by its own number; other ids are refused in words" {
	with_one_id "$T/coracle" load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
	one() { with_one_id "$T/coracle" "$@"; }
	expect_equal "$(one run --rm busybox sh -c 'id -u; chown alice /etc/passwd && echo fine')" $'0\nfine'
	mkdir "$T/mine"
	run one run --rm --userns keep-id -v "$T/mine:/mine" busybox sh -c 'id -u; id -g; touch /mine/x; stat -c %u /mine/x; whoami; echo $HOME'
	expect_output "$(id -u)
$(id -g)
$(id -u)
$(own_name_in_busybox)"
	expect_equal "$(one run --rm --userns keep-id:uid=1000,gid=1000 busybox whoami)" alice
	local option
	for option in --userns=auto --userns=nomap --uidmap=0:1:10 "--subuidname=$(id -un)"; do
		expect_error 125 "${option%%=*} needs more ids than the one that you have: no subordinate ids for user .* in /etc/subuid and /etc/subgid; ask your administrator to run: usermod --add-subuids [0-9]+-[0-9]+ --add-subgids" \
			one run --rm "$option" busybox true
	done
	run one info
	expect_match 'usermod --add-subuids'
}

@test "degraded: no newuidmap: one id, and who can mend it" {
	printf '#!/bin/sh\nexit 1\n' >"$T/useless"
	chmod 755 "$T/useless"
	bare() { without "$T/useless $(command -v newuidmap);$T/useless $(command -v newgidmap)" "$T/coracle" "$@"; }
	bare load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
	expect_equal "$(bare run --rm busybox sh -c 'id -u; chown alice /etc/passwd && echo fine')" $'0\nfine'
	expect_equal "$(bare run --rm --userns keep-id busybox id -u)" "$(id -u)"
	expect_error 125 'needs more ids than the one that you have: (.*newuidmap is neither set-user-ID root nor has file capabilities; ask your administrator to run: chmod u\+s|no subordinate ids)' \
		bare run --rm --userns auto busybox true
}

@test "degraded: /dev/fuse is closed: all but other ids works, on the kernel's overlay" {
	load_image busybox
	touch "$T/closed"
	chmod 0 "$T/closed"
	closed() { # in a namespace that has the subordinate ids, too
		# shellcheck disable=SC2016 # expanded inside
		unshare --user --map-root-user --map-auto --mount bash -c 'mount --bind "$1" /dev/fuse && shift && exec "$@"' closed "$T/closed" \
			setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -all "$T/coracle" --root "$T/inner" "$@"
	}
	closed load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
	expect_equal "$(closed run --rm --network none busybox echo fine)" fine
	expect_equal "$(closed run --rm --network none --uidmap 0:0:100 busybox id -u)" 0
	expect_error 125 '--userns: to show the image with other ids without a copy of it, fuse-overlayfs is needed: /dev/fuse cannot be opened \(ask the administrator to allow it: chmod 666 /dev/fuse\): Permission denied' \
		closed run --rm --network none --userns nomap busybox true
	expect_error 125 'storage driver fuse-overlayfs: /dev/fuse cannot be opened' closed --storage-driver fuse-overlayfs run --rm busybox true
}

@test "degraded: no XDG_RUNTIME_DIR: a directory below /tmp that is the user's alone" {
	load_image busybox
	bare() { env -u XDG_RUNTIME_DIR "$BUILD/coracle" --root "$ROOT" "$@"; }
	bare run -d --name c busybox sleep 1000
	expect_equal "$(stat -c '%u %a' "/tmp/coracle-$(id -u)")" "$(id -u) 700"
	expect_equal "$(bare exec c echo fine)" fine
	expect_equal "$(XDG_RUNTIME_DIR=/nowhere "$BUILD/coracle" --root "$ROOT" exec c echo fine)" fine
	bare run --rm --userns keep-id busybox true
	bare rm -f -t 0 c
}

# A file system of the test's own: $T/place, in which `on_it` runs coracle, with ids of the namespace.
on_it() { # mount-options script
	# shellcheck disable=SC2016 # expanded inside
	unshare --user --map-root-user --map-auto --mount bash -c 'mkdir -p "$T/place" && mount -t $1 place "$T/place" && c() { "$BUILD/coracle" --root "$T/place/root" --runroot "$T/place/run" "$@"; } && shift && eval "$1"' on-it "$@"
}

@test "degraded: a home on a file system without extended attributes" {
	# ramfs has none; the kernel's overlay cannot be used on it, fuse-overlayfs can.
	run on_it "ramfs" 'c load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null; c run --name one --network none busybox sh -c "rm -r /home/alice; mkdir /home/alice; echo x >/home/alice/f; ls -A /home/alice"
		c inspect --format "{{.GraphDriver.Name}}" one; c start -a one; c diff one | grep -c alice; c run --rm --network none --userns nomap busybox stat -c %u /bin/busybox; c info | grep -i "xattr\|attribute" | head -1; c rm one'
	expect_status 0
	expect_match '(fuse-overlayfs|vfs)'
	expect_match $'(^|\n)f\n'
	expect_match 'extended attribute'
}

@test "degraded: a full disk: a container, a secret and a line for passwd say so, and leave nothing" {
	run on_it "tmpfs -o size=8m" 'c load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null; c run --rm --network none busybox echo before
		# What was removed takes its place on the disk for a moment longer.
		while [[ -n $(ls -A "$T/place/root/trash" 2>/dev/null) ]]; do sleep 0.05; done
		dd if=/dev/zero of="$T/place/fill" bs=64k 2>/dev/null; while dd if=/dev/zero bs=1 count=4096 2>/dev/null >>"$T/place/fill"; do :; done
		head -c 100000 /dev/zero >"$T/big"; c secret create big "$T/big"; echo "secret $?"; c secret ls -q; c run --rm --network none busybox true; echo "run $?"; c ps -aq
		rm "$T/place/fill"; c run --rm --network none busybox echo after; find "$T/place/root/tmp" "$T/place/root/secrets" -mindepth 1 ! -name "*.lock" | wc -l'
	expect_match '^before'
	expect_match 'Error: .*No space left on device'
	expect_match $'\nsecret 125'
	expect_match $'\nrun 125'
	expect_match $'\nafter\n0$'
}

@test "degraded: user namespaces are off: who switched them off, and how they are switched on" {
	load_image busybox
	# A sandbox like this one's: a namespace in which no further may be made.
	run unshare --user --map-root-user --map-auto bash -c "echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --inh-caps -all '$T/coracle' run --rm busybox true"
	expect_status 125
	expect_match '^Error: .*user.max_user_namespaces'
	expect_match 'sysctl -w user.max_user_namespaces=15000'
	# What needs none still works.
	run unshare --user --map-root-user --map-auto bash -c "echo 0 >/proc/sys/user/max_user_namespaces; '$T/coracle' images -q; '$T/coracle' ps -a >/dev/null && echo listed"
	expect_match 'listed'
}
