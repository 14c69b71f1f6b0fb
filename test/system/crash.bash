# SPDX-License-Identifier: Apache-2.0
# crash.bash: what the crash tests share, on top of helpers.bash (and, for registry_with_small, of registry.bash).

# TEST, the folder of the tests; $T/small.tar and $T/other.tar, archives of small images; $T/whole IMAGE…, what must be so after every kill.
crash_setup() {
	TEST=$BATS_TEST_DIRNAME/..
	"$TEST/small-image" "$T/small.tar"
	"$TEST/small-image" "$T/other.tar" localhost/other:latest seed=other
	# Also a layer that nobody has any more is nothing that may stay.
	cat >"$T/whole" <<-S
		#!/bin/bash
		set -e
		$T/coracle system check --repair --max 0
		$T/coracle system check
		for image; do $T/coracle image exists \$image || { echo "\$image is lost"; exit 1; }; done
		[[ -z \$(ls -A $ROOT/tmp) ]] || { echo "left in tmp:"; ls -A $ROOT/tmp; exit 1; }
		wait
	S
	chmod +x "$T/whole"
}

# A living member of the user namespace: newuidmap(1), which is set-user-ID, does nothing for a program that strace runs.
hold_namespace() {
	load_image busybox
	coracle run -d --name holder busybox sleep 10000 >/dev/null
}

# A registry that has the small image as app:1.
registry_with_small() {
	start_registry
	mkdir "$T/oci"
	tar -x -f "$T/small.tar" -C "$T/oci"
	skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$T/oci" "docker://$REGISTRY/app:1"
}
