# SPDX-License-Identifier: Apache-2.0
# check: `system check` finds whatever was done to the store, mends what can be mended, and touches nothing else.
load helpers

setup() {
	common_setup
	"$BATS_TEST_DIRNAME/../small-image" "$T/small.tar"
	coracle load -q -i "$T/small.tar"
	LAYER=$(echo "$ROOT"/layers/*) DIFF=$(echo "$ROOT"/layers/*/diff) IMAGE=$(echo "$ROOT"/images/*)
}

# As root of the user namespace: what belongs to other ids of the user's.
mapped() {
	unshare --map-root-user --map-auto "$@"
}

# All that there is to know of a tree, but for what changes when it is read.
state() { # directory
	mapped find "$1" -printf '%P %y %m %U:%G %s %T@ %l %i %n\n' | sort
	mapped getfattr -R -d -m - --absolute-names "$1" 2>/dev/null
}

# expect_mended FINDING…: the check finds each of these and nothing else, a repair mends them, and the layer is what it was.
expect_mended() {
	local finding expected=0
	run coracle system check
	expect_status 1
	for finding; do
		expect_match "$finding"
		expected=$((expected + 1))
	done
	run -0 coracle system check --repair
	for finding; do expect_match "$finding \(mended\)"; done
	run -0 coracle system check
	expect_output "Nothing is wrong."
}

@test "check: a store as it was made has nothing wrong, and the check changes nothing" {
	load_image busybox
	coracle run --name one busybox sh -c 'echo >/file'
	local before
	before=$(state "$ROOT/layers"; state "$ROOT/images")
	run -0 coracle system check
	expect_output "Nothing is wrong."
	run -0 coracle system check --repair
	expect_output "Nothing is wrong."
	expect_equal "$(state "$ROOT/layers"; state "$ROOT/images")" "$before"
}

@test "check: the metadata of a layer is found and mended; what is good keeps its inode" {
	local inode
	inode=$(stat -c %i "$DIFF/etc/passwd")
	chmod 600 "$DIFF/etc/passwd"
	expect_mended '/etc/passwd: its mode is 0600, not 0644'
	expect_equal "$(stat -c %i "$DIFF/etc/passwd")" "$inode"
	mapped chown 0:0 "$DIFF/etc/secret"
	expect_mended '/etc/secret: it belongs to 0:0, not to 33:33'
	chmod 755 "$DIFF/bin/tool"
	expect_mended '/bin/link: its mode is 0755, not 4755|/bin/tool: its mode is 0755, not 4755'
	touch "$DIFF/srv/marked"
	expect_mended '/srv/marked: its time of modification is not what it was'
	expect_equal "$(stat -c %Y "$DIFF/srv/marked")" 1600000000
	setfattr -n user.mark -v elsewhere "$DIFF/srv/marked"
	expect_mended '/srv/marked: the attribute user.mark is not what it was'
	setfattr -x user.mark "$DIFF/srv/marked"
	setfattr -n user.other -v 1 "$DIFF/srv/marked"
	expect_mended '/srv/marked: the attribute user.mark is missing' '/srv/marked: it has the attribute user.other, and should not'
	expect_equal "$(getfattr -n user.mark --only-values "$DIFF/srv/marked")" here
	setfattr -x user.overlay.opaque "$DIFF/opaque"
	expect_mended '/opaque: it hides nothing of the layers below, and should'
	setfattr -n user.overlay.opaque -v y "$DIFF/srv"
	expect_mended '/srv: it hides what the layers below have, and should not'
}

@test "check: entries that are missing, other, or too many are found and mended" {
	local before
	before=$(state "$DIFF" | grep -v '^srv/\(empty\|pipe\|gone\) \|^opaque \|^bin/\(link\|symlink\) \|^\(bin\|srv\) ' | sed 's/ [0-9]* [0-9]*$//')
	rm "$DIFF/bin/symlink" "$DIFF/bin/link" "$DIFF/srv/empty" "$DIFF/srv/pipe" "$DIFF/srv/gone"
	rmdir "$DIFF/opaque"
	expect_mended /bin/symlink:.it.is.missing /bin/link:.it.is.missing /srv/empty:.it.is.missing /srv/pipe:.it.is.missing /srv/gone:.it.is.missing /opaque:.it.is.missing
	expect_equal "$(readlink "$DIFF/bin/symlink")" tool
	[[ $DIFF/bin/link -ef $DIFF/bin/tool && -p $DIFF/srv/pipe && -c $DIFF/srv/gone ]]
	expect_equal "$(getfattr -n user.overlay.opaque --only-values "$DIFF/opaque")" y
	ln -sfn /elsewhere "$DIFF/bin/symlink"
	mkdir -p "$DIFF/etc/new/deep"
	echo >"$DIFF/etc/new/deep/file"
	cp -p "$DIFF/bin/tool" "$T/copy"
	mv -f "$T/copy" "$DIFF/bin/link"
	rm -r "$DIFF/opaque"
	echo >"$DIFF/opaque"
	expect_mended '/bin/symlink: it does not lead to tool' '/etc/new: it is there, and should not be' \
		'/bin/(link|tool): it is not the same file as (link|tool) any more' '/opaque: something else is there'
	[[ $DIFF/bin/link -ef $DIFF/bin/tool && -d $DIFF/opaque && ! -e $DIFF/etc/new ]]
	# All else is as it was, with the same inodes.
	expect_equal "$(state "$DIFF" | grep -v '^srv/\(empty\|pipe\|gone\) \|^opaque \|^bin/\(link\|symlink\) \|^\(bin\|srv\) ' | sed 's/ [0-9]* [0-9]*$//')" "$before"
}

@test "check: content that is lost is reported, and comes again with the next load" {
	local damage
	for damage in 'echo more >>etc/passwd' 'printf R | dd of=etc/passwd conv=notrunc status=none; touch -d @1600000000.25 etc/passwd' 'rm etc/passwd' \
		'echo x >../kept/0'; do
		(cd "$DIFF" && eval "$damage")
		run coracle system check
		expect_status 1
		expect_match '(etc/passwd|kept/0): .* \(lost\)'
		expect_match "image [0-9a-f]{12}: its layer [0-9a-f]{12} is damaged; load or pull the image again"
		# The store does not have such a layer from the repair on; all else of it can be used.
		run coracle system check --repair
		expect_status 1
		[[ -e $LAYER/damaged.json && ! -e $LAYER/layer.json ]]
		run coracle system check
		expect_status 1
		run -0 coracle load -q -i "$T/small.tar"
		run -0 coracle system check
		expect_output "Nothing is wrong."
		expect_equal "$(head -n 1 "$DIFF/etc/passwd")" "root:x:0:0::/:/bin/sh"
		wait_until 5 nothing_staged
	done
}

@test "check: --quick does not read content" {
	printf R | dd of="$DIFF/etc/passwd" conv=notrunc status=none
	touch -d @1600000000.25 "$DIFF/etc/passwd"
	run -0 coracle system check --quick
	run coracle system check
	expect_status 1
	expect_match '/etc/passwd: its content is not what it was'
}

@test "check: a recipe that is damaged; a layer that is gone" {
	printf XXXX | dd of="$LAYER/recipe" bs=1 seek=20 conv=notrunc status=none
	run coracle system check
	expect_status 1
	expect_match "the layer's recipe is (damaged|truncated)"
	run coracle system check --repair
	expect_status 1
	run -0 coracle load -q -i "$T/small.tar"
	run -0 coracle system check
	mapped rm -r "$LAYER"
	run coracle system check
	expect_status 1
	expect_match 'its layer [0-9a-f]{12} is not there'
	run -0 coracle load -q -i "$T/small.tar"
	run -0 coracle system check
}

@test "check: layer.json and image.json are made again from recipe and configuration" {
	local layer image
	layer=$(sed 's/"created.*//' "$LAYER/layer.json") image=$(cat "$IMAGE/image.json")
	echo '{"diffID":"sha256:00","size":1}' >"$LAYER/layer.json"
	expect_mended 'layer.json is not what it was'
	: >"$LAYER/layer.json"
	expect_mended 'layer.json is not what it was'
	: >"$IMAGE/image.json"
	expect_mended 'image.json does not say what the configuration says'
	rm "$LAYER/layer.json" "$IMAGE/image.json"
	run coracle system check --repair
	run -0 coracle system check
	expect_equal "$(sed 's/"created.*//' "$LAYER/layer.json")" "$layer"
	expect_equal "$(cat "$IMAGE/image.json")" "$image"
}

@test "check: a manifest, a configuration and references that are damaged" {
	echo >>"$(echo "$IMAGE"/manifests/*)"
	run coracle system check --repair
	expect_status 1
	expect_match 'manifest [0-9a-f]{12} has not got its digest any more \(lost\)'
	coracle load -q -i "$T/small.tar"
	run -0 coracle system check
	echo >>"$IMAGE/config"
	run coracle system check --repair
	expect_status 1
	expect_match 'its configuration has not got its digest any more \(lost\)'
	coracle load -q -i "$T/small.tar"
	run -0 coracle system check
	# A reference that is no line, one to an image that is not there, and what a killed process left.
	mkdir -p "$ROOT/refs/localhost/x"
	: >"$ROOT/refs/localhost/x/:empty"
	printf 'sha256:%064d sha256:%064d\n' 1 2 >"$ROOT/refs/localhost/x/:nowhere"
	echo >"$ROOT/refs/localhost/x/.tmp-1"
	touch -d '-1 hour' "$ROOT/refs/localhost/x/.tmp-1"
	run coracle system check --repair
	expect_status 0
	expect_match 'localhost/x/:empty: the reference is damaged'
	expect_match 'name localhost/x:nowhere: its image [0-9]{12} is not there'
	expect_match '.tmp-1: it was left by a process that was killed'
	run -0 coracle system check
	expect_equal "$(coracle images --format '{{.Repository}}:{{.Tag}}')" localhost/small:latest
}

@test "check: containers and names" {
	load_image busybox
	local id
	id=$(coracle create --name one busybox true)
	rm "$ROOT/names/one"
	ln -s "$(printf '%064d' 7)" "$ROOT/names/ghost"
	expect_mended "container ${id:0:12}: its name one does not lead to it" 'name ghost: it does not lead to a container'
	expect_equal "$(inspected one Id)" "$id"
	: >"$ROOT/containers/$id/config.json"
	run coracle system check --repair
	expect_status 1
	expect_match "container ${id:0:12}: config.json"
	run -0 coracle system check --repair --force
	expect_match "container ${id:0:12}: removed"
	no_containers
	run -0 coracle system check
}

@test "check: --force removes images that cannot be mended, with their containers" {
	load_image busybox
	coracle create --name one small >/dev/null
	rm "$DIFF/etc/passwd"
	run coracle system check --repair
	expect_status 1
	expect_error 125 'force' coracle system check --force
	run -0 coracle system check --repair --force
	no_containers
	expect_equal "$(coracle images --format '{{.Repository}}')" localhost/busybox
	run -0 coracle system check
	expect_equal "$(coracle run --rm busybox echo fine)" fine
}

@test "check: what a killed load left; layers that nobody has" {
	mkdir "$ROOT/tmp/0123456789abcdef01234567"
	mkdir "$ROOT/trash/old"
	touch -d '-1 hour' "$ROOT/trash/old"
	expect_mended 'tmp/0123456789abcdef01234567: a process that was killed left it'
	[[ ! -e $ROOT/trash/old ]]
	rm -r "$ROOT/refs/localhost/small" "$IMAGE"
	run -0 coracle system check
	run coracle system check --max 0
	expect_status 1
	expect_match 'neither an image nor a container has it'
	run -0 coracle system check --max 0 --repair
	[[ ! -e $LAYER ]]
}

@test "check: while others load, run and remove nothing is found" {
	load_image busybox
	local i pids=()
	(for i in 1 2 3 4 5; do
		coracle load -q -i "$T/small.tar"
		coracle run --rm busybox true
		coracle rmi small
	done) >"$T/others" 2>&1 3>&- &
	pids+=($!)
	for i in 1 2 3 4 5 6; do
		run coracle system check
		expect_status 0
		run coracle system check --repair
		expect_status 0
		expect_output "Nothing is wrong."
	done
	await "${pids[0]}"
	expect_status 0
}

@test "check: in single-id mode" {
	rm -rf "$ROOT" 2>/dev/null || mapped rm -rf "$ROOT"
	one() { with_one_id "$T/coracle" "$@"; }
	one load -q -i "$T/small.tar"
	run -0 one system check
	expect_output "Nothing is wrong."
	DIFF=$(echo "$ROOT"/layers/*/diff)
	chmod 000 "$DIFF/etc"
	rm "$DIFF/bin/symlink"
	run -0 one system check --repair
	expect_match '/etc: its mode is 0000, not 0755 \(mended\)'
	run -0 one system check
	expect_output "Nothing is wrong."
	one rmi -a >/dev/null
}

@test "a reference that cannot be read is found, and mended" {
	load_image busybox
	chmod 0 "$ROOT/refs/localhost/busybox/:latest"
	run coracle system check
	expect_status 1
	expect_match 'refs/localhost/busybox/:latest: the reference is damaged'
	coracle system check --repair
	coracle system check
	load_image busybox
	coracle run --rm busybox true
}

@test "whatever the umask is, the store's owner can read what is in it" {
	(
		umask 0777
		load_image busybox
		coracle volume create vol >/dev/null
		coracle create --name box -v vol:/data busybox sh -c 'umask; touch /data/file' >/dev/null
		coracle tag busybox other
	)
	expect_equal "$(coracle start -a box)" 0022
	expect_equal "$(coracle run --rm -v vol:/data other stat -c %a /data/file)" 644
	coracle rm box >/dev/null
	coracle system check
}
