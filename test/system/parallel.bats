# SPDX-License-Identifier: Apache-2.0
# parallel: many at once neither fail nor leave anything.
load helpers

setup() {
	common_setup
	load_image busybox
}

@test "parallel: 60 containers at once" {
	local i jobs=()
	for i in $(seq 60); do
		coracle run --rm busybox sh -c "echo $i" >"$T/out.$i" 2>"$T/err.$i" &
		jobs[i]=$!
	done
	local failed=0
	for i in $(seq 60); do
		wait "${jobs[i]}" || failed=$((failed + 1))
		[[ $(cat "$T/out.$i") == "$i" ]] || {
			echo "$i: $(cat "$T/out.$i" "$T/err.$i")"
			failed=$((failed + 1))
		}
	done
	expect_equal $failed 0
	no_containers
}

@test "parallel: starts, execs, ps, stops and removals at once" {
	local i jobs=()
	one() {
		local name=c$1
		coracle run -d --name "$name" busybox sleep 1000 >/dev/null &&
			[[ $(coracle exec "$name" echo "$1") == "$1" ]] &&
			coracle ps -a >/dev/null &&
			coracle inspect "$name" >/dev/null &&
			coracle restart -t 0 "$name" >/dev/null &&
			coracle stop -t 0 "$name" >/dev/null &&
			coracle rm "$name" >/dev/null
	}
	for i in $(seq 20); do
		one "$i" 2>"$T/err.$i" &
		jobs[i]=$!
	done
	for i in $(seq 20); do
		wait "${jobs[i]}" || {
			cat "$T/err.$i"
			return 1
		}
	done
	no_containers
}

@test "parallel: of many that want one name exactly one gets it" {
	local i jobs=() winners=0
	for i in $(seq 12); do
		coracle run -d --name wanted busybox sleep 1000 >/dev/null 2>"$T/err.$i" &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i" && winners=$((winners + 1)); done
	expect_equal $winners 1
	expect_equal "$(coracle ps -aq | wc -l)" 1
	expect_equal "$(cat "$T"/err.* | grep -c 'in use')" 11
}

@test "parallel: of many that start one container exactly one process comes of it" {
	local i jobs=()
	coracle create --name one busybox sleep 1000
	for i in $(seq 12); do
		coracle start one >/dev/null 2>&1 &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i" || true; done
	expect_state one running
	expect_equal "$(coracle exec one sh -c 'ls -d /proc/[0-9]*' | wc -l)" 2
	expect_equal "$(pgrep -f "$RUNROOT.*" -c || true)" "$(pgrep -f "$RUNROOT.*" | sort -u | wc -l)"
}

@test "parallel: images come and go while containers start" {
	local i jobs=()
	for i in $(seq 10); do
		coracle load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null 2>"$T/err.l$i" &
		jobs+=($!)
		coracle run --rm busybox true 2>"$T/err.r$i" &
		jobs+=($!)
		coracle tag busybox "other:$i" 2>"$T/err.t$i" &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do
		wait "$i" || {
			cat "$T"/err.*
			return 1
		}
	done
	expect_equal "$(coracle images --format '{{.Tag}}' other | wc -l)" 10
}
