# SPDX-License-Identifier: Apache-2.0
# progress: what a person sees of long commands in a real terminal (tmux), narrow and wide, while it changes its size, and when he has enough of it.
load helpers
load registry
load transfer

setup() {
	common_setup
	start_registry
}

teardown() {
	tmux -S "$T/tmux" kill-server 2>/dev/null || true
	end_registries
	common_teardown
}

no_terminal() {
	! pgrep -f -- "tmux -S $T/tmux " >/dev/null
}

# A shell in a terminal of this size.
start_terminal() { # columns rows
	cat >"$T/shell" <<-S
		export PS1='prompt\$ ' HOME=$HOME PATH=$T:$PATH
		exec bash --norc --noprofile -i
	S
	# A server that is told to end lets go of its socket a little later than it answers.
	wait_until 10 no_terminal
	tmux -S "$T/tmux" -f /dev/null new-session -d -x "$1" -y "$2" bash "$T/shell"
	tmux -S "$T/tmux" set-option -g window-size manual
	wait_until 20 shows 'prompt\$'
}

type_in() { # text
	tmux -S "$T/tmux" send-keys "$1" Enter
}

# What is to be seen; with "all" also what has scrolled out.
screen() {
	if [[ ${1-} == all ]]; then
		tmux -S "$T/tmux" capture-pane -p -S -
	else
		tmux -S "$T/tmux" capture-pane -p
	fi
}

shows() { # pattern
	screen all | grep -qE -- "$1"
}

count_shown() { # pattern
	screen all | grep -cE -- "$1" || true
}

# shows_pull COLUMNS: a line for each layer, below whatever the terminal has made of what was there before; each stands there once, but where it has just become wider.
shows_pull() { # columns
	[[ $(screen | grep . | tail -n 3 | grep -o '^[0-9a-f]*: ' | sort -u | wc -l) == 3 ]] || return
	[[ $1 == 80 || $(screen | grep -c "^$(layer_digest app:1 1 | cut -c 8-19): ") == 1 ]]
}

# A prompt below what was typed, and a cursor behind it.
at_prompt() {
	[[ $(screen | grep . | tail -n 1) == 'prompt$' ]]
}

expect_usable() {
	wait_until 30 at_prompt
	expect_equal "$(tmux -S "$T/tmux" display-message -p '#{cursor_flag} #{cursor_x}')" "1 8"
	type_in 'echo still-$((40 + 2))'
	wait_until 10 shows '^still-42$'
}

slow_image() { # kib of each layer, bytes per second
	local i
	for i in 1 2 3; do
		layer_of_noise "$T/$i.tgz" "$i" "$1"
	done
	make_image app:1 amd64 "$T/1.tgz" "$T/2.tgz" "$T/3.tgz" >/dev/null
	start_faulty_proxy
	fault '*' GET blobs slow "$2"
}

@test "progress: a pull at 30, 80 and 200 columns: a line for each layer, none broken, none left twice" {
	# So slow that it is seen on any machine; what has been seen need not be waited for.
	slow_image 800 50000
	local columns layer
	for columns in 30 80 200; do
		faults_end
		fault '*' GET blobs slow 50000
		start_terminal "$columns" 12
		type_in "coracle pull $PROXY/app:1; echo ended"
		wait_until 20 shows "$(layer_digest app:1 0 | cut -c 8-19): *Downloading"
		if ((columns >= 80)); then
			wait_until 20 shows 'Downloading *\[=*> *\]  [0-9.]+ ?[kM]B/[0-9.]+ ?[kM]B'
		fi
		faults_end
		wait_until 40 shows '^ended$'
		for layer in 0 1 2; do
			expect_equal "$(count_shown "^$(layer_digest app:1 "$layer" | cut -c 8-19): *Pull complete")" 1
		done
		expect_equal "$(count_shown 'Downloading')" 0
		expect_usable
		coracle rmi "$PROXY/app:1" >/dev/null
		tmux -S "$T/tmux" kill-server
	done
}

@test "progress: a terminal that changes its size, and one with fewer lines than the image has layers" {
	slow_image 1500 20000
	start_terminal 100 20
	type_in "coracle pull $PROXY/app:1; echo ended"
	wait_until 20 shows "Downloading *\["
	local size
	for size in "60 20" "40 20" "120 10" "35 20" "80 24"; do
		tmux -S "$T/tmux" resize-window -x "${size% *}" -y "${size#* }"
		sleep 0.6
		wait_until 5 shows_pull "${size% *}" || {
			echo "at $size:"
			screen
			return 1
		}
	done
	faults_end
	wait_until 40 shows '^ended$'
	expect_equal "$(screen | grep . | tail -n 6 | grep -c 'Pull complete')" 3
	expect_usable
	coracle rmi "$PROXY/app:1" >/dev/null
	tmux -S "$T/tmux" kill-server
	start_terminal 80 3
	fault '*' GET blobs slow 700000
	type_in "clear; coracle pull $PROXY/app:1; echo ended"
	wait_until 40 shows '^ended$'
	expect_usable
	coracle image exists "$PROXY/app:1"
}

@test "progress: ^C in the middle of a pull leaves a terminal that works, and nothing half made" {
	slow_image 1500 150000
	start_terminal 80 24
	type_in "coracle pull $PROXY/app:1; echo status-\$?"
	wait_until 20 shows "Downloading *\[=+>"
	tmux -S "$T/tmux" send-keys C-c
	wait_until 10 at_prompt
	expect_usable
	expect_equal "$(coracle images -aq)" ""
	# What had come is there for the next one, which sweeps what lies about.
	faults_end
	expect_equal "$(coracle pull -q "$PROXY/app:1")" "$(id_in_registry app:1)"
	grep -q 'range=bytes=[1-9]' "$PROXY_LOG"
	wait_until 10 nothing_staged
}

@test "progress: push, save and load show what becomes of each layer, and ^C leaves no archive" {
	local i
	for i in 1 2; do
		layer_of_noise "$T/$i.tgz" "$i" 40000
	done
	make_image app:1 amd64 "$T/1.tgz" "$T/2.tgz" >/dev/null
	coracle pull -q "$REGISTRY/app:1" >/dev/null
	start_terminal 100 24
	start_registry
	type_in "coracle push $(coracle images --format '{{.Repository}}:{{.Tag}}') $REGISTRY/other:1; echo pushed-\$?"
	wait_until 60 shows '^pushed-0$'
	expect_equal "$(registry_manifest other:1 | jq '.layers | length')" 2
	type_in "clear; coracle save $(coracle images -q) | (sleep 3; cat) >$T/slow.tar; echo saved-\$?"
	wait_until 60 shows '^saved-0$'
	expect_equal "$(count_shown 'Saving|Writing' || true)" 0
	type_in "clear; (sleep 2; cat $T/slow.tar) | coracle load; echo loaded-\$?"
	wait_until 60 shows '^loaded-0$'
	type_in "clear; (head -c 50000000 $T/slow.tar; sleep 100) | coracle load; echo loaded-\$?"
	sleep 2
	tmux -S "$T/tmux" send-keys C-c
	wait_until 20 at_prompt
	expect_usable
	expect_equal "$(coracle images -q | wc -l)" 1
	coracle rmi -a -f >/dev/null
	wait_until 10 nothing_staged
}
