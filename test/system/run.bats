# SPDX-License-Identifier: Apache-2.0
# run: output, exit codes, standard input, names, files with ids, and that nothing is left behind.
load helpers

setup() {
	common_setup
	load_image busybox
}

@test "run: output and error come out apart, byte for byte" {
	run --separate-stderr coracle run --rm busybox sh -c 'echo out; echo err >&2; printf "no newline"'
	expect_status 0
	expect_output $'out\nno newline'
	expect_equal "$stderr" err
	coracle run --rm busybox printf 'a\0b\377\r\n' >"$T/bytes"
	expect_equal "$(od -An -tx1 "$T/bytes" | tr -d ' ')" 610062ff0d0a
}

@test "run: its exit status is the container's" {
	local code
	for code in 0 1 42 125 255; do
		run coracle run --rm busybox sh -c "exit $code"
		expect_status "$code"
	done
}

@test "run: exit status 126 for what cannot be executed, 127 for what is not there" {
	expect_error 127 'no-such-program.*not found' coracle run --rm busybox no-such-program
	expect_error 127 '/no/such/program' coracle run --rm busybox /no/such/program
	expect_error 126 '/etc/passwd.*[Pp]ermission denied' coracle run --rm busybox /etc/passwd
	expect_error 126 '/etc' coracle run --rm busybox /etc
	# A program found in PATH that cannot be executed is 126 too.
	run coracle run --rm busybox sh -c 'echo nonsense >/bin/script; chmod 644 /bin/script; exec env -i PATH=/bin script'
	expect_status 126
}

@test "run: exit status 125 and one line for our own errors" {
	expect_error 125 'no-such-option' coracle run --rm --no-such-option busybox true
	expect_error 125 'no-such-image' coracle run --rm --pull never no-such-image true
	expect_error 125 'UPPER' coracle run --rm localhost/UPPER true
	no_containers
}

@test "run: exit status 128 and the number of the signal that ended it" {
	local id
	run coracle run --rm --init busybox sh -c 'kill -9 $$'
	expect_status 137
	run coracle run --rm --init busybox sh -c 'kill -SEGV $$'
	expect_status 139
	id=$(coracle run -d busybox sleep 1000)
	coracle kill "$id"
	expect_equal "$(coracle wait "$id")" 137
	expect_equal "$(inspected "$id" State.ExitCode)" 137
}

@test "run: a container whose program is not there stays as created, and can be removed" {
	run -127 coracle run --name bad busybox no-such-program
	expect_state bad created
	coracle rm bad
	no_containers
}

@test "run: standard input only with -i" {
	expect_equal "$(echo hello | coracle run --rm -i busybox cat)" hello
	expect_equal "$(echo hello | coracle run --rm busybox cat)" ""
	expect_equal "$(coracle run --rm -i busybox wc -c </dev/null)" 0
	# Closed altogether.
	expect_equal "$(coracle run --rm busybox echo fine <&-)" fine
}

@test "run -i: 200 MB of random bytes come back the same" {
	mkfifo "$T/tee"
	sha256sum <"$T/tee" >"$T/sent" &
	head -c 200M /dev/urandom | tee "$T/tee" | timeout 170 "$T/coracle" run --rm --log-driver none -i busybox cat | sha256sum >"$T/received"
	wait $!
	expect_equal "$(cat "$T/received")" "$(cat "$T/sent")"
}

@test "run -i: much output at both ends is complete when the container ends at once" {
	local lines
	lines=$(coracle run --rm busybox sh -c 'seq 200000; seq 200000 >&2' 2>"$T/err" | md5sum)
	expect_equal "$lines" "$(seq 200000 | md5sum)"
	expect_equal "$(md5sum <"$T/err")" "$(seq 200000 | md5sum)"
}

@test "run -i: ends although its input goes on" {
	run timeout 60 bash -c 'yes | "$T/coracle" run --rm -i busybox head -n 2'
	expect_output $'y\ny'
	# Input that neither writes nor ends.
	run timeout 60 bash -c 'sleep 1000 | { "$T/coracle" run --rm -i busybox true; echo "ended $?"; kill %1 2>/dev/null; pkill -P $$ sleep; }'
	expect_match 'ended 0'
}

@test "run -d: prints the id and does not hang in a substitution" {
	local id
	id=$(timeout 60 "$T/coracle" run -d busybox sleep 1000)
	expect_matches "$id" '^[0-9a-f]{64}$'
	expect_equal "$(coracle ps -q --no-trunc)" "$id"
	expect_state "$id" running
}

@test "run -d: nothing of what started it is held open" {
	local id pid
	exec 7<"$CORACLE_TEST_CACHE/busybox.tar"
	id=$(coracle run -d busybox sleep 1000)
	exec 7<&-
	pid=$(inspected "$id" State.ConmonPid)
	run ls -l "/proc/$pid/fd"
	expect_status 0
	[[ $output != *busybox.tar* ]] || {
		echo "$output"
		return 1
	}
	# Nor a directory that could not be unmounted then.
	expect_equal "$(readlink "/proc/$pid/cwd")" /
}

@test "run --rm: leaves nothing" {
	local before
	coracle run --rm busybox true
	wait_until 5 nothing_staged
	before=$(find "$ROOT" "$RUNROOT" | sort)
	coracle run --rm --name gone busybox sh -c 'echo data >/file'
	coracle run --rm -d --name gone busybox sleep 0.2 >/dev/null
	wait_until 20 no_containers
	run -127 coracle run --rm busybox no-such-program
	nothing_new() { [[ $(find "$ROOT" "$RUNROOT" | sort) == "$before" ]]; }
	wait_until 10 nothing_new || {
		diff <(echo "$before") <(find "$ROOT" "$RUNROOT" | sort)
		return 1
	}
}

@test "run --name: is the container's, can be taken, and is checked" {
	local id
	id=$(coracle run -d --name one busybox sleep 1000)
	expect_equal "$(coracle inspect -f '{{.Id}}' one)" "$id"
	expect_error 125 '"one".*in use' coracle run --name one busybox true
	expect_error 125 '"one".*in use' coracle create --name one busybox true
	expect_error 125 'a/b' coracle run --name a/b busybox true
	expect_error 125 'name' coracle run --name -x busybox true
	expect_equal "$(coracle ps -aq --no-trunc)" "$id"
	coracle rm -f -t 0 one
	# Free again.
	coracle run --rm --name one busybox true
}

@test "run: a container without a name gets one of two words" {
	coracle create busybox >/dev/null
	expect_matches "$(coracle ps -a --format '{{.Names}}')" '^[a-z]+_[a-z]+$'
}

@test "run --cidfile, --pidfile: hold the id and the process" {
	local id pid
	id=$(coracle run -d --cidfile "$T/cid" --pidfile "$T/pid" busybox sleep 1000)
	expect_equal "$(cat "$T/cid")" "$id"
	pid=$(inspected "$id" State.Pid)
	expect_equal "$(cat "$T/pid")" "$pid"
	expect_equal "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 1000 "
	# One that exists is never overwritten.
	expect_error 125 "$T/cid" coracle run --cidfile "$T/cid" busybox true
	expect_equal "$(coracle ps -aq --no-trunc)" "$id"
	coracle stop -t 0 --cidfile "$T/cid"
	coracle rm --cidfile "$T/cid"
	no_containers
}

@test "run --pidfile, --conmon-pidfile: relative to where the command was given, also for later starts, and of the monitor" {
	local pid
	mkdir here
	(cd here && coracle run -d --name box --cidfile cid --pidfile pid --conmon-pidfile monitor busybox sleep 1000 >/dev/null)
	expect_equal "$(cat here/cid)" "$(inspected box Id)"
	expect_equal "$(cat here/pid)" "$(inspected box State.Pid)"
	pid=$(cat here/monitor)
	expect_equal "$pid" "$(inspected box State.ConmonPid)"
	expect_equal "$(inspected box ConmonPidFile)" "$T/here/monitor"
	# What systemd waits for: when the monitor is gone, so is the container.
	[[ $(readlink "/proc/$pid/exe") == */coracle-monitor ]]
	(cd / && coracle restart -t 0 box >/dev/null)
	expect_equal "$(cat here/pid)" "$(inspected box State.Pid)"
	expect_equal "$(cat here/monitor)" "$(inspected box State.ConmonPid)"
	expect_error 125 'nowhere/pid: No such file' coracle run --rm --pidfile nowhere/pid busybox true
}

@test "run --pull never: an image that is not there is an error at once" {
	expect_error 125 'no-such' coracle run --rm --pull never localhost/no-such true
}

@test "run: images by name, tag, id and start of the id" {
	local id name
	id=$(coracle images -q --no-trunc busybox | sed 's/^sha256://')
	for name in busybox busybox:latest localhost/busybox localhost/busybox:latest "$id" "sha256:$id" "${id:0:12}"; do
		expect_equal "$(coracle run --rm "$name" echo "$name")" "$name"
	done
}

@test "run --restart and --rm contradict each other" {
	expect_error 125 'restart' coracle run --rm --restart always busybox true
}

@test "run: the image's own command" {
	expect_equal "$(echo 'echo from the default shell' | coracle run --rm -i busybox)" "from the default shell"
}
