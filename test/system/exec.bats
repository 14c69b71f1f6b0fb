# SPDX-License-Identifier: Apache-2.0
# exec: a further process in a running container.
load helpers

setup() {
	common_setup
	load_image busybox
	coracle run -d --name one -e FROM=container --hostname here busybox sleep 1000 >/dev/null
}

@test "exec: output and error apart, exit status" {
	run --separate-stderr coracle exec one sh -c 'echo out; echo err >&2; exit 7'
	expect_status 7
	expect_output out
	expect_equal "$stderr" err
	run -127 coracle exec one no-such-program
	expect_match 'no-such-program'
	expect_error 126 '/etc/passwd' coracle exec one /etc/passwd
	run coracle exec one sh -c 'kill -9 $$'
	expect_status 137
	expect_error 125 'none-such' coracle exec none-such true
	coracle create --name idle busybox true
	expect_error 125 'idle.*not running' coracle exec idle true
}

@test "exec: is in all namespaces of the container, with its environment and directory" {
	local pid kind
	pid=$(inspected one State.Pid)
	for kind in user mnt pid net ipc uts cgroup; do
		expect_equal "$(coracle exec one readlink "/proc/self/ns/$kind")" "$(readlink "/proc/$pid/ns/$kind")"
	done
	run coracle exec one sh -c 'hostname; echo $FROM $HOME; pwd; cat /proc/1/comm'
	expect_output $'here\ncontainer /root\n/\nsleep'
	# Under the same rules.
	expect_equal "$(coracle exec one grep -E '^(CapEff|CapBnd|Seccomp:|NoNewPrivs)' /proc/self/status)" \
		"$(coracle run --rm busybox grep -E '^(CapEff|CapBnd|Seccomp:|NoNewPrivs)' /proc/self/status)"
	expect_equal "$(coracle exec one cat /proc/self/cgroup)" "$(coracle exec one cat /proc/1/cgroup)"
}

@test "exec -e, --env-file, -w, -u, --privileged" {
	echo 'FILE=yes' >"$T/env"
	run coracle exec -e A=1 -e FROM=exec --env-file "$T/env" -w /etc -u alice one sh -c 'echo $A $FROM $FILE; pwd; id -un; echo $HOME'
	expect_output $'1 exec yes\n/etc\nalice\n/home/alice'
	expect_equal "$(coracle exec -u 4242:33 one id)" "uid=4242 gid=33(www-data) groups=33(www-data)"
	expect_error 125 'stranger' coracle exec -u stranger one true
	try coracle exec -w /no/such/directory one true
	[[ $status != 0 ]]
	expect_match '/no/such/directory'
	expect_equal "$(coracle exec --privileged one awk '/^CapEff/{print $2}' /proc/self/status)" 000001ffffffffff
}

@test "exec -i: standard input, binary, both ways; without it none" {
	expect_equal "$(echo hello | coracle exec -i one cat)" hello
	expect_equal "$(echo hello | coracle exec one cat)" ""
	mkfifo "$T/tee"
	sha256sum <"$T/tee" >"$T/sent" &
	head -c 30M /dev/urandom | tee "$T/tee" | coracle exec -i one cat | sha256sum >"$T/received"
	wait $!
	expect_equal "$(cat "$T/received")" "$(cat "$T/sent")"
	run timeout 60 bash -c 'yes | "$T/coracle" exec -i one head -n 1'
	expect_output y
}

@test "exec -d: returns at once, the process goes on" {
	timeout 60 "$T/coracle" exec -d one sh -c 'until test -e /go; do sleep 0.02; done; echo done >/done; exec sleep 2000'
	coracle exec one touch /go
	wait_until 10 coracle exec one test -s /done
	# And ends with the container.
	local pid
	sleeps() { pid=$(coracle top one hpid,args | awk '$2 == "sleep" && $3 == "2000" {print $1}') && [[ $pid =~ ^[0-9]+$ ]]; }
	wait_until 10 sleeps
	coracle stop -t 0 one
	wait_until 10 is_gone "$pid"
}

@test "exec: what it leaves in the background does not hold it up" {
	run timeout 60 "$T/coracle" exec one sh -c 'sleep 1000 >/dev/null 2>&1 & echo started'
	expect_output started
}

@test "exec: ends with 137 when the container is killed meanwhile" {
	timeout 60 "$T/coracle" exec one sh -c 'echo up; sleep 1000' >"$T/out" 3>&- &
	local pid=$!
	wait_until 10 grep -q up "$T/out"
	coracle kill one
	await $pid
	expect_status 137
}

@test "exec: signals go to its process" {
	"$T/coracle" exec one sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.02; done' >"$T/out" 3>&- &
	local pid=$!
	wait_until 10 grep -q up "$T/out"
	kill -TERM $pid
	# docker's exec passes none on and podman's does; in both the process must not stay behind a caller that has gone.
	wait $pid || true
	gone() { [[ -z $(coracle exec one ps -o args | grep 'exit 9' | grep -v grep) ]]; }
	wait_until 10 gone
}

@test "exec: killed with SIGKILL it leaves no trace of itself on the host" {
	# A pipe that nothing comes through, and that does not end.
	local pid input
	mkfifo "$T/input"
	exec {input}<>"$T/input"
	"$T/coracle" exec -i one cat >"$T/out" 3>&- <"$T/input" &
	pid=$!
	has_cat() { coracle exec one pidof cat >/dev/null; }
	wait_until 10 has_cat
	kill -9 $pid
	wait $pid || true
	exec {input}>&-
	expect_state one running
	expect_equal "$(coracle exec one echo fine)" fine
}

@test "exec: many at once" {
	local jobs=() i
	for i in $(seq 20); do
		coracle exec one sh -c "echo $i; exit $i" >"$T/out.$i" &
		jobs[i]=$!
	done
	for i in $(seq 20); do
		await "${jobs[i]}"
		expect_status "$i"
		expect_equal "$(cat "$T/out.$i")" "$i"
	done
	expect_equal "$(coracle exec one sh -c 'ls -d /proc/[0-9]*' | wc -l)" 2
}

@test "exec --preserve-fds: the process has so many more descriptors, attached and left in the background" {
	printf 'from below\n' >"$T/in"
	mkfifo "$T/pipe"
	coracle exec --preserve-fds 2 one sh -c 'cat <&4 >&3' 3>"$T/out" 4<"$T/in" 5</dev/null
	expect_equal "$(cat "$T/out")" "from below"
	expect_equal "$(coracle exec --preserve-fds 1 one sh -c 'test ! -e /proc/self/fd/5 && echo none' 3<"$T/in" 5</dev/null)" none
	"$T/coracle" exec -d --preserve-fds 2 one sh -c 'cat <&4 >&3; exec 3>&-; touch /done; exec sleep 1234' 3>"$T/pipe" 4<"$T/in" &
	expect_equal "$(timeout 60 cat "$T/pipe" && echo closed)" $'from below\nclosed'
	await $!
	"$T/coracle" exec --preserve-fds 2 one sh -c 'cat <&4 >&3; exec 3>&-; until test -e /go; do sleep 0.05; done; exit 7' 3>"$T/pipe" 4<"$T/in" &
	expect_equal "$(timeout 60 cat "$T/pipe" && echo closed)" $'from below\nclosed'
	coracle exec one touch /go
	await $!
	expect_status 7
	expect_error 125 'descriptor 3 is not open' coracle exec --preserve-fds 1 one true 3<&-
}

@test "exec: arguments are the program's own" {
	expect_equal "$(coracle exec one echo -it --rm)" "-it --rm"
	expect_error 125 'command' coracle exec one
}

@test "top: the container's processes with its own ids and ours" {
	coracle exec -d one sleep 4321
	run coracle top one
	expect_match 'PID'
	expect_match 'sleep 1000'
	expect_match 'sleep 4321'
	run coracle top one pid,hpid,args
	expect_match $'(^|\n)1 +[0-9]+ +sleep 1000'
	expect_equal "$(awk '/sleep 1000/{print $2}' <<<"$output")" "$(inspected one State.Pid)"
	expect_error 125 'nonsense' coracle top one nonsense
}

@test "top: with options of ps, the container's own ps" {
	coracle exec -d one sleep 4321
	run -0 coracle top one -o pid,args
	expect_match $'(^|\n) *1 +sleep 1000'
	expect_match 'sleep 4321'
	expect_match 'ps -o pid,args' # itself, as it is in there
	run -0 coracle top one aux
	expect_match 'sleep 4321'
	# What it says of options that it does not know, and its exit code, are its own.
	run coracle top one --nonsense
	expect_status 1
	expect_match 'nonsense'
	run -0 coracle top -l -- -o pid
	expect_match 'PID'
	expect_error 125 'there are user' coracle top one pidd
}

@test "top: with options of ps, this machine's for a container that has none, or is paused" {
	local pid
	pid=$(inspected one State.Pid)
	coracle exec -d one sleep 4321
	on_machine() {
		run -0 coracle top one -ef
		expect_match '^UID +PID'
		expect_match "[^ ]+ +$pid .* sleep 1000"
		expect_equal "$(wc -l <<<"$output")" 3
		expect_equal "$(coracle top one axo pid=PID,comm | awk 'NR > 1 {print $2}' | tr '\n' ' ')" "sleep sleep "
	}
	coracle pause one
	on_machine
	coracle unpause one
	coracle exec one sh -c 'rm "$(which ps)"'
	on_machine
	expect_error 125 'PID' coracle top one -eo comm
	expect_error 125 'nonsense|rror' coracle top one --nonsense
	mkdir "$T/none"
	expect_error 125 'neither container one nor this machine' env PATH="$T/none" "$T/coracle" top one -ef
	run -0 env PATH="$T/none" "$T/coracle" top one
	expect_match 'sleep 4321'
}
