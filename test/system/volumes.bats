# SPDX-License-Identifier: Apache-2.0
# volume …, -v NAME, anonymous volumes, an image's VOLUME, --volumes-from: data that outlives containers, and goes when it should.
load helpers

setup() {
	common_setup
	load_image busybox
}

teardown() {
	coracle rm -f -a -t 0 >/dev/null 2>&1 || true
	coracle volume rm -f -a >/dev/null 2>&1 || true
	local left
	left=$(find "$ROOT/volumes" -mindepth 1 -maxdepth 1 2>/dev/null || true)
	common_teardown
	[[ -z $left ]] || {
		echo "volumes left behind: $left"
		return 1
	}
}

mountpoint_of() { # volume
	coracle volume inspect --format '{{.Mountpoint}}' "$1"
}

@test "volume create, ls, inspect, exists, rm" {
	expect_equal "$(coracle volume create --label a=1 --label b data)" data
	expect_error 125 'data already exists' coracle volume create data
	expect_equal "$(coracle volume create --ignore data)" data
	expect_error 125 'letters' coracle volume create 'a/b'
	expect_matches "$(coracle volume create)" '^[0-9a-f]{64}$'
	expect_equal "$(coracle volume ls -q | wc -l)" 2
	expect_matches "$(coracle volume ls | head -n 1)" '^DRIVER +VOLUME NAME$'
	expect_matches "$(coracle volume ls --noheading --filter name=data)" '^local +data$'
	expect_equal "$(coracle volume inspect -f '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels.a}} {{.MountCount}}' data)" "data local local 1 0"
	expect_equal "$(coracle volume ls --format json | python3 -c 'import json,sys; print("data" in [v["Name"] for v in json.load(sys.stdin)])')" True
	[[ -d $(mountpoint_of data) ]]
	coracle volume exists data
	run coracle volume exists nothing
	expect_status 1
	expect_error 1 'no such volume: nothing' coracle volume rm nothing
	run coracle volume rm -f nothing
	expect_status 0
	expect_equal "$(coracle volume rm dat)" data # the unique start of a name
	run coracle volume exists data
	expect_status 1
	coracle volume rm -a
	expect_equal "$(coracle volume ls -q)" ""
}

@test "volume ls: filters" {
	coracle volume create --label kind=db --label tier=1 one
	coracle volume create --label kind=web --opt type=tmpfs two
	coracle create --name user -v one:/x busybox true
	filtered() { coracle volume ls -q "$@" | paste -sd ' '; }
	expect_equal "$(filtered --filter label=kind=db)" one
	expect_equal "$(filtered --filter label=kind)" "one two"
	expect_equal "$(filtered --filter label=kind --filter label=tier)" one
	expect_equal "$(filtered --filter 'label!=kind=db')" two
	expect_equal "$(filtered --filter 'name=^o')" one
	expect_equal "$(filtered --filter name=one --filter name=two)" "one two"
	expect_equal "$(filtered --filter dangling=true)" two
	expect_equal "$(filtered --filter dangling=false)" one
	expect_equal "$(filtered --filter driver=local --filter scope=local)" "one two"
	expect_equal "$(filtered --filter driver=nfs)" ""
	expect_equal "$(filtered --filter opt=type=tmpfs)" two
	expect_equal "$(filtered --filter since=one)" two
	expect_equal "$(filtered --filter until=1h)" ""
	expect_equal "$(filtered --filter "until=$(date +%s.%N)")" "one two"
	expect_error 125 'nonsense' coracle volume ls --filter nonsense=1
}

@test "a volume is made by its first use, outlives its container, and is filled once with owners and modes" {
	run coracle run --rm -v web:/var/www busybox sh -c 'stat -c "%n %u:%g %a" /var/www /var/www/index.html; echo mine >/var/www/new; rm /var/www/index.html'
	expect_match '^/var/www 33:33 755'
	expect_match 'index.html 33:33 644'
	# Elsewhere it is the same, and what was removed is not filled in again.
	expect_equal "$(coracle run --rm -v web:/var/www busybox ls /var/www)" new
	expect_equal "$(cat "$(mountpoint_of web)/new")" mine
	expect_equal "$(coracle volume inspect -f '{{.NeedsCopyUp}}' web)" false
}

@test "a fresh volume: over nothing it is the user's, with nocopy it stays empty" {
	expect_equal "$(coracle run --rm -u alice -v home:/not/in/image busybox sh -c 'touch /not/in/image/x && stat -c %U /not/in/image')" alice
	expect_equal "$(coracle run --rm -v none:/var/www:nocopy busybox ls -A /var/www)" ""
	# It was not used in this sense: the next one fills it.
	expect_equal "$(coracle run --rm -v none:/var/www busybox ls -A /var/www)" index.html
	# What holds something already is left as it is.
	coracle volume create full
	echo mine >"$(mountpoint_of full)/own"
	expect_equal "$(coracle run --rm -v full:/var/www busybox ls -A /var/www)" own
}

@test "a fresh volume: of many first users at once one fills it, and all see it whole" {
	coracle volume create busy
	coracle run --name maker busybox sh -c 'mkdir /many; for i in $(seq 300); do echo $i >/many/$i; done'
	coracle commit -q maker many >/dev/null
	local i pids=()
	for i in 1 2 3 4 5 6; do
		coracle run --rm -v busy:/many localhost/many sh -c 'ls /many | wc -l; cat /many/300' >"$T/out.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	for i in 1 2 3 4 5 6; do expect_equal "$(<"$T/out.$i")" $'300\n300'; done
	expect_equal "$(ls "$(dirname "$(mountpoint_of busy)")" | paste -sd ' ')" "_data lock volume.json"
}

@test "a fresh volume: a first user who is killed while it is filled leaves what the next one completes" {
	coracle volume create torn
	coracle run --name maker busybox sh -c 'mkdir /many; for i in $(seq 400); do echo $i >/many/$i; done'
	coracle commit -q maker many >/dev/null
	local i pid
	for i in 1 2 3 4 5 6 7 8; do
		coracle run --rm --name "torn$i" -v torn:/many localhost/many true >/dev/null 2>&1 &
		pid=$!
		sleep "0.0$((i * 11))"
		kill -9 "$pid" 2>/dev/null || true
		pkill -9 -f "^coracle-monitor [0-9]+ .*torn$i" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	expect_equal "$(coracle run --rm -v torn:/many localhost/many sh -c 'ls /many | wc -l; cat /many/400')" $'400\n400'
}

@test "anonymous volumes: kept by rm, removed by rm -v, and by --rm with its container" {
	coracle create --name one -v /data busybox sh -c 'echo kept >/data/x'
	local name
	name=$(coracle volume ls -q)
	expect_matches "$name" '^[0-9a-f]{64}$'
	coracle start -a one
	coracle rm one
	expect_equal "$(cat "$(mountpoint_of "$name")/x")" kept
	expect_equal "$(coracle run --rm -v "$name:/y" busybox cat /y/x)" kept
	coracle volume rm "$name"
	coracle run --name two -v /data busybox true
	coracle rm -v two
	expect_equal "$(coracle volume ls -q)" ""
	coracle run --rm -v /data busybox touch /data/x
	expect_equal "$(coracle volume ls -q)" ""
	coracle run -d --rm --name three -v /data busybox sleep 1000
	expect_equal "$(coracle volume ls -q | wc -l)" 1
	# Not even a monitor that is killed leaves it.
	kill -9 "$(inspected three State.ConmonPid)"
	wait_until 10 no_containers
	expect_equal "$(coracle volume ls -q)" ""
}

@test "anonymous volumes: rm -v leaves named ones, and those that another container has" {
	coracle create --name one -v /data -v named:/n busybox true
	coracle create --name two --volumes-from one busybox true
	coracle rm -v one
	expect_equal "$(coracle volume ls -q | wc -l)" 2
	coracle rm -v two
	expect_equal "$(coracle volume ls -q)" named
	# A --rm container's, too, once another has it.
	coracle run -d --rm --name three -v /data busybox sh -c 'echo x >/data/x; sleep 1000'
	coracle create --name four --volumes-from three busybox cat /data/x
	coracle stop -t 0 three
	wait_until 10 no_containers --filter name=three
	expect_equal "$(coracle start -a four)" x
}

@test "an image's VOLUME: an anonymous volume with its content, or tmpfs, or nothing" {
	coracle run --name maker busybox true
	coracle commit -q --change 'VOLUME /var/www' maker withvolume >/dev/null
	coracle run --name one localhost/withvolume sh -c 'cat /var/www/index.html >/dev/null && echo x >/var/www/x'
	expect_equal "$(coracle inspect -f '{{range .Mounts}}{{.Type}}{{end}}' one)" volume
	expect_equal "$(coracle volume ls -q --filter anonymous=true | wc -l)" 1
	expect_equal "$(ls "$(mountpoint_of "$(coracle volume ls -q)")" | paste -sd ' ')" "index.html x"
	expect_equal "$(coracle diff one | grep -c www || true)" 0
	coracle rm -v one
	coracle run --rm --image-volume tmpfs localhost/withvolume sh -c 'grep " /var/www tmpfs" /proc/mounts && cat /var/www/index.html'
	coracle run --name two --image-volume ignore localhost/withvolume touch /var/www/y
	expect_matches "$(coracle diff two)" '/var/www/y'
	# What is asked for at its place comes first.
	mkdir "$T/folder"
	coracle run --rm -v "$T/folder:/var/www" localhost/withvolume touch /var/www/z
	[[ -e $T/folder/z ]]
	expect_equal "$(coracle volume ls -q)" ""
}

@test "--volumes-from: the same volumes and folders, read-only where asked, and its own first" {
	mkdir "$T/folder"
	coracle create --name one -v named:/n -v "$T/folder:/f:ro" -v /anon busybox true
	run coracle run --rm --volumes-from one busybox sh -c 'echo x >/n/x; echo y >/anon/y; touch /f/z'
	expect_match '/f/z: Read-only'
	expect_equal "$(coracle run --rm --volumes-from one:ro busybox sh -c 'cat /n/x /anon/y; touch /n/z 2>&1')" $'x\ny\ntouch: /n/z: Read-only file system'
	expect_equal "$(coracle run --rm --volumes-from one -v other:/n busybox ls /n)" ""
	expect_error 125 'no such container: nobody' coracle run --rm --volumes-from nobody busybox true
	expect_error 125 'ro, rw and z' coracle run --rm --volumes-from one:exec busybox true
}

@test "volumes in use: rm refuses, with --force it removes the containers; ps finds them; inspect shows them" {
	coracle run -d --name user -v data:/data -v data:/again:ro busybox sleep 1000
	expect_error 2 'data is in use by container' coracle volume rm data
	expect_equal "$(coracle ps --filter volume=data --format '{{.Names}}')" user
	expect_equal "$(coracle ps --filter volume=/again --format '{{.Names}}')" user
	expect_equal "$(coracle ps -q --filter volume=other)" ""
	expect_equal "$(coracle inspect -f '{{range .Mounts}}{{.Type}} {{.Name}} {{.Source}} {{.Destination}} {{.Driver}} {{.RW}}{{"\n"}}{{end}}' user | grep .)" \
		"volume data $ROOT/volumes/data/_data /data local true
volume data $ROOT/volumes/data/_data /again local false"
	expect_equal "$(coracle volume inspect -f '{{.MountCount}}' data)" 1
	coracle volume rm -f -t 0 data
	no_containers
	expect_equal "$(coracle volume ls -q)" ""
}

@test "volume prune, system prune --volumes, system df, system check" {
	coracle volume create --label keep=yes labelled
	coracle create --name user -v used:/u busybox true
	coracle run --name maker -v /anon -v big:/big busybox sh -c 'head -c 300000 /dev/zero >/big/x'
	coracle rm maker
	expect_equal "$(coracle system df --format '{{.Type}} {{.Total}} {{.Active}} {{.Size}} {{.Reclaimable}}' | grep Volumes)" "Local Volumes 4 1 300kB 300kB (100%)"
	expect_matches "$(coracle system df -v)" $'\nbig +0 +300kB'
	run coracle system check
	expect_status 0
	expect_equal "$(coracle volume prune -f --all=false | grep -cE '^[0-9a-f]{64}$')" 1
	run coracle volume prune -f --filter 'label!=keep'
	expect_match $'Deleted Volumes:\nbig\n'
	expect_match 'Total reclaimed space: 300kB'
	expect_equal "$(coracle volume ls -q | paste -sd ' ')" "labelled used"
	coracle system prune -f >/dev/null
	expect_equal "$(coracle volume ls -q | paste -sd ' ')" "labelled used"
	coracle system prune -f --volumes >/dev/null
	expect_equal "$(coracle volume ls -q)" ""
}

@test "system check: a volume's record, a volume that is gone, a name that leads nowhere; never what is in it" {
	coracle create --name user -v one:/x busybox true
	echo precious >"$(mountpoint_of one)/file"
	echo nonsense >"$ROOT/volumes/one/volume.json"
	ln -s ../containers/gone/volumes/aa "$ROOT/volumes/aa"
	run coracle system check --quick
	expect_match 'volume one.*its record cannot be read'
	coracle system check --quick --repair
	expect_equal "$(coracle run --rm -v one:/x busybox cat /x/file)" precious
	mv "$ROOT/volumes/one" "$T/away"
	run coracle system check --quick --repair
	expect_match 'container [0-9a-f]{12}.*its volume one is not there'
	mv "$T/away" "$ROOT/volumes/one"
	run coracle system check --quick
	expect_status 0
	rm "$ROOT/volumes/aa"
}

@test "volume options: a folder of one's own, what needs root, what contradicts itself" {
	mkdir "$T/elsewhere"
	coracle volume create --opt type=none --opt o=bind,ro --opt "device=$T/elsewhere" bound
	echo x >"$T/elsewhere/x"
	expect_equal "$(coracle run --rm -v bound:/b busybox sh -c 'cat /b/x; touch /b/y 2>&1')" $'x\ntouch: /b/y: Read-only file system'
	coracle volume create --opt o=uid=1000,gid=1000 alices
	expect_equal "$(coracle run --rm -v alices:/a:nocopy busybox stat -c %u:%g /a)" 1000:1000
	expect_error 125 'mount -t nfs.*device=/mnt/x' coracle volume create --opt type=nfs --opt o=addr=10.0.0.1 --opt device=:/srv v
	expect_error 125 "there is no volume driver rclone.*device=" coracle volume create -d rclone v
	expect_error 125 'quota.*type=tmpfs' coracle volume create --opt size=1m v
	expect_error 125 "$T/none" coracle volume create --opt type=none --opt o=bind --opt "device=$T/none" v
	expect_error 125 'unknown option "nonsense"' coracle volume create --opt nonsense=1 v
	run coracle volume exists v
	expect_status 1
}

@test "volume export and import: owners, modes, links, times; what is there of the same name is replaced" {
	coracle run --rm -v one:/d -u 0 busybox sh -c 'mkdir /d/sub; echo x >/d/sub/x; ln -s sub/x /d/link; ln /d/sub/x /d/hard; chown -R 33:33 /d/sub; chmod 2750 /d/sub; touch -d @1000000000 /d/sub/x'
	coracle volume export -o "$T/one.tar" one
	coracle volume create two
	echo old >"$(mountpoint_of two)/link"
	echo stays >"$(mountpoint_of two)/stays"
	coracle volume import two "$T/one.tar"
	expect_equal "$(coracle run --rm -v two:/d busybox sh -c 'cat /d/link /d/stays; stat -c "%u:%g %a" /d/sub; stat -c "%h %Y" /d/sub/x')" $'x\nstays\n33:33 2750\n2 1000000000'
	coracle volume create three
	coracle volume export one | gzip | coracle volume import three -
	expect_equal "$(coracle run --rm -v three:/d busybox cat /d/link)" x
	expect_equal "$(tar -tf "$T/one.tar" | sort | paste -sd ' ')" "./ hard link sub/ sub/x"
	expect_error 125 'no such volume: none' coracle volume export none
	expect_error 125 'no such volume: none' coracle volume import none "$T/one.tar"
	expect_error 125 "$T/missing" coracle volume import two "$T/missing"
	head -c 3000 /dev/urandom >"$T/noise"
	expect_error 125 'import into volume two' coracle volume import two "$T/noise"
	# An archive that means harm stays in the volume.
	python3 -c 'import tarfile,io,sys
t=tarfile.open(sys.argv[1],"w"); i=tarfile.TarInfo("l"); i.type=tarfile.SYMTYPE; i.linkname=sys.argv[2]; t.addfile(i)
i=tarfile.TarInfo("l/escaped"); i.size=1; t.addfile(i,io.BytesIO(b"x")); t.close()' "$T/evil.tar" "$T"
	expect_error 125 'import into volume three' coracle volume import three "$T/evil.tar"
	[[ ! -e $T/escaped ]]
}

@test "volume mount, unmount, reload" {
	coracle volume create one
	expect_equal "$(coracle volume mount one)" "$(mountpoint_of one)"
	expect_equal "$(coracle volume unmount one)" one
	expect_error 125 'no such volume: none' coracle volume mount none
	coracle volume create --opt type=tmpfs mem
	expect_error 125 'in memory' coracle volume mount mem
	expect_error 125 'coracle cp' coracle volume export mem
	coracle volume reload
}

@test "volumes without subordinate ids: filled, used and removed by the one id" {
	local one=$T/one-id
	with_one_id "$BUILD/coracle" --root "$one" --runroot "$T/one-run" load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	single() { with_one_id "$BUILD/coracle" --root "$one" --runroot "$T/one-run" "$@"; }
	expect_equal "$(single run --rm -v web:/var/www busybox sh -c 'cat /var/www/index.html >/dev/null; echo x >/var/www/x; ls /var/www' | paste -sd ' ')" "index.html x"
	expect_equal "$(single run --rm -u alice -v new:/new/place busybox sh -c 'touch /new/place/x && id -u')" 1000
	expect_equal "$(single run --rm -u alice -v "$T:/t:U" busybox sh -c 'touch /t/fine && echo fine')" fine
	expect_equal "$(stat -c %u "$T/fine")" "$(id -u)"
	single volume rm -a
	expect_equal "$(single volume ls -q)" ""
}

@test "volumes on a full disk: a volume that cannot be made or filled leaves nothing half made" {
	coracle run --name maker busybox sh -c 'mkdir /big; for i in 1 2 3 4 5 6; do head -c 500000 /dev/urandom >/big/$i; done'
	coracle commit -q maker big >/dev/null
	coracle save -q -o "$T/big.tar" big
	cat >"$T/inside" <<-'S'
		set -e
		mount -t tmpfs -o size=11m none "$T/disk"
		c() { "$BUILD/coracle" --root "$T/disk/root" --runroot "$T/disk-run" "$@"; }
		c load -q -i "$T/big.tar" >/dev/null
		c volume create v
		# Room for a start, not for another copy.
		free=$(($(stat -f -c '%a*%S' "$T/disk")))
		head -c $((free - 1500000)) /dev/zero >"$T/disk/filler"
		if c run --rm -v v:/big localhost/big true; then echo "filled without room"; exit 1; fi
		find "$T/disk/root/volumes/v" -mindepth 1 -printf '%P ' | sort
		echo
		rm "$T/disk/filler"
		c run --rm -v v:/big localhost/big ls /big
		while [[ -n $(ls "$T/disk/root/trash") ]]; do sleep 0.05; done
		head -c 20000000 /dev/zero >"$T/disk/filler" 2>/dev/null || true
		if c volume create w 2>&1; then echo "made without room"; exit 1; fi
		c volume ls -q
		rm "$T/disk/filler"
		c system check >/dev/null
		umount "$T/disk"
	S
	mkdir "$T/disk"
	export BUILD
	run unshare --user --map-root-user --map-auto --mount bash "$T/inside"
	echo "$output"
	expect_status 0
	expect_match 'No space left on device'
	expect_no grep -qE 'fill|_data/' <<<"$(grep '_data' <<<"$output")"
	expect_match $'\n1\n2\n3\n4\n5\n6\n'
	expect_match $'\nv$'
}

@test "volumes in memory: all who have one at a time see the same, and with the last user it is empty" {
	local i mode
	coracle volume create --opt type=tmpfs --opt o=size=3m mem
	coracle run -d --name one -v mem:/data busybox sleep 1000
	coracle exec one sh -c 'echo from-one >/data/file'
	coracle run -d --name two -v mem:/other/place:ro busybox sleep 1000
	expect_equal "$(coracle exec two cat /other/place/file)" from-one
	coracle exec one sh -c 'echo more >>/data/file'
	expect_equal "$(coracle exec two cat /other/place/file)" $'from-one\nmore'
	# Read-only for one, writable for the other, and for whom takes it from the read-only one.
	run -1 coracle exec two touch /other/place/x
	coracle rm -f -t 0 one
	expect_equal "$(coracle run --rm -v mem:/data -v mem:/again busybox sh -c 'touch /data/x && ls /again; df -k /data | awk "END {print \$2}"')" $'file\nx\n3072'
	# Other ids: of keep-id, auto and nomap, which see it and are seen.
	for mode in keep-id auto nomap; do
		coracle run -d --name "with-$mode" --user 0 --userns "$mode" -v mem:/data busybox sleep 1000
		[[ $(coracle exec "with-$mode" cat /data/file) == from-one* ]]
		coracle exec "with-$mode" touch "/data/$mode"
		[[ $(coracle exec two ls /other/place) == *$mode* ]]
	done
	coracle rm -f -t 0 two with-keep-id with-auto
	expect_equal "$(coracle run --rm -v mem:/data busybox ls /data | paste -sd ' ')" "auto file keep-id nomap x"
	coracle kill with-nomap
	wait_until 10 is_state with-nomap exited
	expect_equal "$(coracle run --rm -v mem:/data busybox ls /data)" ""
}

@test "volumes in memory: made by a container with other ids, first users at once, kills, restarts, :U" {
	local i starts=()
	coracle volume create --opt type=tmpfs mem
	coracle volume create --opt type=tmpfs also
	coracle run -d --name auto --userns auto -v mem:/data busybox sh -c 'echo x >/data/auto; sleep 1000'
	wait_until 5 coracle exec auto test -s /data/auto
	expect_equal "$(coracle exec auto stat -c %u /data)" 0
	expect_equal "$(coracle run --rm -v mem:/data busybox sh -c 'touch /data/plain && ls /data' | paste -sd ' ')" "auto plain"
	expect_equal "$(coracle run --rm --user alice -v mem:/data:U busybox stat -c %U /data /data/auto | sort -u)" alice
	coracle rm -f -t 0 auto
	# Some at once, two volumes in either order: one makes each.
	for i in 1 2 3 4 5 6; do
		if ((i % 2)); then set -- -v mem:/mem -v also:/also; else set -- -v also:/also -v mem:/mem; fi
		coracle run -d --name "c$i" "$@" busybox sh -c "touch /mem/$i /also/$i; sleep 1000" >/dev/null 3>&- &
		starts+=($!)
	done
	wait "${starts[@]}"
	all_there() { [[ $(coracle exec c1 ls /mem /also | grep -c '^[1-6]$') == 12 ]]; }
	wait_until 10 all_there
	# A monitor that is killed, a container that starts again beside others.
	kill -9 "$(inspected c1 State.ConmonPid)"
	wait_until 10 is_state c1 exited
	coracle restart -t 0 c2
	expect_equal "$(coracle exec c2 ls /mem | paste -sd ' ')" "1 2 3 4 5 6"
	coracle start c1
	expect_equal "$(coracle exec c1 ls /also | paste -sd ' ')" "1 2 3 4 5 6"
	coracle run -d --name again --restart on-failure:1 -v mem:/mem busybox sh -c 'ls /mem | wc -l; exit 3'
	wait_until 20 is_state again exited
	expect_equal "$(coracle logs again)" $'6\n6'
	# One that has put something else there.
	coracle run -d --name odd --privileged -v mem:/mem busybox sh -c 'umount /mem; sleep 1000'
	coracle rm -f -t 0 c1 c2 c3 c4 c5 c6
	wait_until 5 coracle exec odd sh -c '! grep -q " /mem " /proc/mounts'
	expect_error 125 'in the container that has it' coracle run --rm -v mem:/mem busybox true
	coracle rm -f -t 0 odd
	expect_equal "$(coracle run --rm -v mem:/mem busybox ls /mem)" ""
}
