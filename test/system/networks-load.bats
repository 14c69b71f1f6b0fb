# SPDX-License-Identifier: Apache-2.0
# networks under load: rounds side by side, helpers that are killed meanwhile, and nothing that is left behind. The two tests of rounds are one test of 500, in two parts that run
# side by side.
load helpers

setup() {
	common_setup
	load_image busybox
}

# rounds WORKER NUMBER: each makes a network and a container, connects, disconnects and removes them.
rounds() {
	local i name
	for i in $(seq "$2"); do
		name=w$1-$i
		coracle network create "$name" && coracle run -d --name "$name" --network base busybox sleep 1000 &&
			coracle network connect "$name" "$name" && coracle network disconnect base "$name" &&
			coracle rm -f -t 0 "$name" && coracle network rm "$name" || return 1
	done >/dev/null
}

many_rounds() {
	local worker pids=() failed=0 pid
	coracle network create base
	coracle run -d --name stay --network base busybox sleep 1000
	# A build with sanitizers makes each many times as slow.
	local count=50
	[[ ! -e $BUILD/sanitizer-reports ]] || count=10
	for worker in 1 2 3 4 5; do
		rounds "$worker" "$count" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
	expect_equal $failed 0
	# One is there, and it is where it was.
	expect_equal "$(coracle network inspect base | jq -c '[.[0].containers[].name]')" '["stay"]'
	coracle exec stay ping -c 1 -W 5 "$(coracle network inspect --format '{{(index .Subnets 0).Gateway}}' base)"
	expect_equal "$(coracle network ls -q)" "base
bridge"
	expect_equal "$(coracle ps -aq | wc -l)" 1
	coracle stop -t 0 stay
	coracle start stay
	coracle exec stay ping -c 1 -W 5 "$(coracle network inspect --format '{{(index .Subnets 0).Gateway}}' base)"
	coracle rm -f -t 0 stay
	gone() { [[ ! -e $RUNROOT/network/socket ]]; }
	wait_until 10 gone
}

@test "250 rounds of create, connect, disconnect and remove side by side leave nothing behind" {
	many_rounds
}

@test "250 further rounds of create, connect, disconnect and remove side by side leave nothing behind" {
	many_rounds
}

@test "100 containers on one network, started at once: all reach all by name, and no address is given twice" {
	# A build with sanitizers makes each many times as slow.
	local i pids=() failed=0 pid count=100
	[[ ! -e $BUILD/sanitizer-reports ]] || count=20
	coracle network create base
	for i in $(seq "$count"); do
		coracle run -d --name "c$i" --hostname "c$i" --network base busybox sh -c 'mkdir /www; hostname >/www/index.html; exec httpd -f -p 80 -h /www' >/dev/null 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
	expect_equal $failed 0
	expect_equal "$(coracle network inspect base | jq -r '.[0].containers[].interfaces[].subnets[].ipnet' | sort -u | wc -l)" "$count"
	# Each asks each, and it is the right one that answers. (One after the other: what it costs is the programs.)
	for i in $(seq "$count"); do
		# shellcheck disable=SC2016 # expanded inside
		coracle exec -e "count=$count" "c$i" sh -c 'for n in $(seq $count); do wget -qO- http://c$n/ || echo "not c$n"; done' >"$T/seen"
		expect_equal "c$i: $(diff "$T/seen" <(seq -f 'c%.0f' "$count"))" "c$i: "
	done
}

@test "helpers are killed at random while containers come and go: all that come succeed, and all is well in the end" {
	local i pids=() pid failed=0
	coracle network create base
	coracle run -d --name server --network base busybox httpd -f -p 80 -h /var/www
	coracle run -d --name client --network base busybox sleep 1000
	comers() {
		local n
		for n in $(seq 12); do coracle run --rm --network base busybox true || return 1; done
	}
	for i in 1 2 3; do
		comers 3>&- &
		pids+=($!)
	done
	for i in $(seq 8); do
		sleep 0.4
		# The keeper, its parent, what it has inside, the uplink: any of them, or several.
		for pid in $(keepers) $(uplink); do
			[[ $((RANDOM % 3)) == 0 ]] || kill -9 "$pid" 2>/dev/null || true
		done
	done
	for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
	expect_equal $failed 0
	coracle ps >/dev/null
	expect_equal "$(coracle exec client wget -qO- http://server/)" "welcome to busybox"
	expect_equal "$(coracle ps -q | wc -l)" 2
	expect_equal "$(coracle exec server ip -o link | grep -vc ': lo')" 1
	coracle run --rm --network base busybox wget -qO- http://server/
	# The uplink is there again, and there is one of each.
	has_uplink() { [[ $(uplink | wc -l) == 1 ]]; }
	wait_until 10 has_uplink
	expect_equal "$(keepers coracle-network | wc -l)" 1
}
