# SPDX-License-Identifier: Apache-2.0
# networks with real servers: nginx in front of replicas, redis on an internal network.
load helpers

setup_file() {
	share_store debian busybox
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
	coracle run -d --name db --network data debian redis-server --protected-mode no --dir /var/lib/redis --appendonly yes
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
