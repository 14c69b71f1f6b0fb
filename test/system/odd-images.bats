# SPDX-License-Identifier: Apache-2.0
# odd-images: configurations that images have in the wild, beside what the specification of images says.

load helpers

# image_of NAME CONFIG [MORE]: loads an image of busybox's files whose configuration's `config` is CONFIG; MORE is laid over the whole.
image_of() {
	local layer=$CORACLE_TEST_CACHE/busybox.rootfs.tar more=${3-} diff_id
	[[ -n $more ]] || more='{}'
	diff_id=sha256:$(sha256sum "$layer" | cut -d' ' -f1)
	mkdir -p archive
	cp "$layer" archive/layer.tar
	jq -cnj --argjson config "$2" --argjson more "$more" --arg id "$diff_id" \
		'{architecture: "amd64", os: "linux", config: $config, rootfs: {type: "layers", diff_ids: [$id]}} * $more' >archive/config.json
	jq -cn --arg name "$1:1" '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' >archive/manifest.json
	tar -C archive -c config.json layer.tar manifest.json | coracle load -q >/dev/null
}

native() {
	image_of "$1" "$2" "{\"architecture\": \"$(coracle version --format '{{.Client.Arch}}')\"}"
}

@test "an entry point, or a command, that is a text: a list of one, as docker has it" {
	native entry '{"Entrypoint": "echo", "Cmd": ["a", "b"]}'
	native command '{"Cmd": "/bin/hostname"}'
	native empty '{"Entrypoint": "", "Cmd": ["echo", "c"]}'
	expect_equal "$(coracle run --rm entry:1)" "a b"
	expect_equal "$(coracle run --rm --hostname somewhere command:1)" somewhere
	expect_equal "$(coracle run --rm empty:1)" c
	expect_equal "$(coracle image inspect -f '{{join .Config.Entrypoint ","}} {{len .Config.Cmd}}' entry:1)" "echo 2"
	coracle create --name box entry:1 >/dev/null
	coracle commit -q box again >/dev/null
	expect_equal "$(coracle run --rm again)" "a b"
}

@test "an image for another machine is run with a warning, unless it was asked for" {
	image_of foreign '{"Cmd": ["echo", "runs"]}' '{"architecture": "s390x"}'
	image_of windows '{"Cmd": ["echo", "runs"]}' '{"os": "windows"}'
	native home '{"Cmd": ["echo", "runs"]}'
	run --separate-stderr -0 coracle run --rm foreign:1
	expect_equal "$output" runs
	expect_matches "$stderr" '^Warning: image .*foreign:1 is for linux/s390x, and this machine is linux/'
	run --separate-stderr -0 coracle run --rm windows:1
	expect_matches "$stderr" '^Warning: image .*windows:1 is for windows/'
	run --separate-stderr -0 coracle run --rm --arch s390x foreign:1
	expect_equal "$output$stderr" runs
	run --separate-stderr -0 coracle run --rm home:1
	expect_equal "$output$stderr" runs
}

@test "a working directory that is not there: made, or said where that cannot be" {
	native nowhere '{"WorkingDir": "/no/where", "Cmd": ["pwd"]}'
	expect_equal "$(coracle run --rm nowhere:1)" /no/where
	expect_error 126 'working directory "/no/where" is not there, and cannot be made: the root file system is read-only' coracle run --rm --read-only nowhere:1
}

@test "EXPOSE with ranges, as in a Dockerfile" {
	load_image busybox
	coracle create --name box busybox true >/dev/null
	coracle commit -q -c 'EXPOSE 80 8000-8002/udp 90-91' box many >/dev/null
	expect_equal "$(coracle image inspect many | jq -c '.[0].Config.ExposedPorts | keys')" '["80/tcp","8000/udp","8001/udp","8002/udp","90/tcp","91/tcp"]'
	expect_error 125 'ends before it begins' coracle commit -q -c 'EXPOSE 91-90' box many
	expect_error 125 'port' coracle commit -q -c 'EXPOSE 91-' box many
	expect_error 125 'port' coracle commit -q -c 'EXPOSE -91' box many
}

@test "an image whose labels cannot be read keeps no other from being found or removed, and stays" {
	native odd '{"Labels": {"a": 1}, "Cmd": ["true"]}'
	native good '{"Labels": {"a": "b"}, "Cmd": ["true"]}'
	run --separate-stderr -0 coracle images --filter label=a --format '{{.Repository}}'
	expect_equal "$output" docker.io/library/good
	expect_matches "$stderr" '^Warning: image [0-9a-f]{12}: its labels cannot be read: Labels.a: expected a string$'
	coracle image prune -a -f --filter label=a=b >/dev/null 2>&1
	expect_equal "$(coracle images --format '{{.Repository}}')" docker.io/library/odd
	coracle image prune -a -f --filter label!=b >/dev/null 2>&1
	expect_equal "$(coracle images --format '{{.Repository}}')" docker.io/library/odd
	expect_equal "$(coracle info -f '{{.Store.VolumePath}}')" "$ROOT/volumes"
}

@test "an environment file that an editor of another system has written" {
	load_image busybox
	printf '\xef\xbb\xbfFIRST=1\r\nSECOND=2\r\n' >file
	expect_equal "$(coracle run --rm --env-file file busybox sh -c 'printf %s "$FIRST.$SECOND."')" "1.2."
}
