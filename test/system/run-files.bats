# SPDX-License-Identifier: Apache-2.0
# run: files: volumes, tmpfs, read-only, /dev/shm, and the files that coracle itself puts there.
load helpers

setup() {
	common_setup
	load_image busybox
}

@test "run -v: a folder, both ways" {
	mkdir "$T/shared"
	echo from outside >"$T/shared/a"
	run coracle run --rm -v "$T/shared:/data" busybox sh -c 'cat /data/a; echo from inside >/data/b; stat -c %u /data/b'
	expect_output $'from outside\n0'
	expect_equal "$(cat "$T/shared/b")" "from inside"
	expect_equal "$(stat -c %u "$T/shared/b")" "$(id -u)"
}

@test "run -v: ro, relative, a file, over something, a target with spaces" {
	mkdir -p "$T/a b/sub"
	echo one >"$T/a b/f"
	run coracle run --rm -v "$T/a b:/x y:ro" busybox sh -c 'cat "/x y/f"; echo >"/x y/g"'
	expect_status 1
	expect_match '^one'
	expect_match 'Read-only file system'
	cd "$T/a b" || return 1
	expect_equal "$(coracle run --rm -v ./f:/etc/passwd:ro -v .:/data busybox cat /etc/passwd /data/f)" $'one\none'
	expect_equal "$(coracle run --rm -v "./sub:/new/deep/place" busybox ls -ld /new/deep/place | cut -c1)" d
	# Onto a file that is not there yet.
	expect_equal "$(coracle run --rm -v ./f:/opt/new/file busybox cat /opt/new/file)" one
}

@test "run -v: read-only holds for what is mounted below it" {
	# The tree below the source has mounts of its own only in a namespace where we may mount.
	mkdir -p "$T/top/below"
	run unshare --user --map-root-user --mount bash -c 'mount -t tmpfs none "$T/top/below" && "$T/coracle" run --rm -v "$T/top:/data:ro" busybox touch /data/below/x'
	expect_status 1
	expect_match 'Read-only file system'
}

@test "run -v: a source that is not there and a target that is none are errors" {
	expect_error 125 "$T/none" coracle run --rm -v "$T/none:/data" busybox true
	[[ ! -e $T/none ]]
	expect_error 125 'relative' coracle run --rm -v "$T:relative" busybox true
	expect_error 125 'nonsense' coracle run --rm -v "$T:/data:nonsense" busybox true
	expect_error 125 "$T" coracle run --rm -v "$T:/" busybox true
	no_containers
}

@test "run -v: is mounted nosuid and nodev, and is in inspect" {
	mkdir "$T/shared"
	coracle run -d --name holder -v "$T/shared:/data" busybox sleep 1000
	expect_matches "$(coracle exec holder grep ' /data ' /proc/self/mountinfo)" 'nosuid,nodev'
	expect_equal "$(coracle inspect -f '{{range .Mounts}}{{.Source}} {{.Destination}} {{.RW}}{{end}}' holder)" "$T/shared /data true"
	expect_equal "$(coracle ps --filter volume=/data --format '{{.Names}}')" holder
}

@test "run --tmpfs: options, and nothing of it stays" {
	run coracle run --rm --tmpfs /scratch:size=2m,mode=1750,noexec busybox sh -c 'stat -c %a /scratch; grep " /scratch " /proc/self/mountinfo; dd if=/dev/zero of=/scratch/f bs=1M count=5 2>&1'
	expect_match '^1750'
	expect_match 'noexec.*size=2048k'
	expect_match 'No space left'
	expect_equal "$(coracle run --rm --tmpfs /scratch busybox sh -c 'stat -c %a /scratch; echo >/scratch/x && ls /scratch')" $'1777\nx'
	expect_error 125 'nonsense' coracle run --rm --tmpfs /scratch:nonsense busybox true
}

@test "run --tmpfs: mounted over a folder of the image it is empty" {
	expect_equal "$(coracle run --rm --tmpfs /var/www busybox ls /var/www)" ""
}

@test "run --read-only: nothing can be written but the temporary places" {
	run coracle run --rm --read-only busybox sh -c 'touch /x; touch /etc/x; touch /usr/x; for d in /tmp /run /var/tmp /dev/shm; do touch $d/x && echo $d fine; done'
	expect_equal "$(grep -c 'Read-only file system' <<<"$output")" 3
	expect_match '/tmp fine'
	expect_match '/run fine'
	expect_match '/var/tmp fine'
	expect_match '/dev/shm fine'
	run coracle run --rm --read-only --read-only-tmpfs=false busybox touch /tmp/x
	expect_match 'Read-only file system'
	expect_equal "$(coracle run --rm --read-only --tmpfs /data busybox sh -c 'touch /data/x && echo fine')" fine
}

@test "run: /dev/shm has 64 MB, or --shm-size" {
	expect_matches "$(coracle run --rm busybox grep ' /dev/shm ' /proc/self/mountinfo)" 'size=65536k|size=64000k'
	expect_matches "$(coracle run --rm --shm-size 3m busybox grep ' /dev/shm ' /proc/self/mountinfo)" 'size=3072k'
}

@test "run: /etc/hosts, hostname and resolv.conf" {
	run coracle run --rm --hostname here --add-host db:10.1.2.3 --add-host six:fd00::1 busybox sh -c 'hostname; cat /etc/hostname; echo; cat /etc/hosts'
	expect_match $'^here\nhere\n'
	expect_match '127\.0\.0\.1[[:blank:]]+localhost'
	expect_match '10\.1\.2\.3[[:blank:]]+db'
	expect_match 'fd00::1[[:blank:]]+six'
	expect_match '[[:blank:]]here'
	run coracle run --rm --dns 192.0.2.1 --dns 192.0.2.2 --dns-search example.org --dns-option ndots:3 busybox cat /etc/resolv.conf
	expect_match $'nameserver 192.0.2.1\nnameserver 192.0.2.2'
	expect_match 'search example.org'
	expect_match 'options ndots:3'
	expect_error 125 'nonsense' coracle run --rm --add-host nonsense busybox true
	expect_error 125 'nonsense' coracle run --rm --dns nonsense busybox true
	expect_equal "$(coracle run --rm --no-hosts --add-host a:1.2.3.4 busybox true 2>&1 | grep -c Error)" 1
}

@test "run: the host name is the start of the id unless it is given" {
	local id
	id=$(coracle run -d busybox sh -c 'hostname; sleep 1000')
	wait_for_log "$id" "${id:0:12}"
}

@test "run --tz: the time zone by name, or this machine's" {
	expect_equal "$(coracle run --rm --tz Asia/Tokyo busybox date -d @0 +%H:%Z)" 09:JST
	expect_equal "$(coracle run --rm --tz local busybox date -d @0 +%H:%Z)" "$(TZ=:/etc/localtime date -d @0 +%H:%Z)"
	coracle run --name c --tz America/New_York busybox date -d @0 +%H
	expect_equal "$(coracle start -a c)" 19
	expect_error 125 'no such time zone' coracle run --rm --tz Nowhere/City busybox true
	expect_error 125 'no such time zone' coracle run --rm --tz ../../../etc/passwd busybox true
	expect_error 125 'no such time zone' coracle run --rm --tz Europe busybox true
}

@test "run: what a container writes is its own" {
	coracle run --name first busybox sh -c 'echo changed >/var/www/index.html; rm /home/alice -r; echo x >/new'
	run coracle run --rm busybox sh -c 'cat /var/www/index.html; ls -d /home/alice; ls /new'
	expect_match 'welcome to busybox'
	expect_match $'\n/home/alice\n'
	expect_match 'No such file'
	coracle rm first
}

@test "run: owners, modes and set-user-ID files are the image's" {
	run coracle run --rm busybox stat -c '%n %u:%g %a' /home/alice /var/www/index.html /tmp /root
	expect_match '/home/alice 1000:1000 '
	expect_match '/var/www/index.html 33:33 '
	expect_match '/tmp 0:0 1777'
}

# A root file system of the user's own: busybox', in $T/tree.
make_tree() {
	mkdir "$T/tree"
	tar -C "$T/tree" -xf "$CORACLE_TEST_CACHE/busybox.rootfs.tar" --no-same-owner -p
	echo below >"$T/tree/root/file"
}

@test "run --rootfs: a folder in place of an image, which the container changes; what is in it, and what becomes of it" {
	make_tree
	cd "$T" || return 1
	expect_equal "$(coracle run --name one --rootfs tree sh -c 'cat /root/file; echo changed >/root/file; id -un; stat -c %u /root')" $'below\nroot\n0'
	expect_equal "$(cat "$T/tree/root/file")" changed
	expect_equal "$(inspected one Rootfs) $(inspected one ImageName)" "$T/tree "
	# From elsewhere, with the accounts of the folder, once more, and by cp while it does not run.
	cd / || return 1
	coracle start -a one
	coracle cp one:/root/file "$T/copied"
	expect_equal "$(cat "$T/copied")" changed
	echo new >"$T/new"
	coracle cp "$T/new" one:/root/new
	expect_equal "$(cat "$T/tree/root/new")" new
	expect_equal "$(coracle run --rm --user alice --rootfs "$T/tree" sh -c 'id -un; echo $HOME')" $'alice\n/home/alice'
	expect_equal "$(coracle run --rm --read-only --rootfs "$T/tree" sh -c 'echo x >/x || echo closed' 2>/dev/null)" closed
	run -0 coracle ps -a --format '{{.Names}}:{{.Image}}:{{.ImageID}}'
	expect_output one::
	run -0 coracle system df -v
	expect_match ' one *(\\n|$)|one'
	coracle export one | tar -t >"$T/list"
	grep -qx root/new "$T/list"
	coracle system check
	coracle commit -q -c 'CMD ["cat", "/root/new"]' one localhost/made >/dev/null
	expect_equal "$(coracle run --rm localhost/made)" new
	expect_equal "$(with_one_id "$BUILD/coracle" --root "$T/single" --runroot "$T/single-run" run --rm --rootfs "$T/tree" cat /root/new)" new
	expect_equal "$(with_one_id "$BUILD/coracle" --root "$T/single" --runroot "$T/single-run" run --rm --rootfs "$T/tree:O" sh -c 'rm /root/new; ls /root')" file
	[[ -e $T/tree/root/new ]]
	# It is the user's: no removal takes it away.
	coracle rm one
	[[ -x $T/tree/bin/busybox ]]
	expect_error 125 'none' coracle run --rm --rootfs "$T/none" true
	expect_error 125 'not a folder' coracle run --rm --rootfs "$T/new" true
	expect_error 125 'no command' coracle run --rm --rootfs "$T/tree"
	expect_error 125 ":O" coracle run --rm --userns keep-id --rootfs "$T/tree" true
	no_containers
}

@test "run --rootfs FOLDER:O: what is written goes over it" {
	make_tree
	expect_equal "$(coracle run --name one --rootfs "$T/tree:O" sh -c 'cat /root/file; echo changed >>/root/file; rm /var/www/index.html; cat /root/file')" $'below\nbelow\nchanged'
	expect_equal "$(cat "$T/tree/root/file")" below
	[[ -e $T/tree/var/www/index.html ]]
	expect_equal "$(coracle start -a one)" $'below\nchanged\nbelow\nchanged\nchanged'
	coracle cp one:/root/file "$T/copied"
	expect_equal "$(wc -l <"$T/copied")" 3
	(($(coracle ps -a --size --format json | jq '.[0].Size.rwSize') > 0))
	coracle system check
	expect_equal "$(coracle run --rm --userns keep-id --rootfs "$T/tree:O" sh -c 'id -u; stat -c %u /root; echo x >/tmp/x && cat /tmp/x')" "$(id -u)"$'\n0\nx'
	local driver
	for driver in fuse-overlayfs vfs; do
		expect_equal "$(coracle --storage-driver $driver run --rm --rootfs "$T/tree:O" sh -c 'cat /root/file; echo x >/root/file; cat /root/file')" $'below\nx'
		expect_equal "$(cat "$T/tree/root/file")" below
	done
	rm -rf "$T/tree"
	run coracle system check
	expect_match 'the folder .*/tree that it was made of is not there'
	expect_error 125 "$T/tree" coracle start -a one
	coracle rm one
	no_containers
}
