# SPDX-License-Identifier: Apache-2.0
# syscalls: which system calls a container is refused, tried one by one by syscalls.c.
load helpers

setup() {
	common_setup
	load_image busybox
	gcc -D_GNU_SOURCE -static -o "$T/syscalls" "$BATS_TEST_DIRNAME/syscalls.c"
}

probe() { # option…
	coracle run --rm -v "$T/syscalls:/syscalls:ro" "$@"
}

@test "system calls: those that docker refuses are refused, the others are not" {
	local name
	run probe busybox /syscalls
	expect_status 0
	for name in mount umount2 unshare setns keyctl add_key request_key bpf reboot kexec_load init_module finit_module delete_module pivot_root swapon acct settimeofday quotactl \
		open_by_handle_at perf_event_open userfaultfd fsopen move_mount mount_setattr clone_newuser; do
		expect_match $'(^|\n)'"$name (EPERM|ENOSYS)"$'($|\n)'
	done
	# The C library falls back from clone3, whose flags a filter cannot see, only for this one.
	expect_match $'\nclone3 ENOSYS\n'
	expect_match 'getpid ok'
	expect_match 'personality ok'
	expect_match 'chroot EFAULT'
}

@test "system calls: a capability opens what needs it, and unconfined all" {
	run probe --cap-add sys_admin busybox /syscalls
	expect_match $'(^|\n)mount (EFAULT|EINVAL)'
	expect_match $'\nbpf E(FAULT|INVAL)'
	expect_match $'\nreboot EPERM'
	run probe --security-opt seccomp=unconfined busybox /syscalls
	expect_match $'\nclone3 (EINVAL|EFAULT)'
	expect_match $'\nkeyctl (ok|E[A-OQ-Z])'
}

@test "system calls: a 32-bit program is under the same rules" {
	[[ $(uname -m) == x86_64 ]] || return 0
	run probe busybox /syscalls 32
	expect_output $'getpid ok\nmount EPERM\nreboot EPERM\nunshare EPERM\nkeyctl EPERM\nbpf EPERM'
}

@test "system calls: the session keyring is the container's own" {
	local own
	own=$("$T/syscalls" keyring)
	run probe --security-opt seccomp=unconfined busybox /syscalls keyring
	expect_match '^[0-9]+$'
	[[ $output != "$own" ]]
}
