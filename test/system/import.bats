#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# import: a file system's tar becomes an image, changed by instructions of a Dockerfile.

load helpers

config_of() { # id as printed
	jq -c "$2" "$ROOT/images/${1#sha256:}/config"
}

@test "a tar becomes an image of one layer, which has the tar's digest" {
	run coracle import "$CORACLE_TEST_CACHE/busybox.rootfs.tar" box:1
	expect_status 0
	expect_match '^sha256:[0-9a-f]{64}$'
	[[ -f $ROOT/refs/localhost/box/:1 ]]
	local digest
	digest=$(sha256sum <"$CORACLE_TEST_CACHE/busybox.rootfs.tar")
	[[ $(config_of "$output" .rootfs.diff_ids) == "[\"sha256:${digest%% *}\"]" ]]
	[[ -x $ROOT/layers/${digest%% *}/diff/bin/busybox ]]
}

@test "from standard input, compressed, without a name" {
	run coracle import -q - < <(xz -1 -c "$CORACLE_TEST_CACHE/busybox.rootfs.tar")
	expect_status 0
	expect_match '^sha256:[0-9a-f]{64}$'
	[[ -z $(find "$ROOT/refs" -type f) ]]
}

@test "every change is in the configuration" {
	tar -cf "$T/empty.tar" -T /dev/null
	run coracle import -c 'CMD ["/bin/sh","-l"]' -c 'entrypoint /bin/true' -c 'ENV A=1 B="two words"' --change 'ENV A 3 4' -c 'EXPOSE 80 53/udp' \
		-c 'LABEL k=v "l m"=n' -c 'ONBUILD RUN x' -c 'STOPSIGNAL SIGINT' -c 'USER alice:staff' -c 'VOLUME ["/data"]' -c 'VOLUME /a /b' -c WORKDIR=/srv \
		-m 'my words' --arch arm64 --variant v8 --os linux "$T/empty.tar" n
	expect_status 0
	local id=$output
	[[ $(config_of "$id" '.config | [.Cmd, .Entrypoint, .Env]') == '[["/bin/sh","-l"],["/bin/sh","-c","/bin/true"],["A=3 4","B=two words"]]' ]]
	[[ $(config_of "$id" '.config | [.ExposedPorts, .Labels]') == '[{"80/tcp":{},"53/udp":{}},{"k":"v","l m":"n"}]' ]]
	[[ $(config_of "$id" '.config | [.OnBuild, .StopSignal, .User, .WorkingDir]') == '[["RUN x"],"SIGINT","alice:staff","/srv"]' ]]
	[[ $(config_of "$id" '.config.Volumes | keys') == '["/a","/b","/data"]' ]]
	[[ $(config_of "$id" '[.architecture, .variant, .os, .history[0].comment]') == '["arm64","v8","linux","my words"]' ]]
}

@test "WORKDIR that does not begin at the root is below the one before" {
	tar -cf "$T/empty.tar" -T /dev/null
	local directories wanted change args
	while IFS='|' read -r directories wanted; do
		args=()
		for change in $directories; do args+=(-c "WORKDIR $change"); done
		coracle import -q "${args[@]}" "$T/empty.tar" n
		expect_equal "$(coracle image inspect --format '{{.Config.WorkingDir}}' n)" "$wanted"
	done <<-L
		sub|/sub
		/a b|/a/b
		/a b ../c|/a/c
		/a /b/./c/|/b/c
		/ ../..|/
	L
	# Such an image can be run.
	load_image busybox
	coracle create --name base -w /tmp busybox
	coracle commit -q -c 'WORKDIR below' base relative
	expect_equal "$(coracle run --rm relative pwd)" /tmp/below
	coracle rm base
}

@test "what is wrong is said before the archive is read" {
	local words
	while IFS='|' read -r change words; do
		run coracle import -c "$change" /nonexistent
		expect_status 125
		expect_match "$words"
	done <<-L
		FROM x|must begin with CMD
		EXPOSE http|port
		ENV =x|KEY=VALUE
		STOPSIGNAL SIGNOPE|no signal
		CMD|needs a value
	L
	run coracle import https://example.com/x.tar
	expect_status 125
	expect_match 'download'
	run coracle import "$CORACLE_TEST_CACHE/busybox.rootfs.tar" 'Upper:case'
	expect_status 125
	[[ ! -d $ROOT/layers || -z $(find "$ROOT/layers" -mindepth 1) ]]
	echo text >"$T/text"
	run coracle import "$T/text"
	expect_status 125
	expect_match 'not a tar archive'
}

@test "an import that waits for its archive keeps nobody from removing images" {
	load_image busybox
	mkfifo "$T/pipe"
	coracle import -q - slow <"$T/pipe" >"$T/out" &
	local importing=$! writer
	exec {writer}>"$T/pipe"
	timeout 60 "$T/coracle" rmi busybox
	timeout 60 "$T/coracle" image prune -f
	cat "$CORACLE_TEST_CACHE/busybox.rootfs.tar" >&"$writer"
	exec {writer}>&-
	await "$importing"
	expect_status 0
	expect_equal "$(coracle run --rm slow cat /var/www/index.html)" 'welcome to busybox'
	# The same layer again, which is there, and is taken away while it comes.
	coracle import -q - again <"$T/pipe" >"$T/out" 2>"$T/err" &
	importing=$!
	exec {writer}>"$T/pipe"
	cat "$CORACLE_TEST_CACHE/busybox.rootfs.tar" >&"$writer"
	timeout 60 "$T/coracle" rmi slow
	exec {writer}>&-
	await "$importing"
	expect_status 0
	expect_equal "$(coracle run --rm again cat /var/www/index.html)" 'welcome to busybox'
}
