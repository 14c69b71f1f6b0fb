# SPDX-License-Identifier: Apache-2.0
# --device, --gpus, --device-cgroup-rule, and devices by name (CDI), whose specifications lie in folders of the test's own.
load helpers

setup() {
	common_setup
	load_image busybox
	mkdir cdi cdi2
	export CORACLE_CDI_DIRS=$T/cdi:$T/cdi2
}

@test "--device: a node of the host's, under its own name or another, read and written" {
	run coracle run --rm --device /dev/net/tun busybox sh -c 'stat -c "%F %t:%T" /dev/net/tun'
	expect_output "character special file a:c8"
	run coracle run --rm --device /dev/zero:/dev/deep/nothing:rw busybox sh -c 'head -c 3 /dev/deep/nothing | od -An -tx1; echo x >/dev/deep/nothing && echo written'
	expect_output $' 00 00 00\nwritten'
	# A link of the host's is what it leads to.
	ln -s /dev/full link
	expect_equal "$(coracle run --rm --device "$T/link:/dev/linked" busybox stat -c '%t:%T' /dev/linked)" 1:7
	coracle create --name one --device /dev/fuse busybox true
	expect_equal "$(coracle inspect -f '{{range .HostConfig.Devices}}{{.PathOnHost}} {{.PathInContainer}} {{.CgroupPermissions}}{{end}}' one)" "/dev/fuse /dev/fuse rwm"
}

@test "--device: what cannot be, and why" {
	expect_error 125 '/dev/none.*No such file' coracle run --rm --device /dev/none busybox true
	expect_error 125 'is no device; -v mounts' coracle run --rm --device /etc/passwd busybox true
	expect_error 125 'rwm' coracle run --rm --device /dev/zero:/dev/x:rwx busybox true
	expect_error 125 'rwm' coracle run --rm --device dev/zero busybox true
	local closed
	for closed in /dev/mem /dev/kmsg /dev/vda /dev/sda /dev/port; do [[ ! -e $closed || -r $closed ]] || break; done
	expect_error 125 "may not open $closed: it belongs to root:[a-z]+ and has the mode 0[0-7]+" coracle run --rm --device "$closed" busybox true
	expect_error 125 "machine's root alone" coracle run --rm --device-cgroup-rule 'c 42:* rmw' busybox true
	run --separate-stderr coracle run --rm --device /dev/zero:r busybox true
	expect_status 0
	expect_matches "$stderr" 'without root nothing can take rights over a device away'
	no_containers
}

@test "--device: a folder: the devices in it that can be opened" {
	expect_equal "$(coracle run --rm --device /dev/net busybox ls /dev/net)" tun
	expect_equal "$(coracle run --rm --device /dev/net:/dev/others busybox ls /dev/others)" tun
	mkdir empty
	expect_error 125 'no device in it that you may open' coracle run --rm --device "$T/empty" busybox true
}

@test "CDI: JSON: nodes, mounts, environment, and what all devices of a file have" {
	echo library >lib.so
	cat >cdi/acme.json <<-J
		{"cdiVersion": "0.6.0", "kind": "acme.com/card",
		 "containerEdits": {"env": ["ACME_COMMON=1"], "mounts": [{"hostPath": "$T/lib.so", "containerPath": "/usr/lib/lib.so", "options": ["ro", "nosuid", "nodev", "bind"]}]},
		 "devices": [
		  {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/acme0", "hostPath": "/dev/zero"}], "env": ["ACME=zero"]}},
		  {"name": "1", "containerEdits": {"deviceNodes": [{"path": "/dev/acme1", "hostPath": "/dev/full"}]}}]}
	J
	run coracle run --rm --device acme.com/card=0 --device acme.com/card=1 busybox sh -c 'stat -c %t:%T /dev/acme0 /dev/acme1; cat /usr/lib/lib.so; echo $ACME $ACME_COMMON; echo >/usr/lib/lib.so'
	expect_match $'^1:5\n1:7\nlibrary\nzero 1\n'
	expect_match 'Read-only file system'
	run coracle run --rm --device acme.com/card=1 busybox ls /dev/acme0
	expect_match 'No such file'
	expect_error 125 'no CDI device acme.com/card=2; there are: acme.com/card=0, acme.com/card=1; they are read from .*cdi and' coracle run --rm --device acme.com/card=2 busybox true
}

@test "CDI: YAML, hooks, and the later folder" {
	cat >hook <<-'S'
		#!/bin/sh
		cat >"$(dirname "$0")/state"
		echo "$1 $MARK" >"$(dirname "$0")/ran"
	S
	chmod +x hook
	cat >cdi/acme.yaml <<-Y
		# a comment
		cdiVersion: 0.6.0
		kind: acme.com/card
		devices:
		- name: first
		  containerEdits:
		    env:
		    - WHERE=early
		- name: other
		  containerEdits:
		    env: [A=b]
	Y
	cat >cdi2/acme.yml <<-Y
		cdiVersion: "0.6.0"
		kind: "acme.com/card"
		devices:
		- name: first
		  containerEdits:
		    env: ["WHERE=late", "NUMBER=010"]
		    hooks:
		    - hookName: createContainer
		      path: $T/hook
		      args: [hook, argument]
		      env: [MARK=mark]
	Y
	expect_equal "$(coracle run --rm --device acme.com/card=first busybox sh -c 'echo $WHERE $NUMBER')" "late 010"
	expect_equal "$(<ran)" "argument mark"
	expect_equal "$(jq -r .status state)" creating
	expect_equal "$(coracle run --rm --device acme.com/card=other busybox sh -c 'echo $A')" b
	cp cdi/acme.yaml cdi/again.yml
	expect_error 125 'acme.com/card=first is in .*acme.yaml, too' coracle run --rm --device acme.com/card=first busybox true
}

@test "CDI: what is wrong with a specification is said with its file" {
	echo '{"kind": "a.com/b", "devices": [{"name": "x", "containerEdits": {"hooks": [{"hookName": "poststop", "path": "/bin/true"}]}}]}' >cdi/a.json
	expect_error 125 'a.com/b=x .*a.json.*hooks.0.: a hook poststop is not run here, only createContainer and startContainer' coracle run --rm --device a.com/b=x busybox true
	echo '{"kind": "a.com/b", "devices": [{"name": "x", "containerEdits": {"deviceNodes": [{"path": "/dev/none-such"}]}}]}' >cdi/a.json
	expect_error 125 'deviceNodes.0.: the device node /dev/none-such: No such file' coracle run --rm --device a.com/b=x busybox true
	echo '{"kind": "a.com/b", "devices": [{"name": "x", "containerEdits": {"env": "x"}}]}' >cdi/a.json
	expect_error 125 'env: expected' coracle run --rm --device a.com/b=x busybox true
	echo '{' >cdi/a.json
	expect_error 125 'a.json' coracle run --rm --device a.com/b=x busybox true
	printf 'a: [\n' >cdi/b.yaml && rm cdi/a.json
	expect_error 125 'b.yaml.*not a YAML document' coracle run --rm --device a.com/b=x busybox true
	# Who asks for no such device never meets it.
	coracle run --rm busybox true
}

@test "--gpus: all, a number, names" {
	cat >cdi/nvidia.json <<-J
		{"cdiVersion": "0.6.0", "kind": "nvidia.com/gpu", "devices": [
		  {"name": "0", "containerEdits": {"env": ["GPU0=yes"]}},
		  {"name": "1", "containerEdits": {"env": ["GPU1=yes"]}},
		  {"name": "all", "containerEdits": {"env": ["ALL=yes"]}}]}
	J
	gpus() { coracle run --rm --gpus "$1" busybox sh -c 'echo $GPU0,$GPU1,$ALL'; }
	expect_equal "$(gpus all)" ",,yes"
	expect_equal "$(gpus 1)" "yes,,"
	expect_equal "$(gpus 2)" "yes,yes,"
	expect_equal "$(gpus device=1)" ",yes,"
	expect_equal "$(gpus '"device=0,1",capabilities=utility')" "yes,yes,"
	expect_error 125 'no CDI device nvidia.com/gpu=2.*nvidia-ctk' coracle run --rm --gpus 3 busybox true
	expect_error 125 'give all, a number' coracle run --rm --gpus many busybox true
}
