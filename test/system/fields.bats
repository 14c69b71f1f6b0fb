# SPDX-License-Identifier: Apache-2.0
# fields: what docker's and podman's manuals say that templates can ask for, and the spellings of options that scripts use.

load helpers

setup() {
	common_setup
	load_image busybox
}

@test "stats: every field that podman documents, in numbers and in words" {
	local field
	coracle run -d --name busy --network none busybox sh -c 'while :; do :; done' >/dev/null
	for field in AvgCPU AVGCPU BlockInput BlockIO BlockOutput ContainerID ContainerStats CPU CPUNano CPUPerc CPUSystemNano Duration ID MemLimit MemPerc MemUsage \
		MemUsageBytes Name NetInput NetIO NetOutput PerCPU PIDs PIDS SystemNano Up UpTime; do
		run -0 coracle stats --no-stream --format "{{.$field}}" busy
		[[ -n $output ]] || { echo "$field is empty"; return 1; }
	done
	run -0 coracle stats --no-stream --format '{{.CPUNano}} {{.CPU}} {{.AVGCPU}} {{.MemLimit}} {{.MemUsageBytes}} {{.ContainerStats.MemUsage}} {{.ContainerID}}' busy
	[[ $output =~ ^([0-9]+)\ [0-9.]+\ [0-9.]+%\ ([0-9]+)\ [0-9.]+[KM]iB\ /\ [0-9.]+[MGT]iB\ ([0-9]+)\ ([0-9a-f]{64})$ ]]
	((BASH_REMATCH[1] > 100000000 && BASH_REMATCH[2] > BASH_REMATCH[3] && BASH_REMATCH[3] > 10000))
	expect_equal "${BASH_REMATCH[4]}" "$(coracle inspect -f '{{.Id}}' busy)"
	# A second later it has used more.
	(($(coracle stats --no-stream --format '{{.CPUNano}}' busy) > BASH_REMATCH[1]))
}

@test "version: of the program, of both that others have, and in short" {
	local version
	version=$(coracle --version)
	version=${version##* }
	expect_equal "$(coracle version --format '{{.Version}} {{.Client.Version}} {{.Server.Version}} {{.OsArch}} {{.Client.Os}}/{{.Client.Arch}}')" \
		"$version $version $version $(coracle version --format '{{.Client.OsArch}} {{.Client.OsArch}}')"
	expect_equal "$(coracle version --format json | jq -c keys)" '["Client","Server"]'
}

@test "ps, images, volume ls: times as docker and podman show them, and fields that podman documents" {
	coracle create --name box busybox true >/dev/null
	coracle volume create vol >/dev/null
	expect_matches "$(TZ=UTC coracle ps -a --format '{{.CreatedAt}}')" '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} \+0000 UTC$'
	expect_matches "$(TZ=XXX-2:30 coracle ps -a --format '{{.CreatedAt}}')" '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} \+0230 XXX$'
	expect_equal "$(coracle ps -a --format '<{{.Pod}}{{.PodName}}>')" "<>"
	expect_equal "$(coracle images --format '{{.Id}}')" "$(coracle images -q --no-trunc | sed s/sha256://)"
}

@test "an image that does not say when it was made: N/A" {
	mkdir archive
	tar -C archive -cf layer.tar --files-from /dev/null
	mv layer.tar archive/
	local config
	config=$(jq -cn --arg id "sha256:$(sha256sum archive/layer.tar | cut -d' ' -f1)" '{architecture: "amd64", os: "linux", config: {}, rootfs: {type: "layers", diff_ids: [$id]}}')
	printf '%s' "$config" >archive/config.json
	echo '[{"Config":"config.json","RepoTags":["old:1"],"Layers":["layer.tar"]}]' >archive/manifest.json
	tar -C archive -cf archive.tar config.json layer.tar manifest.json
	coracle load -q -i archive.tar
	expect_equal "$(coracle images --format '{{.CreatedSince}}' old:1) $(coracle history --format '{{.CreatedSince}}' old:1)" "N/A N/A"
}

@test "spellings of docker's and podman's: inspect -t, create -a, -c, --disable-content-trust" {
	coracle create -a stdout -a STDERR --disable-content-trust --name box busybox true >/dev/null
	expect_equal "$(coracle inspect -t container -f '{{.Name}}' box)" "$(coracle inspect --type container -f '{{.Name}}' box)"
	run -125 coracle inspect -t image box
	[[ $output == *'no such image: box'* ]]
	expect_error 125 'there are stdin, stdout and stderr' coracle create -a nothing busybox true
	expect_error 125 'there are stdin, stdout and stderr' coracle run -a nothing busybox true
	expect_error 125 'cpu-shares must lie between 2 and 262144' coracle create -c 1 busybox true
	expect_equal "$(coracle run --rm --disable-content-trust=false -a stdout busybox echo out)" out
}

@test "inspect: what else docker's and podman's templates ask for of a container" {
	local field
	coracle create --name other -v vol:/data busybox true >/dev/null
	coracle create --name box --group-add www-data --group-add 7 --volumes-from other:ro --log-opt max-size=2m --cgroup-manager cgroupfs --cgroup-conf memory.high=1G \
		busybox true >/dev/null
	expect_equal "$(coracle inspect -f '{{join .HostConfig.GroupAdd " "}} {{.HostConfig.VolumesFrom}} {{.HostConfig.LogConfig.Size}} {{.HostConfig.CgroupManager}} {{.HostConfig.CgroupConf}}' box)" \
		"www-data 7 [other:ro] 2.1MB cgroupfs map[memory.high:1G]"
	for field in HostConfig.{BlkioWeightDevice,BlkioDevice{Read,Write}{Bps,IOps},Cgroup,ConsoleSize,Cpu{Count,Percent,RealtimePeriod,RealtimeRuntime},DiskQuota,Isolation,KernelMemory,Links,VolumeDriver} \
		Pod IsInfra Namespace ExecIDs NetworkSettings.{SandboxKey,HairpinMode,LinkLocalIPv6Address,LinkLocalIPv6PrefixLen}; do
		run -0 coracle inspect -f "{{.$field}}" box
	done
	[[ -d $(coracle inspect -f '{{.StaticDir}}' box) ]]
	for field in $(find /sys/class/block -mindepth 1 -maxdepth 1 -printf '/dev/%f '); do
		[[ -b $field ]] || continue
		coracle create --name "${field##*/}" --device-read-bps "$field:1m" --blkio-weight-device "$field:200" busybox true >/dev/null
		expect_equal "$(coracle inspect -f '{{json .HostConfig.BlkioDeviceReadBps}} {{json .HostConfig.BlkioWeightDevice}}' "${field##*/}")" \
			"[{\"Path\":\"$field\",\"Rate\":1048576}] [{\"Path\":\"$field\",\"Weight\":200}]"
		break
	done
}

@test "tables: what others have written neither breaks a line nor reaches the terminal as a command" {
	local escape=$'\e[31m'
	coracle run -d --name box --network none busybox sh -c "sleep 1000 # ${escape}red"$'\nnext\u009bline\tcell' >/dev/null
	expect_equal "$(coracle ps --no-trunc | wc -l)" 2
	expect_equal "$(coracle ps --no-trunc --format 'table {{.Command}}' | tail -n 1)" "sh -c sleep 1000 #  [31mred next  line cell"
	expect_equal "$(coracle top box args | sed -n 2p)" "sh -c sleep 1000 #  [31mred next  line cell"
	# Scripts get it as it is.
	[[ $(coracle ps --no-trunc --format '{{.Command}}') == *"$escape"* ]]
}
