#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# diff, export and commit: what a container has changed, its file system as a tar, an image of it.

load helpers

setup() {
	common_setup
	load_image busybox
}

# Changes of every kind.
CHANGES='rm /var/www/index.html; rm -r /home/alice; mkdir /home/alice; mkfifo /fifo; rm -r /usr; mkdir /usr; echo new >/etc/group; ln /etc/group /etc/linked
	echo x >/owned; chown 33:50 /owned; chmod 4755 /owned; ln -s nowhere /symlink; mkdir -p /a/b; echo deep >/a/b/c; mv /var/log /var/moved; chmod 700 /root; touch "/two
lines" /schön; touch -d "2001-02-03 04:05:06" /old'

# All that a tree has, but for the times of directories, from within.
LIST='cd / && find . -xdev ! -path "./proc*" ! -path "./sys*" ! -path "./dev*" ! -path ./etc/hosts ! -path ./etc/hostname ! -path ./etc/resolv.conf ! -path ./etc/mtab ! -path "./run*" |
	sort | while read -r f; do stat -c "%n %F %a %u:%g %h" "$f" | sed "/director/s/ [0-9]*\$//"; [ ! -f "$f" ] || { stat -c %Y "$f"; md5sum <"$f"; }; [ ! -L "$f" ] || readlink "$f"; done'

make_changed() { # driver
	coracle --storage-driver "$1" run --name changed busybox sh -c "$CHANGES"
}

# What the container's own view of itself is; it is not started again, since that would be a second container's.
expect_changes() {
	expect_equal "$(coracle diff changed)" 'A /a
A /a/b
A /a/b/c
C /etc
C /etc/group
A /etc/linked
A /fifo
C /home
C /home/alice
A /old
A /owned
C /root
A /schön
A /symlink
A /two
lines
C /usr
D /usr/bin
D /usr/sbin
C /var
D /var/log
A /var/moved
C /var/www
D /var/www/index.html'
}

round_trip() { # driver
	make_changed "$1"
	expect_changes
	# The tree as the container itself has it.
	coracle --storage-driver "$1" run --name witness busybox sh -c "$CHANGES; touch -d '2001-02-03 04:05:06' /etc/group /owned /a/b/c '/two
lines' /schön; $LIST" >wanted
	coracle rm witness >/dev/null
	sed -i '/^\.\/\(owned\|etc\/group\|etc\/linked\|a\/b\/c\|two\|schön\|lines\)/,+1{/^[0-9]*$/d}' wanted
	coracle commit -q changed copy >/dev/null
	coracle commit -q --squash changed flat >/dev/null
	coracle export changed >tree.tar
	coracle import -q tree.tar imported >/dev/null
	coracle rm changed >/dev/null
	local image
	for image in copy flat imported; do
		coracle --storage-driver "$1" run --rm "$image" sh -c "$LIST" | sed '/^\.\/\(owned\|etc\/group\|etc\/linked\|a\/b\/c\|two\|schön\|lines\)/,+1{/^[0-9]*$/d}' >is
		diff wanted is
	done
	expect_equal "$(coracle image inspect --format '{{len .RootFS.Layers}}' copy)" 2
	expect_equal "$(coracle image inspect --format '{{len .RootFS.Layers}}' flat)" 1
}

@test "diff, commit and export tell the same with the kernel's overlay" {
	round_trip overlay
}

@test "diff, commit and export tell the same with fuse-overlayfs" {
	round_trip fuse-overlayfs
}

@test "diff, commit and export tell the same with copies" {
	round_trip vfs
}

@test "a container that did nothing has changed nothing; what it was given to mount on is not its own" {
	mkdir shared && echo x >shared/file
	coracle run --name nothing -v "$PWD/shared:/mnt/there" -v "$PWD/shared/file:/srv" --tmpfs /cache busybox true
	expect_equal "$(coracle diff nothing)" ""
	coracle export nothing | tar -t >list
	expect_no grep -E 'mnt|srv|cache|etc/hosts' list
	coracle create --name made busybox true >/dev/null
	expect_equal "$(coracle diff made)" ""
	expect_equal "$(coracle diff --format json made)" "{}"
	# A file of its own in the same place is.
	coracle run --name own busybox sh -c 'mkdir /mnt; echo y >/mnt/there'
	expect_equal "$(coracle diff own)" $'A /mnt\nA /mnt/there'
}

@test "diff of images and containers against one another" {
	# No id begins with one of these names.
	coracle run --name first busybox sh -c 'echo 1 >/one; rm /etc/group'
	coracle commit -q first one >/dev/null
	coracle run --name second one sh -c 'echo 2 >/two; echo 3 >/one'
	expect_equal "$(coracle diff second)" $'C /one\nA /two'
	expect_equal "$(coracle diff -l)" $'C /one\nA /two'
	expect_equal "$(coracle image diff one)" $'C /etc\nD /etc/group\nA /one'
	expect_equal "$(coracle diff second busybox)" $'C /etc\nD /etc/group\nA /one\nA /two'
	expect_equal "$(coracle diff busybox second)" $'C /etc\nA /etc/group\nD /one\nD /two'
	expect_equal "$(coracle diff one one)" ""
	expect_equal "$(coracle diff --format json second one | jq -c .)" '{"changed":["/one"],"added":["/two"]}'
	coracle diff busybox | grep -qx 'A /bin/busybox'
	expect_error 125 'no such container or image' coracle diff nosuch
	expect_error 125 'no such container' coracle container diff busybox
	expect_error 125 'no such image' coracle image diff second
}

@test "a running container is exported and committed, paused if that is asked for" {
	coracle run -d --name busy busybox sh -c 'i=0; while :; do i=$((i + 1)); echo $i >>/count; done' >/dev/null
	wait_until 20 coracle exec busy test -s /count
	coracle export busy | tar -xO count >count
	[[ -s count ]]
	coracle commit -q --pause busy later >/dev/null
	expect_state busy running
	local first
	first=$(coracle run --rm later sh -c 'wc -l </count')
	[[ $first -gt 0 ]]
	[[ $(coracle exec busy sh -c 'wc -l </count') -gt $first ]]
	coracle rm -f -t 0 busy >/dev/null
}

@test "export of a terminal, of nothing, to a file and to a full disk" {
	coracle run --name c busybox true
	expect_error 125 'no such container' coracle export -o x.tar nosuch
	run terminal -- "$T/coracle" export c
	expect_status 125
	expect_match 'refusing to export to the terminal'
	echo old >x.tar
	coracle export -o x.tar c
	tar -tf x.tar >list
	grep -qx bin/busybox list
	expect_error 125 'No space left' coracle export -o /dev/full c
	coracle export c | cmp - x.tar
	[[ $(ls) == *list*x.tar && -z $(find . -maxdepth 1 -name 'x.tar?*') ]]
	expect_equal "$(tar --numeric-owner -tvf x.tar | awk '$6 == "var/www/index.html" || $6 == "home/alice/" {print $2}' | paste -sd' ')" "1000/1000 33/33"
}

@test "who stops reading is told of as what it is" {
	coracle create --name reader busybox
	local command words
	for command in 'export reader' 'save -q busybox'; do
		IFS=' ' read -ra words <<<"$command"
		coracle "${words[@]}" 2>error | true
		expect_equal "${PIPESTATUS[0]}" 125
		expect_equal "$(<error)" "Error: write the output: Broken pipe"
	done
	coracle run --name many busybox sh -c 'i=0; while [ $i -lt 3000 ]; do : >/a-file-with-a-rather-long-name-$i; i=$((i+1)); done'
	coracle diff many 2>error | head -n 1 >first
	expect_equal "$(<error)" "Error: write the output: Broken pipe"
	expect_equal "$(<first)" "A /a-file-with-a-rather-long-name-0"
}

@test "commit: the image has what the container was run with, and the changes to it" {
	coracle run --name c -e X=1 -l a=b -w /tmp -u alice --expose 7000/udp -p "$(free_port):8080" --stop-signal INT --entrypoint /bin/echo busybox hello
	run coracle commit -q -a 'A. Uthor' -m 'some words' -c 'CMD ["bye"]' -c 'ENV Y=2' -c LABEL=c=d --iidfile id c made:v1
	expect_status 0
	expect_match '^[0-9a-f]{64}$'
	expect_equal "$(cat id)" "$output"
	local config=$ROOT/images/$output/config
	expect_equal "$(jq -c '.config | [.Env, .Cmd, .Entrypoint, .User, .WorkingDir, .StopSignal]' "$config")" \
		'[["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","X=1","Y=2"],["bye"],["/bin/echo"],"alice","/tmp","SIGINT"]'
	expect_equal "$(jq -c '.config | [.Labels, (.ExposedPorts | keys)]' "$config")" '[{"test":"busybox","a":"b","c":"d"},["7000/udp","8080/tcp"]]'
	expect_equal "$(jq -c '[.author, .comment, .history[-1].comment, .history[-1].author, (.history | length), .os]' "$config")" \
		'["A. Uthor","some words","some words","A. Uthor",2,"linux"]'
	expect_equal "$(coracle run --rm made:v1)" bye
	expect_equal "$(coracle image inspect --format '{{.Parent}}' made:v1)" "$(coracle image inspect --format '{{.Id}}' busybox)"
	expect_equal "$(jq -r .mediaType "$ROOT/images/$output"/manifests/*)" application/vnd.oci.image.manifest.v1+json
	run coracle commit -q -f docker c
	expect_equal "$(jq -r .mediaType "$ROOT/images/$output"/manifests/*)" application/vnd.docker.distribution.manifest.v2+json
	expect_equal "$(jq -r '.history[-1].comment' "$ROOT/images/$output/config")" "FROM localhost/busybox:latest"
	expect_equal "$(coracle images -f dangling=true -q --no-trunc)" "sha256:$output"
}

@test "commit --include-volumes, of a container whose variables are its own" {
	mkdir shared
	coracle run --name c -v "$PWD/shared:/data" -e HOME=/x -e TERM=vt100 busybox true
	coracle commit -q --include-volumes c made >/dev/null
	expect_equal "$(coracle image inspect --format '{{json .Config.Volumes}}' made)" '{"/data":{}}'
	expect_equal "$(coracle image inspect --format '{{json .Config.Env}}' made)" '["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","HOME=/x","TERM=vt100"]'
	coracle commit -q c plain >/dev/null
	expect_equal "$(coracle image inspect --format '{{json .Config.Volumes}}' plain)" '{}'
}

@test "commit --iidfile writes to what the path leads to" {
	coracle create --name base busybox
	local id
	# A link, a pipe and a descriptor stay what they are.
	ln -s real link
	id=$(coracle commit -q --iidfile link base one)
	expect_equal "$(<real)" "$id"
	[[ -L link ]]
	mkfifo pipe
	timeout 60 cat pipe >read &
	id=$(coracle commit -q --iidfile pipe base one)
	wait $!
	expect_equal "$(<read)" "$id"
	[[ -p pipe ]]
	id=$(coracle commit -q --iidfile >(cat >read) base one)
	wait_until 5 grep -qx "$id" read
	coracle rm base
}

@test "commit: what is wrong is said, and nothing is left" {
	coracle run --name c busybox sh -c 'echo x >/x'
	expect_error 125 'no such container' coracle commit nosuch
	expect_error 125 'upper case|lower case' coracle commit c Upper
	expect_error 125 'must begin with CMD' coracle commit -c 'FROM x' c
	expect_error 125 'cannot be given a digest' coracle commit c "x@sha256:$(printf '0%.0s' {1..64})"
	expect_equal "$(coracle images -q | wc -l)" 1
	nothing_staged
}

@test "commit that is killed leaves the store as it was" {
	coracle run --name c busybox sh -c 'dd if=/dev/urandom of=/big bs=1M count=30 2>/dev/null'
	timeout -s KILL 0.08 "$T/coracle" commit -q c big >/dev/null || true
	coracle commit -q c big >/dev/null # sweeps
	wait_until 10 nothing_staged
	expect_equal "$(coracle run --rm big sh -c 'wc -c </big')" $((30 << 20))
}

@test "podman runs what was committed, with the same files, and gives back the same layers" {
	make_changed overlay
	coracle commit -q changed made >/dev/null
	coracle rm changed >/dev/null
	coracle save -o made.tar made
	podman load -q -i made.tar >/dev/null
	podman run --rm --network none made sh -c "$LIST" >theirs
	coracle run --rm made sh -c "$LIST" >ours
	# podman's driver may be one of copies, without hard links between layers.
	sed -i 's/ [0-9]*$//' theirs ours
	diff ours theirs
	podman save -q -o theirs.tar made
	expect_equal "$(tar -xOf theirs.tar manifest.json | jq -c '.[0].Config')" "$(tar -xOf made.tar manifest.json | jq -c '.[0].Config')"
}

@test "extended attributes and large holes are kept; coracle's own are not part of it" {
	coracle run --name c busybox sh -c 'echo x >/file; truncate -s 2G /hole; printf end >>/hole; mkdir /dir; echo y >/dir/y'
	local upper=$ROOT/containers/*/upper
	# shellcheck disable=SC2086
	python3 -c 'import os, sys; os.setxattr(sys.argv[1] + "/file", "user.kept", b"v\0w"); os.setxattr(sys.argv[1] + "/dir", "user.overlay.mine", b"x")' $upper
	coracle commit -q c made >/dev/null
	local layer
	layer=$(coracle image inspect --format '{{index .RootFS.Layers 1}}' made)
	layer=$ROOT/layers/${layer#sha256:}/diff
	expect_equal "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1] + "/file", "user.kept"), os.listxattr(sys.argv[1] + "/dir"))' "$layer")" "b'v\\x00w' []"
	expect_equal "$(stat -c %s "$layer/hole")" $(((2 << 30) + 3))
	[[ $(stat -c %b "$layer/hole") -lt 2048 ]]
	coracle export c | tar -x --wildcards hole
	expect_equal "$(tail -c 5 hole | xxd -p)" 0000656e64
}

@test "in single-id mode what was there keeps its owner, and what is new is root's" {
	one() { with_one_id "$T/coracle" --root "$T/one" --runroot "$T/onerun" "$@"; }
	one load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
	one run --name c busybox sh -c 'echo y >/home/alice/new; echo z >>/var/www/index.html; echo s >/secret; chmod 000 /secret; mkdir -m 500 /closed'
	one commit -q c made >/dev/null
	one export c >tree.tar
	one save -o made.tar made
	one rm c >/dev/null
	local expected='---------- 0/0 secret
-rw-r--r-- 0/0 home/alice/new
-rw-r--r-- 33/33 var/www/index.html
dr-x------ 0/0 closed/
drwxr-xr-x 1000/1000 home/alice/
drwxr-xr-x 33/33 var/www/'
	listed() { tar --numeric-owner -tv | awk '$6 ~ /^(secret|home\/alice\/.*|closed\/|var\/www\/.*)$/ {print $1, $2, $6}' | LC_ALL=C sort; }
	expect_equal "$(listed <tree.tar)" "$expected"
	expect_equal "$(tar -xOf made.tar "$(tar -xOf made.tar manifest.json | jq -r '.[0].Layers[1]')" | listed)" "$expected"
	podman load -q -i made.tar >/dev/null
	expect_equal "$(podman run --rm --network none made stat -c '%a %u:%g' /secret /var/www/index.html)" $'0 0:0\n644 33:33'
	rm -rf "$T/onerun"
}
