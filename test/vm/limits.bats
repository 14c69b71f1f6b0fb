#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Limits, each seen to hold: from inside by what a program can get, from outside in the cgroup.
load ../system/helpers

setup() {
	common_setup
	load_image busybox
}

# The directory of a running container's cgroup.
group_of() { # container
	echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(coracle inspect --format '{{.State.Pid}}' "$1")/cgroup")"
}

# Runs a command as the same user, but not below his manager: as a login shell would.
outside() { # command
	printf '%s\n' "export XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus; $1" >/run/outside/command
	read -r status </run/outside/status
	output=$(cat /run/outside/output)
}

file_of() { # container file
	cat "$(group_of "$1")/$2"
}

@test "memory: over its limit a container dies alone, with 137 and OOMKilled" {
	coracle run -d --name other busybox sleep 1000
	# It keeps all of its input while it waits for a newline.
	coracle run -d --name eater --memory 32m --memory-swap 32m busybox tail /dev/zero
	run -0 coracle wait eater
	expect_output 137
	expect_equal "$(coracle inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' eater)" "true 137"
	expect_equal "$(coracle inspect --format '{{.State.Running}} {{.State.OOMKilled}}' other)" "true false"
}

@test "memory: what stays below the limit runs; limits are what inspect says" {
	coracle run -d --name one --memory 64m --memory-reservation 32m --memory-swap 96m --cpus 0.5 --cpu-shares 2048 --pids-limit 50 busybox sleep 1000
	expect_equal "$(file_of one memory.max)" $((64 << 20))
	expect_equal "$(file_of one memory.low)" $((32 << 20))
	[[ ! -e $(group_of one)/memory.swap.max ]] || expect_equal "$(file_of one memory.swap.max)" $((32 << 20))
	expect_equal "$(file_of one cpu.max)" "50000 100000"
	expect_equal "$(file_of one cpu.weight)" 79
	expect_equal "$(file_of one pids.max)" 50
	expect_equal "$(coracle inspect --format '{{with .HostConfig}}{{.Memory}} {{.MemoryReservation}} {{.MemorySwap}} {{.NanoCpus}} {{.CpuShares}} {{.PidsLimit}}{{end}}' one)" \
		"$((64 << 20)) $((32 << 20)) $((96 << 20)) 500000000 2048 50"
	# The processes see their own group as the root of all.
	expect_equal "$(coracle exec one cat /proc/self/cgroup)" "0::/"
	expect_equal "$(coracle exec one cat /sys/fs/cgroup/memory.max)" $((64 << 20))
}

@test "cpus: a busy loop gets its share, within a tenth over five seconds" {
	coracle run -d --name busy --cpus 0.3 busybox sh -c 'while :; do :; done'
	local group before after start end
	group=$(group_of busy)
	usage() { sed -n 's/^usage_usec //p' "$group/cpu.stat"; }
	sleep 1
	before=$(usage) start=$(date +%s%N)
	sleep 5
	after=$(usage) end=$(date +%s%N)
	local percent=$(((after - before) * 100000 / (end - start)))
	echo "it had $percent % of a processor"
	((percent >= 27 && percent <= 33))
}

@test "pids: the process that is one too many is refused, at the number" {
	coracle run -d --name few --pids-limit 8 busybox sh -c '(while :; do sleep 1000 & done); sleep 1000'
	sleep 2
	expect_equal "$(file_of few pids.peak)" 8
	[[ $(coracle logs few 2>&1) == *"can't fork"* ]]
	[[ $(file_of few pids.events) == "max "[1-9]* ]]
}

@test "update: changes a running container at once, and its next start" {
	coracle run -d --name web --memory 64m busybox sleep 1000
	run -0 coracle update --memory 48m --cpus 0.25 --pids-limit 20 web
	expect_output "$(coracle inspect --format '{{.Id}}' web)"
	expect_equal "$(file_of web memory.max)" $((48 << 20))
	expect_equal "$(file_of web cpu.max)" "25000 100000"
	coracle restart -t 0 web
	expect_equal "$(file_of web memory.max)" $((48 << 20))
	expect_equal "$(file_of web pids.max)" 20
	coracle update --pids-limit=-1 web
	expect_equal "$(file_of web pids.max)" max
	coracle stop -t 0 web
	coracle update --memory 40m web
	coracle start web
	expect_equal "$(file_of web memory.max)" $((40 << 20))
	expect_error 125 'what is to be changed' coracle update web
}

@test "cgroup-conf and cgroup-parent: any file of the cgroup, any place that is the user's" {
	coracle run -d --name high --memory 64m --cgroup-conf memory.high=33554432 busybox sleep 1000
	expect_equal "$(file_of high memory.high)" 33554432
	expect_error 125 'cgroup-conf' coracle run --rm --cgroup-conf nonsense busybox true
	local parent
	parent=$(dirname "$(group_of high)")
	coracle run -d --name inner --memory 64m --cgroup-parent "${parent#/sys/fs/cgroup}/mine" busybox sleep 1000
	expect_equal "$(dirname "$(group_of inner)")" "$parent/mine"
	coracle rm -f -t 0 inner
	rmdir "$parent/mine"
	coracle run -d --name none --cgroups disabled busybox sleep 1000
	[[ $(group_of none) != *coracle-* ]]
	expect_error 125 'nothing that could hold' coracle run --rm --cgroups disabled --memory 64m busybox true
	expect_error 125 'delegated to you' coracle run --rm --cgroup-parent /system.slice busybox true
}

@test "one place from systemd, and then no more words with it" {
	coracle run -d --name first --memory 64m busybox sleep 1000
	expect_equal "$(systemctl --user show -P Delegate coracle.service)" yes
	[[ $(group_of first) == */app.slice/coracle.service/coracle-* ]]
	# With the bus out of reach.
	run -0 env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR="$T" "$T/coracle" run --rm --memory 64m busybox cat /sys/fs/cgroup/memory.max
	expect_output $((64 << 20))
}

@test "from a login that is not the user manager's: systemd lets it in" {
	outside "grep -c user@1000.service /proc/self/cgroup"
	expect_output 0
	outside "$T/coracle run -d --name stays --memory 64m busybox sleep 1000"
	expect_status 0
	[[ $(group_of stays) == */user@1000.service/app.slice/coracle.service/coracle-* ]]
	expect_equal "$(file_of stays memory.max)" $((64 << 20))
	outside "$T/coracle exec stays cat /sys/fs/cgroup/memory.max"
	expect_output $((64 << 20))
}

@test "stats: what is used, of one, of all, and as JSON" {
	coracle run -d --name busy --memory 64m busybox sh -c 'while :; do :; done'
	coracle run -d --name idle busybox sleep 1000
	run -0 coracle stats --no-stream
	expect_match 'CPU % +MEM USAGE / LIMIT'
	expect_match 'busy +[0-9.]+% +[0-9.]+[kM]?B / 67.1MB'
	expect_match 'idle +0\.[0-9]+%'
	run -0 coracle stats --no-stream --format '{{.Name}} {{.PIDs}}' busy
	expect_output 'busy 1'
	local percent
	percent=$(coracle stats --no-stream --format '{{.CPUPerc}}' busy)
	[[ ${percent%.*} -ge 30 ]]
	coracle stats --no-stream --format json | jq -e '.[] | select(.name == "busy") | .pids == "1" and (.cpu_percent | endswith("%")) and (.mem_usage | endswith("/ 67.1MB"))'
	expect_error 125 'no such container' coracle stats --no-stream nobody
}

@test "bad values: one line that says what is right" {
	expect_error 125 'memory' coracle run --rm --memory lots busybox true
	expect_error 125 '6m' coracle run --rm --memory 1k busybox true
	expect_error 125 'cpus' coracle run --rm --cpus none busybox true
	expect_error 125 '0-2,5' coracle run --rm --cpuset-cpus 0- busybox true
	expect_error 125 'less than --memory' coracle run --rm --memory 64m --memory-swap 32m busybox true
	expect_error 125 'needs --memory' coracle run --rm --memory-swap 32m busybox true
	expect_error 125 'version 2' coracle run --rm --cpu-rt-runtime 1000 busybox true
	expect_error 125 'version 2' coracle run --rm --oom-kill-disable busybox true
	expect_error 125 'block device' coracle run --rm --device-read-bps /dev/null:1m busybox true
	expect_equal "$(coracle ps -aq)" ""
}
