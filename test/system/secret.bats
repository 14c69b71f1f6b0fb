# SPDX-License-Identifier: Apache-2.0
# secret: data that containers get and that is in no image, log, inspect, commit, archive or file that others could read.
load helpers

setup() {
	common_setup
	load_image busybox
	# What must not be found anywhere it does not belong.
	word=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
}

@test "secret create: from a file, standard input and a variable; ls, inspect, exists, rm" {
	local id
	printf %s "$word" >"$T/file"
	id=$(coracle secret create -l use=test -l plain one "$T/file")
	expect_matches "$id" '^[0-9a-f]{25}$'
	printf %s "$word" | coracle secret create two - >/dev/null
	WORD=$word coracle secret create --env three WORD >/dev/null
	expect_error 125 'no environment variable NOTHING' coracle secret create --env four NOTHING
	run coracle secret ls
	expect_match "^ID  +NAME  +DRIVER  +CREATED  +UPDATED"
	expect_match $'\n'"$id  one  +file  +(Less than a second|[0-9]+ seconds?) ago  "
	expect_equal "$(coracle secret ls --format '{{.Name}} {{.Driver}}')" $'one file\nthree file\ntwo file'
	expect_equal "$(coracle secret ls -q --filter name=one)" "$id"
	expect_equal "$(coracle secret ls --noheading --filter label=use=test --format 'table {{.Name}}')" one
	expect_equal "$(coracle secret inspect "$id" one | python3 -c 'import json, sys; print([(s["ID"], s["Spec"]["Name"], s["Spec"]["Driver"]["Name"], s["Spec"]["Labels"]) for s in json.load(sys.stdin)])')" \
		"[('$id', 'one', 'file', {'use': 'test', 'plain': ''}), ('$id', 'one', 'file', {'use': 'test', 'plain': ''})]"
	expect_equal "$(coracle secret inspect --format '{{.Spec.Name}}' "${id:0:12}")" one
	run coracle secret inspect --pretty one
	expect_match $'^ID:  +'"$id"$'\nName:  +one\n'
	coracle secret exists one
	run coracle secret exists nothing
	expect_status 1
	expect_equal "$(coracle secret rm one)" "$id"
	expect_error 125 'no secret with name or id "one": no such secret' coracle secret inspect one
	run -125 coracle secret rm one two
	expect_match 'Error: no secret with name or id "one"'
	coracle secret rm -a
	expect_equal "$(coracle secret ls -q)" ""
}

@test "secret create: what cannot be one; names are taken, or replaced" {
	local id
	expect_error 125 'only 64 \[a-zA-Z0-9-_.\] characters allowed' coracle secret create ../x /dev/null
	expect_error 125 'only 64' coracle secret create .x /dev/null
	expect_error 125 'larger than 0 and less than 512000' coracle secret create x /dev/null
	head -c 512000 /dev/zero >"$T/big"
	expect_error 125 'larger than 0 and less than 512000' coracle secret create x "$T/big"
	head -c 511999 /dev/urandom >"$T/big"
	id=$(coracle secret create x "$T/big")
	expect_equal "$(coracle run --rm --secret x busybox sha256sum /run/secrets/x | cut -c1-64)" "$(sha256sum "$T/big" | cut -c1-64)"
	expect_error 125 'x: secret name in use' coracle secret create x "$T/big"
	expect_error 125 "'pass' is not a choice; use file" coracle secret create --driver pass y "$T/big"
	expect_error 125 'the driver file has no options' coracle secret create --driver-opts a=b y "$T/big"
	coracle run -d --name has --secret x busybox sleep 1000
	expect_no test "$(printf new | coracle secret create --replace x -)" = "$id"
	expect_equal "$(coracle run --rm --secret x busybox cat /run/secrets/x)" new
	# Who had it has what he had.
	expect_equal "$(coracle exec has sha256sum /run/secrets/x | cut -c1-64)" "$(sha256sum "$T/big" | cut -c1-64)"
}

@test "run --secret: a file, with owner and mode, in memory and read-only" {
	printf %s "$word" | coracle secret create s - >/dev/null
	run coracle run --rm --secret s --secret s,target=sub/mine,uid=33,gid=50,mode=0440 --secret source=s,type=mount,target=/etc/app/key,mode=400 busybox \
		sh -c 'cd /run/secrets; stat -c "%n %U:%G %a %s" s sub/mine /etc/app/key; cat s sub/mine /etc/app/key; echo; ls -A; ls /etc/app; grep secrets /proc/mounts; echo x 2>/dev/null >s || echo refused; touch y 2>/dev/null || echo refused; echo x 2>/dev/null >/etc/app/key || echo refused'
	expect_status 0
	expect_match "s root:root 444 24"
	expect_match "sub/mine www-data:staff 440 24"
	expect_match "/etc/app/key root:root 400 24"
	expect_match "$word$word$word"
	expect_match 'secrets /run/secrets tmpfs ro,nosuid,nodev,noexec'
	expect_equal "$(grep -c refused <<<"$output")" 3
	expect_equal "$(coracle run --rm --user alice --secret s,uid=1000,mode=0400 busybox cat /run/secrets/s)" "$word"
	expect_equal "$(coracle run --rm --user 33 --secret s,uid=1000,mode=0400 busybox cat /run/secrets/s 2>&1)" "cat: can't open '/run/secrets/s': Permission denied"
	expect_equal "$(coracle run --rm --read-only --userns keep-id --secret "s,uid=$(id -u),mode=0400" busybox cat /run/secrets/s)" "$word"
	expect_error 125 'no secret with name or id "nothing"' coracle run --rm --secret nothing busybox true
	expect_error 125 'there are type=mount' coracle run --rm --secret s,nonsense=1 busybox true
	expect_error 125 'mode 9 is not octal' coracle run --rm --secret s,mode=9 busybox true
	expect_error 125 'a variable has none' coracle run --rm --secret s,type=env,uid=5 busybox true
}

@test "run --secret: a link of the image does not lead it outside" {
	mkdir -p "$T/tree/bin" "$T/tree/run" "$T/outside"
	cp "$(command -v busybox)" "$T/tree/bin/busybox"
	ln -s busybox "$T/tree/bin/cat"
	ln -s "$T/outside" "$T/tree/run/secrets"
	ln -s "$T/outside" "$T/tree/etc"
	tar -C "$T/tree" -c . | coracle import -q - odd >/dev/null
	printf %s "$word" | coracle secret create s - >/dev/null
	expect_equal "$(coracle run --rm --secret s --secret s,target=/etc/key odd cat /run/secrets/s)" "$word"
	expect_equal "$(find "$T/outside" -mindepth 1)" ""
}

@test "run --secret type=env: a variable of the container and of exec, and of no record" {
	printf '%s\n' "$word" | coracle secret create s - >/dev/null
	coracle run -d --name c --secret s,type=env,target=KEY busybox sh -c 'echo "$KEY" >/tmp/key; sleep 1000'
	wait_until 5 coracle exec c test -s /tmp/key
	expect_equal "$(coracle exec c cat /tmp/key)" "$word"
	expect_equal "$(coracle exec c sh -c 'echo "$KEY"')" "$word"
	expect_equal "$(coracle run --rm --secret s,type=env busybox sh -c 'echo "$s"')" "$word"
	expect_no grep -rq "$word" "$ROOT"/containers/*/config.json "$ROOT"/containers/*/container.json
	expect_no grep -q "$word" <<<"$(coracle inspect c)"
	coracle restart -t 0 c
	expect_equal "$(coracle exec c sh -c 'echo "$KEY"')" "$word"
	head -c 8 /dev/zero | coracle secret create zeros - >/dev/null
	expect_error 125 'zero bytes, which a variable cannot have' coracle run --rm --secret zeros,type=env busybox true
}

@test "secret: it is in no image, archive, log, record or command line, and in no file that others could read" {
	printf %s "$word" | coracle secret create s - >/dev/null
	coracle run -d --name c --secret s --secret s,type=env,target=KEY --secret s,target=/etc/key busybox sleep 1000
	coracle --log-level debug run --rm --secret s --secret s,type=env busybox true >"$T/log" 2>&1
	coracle commit -q c made
	coracle save -q -o "$T/made.tar" made
	mkdir "$T/image"
	tar -C "$T/image" -xf "$T/made.tar"
	for layer in "$T"/image/*; do zcat -f "$layer" 2>/dev/null || true; done >"$T/content"
	coracle export c >>"$T/content"
	coracle diff c >>"$T/content"
	coracle inspect c >>"$T/content"
	coracle logs c >>"$T/content" 2>&1
	cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -v "$T" >>"$T/content" || true
	expect_no grep -q "$word" "$T/content" "$T/log"
	# Where it is, only we can read.
	coracle unshare grep -rl "$word" "$ROOT" "$RUNROOT" >"$T/files" || true
	expect_equal "$(wc -l <"$T/files")" 4
	expect_equal "$(xargs stat -c %a <"$T/files" | sort -u)" 600
	# It goes with the container and with the secret.
	coracle rm -f -t 0 c
	coracle secret rm s
	wait_until 5 nothing_staged
	expect_no coracle unshare grep -rq "$word" "$ROOT" "$RUNROOT"
}

@test "secret: one that was removed stays with the containers that have it" {
	printf %s "$word" | coracle secret create s - >/dev/null
	coracle run --name c --secret s busybox cat /run/secrets/s
	coracle secret rm s
	expect_equal "$(coracle start -a c)" "$word"
	expect_error 125 'no such secret' coracle run --rm --secret s busybox true
	expect_equal "$(inspected c 'Config.Secrets' | grep -c s)" 1
}

@test "secret: with one id its owner is the one there is" {
	printf %s "$word" >"$T/file"
	with_one_id "$T/coracle" --root "$T/one" load -q -i "$CORACLE_TEST_CACHE/busybox.tar" >/dev/null
	with_one_id "$T/coracle" --root "$T/one" secret create s "$T/file" >/dev/null
	expect_equal "$(with_one_id "$T/coracle" --root "$T/one" run --rm --user alice --secret s,uid=33,mode=0400 busybox cat /run/secrets/s)" "$word"
}

@test "secret: what is printed is as with podman" {
	local command
	printf %s "$word" >"$T/file"
	coracle secret create -l a=b one "$T/file"
	podman secret create -l a=b one "$T/file"
	for command in "ls --format {{.Name}}:{{.Driver}}" "inspect --format {{.Spec.Name}}:{{.Spec.Driver.Name}}:{{.Spec.Labels}} one" "create one $T/file" "create .bad. $T/file" "rm nothing" "ls --noheading --filter name=nothing"; do
		# shellcheck disable=SC2086 # words
		expect_equal "$(coracle secret $command 2>&1)" "$(podman secret $command 2>&1)"
	done
	# The shape, with the values that differ by nature left out.
	shape() { sed -E 's/[0-9a-f]{25}|[0-9]{4}-[^"]*Z|"path": "[^"]*"/X/g'; }
	expect_equal "$(coracle secret inspect one | shape)" "$(podman secret inspect one | shape)"
	moment() { shape | sed -E 's/(Less than a second|[0-9]+ seconds?) ago/A/g; s/ +/ /g'; }
	expect_equal "$(coracle secret ls | moment)" "$(podman secret ls | moment)"
}
