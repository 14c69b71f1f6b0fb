# SPDX-License-Identifier: Apache-2.0
# crash: SIGKILL for each of the processes at any moment. Afterwards ps tells the truth, the container can be removed, and nothing is left.
load helpers

setup() {
	common_setup
	# A build with sanitizers looks for leaks with a helper process, for which it waits for ever when that is what is killed.
	export ASAN_OPTIONS=detect_leaks=0${ASAN_OPTIONS+:$ASAN_OPTIONS}
	load_image busybox
}

# A moment of up to half of a thousandth of $1 milliseconds … in fractions of a second for sleep.
moment() { # milliseconds at most
	printf '0.%03d' $((RANDOM % $1))
}

# A process that has ended since it was named is not named again.
is_forgotten() { # id pid
	[[ $(coracle ps -a --no-trunc --filter "id=$1" --format '{{.Pid}}') != "$2" ]]
}

# What ps says is what is: a container that runs has its processes, one that does not has none.
expect_truth() {
	local id state pid
	while read -r id state pid; do
		case $state in
		running | paused) [[ -e /proc/$pid ]] || wait_until 5 is_forgotten "$id" "$pid" || {
			echo "$id is said to be $state, but its process $pid is not there"
			return 1
		} ;;
		created | exited | stopping | initialized | restarting) ;;
		*)
			echo "$id has the state '$state'"
			return 1
			;;
		esac
	done < <(coracle ps -a --format '{{.ID}} {{.State}} {{.Pid}}')
}

@test "crash: the command line is killed while it starts a container" {
	local i pid
	for i in $(seq 30); do
		"$T/coracle" run --name "one$i" busybox sleep 1234 >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "$(moment 40)"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		expect_truth
	done
	wait_until 10 expect_truth
	coracle rm -f -t 0 -a >/dev/null
	no_containers
	gone() { ! pgrep -f "^$T/coracle|$RUNROOT"; }
	wait_until 10 gone
	expect_equal "$(coracle run --rm busybox echo fine)" fine
}

@test "signal: the command is told to end while it starts a container; the container goes too" {
	local pid delay network
	for network in none bridge; do
		for delay in 002 005 010 015 020 030 040 060 080; do
			"$T/coracle" run --rm --init --network $network busybox sleep 1000 3>&- &
			pid=$!
			sleep "0.$delay"
			# More than once: the container's process may just be beginning, and not have taken the first one.
			while kill -TERM $pid 2>/dev/null; do sleep 0.2; done
			await $pid
			expect_status 143
			expect_equal "$(coracle ps -a -q)" ''
		done
	done
}

@test "signal: at whatever call of the command it comes, the container goes too" {
	local call number status came=0
	# A user namespace that lives, since strace takes newuidmap's rights away.
	coracle run -d --name anchor --network none busybox sleep 10000
	for call in rt_sigprocmask renameat symlinkat signalfd4 mkdirat fcntl; do
		for number in 1 2 3 4 5 6; do
			status=0
			# A call that there are fewer of brings none.
			timeout 60 strace -o trace -e "trace=$call" -e "inject=$call:signal=SIGTERM:when=$number" "$T/coracle" run --rm --init --network none busybox sleep 1 2>/dev/null || status=$?
			# Nor has one an effect that was passed on to a process which was just beginning.
			[[ $status == 143 || $status == 0 ]] || expect_equal "$call $number: $status" "$call $number: 143"
			if [[ $status == 143 ]]; then came=$((came + 1)); fi
			wait_until 20 only_anchor
		done
	done
	echo "at $came calls"
	[[ $came -ge 10 ]]
}

only_anchor() {
	[[ $(coracle ps -a --format '{{.Names}}') == anchor ]]
}

@test "crash: the monitor is killed; its container dies with it" {
	local i id pid monitor
	for i in $(seq 20); do
		id=$(coracle run -d busybox sh -c 'sleep 1000 & sleep 1000')
		pid=$(inspected "$id" State.Pid)
		monitor=$(inspected "$id" State.ConmonPid)
		sleep "$(moment 20)"
		kill -9 "$monitor"
		wait_until 10 is_gone "$pid"
		wait_until 10 is_state "$id" exited
		expect_equal "$(inspected "$id" State.ExitCode)" 137
		expect_truth
	done
	expect_equal "$(coracle ps -q)" ""
	# One of them starts again, with its files.
	coracle start "$id"
	expect_state "$id" running
	coracle rm -f -t 0 -a
}

@test "crash: the monitor is killed under an attached run, an exec, a wait and logs -f" {
	"$T/coracle" run --name one busybox sh -c 'echo up; sleep 1000' >"$T/out" 2>&1 3>&- &
	local run=$!
	wait_until 20 grep -q up "$T/out"
	"$T/coracle" exec one sh -c 'echo up; sleep 1000' >"$T/exec" 2>&1 3>&- &
	local exec=$!
	wait_until 20 grep -q up "$T/exec"
	"$T/coracle" wait one >"$T/waited" 2>&1 3>&- &
	local waiter=$!
	"$T/coracle" logs -f one >/dev/null 2>&1 3>&- &
	local follower=$!
	sleep 0.3
	kill -9 "$(inspected one State.ConmonPid)"
	ended() { ! kill -0 $run $exec $waiter $follower 2>/dev/null; }
	wait_until 15 ended
	await $run
	expect_status 137
	await $exec
	expect_status 137
	expect_equal "$(cat "$T/waited")" 137
	await $follower
	expect_status 0
}

@test "crash: the first process is killed" {
	local i id pid
	for i in $(seq 20); do
		id=$(coracle run -d --name "c$i" busybox sleep 1000)
		pid=$(inspected "$id" State.Pid)
		sleep "$(moment 15)"
		kill -9 "$pid"
		expect_equal "$(coracle wait "$id")" 137
		expect_state "$id" exited
	done
	coracle rm -a
	no_containers
}

@test "crash: everything at once, at random, with rm, stop and ps between" {
	local i n jobs
	for i in $(seq 12); do
		jobs=()
		for n in 1 2 3; do
			"$T/coracle" run -d --name "r$n" --restart always busybox sleep 1000 >/dev/null 2>&1 3>&- &
			jobs+=($!)
		done
		sleep "$(moment 60)"
		for n in $(pgrep -f "$T/" | shuf -n 2); do
			[[ $n == $$ || $n == "$BASHPID" || $n == "${BATS_ROOT_PID-}" ]] || kill -9 "$n" 2>/dev/null || true
		done
		coracle ps -a >/dev/null
		wait "${jobs[@]}" 2>/dev/null || true
		expect_truth
		coracle rm -f -t 0 -a >/dev/null 2>&1 || coracle rm -f -t 0 -a
		no_containers
	done
}

@test "crash: rm is killed; the container is there or gone, and can be removed" {
	local i pid
	for i in $(seq 20); do
		coracle run --name one busybox sh -c 'mkdir -p /a/b/c; for i in $(seq 50); do echo >/a/b/$i; done'
		"$T/coracle" rm one >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "$(moment 6)"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		coracle rm -f one >/dev/null
		no_containers
	done
	# What the dead left in the trash is swept by the next.
	coracle run --rm busybox true
	wait_until 5 nothing_staged
}

@test "kill: rm, at any moment: the next command that looks leaves nothing of the container" {
	load_image busybox
	cat >"$T/made" <<-S
		'$T/coracle' rm -f one >/dev/null 2>&1
		'$T/coracle' run --name one --network none busybox true
	S
	# Either it is there and can be removed, or nothing of it is.
	cat >"$T/gone" <<-S
		set -e
		'$T/coracle' ps -a >/dev/null
		'$T/coracle' rm -f one >/dev/null 2>&1 || true
		[ -z "\$(find '$ROOT/containers' '$ROOT/names' -mindepth 1 ! -name .lock)" ]
		[ -z "\$(find '$RUNROOT' -name control)" ]
	S
	run "$BATS_TEST_DIRNAME/../kill-at" 40 "bash '$T/made'" "bash '$T/gone'" -- "$T/coracle" rm one
	expect_status 0
}

@test "a container that has lost its name is no leftover: nobody removes it, and the check gives it back" {
	load_image busybox
	coracle run --name one --network none busybox sh -c 'echo kept >/file'
	rm "$ROOT/names/one"
	expect_equal "$(coracle ps -a --format '{{.Names}}')" one
	coracle run --rm --network none busybox true
	coracle system check --repair
	coracle cp one:/file .
	expect_equal "$(cat file)" kept
}

@test "crash: load is killed; the image is there and whole, or not there" {
	local i pid
	coracle rmi -f -a
	for i in $(seq 20); do
		"$T/coracle" load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "$(moment 80)"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		if [[ -n $(coracle images -q busybox 2>/dev/null) ]]; then
			expect_equal "$(coracle run --rm busybox cat /var/www/index.html)" "welcome to busybox"
			coracle rmi -f -a >/dev/null
		fi
	done
	load_image busybox
	expect_equal "$(coracle run --rm busybox cat /var/www/index.html)" "welcome to busybox"
	wait_until 5 nothing_staged
}

@test "crash: the run directory vanishes, as at a logout; containers can still be stopped" {
	coracle run -d --name one busybox sleep 1000
	remove_tree "$RUNROOT"
	expect_state one running
	expect_equal "$(coracle exec one echo fine)" fine
	coracle stop -t 0 one
	expect_state one exited
	coracle rm one
}

@test "crash: a state that was cut off or is nonsense does not hide a container" {
	local id
	id=$(coracle run -d --name one busybox sleep 1000)
	coracle stop -t 0 one
	: >"$ROOT/containers/$id/state"
	run coracle ps -a --format '{{.Names}}'
	expect_match one
	coracle rm -f one
	no_containers
}

@test "crash: the disk is full" {
	# A file system of 12 MB of its own; only root of a user namespace may mount one.
	cat >"$T/script" <<-'S'
		mkdir -p $T/small && mount -t tmpfs -o size=12m none $T/small || exit 99
		small() { $BUILD/coracle --root $T/small/root --runroot $T/small/run "$@"; }
		small load -q -i $CORACLE_TEST_CACHE/busybox.tar || exit 98
		small run --name one busybox sh -c 'dd if=/dev/zero of=/big bs=64k 2>&1 | grep -o "No space left"'
		small run --name two busybox true; echo "second: $?"
		small ps -a --format '{{.Names}}' | sort | head -n 1
		small rm -f one || exit 97
		# The trash is emptied a little later than rm returns.
		for i in $(seq 50); do [ -z "$(ls -A $T/small/root/trash)" ] && break; sleep 0.1; done
		small run --rm busybox echo works again
		small rm -f -a
		ls -A $T/small/root/containers $T/small/root/trash
	S
	run unshare --user --map-root-user --mount bash "$T/script"
	expect_match 'No space left'
	expect_match 'second: (125|0)'
	expect_match $'\none\n'
	expect_match 'works again'
	expect_status 0
}

@test "crash: the disk is full while a container starts, and when it ends: what became of it is known" {
	cat >"$T/script" <<-'S'
		mkdir -p $T/small && mount -t tmpfs -o size=12m none $T/small || exit 99
		small() { $BUILD/coracle --root $T/small/root --runroot $T/small/run "$@"; }
		state() { small inspect --format "$1 {{.State.Status}} {{.State.ExitCode}} {{ne .State.Pid 0}}" $1; }
		wait_for() { for i in $(seq 100); do [ "$(state ${1%% *})" != "$1" ] || break; sleep 0.05; done; state ${1%% *}; }
		program='trap "exit 3" USR1; echo up; while :; do sleep 0.02; done'
		small load -q -i $CORACLE_TEST_CACHE/busybox.tar || exit 98
		small run -d --name before --log-driver none busybox sh -c "$program" >/dev/null
		small create --name first --log-driver none busybox sh -c "$program" >/dev/null
		small run --name second --log-driver none busybox true
		# The last page goes to whoever still gets one.
		dd if=/dev/zero of=$T/small/fill bs=4k 2>/dev/null; cat /proc/version >>$T/small/fill2 2>/dev/null
		wait_for "before running 0 true"
		sleep 0.5
		small kill -s USR1 before
		wait_for "before exited 3 false"
		small start second >/dev/null 2>&1; echo "second $?"
		wait_for "second exited 0 false"
		small start first >/dev/null 2>&1; echo "first $?"
		rm $T/small/fill $T/small/fill2
		wait_for "first running 0 true"
		small kill -s USR1 first
		wait_for "first exited 3 false"
		small rm -f -t 0 -a
	S
	run unshare --user --map-root-user --mount bash "$T/script"
	expect_status 0
	expect_match 'before exited 3 false'
	expect_match 'second exited 0 false'
	# Either it starts, and is seen to run as soon as there is room to say so, or it says that there is none.
	expect_match 'first 125|first running 0 true'
}

@test "kill: the first use of a volume by a container with other ids: who comes next fills it" {
	load_image busybox
	# A user namespace that lives, since strace takes newuidmap's rights away.
	coracle run -d --name anchor --network none busybox sleep 10000
	cat >"$T/holds" <<-S
		set -e
		[ "\$("$T/coracle" run --rm --network none --userns nomap -v v:/home busybox stat -c %n:%u:%g /home /home/alice | paste -sd ' ')" = "/home:0:0 /home/alice:1000:1000" ]
		[ ! -e "$ROOT/volumes/v/fresh" ] && [ ! -e "$ROOT/volumes/v/fill" ] && [ ! -e "$ROOT/volumes/v/fill.tmp" ]
	S
	run "$BATS_TEST_DIRNAME/../kill-at" 40 "'$T/coracle' ps -aq --filter volume=v | xargs -r '$T/coracle' rm -f -t 0 >/dev/null; '$T/coracle' volume rm v >/dev/null 2>&1 || true; '$T/coracle' volume create v" \
		"bash '$T/holds'" -- "$T/coracle" run --rm --network none --userns nomap -v v:/home busybox true
	expect_status 0
}

@test "kill: while a container takes a volume in memory from another, which loses nothing" {
	load_image busybox
	coracle volume create --opt type=tmpfs mem
	coracle run -d --name keeper --network none -v mem:/mem busybox sleep 10000
	coracle exec keeper sh -c 'echo kept >/mem/file'
	run "$BATS_TEST_DIRNAME/../kill-at" 30 true "[ \$('$T/coracle' run --rm --network none -v mem:/m busybox cat /m/file) = kept ] && '$T/coracle' exec keeper grep -q kept /mem/file" -- \
		"$T/coracle" run --rm --network none -v mem:/mem busybox true
	expect_status 0
}
