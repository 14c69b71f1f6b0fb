# SPDX-License-Identifier: Apache-2.0
# identity: who a container's process is: users whom the image does not know, groups that are kept, and `unshare`.
load helpers

setup() {
	common_setup
	load_image busybox
}

@test "user: one whom the image does not know gets a line in passwd and group" {
	run coracle run --rm --user 4321:77 -w /tmp busybox sh -c 'whoami; id -gn; echo $HOME; tail -n 1 /etc/passwd; tail -n 1 /etc/group'
	expect_output "$(printf '%s\n' 4321 77 /tmp '4321:*:4321:77:container user:/tmp:/bin/sh' '77:x:77:4321')"
	# A group that has a name keeps it, and the image is what it was.
	run coracle run --rm --user 4321:50 busybox sh -c 'id -gn; wc -l </etc/group'
	expect_output $'staff\n6'
	expect_equal "$(coracle run --rm busybox sh -c 'wc -l </etc/passwd; echo $HOME')" $'5\n/root'
	# Whom it knows.
	expect_equal "$(coracle run --rm --user alice busybox sh -c 'whoami; echo $HOME; wc -l </etc/passwd')" $'alice\n/home/alice\n5'
	expect_equal "$(coracle run --rm --user 1000 busybox whoami)" alice
	expect_equal "$(coracle run --rm --read-only --user 4321 busybox whoami)" 4321
}

@test "user: the line is there once after a restart, and goes with an image that is made of it" {
	coracle run --name c --user 4321 busybox whoami
	coracle start -a c
	coracle commit -q c made
	expect_equal "$(coracle run --rm made grep -c '^4321:' /etc/passwd)" 1
}

@test "user --passwd-entry: the line is as it is told to be" {
	run coracle run --rm --user 4321 --passwd-entry 'sailor:x:$UID:$GID:$NAME:$HOME/port:/bin/$USERNAME' busybox sh -c 'whoami; tail -n 1 /etc/passwd'
	expect_output $'sailor\nsailor:x:4321:0:container user://port:/bin/4321'
}

@test "user --group-entry: the line is as it is told to be, where there is none" {
	run coracle run --rm --user 4321:77 --group-entry 'crew:x:$GID:$USERLIST,$GROUPNAME' busybox sh -c 'id -gn; tail -n 1 /etc/group'
	expect_output $'crew\ncrew:x:77:4321,77'
	expect_equal "$(coracle run --rm --user 4321:50 --group-entry 'crew:x:$GID:' busybox id -gn)" staff
}

@test "user --hostuser: this machine's users, by name and id, for --user too" {
	run coracle run --rm --hostuser games --hostuser 9 --user games busybox sh -c 'whoami; echo $HOME; grep -c ^news: /etc/passwd; id -gn'
	expect_output "$(printf '%s\n' games "$(getent passwd games | cut -d: -f6)" 1 "$(getent group "$(id -g games)" | cut -d: -f1)")"
	expect_error 125 'no such user' coracle run --rm --hostuser nobody-of-that-name busybox true
}

@test "user --passwd=false: nothing is added" {
	run coracle run --rm --user 4321 --passwd=false busybox sh -c 'wc -l </etc/passwd; echo $HOME; whoami'
	expect_output $'5\n/\nwhoami: unknown uid 4321'
}

@test "user: no line is written through what an image has put in place of passwd" {
	mkdir -p "$T/tree/bin" "$T/tree/etc"
	cp "$(command -v busybox)" "$T/tree/bin/busybox"
	ln -s busybox "$T/tree/bin/sh"
	echo mine >"$T/mine"
	ln -s "$T/mine" "$T/tree/etc/passwd"
	mkfifo "$T/tree/etc/group"
	tar -C "$T/tree" -c . | coracle import -q - odd >/dev/null
	expect_equal "$(coracle run --rm --user 4321 odd busybox id -u)" 4321
	expect_equal "$(cat "$T/mine")" mine
}

@test "userns keep-id: the user has his name" {
	local me name
	me=$(id -u) name=$(id -un)
	# An image that does not know his number.
	coracle run --name c busybox sed -i /alice/d /etc/passwd /etc/group
	coracle commit -q c strangers >/dev/null
	coracle rm c >/dev/null
	run coracle run --rm --userns keep-id strangers sh -c 'whoami; tail -n 1 /etc/passwd; tail -n 1 /etc/group; echo $HOME'
	expect_output "$(printf '%s\n' "$name" "$name:*:$me:$(id -g)::/:/bin/sh" "$name:x:$(id -g):$name" /)"
	# His home, where it is mounted.
	run coracle run --rm --userns keep-id -v "$T:$(getent passwd "$me" | cut -d: -f6)" strangers sh -c 'echo $HOME'
	expect_output "$(getent passwd "$me" | cut -d: -f6)"
	# As podman has it.
	podman load -q -i "$CORACLE_TEST_CACHE/busybox.tar"
	local script='id; tail -n 2 /etc/passwd; tail -n 1 /etc/group; echo $HOME; stat -c %u:%g / /home/alice'
	for options in "--userns=keep-id" "--userns=keep-id:uid=33,gid=33" "--userns=nomap" "--userns=keep-id --user=4321:1001" "--userns=keep-id --user=4321:1234"; do
		# shellcheck disable=SC2086 # words
		expect_equal "$(coracle run --rm $options busybox sh -c "$script")" "$(podman run --rm $options localhost/busybox sh -c "$script")"
	done
}

@test "group-add: by name and number; keep-groups keeps what the user has, here and in exec" {
	expect_equal "$(coracle run --rm --user alice --group-add www-data --group-add 77 busybox id -G | tr ' ' '\n' | sort -n | paste -sd' ')" "33 50 77 1000"
	expect_error 125 'no other can be added' coracle run --rm --group-add keep-groups --group-add 5 busybox true
	expect_error 125 'no group "nonsense"' coracle run --rm --group-add nonsense busybox true
	# A further group that is none of his namespace: it has no number there, but its rights.
	cat >"$T/script" <<-'S'
		give 10000 50000
		coracle() { "$BUILD/coracle" --root "$T/home/root" --runroot "$T/home/run" "$@"; }
		shared=(-v "$T/of-group:/shared")
		coracle load -q -i "$T/busybox.tar" >/dev/null
		coracle run --rm --group-add keep-groups "${shared[@]}" busybox sh -c 'id -G; cat /shared/file'
		coracle run --rm "${shared[@]}" busybox sh -c 'cat /shared/file 2>/dev/null || echo refused' 2>/dev/null
		coracle run -d --name kept --group-add keep-groups "${shared[@]}" busybox sleep 1000 >/dev/null
		coracle exec kept cat /shared/file
		coracle restart -t 0 kept >/dev/null
		coracle exec kept cat /shared/file
		coracle rm -f -t 0 kept >/dev/null
		coracle run --rm --userns keep-id --group-add keep-groups "${shared[@]}" busybox cat /shared/file
	S
	mkdir "$T/of-group"
	echo for the group >"$T/of-group/file"
	cp "$CORACLE_TEST_CACHE/busybox.tar" "$T"
	chmod 750 "$T/of-group"
	chmod 640 "$T/of-group/file"
	run on_a_machine "$(cat "$T/script")" 300
	expect_output "$(printf '%s\n' '0 65534' 'for the group' refused 'for the group' 'for the group' 'for the group')"
}

@test "umask: the process's, 0022 without" {
	expect_equal "$(coracle run --rm --umask 0077 busybox sh -c 'umask; touch /f; stat -c %a /f')" $'0077\n600'
	expect_equal "$(coracle run --rm busybox sh -c umask)" 0022
	coracle run -d --name c --umask 027 busybox sleep 1000
	expect_equal "$(coracle exec c sh -c umask)" 0027
	expect_error 125 'octal mask' coracle run --rm --umask 9 busybox true
	coracle rm -f -t 0 c
}

@test "unshare: root of the containers' user namespace, with their ids and mounts of its own" {
	expect_equal "$(coracle unshare sh -c 'id -u; awk "{print \$2}" /proc/self/uid_map | head -n 1')" $'0\n'"$(id -u)"
	expect_equal "$(coracle unshare cat /proc/self/uid_map)" "$(coracle run --rm busybox cat /proc/self/uid_map)"
	coracle unshare sh -c "touch $T/f && chown 5:6 $T/f && mount -t tmpfs tmpfs $T/home"
	expect_no grep -q "$T/home" /proc/self/mountinfo
	expect_no test -O "$T/f"
	expect_equal "$(coracle unshare stat -c %u:%g "$T/f")" 5:6
	coracle unshare rm "$T/f"
	# Files of containers; and the store is the same one.
	coracle run --name c busybox sh -c 'echo x >/f; chown alice /f'
	expect_equal "$(coracle unshare sh -c 'stat -c %u $CONTAINERS_GRAPHROOT/containers/*/upper/f')" 1000
	expect_equal "$(coracle unshare "$BUILD/coracle" ps -a --format '{{.Names}}')" c
	expect_equal "$(coracle unshare "$BUILD/coracle" run --rm busybox echo inside)" inside
	# It shares the namespace with the living.
	coracle run -d --name alive busybox sleep 1000
	expect_equal "$(coracle unshare readlink /proc/self/ns/user)" "$(readlink "/proc/$(inspected alive State.Pid)/ns/user")"
	run coracle unshare sh -c 'exit 7'
	expect_status 7
	expect_error 127 'no such program' coracle unshare no-such-program
	expect_error 126 'cannot be executed' coracle unshare /etc/passwd
	SHELL=/bin/pwd run coracle unshare
	expect_output "$T"
}
