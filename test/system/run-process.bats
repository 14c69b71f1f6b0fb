# SPDX-License-Identifier: Apache-2.0
# run: the process of a container: its environment, user, directory, program, limits, and --init.
load helpers

setup() {
	common_setup
	load_image busybox
}

@test "run: the environment has PATH, HOME, HOSTNAME, TERM with a terminal, and nothing of ours" {
	export SECRET_OF_THE_HOST=1
	run coracle run --rm --name envy --hostname here busybox env
	expect_status 0
	expect_equal "$(sort <<<"$output" | cut -d= -f1 | grep -v '^container$' | tr '\n' ' ')" "HOME HOSTNAME PATH "
	expect_match 'HOME=/root'
	expect_match 'HOSTNAME=here'
	expect_match 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
	run coracle run --rm -t busybox env
	expect_match 'TERM=xterm'
}

@test "run --env: value, empty, our own, wildcard; the last one wins" {
	export MINE=my PREFIX_A=1 PREFIX_B=2
	unset NOT_SET
	run coracle run --rm -e A=1 -e A=2 -e EMPTY= -e MINE -e NOT_SET -e 'PREFIX_*' -e 'SPACED=a b  c=d' --env HOME=/elsewhere busybox env
	expect_match $'(^|\n)A=2\n'
	expect_match $'(^|\n)EMPTY=\n'
	expect_match $'(^|\n)MINE=my\n'
	expect_match $'(^|\n)PREFIX_A=1\n'
	expect_match $'(^|\n)PREFIX_B=2\n'
	expect_match 'SPACED=a b  c=d'
	expect_match 'HOME=/elsewhere'
	[[ $output != *NOT_SET* && $output != *$'\nA=1\n'* ]]
}

@test "run --env-file: lines, comments, our own, later -e wins; a missing one is an error" {
	printf '# comment\nA=from file\nB=b\n\nMINE\nQUOTED="stays"\n' >"$T/env"
	MINE=my run coracle run --rm --env-file "$T/env" -e B=later busybox env
	expect_match $'(^|\n)A=from file\n'
	expect_match $'(^|\n)B=later'
	expect_match $'(^|\n)MINE=my'
	expect_match 'QUOTED="stays"'
	[[ $output != *comment* ]]
	expect_error 125 "$T/none" coracle run --rm --env-file "$T/none" busybox true
}

@test "run --env-host, --unsetenv, --unsetenv-all" {
	MINE=my run coracle run --rm --env-host busybox sh -c 'echo $MINE'
	expect_output my
	run coracle run --rm --unsetenv PATH -e A=1 busybox /bin/env
	[[ $output != *PATH=* ]]
	run coracle run --rm --unsetenv-all busybox /bin/env
	[[ $output != *PATH=/* ]]
}

@test "run --env-merge: built of what the image has" {
	run coracle run --rm --env-merge 'PATH=${PATH}:/mine' --env-merge 'A=$HOME-$NOTHING-\$x$' -e PATH2=x busybox sh -c 'echo $PATH; echo $A'
	expect_output $'/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/mine\n/root--$x$'
	expect_error 125 'needs a name' coracle run --rm --env-merge 'PATH=${PATH' busybox true
	expect_error 125 'KEY=value' coracle run --rm --env-merge PATH busybox true
}

@test "run --http-proxy: the proxies of who runs it, unless they are said otherwise" {
	proxies() { http_proxy=http://one:1 NO_PROXY=two coracle run --rm "$@" busybox sh -c 'echo "$http_proxy $NO_PROXY"'; }
	expect_equal "$(proxies)" "http://one:1 two"
	expect_equal "$(proxies -e http_proxy=mine)" "mine two"
	expect_equal "$(proxies --http-proxy=false)" " "
}

@test "run --timeout: what runs for so long is killed, at each start" {
	local begun=$EPOCHSECONDS
	run coracle run --name slow --timeout 1 busybox sleep 1000
	expect_status 137
	((EPOCHSECONDS - begun < 30))
	run coracle start -a slow
	expect_status 137
	coracle run --rm --timeout 1000 busybox true
	expect_error 125 'timeout' coracle run --rm --timeout -1 busybox true
}

@test "run --rmi: container and image go when it exits, but not what another has" {
	coracle tag busybox other
	coracle create --name user busybox true
	coracle run --rmi busybox true
	expect_equal "$(coracle images --format '{{.Repository}}') $(coracle ps -aq | wc -l)" "localhost/other 1"
	coracle run --rmi other true
	expect_equal "$(coracle images -q | wc -l)" 1
	coracle rm user
	run coracle run --rmi other sh -c 'exit 3'
	expect_status 3
	expect_equal "$(coracle images -q | wc -l) $(coracle ps -aq | wc -l)" "0 0"
	expect_error 125 'detach' coracle run -d --rmi busybox true
}

# Who the process is: "uid gid groups", of which the last is sorted and without doubles.
identity() { # options…
	coracle run --rm "$@" busybox sh -c 'echo $(id -u) $(id -g) $(id -G | tr " " "\n" | sort -nu)'
}

@test "run --user: names, ids, groups, and ids without an entry" {
	expect_equal "$(identity)" "0 0 0"
	expect_equal "$(identity -u alice)" "1000 1000 50 1000"
	expect_equal "$(identity -u 1000)" "1000 1000 50 1000"
	expect_equal "$(identity -u alice:www-data)" "1000 33 33"
	expect_equal "$(identity -u 4242)" "4242 0 0"
	expect_equal "$(identity -u 4242:4343)" "4242 4343 4343"
	expect_equal "$(identity -u :33)" "0 33 33"
	expect_equal "$(identity -u alice --group-add www-data --group-add 77)" "1000 1000 33 50 77 1000"
	expect_equal "$(coracle run --rm -u alice busybox sh -c 'echo $HOME')" /home/alice
	expect_equal "$(coracle run --rm -u 4242 busybox sh -c 'echo $HOME')" /
	expect_error 125 'stranger' coracle run --rm -u stranger busybox true
	expect_error 125 'strangers' coracle run --rm -u root:strangers busybox true
	expect_error 125 '70000' coracle run --rm -u 70000 busybox true
}

@test "run --user: cannot leave its own group, to get at what that is denied" {
	# Refused to the group, open to all others: by becoming a member of another group one would be one of the others, if one's own were not among the rest.
	expect_equal "$(coracle run --rm -u alice busybox grep ^Groups: /proc/self/status | xargs)" "Groups: 50 1000"
	expect_equal "$(coracle run --rm -u 4711:33 busybox grep ^Groups: /proc/self/status | xargs)" "Groups: 33"
	coracle run -d --name one busybox sleep 1000
	expect_equal "$(coracle exec -u alice one grep ^Groups: /proc/self/status | xargs)" "Groups: 50 1000"
	expect_equal "$(coracle exec one grep ^Groups: /proc/self/status | xargs)" "Groups: 0"
}

@test "run --user: has no capabilities, and the owner's rights on files" {
	run coracle run --rm -u alice busybox sh -c 'grep CapEff /proc/self/status; touch /root/x; touch ~/mine && stat -c %u:%g ~/mine'
	expect_match 'CapEff:[[:blank:]]*0000000000000000'
	expect_match 'Permission denied'
	expect_match '1000:1000'
}

@test "run --workdir: is made when it is missing" {
	expect_equal "$(coracle run --rm busybox pwd)" /
	expect_equal "$(coracle run --rm -w /etc busybox pwd)" /etc
	expect_equal "$(coracle run --rm -w /new/and/deep busybox sh -c 'pwd; stat -c %a:%u .')" $'/new/and/deep\n755:0'
	expect_error 126 '/etc/passwd' coracle run --rm -w /etc/passwd busybox true
	expect_error 125 'relative' coracle run --rm -w relative busybox true
}

@test "run --entrypoint: replaces the program and drops the image's command" {
	expect_equal "$(coracle run --rm --entrypoint echo busybox a 'b c')" "a b c"
	expect_equal "$(coracle run --rm --entrypoint id busybox)" "uid=0(root) gid=0(root) groups=0(root)"
	expect_equal "$(coracle run --rm --entrypoint '["echo", "-n", "x"]' busybox y)" "x y"
	# Empty: the command stands alone.
	expect_equal "$(coracle run --rm --entrypoint '' busybox echo alone)" alone
}

@test "run: arguments reach the program as they are" {
	run coracle run --rm busybox printf '<%s>' '' ' ' '-it' '--rm' $'new\nline' '"quote"' "it's" '$HOME' '*' '\'
	expect_output $'<>< ><-it><--rm><new\nline><"quote"><it\'s><$HOME><*><\\>'
	# Options behind the image are the program's.
	expect_equal "$(coracle run --rm busybox echo --rm -v --help)" "--rm -v --help"
}

@test "run --label, --label-file, --annotation: are shown and filtered by" {
	printf 'from=file\n# comment\n' >"$T/labels"
	coracle run -d --name labelled --label a=1 --label b --label-file "$T/labels" --annotation org.example.x=y busybox sleep 1000
	expect_equal "$(coracle inspect -f '{{index .Config.Labels "a"}}/{{index .Config.Labels "b"}}/{{.Config.Labels.from}}/{{.Config.Labels.test}}' labelled)" "1//file/busybox"
	expect_equal "$(coracle inspect -f '{{index .Config.Annotations "org.example.x"}}' labelled)" y
	expect_equal "$(coracle ps --filter label=a=1 --format '{{.Names}}')" labelled
	expect_equal "$(coracle ps --filter label=a=2 --format '{{.Names}}')" ""
	expect_equal "$(coracle ps --filter label=b --format '{{.Names}}')" labelled
}

@test "run --init: reaps processes whose parents have gone" {
	local script='for i in 1 2 3 4 5; do sh -c "sleep 0.1 & exit"; done
		n=0; while ps -o stat,comm | grep -qE "^Z|sleep" && [ $n -lt 100 ]; do n=$((n + 1)); sleep 0.1; done; ps -o stat,comm | grep -c "^Z"'
	expect_equal "$(coracle run --rm --init busybox sh -c "$script")" 0
	run coracle run --rm --init busybox sh -c 'cat /proc/1/comm; echo $$'
	expect_match 'init'
	[[ $output != *$'\n1' ]]
}

@test "run --init: forwards signals and ends as the program does" {
	coracle run -d --name held --init busybox sh -c 'trap "echo got it; exit 7" USR1; echo ready; while :; do sleep 0.05; done'
	wait_for_log held ready
	coracle kill -s USR1 held
	expect_equal "$(coracle wait held)" 7
	expect_equal "$(coracle logs held)" $'ready\ngot it'
	run coracle run --rm --init busybox sh -c 'exit 9'
	expect_status 9
	run -127 coracle run --rm --init busybox no-such-program
}

@test "run --ulimit, --umask, --oom-score-adj" {
	run coracle run --rm --ulimit nofile=100:200 --ulimit core=0 --umask 0027 busybox sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c; umask; touch /f; stat -c %a /f'
	expect_output $'100\n200\n0\n0027\n640'
	expect_equal "$(coracle run --rm busybox sh -c umask)" 0022
	expect_equal "$(coracle run --rm --oom-score-adj 500 busybox cat /proc/self/oom_score_adj)" 500
	expect_error 125 'nonsense' coracle run --rm --ulimit nonsense=1 busybox true
	expect_error 125 'nofile' coracle run --rm --ulimit nofile=x busybox true
	expect_error 125 '99x' coracle run --rm --umask 99x busybox true
}

@test "run: the process begins with a clean slate" {
	# Signals neither blocked nor ignored, whatever our own shell does; a session of its own.
	run bash -c 'trap "" INT TERM HUP PIPE USR1; "$T/coracle" run --rm busybox grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status'
	expect_output $'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000'
	run coracle run --rm busybox sh -c 'read -r pid comm state ppid pgrp session rest </proc/self/stat; echo $ppid $session'
	expect_output "0 1"
}

@test "run: what cannot be is said in one line" {
	expect_error 125 'CAP_NONSENSE|NONSENSE' coracle run --rm --cap-add NONSENSE busybox true
	expect_error 125 'SIGNONSENSE|NONSENSE' coracle run --rm --stop-signal NONSENSE busybox true
	expect_error 125 'nonsense' coracle run --rm --security-opt nonsense=1 busybox true
	expect_error 125 'nonsense' coracle run --rm --network nonsense busybox true
	expect_error 125 'nonsense' coracle run --restart nonsense busybox true
	expect_error 125 'shm-size' coracle run --rm --shm-size lots busybox true
	expect_error 125 'log-driver' coracle run --rm --log-driver nonsense busybox true
	no_containers
}

@test "run: what is no limit needs no cgroup, and --ulimit host leaves the limits that we have" {
	run -0 coracle run --rm --pids-limit -1 --memory 0 --ulimit host busybox sh -c 'ulimit -Hn'
	expect_output "$(ulimit -Hn)"
	run -0 coracle run --rm --cgroups disabled --pids-limit 0 busybox echo fine
	expect_output fine
}

@test "run: a command line as long as the kernel takes it, and one that would be too long a record" {
	local i text arguments=()
	text=$(printf '%120000s' '' | tr ' ' '"')
	for i in $(seq 14); do arguments+=("$text"); done
	coracle run -d --name long busybox sh -c "sleep 1000; :" "${arguments[@]}"
	expect_equal "$(coracle ps --format '{{.Names}}')" long
	expect_equal "$(coracle exec long sh -c 'wc -c </proc/1/cmdline')" $((14 * 120001 + 20))
	expect_equal "$(coracle inspect long | grep -c '"sleep 1000; :"')" 3
	coracle restart -t 0 long
	coracle rm -f -t 0 long
	text=${text//'"'/$'\001'}
	for i in $(seq 14); do arguments[i - 1]=$text; done
	expect_error 125 'too long' coracle run -d --name long busybox sh -c "sleep 1000; :" "${arguments[@]}"
	expect_equal "$(coracle ps -a -q)" ''
}

@test "run --preserve-fds --init: only the program has them, not its init" {
	local reader
	mkfifo "$T/pipe"
	cat "$T/pipe" >"$T/read" 3>&- &
	reader=$!
	"$T/coracle" run -d --name one --init --preserve-fds 1 busybox sh -c 'echo through >&3; exec 3>&-; exec sleep 1000' 3>"$T/pipe"
	# It ends with the program's descriptor, while init lives on.
	timeout 10 tail -s 0.05 --pid="$reader" -f /dev/null
	expect_equal "$(cat "$T/read")" through
	expect_state one running
	expect_equal "$(coracle exec one ls /proc/1/fd | tr '\n' ' ')" "0 1 2 "
	coracle stop -t 0 one
}

@test "run --preserve-fds: the process has so many more descriptors, and none besides" {
	local open='cd /proc/self/fd && echo *' hold='cat <&4 >&3; exec 3>&-; sleep 1000'
	printf 'from below\n' >"$T/in"
	run -0 coracle run --rm --preserve-fds 2 busybox sh -c "cat <&4 >&3; $open" 3>"$T/out" 4<"$T/in" 5</dev/null 9</dev/null
	expect_match '^0 1 2 3 4( 5)?$' # the shell's own, of what it lists
	expect_equal "$(cat "$T/out")" "from below"
	expect_equal "$(coracle run --rm --init --preserve-fds 1 busybox cat /proc/self/fd/3 3<"$T/in")" "from below"
	expect_equal "$(coracle run --rm --preserve-fds 0 busybox sh -c 'echo x >&3' 2>&1 3>"$T/none")" "sh: 3: Bad file descriptor"
	# Whoever makes the process: a helper in between, a user namespace below, a single id.
	expect_equal "$(coracle run --rm --pid host --preserve-fds 1 busybox cat /proc/self/fd/3 3<"$T/in")" "from below"
	expect_equal "$(coracle run --rm --userns keep-id --preserve-fds 1 busybox sh -c 'cat <&3; test ! -e /proc/self/fd/4' 3<"$T/in" 4</dev/null)" "from below"
	expect_equal "$(with_one_id "$BUILD/coracle" --root "$T/one" --runroot "$T/one-run" load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null &&
		with_one_id "$BUILD/coracle" --root "$T/one" --runroot "$T/one-run" run --rm --preserve-fds 1 busybox sh -c 'cat <&3' 3<"$T/in")" "from below"
	expect_equal "$(coracle run --rm -t --preserve-fds 1 busybox sh -c 'cat <&3' 3<"$T/in" | tr -d '\r')" "from below"
	# Left in the background; whoever reads learns when the process lets go of it, because nobody else has it: neither the monitor nor a helper.
	mkfifo "$T/pipe"
	"$T/coracle" run -d --name held --network slirp4netns --preserve-fds 2 busybox sh -c "$hold" 3>"$T/pipe" 4<"$T/in" >/dev/null &
	expect_equal "$(timeout 60 cat "$T/pipe" && echo closed)" $'from below\nclosed'
	await $!
	expect_equal "$(inspected held State.Status)" running
	# The same while the command stays.
	"$T/coracle" run --rm --preserve-fds 2 --name stays busybox sh -c "$hold" 3>"$T/pipe" 4<"$T/in" &
	expect_equal "$(timeout 60 cat "$T/pipe" && echo closed)" $'from below\nclosed'
	expect_equal "$(inspected stays State.Status)" running
	coracle rm -f -t 0 stays held
	expect_error 125 'descriptor 4 is not open' coracle run --rm --preserve-fds 2 busybox true 3</dev/null 4<&-
	expect_error 125 'handed on' coracle run --rm --preserve-fds=-1 busybox true
	no_containers
}

@test "run --systemd: what it mounts, its signal, its environment; by itself when the program is an init" {
	local tell='grep -E " /(run|run/lock|tmp|var/log/journal) " /proc/mounts | cut -d" " -f2,3; echo $container ${#container_uuid}'
	run -0 --separate-stderr coracle run --name one --systemd always busybox sh -c "$tell; touch /run/x /run/lock/x /tmp/x /var/log/journal/x && stat -c %a /run /tmp"
	[[ "$(grep -c tmpfs <<<"$output")" == 4 ]]
	expect_match $'(^|\n)/var/log/journal tmpfs'
	expect_match $'\ncoracle 32\n755\n1777$'
	expect_equal "$(inspected one Config.StopSignal) $(inspected one Config.SystemdMode)" "SIGRTMIN+3 true"
	expect_equal "$(coracle run --rm busybox sh -c "$tell")" "coracle 0"
	# By the program alone, whatever it is: /sbin/init here is busybox'.
	coracle create --name two busybox /sbin/init >/dev/null
	coracle create --name three --systemd false busybox /sbin/init >/dev/null
	coracle create --name four --entrypoint /lib/systemd/systemd --stop-signal SIGINT busybox >/dev/null
	coracle create --name five busybox /bin/init >/dev/null
	coracle create --name six --init busybox /sbin/init >/dev/null
	expect_equal "$(for name in two three four five six; do inspected $name Config.StopSignal; done | tr '\n' ' ')" "SIGRTMIN+3 SIGTERM SIGINT SIGTERM SIGTERM "
	expect_equal "$(inspected four Config.SystemdMode)" true
	# A mount of the user's own is his.
	mkdir "$T/own" && echo mine >"$T/own/file"
	expect_equal "$(coracle run --rm --systemd always -v "$T/own:/tmp" -e container_uuid=me busybox sh -c 'cat /tmp/file; echo $container_uuid' 2>/dev/null)" $'mine\nme'
	expect_error 125 'process 1' coracle run --rm --systemd always --init busybox true
	expect_error 125 'true, false or always' coracle run --rm --systemd maybe busybox true
}

@test "run --systemd: stop sends SIGRTMIN+3; that there is no control group is said; it survives a restart" {
	run -0 --separate-stderr coracle run -d --name one --systemd always --cgroups disabled busybox sh -c 'trap "echo stopped; exit 0" 37; echo ready; while :; do sleep 0.05; done'
	[[ $stderr == *"no control group that systemd could divide"*"--cgroups disabled"* ]]
	local i
	# shellcheck disable=SC2317,SC2329 # called by wait_until
	has_started() { [[ $(coracle logs one | grep -c ready) == "$1" ]]; }
	for i in 1 2; do
		wait_until 20 has_started $i
		coracle stop -t 60 one
		expect_equal "$(inspected one State.ExitCode) $(coracle logs one | grep -c stopped)" "0 $i"
		coracle start one 2>/dev/null
	done
	coracle rm -f -t 0 one
	no_containers
}

@test "run --personality: the execution domain, also of later processes and starts" {
	expect_equal "$(coracle run --rm --personality LINUX32 busybox uname -m)" "$(setarch linux32 uname -m)"
	expect_equal "$(coracle run --rm --personality LINUX busybox uname -m)" "$(uname -m)"
	expect_equal "$(setarch linux32 "$T/coracle" run --rm --personality LINUX busybox uname -m)" "$(uname -m)"
	coracle create --name one --personality LINUX32 busybox sleep 1000 >/dev/null
	coracle start one
	coracle restart -t 0 one
	expect_equal "$(coracle exec one uname -m)" "$(setarch linux32 uname -m)"
	coracle rm -f -t 0 one
	expect_error 125 'LINUX or LINUX32' coracle run --rm --personality BSD busybox true
}

@test "run --init-path: the host's program is process 1, and gets the command behind --" {
	printf '%s\n' '#include <stdio.h>' '#include <unistd.h>' \
		'int main(int count, char **args) { printf("%d:%s:%s:%d\n", count, args[1], args[2], (int)getpid()); fflush(stdout); execv("/bin/sh", args + 2); return 9; }' >"$T/init.c"
	cc -static -o "$T/init" "$T/init.c"
	expect_equal "$(coracle run --rm --init --init-path ./init busybox sh -c 'echo $$')" $'5:--:sh:1\n1'
	# Without --init there is none; with it, it is the same at each start, from wherever.
	expect_equal "$(coracle run --rm --init-path ./init busybox sh -c 'echo $$')" 1
	coracle create --name one --init --init-path ./init busybox sh -c 'echo $$' >/dev/null
	(cd / && coracle start -a one >"$T/out")
	expect_equal "$(cat "$T/out")" $'5:--:sh:1\n1'
	rm "$T/init"
	expect_error 125 "$T/init" coracle start -a one
	coracle rm one
	expect_error 125 'init-path' coracle run --rm --init --init-path "$T/none" busybox true
	printf 'no program' >"$T/text" && chmod +x "$T/text"
	expect_error 126 "$T/text" coracle run --rm --init --init-path "$T/text" busybox true
	no_containers
}
