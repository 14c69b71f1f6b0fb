# SPDX-License-Identifier: Apache-2.0
# helpers.bash: what every system test stands on. Each test has a store and a run directory of its own below $CORACLE_TEST_ROOT, so that tests run in
# parallel; teardown proves that nothing is left behind.
#
#	load helpers
#	setup() { common_setup; load_image busybox; }
#	@test "…" { coracle run --rm busybox true; }
#
# `coracle ARG…` runs the program on the test's own store, and $T/coracle is a script that does the same, for what starts programs: timeout, env, a
# terminal. `run` is bats'; expect_… say what was wrong. A file whose tests share one store (an image that is big) calls share_store in setup_file.

bats_require_minimum_version 1.5.0

: "${BUILD:?}" "${CORACLE_TEST_CACHE:?}"

setup() {
	common_setup
}

common_setup() {
	# Short, because socket paths are limited to 108 bytes elsewhere.
	T=$(mktemp -d "${CORACLE_TEST_ROOT:-${TMPDIR:-/tmp}}/t.XXXXXX")
	ROOT=$T/root RUNROOT=$T/run
	if [[ -n ${SHARED-} ]]; then ROOT=$SHARED/root RUNROOT=$SHARED/run; fi
	export T ROOT RUNROOT HOME=$T/home
	mkdir -p "$HOME"
	unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_CACHE_HOME
	unset {http,https,ftp,no}_proxy {HTTP,HTTPS,FTP,NO}_PROXY
	printf '#!/bin/sh\nexec "%s/coracle" --root "%s" --runroot "%s" "$@"\n' "$BUILD" "$ROOT" "$RUNROOT" >"$T/coracle"
	chmod +x "$T/coracle"
	cd "$T" || return 1
}

teardown() {
	common_teardown
}

common_teardown() {
	cd /
	coracle rm -f -a -t 0 >/dev/null 2>&1 || true
	end_podman
	local left
	left=$(left_over)
	remove_tree "$T"
	[[ -z $left ]] || {
		echo "left behind: $left"
		return 1
	}
}

# In setup_file: the tests of the file use one store, one after the other. unshare_store goes into teardown_file.
share_store() { # image…
	SHARED=$(mktemp -d "${CORACLE_TEST_ROOT:-${TMPDIR:-/tmp}}/f.XXXXXX")
	ROOT=$SHARED/root RUNROOT=$SHARED/run
	export SHARED ROOT RUNROOT BATS_NO_PARALLELIZE_WITHIN_FILE=true
	load_image "$@"
}

unshare_store() {
	remove_tree "$SHARED"
}

coracle() {
	"$BUILD/coracle" --root "$ROOT" --runroot "$RUNROOT" "$@"
}

# podman in a store and a runtime directory of this test's own: it keeps a process there that holds its namespaces, and only the first one in a directory starts it.
podman() {
	mkdir -p "$T/podman/runtime"
	XDG_RUNTIME_DIR=$T/podman/runtime command podman --root "$T/podman/root" --runroot "$T/podman/run" "$@"
}

end_podman() {
	local held
	for held in "$T"/*/libpod/tmp/pause.pid "$T"/podman/runtime/libpod/tmp/pause.pid; do
		[[ ! -s $held ]] || kill -9 "$(<"$held")" 2>/dev/null || true
	done
}

# Processes that still have this test's directories on their command line, mounts below them, staged and trashed directories, containers, names and sockets.
left_over() {
	local i pids='' remains=''
	# A monitor that has told its end still has a few milliseconds of tidying up to do, on a busy machine seconds.
	for ((i = 0; i < 200; i++)); do
		pids=$(pgrep -f -- "($T|${ROOT%/root})/" | grep -vx -e $$ -e "$BASHPID" || true)
		remains=$(remaining)
		[[ -n $pids$remains ]] || return 0
		sleep 0.1
	done
	if [[ -n $pids ]]; then ps -o pid=,args= -p "${pids//$'\n'/,}" || true; fi
	echo "$remains"
}

remaining() {
	local i
	grep -F " ${ROOT%/root}/" /proc/self/mountinfo || true
	staged
	find "$ROOT/containers" "$ROOT/names" -mindepth 1 -maxdepth 1 ! -name .lock 2>/dev/null || true
	# The keeper of networks waits a moment for another container.
	find "$RUNROOT" -mindepth 1 ! -type d ! -path '*/userns/*' 2>/dev/null || true
	# Members of user namespaces; the dead, who could not withdraw, are forgotten by the next start.
	for i in "$RUNROOT"/userns/*/*; do
		i=${i##*/}
		[[ ! -e /proc/${i%-*} ]] || echo "a user namespace has the member ${i%-*}"
	done
}

# The trash is emptied behind a command's back: that is waited for, for a while.
wait_for_trash() { # store
	local i
	for ((i = 0; i < 100; i++)); do
		[[ -n $(find "$1/trash" -mindepth 1 -maxdepth 1 ! -name '*.lock' 2>/dev/null) ]] || break
		sleep 0.05
	done
}

# What is being made or thrown away, but for the locks that belong to it.
staged() {
	wait_for_trash "$ROOT"
	find "$ROOT/tmp" "$ROOT/trash" -mindepth 1 -maxdepth 1 ! -name '*.lock' 2>/dev/null || true
}

nothing_staged() {
	[[ -z $(staged) ]]
}

# Neither an image, nor a part of one.
expect_no_images() {
	expect_equal "$(staged; find "$ROOT/images" "$ROOT/layers" "$ROOT/refs" -mindepth 1)" ""
}

remove_tree() {
	chmod -R u+rwX "$1" 2>/dev/null || true
	rm -rf "$1" 2>/dev/null || unshare --map-root-user --map-auto rm -rf "$1"
}

load_image() { # name…
	local name
	for name; do
		coracle load -q -i "$CORACLE_TEST_CACHE/$name.tar" >/dev/null
	done
}

# ---- expectations ----

expect_status() { # wanted
	[[ $status == "$1" ]] || {
		echo "exit status $status, not $1; output:"
		echo "$output"
		echo "${stderr-}"
		return 1
	}
}

# expect_equal IS WANTED
expect_equal() {
	[[ $1 == "$2" ]] || {
		if [[ $(wc -l <<<"$1$2") -gt 20 ]]; then
			diff <(echo "$2") <(echo "$1") | head -n 20
			return 1
		fi
		echo "is:"
		echo "$1"
		echo "expected:"
		echo "$2"
		return 1
	}
}

expect_output() { # exact text
	expect_equal "$output" "$1"
}

expect_match() { # pattern (bash regular expression)
	expect_matches "$output" "$1"
}

# expect_matches TEXT PATTERN
expect_matches() {
	[[ $1 =~ $2 ]] || {
		echo "is:"
		echo "$1"
		echo "does not match: $2"
		return 1
	}
}

# expect_error STATUS PATTERN COMMAND…: it ends with this status, prints nothing to standard output, and to standard error one line,
# "Error: …", that matches.
expect_error() {
	local wanted=$1 pattern=$2
	shift 2
	# 127 has to be announced to bats, which warns of a test that calls what is not there.
	local announced=()
	[[ $wanted != 127 ]] || announced=(-127)
	run --separate-stderr "${announced[@]}" "$@"
	[[ $status == "$wanted" && -z $output && $stderr == "Error: "* && $stderr != *$'\n'* && $stderr =~ $pattern ]] || {
		echo "expected: status $wanted and one line of error that matches: $pattern"
		echo "status $status, output: $output"
		echo "error: $stderr"
		return 1
	}
}

# try COMMAND…: as `run`, where nobody knows how it will end. (bats warns of a `run` that ends with 127.)
try() {
	status=0
	output=$("$@" 2>&1) || status=$?
}

# await PID: waits for a background process of the test; `status` is how it ended.
await() {
	status=0 output=
	wait "$1" || status=$?
}

# Name and home that the image busybox has for the user's own number: its alice may have the same.
own_name_in_busybox() {
	[[ $(id -u) != 1000 ]] || echo $'alice\n/home/alice'
	[[ $(id -u) == 1000 ]] || printf '%s\n' "$(id -un)" /
}

# expect_no COMMAND…: it fails. (`! COMMAND` would not stop a test.)
expect_no() {
	if "$@"; then
		echo "did not fail: $*"
		return 1
	fi
}

# wait_until SECONDS COMMAND…: until it succeeds. The seconds are those of a machine that has nothing else to do; a busy one has four times as many.
wait_until() {
	local end=$((SECONDS + 4 * $1))
	shift
	until "$@"; do
		((SECONDS < end)) || {
			echo "did not come true: $*"
			return 1
		}
		sleep 0.05
	done
}

# ---- containers ----

# inspected CONTAINER FIELD: inspected web State.Status
inspected() {
	coracle inspect --type container --format "{{.$2}}" "$1"
}

expect_state() { # container status
	expect_equal "$(inspected "$1" State.Status)" "$2"
}

is_state() { # container status
	[[ $(inspected "$1" State.Status) == "$2" ]]
}

# There is no container (with these options of ps: no such one).
no_containers() { # [option…]
	[[ -z $(coracle ps -aq "$@") ]]
}

# The container has written the text, which may be several lines.
has_logged() { # container text
	[[ $(coracle logs "$1" 2>&1) == *"$2"* ]]
}

wait_for_log() { # container text
	wait_until 20 has_logged "$1" "$2" || {
		coracle logs "$1"
		return 1
	}
}

# has_waited TIMES PID: it has gone to sleep so many times: what looks again and again, each time after a pause, is looking by then.
has_waited() {
	[[ $(sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$2/status") -ge $1 ]]
}

# A process that was seen by its number is no more, or only a zombie of somebody else's.
is_gone() { # pid
	[[ ! -e /proc/$1 || $(awk '/^State:/{print $2}' "/proc/$1/status" 2>/dev/null) == [ZX] ]]
}

# ---- networks ----

# The processes that hold this test's bridge networks, by name: coracle-network (the keeper), coracle-net-mon (its parent), coracle-net-in and
# coracle-net-up (its hand). Without a name: all, parents first.
# shellcheck disable=SC2120 # tests give one
keepers() { # [name]
	local pid
	for pid in $(pgrep ${1:+-x} "${1-coracle-net}"); do
		[[ $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") != *" $RUNROOT "* ]] || echo "$pid"
	done
}

uplink() {
	local pid
	# shellcheck disable=SC2119 # all of them
	for pid in $(keepers); do pgrep -P "$pid" 'slirp4netns|pasta' || true; done
}

# ---- surroundings ----

# A port that nobody listens on now, as have its neighbours (`count`, 1), and that no other test of this run was or will be given.
free_port() { # [count]
	mkdir -p "${CORACLE_TEST_ROOT:-$T}/tap-ports"
	python3 - "${1-1}" "${CORACLE_TEST_ROOT:-$T}/tap-ports" <<-'P'
		import os, random, socket, sys
		count = int(sys.argv[1])
		while True:
		    first, sockets = random.randrange(20000, 30000), []
		    try:
		        for port in range(first, first + count):
		            os.mkdir("%s/%d" % (sys.argv[2], port))
		            for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
		                sockets.append(socket.socket(socket.AF_INET6, kind))
		                sockets[-1].bind(("::", port))
		        print(first)
		        break
		    except OSError:
		        pass
	P
}

# A network program whose arguments say where: fetched URL prints the page once it is there.
fetched() { # url [curl's options…]
	wait_until 20 curl -s --max-time 5 -o "$T/page" "$@" && cat "$T/page"
}

# with_one_id COMMAND…: runs it as a user who has no subordinate ids: in a user namespace that has this one user, with empty /etc/subuid and subgid.
with_one_id() {
	# shellcheck disable=SC2016 # expanded inside
	unshare --user --map-current-user --keep-caps --mount bash -c '
		mount --bind /dev/null /etc/subuid && mount --bind /dev/null /etc/subgid || exit 99
		exec setpriv --ambient-caps -all --inh-caps -all "$@"' one-id "$@"
}

# terminal STEP… -- COMMAND…: runs it on a terminal of its own; terminal.py says which steps there are.
terminal() {
	python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"
}

# on_a_machine SCRIPT [GROUP]: runs it as this user on a machine of its own, in which it can give itself subordinate ids: with `give FIRST COUNT`. It is a user namespace with
# ids of this user's (he has 2000 there, and a further group where one is named), where newuidmap and newgidmap are set-user-ID programs of that namespace's root. With
# OWN_NETWORK=1 it has a network of its own too, loopback alone, all of whose ports are his, and $T/resolv.conf is its resolv.conf.
on_a_machine() {
	# shellcheck disable=SC2016 # expanded inside
	unshare --user --map-root-user --map-auto --mount ${OWN_NETWORK:+--net} bash -c '
		set -e
		if [[ -n ${OWN_NETWORK-} ]]; then
			ip link set lo up
			echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
			mount --bind "$T/resolv.conf" /etc/resolv.conf
		fi
		mount -t tmpfs -o mode=755 tmpfs /mnt
		cp /usr/bin/newuidmap /usr/bin/newgidmap /mnt
		chmod 4755 /mnt/newuidmap /mnt/newgidmap
		mount --bind /mnt/newuidmap /usr/bin/newuidmap
		mount --bind /mnt/newgidmap /usr/bin/newgidmap
		touch /mnt/subuid /mnt/subgid
		chmod 666 /mnt/subuid /mnt/subgid
		mount --bind /mnt/subuid /etc/subuid
		mount --bind /mnt/subgid /etc/subgid
		echo "sailor:x:2000:2000::$HOME:/bin/bash" >/mnt/passwd
		chmod 644 /mnt/passwd
		mount --bind /mnt/passwd /etc/passwd
		chown 2000:2000 "$T" "$T/home"
		chmod 711 "$T" "${T%/*}"
		[[ -z ${2-} ]] || chown "0:$2" "$T/of-group" "$T/of-group"/*
		status=0
		setpriv --reuid 2000 --regid 2000 --groups "2000${2:+,$2}" --inh-caps -all bash -c "give() { echo sailor:\$1:\$2 | tee /etc/subuid >/etc/subgid; }; $1" || status=$?
		# What is in the trash may vanish under its hands.
		chown -R 0:0 "$T" 2>/dev/null || { sleep 1; chown -R 0:0 "$T"; }
		exit $status' on-a-machine "$@"
}
