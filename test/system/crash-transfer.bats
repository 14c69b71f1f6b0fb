# SPDX-License-Identifier: Apache-2.0
# crash-transfer: what makes and moves images, and removes containers, is killed, and the power is cut, at any moment. Afterwards the check finds nothing wrong or
# mends it, no image that was whole is lost, nothing is left in tmp, and what was running runs.
load helpers
load registry
load transfer
load crash

setup() {
	common_setup
	crash_setup
}

teardown() {
	end_registries
	common_teardown
}

# A container that has changed something of everything, and runs.
changed_container() {
	coracle run -d --name changed --network none busybox sh -c \
		'rm -r /var/www; mkdir -p /srv/new /home/alice/x; echo new >/srv/new/file; ln /srv/new/file /srv/link; ln -s new /srv/sym; echo >>/etc/passwd; chmod 4755 /srv/link; exec sleep 10000' >/dev/null
	wait_until 20 eval "coracle exec changed test -u /srv/link"
}

@test "crash-transfer: commit is killed at any moment" {
	hold_namespace
	changed_container
	run "$TEST/kill-at" 80 "$T/coracle rmi -i made >/dev/null" "$T/whole busybox" -- "$T/coracle" commit -q changed made
	expect_status 0
	coracle commit -q changed made
	expect_equal "$(coracle run --rm --network none made sh -c 'cat /srv/new/file; ls /var')" "new"$'\n'"log"
}

@test "crash-transfer: commit --pause is killed at any moment, and the container goes on" {
	hold_namespace
	changed_container
	run "$TEST/kill-at" 40 "$T/coracle rmi -i made >/dev/null" "$T/whole busybox && timeout 60 $T/coracle exec changed true" -- "$T/coracle" commit -q --pause changed made
	expect_status 0
}

@test "crash-transfer: import is killed at any moment" {
	hold_namespace
	tar -xOf "$T/small.tar" --wildcards 'blobs/sha256/*' >/dev/null
	mkdir -p "$T/tree/etc" "$T/tree/bin"
	echo one >"$T/tree/etc/one"
	ln "$T/tree/etc/one" "$T/tree/bin/two"
	tar -C "$T/tree" -czf "$T/rootfs.tar.gz" .
	run "$TEST/kill-at" 60 "$T/coracle rmi -i imported >/dev/null" "$T/whole busybox" -- "$T/coracle" import -q "$T/rootfs.tar.gz" imported
	expect_status 0
	coracle import -q "$T/rootfs.tar.gz" imported
}

@test "crash-transfer: rm is killed at any moment" {
	hold_namespace
	run "$TEST/kill-at" 60 "$T/coracle container exists victim || $T/coracle create --name victim --network none busybox true >/dev/null" "$T/whole busybox" -- \
		"$T/coracle" rm -i victim
	expect_status 0
	expect_equal "$(coracle ps -q | wc -l)" 1
}

@test "crash-transfer: rm -f of a running container is killed at any moment" {
	hold_namespace
	run "$TEST/kill-at" 40 "$T/coracle rm -f -i -t 0 victim >/dev/null && $T/coracle run -d --name victim --network none busybox sleep 10000 >/dev/null" \
		"$T/whole busybox" -- "$T/coracle" rm -f -t 0 victim
	expect_status 0
	coracle rm -f -i -t 0 victim >/dev/null
}

@test "crash-transfer: pull is killed at any moment" {
	hold_namespace
	registry_with_small
	coracle load -q -i "$T/other.tar"
	run "$TEST/kill-at" 100 "$T/coracle rmi -i $REGISTRY/app:1 >/dev/null; $T/whole" "$T/whole other busybox" -- "$T/coracle" pull -q "$REGISTRY/app:1"
	expect_status 0
	coracle pull -q "$REGISTRY/app:1"
	expect_no_partials
	coracle system check
}

@test "crash-transfer: push is killed at any moment, and the store does not suffer" {
	hold_namespace
	registry_with_small
	coracle pull -q "$REGISTRY/app:1"
	# To a registry that has nothing each time, so that the layers are made and sent.
	local first=$REGISTRY
	start_registry
	run "$TEST/kill-at" 60 "rm -rf $REGISTRY_DIR/data/docker" "$T/whole $first/app:1 busybox" -- "$T/coracle" push -q "$first/app:1" "$REGISTRY/app:1"
	expect_status 0
	coracle push -q "$first/app:1" "$REGISTRY/app:1"
	coracle rmi "$first/app:1"
	coracle pull -q "$REGISTRY/app:1"
}

@test "crash-transfer: a pull that is killed again and again comes to its end, and nothing is fetched twice" {
	start_registry
	local i times=0
	for i in 1 2 3; do
		layer_of_noise "$T/$i.tgz" "$i" 600
	done
	make_image app:1 amd64 "$T/1.tgz" "$T/2.tgz" "$T/3.tgz" >/dev/null
	start_faulty_proxy
	fault '*' GET blobs slow 1500000
	while ! timeout -s KILL 0.7 "$T/coracle" pull -q "$PROXY/app:1" >"$T/id" 2>"$T/error"; do
		[[ ! -s $T/error ]] || { cat "$T/error"; return 1; }
		((++times < 20))
		# Killed when all of it was in its place: that is its end, too.
		[[ -z $(find "$ROOT/images" "$ROOT/refs" -mindepth 1 2>/dev/null) ]] || break
	done
	((times >= 1))
	coracle pull -q "$PROXY/app:1" >"$T/id"
	expect_equal "$(<"$T/id")" "$(id_in_registry app:1)"
	for i in 1 2 3; do
		cmp "$T/noise/$i/noise-$i" "$(find "$ROOT/layers" -name "noise-$i")"
	done
	expect_no_partials
	coracle system check
	wait_until 10 nothing_staged
}

@test "crash-transfer: the power is cut at any moment of a pull" {
	registry_with_small
	with_one_id "$T/coracle" load -q -i "$T/other.tar"
	run with_one_id "$TEST/power-cut" --root "$ROOT" --work "$T/cuts" --keep other --end "$REGISTRY/app:1" "$BUILD/coracle" -- "$T/coracle" pull -q "$REGISTRY/app:1"
	expect_status 0
	expect_match '^[0-9]{2,} moments$'
	with_one_id "$T/coracle" rmi -a >/dev/null
}

@test "crash-transfer: the power is cut at any moment of a commit and of an import" {
	with_one_id "$T/coracle" load -q -i "$T/other.tar"
	with_one_id "$T/coracle" create --name c --network none other true >/dev/null
	run with_one_id "$TEST/power-cut" --root "$ROOT" --work "$T/cuts" --keep other --end made "$BUILD/coracle" -- "$T/coracle" commit -q c made
	expect_status 0
	expect_match '^[0-9]{2,} moments$'
	mkdir -p "$T/tree/etc"
	echo one >"$T/tree/etc/one"
	tar -C "$T/tree" -cf "$T/rootfs.tar" .
	run with_one_id "$TEST/power-cut" --root "$ROOT" --work "$T/cuts" --keep other --keep made --end imported "$BUILD/coracle" -- "$T/coracle" import -q "$T/rootfs.tar" imported
	expect_status 0
	with_one_id "$T/coracle" rm c >/dev/null
	with_one_id "$T/coracle" rmi -a >/dev/null
}
