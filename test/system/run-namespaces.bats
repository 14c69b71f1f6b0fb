# SPDX-License-Identifier: Apache-2.0
# run: which namespaces are the container's own and which it shares; kernel parameters.
load helpers

setup() {
	common_setup
	load_image busybox
}

# ns PID KIND
ns() {
	readlink "/proc/$1/ns/$2"
}

@test "run: all namespaces are the container's own" {
	local pid kind
	coracle run -d --name own busybox sleep 1000
	pid=$(inspected own State.Pid)
	for kind in user mnt pid net ipc uts cgroup; do
		[[ $(ns "$pid" $kind) != $(ns self $kind) ]] || {
			echo "shares $kind"
			return 1
		}
	done
	# Two containers: each its own, of the same user namespace.
	coracle run -d --name other busybox sleep 1000
	pid2=$(inspected other State.Pid)
	for kind in mnt pid net ipc uts cgroup; do
		[[ $(ns "$pid" $kind) != $(ns "$pid2" $kind) ]]
	done
	expect_equal "$(ns "$pid" user)" "$(ns "$pid2" user)"
}

@test "run --pid host: sees our processes, and still dies with its monitor" {
	local pid
	run coracle run --rm --pid host busybox sh -c "cat /proc/$$/comm; echo \$\$"
	expect_match "^$(cat /proc/$$/comm)"
	coracle run -d --name seeing --pid host busybox sleep 1000
	pid=$(inspected seeing State.Pid)
	kill -9 "$(inspected seeing State.ConmonPid)"
	wait_until 10 is_gone "$pid"
	wait_until 5 is_state seeing exited
}

# brood NAME OPTION…: a container with children, one that has left its session, and one whose parent is gone. survivors: those that live.
brood() {
	local name=$1
	shift
	number=$((770000000 + RANDOM))
	coracle "${driver[@]}" run -d --name "$name" "$@" busybox sh -c "sleep $number & setsid sleep $number & (sleep $number &) ; echo here; exec sleep 1000" >/dev/null
	wait_for_log "$name" here
	wait_until 10 has_survivors 3
}
has_survivors() {
	[[ $(pgrep -cf "^sleep $number\$") == "$1" ]]
}
kill_monitor() { # name
	local pid
	pid=$(inspected "$1" State.ConmonPid)
	kill -9 "$pid"
	wait_until 10 is_gone "$pid"
}

@test "run --pid: of a container whose monitor was killed nothing lives on when the next command has looked" {
	local driver=()
	brood seen --pid host
	# Nothing to do with it but its network's names, which are files of its directory: not to be touched.
	coracle run -d --name friend --network container:seen busybox sleep 1000 >/dev/null
	kill_monitor seen
	has_survivors 3
	coracle ps -a >/dev/null
	has_survivors 0
	expect_state seen exited
	expect_equal "$(inspected seen State.ExitCode)" 137
	expect_state friend running
	coracle start seen
	wait_until 10 has_survivors 3
	kill_monitor seen
	coracle start seen
	wait_until 10 has_survivors 3
	kill_monitor seen
	coracle rm seen
	has_survivors 0
	brood removed --rm --pid host
	kill_monitor removed
	coracle ps >/dev/null
	has_survivors 0
	no_containers --filter name=removed
	brood sharing --pid container:friend
	kill_monitor sharing
	coracle ps >/dev/null
	has_survivors 0
	expect_state friend running
}

@test "run --pid: nor where the root file system is fuse-overlayfs', or a copy" {
	local kind driver
	for kind in fuse-overlayfs vfs; do
		driver=(--storage-driver "$kind")
		brood "$kind" --pid host
		kill_monitor "$kind"
		coracle ps -a >/dev/null
		has_survivors 0
	done
}

@test "run --pid container: sees the other's processes" {
	coracle run -d --name first busybox sleep 4321
	run coracle run --rm --pid container:first busybox ps -o pid,args
	expect_match '1 sleep 4321'
	# What runs in another's pid namespace ends with it.
	coracle run -d --name second --pid container:first busybox sleep 1000
	coracle rm -f -t 0 first
	wait_until 10 is_state second exited
	expect_error 125 'none-such' coracle run --rm --pid container:none-such busybox true
	coracle create --name idle busybox true
	expect_error 125 'not running' coracle run --rm --pid container:idle busybox true
	expect_equal "$(coracle ps -a --format '{{.Names}}' | sort)" $'idle\nsecond'
}

@test "run --pid host --restart: who looks for the monitor while it begins anew does not end it" {
	local i
	coracle run -d --name phoenix --pid host --restart always busybox sleep 0.01
	for i in $(seq 150); do coracle exec phoenix true >/dev/null 2>&1 || true; done
	expect_no is_state phoenix exited
	wait_until 10 eval '(($(inspected phoenix RestartCount) > 0))'
	coracle rm -f -t 0 phoenix
}

@test "run --ipc: private, host and container" {
	local pid
	coracle run -d --name first busybox sh -c 'echo segment >/dev/shm/x; sleep 1000'
	pid=$(inspected first State.Pid)
	expect_equal "$(coracle run --rm --ipc container:first busybox cat /dev/shm/x)" segment
	expect_equal "$(coracle run --rm --ipc container:first busybox readlink /proc/self/ns/ipc)" "$(ns "$pid" ipc)"
	expect_equal "$(coracle run --rm --ipc host busybox readlink /proc/self/ns/ipc)" "$(ns self ipc)"
	expect_equal "$(coracle run --rm busybox ls /dev/shm)" ""
}

@test "run --uts: private, host and container" {
	coracle run -d --name first --hostname somewhere busybox sleep 1000
	expect_equal "$(coracle run --rm --uts container:first busybox hostname)" somewhere
	expect_equal "$(coracle run --rm --uts host busybox hostname)" "$(uname -n)"
	expect_error 125 'hostname' coracle run --rm --uts host --hostname x busybox true
}

@test "run --network container: shares the other's addresses and ports" {
	coracle run -d --name first --network none busybox httpd -f -p 8080 -h /var/www
	wait_until 10 coracle exec first sh -c 'netstat -ltn | grep -q :8080'
	expect_equal "$(coracle run --rm --network container:first busybox wget -qO- http://127.0.0.1:8080/)" "welcome to busybox"
}

@test "run --network container: is known by the other's names: host name, /etc/hosts, /etc/hostname and /etc/resolv.conf" {
	coracle run -d --name first --hostname boat --add-host pier:192.0.2.7 --dns 192.0.2.53 --network none busybox sleep 1000
	coracle exec first sh -c 'echo "192.0.2.8 later" >>/etc/hosts'
	run coracle run --rm --network container:first busybox sh -c 'hostname; cat /etc/hostname; cat /etc/hosts; cat /etc/resolv.conf; echo "192.0.2.9 from-second" >>/etc/hosts'
	expect_status 0
	expect_match $'^boat\nboat\n.*192.0.2.7\tpier\n.*boat first\n192.0.2.8 later\nnameserver 192.0.2.53$'
	# It is the same file, not a copy; also where it is shared at second hand, and after the start of a container made earlier.
	coracle exec first grep -q from-second /etc/hosts
	coracle create --name second --network container:first busybox sleep 1000
	coracle start second
	coracle exec first sh -c 'echo "192.0.2.10 last" >>/etc/hosts'
	expect_equal "$(coracle run --rm --network container:second busybox sh -c 'grep -c . /etc/hosts; hostname')" \
		"$(coracle exec first sh -c 'grep -c . /etc/hosts; hostname')"
	coracle exec second grep -q last /etc/hosts
	local field
	for field in HostsPath HostnamePath ResolvConfPath; do
		expect_equal "$(inspected second "$field")" "$(inspected first "$field")"
	done
	# What is its own, if it wants: the host name; or the image's file.
	expect_equal "$(coracle run --rm --network container:first --hostname other busybox sh -c 'hostname; cat /etc/hostname; grep -c pier /etc/hosts')" $'other\nother\n1'
	expect_equal "$(coracle run --rm --network container:first --no-hosts busybox sh -c 'grep -c pier /etc/hosts 2>/dev/null || echo none')" none
	expect_error 125 'first.*give them to that container' coracle run --rm --network container:first --add-host a:192.0.2.1 busybox true
	expect_error 125 'first.*give them to that container' coracle run --rm --network container:first --dns 192.0.2.1 busybox true
}

@test "run --cgroupns: private by default, or the host's" {
	expect_equal "$(coracle run --rm busybox grep ^0:: /proc/self/cgroup)" "0::/"
	expect_equal "$(coracle run --rm --cgroupns host busybox readlink /proc/self/ns/cgroup)" "$(ns self cgroup)"
}

@test "run --sysctl: sets what belongs to the container's namespaces, and nothing else" {
	expect_equal "$(coracle run --rm --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=12345 busybox cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)" $'1\n12345'
	expect_error 125 'kernel.panic' coracle run --rm --sysctl kernel.panic=1 busybox true
	expect_error 125 'net.ipv4.ip_forward' coracle run --rm --network host --sysctl net.ipv4.ip_forward=1 busybox true
	expect_error 125 'nonsense' coracle run --rm --sysctl nonsense busybox true
	expect_error 125 '\.\.' coracle run --rm --sysctl net/../kernel/panic=1 busybox true
}

@test "run: without a network there is a loopback interface still, and it is up" {
	run coracle run --rm --network none busybox sh -c 'ip -o addr show lo; ip -o link | wc -l'
	expect_match '127\.0\.0\.1/8'
	expect_match $'\n1$'
}
# A process of the user's in namespaces of its own, which begins with `options` of unshare(1); the pid of who is inside is in $T/pid.
elsewhere() { # options
	unshare --user --map-root-user --map-auto "$@" sh -c 'hostname elsewhere 2>/dev/null; readlink /proc/self >'"$T"'/pid.tmp; mv '"$T"'/pid.tmp '"$T"'/pid; exec sleep 1000' 3>&- &
	ELSEWHERE=$!
	wait_until 5 test -s "$T/pid"
}

@test "run --pid, --ipc, --uts, --cgroupns ns:PATH: join namespaces of the user's" {
	local kind
	elsewhere --pid --fork --kill-child=KILL --ipc --uts --cgroup --net
	local inside=/proc/$(pgrep -P "$ELSEWHERE")/ns
	for kind in pid ipc uts cgroup; do
		local option=--$kind
		[[ $kind != cgroup ]] || option=--cgroupns
		expect_equal "$(coracle run --rm "$option" "ns:$inside/$kind" busybox readlink "/proc/self/ns/$kind")" "$(readlink "$inside/$kind")"
		expect_error 125 "$option ns:/proc/self/ns/mnt: this is no $kind namespace" coracle run --rm "$option" ns:/proc/self/ns/mnt busybox true
		expect_error 125 "$option ns:/nowhere: No such file" coracle run --rm "$option" ns:/nowhere busybox true
		expect_error 125 'does not belong to' coracle run --rm "$option" "ns:/proc/self/ns/$kind" busybox true
		expect_error 125 'ns:/PATH' coracle run --rm "$option" ns:relative busybox true
	done
	# What is there is what is seen.
	expect_equal "$(coracle run --rm --uts "ns:$inside/uts" busybox hostname)" elsewhere
	run -0 coracle run --rm --pid "ns:$inside/pid" busybox ps -o args
	expect_match 'sleep 1000'
	# All at once; and of a namespace that belongs elsewhere it is said.
	run -0 coracle run --rm --pid "ns:$inside/pid" --ipc "ns:$inside/ipc" --uts "ns:$inside/uts" --network "ns:$inside/net" busybox sh -c 'touch /dev/shm/x && readlink /proc/self/ns/ipc; hostname'
	expect_output "$(readlink "$inside/ipc")"$'\nelsewhere'
	coracle run -d --name other busybox sleep 1000
	expect_error 125 'another user namespace' coracle run --rm --uts "ns:$inside/uts" --ipc "ns:/proc/$(inspected other State.Pid)/ns/ipc" busybox true
	expect_equal "$(inspected "$(coracle create --pid "ns:$inside/pid" busybox true)" HostConfig.PidMode)" "ns:$inside/pid"
	# With ids of its own.
	expect_equal "$(coracle run --rm --uidmap 0:1:2000 --uts "ns:$inside/uts" busybox hostname)" elsewhere
	# Looked for at each start; ends with the pid namespace.
	coracle run -d --name guest --pid "ns:$inside/pid" busybox sleep 2000
	kill -9 "$(pgrep -P "$ELSEWHERE")"
	wait_until 10 is_state guest exited
	expect_error 125 'No such file' coracle start guest
}

@test "run --restart: what shares another's namespaces finds them again" {
	coracle run -d --name first --network none --hostname somewhere busybox sleep 1000
	coracle run -d --name again --restart on-failure:1 --network container:first --uts container:first --ipc container:first busybox \
		sh -c 'readlink /proc/self/ns/net; hostname; exit 3'
	wait_until 20 is_state again exited
	expect_equal "$(coracle logs again 2>&1)" "$(printf '%s\n' "$(ns "$(inspected first State.Pid)" net)" somewhere "$(ns "$(inspected first State.Pid)" net)" somewhere)"
}
