#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The rest of the limits: processors by number, block devices, scores, ulimits, where a cgroup lies, update of each, stats that go on, pause by the freezer,
# and machines where a controller is missing.
load ../system/helpers

setup() {
	common_setup
	load_image busybox
}

group_of() { # container
	echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(coracle inspect --format '{{.State.Pid}}' "$1")/cgroup")"
}

file_of() { # container file
	cat "$(group_of "$1")/$2"
}

# The machine's own disk, which takes limits of its own: a whole device.
disk() {
	local number
	number=$(stat -c %d "$ROOT")
	readlink -f "/dev/block/$((number >> 8)):$((number & 255))"
}

# A kernel can be made without this controller, as the machine's may be.
@test "cpuset: the processors are those that were named; without the controller run says which one is missing and what delegates it" {
	if grep -qw cpuset /sys/fs/cgroup/cgroup.controllers; then
		coracle run -d --name one --cpuset-cpus 0 --cpuset-mems 0 busybox sleep 1000
		expect_equal "$(file_of one cpuset.cpus) $(file_of one cpuset.cpus.effective)" "0 0"
		expect_equal "$(coracle exec one sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)" 0
	else
		expect_error 125 'the cgroup controller "cpuset" is not delegated to you; an administrator delegates it with: mkdir -p /etc/systemd/system/user@.service.d' \
			coracle run --rm --cpuset-cpus 0 busybox true
	fi
	# Without that limit all goes on.
	expect_equal "$(coracle run --rm --memory 64m busybox echo fine)" fine
}

@test "cpu-shares, cpu-quota, cpu-period: what the cgroup has, and two that compete share as they were told" {
	coracle run -d --name quota --cpu-quota 20000 --cpu-period 50000 busybox sleep 1000
	expect_equal "$(file_of quota cpu.max)" "20000 50000"
	# They compete on one processor: the machine's only one, or that which they are held to.
	local one=()
	! grep -qw cpuset /sys/fs/cgroup/cgroup.controllers || one=(--cpuset-cpus 0)
	coracle run -d --name much --cpu-shares 4096 "${one[@]}" busybox sh -c 'while :; do :; done'
	coracle run -d --name little --cpu-shares 512 "${one[@]}" busybox sh -c 'while :; do :; done'
	usage() { sed -n 's/^usage_usec //p' "$(group_of "$1")/cpu.stat"; }
	local much little
	much=$(usage much) little=$(usage little)
	sleep 5
	much=$(($(usage much) - much)) little=$(($(usage little) - little))
	echo "much $much, little $little"
	((much > 4 * little))
}

@test "memory-reservation, memory-swappiness and rt: in the cgroup, or refused with the reason" {
	coracle run -d --name one --memory 64m --memory-reservation 16m busybox sleep 1000
	expect_equal "$(file_of one memory.low)" $((16 << 20))
	expect_error 125 'memory-swappiness.*version 2' coracle run --rm --memory-swappiness 10 busybox true
	expect_error 125 'cpu-rt-period.*version 2' coracle run --rm --cpu-rt-period 1000 busybox true
	expect_error 125 'cannot be more than --memory' coracle run --rm --memory 16m --memory-reservation 32m busybox true
}

@test "device limits: what is read and written of the machine's disk is slowed down to the limit" {
	local disk
	disk=$(disk)
	[[ -b $disk ]]
	coracle run -d --name slow --device-write-bps "$disk:1m" --device-read-bps "$disk:2m" --device-read-iops "$disk:500" --device-write-iops "$disk:400" \
		-v "$T:/data" busybox sleep 1000
	run file_of slow io.max
	expect_match 'rbps=2097152 wbps=1048576 riops=500 wiops=400'
	# Four seconds' worth, past the page cache.
	local start end
	start=$(date +%s%N)
	coracle exec slow dd if=/dev/zero of=/data/file bs=1M count=4 oflag=direct
	end=$(date +%s%N)
	echo "4 MB took $(((end - start) / 1000000)) ms"
	((end - start > 2500000000))
	expect_error 125 'give DEVICE:SIZE' coracle run --rm --device-read-bps nonsense busybox true
}

@test "blkio-weight: the weight of the cgroup, or the controller's absence in words" {
	if coracle run -d --name heavy --blkio-weight 500 busybox sleep 1000 2>"$T/err"; then
		[[ $(cat "$(group_of heavy)"/io.{bfq.,}weight 2>/dev/null) == default* ]]
	else
		grep -qE 'io\.(bfq\.)?weight|not delegated' "$T/err"
		expect_equal "$(coracle ps -q)" ""
	fi
	expect_error 125 'between 10 and 1000' coracle run --rm --blkio-weight 5 busybox true
}

@test "oom-score-adj and ulimits: the process has them" {
	run -0 coracle run --rm --oom-score-adj 321 --ulimit nofile=99:100 --ulimit core=0 --ulimit nproc=50 busybox sh -c 'cat /proc/self/oom_score_adj; ulimit -Sn; ulimit -Hn; ulimit -c'
	expect_output $'321\n99\n100\n0'
	expect_error 125 'between -1000 and 1000' coracle run --rm --oom-score-adj 2000 busybox true
	expect_error 125 'only an administrator can raise it' coracle run --rm --ulimit "nofile=99:$(($(ulimit -Hn) + 1))" busybox true
}

@test "update: each limit, while it runs" {
	local disk
	disk=$(disk)
	coracle run -d --name web --memory 64m busybox sleep 1000
	coracle update --memory 80m --memory-swap 100m --memory-reservation 20m --cpu-shares 512 --cpu-quota 30000 --cpu-period 60000 --pids-limit 33 \
		--device-write-bps "$disk:3m" web
	expect_equal "$(file_of web memory.max) $(file_of web memory.low) $(file_of web cpu.max) $(file_of web pids.max)" \
		"$((80 << 20)) $((20 << 20)) 30000 60000 33"
	[[ ! -e $(group_of web)/memory.swap.max ]] || expect_equal "$(file_of web memory.swap.max)" $((20 << 20))
	expect_equal "$(file_of web cpu.weight)" "$((1 + (512 - 2) * 9999 / 262142))"
	[[ $(file_of web io.max) == *wbps=3145728* ]]
	coracle update --device-read-bps "$disk:5m" --device-read-iops "$disk:700" --device-write-iops "$disk:600" web
	[[ $(file_of web io.max) == *"rbps=5242880 wbps=3145728 riops=700 wiops=600"* ]]
	# What the kernel has no controller for is said, and nothing else of the same command is lost or half done.
	[[ -e $(group_of web)/cpuset.cpus ]] || expect_error 125 'the cgroup controller "cpuset" is not delegated' coracle update --cpuset-cpus 0 web
	[[ -e $(group_of web)/cpuset.mems ]] || expect_error 125 'the cgroup controller "cpuset" is not delegated' coracle update --cpuset-mems 0 web
	expect_error 125 'version 2' coracle update --cpu-rt-runtime 1000 web
	expect_error 125 'version 2' coracle update --memory-swappiness 10 web
	coracle restart -t 0 web
	expect_equal "$(file_of web memory.max) $(file_of web pids.max)" "$((80 << 20)) 33"
	coracle update --cpus 0.4 web || coracle update --cpu-quota 40000 --cpu-period 100000 web
	[[ $(file_of web cpu.max) == "40000 100000" ]]
}

@test "update: of a container that was started without limits" {
	coracle run -d --name plain busybox sleep 1000
	coracle update --memory 40m --pids-limit 21 --cpus 0.5 plain
	expect_equal "$(file_of plain memory.max) $(file_of plain pids.max) $(file_of plain cpu.max)" "$((40 << 20)) 21 50000 100000"
	expect_equal "$(coracle inspect --format '{{.HostConfig.Memory}}' plain)" $((40 << 20))
	coracle run -d --name none --cgroups disabled busybox sleep 1000
	expect_error 125 'started without a cgroup of its own' coracle update --memory 40m none
}

@test "stats: goes on until it is ended, line by line where it is no terminal" {
	coracle run -d --name busy busybox sh -c 'while :; do :; done'
	timeout 20 "$T/coracle" stats --format '{{.Name}} {{.CPUPerc}}' busy >"$T/stats" || true
	(($(grep -c '^busy [0-9.]*%' "$T/stats") >= 2))
}

@test "pause: the cgroup is frozen, whatever its processes ignore" {
	coracle run -d --name c busybox sh -c 'trap "" TSTP; i=0; while :; do i=$((i + 1)); echo $i >/count; done'
	wait_until 10 coracle exec c test -s /count
	coracle pause c
	expect_equal "$(file_of c cgroup.freeze)" 1
	wait_until 5 grep -q 'frozen 1' "$(group_of c)/cgroup.events"
	local pid before
	pid=$(coracle inspect --format '{{.State.Pid}}' c)
	before=$(cut -d' ' -f14 "/proc/$pid/stat")
	sleep 1
	expect_equal "$(cut -d' ' -f14 "/proc/$pid/stat")" "$before"
	expect_state c paused
	coracle unpause c
	expect_equal "$(file_of c cgroup.freeze)" 0
	wait_until 5 test "$(cut -d' ' -f14 "/proc/$pid/stat")" -ge "$before"
}

@test "keep-id and auto have limits as any other" {
	coracle run -d --name kept --userns keep-id --memory 48m busybox sleep 1000
	expect_equal "$(file_of kept memory.max)" $((48 << 20))
	expect_equal "$(coracle exec kept cat /sys/fs/cgroup/memory.max)" $((48 << 20))
	coracle run -d --name auto --userns auto --pids-limit 20 busybox sleep 1000
	expect_equal "$(file_of auto pids.max)" 20
}
