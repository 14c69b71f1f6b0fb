# SPDX-License-Identifier: Apache-2.0
# single-id: without subordinate ids: images with files of many owners load and run, and what would need more ids pretends.
load helpers

coracle1() {
	with_one_id "$T/coracle" "$@"
}

@test "single id: this test's surroundings have one id" {
	run with_one_id bash -c 'id -u; cat /etc/subuid; unshare --user --map-auto true'
	expect_match "^$(id -u)"
	[[ $status != 0 ]]
}

@test "single id: an image with files of many owners loads and runs" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	expect_equal "$(find "$ROOT/layers" ! -user "$(id -un)")" ""
	expect_equal "$(coracle1 run --rm busybox cat /var/www/index.html)" "welcome to busybox"
	expect_equal "$(coracle1 run --rm busybox id -u)" 0
	run coracle1 run --rm busybox sh -c 'exit 7'
	expect_status 7
}

@test "single id: chown and the like pretend to succeed" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	run coracle1 run --rm busybox sh -c 'set -e; touch /f; chown alice:staff /f; chown -R www-data /var/www; chgrp 33 /f; adduser() { :; }; mkdir /d; install -o 33 /etc/passwd /d/ 2>/dev/null || cp /etc/passwd /d/; tar -C / -c f | tar -C /d -x; setpriv --reuid 1000 true 2>/dev/null || true; echo all fine'
	expect_match 'all fine'
}

@test "single id: another user than root is the one id under that name" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	mkdir "$T/shared"
	run coracle1 run --rm -u alice -v "$T/shared:/data" busybox sh -c 'whoami; id; echo $HOME; echo mine >/data/f; stat -c "%U %G" /data/f /etc/passwd; grep CapEff /proc/self/status'
	expect_status 0
	expect_output "$(printf '%s\n' alice 'uid=1000(alice) gid=1000(alice) groups=1000(alice)' /home/alice 'alice alice' 'alice alice' $'CapEff:\t0000000000000000')"
	expect_equal "$(stat -c %U "$T/shared/f")" "$(id -un)"
	# A number that nobody has, a group of its own, and root in another group.
	expect_equal "$(coracle1 run --rm -u 4711:50 busybox sh -c 'id -u; id -gn')" $'4711\nstaff'
	expect_equal "$(coracle1 run --rm -u 0:33 busybox sh -c 'id -u; id -gn; chown alice /etc/passwd && echo given')" $'0\nwww-data\ngiven'
	# It is nobody but itself: nothing is pretended to it.
	expect_equal "$(coracle1 run --rm -u alice busybox sh -c 'chown www-data /etc/group 2>&1 || echo refused')" \
		$'chown: /etc/group: Invalid argument\nrefused'
}

@test "single id: a user's container with a terminal, exec as itself, as root and as another, restart and its namespaces shared" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	cat >"$T/script" <<-'S'
		$T/coracle run -d --name one -u alice busybox sh -c 'echo begun as $(whoami); sleep 1000' >/dev/null
		$T/coracle exec one whoami
		$T/coracle exec one sh -c 'readlink /proc/1/exe; kill -0 1 && echo its own'
		$T/coracle exec -u 0 one sh -c 'id -u; hostname -f >/dev/null; touch /root/of-root && chown www-data /root/of-root && echo given'
		$T/coracle exec -u www-data one whoami
		$T/coracle exec -t one tty
		$T/coracle run --rm --pid container:one --network container:one busybox sh -c 'ps | grep -c "[s]leep 1000"'
		$T/coracle restart -t 0 one
		$T/coracle exec one whoami
		$T/coracle rm -f -t 0 one
		$T/coracle run --rm -t -u alice busybox sh -c 'tty; echo written >$(tty)'
		$T/coracle run --rm --pid host -u alice busybox whoami
	S
	run with_one_id bash "$T/script"
	expect_status 0
	expect_equal "${output//$'\r'/}" "$(printf '%s\n' alice /bin/busybox 'its own' 0 given www-data /dev/pts/0 1 one alice one /dev/pts/0 written alice)"
}

@test "single id: a server that refuses to be root runs as the user of its image" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/debian.tar"
	run coracle1 run --rm -u redis debian sh -c 'whoami; redis-server --port 0 --unixsocket /tmp/s --dir /tmp --daemonize yes >/dev/null; for i in $(seq 100); do [ -S /tmp/s ] && break; sleep 0.1; done; redis-cli -s /tmp/s config get dir; ps -o user= -C redis-server'
	expect_status 0
	expect_match $'redis\ndir\n/tmp\nredis'
}

@test "single id: info names the mode and the way out" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	run coracle1 info
	expect_status 0
	expect_match '[Ss]ingle'
	expect_match '/etc/subuid|usermod --add-subuids'
	load_image busybox
	run coracle info
	expect_status 0
	[[ ! $output =~ usermod ]]
}

@test "single id: lifecycle, exec, logs, network, volumes" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	mkdir "$T/shared"
	local script
	# All in one namespace, as a login would be.
	cat >"$T/script" <<-'S'
		set -e
		$T/coracle run -d --name one -v $T/shared:/data busybox sh -c 'echo up; echo x >>/data/f; sleep 1000' >/dev/null
		for i in $(seq 100); do $T/coracle logs one | grep -q up && break; sleep 0.05; done
		$T/coracle exec one echo inside
		$T/coracle stop -t 0 one
		$T/coracle start one
		$T/coracle inspect -f '{{.State.Status}}' one
		$T/coracle rm -f -t 0 one
		$T/coracle run --rm busybox sh -c 'ip -o -4 addr | grep -cv " lo "'
		$T/coracle rmi -f busybox | head -n 1
	S
	run with_one_id bash "$T/script"
	expect_status 0
	expect_match $'inside\none\none\nrunning\none\n1\nUntagged: localhost/busybox:latest'
	expect_equal "$(wc -l <"$T/shared/f")" 2
}

@test "single id: a store made with many ids can be used" {
	load_image busybox
	run coracle1 run --rm busybox sh -c 'echo fine; ls -d /var/www'
	expect_output $'fine\n/var/www'
}

@test "single id: a debian package is installed" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/debian.tar"
	mkdir -p "$T/package/DEBIAN" "$T/package/opt/probe"
	printf 'Package: probe\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: probe\n' >"$T/package/DEBIAN/control"
	printf '#!/bin/sh\nset -e\nchown www-data:www-data /opt/probe/file\n' >"$T/package/DEBIAN/postinst"
	chmod 755 "$T/package/DEBIAN/postinst"
	echo installed >"$T/package/opt/probe/file"
	dpkg-deb --root-owner-group -b "$T/package" "$T/probe.deb" >/dev/null
	run coracle1 run --rm -v "$T/probe.deb:/probe.deb:ro" debian sh -c 'dpkg -i /probe.deb && cat /opt/probe/file && dpkg -s probe | grep Status'
	expect_status 0
	expect_match $'installed\nStatus: install ok installed'
}

@test "single id: an image as a squashfs file, made with one id and with many" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	coracle1 image convert --squash busybox squashed
	run coracle1 run --name one squashed sh -c 'echo more >>/etc/passwd && tail -n 1 /etc/passwd; rm -r /home/alice && mkdir /home/alice && ls /home; ls /var/www'
	expect_output $'more\nalice\nindex.html'
	run coracle1 commit -q one both
	run coracle1 run --rm both tail -n 1 /etc/passwd
	expect_output more
	coracle1 rm one
	coracle1 save -q -o "$T/squashed.tar" squashed
	coracle1 system check
	# The file has the owners as they are meant.
	expect_equal "$(coracle run --rm squashed stat -c %u /home/alice)" 1000
}

@test "single id: images of an additional store that many ids filled" {
	coracle --root "$T/shelf" load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	printf '[storage]\nadditional_image_stores = ["%s"]\n' "$T/shelf" >"$T/coracle.conf"
	export CORACLE_CONF=$T/coracle.conf
	run coracle1 run --rm busybox sh -c 'echo more >>/etc/passwd && tail -n 1 /etc/passwd; rm -r /home/alice && mkdir /home/alice && stat -c %u /home/alice; cat /var/www/index.html'
	expect_output $'more\n0\nwelcome to busybox'
	run coracle1 --storage-driver vfs run --rm busybox cat /var/www/index.html
	expect_output "welcome to busybox"
	remove_tree "$T/shelf"
}

@test "single id: a volume in memory is shared, and of one that cannot be reached it is said" {
	coracle1 load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	cat >"$T/script" <<-'S'
		$T/coracle volume create --opt type=tmpfs mem >/dev/null
		$T/coracle run -d --name one --network none -v mem:/m busybox sh -c 'echo x >/m/x; sleep 1000' >/dev/null
		until $T/coracle exec one test -s /m/x; do sleep 0.1; done
		$T/coracle run --rm --network none -v mem:/other:U -u alice busybox sh -c 'cat /other/x; touch /other/y'
		$T/coracle run --rm --network none --userns keep-id -v mem:/m busybox ls /m
	S
	run with_one_id bash "$T/script"
	expect_output $'x\nx\ny'
	# From another user namespace of the same user.
	expect_error 125 'the volume mem is in memory, and container one, which has it, lives in a user namespace that cannot be entered from here' \
		coracle1 run --rm --network none -v mem:/m busybox true
	coracle1 rm -f -t 0 one
	expect_equal "$(coracle1 run --rm --network none -v mem:/m busybox ls /m)" ""
}
