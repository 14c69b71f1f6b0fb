# SPDX-License-Identifier: Apache-2.0
"""The rows of pull and push, with Debian's docker-registry on loopback: an image of four layers, 150 MB compressed. `bench` is bench.py, whose clock and table are used."""

import gzip
import hashlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import tarfile
import time
import urllib.request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ROUNDS = 5

# As many layers at once as there are processors, each by the programs that are there for it, into a folder of its own.
FLOOR = """
set -e
rm -rf "$2" && mkdir "$2"
curl -s -H 'Accept: %s' "$1/manifests/1" | jq -r '.layers[].digest' |
	xargs -P "$(nproc)" -I DIGEST sh -c 'mkdir "$2/DIGEST" && curl -s "$1/blobs/DIGEST" | gzip -dc | tar -xf - --no-same-owner -C "$2/DIGEST"' - "$1" "$2"
""" % MANIFEST


class Registry:
    def __init__(self, bench):
        self.directory = "%s/registry-%d" % (bench.work, time.monotonic_ns())
        self.host = "127.0.0.1:%d" % bench.free_port()
        os.mkdir(self.directory)
        with open(self.directory + "/config.yml", "w") as file:
            file.write("version: 0.1\nlog: {level: info, accesslog: {disabled: false}}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp: {addr: '%s'}\n"
                       % (self.directory, self.host))
        self.log = self.directory + "/log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", self.directory + "/config.yml"], stdout=log, stderr=log)
        for _ in range(200):
            try:
                urllib.request.urlopen("http://%s/v2/" % self.host).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("docker-registry does not answer")

    def requests(self, method):
        with open(self.log) as file:
            return file.read().count('"%s /v2/' % method)

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)


def layer(seed, size):
    """A tar of files of all sizes, half of whose bytes compress."""
    rnd, out = random.Random(seed), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        done = number = 0
        while done < size:
            half = rnd.randbytes(rnd.choice((1000, 10000, 100000, 500000)))
            info = tarfile.TarInfo("layer-%d/%d/file-%d" % (seed, number % 50, number))
            info.size = 2 * len(half)
            tar.addfile(info, io.BytesIO(half + b"text " * (len(half) // 5)))
            done += len(half)
            number += 1
    return out.getvalue()


def make_layout(path):
    """An OCI layout with the images 1 and 2, of which only the top layers differ, and 3, which is the top layer of 2 alone."""
    os.makedirs(path + "/blobs/sha256")

    def put(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        with open(path + "/blobs/sha256/" + digest, "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    tars = [layer(seed, 37500000) for seed in range(5)]
    diff_ids = ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]
    layers = [put(gzip.compress(tar, 6, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip") for tar in tars]
    manifests = []
    for name, chosen in (("1", (0, 1, 2, 3)), ("2", (0, 1, 2, 4)), ("3", (4,))):
        config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff_ids[i] for i in chosen]}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": put(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
                    "layers": [layers[i] for i in chosen]}
        manifests.append({**put(json.dumps(manifest).encode(), MANIFEST), "annotations": {"org.opencontainers.image.ref.name": name}})
    with open(path + "/index.json", "w") as file:
        json.dump({"schemaVersion": 2, "manifests": manifests}, file)
    with open(path + "/oci-layout", "w") as file:
        json.dump({"imageLayoutVersion": "1.0.0"}, file)


def pull_rows(bench, registry):
    image = registry.host + "/bench"
    pull = ["pull", "-q", "--tls-verify=false"]

    def whole(name):
        return lambda number: bench.fresh(name, number) + pull + [image + ":1"]

    # Into the store of the same round, which has all but the top layer by now.
    def top(name):
        return lambda number: bench.fresh(name, number) + pull + [image + ":2"]

    def floor(number):
        return ["sh", "-c", FLOOR, "floor", "http://%s/v2/bench" % registry.host, "%s/fresh-floor-%d" % (bench.work, number)]

    m = bench.in_turn({"coracle": whole("coracle"), "podman": whole("podman"), "curl | gzip | tar": floor})
    bench.row("`pull` of 4 layers, 150 MB", "≤ 0.4 podman, ≤ 1.2 curl | gzip -dc | tar -x",
              m["coracle"] <= 0.4 * m["podman"] and m["coracle"] <= 1.2 * m["curl | gzip | tar"], bench.ms(m))
    def alone(number):
        return bench.fresh("alone", number) + pull + [image + ":3"]

    m = bench.in_turn({"coracle": top("coracle"), "that layer alone": alone, "podman": top("podman")})
    bench.row("`pull` when only the top layer is new", "grows with that layer alone: ≤ 1.2 of it", m["coracle"] <= 1.2 * m["that layer alone"], bench.ms(m))
    bench.forget_fresh()


def push_rows(bench, registry):
    image = registry.host + "/bench:1"
    push = ["push", "-q", "--tls-verify=false"]
    for contender in (bench.coracle, bench.podman):
        contender("pull", "-q", "--tls-verify=false", image)
    sent = registry.requests("PATCH")
    times = [bench.timed(bench.CORACLE + push + [image, "%s/other-%d:1" % (registry.host, number)]) for number in range(10)]
    sent = registry.requests("PATCH") - sent
    bench.row("`push` of an image just pulled, to another repository", "< 100 ms, no layer sent", statistics.median(times) < 100 and sent == 0,
              {"coracle": "%.2f ms, %d layers sent" % (statistics.median(times), sent)})

    # Each into a registry that has nothing yet.
    times = {"coracle": [], "podman": []}
    for _ in range(ROUNDS):
        for name, program in (("coracle", bench.CORACLE), ("podman", bench.PODMAN)):
            empty = Registry(bench)
            times[name].append(bench.timed(program + push + [image, empty.host + "/bench:1"]))
            empty.end()
    m = {name: statistics.median(values) for name, values in times.items()}
    bench.row("`push` of it to an empty registry", "≤ 0.5 podman", m["coracle"] <= 0.5 * m["podman"], bench.ms(m))


def rows(bench):
    registry = Registry(bench)
    try:
        layout = bench.work + "/layout"
        make_layout(layout)
        for tag in ("1", "2", "3"):
            bench.sh(["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", "oci:%s:%s" % (layout, tag), "docker://%s/bench:%s" % (registry.host, tag)])
        shutil.rmtree(layout)
        pull_rows(bench, registry)
        push_rows(bench, registry)
    finally:
        registry.end()
