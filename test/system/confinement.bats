# SPDX-License-Identifier: Apache-2.0
# confinement: capabilities, seccomp profiles, masks, /proc's options, kernel parameters, and namespaces that are shared or not, each seen by what it does.
load helpers

setup() {
	common_setup
	load_image busybox
}

caps() { # set option… : CapBnd of a container
	local set=$1
	shift
	coracle run --rm "$@" busybox sed -n "s/^$set:\t//p" /proc/self/status
}

@test "capabilities: names in any case, with and without CAP_, several at once" {
	local name
	for name in chown CHOWN cap_chown CAP_CHOWN Cap_Chown; do
		expect_equal "$(caps CapEff --cap-drop all --cap-add "$name")" 0000000000000001
		expect_equal "$(caps CapEff --cap-drop "$name")" 00000000a80425fa
	done
	expect_equal "$(caps CapBnd --cap-drop=all --cap-add=chown,CAP_KILL --cap-add net_raw)" 0000000000002021
	expect_equal "$(caps CapBnd --cap-add ALL --cap-drop CAP_CHOWN)" "$(printf %016x $((0x$(caps CapBnd --privileged) & ~1)))"
	expect_equal "$(caps CapEff)" 00000000a80425fb
	expect_error 125 '--cap-add nonsense: unknown capability' coracle run --rm --cap-add nonsense busybox true
	# They are rights over the container, not over the machine.
	run coracle run --rm --cap-add net_admin busybox sh -c 'ip link add d type dummy 2>/dev/null || ip link set lo down; ip link show lo | grep -c UP'
	expect_match '^[01]$'
	run coracle run --rm --cap-add sys_time --security-opt seccomp=unconfined busybox date -s 2001-01-01
	expect_match 'not permitted'
}

@test "capabilities: a user has those that were asked for by name, and exec has them too" {
	expect_equal "$(caps CapEff --user alice)" 0000000000000000
	expect_equal "$(caps CapAmb --user alice --cap-add net_bind_service)" 0000000000000400
	coracle run -d --name c --user alice --cap-add net_bind_service --network none busybox sleep 1000
	expect_equal "$(coracle exec c sed -n 's/^CapEff:\t//p' /proc/self/status)" 0000000000000400
	coracle exec -d c httpd -f -p 80 -h /var/www
	wait_until 5 coracle exec c wget -qO- http://127.0.0.1/
	coracle rm -f -t 0 c
}

@test "sysctl: who may ping without NET_RAW is as with podman" {
	expect_equal "$(coracle run --rm --network none busybox cat /proc/sys/net/ipv4/ping_group_range)" $'0\t0'
	expect_equal "$(coracle run --rm --network none --sysctl 'net.ipv4.ping_group_range=1 1000' busybox cat /proc/sys/net/ipv4/ping_group_range)" $'1\t1000'
}

@test "no-new-privileges: a set-user-ID program gives nothing" {
	local option
	echo 'int main(void) { printf("%d\n", geteuid()); return 0; }' | gcc -include stdio.h -include unistd.h -static -x c -o "$T/who" -
	coracle run --name made -v "$T/who:/mnt:ro" busybox sh -c 'cp /mnt /who && chmod 4755 /who'
	coracle commit -q made su-image
	expect_equal "$(coracle run --rm --user alice su-image /who)" 0
	for option in no-new-privileges no-new-privileges=true no-new-privileges:true; do
		expect_equal "$(coracle run --rm --user alice --security-opt "$option" su-image /who)" 1000
	done
	expect_equal "$(coracle run --rm --user alice --security-opt no-new-privileges=false su-image /who)" 0
}

# with_profile SYSCALLS-JSON [MEMBERS-JSON]: runs the rest of the words under a profile that allows all but what is said.
profile() {
	printf '{"defaultAction": "SCMP_ACT_ALLOW", %s "syscalls": [%s]}' "${2-}" "$1" >"$T/profile.json"
}
profiled() {
	coracle run --rm --security-opt "seccomp=$T/profile.json" "$@"
}

@test "seccomp: conditions: capabilities, architecture, kernel, of both kinds" {
	local refused='"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28' other=arm64
	[[ $(uname -m) == x86_64 ]] || other=amd64
	is() { # refused or allowed
		local result
		result=$(profiled "${@:2}" busybox sh -c 'mkdir /x 2>&1 && echo allowed') || true
		[[ $1 == allowed ]] || set -- "mkdir: can't create directory '/x': No space left on device"
		expect_equal "$result" "$1"
	}
	profile "{$refused, \"includes\": {\"caps\": [\"CAP_NET_ADMIN\"]}}"
	is allowed
	is refused --cap-add net_admin
	profile "{$refused, \"includes\": {\"caps\": [\"CAP_NET_ADMIN\", \"CAP_CHOWN\"]}}"
	is allowed --cap-add net_admin --cap-drop chown
	is refused --cap-add net_admin
	profile "{$refused, \"excludes\": {\"caps\": [\"CAP_NET_ADMIN\"]}}"
	is refused
	is allowed --cap-add net_admin
	profile "{$refused, \"includes\": {\"arches\": [\"$other\"]}}"
	is allowed
	profile "{$refused, \"excludes\": {\"arches\": [\"$other\"]}}"
	is refused
	profile "{$refused, \"includes\": {\"arches\": [\"amd64\", \"arm64\"]}}"
	is refused
	profile "{$refused, \"includes\": {\"minKernel\": \"4.8\"}}"
	is refused
	profile "{$refused, \"includes\": {\"minKernel\": \"99.0\"}}"
	is allowed
	profile "{$refused, \"excludes\": {\"minKernel\": \"4.8\"}}"
	is allowed
	profile "{\"name\": \"mkdir\", \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 28}, {\"name\": \"mkdirat\", \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 28}"
	is refused
	# The architectures of archMap.
	profile "{$refused}" '"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}, {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],'
	is refused
}

@test "seccomp: arguments: every operator, a mask, alternatives; actions and errno values" {
	cat >"$T/nice.c" <<-'C'
		#include <errno.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		/* personality(2), which takes a number, with each of the arguments: 0 where it was let through, or errno. */
		int main(int argc, char **argv)
		{
			for (int i = 1; i < argc; i++) {
				errno = 0;
				syscall(SYS_personality, strtoul(argv[i], NULL, 0));
				printf("%d%s", errno, i + 1 < argc ? " " : "\n");
			}
			return 0;
		}
	C
	gcc -D_GNU_SOURCE -static -o "$T/nice" "$T/nice.c"
	tried() { # operator value valueTwo numbers…
		profile "{\"names\": [\"personality\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 77, \"args\": [{\"index\": 0, \"op\": \"$1\", \"value\": $2, \"valueTwo\": $3}]}"
		profiled -v "$T/nice:/nice:ro" busybox /nice "${@:4}"
	}
	expect_equal "$(tried SCMP_CMP_EQ 8 0 0 8)" "0 77"
	expect_equal "$(tried SCMP_CMP_NE 8 0 0 8)" "77 0"
	expect_equal "$(tried SCMP_CMP_LT 8 0 0 8)" "77 0"
	expect_equal "$(tried SCMP_CMP_LE 8 0 0 8 0x20000)" "77 77 0"
	expect_equal "$(tried SCMP_CMP_GE 8 0 0 8 0x20000)" "0 77 77"
	expect_equal "$(tried SCMP_CMP_GT 8 0 0 8 0x20000)" "0 0 77"
	expect_equal "$(tried SCMP_CMP_MASKED_EQ 131072 131072 0 8 0x20000 0x20008)" "0 0 77 77"
	# Several values of one argument: any of them.
	profile '{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 8}, {"index": 0, "op": "SCMP_CMP_EQ", "value": 131072}]}'
	expect_equal "$(profiled -v "$T/nice:/nice:ro" busybox /nice 0 8 0x20000)" "0 5 5"
	# What nothing is said of has the default's errno value; without one it is EPERM.
	echo '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 99, "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}]}' >"$T/strict.json"
	expect_no coracle run --rm --security-opt "seccomp=$T/strict.json" busybox true
	profile '{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}'
	expect_equal "$(profiled -v "$T/nice:/nice:ro" busybox /nice 0)" 1
	profile '{"names": ["personality"], "action": "SCMP_ACT_KILL_PROCESS"}'
	run profiled -v "$T/nice:/nice:ro" busybox /nice 0
	expect_status 159
	profile '{"names": ["personality"], "action": "SCMP_ACT_LOG"}'
	expect_equal "$(profiled -v "$T/nice:/nice:ro" busybox /nice 0)" 0
	profile '{"names": ["personality"], "action": "SCMP_ACT_NOTIFY"}'
	expect_error 125 'SCMP_ACT_NOTIFY is not supported: it hands system calls over' profiled busybox true
	profile '{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "op": "SCMP_CMP_ABOUT", "value": 1}]}'
	expect_error 125 "unknown operator 'SCMP_CMP_ABOUT'" profiled busybox true
}

@test "unmask: a path, several, patterns, and ALL" {
	mounts() { coracle run --rm "$@" busybox sh -c "awk '{print \$5}' /proc/self/mountinfo | grep -E '^/(proc|sys)/' | grep -v cgroup"; }
	local all
	all=$(mounts)
	grep -qx /proc/sys <<<"$all"
	expect_equal "$(mounts --security-opt unmask=/proc/sys)" "$(grep -vx /proc/sys <<<"$all")"
	expect_equal "$(mounts --security-opt unmask=/proc/sys:/proc/keys)" "$(grep -vx -e /proc/sys -e /proc/keys <<<"$all")"
	expect_equal "$(mounts --security-opt 'unmask=/proc/*')" "$(grep -v '^/proc/' <<<"$all")"
	expect_equal "$(mounts --security-opt 'unmask=/proc/s*')" "$(grep -v '^/proc/s' <<<"$all")"
	expect_equal "$(mounts --security-opt unmask=ALL || true)" ""
	expect_equal "$(mounts --security-opt unmask=all || true)" ""
	expect_error 125 'not an absolute path' coracle run --rm --security-opt mask=etc busybox true
}

@test "proc-opts: hidepid and subset" {
	coracle run -d --name c --security-opt proc-opts=hidepid=2 busybox sh -c 'sleep 1000 & wait'
	expect_equal "$(coracle exec -u alice c sh -c 'ls -d /proc/1 2>/dev/null || echo hidden')" hidden
	expect_equal "$(coracle exec c ls -d /proc/1)" /proc/1
	coracle rm -f -t 0 c
	run coracle run --rm --security-opt proc-opts=subset=pid,hidepid=1 busybox sh -c 'ls -d /proc/self /proc/meminfo /proc/sys 2>/dev/null; grep " /proc " /proc/self/mounts'
	expect_match '^/proc/self'
	expect_match 'subset=pid'
	[[ $output != *meminfo* ]]
	expect_error 125 'there are hidepid=, gid= and subset=pid' coracle run --rm --security-opt proc-opts=exec busybox true
}

@test "apparmor, label: as the machine has them" {
	if [[ -r /sys/kernel/security/apparmor/profiles || -d /sys/module/apparmor && $(cat /sys/module/apparmor/parameters/enabled) == Y ]]; then
		expect_error 125 'label "exec no-such-profile"' coracle run --rm --security-opt apparmor=no-such-profile busybox true
	else
		run coracle run --rm --security-opt apparmor=no-such-profile busybox true
		expect_status 125
		expect_match 'no-such-profile: this kernel confines no process by AppArmor'
	fi
	coracle run --rm --security-opt apparmor=unconfined --security-opt label=disable busybox true
	expect_error 125 'confines no process by SELinux labels' coracle run --rm --security-opt label=type:container_t busybox true
	expect_error 125 'there are no-new-privileges, seccomp=' coracle run --rm --security-opt nonsense=1 busybox true
}

@test "sysctl: one that is not the container's says whose it is" {
	expect_error 125 "'kernel.panic' belongs to the whole machine" coracle run --rm --sysctl kernel.panic=1 busybox true
	expect_error 125 "'net.core.somaxconn' needs a network namespace of the container's own" coracle run --rm --network host --sysctl net.core.somaxconn=1 busybox true
	expect_error 125 "'kernel.msgmax' needs a ipc namespace" coracle run --rm --ipc host --sysctl kernel.msgmax=1 busybox true
	expect_error 125 "'kernel.hostname' needs a uts namespace" coracle run --rm --uts host --sysctl kernel.hostname=x busybox true
	expect_equal "$(coracle run --rm --sysctl fs.mqueue.msg_max=33 --sysctl net.core.somaxconn=77 --sysctl kernel.shm_rmid_forced=1 busybox cat /proc/sys/fs/mqueue/msg_max /proc/sys/net/core/somaxconn /proc/sys/kernel/shm_rmid_forced)" $'33\n77\n1'
	# The same in a user namespace of its own.
	expect_equal "$(coracle run --rm --userns auto --sysctl net.core.somaxconn=77 busybox cat /proc/sys/net/core/somaxconn)" 77
}

@test "ipc: shareable, private and none" {
	coracle run -d --name shareable --ipc shareable busybox sleep 1000
	coracle run -d --name private --ipc private busybox sleep 1000
	coracle run -d --name none --ipc none busybox sleep 1000
	coracle run -d --name default busybox sleep 1000
	coracle exec shareable sh -c 'echo x >/dev/shm/f'
	expect_equal "$(coracle run --rm --ipc container:shareable busybox cat /dev/shm/f)" x
	coracle run --rm --ipc container:default busybox true
	expect_error 125 'was made with --ipc private; make it with --ipc shareable' coracle run --rm --ipc container:private busybox true
	expect_error 125 'was made with --ipc none' coracle run --rm --ipc container:none busybox true
	expect_equal "$(coracle exec none sh -c 'grep -c " /dev/shm " /proc/mounts')" 0
	expect_equal "$(coracle exec private sh -c 'grep -c " /dev/shm " /proc/mounts')" 1
	local name
	for name in shareable private none default; do
		[[ $(readlink "/proc/$(inspected $name State.Pid)/ns/ipc") != $(readlink /proc/self/ns/ipc) ]]
	done
	expect_equal "$(inspected none HostConfig.IpcMode) $(inspected default HostConfig.IpcMode)" "none shareable"
	expect_error 125 'give shareable, private, none, host, container:NAME or ns:/PATH' coracle run --rm --ipc nonsense busybox true
}

@test "cgroupns: another container's" {
	coracle run -d --name first busybox sleep 1000
	expect_equal "$(coracle run --rm --cgroupns container:first busybox readlink /proc/self/ns/cgroup)" "$(readlink "/proc/$(inspected first State.Pid)/ns/cgroup")"
	expect_error 125 'give private, host, container:NAME or ns:/PATH' coracle run --rm --cgroupns nonsense busybox true
}

@test "privileged: all rights, in the user namespace" {
	# Its own world it may change as it likes; the machine's not.
	run coracle run --rm --privileged busybox sh -c 'hostname other && hostname; mkdir -p /mnt && mount -t tmpfs tmpfs /mnt && echo mounted; echo 1 2>/dev/null >/proc/sys/kernel/panic || echo refused; echo 1 2>/dev/null >/proc/sysrq-trigger || echo refused; echo 3 2>/dev/null >/proc/sys/vm/drop_caches || echo refused'
	expect_output $'other\nmounted\nrefused\nrefused\nrefused'
}
