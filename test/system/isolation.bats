# SPDX-License-Identifier: Apache-2.0
# isolation: what a container can see and do of what is not its own: descriptors, processes, mounts, devices, capabilities, system calls, and the ways out that
# were found in other tools.
load helpers

setup() {
	common_setup
	load_image busybox
}

# effective DESCRIPTION…: the capability sets of the container's process, one hex number a line.
sets() {
	coracle run --rm "$@" busybox awk '/^Cap(Inh|Prm|Eff|Bnd|Amb)/{print $1 $2}' /proc/self/status | tr '\n' ' '
}

@test "isolation: no descriptor of the host is open" {
	# 0, 1, 2 and the one that lists them; also when we have more open ourselves.
	run bash -c 'exec 5</etc/passwd 6>"$T/x" 9</; "$T/coracle" run --rm busybox ls /proc/self/fd'
	expect_output $'0\n1\n2\n3'
	coracle run -d --name held busybox sleep 1000
	run bash -c 'exec 5</etc/passwd; "$T/coracle" exec held ls /proc/self/fd'
	expect_output $'0\n1\n2\n3'
	expect_equal "$(coracle exec held ls /proc/1/fd)" $'0\n1\n2'
	# And what those are is nothing of ours.
	run coracle exec held ls -l /proc/1/fd /proc/self/fd
	expect_equal "$(grep -vE -- '-> (pipe|socket|/dev/null|/proc/)' <<<"$output" | grep -e '->')" ""
}

@test "isolation: the host's processes are invisible" {
	expect_equal "$(coracle run --rm busybox sh -c 'ls -d /proc/[0-9]*; :' | grep -vcxE '/proc/[1-3]')" 0
	expect_equal "$(coracle run --rm busybox sh -c 'kill -0 -1 2>&1; echo $$')" "$(printf 'sh: can'\''t kill pid -1: No such process\n1')"
}

@test "isolation: only what belongs there is mounted, and nothing shows a path of ours" {
	run coracle run --rm busybox cat /proc/self/mountinfo
	local expected='/ /dev /dev/full /dev/mqueue /dev/null /dev/pts /dev/random /dev/shm /dev/tty /dev/urandom /dev/zero /etc/hostname /etc/hosts /etc/resolv.conf /proc'
	expected+=' /proc/* /sys /sys/firmware /sys/fs/cgroup'
	expect_equal "$(awk '{print $5}' <<<"$output" | sed 's,^/proc/.*,/proc/*,' | sort -u | grep -vx -e /dev/console -e '/sys/.*/.*' -e /sys/firmware | tr '\n' ' ')" \
		"$(tr ' ' '\n' <<<"$expected" | grep -vx -e /sys/firmware -e '/sys/.*/.*' | sort | tr '\n' ' ')"
	# The old root is gone altogether.
	[[ $output != *"$HOME"* && $output != *pivot* && $output != *old* ]]
	# And nothing of the container is mounted outside.
	coracle run -d busybox sleep 1000 >/dev/null
	expect_no grep -F "$T" /proc/self/mountinfo
}

@test "isolation: no mount of the container shows outside, and none of ours made later shows inside" {
	mkdir "$T/shared"
	coracle run -d --name first --privileged -v "$T/shared:/data" busybox sh -c 'mount -t tmpfs none /data && echo mounted; sleep 1000'
	wait_for_log first mounted
	expect_no grep -F " $T/shared" /proc/self/mountinfo
}

@test "isolation: what the kernel should not be asked for is hidden or read-only" {
	run coracle run --rm busybox sh -c '
		for f in /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/sched_debug /proc/interrupts; do [ -e $f ] && [ -n "$(head -c 1 $f 2>/dev/null)" ] && echo "$f can be read"; done
		for d in /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do [ -d $d ] && [ -n "$(ls $d)" ] && echo "$d has something"; done
		for f in /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/transparent_hugepage/enabled; do
			(echo 1 >$f) 2>&1 | grep -q "Read-only\|Permission denied\|nonexistent" || echo "$f can be written"
		done
		mkdir /sys/fs/cgroup/x 2>/dev/null && echo "cgroup can be written"
		for d in bus fs irq sys sysrq-trigger; do [ ! -e /proc/$d ] || grep " /proc/$d ro" /proc/self/mountinfo >/dev/null || echo "/proc/$d is not read-only"; done
		echo done'
	# /proc/interrupts is masked by newer versions of docker only; podman shows it.
	expect_equal "$(grep -v interrupts <<<"$output")" done
}

@test "isolation: --security-opt mask= and unmask=" {
	run coracle run --rm --security-opt mask=/var/www --security-opt mask=/etc/group busybox sh -c 'ls /var/www; wc -c </etc/group'
	expect_output 0
	run coracle run --rm --security-opt unmask=/proc/sys busybox sh -c 'grep -c " /proc/sys " /proc/self/mountinfo'
	expect_output 0
	run coracle run --rm --security-opt unmask=ALL busybox sh -c 'grep -c " /proc/" /proc/self/mountinfo'
	expect_output 0
}

@test "isolation: /dev has the few devices that are harmless" {
	expect_equal "$(coracle run --rm busybox ls /dev | tr '\n' ' ')" "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
	run coracle run --rm busybox sh -c 'exec 2>&1; echo >/dev/null && head -c 3 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c; echo x >/dev/full; for f in fd stdin ptmx; do readlink /dev/$f; done; echo /dev/pts/*'
	expect_match '00 00 00'
	expect_match $'\n8\n'
	expect_match 'No space left'
	expect_match $'/proc/self/fd\n/proc/self/fd/0\n'
	expect_match 'pts/ptmx'
	run coracle run --rm busybox mknod /dev/sda b 8 0
	expect_status 1
	run coracle run --rm busybox sh -c 'mknod /tmp/mem c 1 1 2>/dev/null; cat /tmp/mem'
	expect_status 1
}

@test "isolation: the capabilities are docker's defaults" {
	# chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service sys_chroot setfcap net_raw mknod audit_write (docker's set)
	local sets inherited permitted effective bounding ambient
	sets=$(sets)
	read -r inherited permitted effective bounding ambient <<<"$sets"
	expect_equal "$effective" "${permitted/Prm/Eff}"
	expect_equal "$bounding" "${permitted/Prm/Bnd}"
	expect_equal "$inherited" CapInh:0000000000000000
	expect_equal "$ambient" CapAmb:0000000000000000
	# Those that reach beyond the container are never among them: net_admin sys_module sys_rawio sys_ptrace sys_admin sys_boot sys_time mac_admin syslog bpf.
	local dangerous=$((1 << 12 | 1 << 16 | 1 << 17 | 1 << 19 | 1 << 21 | 1 << 22 | 1 << 25 | 1 << 33 | 1 << 34 | 1 << 39 | 1 << 2))
	expect_equal $((0x${effective#CapEff:} & dangerous)) 0
	local needed=$((1 << 0 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 18))
	expect_equal $((0x${effective#CapEff:} & needed)) $needed
}

@test "run --cap-add, --cap-drop, --privileged" {
	expect_equal "$(sets --cap-drop all)" "CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:0000000000000000 CapAmb:0000000000000000 "
	expect_equal "$(sets --cap-drop ALL --cap-add net_bind_service,CAP_CHOWN)" "CapInh:0000000000000000 CapPrm:0000000000000401 CapEff:0000000000000401 CapBnd:0000000000000401 CapAmb:0000000000000000 "
	local all
	all=$(sets --privileged)
	expect_equal "$(sets --cap-add all)" "$all"
	expect_matches "$all" 'CapEff:000001ffffffffff CapBnd:000001ffffffffff'
	run coracle run --rm --cap-drop chown busybox chown 33 /root
	expect_match 'not permitted'
	# Another user has none in force, but may get those that are added.
	expect_matches "$(sets -u alice)" 'CapEff:0000000000000000'
	expect_matches "$(sets -u alice --cap-add net_raw)" 'CapEff:0000000000002000'
}

@test "run --privileged: mounts, the host's devices, nothing masked" {
	run coracle run --rm --privileged busybox sh -c 'mount -t tmpfs none /mnt 2>&1 || { mkdir /mnt; mount -t tmpfs none /mnt; }; grep -c " /proc/" /proc/self/mountinfo; grep Seccomp: /proc/self/status; grep " /sys " /proc/self/mountinfo'
	expect_match $'(^|\n)0\n'
	expect_match $'Seccomp:\t0'
	expect_match '/sys rw'
}

@test "isolation: seccomp, default, of a file, and off" {
	expect_equal "$(coracle run --rm busybox grep '^Seccomp:' /proc/self/status)" $'Seccomp:\t2'
	expect_equal "$(coracle run --rm --security-opt seccomp=unconfined busybox grep '^Seccomp:' /proc/self/status)" $'Seccomp:\t0'
	cat >"$T/profile.json" <<-'P'
		{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
		 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
	P
	run coracle run --rm --security-opt "seccomp=$T/profile.json" busybox sh -c 'mkdir /x; touch /y && echo fine'
	expect_match 'No space left'
	expect_match 'fine'
	# exec is under the same rules.
	coracle run -d --name ruled --security-opt "seccomp=$T/profile.json" busybox sleep 1000
	run coracle exec ruled mkdir /x
	expect_match 'No space left'
	expect_error 125 "$T/none" coracle run --rm --security-opt "seccomp=$T/none" busybox true
	echo '{"defaultAction": 7' >"$T/broken.json"
	expect_error 125 'broken.json' coracle run --rm --security-opt "seccomp=$T/broken.json" busybox true
	echo '{"defaultAction": "SCMP_ACT_NONSENSE"}' >"$T/wrong.json"
	expect_error 125 'SCMP_ACT_NONSENSE' coracle run --rm --security-opt "seccomp=$T/wrong.json" busybox true
}

@test "isolation: a working directory cannot be one of the host's (CVE-2024-21626)" {
	local n
	for n in $(seq 3 20); do
		try coracle run --rm --workdir "/proc/self/fd/$n" busybox sh -c 'pwd -P; ls ../../..; cat ../../../../etc/passwd'
		# Either it cannot be started, or it is a directory that was made in the container.
		[[ $status != 0 || $output != *"$(getent passwd "$(id -u)" | cut -d: -f1):"* ]] || {
			echo "fd $n: $output"
			return 1
		}
	done
	coracle run -d --name held busybox sleep 1000
	for n in $(seq 3 20); do
		try coracle exec --workdir "/proc/self/fd/$n" held cat ../../../../etc/hostname
		[[ $status != 0 ]]
	done
}

@test "isolation: the container cannot write coracle through /proc (CVE-2019-5736)" {
	local before
	before=$(sha256sum "$BUILD"/coracle*)
	# /bin/sh becomes what the kernel executes in its place: whoever executes it in the container; a waiting process tries to write each executable that it sees.
	coracle run -d --name evil busybox sh -c '
		echo "#!/proc/self/exe" >/bin/bait; chmod +x /bin/bait
		echo ready
		while :; do
			for p in /proc/[0-9]*; do
				case $(readlink $p/exe 2>/dev/null) in
				/bin/busybox | "") ;;
				*) echo "saw $(readlink $p/exe)"; echo overwritten >$p/exe ;;
				esac 2>/dev/null
			done
		done'
	wait_for_log evil ready
	local i
	for i in $(seq 15); do
		run -127 coracle exec evil /bin/bait
		coracle exec evil true
	done 2>/dev/null || true
	expect_equal "$(sha256sum "$BUILD"/coracle*)" "$before"
	expect_equal "$(coracle exec evil echo alive)" alive
}

@test "isolation: links of the image do not lead a mount outside" {
	echo "the host's" >"$T/secret"
	mkdir -p "$T/image/bin" "$T/image/etc" "$T/source"
	echo mounted >"$T/source/f"
	cp "$(command -v busybox)" "$T/image/bin/busybox"
	for name in sh cat ls mkdir; do ln -s busybox "$T/image/bin/$name"; done
	ln -s / "$T/image/root"
	ln -s ../../../../../../../../.. "$T/image/up"
	ln -s "$T" "$T/image/absolute"
	ln -s /data/loop "$T/image/loop"
	mkdir "$T/image/data"
	ln -s /loop "$T/image/data/loop"
	ln -s /nowhere/yet "$T/image/dangling"
	for name in proc sys dev; do ln -s "$T" "$T/image/$name"; done
	ln -s "$T/secret" "$T/image/etc/passwd"
	ln -s "$T/secret" "$T/image/etc/hosts"
	tar -C "$T/image" -c . | coracle import -q - localhost/links >/dev/null
	local before
	before=$(find "$T" -path "$ROOT" -prune -o -path "$RUNROOT" -prune -o -print | sort)
	for target in /up/up/new /absolute/inside /root/etc/data /dangling /../../../new /data/../../../other; do
		try coracle run --rm -v "$T/source:$target" localhost/links /bin/cat "$target/f"
		# Where it goes, it goes in the container.
		[[ $status != 0 || $output == mounted ]] || {
			echo "$target: $output"
			return 1
		}
	done
	try coracle run --rm -v "$T/source:/loop" localhost/links /bin/ls /
	[[ $status != 0 ]]
	# /proc, /sys and /dev that are links in the image are refused or become the container's own; and /etc/hosts is not written through.
	run coracle run --rm localhost/links /bin/cat /etc/hosts /etc/passwd
	[[ $output != *"the host's"* ]]
	try coracle run --rm --workdir "$T/made" localhost/links /bin/ls
	expect_equal "$(cat "$T/secret")" "the host's"
	expect_equal "$(find "$T" -path "$ROOT" -prune -o -path "$RUNROOT" -prune -o -print | sort)" "$before"
}

@test "isolation: a container cannot signal or trace its monitor, nor outlive it" {
	local pid
	coracle run -d --name first --privileged busybox sh -c 'while :; do sleep 0.01; kill -9 -1 2>/dev/null; done'
	sleep 0.3
	expect_state first running
	pid=$(inspected first State.Pid)
	kill -9 "$(inspected first State.ConmonPid)"
	wait_until 10 is_gone "$pid"
}

@test "isolation: a user of the container is not us outside" {
	coracle run -d --name first -u alice busybox sleep 1000
	[[ $(stat -c %u "/proc/$(inspected first State.Pid)") != $(id -u) ]]
	coracle run -d --name second busybox sleep 1000
	expect_equal "$(stat -c %u "/proc/$(inspected second State.Pid)")" "$(id -u)"
}
