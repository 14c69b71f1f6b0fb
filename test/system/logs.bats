# SPDX-License-Identifier: Apache-2.0
# logs: what a container wrote, told again; the file, and its rotation.
load helpers

setup() {
	common_setup
	load_image busybox
}

log_file() {
	inspected "$1" LogPath
}

# Each line of the files is a JSON object with the three members, in docker's json-file format; prints the text of one stream.
json_text() { # stream file…
	python3 - "$@" <<-'P'
		import json, re, sys
		stream, *files = sys.argv[1:]
		for name in files:
		    for line in open(name, "rb"):
		        entry = json.loads(line)
		        assert set(entry) == {"log", "stream", "time"}, entry
		        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z", entry["time"]), entry["time"]
		        if entry["stream"] == stream:
		            sys.stdout.write(entry["log"])
	P
}

@test "logs: output and error, each to the same, while it runs and afterwards" {
	coracle run -d --name one busybox sh -c 'echo out 1; echo err 1 >&2; echo out 2; echo "quote \" back \\ tab	 é"; sleep 1000'
	wait_for_log one quote
	run --separate-stderr coracle logs one
	expect_output $'out 1\nout 2\nquote " back \\ tab\t é'
	expect_equal "$stderr" "err 1"
	coracle stop -t 0 one
	run --separate-stderr coracle logs one
	expect_output $'out 1\nout 2\nquote " back \\ tab\t é'
	expect_equal "$stderr" "err 1"
	expect_error 125 'none-such' coracle logs none-such
}

@test "logs: what an attached run wrote is kept too" {
	coracle run --name one busybox sh -c 'echo out; echo err >&2' >/dev/null 2>&1
	run --separate-stderr coracle logs one
	expect_output out
	expect_equal "$stderr" err
}

@test "logs: the file is docker's json-file" {
	coracle run --name one busybox sh -c 'seq 1000; printf "\"\\\\ \001 é 日本\n"; printf "no newline"; seq 5 >&2' >/dev/null 2>&1
	expect_equal "$(json_text stdout "$(log_file one)")" "$(seq 1000; printf '"\\ \001 é 日本\nno newline')"
	expect_equal "$(json_text stderr "$(log_file one)")" "$(seq 5)"
}

@test "logs: no newline at the end, long lines, and bytes that are no text" {
	coracle run --name partial busybox printf 'a\nno newline' >/dev/null
	expect_equal "$(coracle logs partial | od -An -tx1 | tr -d ' \n')" "$(printf 'a\nno newline' | od -An -tx1 | tr -d ' \n')"
	coracle run --name long busybox sh -c 'head -c 100000 /dev/zero | tr "\0" x; echo; head -c 70000 /dev/zero | tr "\0" y' >/dev/null
	expect_equal "$(coracle logs long | md5sum)" "$( (head -c 100000 /dev/zero | tr '\0' x; echo; head -c 70000 /dev/zero | tr '\0' y) | md5sum)"
	json_text stdout "$(log_file long)" >/dev/null
	coracle run --name binary busybox printf 'nul \0 bad \377\376 cut \303\nfine\n' >/dev/null
	json_text stdout "$(log_file binary)" >/dev/null
	expect_matches "$(coracle logs binary | tr -d '\0' | tail -n 1)" '^fine$'
}

@test "logs --tail, --timestamps, --names" {
	coracle run --name one busybox seq 100 >/dev/null
	expect_equal "$(coracle logs --tail 3 one)" $'98\n99\n100'
	expect_equal "$(coracle logs --tail 0 one)" ""
	expect_equal "$(coracle logs --tail all one | wc -l)" 100
	expect_equal "$(coracle logs --tail 1000 one | wc -l)" 100
	expect_matches "$(coracle logs -t --tail 1 one)" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+) 100$'
	expect_matches "$(coracle logs -n --tail 1 one)" 'one.*100$'
	expect_error 125 'nonsense' coracle logs --tail nonsense one
}

@test "logs: of several containers, with the id or the name before each line; --color; --follow takes them at once" {
	local one two red
	one=$(coracle run -d --name one busybox sh -c 'echo a; echo b >&2')
	two=$(coracle run -d --name two busybox sh -c 'echo c; until test -e /go; do sleep 0.05; done; echo late')
	coracle wait one >/dev/null
	wait_for_log two c
	expect_equal "$(coracle logs one two 2>/dev/null)" "${one:0:12} a"$'\n'"${two:0:12} c"
	expect_equal "$(coracle logs one two 2>&1 >/dev/null)" "${one:0:12} b"
	coracle logs --names --color two one >"$T/out" 2>/dev/null
	red=$'\033\[[0-9]+m'
	[[ $(sed -n 1p "$T/out") =~ ^${red}two${red}\ c$ ]]
	[[ $(sed -n 2p "$T/out") =~ ^${red}one${red}\ a$ ]]
	[[ $(sed -n 1p "$T/out" | cut -c1-5) != $(sed -n 2p "$T/out" | cut -c1-5) ]] # another colour
	expect_equal "$(coracle logs --color one 2>/dev/null)" a
	coracle logs -f -n one two >"$T/followed" 2>/dev/null &
	local following=$!
	wait_until 20 grep -q 'two c' "$T/followed"
	coracle exec two touch /go
	await $following
	expect_status 0
	expect_equal "$(sort "$T/followed")" $'one a\ntwo c\ntwo late'
	expect_error 125 'none-such' coracle logs one none-such
}

@test "logs --since, --until" {
	coracle run -d --name one busybox sh -c 'echo early; sleep 1.5; echo late; sleep 1000'
	wait_for_log one late
	local early late
	early=$(coracle logs -t one | awk '/early/{print $1}')
	late=$(coracle logs -t one | awk '/late/{print $1}')
	expect_equal "$(coracle logs --since "$late" one)" late
	expect_equal "$(coracle logs --until "$early" one)" early
	expect_equal "$(coracle logs --since "$early" one)" $'early\nlate'
	expect_equal "$(coracle logs --since 1h one)" $'early\nlate'
	expect_equal "$(coracle logs --until 1h one)" ""
	expect_equal "$(coracle logs --since "$(date +%s -d "$late")" one)" late
	expect_error 125 'nonsense' coracle logs --since nonsense one
}

@test "logs -f: follows, and ends with the container" {
	coracle run -d --name one busybox sh -c 'for i in $(seq 20); do echo $i; sleep 0.05; done'
	run timeout 30 "$T/coracle" logs -f one
	expect_status 0
	expect_output "$(seq 20)"
	# Of one that has ended: prints and ends.
	run timeout 30 "$T/coracle" logs -f one
	expect_output "$(seq 20)"
}

@test "logs -f: goes on over a rotation; follow from the tail" {
	coracle run -d --name one --log-opt max-size=20k --log-opt max-file=3 busybox sh -c 'for i in $(seq 3000); do echo "line $i"; [ $((i % 100)) = 0 ] && sleep 0.02; done'
	run timeout 60 "$T/coracle" logs -f one
	expect_status 0
	# What was rotated away before the first look may be missing; from then on no line is, and none comes twice.
	python3 - "$output" <<-'P'
		import sys
		numbers = [int(line.split()[1]) for line in sys.argv[1].splitlines()]
		gaps = [pair for pair in zip(numbers, numbers[1:]) if pair[1] != pair[0] + 1]
		assert not gaps and numbers[-1] == 3000, (gaps, numbers[-1])
	P
}

@test "logs: rotation keeps max-file files of max-size, and loses no line between them" {
	coracle run --name one --log-opt max-size=50k --log-opt max-file=3 busybox sh -c 'for i in $(seq 5000); do echo "line $i"; done' >/dev/null
	local file
	file=$(log_file one)
	expect_equal "$(find "$(dirname "$file")" -name '*-json.log*' | wc -l)" 3
	for file in "$file"*; do
		(($(stat -c %s "$file") <= 51200)) || {
			echo "$file is too big: $(stat -c %s "$file")"
			return 1
		}
	done
	coracle logs one >"$T/lines"
	python3 - "$T/lines" <<-'P'
		import sys
		numbers = [int(line.split()[1]) for line in open(sys.argv[1])]
		assert len(numbers) > 1000 and numbers == list(range(numbers[0], 5001)), (numbers[:2], numbers[-2:], len(numbers))
	P
	expect_equal "$(coracle logs --tail 2000 one | head -n 1)" "line $((5000 - 2000 + 1))" || [[ $(wc -l <"$T/lines") -lt 2000 ]]
	expect_error 125 'max-size' coracle run --log-opt max-size=lots busybox true
	expect_error 125 'max-file' coracle run --log-opt max-file=-1 busybox true
	expect_error 125 'nonsense' coracle run --log-opt nonsense=1 busybox true
}

@test "logs: of files that are rotated all the time, what is asked for is shown, and comes to an end" {
	coracle run -d --name loud --log-opt max-size=200k --log-opt max-file=4 busybox sh -c 'i=0; while :; do i=$((i + 1)); echo "line $i"; done'
	wait_until 20 test -e "$(log_file loud).3"
	local i
	for i in $(seq 30); do
		timeout 20 "$T/coracle" logs --tail 30 loud >"$T/tail"
		timeout 20 "$T/coracle" logs loud >"$T/all"
		python3 - "$T/tail" "$T/all" <<-'P'
			import sys
			tail, everything = ([int(line.split()[1]) for line in open(name)] for name in sys.argv[1:])
			assert tail == list(range(tail[0], tail[0] + 30)), tail
			assert everything and everything == list(range(everything[0], everything[-1] + 1)), (len(everything), everything[:1], everything[-1:])
		P
	done
	coracle rm -f -t 0 loud
}

@test "logs: over a restart they go on" {
	coracle run --name one busybox sh -c 'echo again' >/dev/null
	coracle start -a one >/dev/null
	expect_equal "$(coracle logs one)" $'again\nagain'
}

@test "logs: --log-driver none keeps nothing, and says so" {
	expect_equal "$(coracle run --name one --log-driver none busybox echo seen)" seen
	run --separate-stderr coracle logs one
	[[ $output != *seen* ]]
	expect_matches "$stderr" 'none'
}

@test "logs: of a terminal" {
	coracle run -t --name one busybox sh -c 'echo one; echo two >&2' </dev/null >/dev/null
	expect_equal "$(coracle logs one | tr -d '\r')" $'one\ntwo'
}

@test "logs: a container that writes without end does not fill memory or block" {
	coracle run -d --name loud --log-opt max-size=1m --log-opt max-file=2 busybox yes
	local pid before
	pid=$(inspected loud State.ConmonPid)
	sleep 0.5
	before=$(awk '/^VmRSS/{print $2}' "/proc/$pid/status")
	sleep 1
	(($(awk '/^VmRSS/{print $2}' "/proc/$pid/status") <= before + 1024))
	(($(du -k "$(dirname "$(log_file loud)")" --exclude=upper --exclude=work | tail -n 1 | cut -f1) < 3500))
	expect_equal "$(coracle logs --tail 2 loud)" $'y\ny'
	coracle stop -t 0 loud
}
