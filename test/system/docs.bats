#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The help, the manual and the completions of three shells know every command and every option. `gendocs list` says which there are.

load helpers

# each_command FUNCTION: calls it with a command's path and, one a line, its options.
each_command() {
	local line path last options=''
	last=none
	while IFS= read -r line; do
		path=${line%%$'\t'*}
		if [[ $path != "$last" ]]; then
			[[ $last == none ]] || "$1" "$last" "$options"
			options=''
		fi
		last=$path
		[[ -z ${line#*$'\t'} ]] || options+=${line#*$'\t'}$'\n'
	done < <("$BUILD/gendocs" list)
	[[ $last != none ]]
	"$1" "$last" "$options"
}

# contains_words TEXT WORDS WHAT: every line of WORDS is a word of TEXT.
contains_words() {
	local word
	while IFS= read -r word; do
		[[ -z $word ]] || grep -qE -- "(^|[^a-z-])${word}([^a-z-]|\$)" <<<"$1" || {
			echo "$3 does not know $word"
			return 1
		}
	done <<<"$2"
}

in_help() {
	local text
	# shellcheck disable=SC2086 # a path is words
	text=$(coracle $1 --help)
	contains_words "$text" "$2" "coracle $1 --help"
	# And it is the same by its other name.
	# shellcheck disable=SC2086
	[[ -z $1 || $(coracle help $1) == "$text" ]]
}

@test "--help knows every option of every command" {
	each_command in_help
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

in_manual() {
	local page=$BUILD/man/coracle${1:+-${1// /-}}.1
	[[ -s $page ]] || {
		echo "there is no $page"
		return 1
	}
	# A command's other names lead to its page.
	[[ $(head -1 "$page") != .so* ]] || page=$BUILD/man/$(sed -n '1s/^.so man1\///p' "$page")
	contains_words "$(sed 's/\\-/-/g; s/\\f[BRI]/ /g' "$page")" "$2" "$page"
}

@test "the manual knows every option of every command" {
	each_command in_manual
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

in_bash() {
	complete_in_bash "coracle $1 -"
	contains_words "$(printf '%s\n' "${COMPREPLY[@]}")" "$2" "bash, at coracle $1,"
}

@test "bash completes every option of every command" {
	source "$BUILD/completions/coracle.bash"
	each_command in_bash
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
	each_command in_zsh
}

in_zsh() {
	local specs
	# shellcheck disable=SC2016 # for zsh
	specs=$(zsh -fc '_arguments() { return 0 }; words=(x); source $1; _coracle_table $2 && print -rl -- $specs' zsh "$BUILD/completions/_coracle" "$1")
	contains_words "$specs" "$2" "zsh, at coracle $1,"
}

in_fish() {
	contains_words "$(sed -n "s/^$1\t//p" "$T/fish")" "$2" "fish, at coracle $1,"
}

@test "fish completes every option of every command" {
	# shellcheck disable=SC2016 # for fish
	"$BUILD/gendocs" list | cut -f1 | sort -u | fish --no-config -c 'source $argv[1]
		while read -l path
			complete -C "coracle $path -" | string replace -r "^" $path\t
		end' "$BUILD/completions/coracle.fish" >"$T/fish"
	each_command in_fish
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
