# SPDX-License-Identifier: Apache-2.0
# ps and inspect: columns, templates, filters, JSON.
load helpers

setup() {
	common_setup
	load_image busybox
}

@test "ps: columns to the letter" {
	local id
	id=$(coracle run -d --name web busybox sleep 1000)
	run coracle ps
	expect_equal "$(head -n 1 <<<"$output" | sed 's/ *$//; s/   */  /g')" "CONTAINER ID  IMAGE  COMMAND  CREATED  STATUS  PORTS  NAMES"
	expect_matches "$(tail -n 1 <<<"$output" | sed 's/ *$//; s/   */  /g')" "^${id:0:12}  localhost/busybox:latest  sleep 1000  (Less than a second|[0-9]+ seconds?|About a second) ago  Up (Less than a second|[0-9]+ seconds?|About a second)  web\$"
	# The columns stand below each other.
	local header=${lines[0]} row=${lines[1]} column
	column=${header%%NAMES*}
	expect_equal "${row:${#column}:3}" web
	column=${header%%COMMAND*}
	expect_equal "${row:${#column}:10}" "sleep 1000"
}

@test "ps: without containers only the titles, -q nothing, --noheading nothing" {
	run coracle ps
	expect_match '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES *$'
	expect_equal "$(coracle ps -q)$(coracle ps --noheading)$(coracle ps --format '{{.ID}}')" ""
	expect_equal "$(coracle ps --format json)" "[]"
}

@test "ps: -a, -q, -l, -n, --no-trunc, --sort" {
	local first second third
	first=$(coracle run -d --name zebra busybox sleep 1000)
	second=$(coracle create --name ant busybox echo a command that is much too long to be shown whole)
	third=$(coracle create --name monkey busybox true)
	expect_equal "$(coracle ps -q)" "${first:0:12}"
	expect_equal "$(coracle ps -aq --no-trunc | sort)" "$(printf '%s\n' "$first" "$second" "$third" | sort)"
	expect_equal "$(coracle ps -lq)" "${third:0:12}"
	expect_equal "$(coracle ps -n 2 -q | sort)" "$(printf '%s\n' "${second:0:12}" "${third:0:12}" | sort)"
	expect_equal "$(coracle ps -a --sort names --format '{{.Names}}' | tr '\n' ' ')" "ant monkey zebra "
	expect_equal "$(coracle ps -a --filter name=ant --format '{{.Command}}')" "echo a command th..."
	expect_equal "$(coracle ps -a --no-trunc --filter name=ant --format '{{.Command}}')" "echo a command that is much too long to be shown whole"
	expect_equal "$(coracle ps -a --no-trunc --filter name=ant --format '{{.ID}}')" "$second"
}

@test "ps: the status of each state" {
	coracle create --name created busybox true
	coracle run --name ended busybox sh -c 'exit 3' || true
	coracle run -d --name paused busybox sleep 1000
	coracle pause paused
	coracle run -d --name up busybox sleep 1000
	expect_equal "$(coracle ps -a --filter name=created --format '{{.Status}}')" Created
	expect_matches "$(coracle ps -a --filter name=ended --format '{{.Status}}')" '^Exited \(3\) .* ago$'
	expect_matches "$(coracle ps -a --filter name=paused --format '{{.Status}}')" 'Paused'
	expect_matches "$(coracle ps -a --filter name=up --format '{{.Status}}')" '^Up '
	expect_equal "$(coracle ps -a --sort names --format '{{.State}}' | tr '\n' ' ')" "created exited paused running "
}

@test "ps --filter: each of them" {
	local id
	id=$(coracle create --name abc --label a=1 --label b=2 --network none busybox true)
	coracle create --name abd --label a=1 busybox true
	coracle run --name done busybox sh -c 'exit 3' || true
	names() { coracle ps -a --sort names --format '{{.Names}}' "$@" | tr '\n' ' '; }
	expect_equal "$(names --filter name=ab)" "abc abd "
	expect_equal "$(names --filter name=^ab[d]$)" "abd "
	expect_equal "$(names --filter id="${id:0:8}")" "abc "
	expect_equal "$(names --filter label=a)" "abc abd "
	expect_equal "$(names --filter label=a=1 --filter label=b=2)" "abc "
	expect_equal "$(names --filter status=exited)" "done "
	expect_equal "$(names --filter status=exited --filter status=created)" "abc abd done "
	expect_equal "$(names --filter status=stopped)" "done "
	expect_equal "$(names --filter status=restarting)" ""
	expect_error 125 'running, paused' coracle ps --filter status=runing
	expect_error 125 'running, paused' coracle rm --filter status=running,exited
	expect_equal "$(names --filter exited=3)" "done "
	expect_equal "$(names --filter exited=0)" ""
	expect_equal "$(names --filter ancestor=busybox)" "abc abd done "
	expect_equal "$(names --filter ancestor=none-such)" ""
	expect_equal "$(names --filter before=abd)" "abc "
	expect_equal "$(names --filter since=abd)" "done "
	expect_equal "$(names --filter network=none)" "abc "
	expect_equal "$(names --filter until=1h)" ""
	expect_error 125 'nonsense' coracle ps --filter nonsense=1
	expect_error 125 'name' coracle ps --filter name
	expect_error 125 'none-such' coracle ps --filter before=none-such
}

@test "ps --format: templates, table, json; a field that is not there is named" {
	coracle run -d --name web --label a=1 busybox sleep 1000
	expect_equal "$(coracle ps --format '{{.Names}}|{{.Image}}|{{.State}}|{{.Labels.a}}|{{upper .Names}}')" "web|localhost/busybox:latest|running|1|WEB"
	expect_equal "$(coracle ps --format '{{range .}}x{{end}}' 2>/dev/null || echo other)" "$(coracle ps --format '{{range .}}x{{end}}' 2>/dev/null || echo other)"
	run coracle ps --format 'table {{.Names}}\t{{.State}}'
	expect_equal "$(sed 's/ *$//' <<<"$output")" $'NAMES       STATE\nweb         running'
	expect_error 125 'Nonsense' coracle ps --format '{{.Nonsense}}'
	expect_error 125 'template' coracle ps --format '{{.Names'
	coracle ps -a --format json | jq -e '.[0].Names == ["web"] and (.[0].Id | length == 64) and .[0].Command == ["sleep","1000"] and .[0].State == "running" and .[0].Labels.a == "1"'
	coracle ps -a --format '{{json .}}' | jq -e '.Names == "web"'
}

@test "inspect: is valid JSON, with what was asked for" {
	local id
	id=$(coracle run -d --name web -e A=1 -w /etc --label l=v --hostname here --stop-signal INT --restart on-failure:5 --shm-size 8m --ulimit nofile=10:20 busybox sleep 1000)
	coracle inspect web | jq -e --arg id "$id" '
		length == 1 and (.[0] |
		.Id == $id and .Name == "web" and .Path == "sleep" and .Args == ["1000"] and .State.Status == "running" and .State.Running == true and
		(.State.Pid | type == "number") and (.State.StartedAt | test("^20[0-9]{2}-")) and .RestartCount == 0 and .ImageName == "localhost/busybox:latest" and
		(.Config.Env | index("A=1")) != null and .Config.WorkingDir == "/etc" and .Config.Labels.l == "v" and .Config.Hostname == "here" and .Config.Cmd == ["sleep","1000"] and
		.HostConfig.RestartPolicy.Name == "on-failure" and .HostConfig.RestartPolicy.MaximumRetryCount == 5 and .HostConfig.ShmSize == 8388608 and
		(.HostConfig.Ulimits | length == 1) and (.EffectiveCaps | index("CAP_CHOWN")) != null and (.GraphDriver.Name | length > 0))'
	coracle container inspect "${id:0:12}" | jq -e '.[0].Name == "web"'
	# Several at once, and one that is not there: what could be shown is shown.
	coracle create --name other busybox true
	coracle inspect web other | jq -e 'length == 2'
	run --separate-stderr coracle inspect web none-such
	expect_status 125
	expect_matches "$stderr" 'none-such'
	jq -e 'length == 1' <<<"$output"
	expect_error 125 'Nonsense' coracle inspect --format '{{.State.Nonsense}}' web
	expect_equal "$(coracle inspect -f '{{json .Config.Cmd}} {{.State.Pid | printf "%T"}}' web 2>/dev/null | cut -d' ' -f1)" '["sleep","1000"]'
}

@test "inspect: an image, and --type" {
	coracle inspect --type image busybox | jq -e '.[0].RepoTags == ["localhost/busybox:latest"] and .[0].Config.Cmd == ["sh"] and .[0].Architecture == "amd64" and (.[0].RootFS.Layers | length == 1)'
	coracle image inspect busybox | jq -e '.[0].Config.Labels.test == "busybox"'
	coracle create --name busybox busybox true
	expect_equal "$(coracle inspect --type container -f '{{.Name}}' busybox)" busybox
	expect_equal "$(coracle inspect -f '{{.Name}}' busybox)" busybox
	# An empty list is still one.
	run --separate-stderr coracle inspect --type image none-such
	expect_status 125
	expect_output '[]'
	expect_matches "$stderr" '^Error: .*none-such'
	expect_equal "$(coracle inspect -f '{{.Os}}' --type image busybox)" linux
}

@test "inspect: after the end it says when and how" {
	coracle run --name one busybox sh -c 'exit 3' || true
	coracle inspect one | jq -e '.[0].State | .Status == "exited" and .ExitCode == 3 and .Running == false and .Pid == 0 and .OOMKilled == false and (.FinishedAt | test("^20"))'
}

@test "ps --namespace: the numbers of the namespaces that its process is in; --ns" {
	local pid name
	coracle run -d --name one busybox sleep 1000 >/dev/null
	coracle run -d --name two --network container:one busybox sleep 1000 >/dev/null
	coracle create --name three busybox true >/dev/null
	pid=$(inspected one State.Pid)
	run -0 coracle ps -a --ns
	expect_match '^CONTAINER ID +NAMES +PID +CGROUPNS +IPC +MNT +NET +PIDNS +USERNS +UTS'
	expect_match "one +$pid( +[0-9]+){7}"
	expect_match $'three +0 *(\n|$)'
	for name in cgroup:CGROUPNS ipc:IPC mnt:MNT net:NET pid:PIDNS user:USERNS uts:UTS; do
		expect_equal "$(coracle ps --namespace --filter name=one --format "{{.${name#*:}}}")" "$(readlink "/proc/$pid/ns/${name%:*}" | tr -dc 0-9)"
	done
	expect_equal "$(coracle ps --ns --format '{{.NET}}' | sort -u | wc -l)" 1
	expect_equal "$(coracle ps --ns --format json | jq -r '.[] | select(.Names[0] == "one").Namespaces.NET')" "$(readlink "/proc/$pid/ns/net" | tr -dc 0-9)"
	expect_error 125 'size' coracle ps --ns --size
	expect_equal "$(coracle ps -q --sync --external --no-trunc | wc -l)" 2
}

@test "ps --watch: lists again and again" {
	coracle create --name one busybox sleep 1000 >/dev/null
	"$T/coracle" ps --watch 1 --format '{{.Names}}' >"$T/out" &
	local watching=$!
	# shellcheck disable=SC2317,SC2329 # called by wait_until
	has_listed() { [[ $(grep -c one "$T/out") -ge 2 ]]; }
	sleep 0.5
	expect_equal "$(cat "$T/out")" ""
	coracle start one
	wait_until 10 has_listed
	kill "$watching"
	await "$watching"
	expect_status 143
	[[ $(tr -d '\n' <"$T/out") =~ ^(one)+$ ]] # no control characters where no terminal is
	# On a terminal each list takes the place of the one before.
	terminal 'expect=one' 'expect=one' 'send=\x03' -- "$T/coracle" ps -w 1 >"$T/terminal" || true
	grep -q $'\033\[2J' "$T/terminal"
	expect_error 125 'watch' coracle ps --watch 0
}
