# SPDX-License-Identifier: Apache-2.0
# Networks and published ports, as a user sees them from outside.

load helpers

# The content of a page, when the server has come up.
fetch() { # url
	local i
	for i in $(seq 100); do
		curl -gsf --max-time 5 "$1" && return
		sleep 0.1
	done
	return 1
}

@test "a published port serves a page, by IPv4 and IPv6, and is gone with the container" {
	load_image busybox
	port=$(free_port)
	coracle run -d --name web -p "$port:80" busybox sh -c 'mkdir -p /www; echo served >/www/index.html; exec httpd -f -p 80 -h /www'
	run -0 fetch "http://127.0.0.1:$port/index.html"
	expect_output served
	if [[ -e /proc/net/if_inet6 ]]; then
		run -0 fetch "http://[::1]:$port/index.html"
		expect_output served
	fi
	coracle rm -f -t 0 web
	run ! curl -s --max-time 2 "http://127.0.0.1:$port/"
}

@test "a megabyte goes through a published port unchanged in both directions" {
	load_image busybox
	port=$(free_port)
	coracle run -d --name echo -p "127.0.0.1:$port:7" busybox sh -c 'while :; do nc -l -p 7 -e cat; done'
	head -c 1000000 /dev/urandom >"$T/sent"
	# shellcheck disable=SC2016 # bash -c expands them
	for i in $(seq 100); do
		timeout 30 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"; cat "$1" >&3 & head -c 1000000 <&3 >"$2"' "$port" "$T/sent" "$T/received" &&
			cmp -s "$T/sent" "$T/received" && break
		sleep 0.1
	done
	cmp "$T/sent" "$T/received"
}

# echoes OPTION…: a UDP port of a container with these options sends back what it gets.
echoes() {
	load_image debian
	port=$(free_port)
	# shellcheck disable=SC2016 # perl's
	coracle run -d --name echo -p "127.0.0.1:$port:7/udp" "$@" debian perl -MSocket -e 'socket(S, PF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(7, INADDR_ANY));
		while ($from = recv(S, $data, 2000, 0)) { send(S, $data, 0, $from) }'
	# shellcheck disable=SC2016 # bash -c expands them
	for i in $(seq 50); do
		reply=$(timeout 1 bash -c 'exec 3<>"/dev/udp/127.0.0.1/$0"; echo ping >&3; head -n 1 <&3' "$port") || true
		[[ $reply != ping ]] || break
	done
	[[ $reply == ping ]]
}

@test "a UDP port answers" {
	echoes
}

@test "a UDP port answers that slirp4netns forwards" {
	# It lets the container answer who connects from the host's loopback only where that may be reached at all; podman's does the same.
	echoes --network slirp4netns:port_handler=slirp4netns,allow_host_loopback=true
}

@test "who asks for a port where nothing listens in the container is turned away at once" {
	load_image busybox
	port=$(free_port)
	coracle run -d -p "127.0.0.1:$port:80" busybox sleep 100
	run curl -s --max-time 5 "http://127.0.0.1:$port/"
	# 7: refused, 52: an empty reply, 55 and 56: reset while sending or receiving; 28 would be the timeout
	[[ $status == 7 || $status == 52 || $status == 55 || $status == 56 ]] || expect_status 56
	[[ -n $(coracle ps -q) ]]
}

@test "a taken port is an error that names who has it, and makes nothing" {
	load_image busybox
	port=$(free_port)
	coracle run -d --name first -p "127.0.0.1:$port:80" busybox sleep 100
	run -125 coracle run --name second -p "127.0.0.1:$port:80" busybox true
	[[ $output == *"port 127.0.0.1:$port/tcp is in use (by container first)"* ]]
	run ! coracle inspect second
}

@test "the container has an address, a route, names and a resolver" {
	load_image busybox
	run -0 coracle run --rm --hostname boat --add-host db:10.1.2.3 busybox sh -c 'ip route; cat /etc/hosts /etc/resolv.conf'
	[[ $output == *"default via 10.0.2.2"* ]]
	[[ $output == *"10.0.2.100"*boat* ]]
	[[ $output == *"10.1.2.3"*db* ]]
	[[ $output == *"nameserver 10.0.2.3"* ]]
}

@test "both network programs work by name and by their options" {
	load_image busybox
	run -0 coracle run --rm --network slirp4netns:cidr=10.50.0.0/24,mtu=1400 busybox ip addr show tap0
	[[ $output == *"10.50.0.100/24"* && $output == *"mtu 1400"* ]]
	run -0 coracle run --rm --network pasta:-a,10.60.0.9,-n,24,-g,10.60.0.1 busybox ip addr show tap0
	[[ $output == *"10.60.0.9/24"* ]]
	run -125 coracle run --rm --network slirp4netns:nope=1 busybox true
	[[ $output == *"unknown option \"nope\""* ]]
}

@test "the host's loopback is out of reach, unless it is allowed" {
	load_image busybox
	port=$(free_port)
	mkdir "$T/www"
	echo secret >"$T/www/index.html"
	busybox httpd -f -p "127.0.0.1:$port" -h "$T/www" 3>&- &
	server=$!
	wait_until 10 curl -so /dev/null "http://127.0.0.1:$port/"
	# Spelled out: Debian's static wget cannot resolve even an address.
	request="printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 3 10.0.2.2 $port"
	run coracle run --rm busybox sh -c "$request"
	[[ $output != *secret* ]]
	run coracle run --rm --network slirp4netns:allow_host_loopback=true busybox sh -c "$request"
	kill "$server"
	[[ $output == *secret* ]]
}

@test "--network host is the host's, --network none has its loopback only" {
	load_image busybox
	run -0 coracle run --rm --network host busybox readlink /proc/self/ns/net
	[[ $output == "$(readlink /proc/self/ns/net)" ]]
	run -0 coracle run --rm --network none busybox sh -c 'ip -o link | wc -l; ping -c 1 -W 1 127.0.0.1 >/dev/null && echo up'
	[[ $output == $'1\nup' ]]
}
