# SPDX-License-Identifier: Apache-2.0
# root: run by root, as which these tests' user is seen in a user namespace of his own with his subordinate ids: what container engines, build machines and
# `podman unshare` run programs in. (test/root.bats is for root of the machine.)
load helpers

# as_root SCRIPT: runs it as root of such a namespace, with nothing said of where the store is: root's usual places are there, and empty. `coracle` is the program,
# and standard input the busybox image.
as_root() {
	# shellcheck disable=SC2016 # expanded inside
	unshare --user --map-root-user --map-auto --mount bash -c '
		set -e
		mkdir -p "$T/lib" "$T/runs"
		chmod 755 "$T/lib" "$T/runs" "$T" && chmod 711 "${T%/*}"
		mount --bind "$T/lib" /var/lib
		mount --bind "$T/runs" /run
		coracle() { "$BUILD/coracle" "$@"; }
		unset XDG_RUNTIME_DIR
		status=0
		(eval "$1") || status=$?
		coracle rm -f -a -t 0 >/dev/null 2>&1
		exit $status' as-root "$1" <"$CORACLE_TEST_CACHE/busybox.tar"
}

@test "root of a user namespace: the store is in root's places, and containers have the ids that there are" {
	run as_root '
		set -e
		coracle load -q
		ls -d /var/lib/coracle/images /run/coracle
		coracle run --rm busybox sh -c "id -u; cat /proc/self/uid_map; stat -c %U /var/www /home/alice; touch /x; chown 33 /x; stat -c %U /x"
		coracle run --rm -u alice busybox id -un
		coracle info --format "{{.Host.IDMode}}" 2>/dev/null || true'
	expect_status 0
	expect_match $'^Loaded image: localhost/busybox:latest\n/run/coracle\n/var/lib/coracle/images\n0\n +0 +0 +1\n +1 +1 +[0-9]+\nwww-data\nalice\nwww-data\nalice'
}

@test "root of a user namespace: the life of a container with a network" {
	local port
	port=$(free_port)
	export port
	run as_root '
		set -e
		coracle load -q >/dev/null
		mkdir /run/shared
		coracle run -d --name web -p 127.0.0.1:$port:80 -v /run/shared:/shared busybox sh -c "echo up >>/shared/f; exec httpd -f -h /var/www" >/dev/null
		for i in $(seq 100); do page=$(curl -s http://127.0.0.1:$port/) && break; sleep 0.05; done
		echo "$page"
		coracle exec web sh -c "id -u; hostname" | head -n 1
		coracle restart -t 0 web
		coracle ps --format "{{.Names}} {{.State}}"
		coracle stop -t 0 web
		cat /run/shared/f
		coracle rm web
		coracle rmi busybox | head -n 1
		for i in $(seq 50); do [ -z "$(ls -A /var/lib/coracle/trash)" ] && break; sleep 0.1; done
		find /var/lib/coracle/layers /var/lib/coracle/containers /var/lib/coracle/trash /var/lib/coracle/tmp -mindepth 1'
	expect_status 0
	expect_output $'welcome to busybox\n0\nweb\nweb running\nweb\nup\nup\nweb\nUntagged: localhost/busybox:latest'
}

@test "root of a user namespace: what a container does on the machine its user does" {
	mkdir -m 777 "$T/shared"
	run as_root '
		coracle load -q >/dev/null
		coracle run --rm --privileged -v $T/shared:/shared -v /etc:/host:ro busybox sh -c "touch /shared/mine; chown 5 /shared/mine; cat /host/shadow"'
	expect_match 'shadow.*Permission denied'
	expect_equal "$(stat -c %u "$T/shared/mine")" "$(($(awk -F: -v user="$(id -un)" '$1 == user { print $2; exit }' /etc/subuid) + 4))"
}
