# SPDX-License-Identifier: Apache-2.0
# zz-nothing-left: runs last and alone: what the other tests have left on the machine.
load helpers
load machine

setup() {
	:
}

teardown() {
	:
}

# What was started by a test and has lost its parent is a child of test/run, which asked the kernel for it. Namespaces live as long as their processes.
orphans() {
	ps -o pid=,stat=,args= --ppid "$CORACLE_TEST_RUNNER" | grep -v -e ' Z' -e '/bats' -e 'ps -o'
}

@test "nothing is left: no process, and so no namespace" {
	# What was killed is given a moment to die.
	no_orphans() { [[ -z $(orphans) ]]; }
	wait_until 5 no_orphans || {
		orphans
		return 1
	}
}

@test "nothing is left: no mount, no control group" {
	expect_equal "$(grep -F "$CORACLE_TEST_ROOT" /proc/self/mountinfo)" ""
	expect_equal "$(comm -13 "$CORACLE_TEST_ROOT/before.cgroups" <(control_groups))" ""
}

@test "nothing is left: no file" {
	expect_equal "$(find "$CORACLE_TEST_ROOT" -mindepth 1 -maxdepth 1 ! -name 'tap*' ! -name 'before.*')" ""
	expect_equal "$(comm -13 "$CORACLE_TEST_ROOT/before.places" <(usual_places))" ""
}
