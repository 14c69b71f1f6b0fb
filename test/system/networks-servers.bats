# SPDX-License-Identifier: Apache-2.0
# networks with real servers: nginx in front of replicas, redis and PostgreSQL on internal networks, IPv6 alone.
load helpers

setup_file() {
	share_store debian busybox postgres
}

teardown_file() {
	coracle network prune -f >/dev/null
	unshare_store
}

@test "an nginx proxy in front of two replicas, which it knows by one name" {
	local port i
	port=$(free_port)
	coracle network create front
	coracle network create back
	mkdir "$T/1" "$T/2"
	for i in 1 2; do
		echo "replica $i" >"$T/$i/index.html"
		coracle run -d --name "replica$i" --network back --network-alias app -v "$T/$i:/var/www/html:ro" debian
	done
	cat >"$T/proxy.conf" <<-'C'
		server {
		    listen 80 default_server;
		    location / { proxy_pass http://app:80; }
		}
	C
	coracle run -d --name proxy --network front --network back -p "127.0.0.1:$port:80" -v "$T/proxy.conf:/etc/nginx/sites-enabled/default:ro" debian
	fetched "http://127.0.0.1:$port/" >/dev/null
	# nginx has asked once, and shares out among all that the name has.
	expect_equal "$(for i in $(seq 20); do curl -s "http://127.0.0.1:$port/"; done | sort -u)" "replica 1
replica 2"
	# One goes, the other one serves.
	coracle rm -f -t 0 replica1
	expect_equal "$(for i in $(seq 5); do curl -s --max-time 10 "http://127.0.0.1:$port/"; done | sort -u)" "replica 2"
	# Who is on the front alone does not see the back.
	expect_no coracle run --rm --network front busybox nslookup app
	expect_equal "$(coracle run --rm --network front busybox wget -qO- http://proxy/)" "replica 2"
	coracle rm -f -t 0 -a >/dev/null
	coracle network rm front back
}

@test "redis on an internal network, reached by name, and again after it was restarted" {
	coracle network create --internal data
	coracle run -d --name db --stop-signal TERM --network data debian redis-server --protected-mode no --dir /var/lib/redis --appendonly yes
	client() { coracle run --rm --network data debian redis-cli -h db "$@"; }
	answers() { [[ $(client ping 2>/dev/null) == PONG ]]; }
	wait_until 20 answers
	expect_equal "$(client set key "a value")" OK
	coracle restart -t 5 db
	wait_until 20 answers
	expect_equal "$(client get key)" "a value"
	# It has no way out, and nobody from elsewhere a way in.
	expect_no coracle exec db sh -c 'ip route | grep default'
	coracle network create other
	expect_no coracle run --rm --network other busybox nslookup db
	coracle rm -f -t 0 -a >/dev/null
	coracle network rm data other
}

@test "--dns: a name server that is a container itself is asked, and names of containers come first" {
	coracle network create --subnet 10.126.1.0/24 web
	# Whatever is asked for is 192.0.2.77.
	cat >"$T/server.py" <<-'P'
		import socket
		server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		server.bind(("0.0.0.0", 53))
		print("ready", flush=True)
		while True:
		    query, client = server.recvfrom(4096)
		    end = query.index(0, 12) + 5
		    ipv4 = query[end - 4:end - 2] == bytes([0, 1])
		    head = query[:2] + bytes([0x81, 0x80, 0, 1, 0, int(ipv4), 0, 0, 0, 0])
		    answer = bytes([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 77]) if ipv4 else b""
		    server.sendto(head + query[12:end] + answer, client)
	P
	coracle run -d --name ns --network web:ip=10.126.1.53 -v "$T/server.py:/server.py:ro" debian python3 /server.py
	wait_for_log ns ready
	coracle run -d --name one --network web busybox httpd -f -p 80 -h /var/www
	run coracle run --rm --network web --dns 10.126.1.53 busybox sh -c 'cat /etc/resolv.conf; nslookup -type=a far.example.test; wget -qO- http://one/'
	expect_match 'nameserver 10.126.1.1'
	expect_match '192.0.2.77'
	expect_match 'welcome to busybox'
	coracle rm -f -t 0 -a >/dev/null
	coracle network rm web
}

@test "PostgreSQL on an internal network, behind an application that is on two, behind nginx" {
	local port
	port=$(free_port)
	coracle network create front
	coracle network create --internal data
	coracle run -d --name db --network data postgres
	# Each request is a line in the table, and the answer is how many there are.
	cat >"$T/app.py" <<-'P'
		import http.server, subprocess
		def sql(text):
		    return subprocess.run(["psql", "-h", "db", "-U", "postgres", "-Atc", text], check=True, stdout=subprocess.PIPE).stdout
		class Handler(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        sql("insert into visits values (now())")
		        text = sql("select count(*) from visits")
		        self.send_response(200)
		        self.end_headers()
		        self.wfile.write(b"visit " + text)
		sql("create table if not exists visits (at timestamp)")
		http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
	P
	cat >"$T/front.conf" <<-'C'
		server {
		    listen 80 default_server;
		    location / { proxy_pass http://app:8000; }
		}
	C
	answers() { coracle exec db psql -h db -U postgres -Atc 'select 1' >/dev/null 2>&1; }
	wait_until 60 answers
	coracle run -d --name app --network front --network data -v "$T/app.py:/app.py:ro" postgres python3 /app.py
	coracle run -d --name web --network front -p "127.0.0.1:$port:80" -v "$T/front.conf:/etc/nginx/sites-enabled/default:ro" debian
	expect_matches "$(fetched --fail "http://127.0.0.1:$port/")" '^visit [0-9]+$'
	# The database is reached through the application alone, has no way out, and keeps what it has.
	expect_no coracle exec web curl -s --max-time 3 "telnet://$(coracle network inspect data | jq -r '.[0].containers[] | select(.name == "db") | .interfaces[].subnets[].ipnet' | cut -d/ -f1):5432"
	expect_no coracle exec web getent hosts db
	expect_no coracle exec db sh -c 'getent hosts web || getent hosts far.example'
	local before after
	before=$(curl -s "http://127.0.0.1:$port/" | grep -oE '[0-9]+')
	coracle restart -t 10 db
	wait_until 60 answers
	after=$(fetched --fail "http://127.0.0.1:$port/" | grep -oE '[0-9]+')
	[[ $after -gt $before ]]
	coracle rm -f -t 0 -a >/dev/null
	coracle network rm front data
}

@test "PostgreSQL under load while helpers of its network are killed at random: every transaction that was answered is there" {
	coracle network create data
	coracle run -d --name db --network data postgres
	answers() { coracle exec db psql -h db -U postgres -Atc 'create table if not exists t (n int)' >/dev/null 2>&1; }
	wait_until 60 answers
	# A client in a container of its own; a line for each insertion that the server said yes to.
	mkdir -m 777 "$T/d"
	coracle run -d --name client --network data -v "$T/d:/d" postgres bash -c 'for n in $(seq 100000); do
		PGCONNECT_TIMEOUT=2 timeout 5 psql -q -h db -U postgres -c "insert into t values ($n)" 2>/dev/null && echo $n >>/d/done; [ ! -e /d/stop ] || exit 0; done'
	local i pid before
	for i in $(seq 6); do
		sleep 0.7
		for pid in $(keepers) $(uplink); do
			[[ $((RANDOM % 2)) == 0 ]] || kill -9 "$pid" 2>/dev/null || true
		done
	done
	coracle ps >/dev/null
	# It goes on.
	before=$(wc -l <"$T/d/done")
	more() { [[ $(wc -l <"$T/d/done") -gt $((before + 5)) ]]; }
	wait_until 60 more
	touch "$T/d/stop"
	ended() { [[ $(inspected client State.Status) == exited ]]; }
	wait_until 30 ended
	coracle exec db psql -h db -U postgres -Atc 'select n from t' | sort -u >"$T/there"
	expect_equal "$(sort -u "$T/d/done" | comm -23 - "$T/there")" ""
	coracle rm -f -t 0 -a >/dev/null
	coracle network rm data
}

@test "a network of IPv6 alone: pages and a hundred megabytes by name, from the host, with PTR and no IPv4" {
	local port
	port=$(free_port)
	coracle network create --subnet fd17:5::/64 six
	head -c 100000000 /dev/urandom >"$T/big"
	chmod 644 "$T/big"
	coracle run -d --name web --network six -p "127.0.0.1:$port:80" -p "[::1]:$port:80" -v "$T/big:/var/www/html/big:ro" debian
	coracle run -d --name client --network six debian sleep 1000
	expect_equal "$(coracle exec client ip -o -4 addr show eth0)" ""
	expect_equal "$(coracle exec client curl -s --retry 10 --retry-connrefused http://web/big | sha256sum)" "$(sha256sum <"$T/big")"
	expect_matches "$(coracle exec client getent ahosts web)" '^fd17:5::'
	expect_equal "$(coracle exec client getent ahostsv4 web)" ""
	expect_matches "$(coracle exec client getent hosts "$(coracle exec web hostname -I | tr ' ' '\n' | grep ^fd17)")" 'web'
	expect_equal "$(fetched --fail "http://127.0.0.1:$port/")" '<h1>nginx in coracle</h1>'
	expect_equal "$(fetched --fail "http://[::1]:$port/big" | sha256sum)" "$(sha256sum <"$T/big")"
	# Not beyond it.
	coracle network create --subnet fd17:6::/64 other
	expect_no coracle run --rm --network other debian curl -sg --max-time 3 "http://[$(coracle exec web hostname -I | tr ' ' '\n' | grep ^fd17)]/"
	coracle rm -f -t 0 -a >/dev/null
	coracle network rm six other
}
