# SPDX-License-Identifier: Apache-2.0
# debian: what takes an image of a whole distribution to see: set-user-ID programs and packages.
load helpers

setup_file() {
	share_store debian
}

teardown_file() {
	unshare_store
}

@test "run: set-user-ID programs work, but for no-new-privileges" {
	local script='grep NoNewPrivs /proc/self/status; cp /usr/bin/id /opt/suid; chmod 4755 /opt/suid; setpriv --reuid 1000 /opt/suid -u'
	expect_equal "$(coracle run --rm debian sh -c "$script")" $'NoNewPrivs:\t0\n0'
	expect_equal "$(coracle run --rm --security-opt no-new-privileges debian sh -c "$script")" $'NoNewPrivs:\t1\n1000'
}

@test "run: a package is installed with dpkg" {
	mkdir -p "$T/package/DEBIAN" "$T/package/opt/probe"
	printf 'Package: probe\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: probe\n' >"$T/package/DEBIAN/control"
	printf '#!/bin/sh\nset -e\nchown www-data:www-data /opt/probe/file\nadduser --system probe-user >/dev/null 2>&1 || useradd -r probe-user\n' >"$T/package/DEBIAN/postinst"
	chmod 755 "$T/package/DEBIAN/postinst"
	echo installed >"$T/package/opt/probe/file"
	dpkg-deb --root-owner-group -b "$T/package" "$T/probe.deb" >/dev/null
	run coracle run --rm -v "$T/probe.deb:/probe.deb:ro" debian sh -c 'dpkg -i /probe.deb && cat /opt/probe/file && stat -c %U:%a /opt/probe/file && grep -c probe-user /etc/passwd && dpkg -s probe | grep Status'
	expect_status 0
	expect_match $'installed\nwww-data:644\n1\nStatus: install ok installed'
}
