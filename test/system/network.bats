# SPDX-License-Identifier: Apache-2.0
# network: modes, published ports, and what is said when one is taken.
load helpers

setup() {
	common_setup
	load_image busybox
}

serve() { # name options…
	local name=$1
	shift
	coracle run -d --name "$name" "$@" busybox httpd -f -p 80 -h /var/www >/dev/null
}

@test "network: none has nothing but loopback, host is ours" {
	local port
	expect_equal "$(coracle run --rm --network none busybox sh -c 'ip -o link | cut -d: -f2 | tr -d " \n"')" lo
	expect_equal "$(coracle run --rm --network host busybox readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
	port=$(free_port)
	coracle run -d --network host busybox httpd -f -p "127.0.0.1:$port" -h /var/www >/dev/null
	expect_equal "$(fetched "http://127.0.0.1:$port/")" "welcome to busybox"
}

@test "network: slirp4netns and pasta give an address, a route, and reach our loopback only when told" {
	local mode
	for mode in slirp4netns pasta; do
		run coracle run --rm --network $mode busybox sh -c 'ip -o -4 addr | grep -v " lo " | wc -l; ip route | grep -c ^default; cat /etc/resolv.conf'
		expect_status 0
		expect_match '^1'
		expect_match nameserver
	done
	# A server of ours on loopback is not the container's.
	local port
	port=$(free_port)
	python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 3>&- &
	local server=$!
	wait_until 10 curl -so /dev/null "http://127.0.0.1:$port/"
	for mode in slirp4netns pasta; do
		run coracle run --rm --network $mode busybox sh -c "wget -T 2 -qO- http://127.0.0.1:$port/"
		[[ $status != 0 ]] || {
			kill $server
			return 1
		}
	done
	kill $server
}

@test "network: what is sent in a network that ends on this machine is not paced, unless --sysctl says so" {
	local mode
	coracle network create local
	read_control() { coracle run --rm "$@" busybox cat /proc/sys/net/ipv4/tcp_congestion_control; }
	for mode in slirp4netns pasta local; do
		expect_equal "$(read_control --network $mode)" reno
	done
	expect_equal "$(read_control --userns keep-id)" reno
	# The host's own stays, and what the user says counts.
	local hosts other
	hosts=$(</proc/sys/net/ipv4/tcp_congestion_control)
	expect_equal "$(read_control --network host)" "$hosts"
	for other in $(</proc/sys/net/ipv4/tcp_allowed_congestion_control); do
		expect_equal "$(read_control --sysctl net.ipv4.tcp_congestion_control="$other")" "$other"
	done
}

@test "network: the network program ends with the container" {
	local name mode
	for mode in slirp4netns pasta; do
		coracle run -d --name "$mode" --network "$mode" busybox sleep 1000 >/dev/null
	done
	children() { pgrep -P "$(inspected "$1" State.ConmonPid)" -l; }
	expect_matches "$(children slirp4netns)" slirp4netns
	expect_matches "$(children pasta)" 'pasta|passt'
	local helpers
	helpers=$(for mode in slirp4netns pasta; do children $mode | awk '/slirp4netns|pasta|passt/{print $1}'; done)
	coracle stop -t 0 slirp4netns
	kill -9 "$(inspected pasta State.ConmonPid)"
	for name in $helpers; do wait_until 10 is_gone "$name"; done
}

@test "run -p: each form is answered where it should be, and port and ps show it" {
	local a b
	a=$(free_port 3)
	serve forms -p "$a:80" -p "127.0.0.1:$((a + 1)):80" -p "[::1]:$((a + 2)):80/tcp"
	expect_equal "$(fetched "http://127.0.0.1:$a/")" "welcome to busybox"
	expect_equal "$(fetched "http://127.0.0.1:$((a + 1))/")" "welcome to busybox"
	expect_equal "$(fetched "http://[::1]:$((a + 2))/")" "welcome to busybox"
	# Bound to the one address only.
	expect_equal "$(ss -Hltn "sport = :$((a + 1))" | awk '{print $4}')" "127.0.0.1:$((a + 1))"
	expect_equal "$(coracle port forms)" "80/tcp -> 0.0.0.0:$a
80/tcp -> 127.0.0.1:$((a + 1))
80/tcp -> [::1]:$((a + 2))"
	expect_matches "$(coracle port forms 80)" "^0.0.0.0:$a"
	expect_matches "$(coracle ps --format '{{.Ports}}')" "0.0.0.0:$a->80/tcp"
	coracle stop -t 0 forms
	run curl -s --max-time 2 "http://127.0.0.1:$a/"
	expect_status 7
	coracle start forms
	expect_equal "$(fetched "http://127.0.0.1:$a/")" "welcome to busybox"
}

@test "run -p: a range, and a port that coracle chooses" {
	local a port
	a=$(free_port 3)
	coracle run -d --name range -p "127.0.0.1:$a-$((a + 2)):8000-8002" busybox sh -c 'for p in 8000 8001 8002; do httpd -p $p -h /var/www; done; sleep 1000' >/dev/null
	for port in $a $((a + 1)) $((a + 2)); do
		expect_equal "$(fetched "http://127.0.0.1:$port/")" "welcome to busybox"
	done
	serve chosen -p 80
	port=$(coracle port chosen 80 | sed 's/.*://')
	expect_matches "$port" '^[0-9]{4,5}$'
	expect_equal "$(fetched "http://127.0.0.1:$port/")" "welcome to busybox"
	serve chosen2 -p 127.0.0.1::80
	expect_matches "$(coracle port chosen2 80)" '^127\.0\.0\.1:[0-9]+$'
	expect_equal "$(fetched "http://$(coracle port chosen2 80)/")" "welcome to busybox"
}

@test "run -P: publishes what is exposed" {
	serve all -P --expose 80 --expose 9000-9001/udp
	run coracle port all
	expect_match '80/tcp -> 0.0.0.0:[0-9]+'
	expect_match '9000/udp -> 0.0.0.0:[0-9]+'
	expect_match '9001/udp -> 0.0.0.0:[0-9]+'
	expect_equal "$(fetched "http://127.0.0.1:$(coracle port all 80 | sed 's/.*://')/")" "welcome to busybox"
}

@test "run -p: a port that is taken is told with its number, and nothing is left" {
	local a
	a=$(free_port)
	serve first -p "127.0.0.1:$a:80"
	expect_error 125 "$a.*in use" coracle run --name second -p "127.0.0.1:$a:80" busybox true
	no_containers --filter name=second
	coracle create --name third -p "127.0.0.1:$a:80" busybox true
	expect_error 125 "$a.*in use" coracle start third
	expect_state third created
	expect_error 125 '99999' coracle run --rm -p 99999:80 busybox true
	expect_error 125 'nonsense' coracle run --rm -p nonsense busybox true
	expect_error 125 'sctp' coracle run --rm -p 80/sctp busybox true
	expect_error 125 '300.1.1.1' coracle run --rm -p 300.1.1.1:8080:80 busybox true
	expect_error 125 'twice' coracle run --rm -p "$a:80" -p "$a:81" busybox true
}

@test "run -p: a port below 1024 is told what an administrator would have to do" {
	[[ $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start) -gt 81 ]] || return 0
	expect_error 125 'ip_unprivileged_port_start' coracle run --rm -p 81:80 busybox true
}

@test "run -p: much data at once, both ways, and half-closed connections" {
	local a
	a=$(free_port)
	coracle run -d --name echo -p "127.0.0.1:$a:7" busybox nc -ll -p 7 -e cat >/dev/null
	head -c 20M /dev/urandom >"$T/data"
	exchanged() {
		python3 - "$a" "$T/data" <<-'P'
			import socket, sys, threading
			data = open(sys.argv[2], "rb").read()
			with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5) as connection:
			    connection.settimeout(60)
			    def send():
			        connection.sendall(data)
			        connection.shutdown(socket.SHUT_WR)
			    sender = threading.Thread(target=send)
			    sender.start()
			    received = bytearray()
			    while True:
			        piece = connection.recv(1 << 16)
			        if not piece:
			            break
			        received += piece
			    sender.join()
			sys.exit(received != data)
		P
	}
	wait_until 30 exchanged
	# Many at once.
	local jobs=() i
	for i in $(seq 8); do
		exchanged &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i"; done
}

@test "run -p: a server that is not there is a connection that is closed" {
	local a
	a=$(free_port)
	coracle run -d --name deaf -p "127.0.0.1:$a:80" busybox sleep 1000 >/dev/null
	run curl -s --max-time 5 "http://127.0.0.1:$a/"
	# 52, 56: closed without an answer; 28 would be a connection that hangs.
	[[ $status == 52 || $status == 56 || $status == 7 ]] || expect_status 52
	expect_state deaf running
}

@test "network: slirp4netns forwards published ports itself when told, so that the container sees who connects" {
	local a how=slirp4netns:port_handler=slirp4netns
	a=$(free_port 4)
	coracle run -d --name seen --network "$how" -p "127.0.0.1:$a:80" -p "$((a + 1)):7000" -p "127.0.0.1:$((a + 2))-$((a + 3)):81-82" busybox sh -c '
		mkdir /cgi /cgi/cgi-bin; (echo "#!/bin/sh"; echo "echo; echo from \$REMOTE_ADDR") >/cgi/cgi-bin/who; chmod +x /cgi/cgi-bin/who
		for p in 80 81 82; do httpd -p $p -h /cgi; done; sleep 1000' >/dev/null
	expect_matches "$(fetched "http://127.0.0.1:$a/cgi-bin/who")" "10.0.2.2\]?$"
	expect_matches "$(fetched "http://127.0.0.1:$((a + 3))/cgi-bin/who")" "10.0.2.2\]?$"
	expect_matches "$(ss -Hltnp "sport = :$a")" 'slirp4netns'
	expect_no pgrep -f "coracle-forward.*:7000"
	# Its socket for orders is for us alone, and for the start alone.
	expect_equal "$(find "$RUNROOT" -name slirp4netns)" ""
	coracle restart -t 0 seen
	expect_matches "$(fetched "http://127.0.0.1:$a/cgi-bin/who")" "10.0.2.2\]?$"
	expect_error 125 "$a.*in use" coracle run --rm --network "$how" -p "127.0.0.1:$a:80" busybox true
	expect_error 125 'IPv4' coracle run --rm --network "$how" -p "[::1]:$((a + 1)):80" busybox true
	coracle rm -f -t 0 seen
	expect_equal "$(ss -Hltn "sport = :$a")" ""
	# A port that is to be chosen.
	serve chosen --network "$how" -p 127.0.0.1::80
	expect_equal "$(fetched "http://$(coracle port chosen 80)/")" "welcome to busybox"
}

@test "network: two containers, each its own" {
	serve first
	run coracle run --rm busybox wget -T 2 -qO- http://127.0.0.1/
	[[ $status != 0 ]]
	expect_equal "$(coracle exec first wget -qO- http://127.0.0.1/)" "welcome to busybox"
}
