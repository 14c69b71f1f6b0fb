# SPDX-License-Identifier: Apache-2.0
# -v with its options, --mount of every type with its keys, --tmpfs, --read-only, --shm-size: seen from inside.
load helpers

setup() {
	common_setup
	load_image busybox
	mkdir -p "$T/folder/sub"
	echo one >"$T/folder/a"
}

# The options of what is mounted at a place: of the mount, and of the file system.
options_at() { # place run-option…
	local place=$1
	shift
	coracle run --rm "$@" busybox awk -v "place=$place" '$5 == place {print $6, $NF}' /proc/self/mountinfo
}

@test "-v: exec, suid, dev and their opposites; what has no effect here is taken" {
	expect_matches "$(options_at /d -v "$T/folder:/d")" '^rw,nosuid,nodev,relatime'
	expect_matches "$(options_at /d -v "$T/folder:/d:suid,dev")" '^rw,relatime'
	expect_matches "$(options_at /d -v "$T/folder:/d:noexec,ro")" '^ro,nosuid,nodev,noexec'
	printf '#!/bin/sh\necho ran\n' >"$T/folder/program"
	chmod +x "$T/folder/program"
	expect_equal "$(coracle run --rm -v "$T/folder:/d:exec" busybox /d/program)" ran
	run -126 coracle run --rm -v "$T/folder:/d:noexec" busybox /d/program
	expect_status 126
	expect_matches "$(options_at /d -v "$T/folder:/d:z,Z,cached,delegated,consistent,rw")" '^rw'
	expect_error 125 'ro and rw contradict' coracle run --rm -v "$T/folder:/d:ro,rw" busybox true
	expect_error 125 'shared and rslave contradict' coracle run --rm -v "$T/folder:/d:shared,rslave" busybox true
	expect_error 125 'at /d already' coracle run --rm -v "$T/folder:/d" -v "$T:/d" busybox true
	expect_error 125 'nocopy is for volumes' coracle run --rm -v "$T/folder:/d:nocopy" busybox true
	expect_error 125 "mkdir -p $T/none" coracle run --rm -v "$T/none:/d" busybox true
	no_containers
}

@test "-v: colons in a path" {
	mkdir "$T/a:b"
	echo x >"$T/a:b/x"
	expect_equal "$(coracle run --rm -v "$T/a\\:b:/d" busybox cat /d/x)" x
}

@test "-v: propagation: what is mounted on the host later is seen only where that was asked for" {
	cat >"$T/inside" <<-'S'
		set -e
		mount -t tmpfs none "$T/folder"
		mount --make-shared "$T/folder"
		mkdir "$T/folder/sub"
		c() { "$BUILD/coracle" --root "$T/root2" --runroot "$T/run2" "$@"; }
		c load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
		c run -d --name slave -v "$T/folder:/d:rslave" busybox sleep 1000 >/dev/null
		c run -d --name private -v "$T/folder:/d" busybox sleep 1000 >/dev/null
		mount -t tmpfs none "$T/folder/sub"
		touch "$T/folder/sub/late"
		echo "slave $(c exec slave ls /d/sub) private $(c exec private ls /d/sub)"
		c rm -f -t 0 -a >/dev/null
		umount -R "$T/folder"
	S
	export BUILD CORACLE_TEST_CACHE
	run unshare --user --map-root-user --map-auto --mount bash "$T/inside"
	expect_output "slave late private "
}

@test "-v :O: a throw-away overlay, empty again at each start; with upperdir it stays" {
	coracle run --name over -v "$T/folder:/d:O" busybox sh -c 'ls /d; echo two >/d/a; rm -r /d/sub; touch /d/new; cat /d/a'
	expect_equal "$(cat "$T/folder/a")" one
	[[ -d $T/folder/sub && ! -e $T/folder/new ]]
	expect_equal "$(coracle start -a over)" $'a\nsub\ntwo'
	expect_error 125 'leave ro and rw out' coracle run --rm -v "$T/folder:/d:O,ro" busybox true
	mkdir "$T/upper" "$T/work"
	coracle run --rm -v "$T/folder:/d:O,upperdir=$T/upper,workdir=$T/work" busybox sh -c 'echo kept >/d/kept'
	expect_equal "$(cat "$T/upper/kept")" kept
	expect_error 125 'both upperdir and workdir' coracle run --rm -v "$T/folder:/d:O,upperdir=$T/upper" busybox true
	expect_error 125 'not a folder' coracle run --rm -v "$T/folder/a:/d:O" busybox true
	# Over a volume, too.
	coracle run --rm -v vol:/v busybox touch /v/x
	coracle run --rm -v vol:/v:O busybox rm /v/x
	expect_equal "$(coracle run --rm -v vol:/v busybox ls /v)" x
	coracle volume rm vol
}

@test "-v :U: all of it is given to the container's user, also read-only" {
	ln -s /etc/passwd "$T/folder/link"
	expect_equal "$(coracle run --rm -u alice -v "$T/folder:/d:U" busybox sh -c 'stat -c %u:%g /d /d/a /d/sub; touch /d/x && echo fine' | paste -sd ' ')" "1000:1000 1000:1000 1000:1000 fine"
	expect_equal "$(coracle run --rm -v "$T/folder:/d:U,ro" busybox stat -c %u /d/a)" 0
	expect_equal "$(stat -c %u "$T/folder/a")" "$(id -u)"
	expect_equal "$(coracle run --rm -u alice -v vol:/v:U busybox stat -c %U /v)" alice
	coracle volume rm vol
}

@test "-v :idmap: says who could" {
	expect_error 125 'mounted its file system.*U gives the files' coracle run --rm -v "$T/folder:/d:idmap" busybox true
	expect_error 125 'mounted its file system.*U gives the files' coracle run --rm --mount "type=bind,src=$T/folder,dst=/d,idmap=uids=0-1-10" busybox true
	no_containers
}

@test "--mount type=bind" {
	expect_equal "$(coracle run --rm --mount "type=bind,source=$T/folder,destination=/d" busybox cat /d/a)" one
	expect_equal "$(coracle run --rm --mount "type=bind,src=$T/folder/a,target=/f,readonly" busybox sh -c 'cat /f; echo >/f' 2>&1)" $'one\nsh: can\'t create /f: Read-only file system'
	expect_matches "$(options_at /d --mount "type=bind,src=$T/folder,dst=/d,ro=true,noexec,bind-propagation=rprivate,relabel=shared,consistency=cached")" '^ro,nosuid,nodev,noexec'
	expect_matches "$(options_at /d --mount "type=bind,src=$T/folder,dst=/d,ro=false,bind-nonrecursive=true")" '^rw'
	expect_equal "$(coracle run --rm -u alice --mount "type=bind,src=$T/folder,dst=/d,U=true" busybox stat -c %U /d/a)" alice
	coracle run --rm --mount "type=bind,src=$T/folder,dst=/d,chown" busybox true
	mkdir "$T/with,comma"
	touch "$T/with,comma/x"
	expect_equal "$(coracle run --rm --mount "type=bind,\"src=$T/with,comma\",dst=/d" busybox ls /d)" x
	expect_equal "$(coracle run --rm --mount "type=bind,src=$T/made,dst=/d,bind-create-src" busybox ls /d)" ""
	[[ -d $T/made ]]
	expect_error 125 'needs a source' coracle run --rm --mount type=bind,dst=/d busybox true
	expect_error 125 'give the target' coracle run --rm --mount "type=bind,src=$T" busybox true
	expect_error 125 'tmpfs-size is not for mounts of type bind' coracle run --rm --mount "type=bind,src=$T,dst=/d,tmpfs-size=1m" busybox true
	expect_error 125 'unknown key nonsense' coracle run --rm --mount "type=bind,src=$T,dst=/d,nonsense=1" busybox true
	expect_error 125 'bind, volume, tmpfs' coracle run --rm --mount "type=nonsense,src=$T,dst=/d" busybox true
	expect_error 125 'quote' coracle run --rm --mount "type=bind,\"src=$T,dst=/d" busybox true
}

@test "--mount type=bind: what is mounted below: read-only with it, or not, or not there" {
	cat >"$T/inside" <<-'S'
		set -e
		mount -t tmpfs none "$T/folder/sub"
		c() { "$BUILD/coracle" --root "$T/root2" --runroot "$T/run2" "$@"; }
		c load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
		for recursive in enabled readonly writable; do
			c run --rm --mount "type=bind,src=$T/folder,dst=/d,ro,bind-recursive=$recursive" busybox sh -c 'touch /d/x 2>/dev/null || echo -n "top "; touch /d/sub/x 2>/dev/null || echo -n "below"; echo'
		done
		umount "$T/folder/sub"
	S
	export BUILD CORACLE_TEST_CACHE
	run unshare --user --map-root-user --map-auto --mount bash "$T/inside"
	expect_output $'top below\ntop below\ntop '
}

@test "--mount type=volume" {
	coracle run --rm --mount type=volume,source=v,destination=/var/www,volume-label=a=b,volume-label=c busybox sh -c 'mkdir -p /var/www/deep/er; echo x >/var/www/deep/er/f; ln -s / /var/www/out'
	expect_equal "$(coracle volume inspect -f '{{.Labels.a}}' v)" b
	expect_equal "$(coracle run --rm --mount type=volume,src=v,dst=/p,subpath=deep/er busybox ls /p)" f
	expect_equal "$(coracle run --rm --mount type=volume,src=v,dst=/p,volume-subpath=deep,readonly busybox sh -c 'ls /p; touch /p/x 2>&1')" $'er\ntouch: /p/x: Read-only file system'
	# A link that a container has left in the volume leads nowhere else.
	expect_equal "$(coracle run --rm --mount type=volume,src=v,dst=/p,subpath=out/deep busybox ls /p)" er
	expect_error 125 'there is no etc in it' coracle run --rm --mount type=volume,src=v,dst=/p,subpath=etc busybox true
	expect_equal "$(coracle run --rm --mount type=volume,src=n,dst=/var/www,volume-nocopy busybox ls -A /var/www)" ""
	mkdir "$T/elsewhere"
	touch "$T/elsewhere/e"
	expect_equal "$(coracle run --rm --mount "type=volume,src=b,dst=/b,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=$T/elsewhere" busybox ls /b)" e
	# No type is type=volume, no source an anonymous one.
	coracle run --rm --mount dst=/anon busybox touch /anon/x
	expect_equal "$(coracle volume ls -q | paste -sd ' ')" "b n v"
	expect_error 125 'no volume driver rclone' coracle run --rm --mount type=volume,src=r,dst=/r,volume-driver=rclone busybox true
	coracle volume rm -a
}

@test "--mount type=tmpfs and ramfs" {
	expect_matches "$(options_at /t --mount type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=1750,noexec)" '^rw,nosuid,nodev,noexec.* rw,size=2048k,mode=1750'
	expect_equal "$(coracle run --rm --mount type=tmpfs,dst=/var/www busybox sh -c 'cat /var/www/index.html >/dev/null; stat -c %U /var/www/index.html; touch /var/www/x && echo fine')" $'www-data\nfine'
	expect_equal "$(coracle run --rm --mount type=tmpfs,dst=/var/www,notmpcopyup busybox ls -A /var/www)" ""
	expect_equal "$(coracle run --rm --mount type=tmpfs,dst=/var/www,ro busybox sh -c 'ls /var/www; touch /var/www/x 2>&1')" $'index.html\ntouch: /var/www/x: Read-only file system'
	expect_equal "$(coracle run --rm -u alice --mount type=tmpfs,dst=/t,U busybox sh -c 'touch /t/x && stat -c %U /t')" alice
	run coracle run --rm --mount type=ramfs,dst=/r,tmpfs-mode=700 busybox sh -c 'grep " /r ramfs" /proc/mounts; stat -c %a /r; touch /r/x && echo fine'
	expect_match 'mode=700'
	expect_match $'\n700\nfine'
	expect_equal "$(coracle run --rm --mount type=ramfs,dst=/var/www,tmpcopyup busybox ls /var/www)" index.html
	expect_error 125 'source is not for mounts of type tmpfs' coracle run --rm --mount type=tmpfs,source=x,dst=/t busybox true
}

@test "--mount type=devpts" {
	run coracle run --rm --mount type=devpts,dst=/p,mode=0620,gid=5,max=3 busybox sh -c 'grep " /p devpts" /proc/mounts; ls /p; ls /dev/pts'
	expect_match 'mode=620.*max=3'
	expect_match $'\nptmx\n'
}

@test "--mount type=image: another image's files, read-only, or with changes that go with the container" {
	coracle run --name maker busybox sh -c 'mkdir /opt; echo tool >/opt/tool'
	coracle commit -q maker tools >/dev/null
	coracle rm maker
	run coracle run --rm --mount type=image,source=localhost/tools,destination=/i busybox sh -c 'cat /i/opt/tool; stat -c %U /i/var/www/index.html; touch /i/x'
	expect_match $'^tool\nwww-data\n'
	expect_match 'Read-only file system'
	coracle run --name rw --mount type=image,source=localhost/tools,destination=/i,rw=true busybox sh -c 'cat /i/opt/new; echo new >/i/opt/new; rm /i/opt/tool'
	expect_equal "$(coracle start -a rw)" new
	expect_equal "$(coracle run --rm --mount type=image,source=localhost/tools,destination=/i,subpath=/opt busybox ls /i)" tool
	# Whoever has it mounted keeps it.
	expect_error 2 'in use by container' coracle rmi localhost/tools
	coracle image prune -af >/dev/null
	coracle image exists localhost/tools
	coracle rm rw
	coracle rmi localhost/tools
	expect_error 125 'nothing' coracle run --rm --mount type=image,source=localhost/nothing,destination=/i busybox true
}

@test "--tmpfs: exec undoes the default; --read-only-tmpfs=false leaves nothing writable; --shm-size 0 is no limit" {
	expect_matches "$(options_at /t --tmpfs /t)" '^rw,nosuid,nodev,noexec'
	expect_matches "$(options_at /t --tmpfs /t:exec,suid)" '^rw,nodev,relatime'
	expect_equal "$(coracle run --rm --read-only --read-only-tmpfs=false busybox sh -c 'for d in / /tmp /run /dev /dev/shm; do touch $d/x 2>/dev/null && echo $d; done')" ""
	expect_no grep -q size <<<"$(options_at /dev/shm --shm-size 0)"
	expect_matches "$(options_at /dev/shm --shm-size 1m)" 'size=1024k'
}

@test "mounts are there again after a restart" {
	coracle run -d --name all -v "$T/folder:/b:ro" -v vol:/v --mount type=image,src=busybox,dst=/i --tmpfs /t -v "$T/folder:/o:O" busybox sh -c 'touch /v/x /o/x; sleep 1000'
	coracle restart -t 0 all
	expect_equal "$(coracle exec all sh -c 'ls /b/a /v/x /i/bin/busybox; grep -c " /t tmpfs" /proc/mounts' | paste -sd ' ')" "/b/a /i/bin/busybox /v/x 1"
	coracle rm -f -t 0 all
	coracle volume rm vol
}

@test "permissions: what the container's user may not look at is said, with the ids and the way out" {
	mkdir -m 700 closed
	echo x >closed/x
	chmod 600 folder/a
	run --separate-stderr coracle run --rm -u alice -v "$T/closed:/d" busybox ls /d
	expect_status 1
	expect_matches "$stderr" "/d: the container's user 1000 is [0-9]+ on the host, and may not enter $T/closed, which belongs to $(id -u):$(id -g) there and has the mode 0700; --userns=keep-id:uid=1000,gid=1000 .* U "
	run --separate-stderr coracle run --rm -u alice -v "$T/folder/a:/a" busybox cat /a
	expect_matches "$stderr" "may not read $T/folder/a"
	# Either way helps, and nothing is said then.
	run --separate-stderr coracle run --rm --userns=keep-id:uid=1000,gid=1000 -v "$T/closed:/d" busybox cat /d/x
	expect_output x
	expect_equal "$stderr" ""
	run --separate-stderr coracle run --rm -u alice -v "$T/closed:/d:U" busybox cat /d/x
	expect_output x
	expect_equal "$stderr" ""
	run --separate-stderr coracle run --rm -v "$T/closed:/d" busybox cat /d/x
	expect_output x
	expect_equal "$stderr" ""
}

@test "permissions: a program, a working directory and a volume that ids close: whose it is on the host, who asked, what helps" {
	local me="$(id -u):$(id -g)"
	mkdir -m 700 closed
	printf '#!/bin/sh\necho it runs\n' >closed/program
	cp closed/program program
	chmod 755 closed/program
	chmod 700 program
	run coracle run --rm -u alice -v "$T/closed:/d" busybox /d/program
	expect_status 126
	expect_match "exec: \"/d/program\": permission denied; /d belongs to $me on the host and has the mode 0700, and the container's user 1000 is [0-9]+ there: U \(.* --userns=keep-id:uid=1000,gid=1000"
	run coracle run --rm -u alice -v "$T/program:/program" --entrypoint /program busybox
	expect_status 126
	expect_match "/program belongs to $me on the host and has the mode 0700"
	expect_equal "$(coracle run --rm --userns=keep-id:uid=1000,gid=1000 -v "$T/closed:/d" busybox /d/program)" "it runs"
	expect_equal "$(coracle run --rm -u alice -v "$T/program:/program:U" busybox /program)" "it runs"
	coracle run -d --name up -u alice -v "$T/closed:/d" busybox sleep 1000
	run coracle exec up /d/program
	expect_status 126
	expect_match "/d belongs to $me on the host"
	# Where it is no matter of ids nothing is said of them.
	run coracle run --rm busybox /etc/passwd
	expect_match 'permission denied; /etc/passwd has the mode 0644: nobody may execute it$'
	# The working directory, of a root to whom the user is nobody.
	run coracle run --rm --userns nomap -v "$T/closed:/d" -w /d busybox pwd
	expect_match 'chdir to "/d": Permission denied; /d belongs to an id of the host that the container does not have and has the mode 0700, and the container.s user 0 is [0-9]+ there: U'
	expect_equal "$(coracle run --rm --userns nomap -v "$T/closed:/d:U" -w /d busybox pwd)" /d
	# What is closed to the user himself.
	mkdir -p shut/in
	chmod 0 shut
	expect_error 125 "source \"$T/shut/in/x\": Permission denied; $T/shut belongs to $me and has the mode 0000, and you are $(id -u): only its owner" coracle run --rm -v "$T/shut/in/x:/x" busybox true
	chmod 700 shut
	# A volume.
	coracle run --rm -v vol:/v busybox touch /v/x
	run --separate-stderr coracle run --rm --userns nomap -v vol:/v busybox sh -c 'touch /v/y 2>/dev/null || echo refused'
	expect_output refused
	expect_matches "$stderr" "/v: the volume belongs to $me on the host, an id that this container's user namespace does not have, .* U "
	run --separate-stderr coracle run --rm --userns nomap -v vol:/v:U busybox sh -c 'touch /v/y && echo fine'
	expect_output fine
	expect_equal "$stderr" ""
}

@test "volumes and mounts in a store on a file system without xattrs" {
	cat >"$T/inside" <<-'S'
		set -e
		mount -t ramfs none "$T/disk"
		expect_no() { if "$@" 2>/dev/null; then exit 1; fi; }
		expect_no setfattr -n user.a -v b "$T/disk"
		mkdir "$T/disk/folder" && echo one >"$T/disk/folder/a"
		c() { "$BUILD/coracle" --root "$T/disk/root" --runroot "$T/disk-run" "$@"; }
		c load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
		c run --rm -v v:/var/www busybox sh -c 'stat -c %u:%g /var/www/index.html; echo x >/var/www/x'
		c run --rm -v v:/v busybox cat /v/x
		c run --rm -v "$T/disk/folder:/d:O" busybox sh -c 'echo two >/d/a; rm /d/a; ls /d | wc -l'
		cat "$T/disk/folder/a"
		c create --name box -v v:/v busybox cat /v/copied >/dev/null
		c cp "$T/disk/folder/a" box:/v/copied
		c start -a box
		c rm box >/dev/null
		c volume rm v
		c system check >/dev/null
		umount "$T/disk"
	S
	mkdir disk
	export BUILD CORACLE_TEST_CACHE
	run unshare --user --map-root-user --map-auto --mount bash "$T/inside"
	expect_output $'33:33\nx\n0\none\none\nv'
}

@test "--read-only --read-only-tmpfs=false: /dev is read-only, with all that belongs in it, and terminals work" {
	mkdir "$T/mine"
	run -0 coracle run --rm --read-only --read-only-tmpfs=false --device /dev/fuse -v "$T/mine:/dev/mine" busybox sh -c '
		grep -o " /dev ro" /proc/self/mountinfo; rm /dev/null 2>/dev/null || echo kept; echo x >/dev/null && head -c 3 /dev/zero | wc -c; ls -l /dev/fuse | cut -c1; ls -d /dev/fd /dev/ptmx; touch /dev/mine/x && echo mine'
	expect_output $' /dev ro\nkept\n3\nc\n/dev/fd\n/dev/ptmx\nmine'
	run terminal 'expect=# ' 'send=tty; touch /dev/x; exit\n' -- "$T/coracle" run --rm -it --read-only --read-only-tmpfs=false busybox sh
	expect_match '/dev/(pts/0|console)'
	expect_match 'Read-only file system'
	run -0 coracle run --rm --read-only busybox sh -c 'touch /dev/x && echo writable'
	expect_output writable
	# With other ids, and in a terminal of exec's.
	coracle run -d --name c --userns keep-id --read-only --read-only-tmpfs=false busybox sleep 1000
	run -1 coracle exec -u 0 c touch /dev/x
	run terminal 'expect=[$#] ' 'send=tty; exit\n' -- "$T/coracle" exec -it c sh
	expect_match '/dev/pts/0'
}
