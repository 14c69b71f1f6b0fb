#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile-registry LOG: a registry (plain HTTP, on loopback, in memory) whose answers are as wrong as a repository's name says.

Prints its port, then serves. Every repository has the tag 1, an image of one small layer of its own with the file "whose" that holds the repository's name, so that none
shares anything with another. Names (an answer's bytes are counted from its status line on):

  good                     nothing is wrong
  cut-KIND-N-TIMES         the answer of this kind (token, manifest, config, layer) ends after N bytes, the first TIMES times (0: always)
  large-…                  as cut-…, with a layer of some 64 KB that cannot be compressed
  broken-CASE              the answers that CASES below has

GET /sizes/REPOSITORY tells the lengths of the four answers. LOG gets a line for each request: METHOD PATH STATUS.
"""

import bz2
import gzip
import hashlib
import io
import json
import random
import socketserver
import sys
import tarfile
import threading

LOG = open(sys.argv[1], "a", buffering=1)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
happened, images, lock = {}, {}, threading.Lock()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_of(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue().rstrip(b"\0") + b"\0" * 1024 if len(entries) == 1 and len(entries[0][1]) < 512 else out.getvalue()


def padded(data):
    return data + b"\0" * (-len(data) % 512)


class Image:
    """The four things that a repository has; CASES change them."""

    def __init__(self, name):
        noise = random.Random(name).randbytes(65536) if name.startswith("large-") else b""
        tar = padded(tar_of(("whose", name.encode()), *([("noise", noise)] if noise else [])))
        self.name, self.media_type = name, LAYER
        self.diff_id, self.layer = digest(tar), gzip.compress(tar, 9, mtime=0)
        self.config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [self.diff_id]}}).encode()
        self.describe()

    def describe(self):
        self.layers = [{"mediaType": self.media_type, "digest": digest(self.layer), "size": len(self.layer)}]
        self.config_descriptor = {"mediaType": CONFIG, "digest": digest(self.config), "size": len(self.config)}
        self.blobs = {digest(self.layer): self.layer, digest(self.config): self.config}
        self.write()

    def write(self):
        self.manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": self.config_descriptor, "layers": self.layers}).encode()


# ---- answers: bytes, or a generator of them, with the head ----

def answer(body, status="200 OK", head=(), length=None):
    lines = ["HTTP/1.1 " + status, "Content-Length: %s" % (len(body) if length is None else length), *head, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def manifest_answer(body, media_type=MANIFEST, head=(), **more):
    return answer(body, head=("Content-Type: " + media_type, "Docker-Content-Digest: " + digest(body), *head), **more)


def endless(head, piece):
    yield head.encode()
    while True:
        yield piece


def chunked(*pieces):
    return ("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % MANIFEST).encode() + b"".join(pieces)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def index_of(body, name):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": INDEX, "digest": digest(body), "size": len(body), "platform": {"os": "linux", "architecture": "amd64"}}], "annotations": {"of": name}}).encode()


def changed(change):
    """A case whose manifest is consistent, but for what `change` does to the image."""
    def case(image, kind, path):
        if not hasattr(image, "changed"):
            change(image)
            image.changed = True
        return None
    return case


def set_layer(**members):
    def change(image):
        image.layers[0].update(members)
        image.write()
    return changed(change)


def set_config(**members):
    def change(image):
        image.config_descriptor.update(members)
        image.write()
    return changed(change)


def replace_config(make):
    def change(image):
        image.config = make(image)
        image.describe()
    return changed(change)


def replace_manifest(make):
    def case(image, kind, path):
        return manifest_answer(make(image)) if kind == "manifest" else None
    return case


def on(wanted, make):
    return lambda image, kind, path: make(image, path) if kind == wanted else None


def nested_indexes(depth):
    def case(image, kind, path):
        chain = [image.manifest]
        for i in range(depth):
            chain.append(index_of(chain[-1], image.name))
        if kind != "manifest":
            return None
        wanted = path.rsplit("/", 1)[1]
        body = next((b for b in chain if digest(b) == wanted), chain[-1])
        return manifest_answer(body, MANIFEST if body is image.manifest else INDEX)
    return case


def wrong_size_in_index(image, kind, path):
    if kind != "manifest":
        return None
    entry = {"mediaType": MANIFEST, "digest": digest(image.manifest), "size": len(image.manifest) + 1, "platform": {"os": "linux", "architecture": "amd64"}}
    if path.endswith(entry["digest"]):
        return manifest_answer(image.manifest)
    return manifest_answer(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode(), INDEX)


def swapped(image, kind, path):
    """Another blob than the one that was asked for, of the same length."""
    return answer(bytes(reversed(image.layer))) if kind == "layer" else None


def compressed(make, swapped):
    """The layer in another compression: under its old digest, or as what the manifest says."""
    def change(image):
        layer = make(image)
        if not swapped:
            image.layers[0].update(digest=digest(layer))
        image.layers[0].update(size=len(layer))
        image.blobs[image.layers[0]["digest"]] = layer
        image.write()
    return changed(change)


HUNDRED_MB = 100 << 20
CASES = {
    # manifests
    "manifest-100mb": on("manifest", lambda i, p: endless("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUNDRED_MB, b" " * 65536)),
    "manifest-endless": on("manifest", lambda i, p: endless("HTTP/1.1 200 OK\r\n\r\n", b"{" * 65536)),
    "manifest-endless-chunks": on("manifest", lambda i, p: endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk(b"[" * 65536))),
    "manifest-arrays": replace_manifest(lambda i: b"[" * 4000000),
    "manifest-objects": replace_manifest(lambda i: b'{"config":' * 390000),
    "manifest-within": replace_manifest(lambda i: i.manifest[:-1] + b',"x":' + b"[" * 100000 + b"]" * 100000 + b"}"),
    "manifest-empty": replace_manifest(lambda i: b""),
    "manifest-null": replace_manifest(lambda i: b"null"),
    "manifest-html": replace_manifest(lambda i: b"<html>sign in to the network</html>"),
    "manifest-schema1": replace_manifest(lambda i: b'{"schemaVersion": 1, "name": "x", "fsLayers": []}'),
    "manifest-nul": replace_manifest(lambda i: i.manifest[:20] + b"\0" + i.manifest[20:]),
    "manifest-twice": replace_manifest(lambda i: i.manifest + i.manifest),
    "manifest-no-layers": replace_manifest(lambda i: b'{"schemaVersion": 2, "config": %s}' % json.dumps(i.config_descriptor).encode()),
    "manifest-other-digest": on("manifest", lambda i, p: answer(i.manifest, head=("Content-Type: " + MANIFEST, "Docker-Content-Digest: sha256:" + "0" * 64))),
    "index-deep": nested_indexes(50),
    "index-size": wrong_size_in_index,
    # descriptors
    "layer-size-less": changed(lambda i: (i.layers[0].update(size=len(i.layer) - 7), i.write())),
    "layer-size-more": changed(lambda i: (i.layers[0].update(size=len(i.layer) + 7), i.write())),
    "layer-size-huge": set_layer(size=1 << 62),
    "layer-size-negative": set_layer(size=-1),
    "layer-size-text": set_layer(size="many"),
    "layer-size-float": set_layer(size=1e30),
    "layer-digest-path": set_layer(digest="sha256:../../../../etc/passwd"),
    "layer-digest-short": set_layer(digest="sha256:abc"),
    "layer-digest-md5": set_layer(digest="md5:d41d8cd98f00b204e9800998ecf8427e"),
    "layer-digest-none": set_layer(digest=None),
    "layer-digest-unknown": set_layer(digest="sha256:" + "0" * 64),
    "config-size-less": changed(lambda i: (i.config_descriptor.update(size=len(i.config) - 7), i.write())),
    "config-size-more": changed(lambda i: (i.config_descriptor.update(size=len(i.config) + 7), i.write())),
    "config-size-huge": set_config(size=HUNDRED_MB),
    "config-digest-path": set_config(digest="sha256:" + "../" * 21 + "x"),
    # configurations
    "config-nested": replace_config(lambda i: b"[" * 1000000),
    "config-empty": replace_config(lambda i: b""),
    "config-none": replace_config(lambda i: b"{}"),
    "config-diff-id": replace_config(lambda i: i.config.replace(i.diff_id.encode(), b"sha256:" + b"0" * 64)),
    "config-diff-id-path": replace_config(lambda i: i.config.replace(i.diff_id.encode(), b"../../../../tmp/x")),
    "config-diff-ids-more": replace_config(lambda i: i.config.replace(b'"diff_ids": [', b'"diff_ids": ["' + i.diff_id.encode() + b'", ')),
    # blobs
    "blob-swapped": swapped,
    "blob-bzip2": compressed(lambda i: bz2.compress(gzip.decompress(i.layer)), True),
    "blob-lz4": compressed(lambda i: b"\x04\x22\x4d\x18" + i.layer, True),
    "layer-lz4": compressed(lambda i: b"\x04\x22\x4d\x18" + i.layer, False),
    "blob-empty": on("layer", lambda i, p: answer(b"")),
    "blob-none": on("layer", lambda i, p: answer(b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown to registry"}]}', "404 Not Found")),
    "blob-more": on("layer", lambda i, p: answer(i.layer + b"more")),
    "blob-endless": on("layer", lambda i, p: endless("HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)),
    "blob-range": on("layer", lambda i, p: answer(i.layer, "206 Partial Content", ("Content-Range: bytes 7-100/1000",))),
    "blob-range-garbage": on("layer", lambda i, p: answer(i.layer, "206 Partial Content", ("Content-Range: lines a-b/c",))),
    # lengths
    "length-less": on("manifest", lambda i, p: answer(i.manifest, length=len(i.manifest) - 7)),
    "length-more": on("manifest", lambda i, p: answer(i.manifest, length=len(i.manifest) + 7)),
    "length-negative": on("manifest", lambda i, p: answer(i.manifest, length=-5)),
    "length-text": on("manifest", lambda i, p: answer(i.manifest, length="many")),
    "length-huge": on("manifest", lambda i, p: answer(i.manifest, length=1 << 65)),
    "length-two": on("manifest", lambda i, p: answer(i.manifest, head=("Content-Length: 3",))),
    "chunks-garbage": on("manifest", lambda i, p: chunked(b"zz\r\n" + i.manifest)),
    "chunks-huge": on("manifest", lambda i, p: chunked(b"fffffffffffffffff\r\n" + i.manifest)),
    "chunks-no-end": on("manifest", lambda i, p: chunked(chunk(i.manifest))),
    # heads
    "head-endless": on("manifest", lambda i, p: endless("HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 1000 + b"\r\n")),
    "head-long-line": on("manifest", lambda i, p: endless("HTTP/1.1 200 OK\r\nX-More: ", b"x" * 65536)),
    "head-none": on("manifest", lambda i, p: b"\0" * 1000),
    "head-http2": on("manifest", lambda i, p: b"HTTP/2 200\r\n\r\n"),
    "head-continues": on("manifest", lambda i, p: endless("", b"HTTP/1.1 100 Continue\r\n\r\n")),
    "head-escapes": on("manifest", lambda i, p: answer(b'{"errors": [{"message": "\\u001b[2J\\u0007evil\\nError: of another"}]}', "400 Bad\x1b[2J Request")),
    # statuses
    "status-500": on("manifest", lambda i, p: answer(b"", "500 Internal Server Error")),
    "status-429": on("manifest", lambda i, p: answer(b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "pull rate limit"}]}', "429 Too Many Requests")),
    "status-401": on("manifest", lambda i, p: answer(b"", "401 Unauthorized", ('WWW-Authenticate: Bearer realm="http://%s/token",service="s",scope="x"' % HOST,))),
    "status-401-none": on("manifest", lambda i, p: answer(b"", "401 Unauthorized")),
    "status-403": on("manifest", lambda i, p: answer(b'{"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]}', "403 Forbidden")),
    "status-999": on("manifest", lambda i, p: answer(b"", "999 Whatever")),
    "status-304": on("manifest", lambda i, p: answer(b"", "304 Not Modified")),
    "redirect-loop": on("manifest", lambda i, p: answer(b"", "307 Temporary Redirect", ("Location: " + p,))),
    "redirect-file": on("manifest", lambda i, p: answer(b"", "307 Temporary Redirect", ("Location: file:///etc/passwd",))),
    "redirect-none": on("manifest", lambda i, p: answer(b"", "307 Temporary Redirect")),
    "redirect-garbage": on("manifest", lambda i, p: answer(b"", "307 Temporary Redirect", ("Location: http://[::1:x/",))),
    # tokens
    "token-html": on("token", lambda i, p: answer(b"<html>")),
    "token-none": on("token", lambda i, p: answer(b"{}")),
    "token-lines": on("token", lambda i, p: answer(json.dumps({"token": "a\r\nHost: evil"}).encode())),
    "token-endless": on("token", lambda i, p: endless("HTTP/1.1 200 OK\r\n\r\n", b" " * 65536)),
    "token-nested": on("token", lambda i, p: answer(b"[" * 1000000)),
    "token-realm": lambda i, k, p: answer(b"", "401 Unauthorized", ('WWW-Authenticate: Bearer realm="file:///etc/passwd",service="s"',)) if k == "manifest" else None,
    # nothing at all
    "hangs-before": on("manifest", lambda i, p: None),
    "hangs-within": on("manifest", lambda i, p: None),
    "hangs-layer": on("layer", lambda i, p: None),
}
HANGS = {"hangs-before": 0, "hangs-within": 150, "hangs-layer": 100}


def image_of(name):
    with lock:
        if name not in images:
            images[name] = Image(name)
        return images[name]


def wants_token(name):
    return "-token-" in name


def kind_of(image, path):
    if path.startswith("/token"):
        return "token"
    if "/manifests/" in path:
        return "manifest"
    return "config" if path.endswith(image.config_descriptor["digest"] or "none") else "layer"


def plain_answer(image, kind, path, head):
    if kind == "token":
        return answer(json.dumps({"token": "a-token-for-" + image.name, "expires_in": 300}).encode(), head=("Content-Type: application/json",))
    if kind == "manifest":
        return manifest_answer(image.manifest)
    wanted = path.rsplit("/", 1)[1]
    if wanted not in image.blobs:
        return answer(b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown to registry"}]}', "404 Not Found")
    body, begin = image.blobs[wanted], head.get("range", "")
    if not begin:
        return answer(body)
    begin = int(begin[len("bytes="):].split("-")[0])
    if begin >= len(body):
        return answer(b"", "416 Range Not Satisfiable", ("Content-Range: bytes */%d" % len(body),))
    return answer(body[begin:], "206 Partial Content", ("Content-Range: bytes %d-%d/%d" % (begin, len(body) - 1, len(body)),))


class Handler(socketserver.StreamRequestHandler):
    def read_head(self):
        # The hello of TLS, which is not spoken here.
        if self.rfile.peek(1)[:1] == b"\x16":
            return None, None, None
        line = self.rfile.readline().decode("latin-1").split()
        head = {}
        while (header := self.rfile.readline().decode("latin-1").strip()):
            name, _, value = header.partition(":")
            head[name.lower()] = value.strip()
        return (line[0], line[1], head) if len(line) == 3 else (None, None, None)

    def answer_for(self, path, head):
        """The answer, and after how many bytes it ends (None: it is whole)."""
        if path.startswith("/token"):
            name = path.split("scope=repository%3A")[1].split("%3A")[0] if "repository%3A" in path else "good"
        else:
            name = path.split("/")[2]
        image = image_of(name)
        kind, parts = kind_of(image, path), name.split("-")
        if wants_token(name) and kind == "manifest" and not head.get("authorization", "").startswith("Bearer a-token-for-"):
            challenge = 'WWW-Authenticate: Bearer realm="http://%s/token",service="test"' % HOST
            if name != "broken-token-realm":
                return answer(b"", "401 Unauthorized", (challenge,)), None
        if parts[0] == "broken":
            case = name[len("broken-"):]
            if case in HANGS and kind == ("layer" if case == "hangs-layer" else "manifest"):
                return plain_answer(image, kind, path, head)[:HANGS[case]], -1
            made = CASES[case](image, kind, path)
            # What was changed may have another kind now.
            return (plain_answer(image, kind_of(image, path), path, head), None) if made is None else (made, len(made) if isinstance(made, bytes) else None)
        whole = plain_answer(image, kind, path, head)
        if parts[0] in ("cut", "large") and parts[1] == kind:
            with lock:
                happened[name] = happened.get(name, 0) + 1
                cut = parts[3] == "0" or happened[name] <= int(parts[3])
            return whole, int(parts[2]) if cut else None
        return whole, None

    def sizes(self, name):
        image = image_of(name)
        paths = ("/token", "/v2/%s/manifests/1" % name, "/v2/%s/blobs/%s" % (name, image.config_descriptor["digest"]), "/v2/%s/blobs/%s" % (name, image.layers[0]["digest"]))
        return answer("".join("%d\n" % len(plain_answer(image, kind, path, {})) for kind, path in zip(("token", "manifest", "config", "layer"), paths)).encode())

    def one(self):
        method, path, head = self.read_head()
        if method is None:
            return False
        if path.startswith("/sizes/"):
            self.wfile.write(self.sizes(path.split("/")[2]))
            return True
        if path in ("/v2/", "/v2"):
            self.wfile.write(answer(b"{}"))
            return True
        whole, end = self.answer_for(path, head)
        if not isinstance(whole, bytes):
            print(method, path, "endless", file=LOG)
            for piece in whole:
                self.wfile.write(piece)
            return False
        print(method, path, whole[9:12].decode("latin-1"), end, head.get("range", "-"), file=LOG)
        if end == -1:
            self.wfile.write(whole)
            self.rfile.read()
            return False
        self.wfile.write(whole if end is None else whole[:end])
        return end is None

    def handle(self):
        try:
            while self.one():
                pass
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
HOST = "127.0.0.1:%d" % server.server_address[1]
print(server.server_address[1], flush=True)
server.serve_forever()
