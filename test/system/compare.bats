# SPDX-License-Identifier: Apache-2.0
# compare: what a container can see and do, held line by line against what podman's can, with crun. Every difference that remains is listed here, with the reason why
# it may. One that is not fails.
load helpers

setup() {
	common_setup
	load_image busybox
	gcc -D_GNU_SOURCE -static -o "$T/compare" "$BATS_TEST_DIRNAME/compare.c"
	podman load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
}

# "ours LINE" and "theirs LINE" for every line that only one of the two has.
differences() { # run's options
	coracle run --rm --network none -v "$T/compare:/compare:ro" "$@" busybox /compare </dev/null >"$T/ours"
	podman run --rm --network none -v "$T/compare:/compare:ro" "$@" localhost/busybox /compare </dev/null >"$T/theirs"
	(($(wc -l <"$T/ours") > 500 && $(wc -l <"$T/theirs") > 500))
	comm -23 <(sort "$T/ours") <(sort "$T/theirs") | sed 's/^/ours /'
	comm -13 <(sort "$T/ours") <(sort "$T/theirs") | sed 's/^/theirs /'
}

# The list. A line is an extended regular expression for whole lines.
allowed() {
	sed -e '/^#/d' -e '/^$/d' <<-'L'
		# Each says its own name; podman sets TERM without a terminal, too.
		(ours|theirs) env container=(coracle|podman)
		theirs env TERM=xterm
		# docker's capabilities: with NET_RAW (ping), MKNOD (of the little that a user namespace may make) and AUDIT_WRITE.
		ours status Cap(Bnd|Eff|Prm):.00000000a80425fb
		theirs status Cap(Bnd|Eff|Prm):.00000000800405fb
		# The root is nodev, and another file system by nature.
		ours mount / (overlay|fuse\.fuse-overlayfs) r[wo],nodev,relatime.*
		theirs mount / .*
		# What is bound is nosuid and nodev.
		ours mount /compare .* ro,nosuid,nodev,relatime.*
		theirs mount /compare .* ro,relatime.*
		# The files that name machines are nosuid, nodev and noexec, in podman only where the root is read-only.
		ours mount /etc/(hosts|hostname|resolv.conf) .* rw,nosuid,nodev,noexec,relatime.*
		theirs mount /etc/(hosts|hostname) .* rw,relatime.*
		# resolv.conf belongs to the container without a network as well; there is no .containerenv.
		ours mount /etc/resolv.conf .*
		theirs mount /run/.containerenv .*
		# What is masked and read-only is so with nosuid, noexec and, but for devices, nodev as well.
		ours mount /(proc|sys)/.* ro,nosuid,(nodev,)?noexec,relatime.*
		theirs mount /(proc|sys)/.* ro,relatime.*
		# Newer docker masks it: what the machine's devices are doing.
		ours mount /proc/interrupts .* ro,.*
		theirs readable /proc/interrupts
		# The number of processes is the user's limit, not lowered to the kernel's pid_max.
		(ours|theirs) rlimit 6 [0-9]+ [0-9]+
		# The process's own group is among its groups, so that it cannot leave it for what it is denied (CVE-2022-2989).
		ours status Groups:.*
		theirs status Groups:.*
		# With ids of its own: the kernel gives mqueue's root to who made the namespace, whose ids were not mapped yet. Anyone may write there (01777).
		(ours|theirs) dev /dev/mqueue 41777 0:0 [0-9]+:[0-9]+
		# System calls. Refused here by number, EPERM, where podman's kernel or libseccomp does not know them, ENOSYS: neither lets anything through.
		ours syscall [0-9]+ EPERM
		theirs syscall [0-9]+ ENOSYS
		# Refused here and not there (mount, umount2, setns, unshare, keyctl, mbind and its like, the new mount calls, clone into a user namespace): without a
		# capability they are good only for getting at more of the kernel. clone3 is ENOSYS, so that C libraries use clone, whose flags a filter can see.
		theirs syscall [0-9]+ let through
		ours syscall 435 ENOSYS
		# Let through here and not there, as docker does. io_pgetevents is io_getevents with a signal mask; the rest is newer than podman 4.3's filter and needs no
		# rights: futex_waitv, cachestat, fchmodat2, map_shadow_stack, futex_wake, futex_wait, futex_requeue, statmount, listmount, lsm_*, mseal, *xattrat.
		ours syscall (333|449|45[1-9]|46[0-9]|470) let through
		theirs syscall 333 EPERM
	L
}

unexplained() {
	grep -vxE -f <(allowed) || true
}

@test "compare: with podman, an ordinary container" {
	expect_equal "$(differences | unexplained)" ""
	# What the comparison must not miss.
	grep -q '^status CapEff:.*00000000a80425fb$' "$T/ours"
	grep -q '^status Seccomp:.*2$' "$T/ours"
	expect_no grep -q '^writable /proc/sys' "$T/ours"
	expect_no grep -q '^writable /sys' "$T/ours"
	grep -q '^syscall 278 EPERM' "$T/ours"
	grep -q '^syscall 39 let through' "$T/ours"
}

@test "compare: with podman, a user, added and dropped capabilities, no new privileges" {
	expect_equal "$(differences --user 1000:50 --cap-drop all --cap-add NET_BIND_SERVICE --security-opt no-new-privileges --read-only | unexplained |
		grep -vE 'mount /(run|tmp|var/tmp) ')" ""
	grep -q '^status NoNewPrivs:.1' "$T/ours"
}

@test "compare: with podman, keep-id" {
	expect_equal "$(differences --userns keep-id | unexplained)" ""
}

@test "compare: with podman, privileged: nothing that podman's cannot do" {
	# The devices that the user cannot open on the host are not there: in podman's they can be seen, and not opened either.
	expect_equal "$(differences --privileged | unexplained | grep '^ours' | grep -vE '^ours mount /dev/.* rw,(nosuid,)?noexec')" ""
	grep -q '^status CapEff:.*000001ffffffffff$' "$T/ours"
	grep -q '^status Seccomp:.*0$' "$T/ours"
}

@test "compare: the namespaces are as podman's" {
	local kinds='for n in user mnt pid net ipc uts cgroup time; do readlink /proc/self/ns/$n; done'
	own() { # which of the lines are not this shell's
		diff <(eval "$kinds") - | sed -n 's/^> \([a-z]*\):.*/\1/p'
	}
	expect_equal "$(coracle run --rm busybox sh -c "$kinds" | own)" "$(podman run --rm localhost/busybox sh -c "$kinds" | own)"
}
