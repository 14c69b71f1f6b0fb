#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# systemd in a container: the machine's own /usr, booted.
load ../system/helpers

# Its /etc is nearly empty: presets and units are those of /usr.
setup() {
	common_setup
	local root=$T/root.tree name
	mkdir -p "$root"/{usr,etc/systemd/system,var/log,run,tmp,proc,sys,dev,root}
	for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
	printf 'root:x:0:0:root:/root:/bin/sh\nmessagebus:x:100:100::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
	printf 'root:x:0:\nmessagebus:x:100:\nnogroup:x:65534:\n' >"$root/etc/group"
	: >"$root/etc/machine-id"
	printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c "cat /proc/self/cgroup >/var/booted"\n[Install]\nWantedBy=multi-user.target\n' \
		>"$root/etc/systemd/system/mark.service"
	mkdir "$root/etc/systemd/system/multi-user.target.wants"
	ln -s ../mark.service "$root/etc/systemd/system/multi-user.target.wants/mark.service"
	ln -s /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
	tar -C "$root" -cf "$T/root.tar" .
	coracle import "$T/root.tar" localhost/machine >/dev/null
}

group_of() { # container
	local group
	group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(coracle inspect --format '{{.State.Pid}}' "$1")/cgroup")
	echo "${group%%/container*}"
}

has_booted() {
	[[ $(coracle exec one systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]
}

booted() {
	local i
	for ((i = 0; i < 600; i++)); do
		has_booted && return
		sleep 0.2
	done
	coracle exec one systemctl list-jobs || true
	coracle logs one | tail -n 30
	return 1
}

@test "systemd boots to multi-user.target, in a cgroup that it divides and below limits that it cannot lift, and shuts down when it is stopped" {
	local turn group
	coracle run -d --name one --memory 300m -v /usr:/usr:ro localhost/machine /sbin/init >"$T/out" 2>&1
	[[ $(cat "$T/out") =~ ^[0-9a-f]{64}$ ]] # no warning
	for turn in 1 2; do
		booted
		expect_equal "$(coracle exec one systemctl is-active multi-user.target mark.service)" $'active\nactive'
		expect_equal "$(coracle exec one cat /var/booted)" "0::/system.slice/mark.service"
		expect_equal "$(coracle exec one cat /proc/1/cgroup)" "0::/init.scope"
		expect_equal "$(coracle exec one systemd-detect-virt)" container-other
		group=$(group_of one)
		expect_equal "$(cat "$group/memory.max")" $((300 << 20))
		[[ -d $group/container/system.slice ]]
		# It owns the files of its own root, not those above.
		coracle exec one sh -c 'echo max >/sys/fs/cgroup/memory.max' 2>/dev/null || true
		expect_equal "$(cat "$group/memory.max")" $((300 << 20))
		coracle exec one rm /var/booted
		coracle pause one
		coracle unpause one
		# It shuts down, and is not killed.
		coracle stop -t 120 one
		expect_equal "$(coracle inspect --format '{{.State.ExitCode}}' one)" 0
		[[ ! -d $group ]]
		[[ $turn == 2 ]] || coracle start one
	done
}

@test "systemd divides its cgroup also where the container's root is another id" {
	coracle run -d --name one --userns auto -v /usr:/usr:ro localhost/machine /sbin/init >/dev/null
	booted
	expect_equal "$(coracle exec one cat /var/booted)" "0::/system.slice/mark.service"
	[[ $(stat -c %u "$(group_of one)/container") != "$(id -u)" ]]
	coracle stop -t 120 one
	expect_equal "$(coracle inspect --format '{{.State.ExitCode}}' one)" 0
	coracle start one
	booted
	coracle rm -f -t 60 one
}

@test "a service of systemd gets its own limits within the container" {
	coracle run -d --name one -v /usr:/usr:ro localhost/machine /sbin/init >/dev/null
	booted
	coracle exec one systemd-run --quiet --unit=small --property=MemoryMax=20M sleep 1000
	expect_equal "$(cat "$(group_of one)/container/system.slice/small.service/memory.max")" $((20 << 20))
	coracle rm -f -t 60 one
}
