# SPDX-License-Identifier: Apache-2.0
# archives: damaged and hostile archives are refused with one line, and leave nothing in the store or outside.
load helpers

# make_archive OUT [python…]: a docker-archive of one layer; the code (in which `add(name, type="file", **members)` adds an entry of the layer, and
# `tamper` is a dictionary of what is to be wrong) says what is in it.
make_archive() {
	python3 - "$1" "$2" <<-'P'
		import hashlib, io, json, sys, tarfile
		out, code = sys.argv[1:]
		layer, tamper = io.BytesIO(), {}
		tar = tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT)
		types = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "sym": tarfile.SYMTYPE, "link": tarfile.LNKTYPE, "block": tarfile.BLKTYPE, "char": tarfile.CHRTYPE}
		def add(name, type="file", data=b"", **members):
		    info = tarfile.TarInfo(name)
		    info.type, info.size, info.mode = types[type], len(data), 0o755
		    for key, value in members.items():
		        setattr(info, key, value)
		    tar.addfile(info, io.BytesIO(data))
		exec(code)
		tar.close()
		data = layer.getvalue()
		diff_id = tamper.get("diff_id", hashlib.sha256(data).hexdigest())
		config = tamper.get("config", json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + diff_id]}}).encode())
		manifest = tamper.get("manifest", json.dumps([{"Config": "c.json", "RepoTags": tamper.get("names", ["localhost/hostile:1"]), "Layers": ["l/layer.tar"]}]).encode())
		with tarfile.open(out, "w") as outer:
		    for name, content in (("c.json", config), ("l/layer.tar", data), ("manifest.json", manifest)):
		        info = tarfile.TarInfo(name)
		        info.size = len(content)
		        outer.addfile(info, io.BytesIO(content))
	P
}

# Nothing is left in the store: no image, no name, no layer, nothing staged.
expect_empty_store() {
	expect_equal "$(coracle images -aq)" ""
	expect_equal "$(staged)" ""
	expect_equal "$(find "$ROOT/layers" "$ROOT/images" "$ROOT/refs" -mindepth 1 2>/dev/null)" ""
}

expect_refused() { # pattern archive
	expect_error 125 "$1" coracle load -q -i "$2"
	expect_empty_store
}

@test "archives: the maker of hostile ones makes good ones too" {
	make_archive "$T/a.tar" 'add("dir", "dir"); add("dir/file", data=b"x")'
	expect_equal "$(coracle load -q -i "$T/a.tar")" "Loaded image: localhost/hostile:1"
	expect_equal "$(coracle images --format '{{.Repository}}')" localhost/hostile
}

@test "archives: not an archive, empty, truncated anywhere" {
	local archive=$CORACLE_TEST_CACHE/busybox.tar size part
	: >"$T/empty"
	expect_refused "$T/empty" "$T/empty"
	head -c 100000 /dev/urandom >"$T/noise"
	expect_refused "$T/noise" "$T/noise"
	echo '<html>not found</html>' >"$T/page"
	expect_refused "$T/page" "$T/page"
	expect_refused "$T/none" "$T/none"
	mkdir "$T/directory"
	expect_refused "$T/directory" "$T/directory"
	size=$(stat -c %s "$archive")
	for part in 5 30 60 90; do
		head -c $((size * part / 100)) "$archive" >"$T/cut"
		expect_refused "cut" "$T/cut"
		gzip -c "$archive" | head -c $((size * part / 110)) >"$T/cut.gz"
		expect_refused "cut.gz" "$T/cut.gz"
	done
	head -c $((size / 2)) "$archive" | expect_error 125 'standard input' coracle load -q
	expect_empty_store
}

@test "archives: a digest that is wrong, of a layer, the configuration, a blob" {
	make_archive "$T/a.tar" 'add("f", data=b"x"); tamper["diff_id"] = "0" * 64'
	expect_refused 'digest|diff id|sha256' "$T/a.tar"
	mkdir "$T/x"
	local blob
	for blob in $(tar -tf "$CORACLE_TEST_CACHE/busybox.tar" | grep blobs/sha256/.); do
		rm -rf "$T/x"/*
		tar -C "$T/x" -xf "$CORACLE_TEST_CACHE/busybox.tar"
		# One bit.
		python3 - "$T/x/$blob" <<-'P'
			import sys
			with open(sys.argv[1], "r+b") as file:
			    data = bytearray(file.read())
			    data[len(data) // 2] ^= 1
			    file.seek(0)
			    file.write(data)
		P
		tar -C "$T/x" -cf "$T/bad.tar" .
		expect_refused "$(basename "$blob" | cut -c1-8)|digest|bad.tar" "$T/bad.tar"
		expect_refused "digest|$T/x" "$T/x"
	done
}

@test "archives: paths that lead outside are refused or stay inside" {
	mkdir "$T/outside"
	echo mine >"$T/outside/victim"
	local code
	while read -r code; do
		make_archive "$T/a.tar" "$code"
		run --separate-stderr coracle load -q -i "$T/a.tar"
		# Refused with one line, or unpacked inside: then it is removed again.
		if [[ $status != 0 ]]; then
			expect_status 125
			expect_matches "$stderr" '^Error: '
			expect_equal "$(wc -l <<<"$stderr")" 1
		else
			coracle rmi -f -a >/dev/null
		fi
		expect_equal "$(cat "$T/outside/victim")" mine
		expect_equal "$(ls "$T/outside")" victim
		[[ ! -e $T/escaped && ! -e /tmp/coracle-escaped && ! -e $ROOT/escaped && ! -e $ROOT/layers/escaped ]] || {
			echo "escaped: $code"
			return 1
		}
		expect_empty_store
	done <<-C
		add("../escaped", data=b"x")
		add("../../../../../../../../..$T/escaped", data=b"x")
		add("/tmp/../../..$T/escaped", data=b"x")
		add("$T/escaped", data=b"x")
		add("a/../../escaped", data=b"x")
		add("link", "sym", linkname="$T/outside"); add("link/victim", data=b"evil")
		add("link", "sym", linkname="$T/outside"); add("link/new", data=b"evil")
		add("link", "sym", linkname="../../../../../../../../..$T/outside"); add("link/new", "dir")
		add("link", "sym", linkname="$T/outside"); add("link/", "dir", mode=0o777)
		add("l1", "sym", linkname="."); add("l1/l2", "sym", linkname=".."); add("l1/l2/escaped", data=b"x")
		add("hard", "link", linkname="../../../../../../../../..$T/outside/victim"); add("hard", data=b"evil")
		add("hard", "link", linkname="$T/outside/victim")
		add("link", "sym", linkname="$T/outside"); add("hard", "link", linkname="link/victim"); add("hard", data=b"evil")
		add("link", "sym", linkname="$T/outside"); add("link/.wh.victim")
		add(".wh...", data=b"")
		add("a/.wh...")
		add(".wh..wh..opq"); add("d/.wh.")
		add("d", "dir"); add("d", "sym", linkname="$T/outside"); add("d/new", data=b"x")
		add("f", data=b"x"); add("f/below", data=b"x")
		add("x" * 300, data=b"x")
		add("a/" * 3000 + "b", data=b"x")
		add("", data=b"x")
		add("nul\0/x", data=b"x")
	C
}

@test "archives: names and tables of contents that are nonsense" {
	local code
	while read -r code; do
		make_archive "$T/a.tar" "$code"
		expect_refused '.' "$T/a.tar"
	done <<-'C'
		tamper["manifest"] = b"[]"
		tamper["manifest"] = b"{"
		tamper["manifest"] = b"null"
		tamper["manifest"] = b"[" * 100000
		tamper["manifest"] = b'[{"Config": 7, "Layers": {}}]'
		tamper["manifest"] = b'[{"Config": "../../etc/passwd", "Layers": []}]'
		tamper["manifest"] = b'[{"Config": "c.json", "Layers": ["/etc/passwd"]}]'
		tamper["manifest"] = b'[{"Config": "c.json", "Layers": ["l/layer.tar", "l/layer.tar"]}]'
		tamper["config"] = b"{}"
		tamper["config"] = b'{"rootfs": {"type": "layers", "diff_ids": ["../../../x"]}}'
		tamper["names"] = ["localhost/../../escape:1"]
		tamper["names"] = ["localhost/a:../../x"]
		tamper["names"] = ["UPPER CASE"]
	C
}

@test "archives: a small file that unpacks to very much does not take the machine along" {
	# 100 MB of zeros in 100 kB: is unpacked, bounded by what its tar says, and can be interrupted without a trace.
	make_archive "$T/a.tar" 'add("zeros", data=bytes(100 << 20))'
	gzip -1 "$T/a.tar"
	coracle load -q -i "$T/a.tar.gz" >/dev/null 3>&- &
	local pid=$!
	sleep 0.1
	kill -9 $pid 2>/dev/null || true
	wait $pid || true
	# Whoever comes next sweeps what the dead one left.
	load_image busybox
	wait_until 10 nothing_staged
	expect_equal "$(coracle run --rm busybox echo fine)" fine
}

@test "archives: import refuses what is no tar" {
	head -c 5000 /dev/urandom >"$T/noise"
	expect_error 125 'noise' coracle import -q "$T/noise" x
	expect_error 125 '.' coracle import -q - x </dev/null
	head -c 100000 "$CORACLE_TEST_CACHE/busybox.rootfs.tar" >"$T/cut"
	expect_error 125 'cut' coracle import -q "$T/cut" x
	expect_empty_store
}

@test "archives: devices of a layer are no devices of ours" {
	make_archive "$T/a.tar" 'add("dev", "dir"); add("dev/sda", "block", devmajor=8, devminor=0); add("mem", "char", devmajor=1, devminor=1); add("suid", data=b"x", mode=0o6777)'
	run coracle load -q -i "$T/a.tar"
	expect_equal "$(find "$ROOT/layers" \( -type b -o -type c \) ! -type d -printf '%p\n' | while read -r f; do [[ $(stat -c %t:%T "$f") == 0:0 ]] || echo "$f"; done)" ""
	# Nobody else on this machine gets at a set-user-ID file that lies in the store.
	expect_equal "$(stat -c %A "$ROOT" | cut -c8-10)" "---"
}

# make_bomb OUT PYTHON: a layer, as a tar compressed with gzip; `add` is the same as above, with `pax` for the extended header.
make_bomb() {
	python3 - "$1" "$2" <<-'P'
		import gzip, io, struct, sys, tarfile
		out, code = sys.argv[1:]
		tar = tarfile.open(out, "w:gz", compresslevel=1, format=tarfile.PAX_FORMAT)
		def add(name, type=tarfile.REGTYPE, data=b"", pax={}, **members):
		    info = tarfile.TarInfo(name)
		    info.type, info.size, info.pax_headers = type, len(data), dict(pax)
		    for key, value in members.items():
		        setattr(info, key, value)
		    tar.addfile(info, io.BytesIO(data))
		def raw(data):
		    tar.close()
		    open(out, "wb").write(data)
		exec(code)
		tar.close()
	P
}

@test "archives: bombs of every kind are refused or unpacked, in little memory" {
	local wanted code
	while IFS='|' read -r wanted code; do
		make_bomb "$T/bomb.tgz" "$code"
		run --separate-stderr timeout 120 /usr/bin/env time -f 'kB: %M' -o "$T/memory" "$T/coracle" import -q "$T/bomb.tgz" bomb
		echo "$code: $status $stderr $(<"$T/memory")"
		# Sanitizers have memory of their own.
		[[ -e $BUILD/sanitizer-reports ]] || (($(sed -n 's/^kB: //p' "$T/memory") < 65536))
		# How many attributes a file may have is the file system's matter.
		if [[ $wanted == *"more attributes"* && $status == 0 ]]; then wanted=fine; fi
		if [[ $wanted == fine ]]; then
			expect_status 0
			coracle rmi -f -a >/dev/null
			wait_until 20 nothing_staged
		else
			expect_status 125
			expect_matches "$stderr" "^Error: [^"$'\n'"]*$wanted[^"$'\n'"]*$"
		fi
		expect_empty_store
	done <<-'C'
		fine|[add("d%d/f%d" % (i // 1000, i)) for i in range(20000)]
		fine|[add("a/" * i + "f") for i in range(300)]
		replaces its own files more than|[add("same", data=b"%d" % i) for i in range(66000)]
		Too many links|add("f"); [add("l%d" % i, tarfile.LNKTYPE, linkname="f") for i in range(66000)]
		fine|add("f", pax={"SCHILY.xattr.user.big": "x" * 900000})
		extended header|add("f", pax={"SCHILY.xattr.user.big": "x" * 9000000})
		more attributes than|add("f", pax={"SCHILY.xattr.user.n%d" % i: "x" * 100 for i in range(5000)})
		fine|add("f", pax={"SCHILY.xattr.user." + "n" * 300: "x", "SCHILY.xattr.": "x", "SCHILY.xattr.security.capability": "zzz", "SCHILY.xattr.user.overlay.redirect": "/etc"})
		impossible size|add("f", data=b"x", pax={"GNU.sparse.size": str(1 << 62), "GNU.sparse.map": "0,1"})
		fine|add("f", data=b"x", pax={"GNU.sparse.size": str(8 << 40), "GNU.sparse.map": "0,1"})
		truncated|info = tarfile.TarInfo("f"); info.size = 1 << 50; raw(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024))
		it is empty|raw(gzip.compress(b"") * 500000)
		end in the middle|raw(struct.pack("<II", 0x184D2A50, 0xfffffff0) + b"x" * 100)
		it is empty|raw(struct.pack("<II", 0x184D2A50, 0) * 1000000)
		File name too long|add("n" * 256)
		fine|add("n" * 255)
		fine|add("/".join(["n" * 250] * 17)[:4090])
	C
	# Nothing of what overlay means by an attribute comes from an archive.
	make_bomb "$T/bomb.tgz" 'add("d", tarfile.DIRTYPE, pax={"SCHILY.xattr.user.overlay.opaque": "y", "SCHILY.xattr.user.overlay.redirect": "/etc"}, mode=0o755)'
	coracle import -q "$T/bomb.tgz" bomb >/dev/null
	expect_equal "$(getfattr -d -m - "$ROOT"/layers/*/diff/d 2>/dev/null)" ""
}
