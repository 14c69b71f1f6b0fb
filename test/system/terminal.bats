# SPDX-License-Identifier: Apache-2.0
# terminal: -t: a real terminal inside, its size, keys, detaching and attaching, job control.
load helpers

setup() {
	common_setup
	load_image busybox
}

@test "run -it: is a terminal, echoes, and the exit status comes back" {
	run terminal 'expect=# ' 'send=tty; exit 4\n' -- "$T/coracle" run --rm -it busybox sh
	expect_status 4
	expect_match '/dev/(pts/0|console)'
	run terminal -- "$T/coracle" run --rm -t busybox sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all three'
	expect_match 'all three'
	run terminal -- "$T/coracle" run --rm busybox sh -c 'test -t 1 || echo none'
	expect_match 'none'
}

@test "run -t: lines end as on a terminal, without one they do not" {
	expect_equal "$(coracle run --rm -t busybox echo x </dev/null | od -An -tx1 | tr -d ' \n')" 780d0a
	expect_equal "$(coracle run --rm busybox echo x | od -An -tx1 | tr -d ' \n')" 780a
}

@test "run -it: without a terminal is an error that says what to do" {
	expect_error 125 'terminal' coracle run --rm -it busybox true </dev/null
}

@test "run -it: the window's size from the beginning, and when it changes" {
	run terminal size=31x97 'expect=ready' 'sleep=0.1' size=42x111 'expect=changed 42 111' -- \
		"$T/coracle" run --rm -it busybox sh -c 'stty size; trap "echo changed \$(stty size); exit" WINCH; echo ready; while :; do sleep 0.05; done'
	expect_status 0
	expect_match '31 97'
}

@test "run -it: keys: interrupt, end of file, job control" {
	run terminal 'expect=# ' 'send=echo begun; sleep 1000\n' 'expect=\nbegun' sleep=0.3 'send=\x03' 'expect=# ' 'send=echo code $?\n' 'expect=code 130' 'expect=# ' 'send=\x04' -- "$T/coracle" run --rm -it busybox sh
	expect_status 0
	[[ $output != *"can't access tty"* && $output != *"no job control"* ]]
	run terminal 'expect=# ' 'send=echo begun; sleep 1000\n' 'expect=\nbegun' sleep=0.3 'send=\x1a' 'expect=Stopped' 'expect=# ' 'send=fg\n' 'expect=sleep 1000' sleep=0.3 'send=\x03' 'expect=# ' 'send=exit 0\n' -- "$T/coracle" run --rm -it busybox sh
	expect_status 0
}

@test "run -it: many keys and a lot of output arrive whole" {
	run terminal 'expect=# ' 'send=stty -echo; seq 20000 | md5sum; seq 20000; echo END; exit\n' 'expect=END' -- "$T/coracle" run --rm -it busybox sh
	expect_status 0
	expect_equal "$(tr -d '\r' <<<"$output" | grep -xE '[0-9]+' | md5sum)" "$(seq 20000 | md5sum)"
}

@test "run -it: our own terminal is as before afterwards" {
	run terminal 'expect=before' 'expect=# ' 'send=exit\n' 'expect=after' -- bash -c 'stty -g; echo before; "$T/coracle" run --rm -it busybox sh; echo after; stty -g'
	expect_status 0
	expect_equal "$(grep -cE '^[0-9a-f:]{40,}' <<<"$output")" 2
	expect_equal "$(grep -E '^[0-9a-f:]{40,}' <<<"$output" | sort -u | wc -l)" 1
}

@test "detach and attach: ctrl-p ctrl-q leaves it running, with what it was doing" {
	run terminal 'expect=# ' 'send=x=kept\n' 'expect=# ' 'send=\x10\x11' -- "$T/coracle" run -it --name one busybox sh
	expect_status 0
	expect_state one running
	run terminal 'send=echo $x indeed\n' 'expect=kept indeed' 'send=exit 5\n' -- "$T/coracle" attach one
	expect_status 5
	expect_state one exited
	run terminal 'expect=# ' 'send=exit 6\n' -- "$T/coracle" start -ai one
	expect_status 6
}

@test "detach: other keys, part of the keys is typed through" {
	run terminal 'expect=# ' 'send=echo \x01x\n' 'expect=xecho: not found.*# ' 'send=\x01d' -- "$T/coracle" run -it --name one --detach-keys ctrl-a,d busybox sh
	expect_status 0
	expect_state one running
	expect_error 125 'nonsense' coracle run -dt --detach-keys nonsense busybox sh
}

@test "attach: two at once see the same, and the size follows" {
	coracle run -dit --name one busybox sh
	run terminal size=20x70 'send=\n' 'expect=# ' 'send=stty size\n' 'expect=20 70' 'send=\x10\x11' -- "$T/coracle" attach one
	expect_status 0
	terminal 'expect=hello both' 'send=\x10\x11' -- "$T/coracle" attach one >"$T/other" 3>&- &
	local other=$!
	sleep 0.5
	run terminal 'send=echo hello both\n' 'expect=\nhello both' 'send=\x10\x11' -- "$T/coracle" attach one
	expect_status 0
	wait $other
}

@test "attach: what fills the window is drawn anew, though the size is as before" {
	coracle run -dit --name one busybox sh -c 'trap "echo drawn \$(stty size)" WINCH; echo up; while :; do sleep 0.05; done'
	wait_for_log one up
	run terminal size=20x70 'expect=drawn 20 70' 'send=\x10\x11' -- "$T/coracle" attach one
	expect_status 0
	run terminal size=20x70 'expect=drawn 20 70' 'send=\x10\x11' -- "$T/coracle" attach one
	expect_status 0
	run terminal size=20x70 'expect=drawn 20 70' 'send=\x10\x11' -- "$T/coracle" start -ai one
	expect_status 0
	coracle pause one
	expect_error 125 'paused.*unpause' coracle attach one
	coracle rm -f -t 0 one
}

@test "run -t: kill ends one whose process has ended, but whose output nobody reads" {
	local reader end
	mkfifo "$T/pipe"
	for end in kill 'kill -s TERM' 'stop -t 0'; do
		sleep 1000 <"$T/pipe" 3>&- &
		reader=$!
		"$T/coracle" run -t --name one busybox sh -c 'yes & sleep 1; kill -9 $!; exit 3' >"$T/pipe" 2>/dev/null 3>&- &
		wait_until 10 eval '[[ $(inspected one State.Status) == running ]]'
		sleep 2
		expect_state one running
		# shellcheck disable=SC2086 # words
		timeout 5 "$T/coracle" $end one
		wait_until 5 is_state one exited
		expect_equal "$(inspected one State.ExitCode)" 3
		kill "$reader"
		coracle rm one
	done
}

@test "exec -it: a terminal of its own, size, keys, exit status" {
	coracle run -d --name one busybox sleep 1000
	run terminal size=33x99 'expect=# ' 'send=tty; stty size; exit 9\n' -- "$T/coracle" exec -it one sh
	expect_status 9
	expect_match '/dev/pts/[0-9]'
	expect_match '33 99'
	run terminal 'expect=# ' 'send=echo begun; sleep 1000\n' 'expect=\nbegun' sleep=0.3 'send=\x03' 'expect=# ' 'send=\x04' -- "$T/coracle" exec -it one sh
	expect_status 130
}

@test "run -it: closing the terminal does not kill the container" {
	run terminal 'expect=# ' 'send=\x10\x11' -- "$T/coracle" run -it --name one busybox sh
	coracle start one
	TERMINAL_PATIENCE=1 run terminal 'expect=never' -- "$T/coracle" attach one
	expect_status 98
	sleep 0.3
	expect_state one running
}
