# SPDX-License-Identifier: Apache-2.0
# coracle-runtime as other tools use it: bundles, the life cycle of runtime.md, and podman.
load helpers

setup() {
	common_setup
	BUNDLE=$T/bundle STATE=$T/state
	mkdir -p "$BUNDLE/rootfs"/{bin,proc,dev,sys,tmp,etc}
	cp /bin/busybox "$BUNDLE/rootfs/bin/"
	local applet
	for applet in sh true cat echo id sleep hostname ls touch tty; do ln -s busybox "$BUNDLE/rootfs/bin/$applet"; done
	(cd "$BUNDLE" && crun spec --rootless)
	edit '.process.terminal = false | .root.readonly = false'
}

teardown() {
	local id
	for id in $(rt list -q); do rt delete --force "$id" || true; done
	common_teardown
}

rt() {
	"$BUILD/coracle-runtime" --root "$STATE" "$@"
}

edit() { # jq's filter…
	jq "$@" <"$BUNDLE/config.json" >"$BUNDLE/config.new"
	mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

command_is() { # argument…
	edit --argjson args "$(jq -n '[inputs]' --raw-input < <(printf '%s\n' "$@"))" '.process.args = $args'
}

status_of() {
	rt state "$1" | jq -r .status
}

@test "the bundle that crun makes is one we can read, and runs" {
	"$BATS_TEST_DIRNAME/../validate-json" runtime-spec/config-schema.json "$BUNDLE/config.json"
	command_is sh -c 'echo hello; id -u; hostname; exit 7'
	run -7 rt run --bundle "$BUNDLE" first
	expect_output $'hello\n0\ncrun'
	run -0 rt list -q
	expect_output ""
}

@test "created, running, stopped, gone: and the state says so, as the schema wants it" {
	local state
	command_is sleep 300
	rt create --bundle "$BUNDLE" --pid-file "$T/pid" box </dev/null >/dev/null 2>&1 3>&-
	state=$(rt state box)
	"$BATS_TEST_DIRNAME/../validate-json" runtime-spec/state-schema.json <<<"$state"
	[[ $(jq -r .status <<<"$state") == created ]]
	[[ $(jq -r .id <<<"$state") == box ]]
	[[ $(jq -r .bundle <<<"$state") == "$BUNDLE" ]]
	[[ $(jq -r .pid <<<"$state") == "$(cat "$T/pid")" ]]
	[[ $(readlink "/proc/$(cat "$T/pid")/exe") == */coracle-runtime ]]
	run -1 rt create --bundle "$BUNDLE" box
	expect_match 'exists already'

	rt start box
	[[ $(status_of box) == running ]]
	[[ $(readlink "/proc/$(cat "$T/pid")/exe") == /bin/busybox ]]
	run -1 rt start box
	expect_match 'cannot be started: it is running'
	run -1 rt delete box
	expect_match 'is running'

	rt kill box KILL
	wait_until 10 eval '[[ $(status_of box) == stopped ]]'
	state=$(rt state box)
	"$BATS_TEST_DIRNAME/../validate-json" runtime-spec/state-schema.json <<<"$state"
	[[ $(jq -r .pid <<<"$state") == null ]]
	run -1 rt kill box TERM
	expect_match 'is not running'
	rt delete box
	run -1 rt state box
	expect_match 'container "box" does not exist'
	run -1 rt delete box
	rt delete --force box
}

@test "the configuration is that of the creation, not what the bundle says later" {
	command_is sh -c 'echo early >/tmp/said; sleep 300'
	rt create --bundle "$BUNDLE" box </dev/null >/dev/null 2>&1 3>&-
	command_is sh -c 'echo late >/tmp/said'
	rt start box
	wait_until 10 test -s "$BUNDLE/rootfs/tmp/said"
	[[ $(cat "$BUNDLE/rootfs/tmp/said") == early ]]
	rt delete --force box
	[[ $(rt list -q) == "" ]]
}

@test "what cannot be executed is known at creation, and nothing stays" {
	command_is nope
	run -127 rt create --bundle "$BUNDLE" box
	expect_match 'exec: "nope": executable file not found in \$PATH'
	command_is /tmp
	run -126 rt create --bundle "$BUNDLE" box
	expect_match 'is a directory'
	run -0 rt list -q
	expect_output ""
	printf '\177\001garbage' >"$BUNDLE/rootfs/bin/garbage"
	chmod 755 "$BUNDLE/rootfs/bin/garbage"
	command_is garbage
	rt create --bundle "$BUNDLE" box </dev/null >/dev/null 2>&1 3>&-
	run -126 rt start box
	expect_match 'exec format error'
	[[ $(status_of box) == stopped ]]
}

@test "exec: in the container, with its rights, a user and a directory of its own" {
	command_is sleep 300
	rt create --bundle "$BUNDLE" box </dev/null >/dev/null 2>&1 3>&-
	run -1 rt exec other true
	expect_match 'does not exist'
	rt start box
	run -5 rt exec --env A=b --cwd /tmp box sh -c 'echo $A; pwd; hostname; exit 5'
	expect_output $'b\n/tmp\ncrun'
	run -0 rt exec --user 1:2 box sh -c 'id -u; id -g'
	expect_output $'1\n2'
	jq '.process | .args = ["sh", "-c", "echo from a file"]' "$BUNDLE/config.json" >"$T/process.json"
	run -0 rt exec --process "$T/process.json" --pid-file "$T/pid" box
	expect_output 'from a file'
	[[ -s $T/pid ]]
	rt exec --detach box sh -c 'echo $$ >/tmp/detached; sleep 300' </dev/null >/dev/null 2>&1 3>&-
	wait_until 10 test -s "$BUNDLE/rootfs/tmp/detached"
	run -127 rt exec box nope
	expect_match 'not found in \$PATH'
}

@test "users, groups and capabilities are those of the configuration" {
	edit '.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 6], umask: 63} | .process.capabilities = {bounding: ["CAP_KILL"]}'
	command_is sh -c 'id -u; id -g; grep ^Groups /proc/self/status; umask; grep -E "^Cap(Bnd|Eff)" /proc/self/status'
	ln -s busybox "$BUNDLE/rootfs/bin/grep"
	run -0 rt run --bundle "$BUNDLE" box
	expect_match $'^1000\n1001\nGroups:\t5 6 ?\n0077\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000020$'
}

@test "a file that a non-root user writes by /dev/stdout reaches us" {
	edit '.process.user = {uid: 1000, gid: 1000}'
	command_is sh -c 'echo through >/dev/stdout'
	[[ $(rt run --bundle "$BUNDLE" box | cat) == through ]]
}

@test "kill --all reaches every process" {
	command_is sh -c "trap 'echo first >>/tmp/got' USR1; (trap 'echo second >>/tmp/got' USR1; touch /tmp/ready; while :; do sleep 0.05; done) & while :; do sleep 0.05; done"
	rt create --bundle "$BUNDLE" box </dev/null >/dev/null 2>&1 3>&-
	rt start box
	wait_until 10 test -e "$BUNDLE/rootfs/tmp/ready"
	rt kill --all box USR1
	wait_until 10 grep -q first "$BUNDLE/rootfs/tmp/got"
	wait_until 10 grep -q second "$BUNDLE/rootfs/tmp/got"
}

@test "hooks of every stage, each with the state on its standard input" {
	cat >"$T/hook" <<-'SH'
		#!/bin/sh
		read -r state
		echo "$1 $state" >>"$2"
	SH
	chmod 755 "$T/hook"
	cp "$T/hook" "$BUNDLE/rootfs/bin/hook"
	edit --arg hook "$T/hook" --arg log "$T/log" '.hooks = ([("prestart", "createRuntime", "createContainer", "poststart", "poststop")
		| {(.): [{path: $hook, args: ["hook", ., $log]}]}] | add) + {startContainer: [{path: "/bin/hook", args: ["hook", "startContainer", "/tmp/log"]}]}'
	command_is true
	rt run --bundle "$BUNDLE" box
	[[ $(cut -d' ' -f1 "$T/log" | tr '\n' ' ') == "prestart createRuntime createContainer poststart poststop " ]]
	[[ $(cut -d' ' -f1 "$BUNDLE/rootfs/tmp/log") == startContainer ]]
	while read -r _ state; do "$BATS_TEST_DIRNAME/../validate-json" runtime-spec/state-schema.json <<<"$state"; done <"$T/log"
	[[ $(sed -n 's/^poststop //p' "$T/log" | jq -r .status) == stopped ]]
	[[ $(sed -n 's/^createRuntime //p' "$T/log" | jq -r .pid) -gt 1 ]]
	edit '.hooks = {createRuntime: [{path: "/bin/false"}]}'
	run -1 rt run --bundle "$BUNDLE" box
	expect_match 'createRuntime hook /bin/false: it ended with status 1'
	[[ $(rt list -q) == "" ]]
}

@test "a terminal comes over the console socket" {
	edit '.process.terminal = true'
	command_is sh -c 'tty; echo x >/dev/tty'
	run -1 rt run --bundle "$BUNDLE" box
	expect_match 'needs --console-socket'
	python3 - "$T/console" "$T/tty" <<-'PY' &
		import array, os, socket, sys
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1])
		server.listen()
		connection, _ = server.accept()
		_, ancillary, _, _ = connection.recvmsg(64, 64)
		master = array.array("i", ancillary[0][2])[0]
		out = b""
		try:
		    while chunk := os.read(master, 4096):
		        out += chunk
		except OSError:
		    pass
		open(sys.argv[2], "wb").write(out)
	PY
	local reader=$!
	wait_until 10 test -S "$T/console"
	rt run --bundle "$BUNDLE" --console-socket "$T/console" box
	wait "$reader"
	[[ $(tr -d '\r' <"$T/tty") == $'/dev/pts/0\nx' ]]
}

@test "descriptors are kept when they are asked for, and only then" {
	command_is sh -c 'echo kept >&3'
	rt run --bundle "$BUNDLE" --preserve-fds 1 box 3>"$T/third"
	[[ $(cat "$T/third") == kept ]]
	run ! rt run --bundle "$BUNDLE" box 3>"$T/third"
}

@test "limits that nobody would keep are refused" {
	edit '.linux.resources = {memory: {limit: 1000000}}'
	run -1 rt run --bundle "$BUNDLE" box
	expect_match 'linux.resources.memory: limits are not supported'
}

@test "errors go to the log in the form that was asked for" {
	command_is nope
	run -127 rt --log "$T/log" --log-format json run --bundle "$BUNDLE" box
	expect_output ""
	[[ $(jq -r .level "$T/log") == error ]]
	[[ $(jq -r .msg "$T/log") == *'not found in $PATH' ]]
}

@test "features are what the schema wants" {
	rt features >"$T/features"
	"$BATS_TEST_DIRNAME/../validate-json" runtime-spec/features-schema.json "$T/features"
	jq -e '.linux.seccomp.enabled and (.linux.namespaces | index("time")) and (.mountOptions | index("rro"))' "$T/features"
}

@test "podman starts containers with it" {
	local podman=(podman --storage-driver vfs --cgroup-manager cgroupfs --runtime "$BUILD/coracle-runtime")
	tar -C "$BUNDLE/rootfs" -c . | "${podman[@]}" import - box >/dev/null 2>&1
	run -3 "${podman[@]}" run --rm --network none box sh -c 'echo hello; exit 3'
	expect_output hello
	run -127 "${podman[@]}" run --rm --network none box nope
	expect_match 'not found in \$PATH'
	run -0 "${podman[@]}" run -d --name box --network none box sleep 300
	run -0 "${podman[@]}" exec box id -u
	expect_output 0
	run -0 "${podman[@]}" rm -f -t 0 box
}
