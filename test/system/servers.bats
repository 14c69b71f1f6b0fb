# SPDX-License-Identifier: Apache-2.0
# servers: nginx and redis as packages bring them, from the first start to the removal.
load helpers

setup_file() {
	share_store debian busybox
}

teardown_file() {
	unshare_store
}

@test "nginx: serves, logs, execs, stops by SIGQUIT with 0, and serves again" {
	local port url
	port=$(free_port)
	url=http://127.0.0.1:$port/
	coracle run -d --name web -p "127.0.0.1:$port:80" debian
	expect_equal "$(fetched "$url")" "<h1>nginx in coracle</h1>"
	coracle exec web sh -c 'echo changed >/var/www/html/index.html'
	expect_equal "$(fetched "$url")" changed
	# What it wrote to its access log, which is a link to /dev/stdout, and as another user.
	wait_for_log web 'GET / HTTP'
	timeout 60 "$T/coracle" logs -f web >"$T/followed" 3>&- &
	local follower=$!
	curl -s "${url}marker" >/dev/null
	wait_until 10 grep -q marker "$T/followed"
	expect_matches "$(coracle top web user,args)" 'www-data +nginx: worker'
	coracle stop web
	wait $follower
	expect_equal "$(inspected web State.ExitCode)" 0
	run curl -s --max-time 2 "$url"
	expect_status 7
	coracle start web
	expect_equal "$(fetched "$url")" changed
	coracle rm -f web
	run curl -s --max-time 2 "$url"
	expect_status 7
}

@test "nginx: a hundred requests at once, and a big file" {
	local port
	port=$(free_port)
	mkdir "$T/html"
	head -c 50M /dev/urandom >"$T/html/big"
	echo small >"$T/html/index.html"
	coracle run -d --name web -p "127.0.0.1:$port:80" -v "$T/html:/var/www/html:ro" debian
	expect_equal "$(fetched "http://127.0.0.1:$port/")" small
	cmp <(curl -s "http://127.0.0.1:$port/big") "$T/html/big"
	expect_equal "$(seq 100 | xargs -P 20 -I{} curl -s "http://127.0.0.1:$port/?{}" | sort | uniq -c | tr -s ' ')" " 100 small"
}

@test "redis: data written is there after a restart and a stop" {
	local port
	port=$(free_port)
	# The image's own signal to stop, SIGQUIT, is nginx's.
	coracle run -d --name db --stop-signal TERM -p "127.0.0.1:$port:6379" debian redis-server --protected-mode no --dir /var/lib/redis --appendonly yes
	client() { coracle run --rm --network container:db debian redis-cli "$@"; }
	answers() { [[ $(client ping 2>/dev/null) == PONG ]]; }
	wait_until 20 answers
	expect_equal "$(client set key "a value")" OK
	# Through the published port, by the protocol itself.
	expect_equal "$(python3 -c "
import socket
with socket.create_connection(('127.0.0.1', $port), 5) as c:
    c.sendall(b'GET key\r\n')
    print(c.recv(100).decode().split()[1:])")" "['a', 'value']"
	coracle restart db
	wait_until 20 answers
	expect_equal "$(client get key)" "a value"
	coracle stop db
	coracle start db
	wait_until 20 answers
	expect_equal "$(coracle exec db redis-cli get key)" "a value"
	coracle rm -f db
}

@test "udp: a published port answers" {
	local port
	port=$(free_port)
	coracle run -d --name udp -p "127.0.0.1:$port:5000/udp" debian python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 5000))
while True:
    data, sender = s.recvfrom(65536)
    s.sendto(data.upper(), sender)'
	answered() {
		python3 - "$port" <<-'P'
			import socket, sys
			with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
			    s.settimeout(1)
			    s.connect(("127.0.0.1", int(sys.argv[1])))
			    for size in 5, 1400, 8000:
			        s.send(b"a" * size)
			        assert s.recv(65536) == b"A" * size, size
		P
	}
	wait_until 20 answered
	# Two clients: each gets its own answers.
	answered &
	local first=$!
	answered
	wait $first
}
