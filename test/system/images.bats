# SPDX-License-Identifier: Apache-2.0
# images: load, import, images, tag, untag, rmi, image inspect.
load helpers

ARCHIVE=$CORACLE_TEST_CACHE/busybox.tar

convert() { # [option of skopeo…] destination
	if [[ ! -d $T/source ]]; then
		mkdir "$T/source"
		tar -C "$T/source" -xf "$ARCHIVE"
	fi
	skopeo copy --quiet --insecure-policy "${@:1:$#-1}" "oci:$T/source:localhost/busybox:latest" "${@: -1}"
}

# The image that is there works, and nothing else is there.
expect_works() { # name
	expect_equal "$(coracle run --rm "$1" cat /var/www/index.html)" "welcome to busybox"
}

clear_images() {
	coracle rmi -f -a >/dev/null
	expect_equal "$(coracle images -q)" ""
	expect_equal "$(find "$ROOT/layers" "$ROOT/images" -mindepth 1 -maxdepth 1 2>/dev/null)" ""
}

@test "load: OCI archive, OCI directory, docker-archive, by file and from standard input" {
	expect_equal "$(coracle load -q -i "$ARCHIVE")" "Loaded image: localhost/busybox:latest"
	expect_works localhost/busybox
	clear_images
	expect_equal "$(coracle load -q <"$ARCHIVE")" "Loaded image: localhost/busybox:latest"
	expect_works localhost/busybox
	clear_images
	# From a pipe, which cannot be read twice.
	expect_equal "$(cat "$ARCHIVE" | coracle load -q)" "Loaded image: localhost/busybox:latest"
	clear_images
	convert "oci:$T/layout:localhost/directory:v1"
	expect_equal "$(coracle load -q -i "$T/layout")" "Loaded image: localhost/directory:v1"
	expect_works localhost/directory:v1
	clear_images
	convert "docker-archive:$T/docker.tar:example.org/team/app:1.2"
	expect_equal "$(coracle load -q -i "$T/docker.tar")" "Loaded image: example.org/team/app:1.2"
	expect_works example.org/team/app:1.2
}

@test "load: compressed with gzip, zstd, xz, bzip2, whole or the layers" {
	local program
	for program in gzip zstd xz bzip2; do
		$program -c -q <"$ARCHIVE" >"$T/archive"
		expect_equal "$(coracle load -q -i "$T/archive")" "Loaded image: localhost/busybox:latest"
		expect_equal "$(coracle load -q <"$T/archive")" "Loaded image: localhost/busybox:latest"
		expect_works busybox
		clear_images
	done
	convert --dest-compress --dest-compress-format zstd "oci:$T/zstd:localhost/z:1"
	coracle load -q -i "$T/zstd"
	expect_works localhost/z:1
}

@test "load: an archive of several images and names" {
	convert "docker-archive:$T/docker.tar:localhost/a:1"
	mkdir "$T/x"
	tar -C "$T/x" -xf "$T/docker.tar"
	jq -c '.[0].RepoTags = ["localhost/a:1", "localhost/b:2"]' "$T/x/manifest.json" >"$T/manifest" && mv "$T/manifest" "$T/x/manifest.json"
	tar -C "$T/x" -cf "$T/two.tar" .
	expect_equal "$(coracle load -q -i "$T/two.tar")" $'Loaded image: localhost/a:1\nLoaded image: localhost/b:2'
	expect_equal "$(coracle images -q --no-trunc | sort -u | wc -l)" 1
	expect_works localhost/b:2
}

@test "load: the same again is the same, and what came with one name gets another" {
	load_image busybox
	local before
	before=$(find "$ROOT/layers" "$ROOT/images" | sort)
	load_image busybox
	expect_equal "$(find "$ROOT/layers" "$ROOT/images" | sort)" "$before"
	convert "oci-archive:$T/other.tar:localhost/other:1"
	coracle load -q -i "$T/other.tar"
	expect_equal "$(coracle images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ')" "localhost/busybox:latest localhost/other:1 "
	expect_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 1
}

@test "load: two at once" {
	local jobs=() i
	for i in 1 2 3 4; do
		coracle load -q -i "$ARCHIVE" >"$T/out.$i" 2>&1 &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i"; done
	expect_works busybox
	expect_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 1
	expect_equal "$(staged)" ""
}

@test "import: a root file system, with changes, from a file and standard input" {
	local id
	id=$(coracle import -q -c 'CMD ["echo", "from the command"]' -c 'ENV A=1 B="two words"' -c 'LABEL l=v' -c 'WORKDIR /var' -c 'EXPOSE 80' -c 'STOPSIGNAL SIGINT' -c 'USER alice' \
		-m 'a message' "$CORACLE_TEST_CACHE/busybox.rootfs.tar" imported:1)
	expect_matches "$id" '^sha256:[0-9a-f]{64}$'
	expect_equal "$(coracle run --rm localhost/imported:1)" "from the command"
	expect_equal "$(coracle run --rm imported:1 sh -c 'echo $A $B; pwd; id -un')" $'1 two words\n/var\nalice'
	coracle image inspect imported:1 | jq -e '.[0] | .Config.Labels.l == "v" and .Config.StopSignal == "SIGINT" and (.Config.ExposedPorts | has("80/tcp")) and .Id == "'"${id#sha256:}"'"'
	id=$(gzip -c "$CORACLE_TEST_CACHE/busybox.rootfs.tar" | coracle import -q -)
	expect_equal "$(coracle run --rm "$id" echo dangling)" dangling
	expect_error 125 'NONSENSE' coracle import -q -c 'NONSENSE x' "$CORACLE_TEST_CACHE/busybox.rootfs.tar" x
	expect_error 125 "$T/none" coracle import -q "$T/none" x
	expect_error 125 'Upper' coracle import -q "$CORACLE_TEST_CACHE/busybox.rootfs.tar" Upper
}

@test "images: columns, -q, --format, filters, json" {
	load_image busybox
	coracle tag busybox localhost/again:v2
	local id
	id=$(coracle image inspect -f '{{.Id}}' busybox)
	run coracle images
	expect_equal "$(head -n 1 <<<"$output" | sed 's/ *$//; s/   */  /g')" "REPOSITORY  TAG  IMAGE ID  CREATED  SIZE"
	expect_matches "$output" "localhost/again +v2 +${id:0:12} +[0-9]+ (years|months) ago +[0-9.]+ MB"
	expect_equal "$(coracle images -q | sort -u)" "${id:0:12}"
	expect_equal "$(coracle images --format '{{.Repository}}:{{.Tag}}' | sort)" $'localhost/again:v2\nlocalhost/busybox:latest'
	expect_equal "$(coracle images --format '{{.Tag}}' again)" v2
	expect_equal "$(coracle images --noheading --format 'table {{.Tag}}' busybox | tr -d ' ')" latest
	coracle images --format json | jq -e --arg id "$id" 'all(.Id == $id)'
	expect_equal "$(coracle images -q --filter reference=*again*)" "${id:0:12}"
	expect_equal "$(coracle images -q --filter label=test=busybox | sort -u)" "${id:0:12}"
	expect_equal "$(coracle images -q --filter dangling=true)" ""
	expect_error 125 'Nonsense' coracle images --format '{{.Nonsense}}'
	expect_error 125 'nonsense' coracle images --filter nonsense=1
	expect_equal "$(coracle image ls -q | sort -u)" "${id:0:12}"
	expect_equal "$(coracle image list -q | sort -u)" "${id:0:12}"
}

@test "tag, untag: names come and go, the image stays" {
	load_image busybox
	coracle tag busybox other example.org/x/y:1
	expect_equal "$(coracle images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ')" "example.org/x/y:1 localhost/busybox:latest localhost/other:latest "
	expect_works other
	coracle untag busybox localhost/busybox:latest
	expect_error 125 'busybox' coracle run --rm --pull never localhost/busybox true
	coracle untag other
	expect_equal "$(coracle images -a --format '{{.Repository}}:{{.Tag}}')" "<none>:<none>"
	expect_equal "$(coracle images --filter dangling=true -q | wc -l)" 1
	expect_error 125 'none-such' coracle tag none-such x
	expect_error 125 'UPPER' coracle tag "$(coracle images -q)" UPPER
}

@test "rmi: a name goes, the last one takes the image along; one in use stays" {
	load_image busybox
	coracle tag busybox other
	run coracle rmi other
	expect_output "Untagged: localhost/other:latest"
	expect_works busybox
	coracle create --name user busybox true
	# As podman documents it.
	expect_error 2 'in use' coracle rmi busybox
	expect_works busybox
	# With --force its containers go too.
	coracle run -d --name runner busybox sleep 1000
	local pid
	pid=$(inspected runner State.Pid)
	run coracle rmi -f busybox
	expect_match 'Untagged: localhost/busybox:latest'
	expect_match 'Deleted: '
	is_gone "$pid"
	no_containers
	expect_equal "$(coracle images -aq)" ""
	expect_equal "$(find "$ROOT/layers" "$ROOT/images" "$ROOT/refs" -type f)" ""
	expect_error 1 'none-such' coracle rmi none-such
	run coracle rmi -f none-such
	[[ $output != *Deleted* ]]
}

@test "rmi: by id with several names needs force; a layer that another image has stays" {
	load_image busybox
	coracle tag busybox other
	local id
	id=$(coracle images -q --no-trunc busybox)
	expect_error 125 'force|several|multiple' coracle rmi "$id"
	coracle rmi -f "$id"
	expect_equal "$(coracle images -aq)" ""
	coracle import -q -c 'CMD ["a"]' "$CORACLE_TEST_CACHE/busybox.rootfs.tar" a
	coracle import -q -c 'CMD ["b"]' "$CORACLE_TEST_CACHE/busybox.rootfs.tar" b
	expect_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 1
	coracle rmi a
	expect_works localhost/b
	coracle rmi --all
	expect_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 0
}

@test "images: whiteouts, opaque folders, hard links and long names of several layers" {
	mkdir -p "$T/one/bin" "$T/one/dir/sub" "$T/one/opaque/old" "$T/two/dir" "$T/two/opaque"
	cp "$(command -v busybox)" "$T/one/bin/busybox"
	ln -s busybox "$T/one/bin/sh"
	echo 1 >"$T/one/dir/gone"
	echo 1 >"$T/one/dir/stays"
	ln "$T/one/dir/stays" "$T/one/dir/linked"
	local long
	long=$(printf 'n%.0s' $(seq 200))
	mkdir -p "$T/one/$long/$long"
	echo long >"$T/one/$long/$long/$long"
	touch "$T/two/dir/.wh.gone" "$T/two/opaque/.wh..wh..opq" "$T/two/opaque/new"
	python3 - "$T" <<-'P'
		import hashlib, json, os, sys, tarfile, io
		top = sys.argv[1]
		layers, out = [], tarfile.open(top + "/layers.tar", "w")
		def add(name, data):
		    info = tarfile.TarInfo(name)
		    info.size = len(data)
		    out.addfile(info, io.BytesIO(data))
		def owned(info):
		    info.uid = info.gid = 0
		    return info
		for name in "one", "two":
		    buffer = io.BytesIO()
		    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
		        tar.add(top + "/" + name, arcname=".", filter=owned)
		    layers.append(buffer.getvalue())
		    add(name + "/layer.tar", buffer.getvalue())
		config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers",
		    "diff_ids": ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]}}).encode()
		add("config.json", config)
		add("manifest.json", json.dumps([{"Config": "config.json", "RepoTags": ["localhost/layers:1"], "Layers": ["one/layer.tar", "two/layer.tar"]}]).encode())
		out.close()
	P
	coracle load -q -i "$T/layers.tar"
	run coracle run --rm localhost/layers:1 /bin/busybox sh -c "busybox ls /dir /opaque; busybox stat -c %h /dir/stays; busybox cat /$long/$long/$long; busybox find / -xdev -name '.wh*'"
	expect_output $'/dir:\nlinked\nstays\nsub\n\n/opaque:\nnew\n2\nlong'
	coracle run -d --name one localhost/layers:1 /bin/busybox sleep 1000
	# What is removed and made again in the container.
	run coracle exec one /bin/busybox sh -c 'cd /; busybox rm -r dir; busybox mkdir dir; busybox ls -a dir; busybox mv opaque moved && busybox ls moved'
	expect_output $'.\n..\nnew'
}

@test "short names: an alias of registries.conf leads to what is here, as do the registries that are searched" {
	load_image busybox
	mkdir -p "$HOME/.config/containers"
	local conf=$HOME/.config/containers/registries.conf name
	# Each with a label that says which it is.
	for name in quay.example/x/other:latest quay.example/x/other:2 one.example/tool docker.io/library/tool deep.example/a/tool docker.io/library/plain; do
		coracle create --name made busybox >"$T/out"
		coracle commit -q --change "LABEL is=$name" made "$name" >"$T/out"
		coracle rm made >"$T/out"
	done
	is() { coracle image inspect --format '{{index .Labels "is"}}' "$1"; }
	expect_equal "$(is tool)" docker.io/library/tool
	printf 'unqualified-search-registries = ["one.example", "docker.io"]\n' >"$conf"
	expect_equal "$(is tool)" one.example/tool
	expect_equal "$(is plain)" docker.io/library/plain
	printf '[aliases]\n"tool" = "quay.example/x/other"\n' >>"$conf"
	expect_equal "$(is tool)" quay.example/x/other:latest
	expect_equal "$(is tool:2)" quay.example/x/other:2
	expect_equal "$(coracle run --rm --pull never tool echo ran)" ran
	coracle create --name of-tool --pull never tool >"$T/out"
	expect_equal "$(coracle inspect --format '{{.ImageName}}' of-tool)" quay.example/x/other:latest
	coracle rm of-tool >"$T/out"
	coracle image exists tool
	# What was made here by that very name comes first, and a name that is whole means what it says.
	coracle tag one.example/tool tool
	expect_equal "$(is tool)" one.example/tool
	expect_equal "$(is docker.io/library/tool)" docker.io/library/tool
	coracle untag tool localhost/tool
	run coracle rmi tool
	expect_status 0
	expect_match "quay.example/x/other:latest"
	expect_no coracle image exists quay.example/x/other:latest
	coracle image exists one.example/tool
	coracle image exists docker.io/library/tool
	# An alias of the one that is not here does not hide the others; a broken file breaks no image that is here.
	expect_equal "$(is tool)" docker.io/library/tool
	echo '[[tool' >>"$conf"
	expect_equal "$(is tool)" docker.io/library/tool
}
