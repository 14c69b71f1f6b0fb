# SPDX-License-Identifier: Apache-2.0
# networks and the host's name servers: on a machine of the test's own, whose resolv.conf and loopback are its own.
load helpers

# with_name_servers SCRIPT: runs it where 127.0.0.1 and 127.0.0.2 are name servers, that say 192.0.2.1 and 192.0.2.2 to names in .test (name-server.py; what they were asked is in
# $T/asked-1 and -2), the first one is that of the machine's resolv.conf, which is $T/resolv.conf, and `c` is coracle with the test images busybox and debian.
with_name_servers() {
	cp "$BATS_TEST_DIRNAME/name-server.py" "$CORACLE_TEST_CACHE/busybox.tar" "$CORACLE_TEST_CACHE/debian.tar" "$T/"
	printf 'nameserver 127.0.0.1\nsearch corp.test\n' >"$T/resolv.conf"
	chmod 777 "$T"
	chmod 666 "$T/resolv.conf"
	# shellcheck disable=SC2016 # expanded inside
	OWN_NETWORK=1 on_a_machine '
		set -e
		give 3000 60000 >/dev/null
		servers=()
		for n in 1 2; do
			python3 "$T/name-server.py" 127.0.0.$n 192.0.2.$n "$T/asked-$n" >/dev/null 2>&1 3>&- &
			servers+=($!)
			until [[ -s $T/asked-$n ]]; do sleep 0.05; done
		done
		c() { "$BUILD/coracle" --root "$T/home/root" --runroot "$T/home/run" "$@"; }
		trap "c rm -f -a -t 0 >/dev/null; kill ${servers[*]}" EXIT
		c load -q -i "$T/busybox.tar" >/dev/null
		c load -q -i "$T/debian.tar" >/dev/null
		'"$1"
}

@test "names that are no container's are asked of the host's name server, with its search domains" {
	run with_name_servers '
		c network create web >/dev/null
		c run -d --name one --network web busybox sleep 1000 >/dev/null
		c run --rm --network web debian sh -c "grep ^search /etc/resolv.conf; getent ahostsv4 far.example.test | head -n 1; getent ahostsv4 short | head -n 1; getent ahostsv4 one | head -n 1"
		c run --rm --network web --dns-search other.test debian getent ahostsv4 brief | head -n 1
		c run --rm --network web debian getent ahostsv4 nobody.invalid. || echo "not there"
		echo "asked: $(sort -u "$T/asked-1" | grep -E "^(far|short|brief|one)[^ ]* 1$" | tr "\n" ,)"'
	expect_status 0
	expect_matches "$(tr -s ' ' <<<"$output")" 'search dns.coracle corp.test
192.0.2.1 STREAM far.example.test
192.0.2.1 STREAM short.corp.test
10.89.0.[0-9]+ STREAM one.dns.coracle
192.0.2.1 STREAM brief.other.test
not there
asked: brief.other.test 1,far.example.test 1,short.corp.test 1,$'
}

@test "a change of the host's resolv.conf is followed by containers that run" {
	run with_name_servers '
		c network create web >/dev/null
		c run -d --name one --network web debian sleep 1000 >/dev/null
		ask() { c exec one getent ahostsv4 "$1.test" | head -n 1 | cut -d " " -f 1; }
		ask a
		echo "nameserver 127.0.0.2" >"$T/resolv.conf"
		ask b
		# The first one is nobody: the next one is asked.
		printf "nameserver 127.0.0.9\nnameserver 127.0.0.1\n" >"$T/resolv.conf"
		ask c
		# No file is one without servers: 127.0.0.1.
		: >"$T/resolv.conf"
		ask d'
	expect_status 0
	expect_output "192.0.2.1
192.0.2.2
192.0.2.1
192.0.2.1"
}

@test "an internal network asks nobody outside; one with --dns asks its own server" {
	run with_name_servers '
		c network create --internal back >/dev/null
		c network create --dns 10.89.1.53 --subnet 10.89.1.0/24 own >/dev/null
		c run -d --name one --network back busybox sleep 1000 >/dev/null
		c run --rm --network back debian sh -c "getent ahostsv4 secret.test || echo no; getent ahostsv4 one | wc -l"
		c run -d --name server --network own:ip=10.89.1.53 -v "$T/name-server.py:/s.py:ro" debian python3 /s.py 10.89.1.53 192.0.2.53 /log >/dev/null
		until c exec server grep -qs ready /log; do sleep 0.05; done
		c run --rm --network own debian getent ahostsv4 private.test | head -n 1 | cut -d " " -f 1
		grep -cE "^(secret|private)" "$T/asked-1" || true'
	expect_status 0
	expect_output "no
3
192.0.2.53
0"
}
