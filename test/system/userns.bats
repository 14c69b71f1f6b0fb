# SPDX-License-Identifier: Apache-2.0
# userns: --userns, --uidmap, --gidmap and their like: which ids a container has, whose the image's files and the host's are in it.
load helpers

setup() {
	common_setup
	load_image busybox
}

# The ids of this user's containers without further options: "0 1001 1" and so on are parted by commas.
uid_map() { # run's options
	coracle run --rm "$@" busybox sh -c 'cat /proc/self/uid_map' | awk '{print $1, $2, $3}' | paste -sd,
}

# How many ids there are, 0 among them: the user and his subordinate ones.
ids() {
	uid_map | tr , '\n' | awk '{n += $3} END {print n}'
}

@test "userns keep-id: the user keeps his number, in the image's files and in his own" {
	local me=$(id -u) group=$(id -g)
	mkdir "$T/mine"
	echo mine >"$T/mine/file"
	chmod 700 "$T/mine" "$HOME"
	run coracle run --rm --userns keep-id -v "$T/mine:/mine" busybox sh -c 'id -u; id -g; stat -c "%u:%g" /mine/file / /etc/shadow /bin/busybox /home/alice /var/www 2>/dev/null; cat /mine/file; echo more >/mine/new; touch /tmp/x; stat -c %u:%g /tmp/x'
	expect_status 0
	expect_output "$(printf '%s\n' "$me" "$group" "$me:$group" 0:0 0:0 1000:1000 33:33 mine "$me:$group")"
	expect_equal "$(stat -c %u:%g "$T/mine/new")" "$me:$group"
	expect_equal "$(uid_map --userns keep-id)" "0 1 $me,$me 0 1,$((me + 1)) $((me + 1)) $(($(ids) - me - 1))"
	# Not root of the image, and root of it only where that is asked for.
	run coracle run --rm --userns keep-id busybox sh -c 'echo x >/etc/passwd'
	expect_status 1
	run coracle run --rm --userns keep-id --user 0 busybox sh -c 'chown alice /etc/passwd && stat -c %U /etc/passwd; id -u'
	expect_output $'alice\n0'
}

@test "userns keep-id: uid= and gid= give him another number" {
	local me=$(id -u)
	mkdir "$T/mine"
	run coracle run --rm --userns keep-id:uid=33,gid=50 -v "$T/mine:/mine" busybox sh -c 'id -un; id -gn; touch /mine/f; stat -c %U:%G /mine/f /var/www'
	expect_output $'www-data\nstaff\nwww-data:staff\nwww-data:www-data'
	expect_equal "$(stat -c %u "$T/mine/f")" "$me"
	expect_error 125 'keep-id:uid=x: there are uid=ID and gid=ID' coracle run --rm --userns keep-id:uid=x busybox true
}

used() { # KiB
	coracle unshare du -sk "$ROOT" | cut -f1
}

@test "userns keep-id: the image is neither copied nor changed, and a start costs little more" {
	load_image debian
	local before after
	coracle run --rm debian true
	coracle run --rm --userns keep-id debian true
	before=$(used)
	coracle run -d --name kept --userns keep-id debian sleep 1000
	after=$(used)
	((after - before < 1024)) || {
		echo "keep-id takes $((after - before)) KiB"
		return 1
	}
	# What else it takes: fuse-overlayfs's own memory; its text is everybody's.
	run awk '/^Private_Dirty/{n += $2} END {print n}' "/proc/$(pgrep -P "$(inspected kept State.ConmonPid)" -f fuse-overlayfs)/smaps_rollup"
	echo "the server has $output KiB of its own"
	((output < 1024))
	coracle rm -f -t 0 kept
	# The best of some, by turns: the machine has other things to do as well.
	python3 - "$T/coracle" <<-'P'
		import subprocess, sys, time
		def start(mode):
		    begun = time.monotonic()
		    subprocess.run([sys.argv[1], "run", "--rm", "--userns", mode, "debian", "true"], check=True)
		    return (time.monotonic() - begun) * 1000
		host, kept = map(min, zip(*[(start("host"), start("keep-id")) for _ in range(15)]))
		print(f"a start takes {host:.1f} ms, with keep-id {kept:.1f} ms")
		# 50 ms, where a start takes 14 ms; more where all takes longer.
		sys.exit(kept - host > max(50, 3.5 * host))
	P
}

@test "userns keep-id: a walk through the image finds what there is, and what layers remove is gone" {
	load_image debian
	# shellcheck disable=SC2016 # expanded inside
	local walk='find / -xdev -not -path "/proc*" -not -path "/etc/mtab" | sort | grep -v -e "^/dev" -e "^/sys" -e "^/etc/\(hosts\|hostname\|resolv.conf\|passwd\|group\)" | cksum; ls -lR --time-style=+%s /usr/lib | grep -v -e ^d -e ^total | tr -s " " | cksum'
	expect_equal "$(coracle run --rm --userns keep-id --user 0 debian bash -c "$walk")" "$(coracle run --rm debian bash -c "$walk")"
	# A directory that a layer has put in place of another, and one that the container has, also after a restart.
	coracle run --name maker busybox sh -c 'rm -r /var/www && mkdir /var/www && echo of-the-layer >/var/www/new && rm /etc/group'
	coracle commit -q maker replaced
	run -0 coracle run --name kept --userns keep-id --user 0 replaced sh -c 'test -e /var/www/index.html || echo gone; ls /var/www; test -e /etc/group || echo gone; ls -i /home | sed "s/ *\([0-9]*\) .*/\1/"; stat -c %i /home/alice; rm -r /home/alice; mkdir /home/alice; touch /home/alice/own'
	expect_match $'^gone\nnew\ngone\n'
	[[ ${lines[-1]} == "${lines[-2]}" ]]
	coracle start kept
	wait_until 10 is_state kept exited
	[[ $(coracle export kept | tar -t | grep -E '^(var/www|home/alice)/.' | sort | paste -sd ' ') == "home/alice/own var/www/new" ]]
}

@test "userns keep-id: exec, restart, diff, commit and export see what they would otherwise" {
	local me=$(id -u)
	coracle run -d --name kept --userns keep-id busybox sleep 1000
	expect_equal "$(coracle exec kept id -u)" "$me"
	expect_equal "$(coracle exec -u alice kept id -un)" alice
	coracle exec -u 0 kept sh -c 'echo x >/root/of-root; mkdir /home/bob; chown alice:staff /home/bob; rm -r /var/www'
	run coracle diff kept
	expect_match 'A /root/of-root'
	expect_match 'D /var/www'
	coracle restart -t 0 kept
	expect_equal "$(coracle exec -u 0 kept stat -c %u:%U /root/of-root /home/bob)" $'0:root\n1000:alice'
	coracle commit -q kept kept-image
	expect_equal "$(coracle run --rm kept-image stat -c %U:%G /root/of-root /home/bob)" $'root:root\nalice:staff'
	coracle export kept | tar -t --numeric-owner -v >"$T/list"
	grep -q '1000/50 .* home/bob/' "$T/list"
	coracle pause kept
	coracle unpause kept
	coracle rm -f -t 0 kept
}

@test "userns keep-id: all namespaces belong to the container's own, and its root has rights over them" {
	coracle run -d --name kept --privileged --userns keep-id busybox sleep 1000
	run coracle exec --privileged -u 0 kept sh -c 'hostname other && hostname; mount -t tmpfs tmpfs /media 2>/dev/null || mkdir /mnt && mount -t tmpfs tmpfs /mnt && echo mounted; ip link set lo down && echo down'
	expect_match other
	expect_match mounted
	expect_match down
	coracle rm -f -t 0 kept
	# A network, the host's namespaces, a terminal.
	expect_equal "$(coracle run --rm --userns keep-id --network host --pid host --ipc host --uts host busybox id -u)" "$(id -u)"
	run terminal 'expect=\$ ' 'send=tty; exit\n' -- "$T/coracle" run --rm -it --userns keep-id busybox sh
	expect_match '/dev/(pts/0|console)'
	local port
	port=$(free_port)
	coracle run -d --name web --userns keep-id -p "127.0.0.1:$port:8080" busybox httpd -f -p 8080 -h /var/www
	expect_equal "$(fetched "http://127.0.0.1:$port/")" "welcome to busybox"
}

@test "userns nomap: the user is not in it" {
	expect_equal "$(uid_map --userns nomap)" "0 1 $(($(ids) - 1))"
	mkdir -m 755 "$T/mine"
	touch "$T/mine/file"
	run coracle run --rm --userns nomap -v "$T/mine:/mine" busybox sh -c 'id -u; stat -c %u /mine/file /bin/busybox; touch /mine/x 2>/dev/null || echo refused; touch /root/x && stat -c %u /root/x'
	expect_output $'0\n65534\n0\nrefused\n0'
	# What only the user may enter is mounted all the same.
	chmod 700 "$T" "$T/mine"
	expect_equal "$(coracle run --rm --userns nomap -v "$T/mine:/mine" busybox sh -c 'ls -d /mine; ls /mine 2>&1 | tail -1')" $'/mine\nls: can\'t open \'/mine\': Permission denied'
}

@test "userns auto: containers that start at once have ids that no other has" {
	local i starts=()
	for i in 1 2 3 4 5 6; do
		coracle run -d --name "auto$i" --userns auto:size=2000 busybox sleep 1000 >/dev/null 3>&- &
		starts+=($!)
	done
	wait "${starts[@]}"
	for i in 1 2 3 4 5 6; do
		awk '{print $2, $2 + $3}' "/proc/$(inspected "auto$i" State.Pid)/uid_map"
	done | sort -n >"$T/ranges"
	expect_equal "$(wc -l <"$T/ranges")" 6
	awk '$1 < last {exit 1} {last = $2} $2 - $1 != 2000 {exit 1}' "$T/ranges" || {
		cat "$T/ranges"
		return 1
	}
	# The place of one that is gone is free again.
	coracle rm -f -t 0 auto3
	coracle create --name again --userns auto:size=2000 busybox true
	coracle start again
	coracle create --name small --userns auto busybox true
	expect_equal "$(inspected small HostConfig.IDMappings.UidMap | tr -d '[]' | cut -d: -f3)" 1024
	expect_error 125 'no 60000 in a row are free: remove containers' coracle run --rm --userns auto:size=60000 busybox true
	expect_error 125 'auto:nonsense: there are size=COUNT' coracle run --rm --userns auto:nonsense busybox true
}

@test "userns auto: mappings that are asked for" {
	run uid_map --userns auto:size=100,uidmapping=50:0:1
	expect_output "50 0 1,0 1 50,51 51 49"
}

@test "userns: --uidmap and --gidmap" {
	expect_equal "$(uid_map --uidmap 0:5:1000)" "0 5 1000"
	run coracle run --rm --uidmap 0:100:2000 --gidmap 0:200:500 --gidmap 500:0:1 busybox sh -c 'cat /proc/self/gid_map; stat -c %u:%g /home/alice /bin/busybox'
	expect_match '0 +200 +500'
	expect_match '500 +0 +1'
	expect_match '1000:65534'
	expect_match $'\n0:0$'
	# A range over what is parted in subuid(5) and the user himself.
	expect_equal "$(coracle run --rm --uidmap 0:0:1001 busybox sh -c 'awk "{n += \$3} END {print n}" /proc/self/uid_map; stat -c %u /home/alice')" $'1001\n1000'
	expect_error 125 'ids beyond those that you have' coracle run --rm --uidmap 0:1:4000000 busybox true
	expect_error 125 'has no 0' coracle run --rm --uidmap 1000:0:1 --user 1000 busybox true
	expect_error 125 'give CONTAINER:FROM:COUNT' coracle run --rm --uidmap 0:1 busybox true
	expect_error 125 'contradicts' coracle run --rm --uidmap 0:1:10 --userns keep-id busybox true
	expect_error 125 'there are host, keep-id' coracle run --rm --userns nonsense busybox true
}

@test "userns: --subuidname and --subgidname" {
	expect_equal "$(uid_map --subuidname "$(id -un)" --subgidname "$(id -gn)")" "0 1 $(($(ids) - 1))"
	expect_error 125 'gives you no ids but your own' coracle run --rm --subuidname root busybox true
	expect_error 125 'there is no such user' coracle run --rm --subuidname no-such-user busybox true
}

@test "userns container: and ns: share another's" {
	local pid
	coracle run -d --name kept --userns keep-id busybox sleep 1000
	pid=$(inspected kept State.Pid)
	expect_equal "$(coracle run --rm --userns container:kept busybox readlink /proc/self/ns/user)" "$(readlink "/proc/$pid/ns/user")"
	expect_equal "$(coracle run --rm --userns "ns:/proc/$pid/ns/user" busybox readlink /proc/self/ns/user)" "$(readlink "/proc/$pid/ns/user")"
	run coracle run --rm --userns container:kept --ipc container:kept --pid container:kept --network container:kept busybox sh -c 'ps | grep -c "[s]leep 1000"; stat -c %u /dev/shm; readlink /proc/self/ns/net'
	expect_output "1
0
$(readlink "/proc/$pid/ns/net")"
	expect_error 125 'can be shared, too: --userns container' coracle run --rm --ipc container:kept busybox true
	coracle run -d --name plain busybox sleep 1000
	expect_equal "$(coracle run --rm --userns container:plain busybox readlink /proc/self/ns/user)" "$(readlink "/proc/$(inspected plain State.Pid)/ns/user")"
	coracle create --name late --userns container:kept busybox id -u
	coracle stop -t 0 kept
	expect_error 125 'share the user namespace of container' coracle start -a late
	# One that is none of coracle's.
	unshare -Ur sleep 1000 3>&- &
	pid=$!
	wait_until 5 test "$(readlink /proc/self/ns/user)" != "$(readlink "/proc/$pid/ns/user")"
	wait_until 5 grep -q 1 "/proc/$pid/uid_map"
	expect_equal "$(coracle run --rm --userns "ns:/proc/$pid/ns/user" busybox sh -c 'readlink /proc/self/ns/user; cat /proc/self/uid_map | wc -l')" "$(readlink "/proc/$pid/ns/user")
1"
	kill "$pid"
	expect_error 125 'the one that you are in' coracle run --rm --userns ns:/proc/self/ns/user busybox true
	expect_error 125 'no user namespace' coracle run --rm --userns ns:/proc/self/ns/net busybox true
	expect_error 125 'No such file' coracle run --rm --userns ns:/nowhere busybox true
}

@test "userns host: what all containers share" {
	expect_equal "$(uid_map --userns host)" "$(uid_map)"
}

@test "userns: inspect says what there is" {
	local me=$(id -u)
	coracle create --name kept --userns keep-id busybox true
	expect_equal "$(inspected kept HostConfig.UsernsMode)" private
	expect_matches "$(inspected kept HostConfig.IDMappings.UidMap)" "^\[0:1:$me $me:0:1 "
	coracle create --name plain busybox true
	expect_equal "$(inspected plain HostConfig.UsernsMode)" ""
}

@test "userns: a restart policy and a kill of the monitor work as without" {
	local pid
	coracle run -d --name again --userns keep-id --restart on-failure:2 busybox sh -c 'id -u; exit 3'
	wait_until 20 is_state again exited
	expect_equal "$(inspected again RestartCount)" 2
	expect_equal "$(coracle logs again | sort | uniq -c | awk '{print $1, $2}')" "3 $(id -u)"
	coracle run -d --name dies --userns keep-id busybox sleep 1000
	pid=$(inspected dies State.Pid)
	kill -9 "$(inspected dies State.ConmonPid)"
	wait_until 10 is_gone "$pid"
	wait_until 10 is_state dies exited
}

@test "userns: another storage driver than fuse-overlayfs is refused in words" {
	expect_error 125 'only fuse-overlayfs shows an image with other ids' coracle --storage-driver vfs run --rm --userns keep-id busybox true
	expect_equal "$(coracle --storage-driver vfs run --rm --uidmap 0:0:2000 busybox stat -c %u /home/alice)" 1000
}

# Why not the kernel: what a user may mount idmapped, and what not. When this changes there is a faster way.
@test "userns: the kernel idmaps neither the store's file system nor an overlay for a user" {
	cat >"$T/idmap.py" <<-'P'
		import ctypes, errno, os, struct, sys
		libc = ctypes.CDLL(None, use_errno=True)
		ready, go = os.pipe(), os.pipe()
		if (pid := os.fork()) == 0:
		    libc.unshare(0x10000000)
		    os.write(ready[1], b"x")
		    os.read(go[0], 1)
		    os._exit(0)
		os.read(ready[0], 1)
		for name in "uid_map", "gid_map":
		    with open(f"/proc/{pid}/{name}", "w") as file:
		        file.write("0 1 1000\n1000 0 1\n")
		namespace = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
		for path in sys.argv[1:]:
		    tree = libc.syscall(428, -100, path.encode(), 0o2000001)
		    attributes = struct.pack("QQQQ", 0x100000, 0, 0, namespace)
		    failed = libc.syscall(442, tree, b"", 0x1000, attributes, 32)
		    print(errno.errorcode[ctypes.get_errno()] if failed else "ok")
		os.write(go[1], b"x")
	P
	# shellcheck disable=SC2016 # expanded inside
	run unshare --user --map-root-user --map-auto --mount bash -c '
		mount -t tmpfs tmpfs /mnt && mkdir /mnt/lower /mnt/upper /mnt/work /mnt/merged &&
		mount -t overlay -o userxattr,lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/merged && python3 "$@"' \
		idmap "$T/idmap.py" "$ROOT" /mnt/merged
	expect_output $'EPERM\nEINVAL'
}

# Owners in a volume as the namespace that containers share numbers them.
owners_in() { # volume path…
	local volume=$1
	shift
	(cd "$ROOT/volumes/$volume/_data" && "$T/coracle" unshare stat -c %u:%g "$@")
}

# What keep-id makes of 1000, where the user is the one that is given.
outside() { # id
	echo $(($1 == 1000 ? 0 : $1 > 1000 ? 1001 : 1000))
}

# The first of a running or ended container's ids.
first_id() { # container
	inspected "$1" HostConfig.IDMappings.UidMap | tr -d '[]' | tr ' ' '\n' | awk -F: '$1 == 0 {print $2}'
}

@test "userns auto and nomap: a fresh volume gets what the image has, with the owners of the container" {
	local mode first me=$(id -u)
	chmod 700 "$T"
	for mode in nomap auto keep-id; do
		coracle run --name "c-$mode" --user 0 --userns "$mode" -v "v-$mode:/var/www" -v "h-$mode:/home" -v "n-$mode:/nowhere" busybox \
			sh -c 'cat /var/www/index.html; stat -c %u:%g /var/www /home /home/alice /nowhere; touch /var/www/new /nowhere/new; stat -c %u /nowhere/new' >"$T/out"
		expect_equal "$(cat "$T/out")" "$(coracle run --rm busybox cat /var/www/index.html)"$'\n33:33\n0:0\n1000:1000\n0:0\n0'
		first=$(first_id "c-$mode")
		[[ $first -gt 0 ]]
		expect_equal "$(owners_in "h-$mode" . alice)" "$first:$first"$'\n'"$(if [[ $mode == keep-id ]]; then outside "$me"; else echo $((first + 1000)); fi):$(if [[ $mode == keep-id ]]; then outside "$(id -g)"; else echo $((first + 1000)); fi)"
		[[ ! -e $ROOT/volumes/v-$mode/fresh && ! -e $ROOT/volumes/v-$mode/fill.tmp ]]
	done
	# Anonymous ones, and another user's.
	run -0 coracle run --rm --userns auto --user alice -v /home/alice -v /new busybox sh -c 'touch /home/alice/x /new/y && stat -c %u:%g /home/alice /home/alice/x /new'
	expect_output $'1000:1000\n1000:1000\n1000:1000'
	# What is there stays: a second container does not fill it again.
	coracle run --rm --user 0 --userns nomap -v v-nomap:/var/www busybox rm /var/www/index.html
	run -0 coracle run --rm --userns nomap -v v-nomap:/var/www busybox ls /var/www
	expect_output new
}

@test "userns auto and nomap: :U gives a volume and a folder to the container's user" {
	local first
	chmod 700 "$T"
	mkdir -p "$T/mine/below"
	echo text >"$T/mine/below/file"
	run -0 coracle run --name one --userns auto --user alice -v "$T/mine:/mine:U" -v "fresh:/var/www:U" busybox \
		sh -c 'cat /mine/below/file; touch /mine/below/new /var/www/new; stat -c %u:%g /mine /mine/below/file /var/www /var/www/index.html'
	expect_output $'text\n1000:1000\n1000:1000\n1000:1000\n1000:1000'
	first=$(first_id one)
	expect_equal "$(coracle unshare stat -c %u:%g "$T/mine/below/file")" "$((first + 1000)):$((first + 1000))"
	# The next container has other ids: without U all is nobody's, with it all is its own.
	run -0 coracle run --rm --uidmap 0:5000:2000 -v fresh:/var/www busybox sh -c 'stat -c %u /var/www/index.html; touch /var/www/more 2>/dev/null || echo refused'
	expect_match refused
	run -0 coracle run --rm --uidmap 0:5000:2000 -v fresh:/var/www:U busybox sh -c 'stat -c %u /var/www/index.html; touch /var/www/more && echo done'
	expect_output $'0\ndone'
	coracle unshare chown -R 0:0 "$T/mine"
	# What the host's root has is not to be given.
	expect_error 125 'can be given only by the host.s root' coracle run --rm --userns nomap -v /etc/hosts:/mine:U busybox true
}

@test "userns auto: of several first users of a volume one fills it, and one that is killed leaves nothing that harms" {
	local i starts=()
	for i in 1 2 3 4; do
		coracle run --rm --userns auto:size=1100 -v shared:/home busybox ls /home >"$T/out$i" 3>&- &
		starts+=($!)
	done
	wait "${starts[@]}"
	for i in 1 2 3 4; do expect_equal "$(cat "$T/out$i")" alice; done
	coracle volume create half
	mkdir "$ROOT/volumes/half/fill.tmp"
	touch "$ROOT/volumes/half/fill.tmp/partial"
	expect_equal "$(coracle run --rm --userns auto -v half:/home busybox ls /home)" alice
	[[ ! -e $ROOT/volumes/half/fill.tmp ]]
}

@test "userns auto and nomap: overlays over a folder and over an image can be looked at and written" {
	local mode
	mkdir -m 755 "$T/folder"
	echo text >"$T/folder/file"
	chmod 700 "$T"
	for mode in nomap auto; do
		run -0 coracle run --rm --userns "$mode" -v "$T/folder:/d:O" busybox sh -c 'cat /d/file; echo x >/d/new && rm /d/file 2>/dev/null; ls /d; stat -c %u /d'
		expect_output $'text\nnew\n0'
		run -0 coracle run --rm --userns "$mode" --user alice -v "$T/folder:/d:O,U" busybox sh -c 'echo more >>/d/file; cat /d/file; stat -c %U /d /d/file'
		expect_output $'text\nmore\nalice\nalice'
		run -0 coracle run --rm --userns "$mode" --mount type=image,src=busybox,dst=/i busybox sh -c 'cat /i/var/www/index.html; touch /i/x 2>/dev/null || echo refused'
		expect_output "$(coracle run --rm busybox cat /var/www/index.html)"$'\nrefused'
		run -0 coracle run --rm --userns "$mode" --mount type=image,src=busybox,dst=/i,rw=true busybox sh -c 'touch /i/x && ls /i/x'
		expect_output /i/x
	done
	expect_equal "$(ls "$T/folder")" file
	expect_equal "$(cat "$T/folder/file")" text
}
