#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Limits below one's own cgroup: services with Delegate=, --cgroups split, and batch jobs, to which no systemd speaks.
load ../system/helpers

setup() {
	common_setup
	load_image busybox
	unset START_UNIT
}

teardown() {
	systemctl --user stop "test-*" 2>/dev/null || true
	systemctl --user reset-failed 2>/dev/null || true
	common_teardown
}

# Runs a shell line as a service of the user's manager whose cgroup is its own; what it prints is in $T/output.
service() { # line
	local status=0
	systemd-run --user --quiet --wait --collect --unit=test-unit -p Delegate=yes bash -c "exec >'$T/output' 2>&1; $1" || status=$?
	output=$(cat "$T/output")
	return "$status"
}

# The same line as in a batch job: the root of the tree that it sees is its own cgroup, which is its own to write, and there is no manager.
job() { # line
	mkdir -p "$T/cgroup"
	service "cd /; exec unshare --user --map-current-user --mount --cgroup --keep-caps bash -c 'mount -t cgroup2 none $T/cgroup && exec setpriv --ambient-caps=-all --inh-caps=-all bash -c \"\$0\"' $(printf %q "$1")"
}

group_of() { # container
	sed -n 's/^0:://p' "/proc/$(coracle inspect --format '{{.State.Pid}}' "$1")/cgroup"
}

@test "--cgroups split: in a service with a cgroup of its own, limits hold, and the next command finds the same place" {
	service "for i in 1 2; do $T/coracle run --rm --cgroups split --memory 64m --pids-limit 9 busybox sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'; done; cat /proc/self/cgroup"
	[[ $output == *$'\n'"0::"*/app.slice/test-unit.service/coracle-commands ]]
	expect_equal "$(head -n 4 <<<"$output")" $'67108864\n9\n67108864\n9'
}

@test "--cgroups split: over its limit a container dies alone" {
	service "sleep 100 & $T/coracle run --name eater --cgroups split --memory 32m --memory-swap 32m busybox tail /dev/zero; echo \$?; kill %1 && echo lives"
	expect_equal "$output" $'137\nlives'
	expect_equal "$(coracle inspect --format '{{.State.OOMKilled}}' eater)" true
}

@test "--cgroups split: without limits nothing is moved, and where nothing is delegated it is said" {
	service "$T/coracle run -d --name one --cgroups split busybox sleep 1000; cat /proc/self/cgroup /proc/\$($T/coracle inspect --format '{{.State.Pid}}' one)/cgroup"
	[[ $output == *$'\n'"0::"*/test-unit.service$'\n'"0::"*/test-unit.service/coracle-* ]]
	expect_error 125 '.--cgroup-parent and --cgroups split contradict' coracle run --rm --cgroups split --cgroup-parent /x busybox true
}

@test "a service whose main process is coracle: its limits hold, and with the service all is gone" {
	mkdir -p "$T/data"
	systemd-run --user --quiet --collect --unit=test-main -p Delegate=yes \
		"$T/coracle" run --rm --name web --cgroups split --memory 48m -v "$T/data:/data" busybox sh -c 'trap "echo bye >/data/end; exit 0" TERM; while :; do sleep 0.1; done'
	is_up() { [[ $(coracle inspect --format '{{.State.Pid}}' web 2>/dev/null) == [1-9]* ]]; }
	wait_until 20 is_up
	local group
	group=/sys/fs/cgroup$(group_of web)
	[[ $group == */test-main.service/coracle-* ]]
	expect_equal "$(cat "$group/memory.max")" $((48 << 20))
	coracle update --memory 40m web
	expect_equal "$(cat "$group/memory.max")" $((40 << 20))
	expect_equal "$(coracle exec web cat /sys/fs/cgroup/memory.max)" $((40 << 20))
	systemctl --user stop test-main
	expect_equal "$(cat "$T/data/end")" bye
	[[ ! -e $group && ! -e ${group%/*} ]]
	expect_equal "$(coracle ps -aq)" ""
}

@test "a service that is killed takes its container with it" {
	systemd-run --user --quiet --collect --unit=test-main -p Delegate=yes -p KillSignal=KILL \
		"$T/coracle" run --rm --name web --cgroups split --memory 48m busybox sleep 1000
	is_up() { [[ $(coracle inspect --format '{{.State.Pid}}' web 2>/dev/null) == [1-9]* ]]; }
	wait_until 20 is_up
	local group pid
	group=/sys/fs/cgroup$(group_of web)
	pid=$(coracle inspect --format '{{.State.Pid}}' web)
	systemctl --user stop test-main
	[[ ! -e /proc/$pid && ! -e $group ]]
	# The next command sees that it ended.
	[[ $(coracle ps -a --format '{{.Names}} {{.State}}') != *running* ]]
}

@test "a batch job's own cgroup takes limits, though there is no systemd in sight" {
	job "$T/coracle run --rm --memory 64m --pids-limit 9 busybox sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'; cat /proc/self/cgroup"
	expect_equal "$output" $'67108864\n9\n0::/coracle-commands'
	job "$T/coracle run --name eater --memory 32m --memory-swap 32m busybox tail /dev/zero; echo \$?"
	expect_equal "$output" 137
	expect_equal "$(coracle inspect --format '{{.State.OOMKilled}}' eater)" true
}

@test "a job whose cgroup is not its own: all but limits works, and a limit says what is missing" {
	outside() {
		printf '%s\n' "export XDG_RUNTIME_DIR=$T; $1" >/run/outside/command
		read -r status </run/outside/status
		output=$(cat /run/outside/output)
	}
	outside "$T/coracle run --rm busybox echo fine"
	expect_output fine
	outside "$T/coracle run --rm --cgroup-manager cgroupfs --memory 64m busybox echo fine"
	expect_status 125
	expect_match 'no cgroup is delegated to this user'
}
