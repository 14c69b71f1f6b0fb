# SPDX-License-Identifier: Apache-2.0
# nested: coracle in coracle, as root of the outer container.
load helpers

# inside OPTION… -- SCRIPT: runs the script in the debian image with our programs, the libraries they need (a monitor has no environment that could say where), and the
# test images.
inside() {
	local options=() reports=$BUILD/sanitizer-reports
	[[ ! -e $reports ]] || options=(-v "$reports:$reports")
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	coracle run --rm -v "$BUILD:/opt/coracle:ro" -v "$CORACLE_TEST_CACHE:/opt/images:ro" -v /usr/lib/x86_64-linux-gnu:/opt/lib:ro \
		"${options[@]}" debian sh -c "set -e; echo /opt/lib >/etc/ld.so.conf; ldconfig; coracle() { /opt/coracle/coracle --root /store/root --runroot /store/run \"\$@\"; }
			coracle load -q -i /opt/images/busybox.tar; $2"
}

setup() {
	common_setup
	load_image debian
}

@test "nested: --privileged" {
	run inside --privileged --tmpfs /store:exec,suid,dev -- '
		coracle run --rm --network none busybox echo from within
		coracle run -d --name one --network none busybox sleep 1000 >/dev/null
		coracle exec one echo exec within
		coracle ps --format "{{.Names}} {{.State}}"
		coracle stop -t 0 one
		coracle run --rm --network none -u alice busybox id -u
		coracle rm one'
	expect_status 0
	expect_match $'from within\nexec within\none running\none\n1000\none'
}

@test "nested: the built-in image, with a network of its own, as another user of the outer container, and on each driver" {
	# What it needs of this machine: the network program, and newuidmap's set-user-ID bit for a user who is not root.
	run inside --privileged --tmpfs /store:exec,suid,dev -v /usr/bin/slirp4netns:/usr/bin/slirp4netns:ro -v /usr/bin/fuse-overlayfs:/usr/bin/fuse-overlayfs:ro -- '
		coracle load -q -i /opt/coracle/hello.tar
		coracle run --rm hello | head -n 1
		coracle run --rm busybox ip -o -4 addr show tap0 | grep -o 10.0.2.100
		for driver in fuse-overlayfs vfs; do
			coracle --storage-driver $driver run --rm --network none busybox sh -c "echo on $driver; mount | grep -c \" / \""
		done
		mkdir /store/sailor; chown 1000 /store/sailor
		setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/store/sailor sh -c "
			cd /; c() { /opt/coracle/coracle --root /store/sailor/root --runroot /store/sailor/run \"\$@\"; }
			c load -q -i /opt/coracle/hello.tar && c run --rm --network none hello | grep -A 1 \"uid map\""'
	expect_status 0
	expect_match $'Hello from a container.*\n10.0.2.100\non fuse-overlayfs\n1\non vfs\n1\n'
	expect_match 'uid map +0 here is 1000 outside'
}

@test "nested: with seccomp and system paths let go, as an ordinary container otherwise" {
	run inside --security-opt seccomp=unconfined --security-opt unmask=ALL --tmpfs /store:exec -- 'coracle run --rm --network none busybox echo from within'
	expect_status 0
	expect_match 'from within'
}

@test "nested: where it may not, it says why in one line" {
	run inside --tmpfs /store:exec -- 'coracle run --rm --network none busybox echo from within'
	expect_status 125
	expect_equal "$(grep -c '^Error: ' <<<"$output")" 1
}
