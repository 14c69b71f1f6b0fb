# SPDX-License-Identifier: Apache-2.0
# lifecycle: create, start, stop, kill, restart, pause, wait, rm, rename, and the state that each leaves.
load helpers

setup() {
	common_setup
	load_image busybox
}

ENDLESS='echo up; trap "echo term; exit 3" TERM; while :; do sleep 0.02; done'

@test "lifecycle: created, running, exited, started again with its files, removed" {
	local id
	id=$(coracle create --name one busybox sh -c 'echo run >>/count; cat /count; sleep 1000')
	expect_matches "$id" '^[0-9a-f]{64}$'
	expect_state one created
	expect_equal "$(coracle start one)" one
	expect_state one running
	wait_for_log one run
	expect_equal "$(coracle stop -t 0 one)" one
	expect_state one exited
	expect_equal "$(inspected one State.ExitCode)" 137
	coracle start one >/dev/null
	expect_state one running
	wait_for_log one $'run\nrun\nrun'
	expect_equal "$(inspected one Id)" "$id"
	expect_error 125 'running' coracle rm one
	expect_state one running
	coracle stop -t 0 one
	expect_equal "$(coracle rm one)" one
	no_containers
	expect_error 125 'one' coracle start one
}

@test "lifecycle: start of what runs is nothing, of what is not there an error" {
	local pid
	coracle run -d --name one busybox sleep 1000
	pid=$(inspected one State.Pid)
	coracle start one
	expect_equal "$(inspected one State.Pid)" "$pid"
	expect_error 125 'none-such' coracle start none-such
}

@test "start -a: output, exit status; start -ai: input" {
	coracle create --name out busybox sh -c 'echo out; echo err >&2; exit 5'
	run --separate-stderr coracle start -a out
	expect_status 5
	expect_output out
	expect_equal "$stderr" err
	coracle create -i --name in busybox cat
	expect_equal "$(echo through | coracle start -ai in)" through
	expect_equal "$(echo again | coracle start -ai in)" again
}

@test "start -a: of what runs already is attach, and --latest is a name, too" {
	coracle run -d --name one busybox sh -c 'echo up; until [ -e /go ]; do sleep 0.02; done; echo out; exit 5'
	wait_for_log one up
	coracle start -a -l >"$T/out" 3>&- &
	sleep 0.3
	coracle exec one touch /go
	await $!
	expect_status 5
	expect_equal "$(cat "$T/out")" out
	coracle create --name last busybox sh -c 'echo last; exit 4'
	run coracle start -a -l
	expect_status 4
	expect_output last
	expect_error 125 'one' coracle start -a -l last
	expect_error 125 'one' coracle start -a one last
	expect_error 125 'one' coracle start -a --all
}

@test "stop: the stop signal, and SIGKILL after the time-out" {
	local begin
	coracle run -d --name gentle busybox sh -c "$ENDLESS"
	wait_for_log gentle up
	coracle stop -t 20 gentle
	expect_equal "$(inspected gentle State.ExitCode)" 3
	expect_equal "$(coracle logs gentle)" $'up\nterm'

	coracle run -d --name deaf busybox sh -c 'trap "" TERM; echo up; while :; do sleep 0.02; done'
	wait_for_log deaf up
	begin=$(date +%s%N)
	coracle stop -t 1 deaf
	expect_equal "$(inspected deaf State.ExitCode)" 137
	local took=$((($(date +%s%N) - begin) / 1000000))
	((took >= 1000 && took < 8000)) || {
		echo "took $took ms"
		return 1
	}
	# Of what does not run: nothing.
	expect_equal "$(coracle stop deaf)" deaf
}

@test "stop: --stop-signal and --stop-timeout of the container" {
	coracle run -d --name usr --stop-signal USR1 busybox sh -c 'trap "exit 11" USR1; trap "exit 12" TERM; echo up; while :; do sleep 0.02; done'
	wait_for_log usr up
	coracle stop usr
	expect_equal "$(inspected usr State.ExitCode)" 11
	expect_equal "$(inspected usr Config.StopSignal)" SIGUSR1
	coracle run -d --name quick --stop-timeout 0 busybox sh -c 'trap "" TERM; echo up; while :; do sleep 0.02; done'
	wait_for_log quick up
	local begin=$SECONDS
	coracle stop quick
	# The default is ten seconds.
	((SECONDS - begin < 9))
}

@test "kill: any signal by name and number" {
	coracle run -d --name one busybox sh -c 'trap "echo usr1" USR1; trap "echo hup" HUP; echo up; while :; do sleep 0.02; done'
	wait_for_log one up
	coracle kill -s USR1 one
	wait_for_log one usr1
	coracle kill --signal 1 one
	wait_for_log one hup
	expect_state one running
	expect_error 125 'NONSENSE' coracle kill -s NONSENSE one
	expect_equal "$(coracle kill one)" one
	expect_equal "$(coracle wait one)" 137
	expect_error 125 'one.*not running' coracle kill one
}

@test "stop: -t -1 waits for ever, and the longest time is no time that is over" {
	local stopping time
	for time in -1 9223372036854775807 -9223372036854775807; do
		coracle run -d --name "t$time" busybox sh -c 'trap "echo term" TERM; echo up; until [ -e /end ]; do sleep 0.02; done; exit 7'
		wait_for_log "t$time" up
		coracle stop -t "$time" "t$time" 3>&- &
		stopping=$!
		wait_for_log "t$time" $'up\nterm'
		sleep 0.3
		is_state "t$time" stopping
		# It may be taken along by the end that it brings about.
		coracle exec "t$time" touch /end || [[ $? == 137 ]]
		await "$stopping"
		expect_status 0
		expect_equal "$(inspected "t$time" State.ExitCode)" 7
	done
	coracle run -d --name own --stop-timeout -1 busybox sh -c "$ENDLESS"
	wait_for_log own up
	coracle stop own
	expect_equal "$(inspected own State.ExitCode)" 3
}

@test "wait: however many wait, others can look, and stop it; and those who are attached" {
	local i waiting=() attached=()
	coracle run -d --name one busybox sh -c "$ENDLESS"
	wait_for_log one up
	for i in $(seq 70); do
		coracle wait one >"$T/wait.$i" 3>&- &
		waiting+=($!)
	done
	for i in $(seq 60); do
		coracle attach one >/dev/null 2>"$T/attach.$i" 3>&- &
		attached+=($!)
	done
	wait_until 10 eval '(($(grep -l "too many others are attached" "$T"/attach.* | wc -l) == 4))'
	for i in 1 2 3 4 5 6 7 8 9; do
		expect_equal "$(coracle exec one echo here)" here
	done
	expect_equal "$(coracle stop -t 20 one)" one
	for i in "${waiting[@]}"; do
		wait "$i"
	done
	expect_equal "$(cat "$T"/wait.* | sort | uniq -c | tr -s ' ')" ' 70 3'
	for i in "${attached[@]}"; do
		await "$i"
		[[ $status == 3 || $status == 125 ]]
	done
}

@test "restart: one with --rm is still there, with its files, and goes when it ends" {
	local pid
	coracle run -d --rm --name one -v /data busybox sh -c 'echo x >>/f; echo x >>/data/f; sleep 1000'
	for i in 1 2 3; do
		wait_until 10 eval '[[ $(coracle exec one cat /f /data/f | grep -c x) == $((2 * i)) ]]'
		pid=$(inspected one State.Pid)
		coracle restart -t 0 one
		is_gone "$pid"
		expect_state one running
	done
	# Who was to start it again is killed: it goes as it would have.
	"$T/coracle" restart -t -1 one 3>&- &
	wait_until 10 is_state one stopping
	kill -9 $!
	coracle kill one
	wait_until 10 no_containers
	wait_until 10 nothing_staged
}

@test "restart: a new process, the same files" {
	local pid
	coracle run -d --name one busybox sh -c 'echo x >>/f; wc -l </f; sleep 1000'
	wait_for_log one 1
	pid=$(inspected one State.Pid)
	coracle restart -t 0 one
	wait_for_log one 2
	[[ $(inspected one State.Pid) != "$pid" ]]
	is_gone "$pid"
	coracle stop -t 0 one
	coracle restart one
	wait_for_log one 3
}

@test "pause, unpause: nothing moves meanwhile" {
	coracle run -d --name one busybox sh -c 'while :; do echo x >>/f; sleep 0.01; done'
	wait_until 10 coracle exec one test -s /f
	coracle pause one
	expect_state one paused
	expect_matches "$(coracle ps --format '{{.Status}}')" 'Paused'
	local pid before
	pid=$(inspected one State.Pid)
	before=$(stat -c %s "/proc/$pid/root/f")
	sleep 0.4
	expect_equal "$(stat -c %s "/proc/$pid/root/f")" "$before"
	expect_error 125 'paused' coracle exec one true
	expect_error 125 'one' coracle pause one
	coracle unpause one
	expect_state one running
	grew() { [[ $(stat -c %s "/proc/$pid/root/f") -gt $before ]]; }
	wait_until 10 grew
	expect_error 125 'one' coracle unpause one
	# A paused one can be stopped and removed.
	coracle pause one
	coracle rm -f -t 0 one
	no_containers
}

@test "wait: prints exit codes, in order, and waits" {
	coracle create --name created busybox true
	coracle run -d --name slow busybox sh -c 'sleep 0.5; exit 4'
	coracle run -d --name fast busybox sh -c 'exit 6'
	expect_equal "$(coracle wait slow fast)" $'4\n6'
	expect_equal "$(coracle wait slow)" 4
	expect_error 125 'none-such' coracle wait none-such
}

@test "wait --condition: another state than the end, or one of several; --interval is how often it is looked at" {
	local waiting
	coracle create --name one busybox sh -c 'sleep 1000' >/dev/null
	expect_equal "$(coracle wait --condition created one)" -1
	coracle wait --condition running,paused --interval 50 one >"$T/running" &
	waiting=$!
	sleep 0.3
	expect_equal "$(cat "$T/running")" "" # it waits indeed
	coracle start one
	await "$waiting"
	expect_status 0
	expect_equal "$(cat "$T/running")" -1
	coracle wait --condition=paused -i 20ms one >"$T/paused" &
	waiting=$!
	sleep 0.3
	expect_equal "$(cat "$T/paused")" ""
	coracle pause one
	await "$waiting"
	expect_equal "$(cat "$T/paused")" -1
	coracle unpause one
	# An end comes at once, however seldom it is looked; with its exit code also when nothing is left of the container.
	coracle wait --condition paused,stopped --interval 1h one >"$T/exited" &
	waiting=$!
	sleep 0.3
	expect_equal "$(cat "$T/exited")" ""
	coracle kill one
	await "$waiting"
	expect_equal "$(cat "$T/exited")" 137
	expect_equal "$(coracle wait --condition exited one)" 137
	coracle run -d --rm --name short busybox sh -c 'until test -e /go; do sleep 0.02; done; exit 9' >/dev/null
	"$T/coracle" wait --condition paused --condition exited -i 20ms short >"$T/ended" &
	waiting=$!
	wait_until 10 has_waited 30 $waiting
	coracle exec short touch /go || [[ $? == 137 ]]
	await "$waiting"
	expect_equal "$(cat "$T/ended")" 9
	"$T/coracle" wait --condition removing -i 20ms one >"$T/removed" &
	waiting=$!
	wait_until 10 has_waited 30 $waiting # it has found the container by then
	coracle rm one
	await "$waiting"
	expect_equal "$(cat "$T/removed")" -1
	coracle create --name two busybox true >/dev/null
	"$T/coracle" wait --condition running -i 20ms two >"$T/never" 2>&1 &
	waiting=$!
	wait_until 10 has_waited 30 $waiting
	coracle rm two
	await "$waiting"
	expect_status 125
	grep 'two was removed' "$T/never"
	expect_error 125 'nonsense' coracle wait --condition nonsense one
	expect_error 125 'interval' coracle wait --condition running --interval 0 two
	expect_error 125 'a day at the most' coracle wait --condition running --interval 2000h two
}

@test "rm: several, by filter, all; -f stops; unknown ones" {
	local name
	for name in a b c; do coracle create --name $name busybox true >/dev/null; done
	coracle run -d --name running busybox sleep 1000
	run coracle rm a none-such b
	expect_status 125
	expect_match 'none-such'
	expect_equal "$(coracle ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" "c running "
	coracle rm --filter name=c
	local pid
	pid=$(inspected running State.Pid)
	coracle rm -f -t 0 running
	is_gone "$pid"
	no_containers
	run coracle rm -f none-such
	expect_status 0
	for name in a b c; do coracle run -d --name $name busybox sleep 1000 >/dev/null; done
	coracle rm -f -t 0 -a
	no_containers
	expect_error 125 'name' coracle rm
}

@test "rm --depend: those that share its namespaces or require it go with it, and those that need those" {
	local ids
	coracle run -d --name base busybox sleep 1000 >/dev/null
	coracle run -d --name net --network container:base busybox sleep 1000 >/dev/null
	coracle create --name pid --pid container:net busybox true >/dev/null
	coracle create --name needs --requires pid,base busybox true >/dev/null
	coracle create --name alone busybox true >/dev/null
	expect_equal "$(coracle inspect --format '{{len .Dependencies}} {{index .Dependencies 0}}' needs)" "2 $(inspected pid Id)"
	expect_equal "$(coracle inspect --format '{{.Dependencies}}' net)" "[$(inspected base Id)]"
	# What runs is only removed by force.
	expect_equal "$(coracle ps -a --format '{{.Names}}' | wc -l)" 5
	run -125 coracle rm --depend net
	expect_equal "$(coracle ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" "alone base net "
	ids=$(inspected net Id)
	run -0 coracle rm -f -t 0 --depend base net
	expect_output "$ids"$'\n'base
	expect_equal "$(coracle ps -a --format '{{.Names}}')" alone
	coracle create --name more --requires alone busybox true >/dev/null
	coracle rm --depend -a
	no_containers
	expect_error 125 'none-such' coracle rm --depend none-such
}

@test "run, create --requires: started first, each time, with what those require; what is gone is said" {
	coracle create --name first busybox sleep 1000 >/dev/null
	coracle create --name second --requires first busybox sh -c 'echo second; sleep 1000' >/dev/null
	coracle create --name third --requires second --requires first busybox echo third >/dev/null
	expect_equal "$(coracle run --rm --requires second busybox echo fourth)" fourth
	expect_equal "$(inspected first State.Status) $(inspected second State.Status) $(inspected third State.Status)" "running running created"
	local pid
	pid=$(inspected first State.Pid)
	coracle stop -t 0 second
	expect_equal "$(coracle start -a third)" third
	expect_state second running
	expect_equal "$(inspected first State.Pid)" "$pid" # one that runs is left alone
	coracle create --name broken busybox no-such-program >/dev/null
	expect_error 125 'no-such-program' coracle run --rm --requires broken busybox true
	expect_error 125 'none-such' coracle run --rm --requires none-such busybox true
	coracle rm -f -t 0 second
	expect_error 125 'requires the container.*not there any more' coracle start third
	coracle rm -f -t 0 first third broken
	no_containers
}

@test "rm: by the start of an id; an ambiguous one is an error" {
	local id i
	id=$(coracle create --name abcdef busybox true)
	coracle rm "${id:0:6}"
	no_containers
	# 17 containers: two share the first digit.
	for i in $(seq 17); do coracle create busybox true; done | cut -c1 | sort | uniq -d | head -n 1 >"$T/digit"
	expect_error 125 "$(cat "$T/digit")" coracle rm "$(cat "$T/digit")"
}

@test "rename: the new name is reserved, the old one free" {
	coracle run -d --name old busybox sleep 1000
	coracle create --name taken busybox true
	coracle rename old new
	expect_equal "$(coracle ps --format '{{.Names}}')" new
	expect_error 125 'old' coracle start old
	expect_error 125 'taken' coracle rename new taken
	expect_error 125 '/' coracle rename new a/b
	coracle rm -f -t 0 new
	coracle run --rm --name old busybox true
}

@test "rename: of one with --rm that runs, whose new name goes with it" {
	coracle run -d --rm --name old busybox sleep 1000
	coracle rename old new
	coracle rename new newer
	coracle kill newer
	wait_until 10 no_containers
	wait_until 10 eval '[[ -z $(ls "$ROOT/names") ]]'
	coracle system check
}

@test "restart policy: on-failure as often as it says" {
	coracle run -d --name failing --restart on-failure:3 busybox sh -c 'echo once; exit 1'
	wait_until 30 is_state failing exited
	expect_equal "$(coracle wait failing)" 1
	expect_equal "$(coracle logs failing | grep -c once)" 4
	expect_equal "$(inspected failing RestartCount)" 3
	# A good end is the end.
	coracle run -d --name good --restart on-failure:3 busybox sh -c 'echo once; exit 0'
	expect_equal "$(coracle wait good)" 0
	expect_equal "$(coracle logs good | grep -c once)" 1
}

@test "restart policy: always, after a kill of its process too, until it is stopped" {
	local pid
	coracle run -d --name phoenix --restart always busybox sh -c 'echo x >>/f; wc -l </f; sleep 1000'
	wait_for_log phoenix 1
	pid=$(inspected phoenix State.Pid)
	kill -9 "$pid"
	wait_for_log phoenix 2
	wait_until 10 is_state phoenix running
	[[ $(inspected phoenix State.Pid) != "$pid" ]]
	expect_equal "$(inspected phoenix RestartCount)" 1
	coracle stop -t 0 phoenix
	sleep 1
	expect_state phoenix exited
	coracle start phoenix
	wait_for_log phoenix 3
	# kill is a person's wish too.
	coracle kill phoenix
	sleep 1
	expect_state phoenix exited
}

@test "restart policy: stop is heard also while the monitor makes room for the next life" {
	local i
	for i in $(seq 30); do
		coracle run -d --restart always --network slirp4netns --name one busybox sleep 0.0$((i % 7)) >/dev/null
		sleep 0.$((10 + i * 7 % 60))
		timeout 60 "$T/coracle" stop -t 0 one >/dev/null
		expect_state one exited
		coracle rm one >/dev/null
	done
}

# Its sixth life is 3.2 seconds away, which is time to look at it.
rests() { # name
	[[ $(inspected "$1" RestartCount) -ge 5 && $(inspected "$1" State.Status) == restarting ]]
}

@test "restart policy: one that waits for its next life is shown as restarting" {
	local started
	coracle run -d --name one --restart always busybox sh -c 'echo once; exit 7'
	wait_until 20 rests one
	expect_matches "$(coracle ps --format '{{.Status}}')" '^Restarting \(7\) ([0-9]+ seconds?|Less than a second) ago$'
	expect_equal "$(coracle ps --filter status=restarting --format '{{.Names}} {{.State}}')" "one restarting"
	expect_equal "$(coracle ps -q --filter status=running)" ""
	expect_equal "$(coracle ps -a --format json | jq -r '.[].State')" restarting
	expect_equal "$(coracle inspect one | jq -c '.[0].State | [.Status, .Running, .Restarting, .Paused, .Pid, .ExitCode]')" '["restarting",true,true,false,0,7]'
	# What is done to a process has none to be done to; it says what it waits for.
	expect_error 125 'one is restarting' coracle exec one true
	expect_error 125 'one is restarting' coracle pause one
	expect_error 125 'one is restarting' coracle unpause one
	expect_error 125 'one is restarting' coracle top one
	expect_error 125 'one is restarting' coracle kill -s HUP one
	expect_error 125 'one is restarting' coracle rm one
	coracle container prune -f >/dev/null
	expect_state one restarting
	# It is started already, and goes on as it was going to.
	started=$(inspected one State.StartedAt)
	coracle start one
	expect_equal "$(inspected one State.StartedAt)" "$started"
	expect_equal "$(coracle wait --condition restarting one)" -1
	again() { [[ $(inspected one RestartCount) == 6 ]]; }
	wait_until 10 again
	coracle stop one
	expect_state one exited
	expect_equal "$(inspected one State.ExitCode)" 7
}

@test "restart policy: stop, kill and rm -f end one that waits for its next life, and those who wait hear of it" {
	local i name pids
	for name in stopped killed termed removed again; do
		coracle run -d --name "$name" --restart always busybox sh -c 'echo once; exit 7' >/dev/null
	done
	coracle wait stopped >"$T/waited" 3>&- &
	pids=$!
	coracle logs -f stopped >"$T/followed" 3>&- &
	pids+=" $!"
	for name in stopped killed termed removed again; do wait_until 20 rests "$name"; done
	[[ ! -s $T/waited ]]
	SECONDS=0
	coracle stop stopped
	coracle kill killed
	coracle kill -s TERM termed
	coracle rm -f removed
	# shellcheck disable=SC2086 # it is two
	wait $pids
	expect_equal "$(cat "$T/waited")" 7
	expect_equal "$(sort -u "$T/followed")" once
	expect_equal "$(grep -c once "$T/followed")" "$(($(inspected stopped RestartCount) + 1))"
	for name in stopped killed; do expect_state "$name" exited; done
	wait_until 5 is_state termed exited
	expect_error 125 'no such container' coracle logs removed
	# A restart is now, not when its time would have come, and counts anew.
	coracle restart again
	[[ $(inspected again RestartCount) -le 1 ]]
	((SECONDS < 10))
	coracle stop again
	for i in stopped killed termed; do
		expect_equal "$(inspected "$i" State.ExitCode)" 7
		name=$(coracle logs "$i" | wc -l)
		sleep 0.5
		expect_equal "$(coracle logs "$i" | wc -l)" "$name"
	done
}

@test "restart policy: kill is heard whenever it comes" {
	local i
	for i in $(seq 30); do
		coracle run -d --restart always --name one busybox sleep 0.0$((i % 7)) >/dev/null
		sleep 0.$((10 + i * 7 % 60))
		timeout 8 "$T/coracle" kill one >/dev/null
		expect_state one exited
		coracle rm one >/dev/null
	done
}

@test "restart policy: a monitor that is killed while it waits leaves what its container ended with" {
	coracle run -d --name one --restart always busybox true
	wait_until 20 rests one
	kill -9 "$(inspected one State.ConmonPid)"
	wait_until 5 is_state one exited
	expect_equal "$(inspected one State.ExitCode)" 0
	coracle start one
	coracle stop -t 0 one
}

@test "restart policy: unless-stopped, and ports come back" {
	local a
	a=$(free_port)
	coracle run -d --name web --restart unless-stopped -p "127.0.0.1:$a:80" busybox httpd -f -p 80 -h /var/www
	expect_equal "$(fetched "http://127.0.0.1:$a/")" "welcome to busybox"
	kill -9 "$(inspected web State.Pid)"
	restarted() { [[ $(inspected web RestartCount) == 1 ]]; }
	wait_until 10 restarted
	expect_equal "$(fetched "http://127.0.0.1:$a/")" "welcome to busybox"
}

@test "signals: those that run gets go to the container" {
	"$T/coracle" run --name proxied busybox sh -c 'trap "echo usr1" USR1; trap "exit 8" TERM; echo up; while :; do sleep 0.02; done' >"$T/out" 3>&- &
	local pid=$!
	wait_until 20 grep -q up "$T/out"
	kill -USR1 $pid
	wait_until 10 grep -q usr1 "$T/out"
	kill -TERM $pid
	await $pid
	expect_status 8
	expect_state proxied exited
}

@test "signals: not with --sig-proxy=false" {
	"$T/coracle" run --sig-proxy=false --name alone busybox sh -c 'trap "echo term" TERM; echo up; while :; do sleep 0.02; done' >"$T/out" 3>&- &
	local pid=$!
	wait_until 20 grep -q up "$T/out"
	kill -TERM $pid
	wait $pid || true
	expect_state alone running
	expect_equal "$(coracle logs alone)" up
}

@test "attach: output from now on, input, exit status" {
	coracle run -d -i --name one busybox sh -c 'read -r x; echo "got $x"; exit 6'
	run bash -c 'echo hello | "$T/coracle" attach one'
	expect_status 6
	expect_output "got hello"
	expect_error 125 'not running' coracle attach one
}

@test "lifecycle: commands that take names take --latest, --all and filters" {
	coracle run -d --name a --label g=1 busybox sleep 1000
	coracle run -d --name b --label g=2 busybox sleep 1000
	coracle stop -t 0 --latest
	expect_state b exited
	expect_state a running
	coracle start --filter label=g=2
	expect_state b running
	coracle stop -t 0 --all
	expect_state a exited
	expect_state b exited
	expect_error 125 'all' coracle stop --all a
}
