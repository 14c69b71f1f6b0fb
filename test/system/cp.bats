# SPDX-License-Identifier: Apache-2.0
# cp: both directions, docker's rules, running or not, volumes and tmpfs, archives, and a container that means harm.
load helpers

setup() {
	common_setup
	load_image busybox
	mkdir -p src/sub
	echo one >src/a
	echo two >src/sub/b
	ln -s a src/link
	chmod 640 src/a
	chmod 700 src/sub
	touch -d 2001-02-03T04:05:06 src/a src/sub
}

running() {
	coracle run -d --name box "$@" busybox sleep 1000 >/dev/null
}

inside() {
	coracle exec box sh -c "$1"
}

@test "cp: docker's rules of source and destination, into a running container" {
	running
	coracle cp src/a box:/new # a file that is not there
	expect_equal "$(inside 'cat /new')" one
	coracle cp src/sub/b box:/new # one that is: overwritten
	expect_equal "$(inside 'cat /new')" two
	coracle cp src/a box:/home # a directory: into it
	expect_equal "$(inside 'cat /home/a')" one
	coracle cp src/a box:/home/
	expect_error 125 'no such directory' coracle cp src/a box:/nowhere/
	expect_error 125 'box:/no/where/x' coracle cp src/a box:/no/where/x
	coracle cp src box:/made # a directory that is not there is made
	expect_equal "$(inside 'cat /made/sub/b')" two
	coracle cp src box:/made # that is there: into it
	expect_equal "$(inside 'cat /made/src/sub/b')" two
	coracle cp src/. box:/home # what is in it
	expect_equal "$(inside 'cat /home/sub/b')" two
	expect_error 125 'a directory cannot be copied to it' coracle cp src box:/new
	expect_error 125 'src/none.*No such file' coracle cp src/none box:/
	expect_error 125 'box:/none.*No such file' coracle cp box:/none .
	expect_error 125 'no such container: nobody' coracle cp src/a nobody:/
	expect_error 125 'one of the two' coracle cp src/a src/b
	expect_error 125 'src/a/' coracle cp src/a/ box:/
}

@test "cp: docker's rules, out of a container" {
	running
	inside 'mkdir -p /d/sub; echo x >/d/x; echo y >/d/sub/y; ln -s x /d/link; chmod 600 /d/x'
	coracle cp box:/d/x f
	expect_equal "$(<f)" x
	expect_equal "$(stat -c '%a %u' f)" "600 $(id -u)"
	mkdir dir
	coracle cp box:/d/x dir
	expect_equal "$(<dir/x)" x
	coracle cp box:/d dir
	expect_equal "$(<dir/d/sub/y)" y
	coracle cp box:/d/. dir
	expect_equal "$(<dir/sub/y)" y
	coracle cp box:/d other
	expect_equal "$(<other/sub/y)" y
	expect_equal "$(readlink other/link)" x
	coracle cp box:/d/link l
	expect_equal "$(readlink l)" x
	coracle cp -L box:/d/link copied
	[[ ! -L copied ]]
	expect_equal "$(<copied)" x
	coracle cp box:d/x relative
	expect_equal "$(<relative)" x
	expect_error 125 'other is a file|f is a file' coracle cp box:/d f
	expect_error 125 'none' coracle cp box:/d/x none/
}

@test "cp: modes, times, links and owners" {
	running -u alice
	ln src/a src/hard
	coracle cp src box:/tmp/src
	expect_equal "$(inside 'stat -c "%a %Y %U:%G" /tmp/src/a /tmp/src/sub; readlink /tmp/src/link; stat -c %h /tmp/src/hard')" \
		"640 $(stat -c %Y src/a) alice:alice
700 $(stat -c %Y src/sub) alice:alice
a
2"
	# With --archive they stay whose they were: the user's own are the container's root's.
	coracle cp -a src/a box:/tmp/kept
	expect_equal "$(coracle exec -u 0 box stat -c %u:%g /tmp/kept)" 0:0
	coracle exec -u 0 box chown 33:33 /tmp/src/sub/b
	coracle run -d --name other busybox sleep 1000
	coracle cp -a box:/tmp/src other:/copy
	expect_equal "$(coracle exec other stat -c %u:%g /copy/sub/b)" 33:33
	coracle cp box:/tmp/src other:/mine
	expect_equal "$(coracle exec other stat -c %u:%g /mine/sub/b)" 0:0
	coracle cp box:/tmp/src out
	expect_equal "$(stat -c %u out/sub/b)" "$(id -u)"
	expect_equal "$(stat -c %i out/a)" "$(stat -c %i out/hard)"
}

@test "cp: a container that does not run, never ran, with its volumes" {
	mkdir folder
	coracle create --name box -v vol:/v -v "$T/folder:/f" --tmpfs /t busybox cat /got/sub/b /v/a
	coracle cp src box:/got
	coracle cp src/a box:/v
	coracle cp src/a box:/f/
	expect_equal "$(<folder/a)" one
	coracle cp box:/bin/busybox bb
	cmp bb "$(command -v busybox)"
	coracle cp box:/v/a back
	expect_equal "$(<back)" one
	expect_equal "$(coracle start -a box)" $'two\none'
	coracle cp box:/got/sub/b again
	expect_equal "$(<again)" two
	nothing_staged
	coracle rm box
	coracle volume rm vol
}

@test "cp: into a volume, a tmpfs and a file that is mounted, of a running container" {
	running -v vol:/v --tmpfs /t
	coracle cp src box:/v
	coracle cp src/. box:/t
	expect_equal "$(inside 'cat /v/src/a /t/sub/b')" $'one\ntwo'
	coracle cp box:/t/sub/b b
	expect_equal "$(<b)" two
	echo "1.2.3.4 here" >hosts
	coracle cp hosts box:/etc/hosts
	expect_equal "$(inside 'cat /etc/hosts')" "1.2.3.4 here"
	coracle rm -f -t 0 box
	coracle volume rm vol
}

@test "cp: archives on standard input and output" {
	running
	tar -c -C src . | coracle cp - box:/home
	expect_equal "$(inside 'cat /home/sub/b')" two
	tar -cz -C src a | coracle cp - box:/tmp
	expect_equal "$(inside 'cat /tmp/a')" one
	expect_equal "$(coracle cp box:/home/sub - | tar -t | paste -sd ' ')" "sub/ sub/b"
	expect_equal "$(coracle cp box:/home/sub/. - | tar -t | paste -sd ' ')" "./ ./b"
	expect_equal "$(coracle cp box:/tmp/a - | tar -xO)" one
	# Links that the image has on the way are followed, inside.
	inside 'mkdir /real; ln -s /real /way'
	mkdir way && echo w >way/w
	tar -c way/w | coracle cp - box:/
	expect_equal "$(inside 'cat /real/w')" w
	expect_error 125 'directory that is there' coracle cp - box:/none <<<x
	run bash -c "head -c 5000 /dev/urandom | '$T/coracle' cp - box:/tmp"
	expect_status 125
	# A pipe that nobody reads ends it.
	coracle cp box:/bin - | head -c 10 >/dev/null
}

@test "cp: between containers" {
	running
	coracle create --name stopped busybox cat /x/sub/b
	coracle cp src box:/x
	coracle cp box:/x stopped:/
	expect_equal "$(coracle start -a stopped)" two
}

@test "cp: what is a directory and what is none do not replace each other unless it is said" {
	running
	inside 'mkdir -p /d/a /e; echo f >/e/sub'
	expect_error 125 'directory a would have to make way' coracle cp src/. box:/d
	expect_error 125 'sub would have to make way' coracle cp src/. box:/e
	coracle cp --overwrite src/. box:/d
	coracle cp --overwrite src/. box:/e
	expect_equal "$(inside 'cat /d/a /e/sub/b')" $'one\ntwo'
}

@test "cp: links in a container never lead out of it" {
	running
	echo secret >"$T/secret"
	# An absolute link and one that climbs, as last and as part of the way.
	inside "mkdir -p /d /in; ln -s $T/secret /d/s; ln -s ../../../../../../../../../../$T /d/up; ln -s / /d/root; ln -s $T /in/t"
	expect_error 125 'No such file' coracle cp -L box:/d/s .
	expect_error 125 'No such file' coracle cp box:/d/up/secret .
	expect_error 125 'No such file|not there' coracle cp src/a box:/in/t/new
	[[ ! -e $T/new ]]
	coracle cp src/a box:/d/root/through
	expect_equal "$(inside 'cat /through')" one
	[[ ! -e /through ]]
}

@test "cp: a container that swaps a directory and a link while it is copied from and to reaches nothing of the host" {
	mkdir "$T/precious"
	echo secret >"$T/precious/file"
	running
	inside 'mkdir -p /w/d; echo inside >/w/d/file'
	# In the background: /w/d is a directory and a link to the host's folder by turns.
	coracle exec -d box sh -c "ln -s $T/precious /w/l; while :; do mv /w/d /w/x; mv /w/l /w/d; mv /w/d /w/l; mv /w/x /w/d; done"
	local i
	mkdir got
	for i in $(seq 25); do
		coracle cp box:/w/d/file "got/$i" 2>/dev/null || true
		coracle cp -L box:/w/d "got/dir$i" 2>/dev/null || true
		coracle cp src/sub/b box:/w/d/file 2>/dev/null || true
		coracle cp src box:/w/d 2>/dev/null || true
	done
	expect_equal "$(ls "$T/precious")" file
	expect_equal "$(<"$T/precious/file")" secret
	expect_no grep -rq secret got
	# It did work at times.
	grep -rqE 'inside|two' got
}

@test "cp: an archive from a container with names and links that lead out stays in the destination" {
	running
	inside 'mkdir -p /evil/sub; echo bad >/evil/sub/f'
	mkdir -p out/evil
	mkdir "$T/victim"
	ln -s "$T/victim" out/evil/sub
	expect_error 125 'make way' coracle cp box:/evil out
	expect_equal "$(ls "$T/victim")" ""
	python3 - >evil.tar <<-'P'
		import io, sys, tarfile
		t = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
		def add(name, **more):
		    i = tarfile.TarInfo(name)
		    for k, v in more.items(): setattr(i, k, v)
		    i.size = 0 if i.type != tarfile.REGTYPE else 3
		    t.addfile(i, io.BytesIO(b"bad"))
		add("x/../../../../escaped")
		t.close()
	P
	expect_error 125 'impossible name' coracle cp - box:/tmp <evil.tar
}

@test "cp: without subordinate ids, from and to" {
	local one=$T/one-id
	single() { with_one_id "$BUILD/coracle" --root "$one" --runroot "$T/one-run" "$@"; }
	single load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	single create --name box -u alice busybox cat /home/alice/src/sub/b
	single cp src box:/home/alice/
	expect_equal "$(single start -a box)" two
	single cp box:/home/alice/src back
	expect_equal "$(<back/a)" one
	single rm box
}

@test "cp: with every storage driver" {
	local driver
	for driver in overlay fuse-overlayfs vfs; do
		d() { "$BUILD/coracle" --root "$T/$driver" --runroot "$T/run-$driver" --storage-driver "$driver" "$@"; }
		d load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
		d create --name box busybox cat /src/sub/b
		d cp src box:/
		d cp box:/src/a "out-$driver"
		expect_equal "$(d start -a box)" two
		expect_equal "$(<"out-$driver")" one
		d rm box
	done
}

@test "what the kernel makes up while it is read is copied with its content, and a device is named" {
	coracle run -d --name up --network none busybox sleep 1000 >/dev/null
	coracle cp up:/proc/version version
	expect_equal "$(cat version)" "$(cat /proc/version)"
	coracle cp up:/sys/class/net/lo/mtu mtu
	expect_equal "$(cat mtu | tr -d '\0') $(stat -c %s mtu)" "65536 6"
	coracle cp up:/proc/1/cmdline - | tar -xO | tr '\0' ' ' | grep -x 'sleep 1000 '
	expect_error 125 'nothing would be a device' coracle cp up:/dev/null nothing
}
