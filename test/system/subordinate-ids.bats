# SPDX-License-Identifier: Apache-2.0
# subordinate-ids: an administrator changes them, or a directory service gives others than before.
load helpers

@test "subordinate ids: an answer that newuidmap refuses is asked for again, by load, run and rmi" {
	local kept=$ROOT/cache/subid
	refused() { # the ids that are remembered are nobody's
		[[ -s $kept ]]
		sed -i -E 's/^(uid|gid) .*/\1 3000000000 65536/' "$kept"
	}
	coracle info >/dev/null
	refused
	coracle load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	expect_no grep -q 3000000000 "$kept"
	refused
	run coracle run --rm -u alice busybox id -u
	expect_output 1000
	expect_no grep -q 3000000000 "$kept"
	refused
	coracle rmi busybox
	wait_until 5 nothing_staged
}

@test "subordinate ids: a container made with others starts with those of now, and says so once" {
	run on_a_machine '
		give 10000 20000
		$T/coracle load -q
		$T/coracle create --name one busybox sh -c "stat -c %n:%u /mine /theirs; cat /mine; echo begun >/mine; touch /theirs; chown 50 /theirs; echo ready; sleep 1000" >/dev/null
		ready() { for i in $(seq 100); do [[ $($T/coracle logs one 2>/dev/null | grep -c ready) == $1 ]] && break; sleep 0.05; done; }
		$T/coracle start one
		ready 1
		$T/coracle stop -t 0 one
		give 30000 10000
		echo -- changed
		$T/coracle start one
		ready 2
		$T/coracle logs one 2>/dev/null
		$T/coracle exec -u alice one id -u
		$T/coracle stop -t 0 one
		echo -- again
		$T/coracle start one
		$T/coracle rm -f -t 0 one
		echo -- more
		$T/coracle create --name two busybox sleep 1000 >/dev/null
		give 30000 20000
		$T/coracle start two
		$T/coracle exec -u 15000 two id -u
		$T/coracle rm -f -t 0 two' <"$CORACLE_TEST_CACHE/busybox.tar"
	expect_status 0
	expect_match $'-- changed\nWarning: [^\n]*/etc/subuid[^\n]*container one[^\n]*\none\nready\n/mine:0\n/theirs:65534\nbegun\nready\n1000\none\n-- again\none\none\n-- more\ntwo\n15000\ntwo$'
}
