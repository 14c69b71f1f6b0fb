#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The help, the manual and the completions of three shells know every command and every option. `gendocs list` says which there are.

load helpers

paths() {
	"$BUILD/gendocs" list | cut -f1 | sort -u
}

# expect_all_known: of the text on standard input, in which "@PATH" begins what is said of a command, each has all its options as words.
expect_all_known() {
	local missing
	missing=$(LC_ALL=C comm -13 <(awk '/^@/ {path = substr($0, 2); next} {n = split($0, words, "[^[:alnum:]-]+"); for (i = 1; i <= n; i++) print path "\t" words[i]}' | LC_ALL=C sort -u) \
		<("$BUILD/gendocs" list | grep -vP '\t$' | LC_ALL=C sort -u))
	[[ -z $missing ]] || {
		echo "not known:"
		echo "$missing"
		return 1
	}
	[[ $("$BUILD/gendocs" list | grep -c "^run"$'\t'--) -gt 100 ]]
}

@test "--help knows every option of every command, and help says the same" {
	local path
	while IFS= read -r path; do
		echo "@$path"
		# shellcheck disable=SC2086 # a path is words
		coracle $path --help
	done < <(paths) >"$T/help"
	expect_all_known <"$T/help"
	while IFS= read -r path; do
		echo "@$path"
		# shellcheck disable=SC2086
		coracle help $path
	done < <(paths) | cmp - "$T/help"
}

@test "every command is listed by the help of what it is below" {
	local path text
	while IFS= read -r path; do
		[[ -n $path ]] || continue
		# shellcheck disable=SC2046,SC2086
		text=$(coracle $(sed 's/ *[^ ]*$//' <<<"$path") --help; coracle $path --help | sed -n '/^Also known as/,$p')
		# Of several names in one group one is listed, and the help of each names the others.
		grep -qE "^  ${path##* } |coracle ${path% *} [a-z]+" <<<"$text"
	done < <("$BUILD/gendocs" list | cut -f1 | sort -u)
}

@test "the manual knows every option of every command" {
	local path page
	while IFS= read -r path; do
		page=$BUILD/man/coracle${path:+-${path// /-}}.1
		[[ -s $page ]] || echo "there is no $page" >&2
		# A command's other names lead to its page.
		read -r first <"$page"
		[[ $first != .so* ]] || page=$BUILD/man/${first#.so man1/}
		echo "@$path"
		cat "$page"
	done < <(paths) | sed 's/\\-/-/g; s/\\f[BRI]/ /g' | expect_all_known
}

@test "the manual is free of mistakes in its macros" {
	ln -s "$BUILD/man" "$T/man1"
	cd "$T"
	run groff -man -ww -z man1/*.1
	expect_status 0
	expect_output ""
}

# Fills COMPREPLY with how bash completes the line; readline's splitting at = and : is done here.
complete_in_bash() {
	COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
	read -ra COMP_WORDS <<<"$(sed -E 's/([=:])/ \1 /g' <<<"$1")"
	[[ $1 != *' ' ]] || COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_coracle
}

@test "bash completes every option of every command" {
	source "$BUILD/completions/coracle.bash"
	local path
	while IFS= read -r path; do
		complete_in_bash "coracle $path -"
		printf '%s\n' "@$path" "${COMPREPLY[@]}"
	done < <(paths) >"$T/bash"
	expect_all_known <"$T/bash"
}

@test "bash completes commands, values and names" {
	source "$BUILD/completions/coracle.bash"
	# A coracle that says how it is called.
	printf '#!/bin/sh\necho "$*" | tr " " "\\n"\n' >"$T/coracle"
	chmod +x "$T/coracle"
	complete_in_bash 'coracle vers'
	[[ ${COMPREPLY[*]} == version ]]
	complete_in_bash 'coracle help vers'
	[[ ${COMPREPLY[*]} == version ]]
	complete_in_bash 'coracle --log-level=d'
	[[ ${COMPREPLY[*]} == debug ]]
	complete_in_bash 'coracle --log-level '
	[[ ${COMPREPLY[*]} == 'trace debug info warn error fatal' ]]
	complete_in_bash "$T/coracle --root /elsewhere stop "
	[[ ${COMPREPLY[*]} == '--root /elsewhere ps --format {{.Names}}' ]]
	complete_in_bash 'coracle stop -t '
	[[ ${#COMPREPLY[@]} == 0 ]]
	complete_in_bash 'coracle run --rm image --'
	[[ ${#COMPREPLY[@]} == 0 ]]
}

@test "zsh knows every option of every command" {
	zsh -n "$BUILD/completions/_coracle"
	# shellcheck disable=SC2016 # for zsh
	paths | zsh -fc '_arguments() { return 0 }; words=(x); source $1
		while IFS= read -r at; do specs=(); _coracle_table "$at"; print -r -- "@$at"; print -rl -- $specs; done' zsh "$BUILD/completions/_coracle" >"$T/zsh"
	expect_all_known <"$T/zsh"
}

@test "fish completes every option of every command" {
	printf '#!/bin/sh\n' >"$T/coracle"
	chmod +x "$T/coracle"
	# shellcheck disable=SC2016 # for fish
	paths | PATH=$T:$PATH fish --no-config -c 'source $argv[1]
		while read -l path
			echo "@$path"
			complete -C "coracle $path -"
		end' "$BUILD/completions/coracle.fish" >"$T/fish"
	expect_all_known <"$T/fish"
}

@test "fish completes commands, values and names" {
	printf '#!/bin/sh\necho "$*" | tr " " "\\n"\n' >"$T/coracle"
	chmod +x "$T/coracle"
	in_fish_at() { # line
		# shellcheck disable=SC2016 # for fish
		PATH=$T:$PATH fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$BUILD/completions/coracle.fish" "$1" | cut -f1 | paste -sd' '
	}
	[[ $(in_fish_at 'coracle vers') == version ]]
	[[ $(in_fish_at 'coracle --log-level d') == debug ]]
	[[ " $(in_fish_at 'coracle --root /elsewhere stop ') " == *' /elsewhere '*'{{.Names}}'* ]]
	[[ -z $(in_fish_at 'coracle run --rm image --') ]]
}
