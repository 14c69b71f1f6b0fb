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

# The names that an image has, without those that never change.
name_leads_to() { # name
	coracle image inspect --format '{{.Id}}' "$1" 2>/dev/null || echo nothing
}

@test "parallel: tag, untag and rmi of the same names, some hundred times" {
	local i a b c leads status rounds=200
	# With sanitizers each command takes ten times as long.
	[[ ! -e $BUILD/sanitizer-reports ]] || rounds=40
	coracle create --name made busybox >"$T/out"
	for i in b c; do coracle commit -q --change "LABEL is=$i" made "$i" >"$T/out"; done
	coracle rm made >"$T/out"
	a=$(name_leads_to busybox) b=$(name_leads_to b) c=$(name_leads_to c)
	expect_equal "$(printf '%s\n' "$a" "$b" "$c" | sort -u | wc -l)" 3
	# Whatever comes first, the name that was given to b is b's: it was either never a's to take away, or gone before.
	for i in $(seq $rounds); do
		coracle tag busybox "deep/repo-$((i % 3)):x"
		coracle untag busybox "deep/repo-$((i % 3)):x" 2>"$T/err.untag" &
		coracle tag b "deep/repo-$((i % 3)):x"
		wait $! || grep -q "is not a name of image" "$T/err.untag"
		expect_equal "$(name_leads_to "deep/repo-$((i % 3)):x")" "$b"
		coracle untag b "deep/repo-$((i % 3)):x"
	done
	# Two that give it: one of them has the last word.
	for i in $(seq $((rounds / 2))); do
		coracle tag b deep/er/repo:x &
		coracle tag c deep/er/repo:x
		wait $!
		leads=$(name_leads_to deep/er/repo:x)
		[[ $leads == "$b" || $leads == "$c" ]]
	done
	# rmi of a name takes it from whoever has it, and nobody who has another.
	for i in $(seq $((rounds / 2))); do
		coracle tag b taken:x
		coracle rmi taken:x >"$T/out.rmi" &
		coracle tag c taken:x
		wait $!
		leads=$(name_leads_to taken:x)
		[[ $leads == nothing || $leads == "$c" ]]
	done
	expect_equal "$(name_leads_to busybox) $(name_leads_to b) $(name_leads_to c)" "$a $b $c"
	# The last name of an image, while it is to get another: it stays under that, or is gone with all that belongs to it.
	local kept=0 gone=0
	for i in $(seq 40); do
		coracle create --name made busybox >"$T/out"
		coracle commit -q --change "LABEL round=$i" made only >"$T/out"
		coracle rm made >"$T/out"
		coracle rmi only >"$T/out.rmi" &
		status=0
		coracle tag only again 2>"$T/err.tag" || status=$?
		wait $!
		if [[ $status == 0 ]]; then
			coracle image inspect again >"$T/out"
			coracle rmi again >"$T/out"
			kept=$((kept + 1))
		else
			grep -q "no such image" "$T/err.tag"
			expect_no coracle image exists again
			gone=$((gone + 1))
		fi
	done
	echo "kept $kept, gone $gone"
	coracle rmi -f deep/er/repo:x taken:x >"$T/out" 2>&1 || true
	coracle system check
	expect_equal "$(coracle images -q | wc -l)" 3
	expect_equal "$(find "$ROOT/refs" -name '.*' -o -type d -empty ! -path "$ROOT/refs" | head -n 3)" ""
}
