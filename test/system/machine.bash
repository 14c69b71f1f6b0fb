# SPDX-License-Identifier: Apache-2.0
# machine.bash: what the tests could leave on the machine. test/run writes it down before them, zz-nothing-left.bats compares.

# Control groups that coracle made.
control_groups() {
	find /sys/fs/cgroup -type d -name '*coracle*' 2>/dev/null | sort
}

# Run directories in the usual places.
usual_places() {
	find /tmp "${XDG_RUNTIME_DIR:-/nonexistent}" -maxdepth 1 -user "$(id -un)" \( -name coracle -o -name 'coracle-[0-9]*' \) 2>/dev/null | sort
}
