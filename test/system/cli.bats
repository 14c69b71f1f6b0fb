#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is before and around every command: global options, help, suggestions, errors.

load helpers

@test "help is grouped and goes to standard output" {
	run --separate-stderr coracle --help
	expect_status 0
	[[ -z $stderr ]]
	[[ ${lines[0]} == 'Usage:  coracle [OPTIONS] COMMAND' ]]
	expect_match $'\nCommands:\n'
	expect_match $'\nOptions:\n'
	expect_match $'\n  version +Show the version of coracle\n'
	local help=$output
	run coracle
	expect_status 0
	expect_output "$help"
	run coracle help
	expect_output "$help"
}

@test "help needs no other program" {
	cp "$BUILD/coracle" "$T/coracle"
	run "$T/coracle" --help
	expect_status 0
	expect_match 'Usage:  coracle'
}

@test "an unknown command is told with what was meant" {
	run --separate-stderr coracle versoin
	expect_status 125
	[[ -z $output ]]
	[[ $stderr == "Error: 'versoin' is not a command of 'coracle'; did you mean 'version'?" ]]
	run coracle zzzzzzzz
	expect_status 125
	expect_output "Error: 'zzzzzzzz' is not a command of 'coracle'; see 'coracle --help'"
}

@test "an unknown option is told with what was meant, once" {
	run --separate-stderr coracle --log-levle debug version
	expect_status 125
	[[ $stderr == 'Error: unknown option --log-levle; did you mean --log-level?' ]]
	run coracle --log-level loud version
	expect_status 125
	expect_match "'loud' is not a choice; use trace, debug, info, warn, error or fatal"
	run coracle --root
	expect_status 125
	expect_match '^Error: option --root needs a value: --root DIR'
}

@test "a command with too many arguments does nothing" {
	run coracle version now
	expect_status 125
	expect_match 'takes no arguments'
}

@test "--version and -v" {
	local version
	version=$(coracle version | sed -n 's/^Version: *//p')
	[[ $version =~ ^[0-9]+\.[0-9]+ ]]
	run coracle --version
	expect_status 0
	expect_output "coracle version $version"
	run coracle -v
	expect_output "coracle version $version"
}

@test "version --format" {
	local version
	version=$(coracle version --format '{{.Client.Version}}')
	[[ $(coracle --version) == "coracle version $version" ]]
	[[ $(coracle version --format json | jq -r .Client.Version) == "$version" ]]
	[[ $(coracle version -f '{{.Server.Os}}') == linux ]]
	run coracle version --format '{{.Client.Nope}}'
	expect_status 125
	expect_match "can't evaluate field Nope"
}

@test "output that cannot be written is an error" {
	local status=0
	coracle version >/dev/full 2>"$T/err" || status=$?
	[[ $status == 125 ]]
	[[ $(<"$T/err") == 'Error: write to standard output: No space left on device' ]]
}

@test "closed standard descriptors are no obstacle" {
	local status=0
	coracle version <&- >&- 2>&- || status=$?
	[[ $status == 0 ]]
}

# on_terminal COMMAND...: its output on a terminal.
on_terminal() {
	python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$@" </dev/null
}

@test "errors are coloured on a terminal, and only there" {
	run on_terminal env -u NO_COLOR TERM=xterm "$BUILD/coracle" versoin
	[[ $output == *$'\033[31mError:\033[0m '* ]]
	run on_terminal env NO_COLOR=1 TERM=xterm "$BUILD/coracle" versoin
	[[ $output == *'Error: '* && $output != *$'\033'* ]]
	run coracle versoin
	[[ $output != *$'\033'* ]]
}
