# SPDX-License-Identifier: Apache-2.0
# publish: ports of a container that runs, added and taken away, and served again when who served them was killed.
load helpers

setup() {
	common_setup
	load_image busybox
}

teardown() {
	common_teardown
}

serve() { # name options…
	local name=$1
	shift
	coracle run -d --name "$name" "$@" busybox sh -c 'for p in 80 81 82; do httpd -p $p -h /var/www; done; sleep 1000' >/dev/null
}

welcomed() { # url
	[[ $(fetched "$1" 2>/dev/null) == "welcome to busybox" ]]
}

# It is answered now.
answers() { # url
	[[ $(curl -s --max-time 5 "$1") == "welcome to busybox" ]]
}

refused() { # port
	run curl -s --max-time 2 "http://127.0.0.1:$1/"
	expect_status 7
}

# The processes of this name that the container's monitor has started.
helpers() { # container name
	pgrep -P "$(inspected "$1" State.ConmonPid)" "$2"
}

# A connection that says a line each time it is told to: it must be one and the same all the time.
hold_connection() { # port
	exec 8<>"/dev/tcp/127.0.0.1/$1"
	is_held begin 2>/dev/null
}

is_held() {
	local line
	echo "$1" >&8
	read -r -t 10 line <&8
	expect_equal "$line" "$1"
}

@test "network publish: ports of a running container are added and taken away, and open connections do not notice" {
	local a network
	coracle network create added
	for network in slirp4netns pasta added; do
		a=$(free_port 4)
		coracle run -d --name "c-$network" --network $network -p "127.0.0.1:$a:7" busybox sh -c \
			'for p in 80 81; do httpd -p $p -h /var/www; done; exec nc -ll -p 7 -e cat' >/dev/null
		wait_until 10 hold_connection "$a"
		refused $((a + 1))
		run coracle network publish "c-$network" "$((a + 1)):80" "127.0.0.1:$((a + 2)):81"
		expect_output "80/tcp -> 0.0.0.0:$((a + 1))
81/tcp -> 127.0.0.1:$((a + 2))"
		welcomed "http://127.0.0.1:$((a + 1))/"
		welcomed "http://[::1]:$((a + 1))/"
		welcomed "http://127.0.0.1:$((a + 2))/"
		expect_matches "$(coracle port "c-$network")" "81/tcp -> 127.0.0.1:$((a + 2))"
		expect_matches "$(coracle ps --format '{{.Ports}}' --filter "name=c-$network")" "0.0.0.0:$((a + 1))->80/tcp"
		expect_matches "$(coracle inspect -f '{{json .NetworkSettings.Ports}}' "c-$network")" "\"HostPort\":\"$((a + 2))\""
		is_held between
		coracle network unpublish "c-$network" "$((a + 1)):80"
		refused $((a + 1))
		welcomed "http://127.0.0.1:$((a + 2))/"
		# It is free for others at once.
		coracle run --rm -p "$((a + 1)):80" busybox true
		coracle restart -t 0 "c-$network"
		wait_until 10 welcomed "http://127.0.0.1:$((a + 2))/"
		refused $((a + 1))
		exec 8>&-
		coracle rm -f -t 0 "c-$network" >/dev/null
		expect_equal "$(ss -Hltn "sport = :$((a + 2))")" ""
	done
}

@test "network publish: the first port of a container that had none, and its last one" {
	local a network
	coracle network create first
	for network in slirp4netns first; do
		a=$(free_port)
		serve "c-$network" --network $network
		expect_equal "$(helpers "c-$network" coracle-forward)" ""
		coracle network publish "c-$network" "127.0.0.1:$a:80"
		welcomed "http://127.0.0.1:$a/"
		coracle network unpublish "c-$network" 80
		refused "$a"
		expect_equal "$(coracle port "c-$network")" ""
		coracle network publish "c-$network" "127.0.0.1:$a:81"
		welcomed "http://127.0.0.1:$a/"
	done
}

@test "network publish: ranges, of which a part is taken away, datagrams, ports that coracle chooses" {
	local a port
	a=$(free_port 6)
	load_image debian
	serve range
	coracle run -d --name echo debian perl -MSocket -e 'socket(S, PF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(9, INADDR_ANY));
		while ($from = recv(S, $text, 100, 0)) { send(S, $text, 0, $from) }' >/dev/null
	coracle network publish range "$a-$((a + 2)):80-82" >/dev/null
	coracle network publish echo "127.0.0.1:$((a + 3)):9/udp" >/dev/null
	for port in "$a" $((a + 1)) $((a + 2)); do welcomed "http://127.0.0.1:$port/"; done
	echoed() { [[ $(timeout 1 bash -c 'exec 3<>"/dev/udp/127.0.0.1/$0"; echo ping >&3; head -n 1 <&3' "$((a + 3))") == ping ]]; }
	wait_until 10 echoed
	coracle network unpublish range 81
	refused $((a + 1))
	expect_equal "$(coracle port range)" "80/tcp -> 0.0.0.0:$a
82/tcp -> 0.0.0.0:$((a + 2))"
	expect_equal "$(coracle port echo)" "9/udp -> 127.0.0.1:$((a + 3))"
	welcomed "http://127.0.0.1:$((a + 2))/"
	coracle network unpublish echo "$((a + 3)):9/udp"
	expect_equal "$(ss -Hlun "sport = :$((a + 3))")" ""
	expect_no echoed
	run coracle network publish range 80 '[::1]::81'
	expect_match '^80/tcp -> 0.0.0.0:([0-9]+)
81/tcp -> (\[::1\]:[0-9]+)$'
	welcomed "http://127.0.0.1:${BASH_REMATCH[1]}/"
	welcomed "http://${BASH_REMATCH[2]}/"
	# The same at the next start.
	coracle restart -t 0 range
	wait_until 10 welcomed "http://127.0.0.1:${BASH_REMATCH[1]}/"
}

@test "network publish: a hundred ports at once, from four commands" {
	local a i jobs=()
	a=$(free_port 100)
	serve many
	for i in 0 25 50 75; do
		coracle network publish many "127.0.0.1:$((a + i))-$((a + i + 24)):$((8000 + i))-$((8024 + i))" >/dev/null 3>&- &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i"; done
	expect_equal "$(coracle port many | wc -l)" 100
	coracle exec many httpd -p 8042 -h /var/www
	welcomed "http://127.0.0.1:$((a + 42))/"
	coracle network unpublish many 8000-8099
	expect_equal "$(coracle port many)" ""
	refused $((a + 42))
}

@test "network publish: what cannot be done is said in a line, and nothing has changed" {
	local a before
	a=$(free_port 3)
	serve web -p "127.0.0.1:$a:80"
	serve other -p "127.0.0.1:$((a + 1)):80"
	before=$(coracle port web)
	expect_error 125 "$((a + 1))/tcp is in use \(by container other\)" coracle network publish web "127.0.0.1:$((a + 2)):82" "127.0.0.1:$((a + 1)):81"
	refused $((a + 2))
	expect_equal "$(coracle port web)" "$before"
	expect_error 125 'twice' coracle network publish web "127.0.0.1:$a:81"
	expect_error 125 'nonsense' coracle network publish web nonsense
	expect_error 125 'does not publish' coracle network unpublish web 99
	expect_error 125 'no such container' coracle network publish nobody 80
	welcomed "http://127.0.0.1:$a/"
	coracle run -d --name host --network host busybox sleep 1000 >/dev/null
	coracle run -d --name none --network none busybox sleep 1000 >/dev/null
	coracle run -d --name shares --network container:web busybox sleep 1000 >/dev/null
	expect_error 125 "host's network" coracle network publish host 80
	expect_error 125 'no network of its own' coracle network publish none 80
	expect_error 125 'no network of its own' coracle network publish shares 80
	# One that does not run has them from its next start.
	coracle stop -t 0 web
	coracle network publish web "127.0.0.1:$((a + 2)):82"
	refused $((a + 2))
	coracle start web
	welcomed "http://127.0.0.1:$((a + 2))/"
	coracle stop -t 0 web
	coracle network unpublish web 82
	coracle start web
	refused $((a + 2))
	welcomed "http://127.0.0.1:$a/"
}

# Someone who asks again and again, for as long as the file is there; what went wrong is counted beside it.
ask_all_the_time() { # url file
	while [[ -e $2 ]]; do
		curl -s --max-time 10 -o /dev/null "$1" || echo failed >>"$2.failures"
	done
}

@test "a forwarder that is killed under load comes back, and what waits is answered" {
	local a network i
	coracle network create healed
	for network in slirp4netns pasta healed; do
		a=$(free_port 2)
		serve "c-$network" --network $network -p "127.0.0.1:$a:80"
		coracle network publish "c-$network" "127.0.0.1:$((a + 1)):81"
		: >"$T/asking"
		: >"$T/asking.failures"
		ask_all_the_time "http://127.0.0.1:$a/" "$T/asking" 3>&- &
		local asking=$!
		for i in 1 2 3; do
			local pid
			wait_until 10 helpers "c-$network" coracle-forward
			pid=$(helpers "c-$network" coracle-forward)
			kill -9 "$pid"
			wait_until 10 is_gone "$pid"
			# Nobody is turned away: who comes meanwhile waits.
			welcomed "http://127.0.0.1:$a/"
			welcomed "http://127.0.0.1:$((a + 1))/"
		done
		expect_equal "$(helpers "c-$network" coracle-forward | wc -l)" 1
		# Only those that were under way.
		[[ $(wc -l <"$T/asking.failures") -le 3 ]]
		rm "$T/asking"
		wait "$asking"
		# It is one that ports can be added to.
		coracle network unpublish "c-$network" 81
		refused $((a + 1))
	done
}

@test "a network program that is killed comes back: the container has its network, and its ports are served" {
	local a network pid i
	for network in slirp4netns pasta slirp4netns:port_handler=slirp4netns; do
		local name=${network#*=} program=${network%:*}
		[[ $program != pasta ]] || program='pasta|passt'
		a=$(free_port)
		serve "c-$name" --network "$network" -p "127.0.0.1:$a:80"
		welcomed "http://127.0.0.1:$a/"
		: >"$T/asking"
		for i in 1 2 3; do ask_all_the_time "http://127.0.0.1:$a/" "$T/asking" 3>&- & done
		pid=$(helpers "c-$name" "$program")
		kill -9 "$pid"
		wait_until 10 is_gone "$pid"
		wait_until 10 helpers "c-$name" "$program"
		has_address() { coracle exec "c-$name" ip -o -4 addr | grep -q 10.0.2.100; }
		wait_until 10 has_address
		expect_matches "$(coracle exec "c-$name" ip route)" default
		wait_until 10 welcomed "http://127.0.0.1:$a/"
		rm "$T/asking"
		expect_state "c-$name" running
		coracle rm -f -t 0 "c-$name" >/dev/null
	done
}

@test "ports that were published later are there when the container is restarted by its policy, whoever was killed" {
	local a mode
	for mode in private host; do
		a=$(free_port 2)
		coracle run -d --name "c-$mode" --pid "$mode" --restart always -p "127.0.0.1:$a:80" busybox sh -c \
			'for p in 80 81; do httpd -p $p -h /var/www; done; sleep 1000' >/dev/null
		coracle network publish "c-$mode" "127.0.0.1:$((a + 1)):81"
		kill -9 "$(helpers "c-$mode" coracle-forward)" "$(helpers "c-$mode" slirp4netns)"
		wait_until 10 helpers "c-$mode" coracle-forward
		wait_until 10 helpers "c-$mode" slirp4netns
		wait_until 10 welcomed "http://127.0.0.1:$((a + 1))/"
		kill -9 "$(inspected "c-$mode" State.Pid)"
		again() { [[ $(inspected "c-$mode" RestartCount) == 1 && $(inspected "c-$mode" State.Status) == running ]]; }
		wait_until 10 again
		wait_until 10 welcomed "http://127.0.0.1:$a/"
		welcomed "http://127.0.0.1:$((a + 1))/"
		expect_equal "$(helpers "c-$mode" coracle-forward | wc -l)" 1
		coracle rm -f -t 0 "c-$mode" >/dev/null
		expect_equal "$(ss -Hltn "sport = :$((a + 1))")" ""
	done
}

@test "a helper that dies as soon as it is there is not started without end" {
	local a i pid seen=()
	a=$(free_port)
	serve loop -p "127.0.0.1:$a:80"
	local until=$((SECONDS + 5))
	while [[ $SECONDS -lt $until ]]; do
		for pid in $(helpers loop coracle-forward); do
			kill -9 "$pid" 2>/dev/null || true
			[[ " ${seen[*]} " == *" $pid "* ]] || seen+=("$pid")
		done
		sleep 0.02
	done
	# 0, 100, 200, 400, 800, 1600, 3200 ms
	[[ ${#seen[@]} -ge 3 && ${#seen[@]} -le 8 ]]
	wait_until 10 welcomed "http://127.0.0.1:$a/"
}

@test "network disconnect: published ports lead to an address that the container has" {
	local a
	a=$(free_port 2)
	coracle network create one
	coracle network create two
	serve moved --network one --network two -p "127.0.0.1:$a:80"
	welcomed "http://127.0.0.1:$a/"
	coracle network disconnect one moved
	welcomed "http://127.0.0.1:$a/"
	coracle network connect one moved
	coracle network disconnect two moved
	welcomed "http://127.0.0.1:$a/"
	coracle network publish moved "127.0.0.1:$((a + 1)):81"
	welcomed "http://127.0.0.1:$((a + 1))/"
	# The keeper of the networks is killed and who watches it, with the interface that they lead to; who looks next gives it back.
	# shellcheck disable=SC2046 # several
	kill -9 $(keepers)
	wait_until 10 expect_no answers "http://127.0.0.1:$a/"
	wait_until 10 coracle ps >/dev/null
	wait_until 10 welcomed "http://127.0.0.1:$a/"
	# The keeper and the forwarder.
	kill -9 "$(helpers moved coracle-forward)"
	# shellcheck disable=SC2046 # several
	kill -9 $(keepers)
	wait_until 10 coracle ps >/dev/null
	wait_until 10 welcomed "http://127.0.0.1:$a/"
	welcomed "http://127.0.0.1:$((a + 1))/"
}

# An address of this machine that is not its loopback's: what connects to it has it itself. Where there is none, the loopback is all there is.
own_address() { # -4|-6
	ip -o "$1" addr show scope global | awk '{sub("/.*", "", $4); print $4; exit}'
}

# A server that tells its clients who they are: by HTTP on 80, for datagrams on 9; where ADDRESS is said it listens there alone.
tells() { # name port options…
	local name=$1 port=$2
	shift 2
	# shellcheck disable=SC2016 # the container's shell expands it
	coracle run -d --name "$name" -p "$port:80" "$@" busybox sh -c '
		mkdir -p /cgi/cgi-bin; (echo "#!/bin/sh"; echo "echo; echo from \$REMOTE_ADDR") >/cgi/cgi-bin/who; chmod +x /cgi/cgi-bin/who
		exec httpd -f -p "${ADDRESS-}80" -h /cgi' >/dev/null
}
bare() { sed 's/^from //; s/^::ffff://; s/[][]//g; s/^::ffff://'; }
sees() { # host port
	fetched "http://$1:$2/cgi-bin/who" | bare
}
tells_datagrams() { # name port family options…
	local name=$1 port=$2 family=$3 text
	shift 3
	text='socket(S, PF_INET6, SOCK_DGRAM, 0); bind(S, sockaddr_in6(9, IN6ADDR_ANY));
		while ($f = recv(S, $t, 100, 0)) { ($p, $a) = sockaddr_in6($f); send(S, inet_ntop(AF_INET6, $a) . "\n", 0, $f) }'
	[[ $family == 6 ]] || text='socket(S, PF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(9, INADDR_ANY));
		while ($f = recv(S, $t, 100, 0)) { ($p, $a) = sockaddr_in($f); send(S, inet_ntoa($a) . "\n", 0, $f) }'
	coracle run -d --name "$name" -p "$port:9/udp" "$@" debian perl -MSocket=:all -e "$text" >/dev/null
}
sees_datagram() { # host port
	# shellcheck disable=SC2016
	timeout 2 bash -c 'exec 3<>"/dev/udp/$0/$1"; echo ping >&3; head -n 1 <&3' "$1" "$2" | bare
}
sees_some() { [[ -n $(sees_datagram "$@") ]]; }

@test "datagrams: with --client-address all the server sees the client's own address, without it the container's" {
	local a network from from6
	from=$(own_address -4) from6=$(own_address -6)
	load_image debian
	coracle network create --ipv6 dual
	for network in slirp4netns slirp4netns:enable_ipv6=true pasta dual; do
		a=$(free_port 2)
		tells_datagrams who "$a" 6 --network "$network" --client-address all
		wait_until 10 sees_some 127.0.0.1 "$a"
		expect_equal "$(sees_datagram "${from:-127.0.0.1}" "$a")" "${from:-$(sees_datagram 127.0.0.1 "$a")}"
		expect_matches "$(sees_datagram 127.0.0.1 "$a")" '^10\.'
		if [[ $network == dual || $network == *ipv6* ]]; then
			[[ -z $from6 ]] || wait_until 10 eval '[[ $(sees_datagram "$from6" "$a") == "$from6" ]]'
			expect_matches "$(sees_datagram ::1 "$a")" '^fd'
		fi
		# A port that is published later, a forwarder that was killed.
		coracle network publish who "$((a + 1)):9/udp" >/dev/null
		kill -9 "$(helpers who coracle-forward)"
		wait_until 10 helpers who coracle-forward
		wait_until 10 sees_some 127.0.0.1 "$((a + 1))"
		expect_equal "$(sees_datagram "${from:-127.0.0.1}" "$((a + 1))")" "${from:-$(sees_datagram 127.0.0.1 "$a")}"
		coracle rm -f -t 0 who >/dev/null
		expect_equal "$(ss -Hlun "sport = :$a")" ""
		tells_datagrams who "$a" 4 --network "$network"
		wait_until 10 sees_some 127.0.0.1 "$a"
		expect_matches "$(sees_datagram "${from:-127.0.0.1}" "$a")" '^10\.'
		coracle rm -f -t 0 who >/dev/null
	done
}

@test "with port_handler=slirp4netns the server sees the client, of datagrams too" {
	local a from
	from=$(own_address -4)
	load_image debian
	a=$(free_port 2)
	tells tcp "$a" --network slirp4netns:port_handler=slirp4netns
	tells_datagrams udp $((a + 1)) 4 --network slirp4netns:port_handler=slirp4netns
	wait_until 10 sees_some "${from:-127.0.0.1}" $((a + 1))
	expect_equal "$(sees "${from:-127.0.0.1}" "$a")" "${from:-10.0.2.2}"
	expect_equal "$(sees_datagram "${from:-127.0.0.1}" $((a + 1)))" "${from:-10.0.2.2}"
}

@test "a container with both families: an IPv6 client is led to IPv6 where the server listens there, to IPv4 otherwise" {
	local a from network
	from=$(own_address -6)
	load_image debian
	coracle network create --ipv6 both
	for network in both slirp4netns:enable_ipv6=true; do
		a=$(free_port 4)
		tells six "$a" --network "$network"
		tells four $((a + 1)) --network "$network" -e ADDRESS=0.0.0.0:
		expect_matches "$(sees 127.0.0.1 "$a")" '^10\.'
		# (slirp4netns tells the address when it has been asked.)
		wait_until 10 eval '[[ $(sees "[::1]" "$a") == fd* ]]'
		[[ -z $from ]] || expect_equal "$(sees "[$from]" "$a")" "$from"
		expect_matches "$(sees '[::1]' $((a + 1)))" '^10\.'
		expect_matches "$(sees 127.0.0.1 $((a + 1)))" '^10\.'
		tells_datagrams six-udp $((a + 2)) 6 --network "$network"
		tells_datagrams four-udp $((a + 3)) 4 --network "$network"
		wait_until 10 eval '[[ $(sees_datagram ::1 $((a + 2))) == fd* ]]'
		wait_until 10 sees_some 127.0.0.1 $((a + 3))
		# The first datagram already.
		expect_matches "$(sees_datagram ::1 $((a + 3)))" '^10\.'
		coracle rm -f -t 0 six four six-udp four-udp >/dev/null
	done
	# Nobody listens, at either: that is known at once.
	coracle run -d --name nobody --network both -p "$a:80" busybox sleep 1000 >/dev/null
	for host in 127.0.0.1 '[::1]'; do
		run curl -s --max-time 5 "http://$host:$a/"
		[[ $status =~ ^(7|5[256])$ ]] || expect_status 52
	done
}

@test "the server sees the client's own address; with port_handler=rootlesskit, and from the loopback, the container's" {
	local a options from seen
	from=$(own_address -4)
	coracle network create seen
	coracle network create --subnet fd42:1::/64 six
	for options in "--network slirp4netns" "--network pasta" "--network seen" "--userns keep-id --user 0"; do
		a=$(free_port)
		# shellcheck disable=SC2086 # several words
		tells who "$a" $options
		seen=$(sees "${from:-127.0.0.1}" "$a")
		[[ -z $from ]] || expect_equal "$seen" "$from"
		seen=$(sees 127.0.0.1 "$a")
		[[ $seen == 10.* ]]
		# A port that is published later, and after the forwarder was killed.
		coracle network unpublish who 80
		coracle network publish who "$a:80" >/dev/null
		kill -9 "$(helpers who coracle-forward)"
		[[ -z $from ]] || expect_equal "$(sees "$from" "$a")" "$from"
		coracle rm -f -t 0 who >/dev/null
	done
	a=$(free_port)
	tells own "$a" --network slirp4netns:port_handler=rootlesskit
	expect_equal "$(sees "${from:-127.0.0.1}" "$a")" 10.0.2.100
	coracle rm -f -t 0 own >/dev/null
	for options in pasta seen; do
		tells own "$a" --network "$options" --client-address none
		expect_matches "$(sees "${from:-127.0.0.1}" "$a")" '^10\.'
		coracle rm -f -t 0 own >/dev/null
	done
	expect_error 125 'use tcp, all or none' coracle run --client-address some busybox true
	expect_error 125 'leave one of them out' coracle run --network slirp4netns:port_handler=slirp4netns --client-address all busybox true
	tells own "$a" --network slirp4netns:port_handler=rootlesskit
	sees 127.0.0.1 "$a"
	# The container's own connections are as they were.
	expect_equal "$(coracle exec own ip rule | grep -c fwmark || true)" 0
	expect_matches "$(coracle exec own wget -qO- http://10.0.2.100/cgi-bin/who)" 10.0.2.100
	# By IPv6, to a container that has nothing else.
	a=$(free_port 2)
	tells six "$a" --network six -p "$((a + 1)):99"
	from=$(own_address -6)
	[[ -z $from ]] || expect_equal "$(sees "[$from]" "$a")" "$from"
	expect_matches "$(sees '[::1]' "$a")" '^fd42:1:'
	# Nobody listens: that is known at once.
	run curl -s --max-time 5 "http://[${from:-::1}]:$((a + 1))/"
	[[ $status =~ ^(7|5[256])$ ]] || expect_status 52
}

@test "network publish: what is changed while a container is being started counts for that start" {
	local old new id starter
	old=$(free_port 2)
	new=$((old + 1))
	id=$(coracle create -p "127.0.0.1:$old:80" busybox httpd -f -p 80 -h /var/www)
	# As network publish does it, slowly: the start comes in the middle.
	exec 9<"$ROOT/containers/$id"
	flock 9
	coracle start "$id" 9<&- >/dev/null &
	starter=$!
	sleep 0.5
	refused "$old"
	sed -i "s/$old/$new/g" "$ROOT/containers/$id/container.json"
	exec 9<&-
	wait $starter
	wait_until 10 welcomed "http://127.0.0.1:$new/"
	refused "$old"
	expect_equal "$(coracle port "$id")" "80/tcp -> 127.0.0.1:$new"
}

@test "network publish: a port that is published while the container is started is served, whoever was first" {
	local first round
	first=$(free_port 10)
	coracle create --name c busybox httpd -f -p 80 -h /var/www >/dev/null
	for round in 0 1 2 3 4 5 6 7 8 9; do
		coracle start c >/dev/null &
		local starter=$!
		sleep "0.00$round"
		coracle network publish c "127.0.0.1:$((first + round)):80"
		wait $starter
		wait_until 10 welcomed "http://127.0.0.1:$((first + round))/"
		coracle stop -t 0 c >/dev/null
	done
}

@test "port 0 of the host is any that is free, as with docker" {
	local tcp udp
	coracle run -d --name zero -p 0:80 -p 127.0.0.1:0:9/udp busybox httpd -f -p 80 -h /var/www >/dev/null
	tcp=$(coracle port zero 80/tcp) udp=$(coracle port zero 9/udp)
	[[ $tcp =~ ^0.0.0.0:[1-9][0-9]+$ && $udp =~ ^127.0.0.1:[1-9][0-9]+$ ]]
	wait_until 10 welcomed "http://127.0.0.1:${tcp##*:}/"
	expect_matches "$(coracle inspect zero --format '{{json .NetworkSettings.Ports}}')" "\"HostPort\":\"${tcp##*:}\""
	expect_equal "$(ss -Hlun "sport = :${udp##*:}" | wc -l)" 1
	run coracle network publish zero '[::1]:0:80'
	expect_match '^80/tcp -> \[::1\]:([1-9][0-9]+)$'
	welcomed "http://[::1]:${BASH_REMATCH[1]}/"
	expect_error 125 '0 is one port that is free; for several leave' coracle run -p 0:80-82 busybox true
	expect_error 125 'give a number from 1 to 65535' coracle run -p 0-3:80-83 busybox true
}

@test "network publish: a container that waits for its restart has the ports at once, and answers on them with its next life" {
	local a begin
	a=$(free_port 3)
	mkdir -p "$T/told"
	# Each time it waits twice as long.
	coracle run -d --name waits --restart always -p "127.0.0.1:$a:80" -v "$T/told:/told" busybox sh -c \
		'[ -e /told/serve ] || exit 1; for p in 80 81; do httpd -p $p -h /var/www; done; sleep 1000' >/dev/null
	tried() { [[ $(inspected waits RestartCount) -ge 6 ]]; }
	wait_until 30 tried
	waits() { [[ $(inspected waits State.Status) == restarting ]]; }
	wait_until 10 waits
	begin=$SECONDS
	run coracle network publish waits "127.0.0.1:$((a + 1)):81" "127.0.0.1:$((a + 2)):82"
	expect_match 'waits for its restart'
	[[ $status == 0 && $((SECONDS - begin)) -le 3 ]]
	expect_equal "$(coracle port waits 81)" "127.0.0.1:$((a + 1))"
	coracle network unpublish waits 82
	refused $((a + 2))
	[[ $((SECONDS - begin)) -le 5 ]]
	touch "$T/told/serve"
	wait_until 40 welcomed "http://127.0.0.1:$((a + 1))/"
	welcomed "http://127.0.0.1:$a/"
	refused $((a + 2))
	coracle stop -t 0 waits
	expect_equal "$(ss -Hltn "sport = :$((a + 1))")" ""
}
