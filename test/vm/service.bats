#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers in a user's session under systemd: their control groups, and containers as services.
load ../system/helpers

setup() {
	common_setup
	load_image busybox
}

# The cgroup of a process, below the mount point.
cgroup_of() { # pid
	sed -n 's/^0:://p' "/proc/$1/cgroup"
}

pid_of() { # container
	coracle inspect --format '{{.State.Pid}}' "$1"
}

@test "a container has a control group of its own, which goes with it" {
	coracle run -d --name one busybox sleep 1000
	local group
	group=$(cgroup_of "$(pid_of one)")
	[[ $group == */coracle-* ]]
	[[ -d /sys/fs/cgroup$group ]]
	# It outlives the scope that started it: it lies above that.
	[[ $group != "$(cgroup_of self)"/* ]]
	coracle rm -f -t 0 one
	[[ ! -e /sys/fs/cgroup$group ]]
}

@test "pause freezes the group, and its processes see nothing of it" {
	coracle run -d --name busy busybox sh -c 'while :; do echo x; sleep 0.1; done'
	local group before
	group=/sys/fs/cgroup$(cgroup_of "$(pid_of busy)")
	coracle pause busy
	grep -qx 'frozen 1' "$group/cgroup.events"
	before=$(coracle logs busy | wc -l)
	sleep 1
	expect_equal "$(coracle logs busy | wc -l)" "$before"
	coracle unpause busy
	grep -qx 'frozen 0' "$group/cgroup.events"
	goes_on() { [[ $(coracle logs busy | wc -l) -gt $before ]]; }
	wait_until 5 goes_on
}

@test "a service: systemd starts a container, sees its end, and stops it" {
	mkdir -p ~/.config/systemd/user "$HOME"
	local unit=/home/tester/.config/systemd/user/web.service
	mkdir -p "${unit%/*}"
	cat >"$unit" <<-U
		[Service]
		ExecStart=$T/coracle run --rm --name web busybox sh -c 'trap "exit 0" TERM; echo up; while :; do sleep 0.1; done'
		ExecStop=$T/coracle stop web
	U
	systemctl --user daemon-reload
	systemctl --user start web
	is_up() { [[ $(coracle logs web 2>/dev/null) == up ]]; }
	wait_until 10 is_up
	systemctl --user stop web
	expect_equal "$(systemctl --user is-active web || true)" inactive
	expect_equal "$(coracle ps -aq)" ""
	rm "$unit"
	systemctl --user daemon-reload
}
