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
