# SPDX-License-Identifier: Apache-2.0
# commands: what all of them have in common: words that are wrong, --help, their other names, forms of options, places.
load helpers

@test "commands: an unknown command or option is named, with the nearest that exists" {
	expect_error 125 "rnu.*run" coracle rnu
	expect_error 125 "nonsensical" coracle nonsensical
	expect_error 125 "lis.*ls|list" coracle container lis
	expect_error 125 "detahc.*--detach" coracle run --detahc busybox
	expect_error 125 "rooot" coracle --rooot x ps
	expect_error 125 "Y|-Y" coracle ps -Y
	expect_error 125 "format" coracle ps --format
	expect_error 125 "last" coracle ps --last many
	expect_error 125 "maybe" coracle ps --all=maybe
}

@test "commands: too few and too many arguments" {
	expect_error 125 'run' coracle run
	expect_error 125 'rename' coracle rename one
	expect_error 125 'wait|name' coracle wait
	expect_error 125 'load|argument|surplus' coracle load a b c
	expect_error 125 'tag' coracle tag one
}

# The names in the list of commands of --help.
commands() { # group…
	coracle "$@" --help | awk '/^[A-Za-z ]*[Cc]ommands:?$/{on=1; next} /^[^ ]/{on=0} on && /^  [a-z]/{print $1}' | tr -d ,
}

@test "commands: --help of every command, and help COMMAND" {
	local name sub
	expect_matches "$(commands | tr '\n' ' ')" 'attach .*create .*exec .*images .*kill .*load .*logs .*ps .*rm .*run .*start .*stop '
	for name in $(commands); do
		[[ $name != help ]] || continue
		run coracle "$name" --help
		expect_status 0
		expect_match "coracle $name"
		expect_equal "$output" "$(coracle help "$name")"
		if [[ -n $(commands "$name") ]]; then
			for sub in $(commands "$name"); do
				run coracle "$name" "$sub" --help
				expect_status 0
				expect_match "coracle"
			done
		fi
	done
	expect_equal "$(coracle 2>&1)" "$(coracle --help)"
}

@test "commands: noun forms do the same" {
	load_image busybox
	coracle container create --name one busybox sleep 1000
	coracle container start one
	expect_equal "$(coracle container ls -q)" "$(coracle ps -q)"
	expect_equal "$(coracle container ps -q)" "$(coracle ps -q)"
	expect_equal "$(coracle container list -q)" "$(coracle ps -q)"
	expect_equal "$(coracle container exec one echo fine)" fine
	coracle container stop -t 0 one
	coracle container rm one
	expect_equal "$(coracle container run --rm busybox echo fine)" fine
	coracle image tag busybox other
	coracle image rm other
	coracle image inspect busybox >/dev/null
	expect_equal "$(coracle image ls -q)" "$(coracle images -q)"
	expect_no coracle image none-such
}

@test "commands: forms of options" {
	load_image busybox
	expect_equal "$(coracle run --rm=true --env=A=1 -eB=2 -e C=3 busybox sh -c 'echo $A $B $C')" "1 2 3"
	expect_equal "$(echo x | coracle run -i --rm --tty=false busybox cat)" x
	expect_equal "$(coracle run --rm -- busybox echo -- x)" "-- x"
	expect_equal "$(coracle create --name one busybox true | wc -c)" 65
	expect_equal "$(coracle ps -aq --no-trunc=false | tr -d '\n' | wc -c)" 12
	coracle rm -f one
}

@test "commands: output that cannot be written is an error" {
	run bash -c '"$T/coracle" --help >/dev/full'
	expect_status 125
	expect_match 'No space left'
	# A reader that has enough is none of our business.
	run bash -c 'set -o pipefail; "$T/coracle" --help | head -n 1'
	[[ $output != *Error* ]]
}

@test "commands: closed standard descriptors do no harm" {
	load_image busybox
	run bash -c '"$T/coracle" run --rm busybox true <&- >&- 2>&-; echo $?'
	expect_output 0
	run bash -c '"$T/coracle" run -d --name one busybox sleep 1000 <&- 2>&-'
	expect_status 0
	expect_state one running
}

@test "commands: places that cannot be used are named" {
	expect_error 125 "/proc/no" "$BUILD/coracle" --root /proc/no --runroot "$T/run" ps
	: >"$T/file"
	expect_error 125 "$T/file" "$BUILD/coracle" --root "$T/file" --runroot "$T/run" ps
	mkdir -m 500 "$T/closed"
	expect_error 125 "$T/closed" "$BUILD/coracle" --root "$T/closed/root" --runroot "$T/run" ps
}

@test "commands: the usual places, without XDG_RUNTIME_DIR too" {
	local place before=
	place=/tmp/coracle-$(id -u)
	[[ ! -e $place ]] || before=there
	run env -u XDG_RUNTIME_DIR HOME="$T/home" "$BUILD/coracle" ps -q
	expect_status 0
	expect_equal "$(stat -c %a:%u "$place")" "700:$(id -u)"
	[[ $before == there ]] || rm -r "$place"
	[[ -d $T/home/.local/share/coracle ]]
	mkdir -m 700 "$T/runtime"
	run env XDG_DATA_HOME="$T/data" XDG_RUNTIME_DIR="$T/runtime" "$BUILD/coracle" ps -q
	expect_status 0
	[[ -d $T/data/coracle && -d $T/runtime/coracle ]]
}

@test "commands: info says what there is" {
	load_image busybox
	run coracle info
	expect_status 0
	expect_match 'overlay|vfs'
	expect_match "$ROOT"
	coracle info --format json | jq -e 'type == "object"' >/dev/null || coracle info --format '{{json .}}' | jq -e 'type == "object"'
}
