# SPDX-License-Identifier: Apache-2.0
# networks: records, the shared namespace and its keeper, names, addresses, isolation, what happens when a helper is killed.
load helpers

setup() {
	common_setup
	load_image busybox
}

no_keeper() {
	[[ ! -e $RUNROOT/network/socket && -z $(keepers) ]]
}

serve() { # name options…
	local name=$1
	shift
	coracle run -d --name "$name" "$@" busybox httpd -f -p 80 -h /var/www >/dev/null
}

# address CONTAINER NETWORK: its IPv4 address there
address() {
	coracle network inspect "$2" | jq -r --arg name "$1" '.[0].containers[] | select(.name == $name) | .interfaces[].subnets[] | select(.ipnet | contains(":") | not).ipnet' | cut -d/ -f1
}

@test "network create, ls, inspect, exists, rm: as podman prints them" {
	run coracle network create web
	expect_status 0
	expect_output web
	expect_equal "$(coracle network ls --format '{{.Name}} {{.Driver}}')" "bridge bridge
web bridge"
	expect_equal "$(coracle network ls -q --filter name=we)" web
	expect_matches "$(coracle network ls)" '^NETWORK ID    NAME        DRIVER'
	coracle network exists web
	run coracle network exists nope
	expect_status 1
	expect_error 125 'already used' coracle network create web
	coracle network create --ignore web
	coracle network create --subnet 10.123.4.0/24 --gateway 10.123.4.9 --ip-range 10.123.4.128/25 --label team=a --internal --disable-dns -o mtu=1400 data
	run coracle network inspect --format '{{range .Subnets}}{{.Subnet}} {{.Gateway}} {{.LeaseRange.StartIP}}{{end}} {{.Internal}} {{.DNSEnabled}} {{.Labels.team}} {{.Options.mtu}}' data
	expect_output '10.123.4.0/24 10.123.4.9 10.123.4.128 true false a 1400'
	expect_equal "$(coracle network inspect data | jq -c '.[0].subnets')" '[{"subnet":"10.123.4.0/24","gateway":"10.123.4.9","lease_range":{"start_ip":"10.123.4.128","end_ip":"10.123.4.255"}}]'
	expect_error 125 'already used by network data' coracle network create --subnet 10.123.4.128/25 other
	expect_error 125 'unsupported driver' coracle network create -d overlay other
	local driver
	for driver in macvlan ipvlan; do
		expect_error 125 "the driver $driver needs a parent: --opt parent=NAME" coracle network create -d $driver other
		coracle network create -d $driver --opt parent=coracle1 --subnet 10.123.9.0/24 other
		expect_equal "$(coracle network inspect other | jq -r '.[0] | "\(.driver) \(.network_interface)"')" "$driver coracle1"
		coracle network rm other
	done
	expect_error 125 'invalid' coracle network create ../x
	coracle network create >"$T/name"
	expect_matches "$(<"$T/name")" '^coracle[0-9]+$'
	expect_equal "$(coracle network ls -q --filter label=team=a)" data
	run coracle network rm data nope
	expect_status 1
	expect_no coracle network exists data
	expect_error 125 'cannot be removed' coracle network rm bridge
	coracle create --name user --network web busybox true
	expect_error 2 'being used' coracle network rm web
	coracle network prune -f
	expect_equal "$(coracle network ls -q)" "bridge
web"
	coracle network rm -f web
	no_containers
}

@test "network ls --filter, inspect --format: what docker's and podman's manuals have" {
	coracle network create --ipv6 --label team=a web
	coracle network create --internal Back.end
	coracle run -d --name one --network web busybox sleep 1000 >/dev/null
	expect_equal "$(coracle network ls -q --filter type=custom)" $'Back.end\nweb'
	expect_equal "$(coracle network ls -q --filter type=builtin)" bridge
	expect_equal "$(coracle network ls -q --filter type=custom --filter dangling=false)" web
	expect_equal "$(coracle network ls -q --filter scope=local --filter label=team)" web
	expect_equal "$(coracle network ls -q --filter scope=swarm)" ""
	expect_error 125 'builtin custom' coracle network ls --filter type=mine
	# As it stands in docker's manual, and in podman's.
	expect_matches "$(coracle network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{.IPv6Address}} {{.MacAddress}}{{end}}' web)" \
		'^one 10\.[0-9.]+/24 fd[0-9a-f:]+/64 02:[0-9a-f:]+$'
	expect_matches "$(coracle network inspect -f '{{range $k, $v := .Containers}}{{$v.Name}} {{range $i, $f := $v.Interfaces}}{{$i}}{{range $f.Subnets}} {{.IPNet}}{{end}}{{end}}{{end}}' web)" \
		'^one eth0 10\.[0-9.]+/24 fd[0-9a-f:]+/64$'
	expect_equal "$(coracle network inspect web | jq -c '.[0].containers[] | keys')" '["interfaces","name"]'
}

@test "network create: names and subnets that cannot be are said to be so; one of the host's own is warned of" {
	local reserved route
	for reserved in 127.0.0.0/8 0.0.0.0/0 224.0.1.0/24 fe80::/64 ff05::/64 ::/0; do
		expect_error 125 'reserved' coracle network create --subnet "$reserved" never
	done
	expect_error 125 'is too long: it has 200 characters' coracle network create "$(printf 'n%.0s' $(seq 200))"
	coracle network create "$(printf 'n%.0s' $(seq 127))"
	expect_error 125 "nobody's" coracle network create --subnet 10.99.0.0/24 --gateway 10.99.0.255 never
	expect_equal "$(coracle network ls -q --filter name=never)" ""
	route=$(ip -4 route show scope link | awk '/\// {print $1; exit}')
	[[ -z $route ]] || {
		run coracle network create --subnet "$route" hosts
		expect_match "this machine has a route to $route"
		expect_equal "$(coracle network ls -q --filter name=hosts)" hosts
		coracle network rm hosts
		run coracle network create --internal --subnet "$route" hosts
		expect_equal "$output" hosts
	}
}

@test "network create: what is free is chosen, by many at once too" {
	local i pids=()
	for i in $(seq 20); do
		coracle network create --ipv6 "n$i" >/dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_equal "$(coracle network ls -q --filter name='^n' | wc -l)" 20
	coracle network ls --filter name='^n' --format json | jq -r '.[].subnets[].subnet' | sort >"$T/subnets"
	expect_equal "$(wc -l <"$T/subnets")" 40
	expect_equal "$(uniq -d "$T/subnets")" ""
	expect_equal "$(coracle network ls --filter name='^n' --format json | jq -r '.[].network_interface' | sort | uniq -d)" ""
}

@test "run --network: an address, a route, names, the outside; and nothing is there when the last one has gone" {
	coracle network create web
	no_keeper
	serve one --network web --network-alias first
	run coracle run --rm --network web busybox sh -c 'wget -qO- http://one/ && wget -qO- http://first/ && wget -qO- http://one.dns.coracle && ip route | grep -c ^default && ping -c 1 -W 5 one'
	expect_status 0
	expect_match 'welcome to busybox.welcome to busybox.welcome to busybox.1'
	# The host, at its own address.
	local port
	port=$(free_port)
	echo hello >"$T/index.html"
	python3 -m http.server -d "$T" "$port" >/dev/null 2>&1 3>&- &
	wait_until 10 curl -so /dev/null "http://127.0.0.1:$port/"
	run coracle run --rm --network web busybox wget -qO- "http://host.containers.internal:$port/"
	kill $!
	expect_output hello
	# An answer by address and by short id too.
	run coracle run --rm --network web busybox wget -qO- "http://$(address one web)/"
	expect_output "welcome to busybox"
	run coracle run --rm --network web busybox wget -qO- "http://$(inspected one Id | cut -c 1-12)/"
	expect_output "welcome to busybox"
	[[ -n $(uplink) ]]
	coracle stop -t 0 one
	wait_until 10 no_keeper
}

@test "run --network bridge is the default network; container:… shares it" {
	serve one --network bridge
	expect_matches "$(address one bridge)" '^10\.88\.'
	expect_equal "$(coracle run --rm --network container:one busybox wget -qO- http://127.0.0.1/)" "welcome to busybox"
	expect_equal "$(coracle ps --format '{{.Networks}}')" bridge
	expect_equal "$(coracle ps -q --filter network=bridge | wc -l)" 1
	expect_error 125 'network not found' coracle run --rm --network nowhere busybox true
	expect_error 125 'cannot be combined' coracle run --rm --network bridge --network none busybox true
}

@test "run -p: published ports of a container on a network" {
	local port
	port=$(free_port)
	coracle network create web
	serve one --network web -p "127.0.0.1:$port:80"
	expect_equal "$(fetched "http://127.0.0.1:$port/")" "welcome to busybox"
	coracle restart -t 0 one
	expect_equal "$(fetched "http://127.0.0.1:$port/")" "welcome to busybox"
}

@test "addresses: fixed ones, their collisions, and what is wrong with a wish" {
	coracle network create --subnet 10.124.1.0/24 --subnet fd12:1::/64 --ip-range 10.124.1.128/30 web
	coracle run -d --name fixed --network web --ip 10.124.1.77 --ip6 fd12:1::77 --mac-address 02:11:22:33:44:55 busybox sleep 1000
	run coracle exec fixed ip addr show eth0
	expect_match '10.124.1.77/24'
	expect_match 'fd12:1::77/64'
	expect_match '02:11:22:33:44:55'
	expect_error 125 'already allocated' coracle run --rm --network web:ip=10.124.1.77 busybox true
	expect_error 125 'not in any subnet' coracle run --rm --network web:ip=10.124.2.1 busybox true
	expect_error 125 'MAC' coracle run --rm --network web:mac=01:00:00:00:00:00 busybox true
	expect_error 125 'unknown option "nope"' coracle run --rm --network web:nope=1 busybox true
	# The range has four; all others are asked for.
	local i
	for i in 1 2 3 4; do coracle run -d --network web:interface_name=net7 busybox sleep 1000; done
	expect_error 125 'all addresses of 10.124.1.0/24 are in use' coracle run --rm --network web busybox true
	expect_equal "$(coracle network inspect web | jq -r '.[0].containers[].interfaces | keys[]' | sort | uniq -c | tr -s ' ')" " 1 eth0
 4 net7"
	# Free at once when its owner has gone.
	coracle rm -f -t 0 fixed
	coracle run --rm --network web:ip=10.124.1.77 busybox true
}

@test "connect and disconnect: of a running container, of a stopped one" {
	coracle network create one
	coracle network create two
	serve a --network one
	coracle run -d --name b --network two busybox sleep 1000
	expect_no coracle exec b ping -c 1 -W 1 a
	coracle network connect --alias nick two a
	expect_equal "$(coracle exec b wget -qO- http://nick/)" "welcome to busybox"
	expect_matches "$(coracle exec a cat /etc/hosts)" "$(address a two)"
	expect_error 125 'already connected' coracle network connect two a
	coracle network disconnect two a
	expect_no coracle exec b nslookup nick
	expect_equal "$(coracle exec a ip -o -4 addr | grep -vc ' lo ')" 1
	coracle network disconnect one a
	expect_equal "$(coracle exec a ip -o -4 addr | grep -vc ' lo ')" 0
	coracle stop -t 0 a
	coracle network connect two a
	coracle start a
	expect_equal "$(coracle exec b wget -qO- http://a/)" "welcome to busybox"
	expect_error 125 'not connected' coracle network disconnect one a
	coracle network disconnect -f one a
	coracle run -d --name plain busybox sleep 1000
	expect_error 125 'invalid network mode' coracle network connect one plain
}

@test "networks are isolated from each other, unless both are open; internal ones reach nothing outside" {
	coracle network create one
	coracle network create two
	coracle network create -o isolate=false open1
	coracle network create -o isolate=false open2
	coracle network create --internal back
	local network
	for network in two open2 back; do serve "at-$network" --network "$network"; done
	expect_no coracle run --rm --network one busybox nc -w 2 "$(address at-two two)" 80
	expect_no coracle run --rm --network open1 busybox nc -w 2 "$(address at-two two)" 80
	expect_equal "$(coracle run --rm --network open1 busybox wget -qO- "http://$(address at-open2 open2)/")" "welcome to busybox"
	# Nor is the gateway of another network answered.
	expect_no coracle run --rm --init --network one busybox timeout 3 nslookup at-two "$(coracle network inspect --format '{{(index .Subnets 0).Gateway}}' two)"
	# Within the internal one all is well, out of it nothing goes: no route, no name.
	expect_equal "$(coracle run --rm --network back busybox wget -qO- http://at-back/)" "welcome to busybox"
	expect_equal "$(coracle run --rm --network back busybox ip route | grep -c ^default)" 0
	expect_no coracle run --rm --network back busybox grep host.containers.internal /etc/hosts
	# Somebody on both is reached by both.
	serve middle --network one --network back
	expect_equal "$(coracle run --rm --network one busybox wget -qO- http://middle/)" "welcome to busybox"
	expect_equal "$(coracle run --rm --network back busybox wget -qO- http://middle/)" "welcome to busybox"
}

@test "a network of IPv6 alone" {
	coracle network create --subnet fd13:5::/64 six
	expect_equal "$(coracle network inspect --format '{{.IPv6Enabled}} {{len .Subnets}}' six)" "true 1"
	serve a --network six
	expect_equal "$(coracle run --rm --network six busybox sh -c 'ip -o -4 addr | grep -vc " lo "; cat /etc/resolv.conf | grep -c fd13:5::1; wget -qO- http://a/')" "0
1
welcome to busybox"
}

@test "the keeper is killed: containers run on, and get their network back by themselves" {
	coracle network create web
	serve one --network web
	coracle run -d --name two --network web busybox sleep 1000
	local before old
	before=$(address one web)
	old=$(keepers coracle-network)
	[[ -n $old ]]
	kill -9 "$old"
	reached() { [[ $(coracle exec two timeout 2 wget -qO- http://one/ 2>/dev/null) == "welcome to busybox" ]]; }
	wait_until 5 is_gone "$old"
	wait_until 10 reached
	expect_state one running
	expect_equal "$(coracle exec one ip -o -4 addr show eth0 | grep -c "$before/")" 1
	expect_equal "$(coracle exec one ip -o link | grep -vc ': lo')" 1
	# The same when what it has inside is killed.
	local inside
	for inside in $(keepers coracle-net-in); do kill -9 "$inside"; done
	wait_until 5 is_gone "$inside"
	wait_until 10 reached
	expect_equal "$(keepers coracle-network | wc -l)" 1
}

@test "the keeper is killed, and so is its parent: the next command gives the network back" {
	coracle network create web
	serve one --network web
	coracle run -d --name two --network web busybox sleep 1000
	local before pids
	before=$(address one web)
	pids=$(keepers)
	[[ -n $pids ]]
	# shellcheck disable=SC2046 # they are several
	kill -9 $(keepers coracle-net-mon) $pids 2>/dev/null || true
	wait_until 5 expect_no coracle exec two ip link show eth0
	expect_state one running
	coracle ps >/dev/null
	expect_equal "$(coracle exec two wget -qO- http://one/)" "welcome to busybox"
	expect_equal "$(address one web)" "$before"
	expect_equal "$(coracle exec one ip -o link | grep -vc ': lo')" 1
	# The same by a start, and by reload.
	pids=$(keepers)
	# shellcheck disable=SC2046,SC2086 # they are several
	kill -9 $(keepers coracle-net-mon) $pids 2>/dev/null || true
	expect_equal "$(coracle run --rm --network web busybox wget -qO- http://one/)" "welcome to busybox"
	run coracle network reload --all
	expect_status 0
	expect_equal "$(wc -l <<<"$output")" 2
	expect_equal "$(coracle exec two wget -qO- http://one/)" "welcome to busybox"
}

@test "a start while the keeper is being killed asks the next one" {
	coracle network create web
	serve one --network web
	local i
	for i in $(seq 8); do
		# At another moment of it each time.
		(sleep "0.0$((i * 6 / 10))$((i * 6 % 10))" && kill -9 $(keepers coracle-network)) 2>/dev/null 3>&- &
		expect_equal "$(coracle run --rm --network web busybox sh -c "for i in \$(seq 50); do wget -qO- http://one/ 2>/dev/null && exit; sleep 0.2; done")" "welcome to busybox"
		wait $! || true
	done
}

@test "a container that its monitor starts again while the keeper is dead has a network" {
	coracle network create web
	mkdir "$T/d"
	# shellcheck disable=SC2016 # expanded inside
	coracle run -d --name phoenix --restart always --network web -v "$T/d:/d" busybox sh -c 'for i in $(seq 100); do ip -o -4 addr show eth0 2>/dev/null >>/d/seen && break; sleep 0.1; done; echo end >>/d/seen; sleep 0.3; [ -e /d/stay ] || exit 1; exec sleep 1000'
	local i
	for i in 1 2 3; do
		sleep "0.$((i * 3))"
		# shellcheck disable=SC2046 # they may be none at this moment
		kill -9 $(keepers coracle-network) 2>/dev/null || true
	done
	started() { [[ $(grep -c end "$T/d/seen") -ge 5 ]]; }
	wait_until 60 started
	touch "$T/d/stay"
	stays() { coracle exec phoenix pidof sleep >/dev/null 2>&1 && coracle exec phoenix ip -o -4 addr show eth0 2>/dev/null | grep -q inet; }
	wait_until 60 stays
	# None of its lives was without, though the keeper may have died the moment after it had made it.
	expect_equal "$(grep -c end "$T/d/seen")" "$(grep -c eth0 "$T/d/seen")"
}

# keeper_ticks: the processor time that the keepers have had, in clock ticks.
keeper_ticks() {
	local pid sum=0
	for pid in $(keepers); do sum=$((sum + $(awk '{print $14 + $15}' "/proc/$pid/stat"))); done
	echo "$sum"
}

@test "the keeper sleeps while more are connected to it than it serves at once, and serves them then" {
	local before
	serve one --network bridge
	python3 -c '
import os, socket, sys, time
os.chdir(sys.argv[1])
held = []
for i in range(100):
    held.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    held[-1].connect("socket")
open(sys.argv[2], "w").close()
time.sleep(3)
for one in held[:90]: one.close()
time.sleep(5)' "$RUNROOT/network" "$T/connected" 3>&- &
	wait_until 10 test -e "$T/connected"
	before=$(keeper_ticks)
	sleep 2
	[[ $(($(keeper_ticks) - before)) -lt 50 ]]
	# One that asks meanwhile is answered when there is a place.
	expect_equal "$(coracle network inspect bridge | jq -r '.[0].containers[].name')" one
	wait $!
	expect_equal "$(coracle network inspect bridge | jq -r '.[0].containers[].name')" one
}

@test "the helpers of networks are confined: system calls, capabilities, files, descriptors" {
	coracle network create web
	coracle run -d --name one --network web busybox sleep 1000
	local pid name
	has() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
	[[ ! -e $BUILD/sanitizer-reports ]] || skip_calls=1
	for name in coracle-network coracle-net-up coracle-net-in; do
		pid=$(keepers "$name")
		[[ -n $pid ]]
		[[ -n ${skip_calls-} ]] || expect_equal "$name $(has "$pid" Seccomp)" "$name 2"
		expect_equal "$name $(has "$pid" NoNewPrivs)" "$name 1"
	done
	expect_equal "$(has "$(keepers coracle-network)" CapEff)" 0000000000000000
	# Only CAP_NET_ADMIN and CAP_NET_BIND_SERVICE; and no file.
	pid=$(keepers coracle-net-in)
	expect_equal "$(has "$pid" CapEff) $(has "$pid" CapBnd)" "0000000000001400 0000000000001400"
	expect_equal "$(nsenter -U --preserve-credentials -t "$pid" ls -A "/proc/$pid/root/")" ""
	# What the uplink needs to become its own sandbox, and the uplink has less.
	pid=$(keepers coracle-net-up)
	expect_equal "$(has "$pid" CapBnd)" 0000000000201500
	pid=$(uplink)
	expect_equal "$(has "$pid" CapEff)" 0000000000000400
	# Nothing of them is to be had in the container.
	expect_equal "$(coracle exec one sh -c 'ls -l /proc/*/fd 2>/dev/null' | grep -cE 'netlink|coracle|run/network')" 0
}

@test "the uplink is killed: it comes again by itself" {
	coracle network create web
	coracle run -d --name one --network web busybox sleep 1000
	local old port
	old=$(uplink)
	[[ -n $old ]]
	kill -9 $old
	port=$(free_port)
	echo hello >"$T/index.html"
	python3 -m http.server -d "$T" "$port" >/dev/null 2>&1 3>&- &
	local server=$!
	wait_until 10 curl -so /dev/null "http://127.0.0.1:$port/"
	wait_until 20 coracle exec one timeout 2 wget -qO /dev/null "http://host.containers.internal:$port/"
	kill $server
	expect_no [ "$(uplink)" = "$old" ]
}

@test "a monitor that is killed leaves no address, name or link behind" {
	coracle network create --subnet 10.125.1.0/24 web
	coracle run -d --name one --network web:ip=10.125.1.9 busybox sleep 1000
	coracle run -d --name two --network web busybox sleep 1000
	kill -9 "$(inspected one State.ConmonPid)"
	wait_until 5 expect_no coracle exec two nslookup one
	coracle rm -f one
	coracle run --rm --network web:ip=10.125.1.9 busybox true
	expect_equal "$(coracle network inspect web | jq '.[0].containers | length')" 1
}

@test "a container that is started again keeps its network, also when it is alone on it" {
	coracle network create web
	# shellcheck disable=SC2016 # expanded inside
	coracle run -d --name phoenix --restart always --network web busybox sh -c 'echo >>/starts; [ $(wc -l </starts) -lt 4 ] || exec sleep 1000; sleep 0.2; exit 1'
	restarted() { [[ $(inspected phoenix RestartCount) -ge 3 && $(inspected phoenix State.Status) == running ]]; }
	wait_until 20 restarted
	expect_equal "$(coracle exec phoenix ip -o -4 addr | grep -vc ' lo ')" 1
}

@test "many containers at once: all reach all by name, and no address is given twice" {
	coracle network create web
	local i pids=()
	for i in $(seq 30); do
		coracle run -d --name "c$i" --network web busybox httpd -f -p 80 -h /var/www >/dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_equal "$(coracle ps -q | wc -l)" 30
	expect_equal "$(coracle network inspect web | jq -r '.[0].containers[].interfaces[].subnets[].ipnet' | sort -u | wc -l)" 30
	# shellcheck disable=SC2016 # expanded inside
	expect_equal "$(coracle exec c1 sh -c 'for i in $(seq 30); do wget -qO- http://c$i/; done' | grep -c welcome)" 30
	expect_equal "$(coracle exec c30 wget -qO- http://c1/)" "welcome to busybox"
}

@test "--network ns:PATH joins a namespace of the user's" {
	unshare --user --map-root-user --map-auto --net sh -c 'echo $$; exec sleep 1000' >"$T/pid" 3>&- &
	wait_until 5 test -s "$T/pid"
	local path
	path=/proc/$(<"$T/pid")/ns/net
	expect_equal "$(coracle run --rm --network "ns:$path" busybox readlink /proc/self/ns/net)" "$(readlink "$path")"
	kill "$(<"$T/pid")"
	expect_error 125 'does not belong to' coracle run --rm --network ns:/proc/self/ns/net busybox true
	expect_error 125 'no network namespace' coracle run --rm --network ns:/proc/self/ns/ipc busybox true
}

@test "unshare --rootless-netns: containers are reached by their addresses, while there are networks" {
	coracle network create back >/dev/null
	expect_error 125 'while a container is on one' coracle unshare --rootless-netns true
	serve web --network back
	local address
	address=$(address web back)
	expect_matches "$(coracle unshare --rootless-netns curl -s --max-time 5 "http://$address/")" 'welcome to busybox'
	run -3 coracle unshare --rootless-netns sh -c 'exit 3'
}
