# SPDX-License-Identifier: Apache-2.0
# crash-store: programs that change the store are killed, and the power is cut, at any moment. Afterwards the check finds nothing wrong or mends it, no image
# that was whole is lost, and nothing is left in tmp.
load helpers
load crash

setup() {
	common_setup
	crash_setup
}

@test "crash-store: load is killed at any moment" {
	hold_namespace
	coracle load -q -i "$T/other.tar"
	run "$TEST/kill-at" 120 "$T/coracle rmi -i localhost/small >/dev/null; $T/whole" "$T/whole other busybox" -- "$T/coracle" load -q -i "$T/small.tar"
	expect_status 0
	coracle load -q -i "$T/small.tar"
	coracle system check
}

@test "crash-store: tag and untag are killed at any moment" {
	hold_namespace
	coracle load -q -i "$T/small.tar"
	run "$TEST/kill-at" 60 "$T/coracle untag small localhost/a/b/c:d 2>/dev/null || true" "$T/whole small busybox" -- "$T/coracle" tag small localhost/a/b/c:d
	expect_status 0
	run "$TEST/kill-at" 40 "$T/coracle tag small localhost/a/b/c:d" "$T/whole small busybox" -- "$T/coracle" untag small localhost/a/b/c:d
	expect_status 0
}

@test "crash-store: rmi is killed at any moment" {
	hold_namespace
	coracle load -q -i "$T/other.tar"
	run "$TEST/kill-at" 80 "$T/coracle load -q -i $T/small.tar" "$T/whole other busybox" -- "$T/coracle" rmi -i localhost/small
	expect_status 0
}

@test "crash-store: prune is killed at any moment" {
	hold_namespace
	run "$TEST/kill-at" 80 "$T/coracle load -q -i $T/small.tar; $T/coracle load -q -i $T/other.tar; $T/coracle create busybox true" "$T/whole busybox" -- \
		"$T/coracle" system prune -a -f
	expect_status 0
	expect_equal "$(coracle ps -q | wc -l)" 1
}

@test "crash-store: a repair is killed at any moment; the next one ends it" {
	hold_namespace
	coracle load -q -i "$T/small.tar"
	local diff
	diff=$(dirname "$(find "$ROOT/layers" -path '*/diff/opaque')")
	cat >"$T/break" <<-S
		chmod 600 $diff/etc/passwd; ln -f $diff/etc/passwd $diff/extra; rm -rf $diff/opaque $diff/bin/symlink $diff/srv/empty $diff/srv/pipe
		cp -p $diff/bin/tool $diff/bin/x; mv -f $diff/bin/x $diff/bin/link
	S
	run "$TEST/kill-at" 80 "bash $T/break" "$T/whole small busybox" -- "$T/coracle" system check --repair
	expect_status 0
}

@test "crash-store: the power is cut at any moment of a load into a store that is made by it" {
	run with_one_id "$TEST/power-cut" --root "$ROOT" --work "$T/cuts" --end small "$BUILD/coracle" -- "$T/coracle" load -q -i "$T/small.tar"
	expect_status 0
	expect_match '^[0-9]{2,} moments$'
}

@test "crash-store: the power is cut at any moment of load, tag, untag and rmi" {
	with_one_id "$T/coracle" load -q -i "$T/other.tar"
	cut() { # option… -- command…
		run with_one_id "$TEST/power-cut" --root "$ROOT" --work "$T/cuts" --keep other "$@"
		expect_status 0
	}
	cut --end small "$BUILD/coracle" -- "$T/coracle" load -q -i "$T/small.tar"
	cut --keep small --end localhost/a/b:c "$BUILD/coracle" -- "$T/coracle" tag small localhost/a/b:c
	cut --keep small "$BUILD/coracle" -- "$T/coracle" untag small localhost/a/b:c
	cut "$BUILD/coracle" -- "$T/coracle" rmi small
	with_one_id "$T/coracle" rmi -a >/dev/null
}
