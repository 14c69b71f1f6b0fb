# SPDX-License-Identifier: Apache-2.0
# root: run by root of the machine, whose containers must be as far from being root as anybody's. Run by test/run-root, not with the other tests.
load system/helpers

setup() {
	common_setup
	# The root of the containers, who is another user, must get to the store.
	chmod 711 "$T" "${T%/*}"
	load_image busybox
}

host_ids() { # pid: what it is, as the machine sees it
	awk '/^(Uid|Gid):/ { print $2, $3, $4, $5 }' "/proc/$1/status" | sort -u
}

@test "root: a container's root is nobody on the machine, nor are its files anybody's" {
	local pid
	coracle run -d --name one --privileged busybox sleep 1000 >/dev/null
	pid=$(inspected one State.Pid)
	expect_matches "$(host_ids "$pid")" '^[0-9]{6,} [0-9]{6,} [0-9]{6,} [0-9]{6,}$'
	expect_no grep -q '^ *0 *0 ' "/proc/$pid/uid_map"
	expect_no test /proc/$$/ns/user -ef "/proc/$pid/ns/user"
	# Its monitor is not root either.
	expect_matches "$(host_ids "$(inspected one State.ConmonPid)")" '^[0-9]{6,} '
	coracle exec one touch /made
	expect_matches "$(find "$ROOT/containers" -path '*/upper/made' -printf '%U %G')" '^[0-9]{6,} [0-9]{6,}$'
	expect_equal "$(find "$ROOT"/layers/*/diff "$ROOT"/containers/*/upper -uid 0 -o -gid 0)" ""
	# Another beside it, in the same user namespace.
	coracle run -d --name two busybox sleep 1000 >/dev/null
	expect_equal "$(readlink "/proc/$(inspected two State.Pid)/ns/user")" "$(readlink "/proc/$pid/ns/user")"
	coracle pause one
	expect_state one paused
	coracle unpause one
	coracle stop -t 0 one two
	# Of the machine's control groups none is left.
	expect_equal "$(find /sys/fs/cgroup -name "*$(inspected one Id)*")" ""
}

@test "root: --privileged opens nothing of the machine" {
	mkdir -m 777 "$T/shared"
	run coracle run --rm --privileged -v /etc:/host:ro -v "$T/shared:/shared" busybox sh -c '
		cat /host/shadow; echo x >/host/hostname; mknod /shared/disk b 8 0 2>&1 || echo no device
		echo 1 >/proc/sys/kernel/panic; touch /shared/mine; kill -0 1 && echo its own pid 1'
	expect_match 'shadow.*Permission denied'
	expect_match 'no device'
	expect_match 'kernel/panic: Permission denied'
	expect_match 'its own pid 1'
	expect_matches "$(stat -c %u "$T/shared/mine")" '^[0-9]{6,}$'
	# A set-user-ID file that it leaves behind is its own nobody's.
	coracle run --rm -v "$T/shared:/shared" busybox sh -c 'cp /bin/busybox /shared/sh; chmod 4755 /shared/sh'
	expect_no test "$(stat -c %u "$T/shared/sh")" = 0
}

@test "root: the life of a container with a network, exec, users, and a monitor that is killed" {
	local port pid
	port=$(free_port)
	coracle run -d --name web -p "127.0.0.1:$port:80" busybox httpd -f -h /var/www >/dev/null
	expect_equal "$(fetched "http://127.0.0.1:$port/")" "welcome to busybox"
	expect_equal "$(coracle exec -u alice web id -un)" alice
	coracle restart -t 0 web
	expect_equal "$(fetched "http://127.0.0.1:$port/")" "welcome to busybox"
	pid=$(inspected web State.Pid)
	kill -9 "$(inspected web State.ConmonPid)"
	wait_until 10 is_gone "$pid"
	expect_state web exited
	coracle start web
	expect_equal "$(fetched "http://127.0.0.1:$port/")" "welcome to busybox"
	coracle rm -f -t 0 web
	coracle rmi busybox
	expect_equal "$(find "$ROOT/layers" "$ROOT/containers" "$ROOT/images" -mindepth 1)" ""
}

@test "root: in the usual places, /var/lib/coracle and /run/coracle" {
	mkdir -m 755 "$T/lib" "$T/runs"
	# In a mount namespace where these are empty, whatever the machine's root has there.
	# shellcheck disable=SC2016 # expanded inside
	run unshare --mount --propagation private bash -c '
		set -e
		mount --bind "$T/lib" /var/lib
		mount --bind "$T/runs" /run
		unset XDG_RUNTIME_DIR
		"$BUILD/coracle" load -q -i "$BUILD/hello.tar"
		"$BUILD/coracle" run --rm localhost/hello
		stat -c "%n %a" /var/lib/coracle /run/coracle
		"$BUILD/coracle" ps -aq
		"$BUILD/coracle" rmi -f hello >/dev/null'
	expect_status 0
	expect_match 'Hello from a container'
	expect_match 'uid map +0-[0-9]+ here are [0-9]{6,}-[0-9]+ outside'
	expect_match $'/var/lib/coracle 711\n/run/coracle 711$'
}

@test "root: another user's containers are not touched" {
	local user=${CORACLE_TEST_USER:?}
	install -d -o "$user" "$T/theirs"
	theirs() {
		setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups env HOME="$T/theirs" XDG_RUNTIME_DIR= "$BUILD/coracle" --root "$T/theirs/root" \
			--runroot "$T/theirs/run" "$@"
	}
	theirs load -q <"$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
	theirs run -d --name same busybox sleep 1000 >/dev/null
	coracle run -d --name same busybox sleep 1000 >/dev/null
	expect_no test "$(host_ids "$(inspected same State.Pid)")" = "$(host_ids "$(theirs inspect -f '{{.State.Pid}}' same)")"
	coracle rm -f -t 0 same
	expect_equal "$(theirs ps --format '{{.Names}} {{.State}}')" "same running"
	theirs rm -f -t 0 same
}

@test "root: a store that root has filled and shared is another user's additional store" {
	local user=${CORACLE_TEST_USER:?} before
	install -d -o "$user" "$T/theirs"
	coracle image convert --squash busybox squashed >/dev/null
	coracle system share
	printf '[storage]\nadditional_image_stores = ["%s"]\n' "$ROOT" >"$T/theirs/coracle.conf"
	theirs() {
		setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups env HOME="$T/theirs" XDG_RUNTIME_DIR= CORACLE_CONF="$T/theirs/coracle.conf" \
			"$BUILD/coracle" --root "$T/theirs/root" --runroot "$T/theirs/run" "$@"
	}
	before=$(find "$ROOT" -printf '%P %m %T@ %C@\n' | sort | sha256sum)
	expect_equal "$(theirs images --format '{{.Repository}} {{.ReadOnly}}' | sort)" $'localhost/busybox true\nlocalhost/squashed true'
	# Unpacked files are nobody's, and can be changed; in a single file they have their owners.
	expect_equal "$(theirs run --rm --network none busybox sh -c 'stat -c %u /home/alice; chown 33 /home/alice; stat -c %u /home/alice; echo more >>/etc/passwd; tail -n 1 /etc/passwd')" \
		$'65534\n33\nmore'
	expect_equal "$(theirs run --rm --network none squashed sh -c 'stat -c %u /home/alice; echo more >>/etc/passwd; tail -n 1 /etc/passwd')" $'1000\nmore'
	expect_equal "$(theirs --storage-driver vfs run --rm --network none busybox cat /var/www/index.html)" "welcome to busybox"
	theirs save -q busybox | tar -t | grep -q manifest.json
	theirs save -q squashed | tar -t | grep -q manifest.json
	theirs system check
	expect_equal "$(find "$T/theirs/root/layers" "$T/theirs/root/images" -mindepth 1)" ""
	expect_equal "$(find "$ROOT" -printf '%P %m %T@ %C@\n' | sort | sha256sum)" "$before"
}

@test "root: a container that ends is started again by its policy, and a helper of its network that dies comes back" {
	local port
	port=$(free_port)
	coracle run -d --name again --restart on-failure:2 busybox sh -c 'echo begun; sleep 0.2; exit 4' >/dev/null
	wait_until 20 expect_state again exited
	wait_until 20 eval '[[ $(inspected again State.ExitCode) == 4 && $(coracle logs again | grep -c begun) == 3 ]]'
	coracle run -d --name web -p "127.0.0.1:$port:80" busybox sh -c 'echo hello >/index.html; exec httpd -f -p 80 -h /' >/dev/null
	wait_until 10 curl -sf "http://127.0.0.1:$port/"
	kill -9 "$(pgrep -P "$(inspected web State.ConmonPid)" -x coracle-forward)"
	wait_until 10 curl -sf "http://127.0.0.1:$port/"
	coracle rm -f again web >/dev/null
}
