# SPDX-License-Identifier: Apache-2.0
# drivers: each way of putting an image and a container's files together.
load helpers

# exercise DRIVER
exercise() {
	driven() { coracle --storage-driver "$1" "${@:2}"; }
	driven "$1" load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	driven "$1" run -d --name one busybox sh -c 'echo run >>/count; rm -r /home/alice; mkdir /home/alice; mv /var/www /moved 2>/dev/null; chown 33:33 /count; echo up; sleep 1000'
	expect_equal "$(inspected one GraphDriver.Name)" "$1"
	wait_for_log one up
	run coracle exec one sh -c 'cat /count; ls -A /home/alice; cat /moved/index.html; stat -c %u:%g /count /moved/index.html; ls /var'
	expect_output $'run\nwelcome to busybox\n33:33\n33:33\nlog'
	# The driver is the container's: no option is needed from now on.
	coracle stop -t 0 one
	coracle start one
	wait_for_log one $'up\nup'
	expect_equal "$(coracle exec one cat /count)" $'run\nrun'
	# Two containers at once, each its own.
	expect_equal "$(driven "$1" run --rm busybox sh -c 'ls /count 2>&1; cat /var/www/index.html')" $'ls: /count: No such file or directory\nwelcome to busybox'
	coracle rm -f -t 0 one
	no_containers
	expect_no pgrep -f "fuse-overlayfs.*$T/"
	coracle rmi -f busybox
	expect_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1)" ""
}

@test "drivers: overlay" {
	exercise overlay
}

@test "drivers: fuse-overlayfs" {
	exercise fuse-overlayfs
}

@test "drivers: vfs" {
	exercise vfs
}

@test "drivers: fuse-overlayfs dies with the monitor, and the container with it" {
	load_image busybox
	coracle --storage-driver fuse-overlayfs run -d --name one busybox sleep 1000
	local pid
	pid=$(inspected one State.Pid)
	pgrep -P "$(inspected one State.ConmonPid)" fuse-overlayfs
	kill -9 "$(inspected one State.ConmonPid)"
	wait_until 10 is_gone "$pid"
	gone() { ! pgrep -f "fuse-overlayfs.*$T/"; }
	wait_until 10 gone
	coracle rm one
}

@test "drivers: the one that the probe chose is in info, an unknown one is an error" {
	load_image busybox
	coracle run --name one busybox true
	expect_matches "$(coracle info)" "$(inspected one GraphDriver.Name)"
	expect_error 125 'nonsense' coracle --storage-driver nonsense ps
}
