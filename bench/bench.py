#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py BUILD OUT.md [ROW]...: measures coracle beside podman, crun and bubblewrap, and writes a table.

Each row's contenders are measured in turn, round by round, so that what else the machine does hits all of them alike; the numbers are medians, the judgement is on ratios."""

import gzip
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import network
import registry

build, out_path = sys.argv[1:3]
only = sys.argv[3:]  # rows to measure; all of them
here = os.path.dirname(os.path.abspath(__file__))
rounds = int(os.environ.get("BENCH_ROUNDS", "25"))
cache = os.environ.get("CORACLE_TEST_CACHE", os.path.expanduser("~/.cache/coracle-test"))
work = tempfile.mkdtemp(prefix="coracle-bench.", dir="/tmp")
rows = []

CORACLE = [build + "/coracle", "--root", work + "/root", "--runroot", work + "/run"]
# podman on the kernel's overlay, as coracle is (Debian's falls back to copies otherwise), in a store of its own.
PODMAN = ["podman", "--root", work + "/podman", "--runroot", work + "/podman-run", "--storage-driver", "overlay", "--log-level", "error"]


def sh(argv, **kwargs):
    return subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs).stdout


def coracle(*args):
    return sh(CORACLE + list(args))


def podman(*args):
    return sh(PODMAN + list(args))


def quiet(argv):
    subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def timed(argv):
    start = time.perf_counter()
    # vfork-like: what the measuring program costs is the same and small for all.
    null = os.open("/dev/null", os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_CLOSE, null)]
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    os.close(null)
    _, status = os.waitpid(pid, 0)
    elapsed = time.perf_counter() - start
    if status != 0:
        raise SystemExit("failed with status %d: %s" % (status, " ".join(argv)))
    return elapsed * 1000


def compare(contenders, count=None):
    """Medians in ms by name; the contenders in turn."""
    times = {name: [] for name in contenders}
    for argv in contenders.values():
        timed(argv)
    for _ in range(count or rounds):
        for name, argv in contenders.items():
            times[name].append(timed(argv))
    return {name: statistics.median(values) for name, values in times.items()}


def row(what, wanted, good, cells):
    rows.append((what, cells, wanted, "yes" if good else "**no**"))
    print("%-62s %s  [%s: %s]" % (what, "  ".join("%s %s" % cell for cell in cells.items()), wanted, "yes" if good else "NO"), flush=True)


def ms(values):
    return {name: "%.2f ms" % value for name, value in values.items()}


def setup():
    sh([here + "/../test/images", cache, "busybox"])
    coracle("load", "-q", "-i", cache + "/busybox.tar")
    podman("load", "-q", "-i", cache + "/busybox.tar")
    rootfs = work + "/rootfs"
    os.mkdir(rootfs)
    sh(["tar", "-C", rootfs, "-xf", cache + "/busybox.rootfs.tar"])
    bundle()


def bundle():
    """What coracle would run, as a bundle for crun: the same namespaces, mounts, ids, capabilities and seccomp filter."""
    identity = coracle("create", "--network", "none", "localhost/busybox", "true").strip()
    with open("%s/root/containers/%s/config.json" % (work, identity)) as file:
        config = json.load(file)
    coracle("rm", identity)
    config["root"]["path"] = work + "/rootfs"
    config["mounts"] = [mount for mount in config["mounts"] if not mount["destination"].startswith("/etc/")]
    config["linux"].pop("cgroupsPath", None)
    os.mkdir(work + "/bundle")
    with open(work + "/bundle/config.json", "w") as file:
        json.dump(config, file)


def crun(name="bench"):
    return ["crun", "--root", work + "/crun", "--cgroup-manager", "disabled", "run", "--bundle", work + "/bundle", name]


BWRAP = ["bwrap", "--unshare-all", "--bind", None, "/", "--proc", "/proc", "--dev", "/dev", "true"]


def start_rows():
    bwrap = [word if word is not None else work + "/rootfs" for word in BWRAP]
    ours = CORACLE + ["run", "--rm", "--network", "none", "localhost/busybox", "true"]
    theirs = PODMAN + ["run", "--rm", "--network", "none", "localhost/busybox", "true"]
    m = compare({"coracle": ours, "crun": crun(), "podman": theirs, "bwrap": bwrap})
    row("`run --rm --network none IMAGE true`", "≤ 0.8 crun, ≤ 1/12 podman", m["coracle"] <= 0.8 * m["crun"] and m["coracle"] <= m["podman"] / 12, ms(m))

    up = coracle("run", "-d", "--network", "none", "localhost/busybox", "sleep", "1000").strip()
    m = compare({"coracle": ours, "crun": crun(), "podman": theirs, "bwrap": bwrap})
    row("the same while another container is up", "≤ 0.6 crun", m["coracle"] <= 0.6 * m["crun"], ms(m))
    coracle("rm", "-f", "-t", "0", up)

    for program in ("slirp4netns", "pasta"):
        default = coracle("info", "--format", "{{.Host.NetworkProgram}}").strip()
        if program != default:
            continue
        network = "slirp4netns" if program == "slirp4netns" else "pasta"
        try:
            podman("run", "--rm", "--network", network, "localhost/busybox", "true")
        except subprocess.CalledProcessError:
            network = "slirp4netns"
        m = compare({"coracle": CORACLE + ["run", "--rm", "--network", network, "localhost/busybox", "true"],
                     "podman": PODMAN + ["run", "--rm", "--network", network, "localhost/busybox", "true"]})
        row("the same with the default network (%s)" % network, "≤ 1/4 podman", m["coracle"] <= m["podman"] / 4, ms(m))


def keep_id_row():
    """What other ids cost: nothing of the image is copied, and a file server is started."""
    def used():
        return int(coracle("unshare", "du", "-sk", work + "/root").split()[0])

    tar = work + "/gigabyte.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(work + "/rootfs", arcname=".")
        for number in range(1000):
            member = tarfile.TarInfo("data/%d" % number)
            member.size = 1 << 20
            archive.addfile(member, io.BytesIO(os.urandom(1 << 20)))
    coracle("import", "-q", tar, "gigabyte")
    os.unlink(tar)
    run = CORACLE + ["run", "--rm", "--network", "none"]
    m = compare({"coracle": run + ["gigabyte", "true"], "with keep-id": run + ["--userns", "keep-id", "gigabyte", "true"]})
    before = used()
    up = coracle("run", "-d", "--network", "none", "--userns", "keep-id", "gigabyte", "sleep", "1000").strip()
    taken = used() - before
    coracle("rm", "-f", "-t", "0", up)
    coracle("rmi", "gigabyte")
    cells = ms(m)
    cells["disk while it is up"] = "%d kB" % taken
    row("`run --rm --userns keep-id` of an image of 1 GB", "≤ 50 ms and ≤ 1 MB more", m["with keep-id"] - m["coracle"] <= 50 and taken <= 1024, cells)


def exec_row():
    ours = coracle("run", "-d", "--network", "none", "localhost/busybox", "sleep", "1000").strip()
    theirs = podman("run", "-d", "--network", "none", "localhost/busybox", "sleep", "1000").strip()
    m = compare({"coracle": CORACLE + ["exec", ours, "true"], "podman": PODMAN + ["exec", theirs, "true"]})
    row("`exec` of `true`", "≤ 1/15 podman", m["coracle"] <= m["podman"] / 15, ms(m))
    coracle("rm", "-f", "-t", "0", ours)
    podman("rm", "-f", "-t", "0", theirs)


def ps_row():
    for _ in range(200):
        coracle("create", "--network", "none", "localhost/busybox", "true")
        podman("create", "--network", "none", "localhost/busybox", "true")
    m = compare({"coracle": CORACLE + ["ps", "-a"], "podman": PODMAN + ["ps", "-a"]})
    row("`ps -a` with 200 containers", "≤ 1/20 podman", m["coracle"] <= m["podman"] / 20, ms(m))
    coracle("rm", "-a")
    podman("rm", "-a")


def at_once(argv, count):
    start = time.perf_counter()
    processes = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(count)]
    failed = sum(process.wait() != 0 for process in processes)
    return count / (time.perf_counter() - start), failed


def left_over():
    """Directories, names, staged and trashed trees, processes and mounts that the containers have left. (names/.lock is there for good.)"""
    time.sleep(0.5)
    count = 0
    for directory in ("containers", "names", "tmp", "trash"):
        count += sum(not name.startswith(".") for name in os.listdir(work + "/root/" + directory))
    with open("/proc/self/mountinfo") as file:
        count += sum(work + "/root" in line for line in file)
    return count + len(subprocess.run(["pgrep", "-f", work + "/root"], stdout=subprocess.PIPE, text=True).stdout.split())


def parallel_row():
    ours, theirs, failed, left = [], [], 0, 0
    for _ in range(3):
        os.sync()
        rate, bad = at_once(CORACLE + ["run", "--rm", "--network", "none", "localhost/busybox", "true"], 128)
        ours.append(rate)
        failed += bad
        left += left_over()
        os.sync()
        theirs.append(at_once(PODMAN + ["run", "--rm", "--network", "none", "localhost/busybox", "true"], 128)[0])
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    row("128 `run --rm` at once", "all succeed, ≥ 15 × podman, nothing left", failed == 0 and left == 0 and ours >= 15 * theirs,
        {"coracle": "%.0f a second, %d failed, %d left" % (ours, failed, left), "podman": "%.1f a second" % theirs})


# ---- many images, large images, many containers ----
def docker_archive(path, images):
    """`images`: (name, the tars of its layers) for each; the configurations differ by their label."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:

        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        manifest, there = [], set()
        for name, layers in images:
            digests = [hashlib.sha256(layer).hexdigest() for layer in layers]
            config = {"created": "2024-01-02T03:04:05Z", "architecture": "amd64", "os": "linux", "config": {"Labels": {"name": name}},
                      "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest for digest in digests]}}
            text = json.dumps(config).encode()
            config_name = hashlib.sha256(text).hexdigest() + ".json"
            add(config_name, text)
            for digest, layer in zip(digests, layers):
                if digest not in there:
                    add(digest + ".tar", layer)
                there.add(digest)
            manifest.append({"Config": config_name, "RepoTags": [name], "Layers": [digest + ".tar" for digest in digests]})
        add("manifest.json", json.dumps(manifest).encode())


def layer_of(files, size, seed):
    """The tar of `files` files of `size` bytes each."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(files):
            info = tarfile.TarInfo("usr/%s/%d/%d" % (seed, number % 50, number))
            info.size = size
            tar.addfile(info, io.BytesIO(random.Random(seed + str(number)).randbytes(size)))
    return out.getvalue()


def load(archive):
    coracle("load", "-q", "-i", archive)
    podman("load", "-q", "-i", archive)
    os.unlink(archive)


def images_row():
    archive = work + "/many.tar"
    docker_archive(archive, [("localhost/many-%d:latest" % number, [layer_of(1, 100, "many-%d" % number)]) for number in range(500)])
    load(archive)
    m = compare({"coracle": CORACLE + ["images"], "podman": PODMAN + ["images"]}, 3)
    row("`images` with 500 images", "≤ 1/20 of podman", m["coracle"] <= m["podman"] / 20, ms(m))
    coracle("rmi", *["localhost/many-%d:latest" % number for number in range(500)])


def rmi_row():
    archive = work + "/large.tar"
    times = {"coracle": [], "podman": []}
    for turn in range(5):
        layers = [layer_of(1500, 25000, "%d-%d" % (turn, number)) for number in range(4)]
        docker_archive(archive, [("localhost/large:latest", layers)])
        load(archive)
        times["coracle"].append(timed(CORACLE + ["rmi", "localhost/large"]))
        times["podman"].append(timed(PODMAN + ["rmi", "localhost/large"]))
    m = {name: statistics.median(values) for name, values in times.items()}
    row("`rmi` of an image of 4 layers, 6000 files, 150 MB", "≤ 1/10 of podman", m["coracle"] <= m["podman"] / 10, ms(m))


def prune_row():
    times = {"coracle": [], "podman": []}
    for _ in range(3):
        for name, contender in ("coracle", CORACLE), ("podman", PODMAN):
            for _ in range(100):
                quiet(contender + ["create", "--network", "none", "localhost/busybox", "true"])
            times[name].append(timed(contender + ["system", "prune", "-f"]))
    m = {name: statistics.median(values) for name, values in times.items()}
    row("`system prune` of 100 containers", "≤ 1/10 of podman", m["coracle"] <= m["podman"] / 10, ms(m))


def memory_of(pid):
    text = open("/proc/%s/smaps_rollup" % pid).read()
    number = lambda key: int(re.search(r"^%s:\s+(\d+)" % key, text, re.M).group(1))
    return number("Private_Clean") + number("Private_Dirty"), number("Pss")


def memory_row():
    for _ in range(100):
        coracle("run", "-d", "--network", "none", "localhost/busybox", "sleep", "1000")
    pids = coracle("inspect", "--format", "{{.State.ConmonPid}}", *coracle("ps", "-q").split()).split()
    memory = [memory_of(pid) for pid in pids]
    private, pss = max(m[0] for m in memory), max(m[1] for m in memory)
    row("a monitor's own memory, 100 containers up", "private ≤ 200 kB, PSS ≤ 500 kB", len(pids) == 100 and private <= 200 and pss <= 500,
        {"coracle": "private %d kB, PSS %d kB (the largest of %d)" % (private, pss, len(pids))})
    coracle("rm", "-f", "-a", "-t", "0")


def output_row():
    # The text comes from a file, so that what makes it takes next to nothing: busybox's `yes | head -c` alone writes 0.24 GB/s here.
    size = 1 << 30
    line = b"0123456789abcdefghijklmnopqrstuvwxyz\n"
    block = line * 100000
    text = work + "/text"
    with open(text, "wb") as file:
        left = size
        while left:
            left -= file.write(block[:left])
    command = ["-v", text + ":/text:ro", "localhost/busybox", "cat", "/text"]

    def rate(argv):
        os.sync()  # what was written before is not this one's to wait for
        start = time.perf_counter()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        count = 0
        same = True
        while data := process.stdout.read(1 << 20):
            offset = count % len(line)
            same &= data == block[offset:offset + len(data)]
            count += len(data)
        process.wait()
        return size / (time.perf_counter() - start) / 1e6, count == size and same

    ours, theirs, exact = [], [], True
    for _ in range(3):
        speed, good = rate(CORACLE + ["run", "--rm", "--network", "none"] + command)
        ours.append(speed)
        exact &= good
        theirs.append(rate(PODMAN + ["run", "--rm", "--network", "none", "--log-driver", "k8s-file"] + command)[0])
    os.unlink(text)
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    row("1 GB on standard output, logged and attached", "≥ 5 × podman, byte for byte", exact and ours >= 5 * theirs,
        {"coracle": "%.0f MB/s%s" % (ours, "" if exact else ", WRONG"), "podman": "%.0f MB/s" % theirs})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def layered(path):
    """An OCI archive of an image with 4 layers, 150 MB compressed: files of random bytes, which stay as they are, and of words."""
    source = random.Random(1)
    words = [("%x" % source.getrandbits(source.randrange(8, 40))).encode() for _ in range(5000)]
    blobs, layers, diff_ids = {}, [], []
    for number in range(4):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as tar:
            for index in range(1000):
                data = source.randbytes(50000) if index % 2 else b" ".join(source.choices(words, k=6000))
                info = tarfile.TarInfo("usr/share/layer%d/%d/%d" % (number, index % 10, index))
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        diff_ids.append("sha256:" + hashlib.sha256(content.getvalue()).hexdigest())
        layers.append(add_blob(blobs, gzip.compress(content.getvalue(), 6, mtime=0), "layer.v1.tar+gzip"))
    config = {"architecture": json.loads(coracle("image", "inspect", "busybox"))[0]["Architecture"], "os": "linux", "config": {},
              "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": add_blob(blobs, json.dumps(config).encode(), "config.v1+json"), "layers": layers}
    descriptor = add_blob(blobs, json.dumps(manifest).encode(), "manifest.v1+json")
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": "localhost/layered:latest"}
    blobs["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    with tarfile.open(path, "w") as tar:
        for name, data in blobs.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def add_blob(blobs, data, kind):
    digest = hashlib.sha256(data).hexdigest()
    blobs["blobs/sha256/" + digest] = data
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}


def fresh(name, number):
    """The program on an empty store. None is emptied for the next round: ext4 passes over inodes that were freed in the last minute one by one, and what makes
    thousands of files after such a removal would measure that."""
    root = "%s/fresh-%s-%d" % (work, name, number)
    return (PODMAN if name == "podman" else CORACLE) + ["--root", root, "--runroot", root + "-run"]


def in_turn(contenders, count=5):
    """Medians in ms by name; each contender is a function of the round's number, which prepares it and returns what is timed."""
    times = {name: [] for name in contenders}
    for number in range(count):
        for name, prepare in contenders.items():
            argv = prepare(number)
            os.sync()
            times[name].append(timed(argv))
    return {name: statistics.median(values) for name, values in times.items()}


def forget_fresh():
    quiet(["podman", "unshare", "sh", "-c", "rm -rf %s/fresh-*" % work])


def archive_rows():
    archive, saved = work + "/layered.tar", work + "/saved.tar"
    layered(archive)
    tools = {"coracle": CORACLE, "podman": PODMAN}
    m = in_turn({name: lambda number, name=name: fresh(name, number) + ["load", "-q", "-i", archive] for name in tools})
    forget_fresh()
    row("`load` of 4 layers, %d MB compressed" % (os.path.getsize(archive) // 1000000), "≤ 0.5 podman", m["coracle"] <= 0.5 * m["podman"], ms(m))
    for tool in tools.values():
        sh(tool + ["load", "-q", "-i", archive])
    for kind in "docker-archive", "oci-archive":
        m = in_turn({name: lambda number, name=name: tools[name] + ["save", "-q", "--format", kind, "-o", "%s-%s-%d" % (saved, name, number), "layered"] for name in tools})
        quiet(["sh", "-c", "rm -f %s-*" % saved])
        row("`save` of it as %s" % kind, "≤ 0.5 podman", m["coracle"] <= 0.5 * m["podman"], ms(m))


def write():
    with open("/proc/cpuinfo") as file:
        cpu = re.search(r"model name\s*: (.*)", file.read()).group(1)
    versions = [coracle("--version").strip()] + [sh([program, "--version"]).splitlines()[0] for program in ("podman", "crun", "bwrap")]
    with open(out_path, "w") as file:
        file.write("# Benchmarks\n\nMade by `make bench` (`bench/run --write`); medians of %d rounds, the contenders in turn. What counts is the ratio within a row.\n\n" % rounds)
        file.write("- machine: %s, %d processors, Linux %s\n" % (cpu, os.cpu_count(), os.uname().release))
        file.write("- versions: %s\n- podman runs with crun on kernel overlay; crun runs a bundle with the same namespaces, mounts, ids, capabilities and seccomp filter as coracle;\n" % ", ".join(versions))
        file.write("  bubblewrap (`--unshare-all`, one id, no seccomp) on the same root file system is the floor\n\n| what | measured | must be | holds |\n| --- | --- | --- | --- |\n")
        for what, cells, wanted, good in rows:
            file.write("| %s | %s | %s | %s |\n" % (what, "; ".join("%s %s" % cell for cell in cells.items()), wanted, good))


try:
    setup()
    for measure in start_rows, keep_id_row, exec_row, ps_row, images_row, rmi_row, prune_row, parallel_row, memory_row, output_row, archive_rows:
        if not only or measure.__name__.rpartition("_")[0] in only:
            measure()
    networks = [name.partition(".")[2] for name in only if name.startswith("network.")]
    if not only or networks or "network" in only:
        network.rows(sys.modules[__name__], networks)
    if not only or "registry" in only:
        registry.rows(sys.modules[__name__])
    write()
finally:
    quiet(CORACLE + ["rm", "-f", "-a", "-t", "0"])
    quiet(PODMAN + ["rm", "-f", "-a", "-t", "0"])
    quiet(PODMAN + ["unshare", "rm", "-rf", work + "/podman"])
    quiet(["unshare", "--map-root-user", "--map-auto", "rm", "-rf", work])
    quiet(["rm", "-rf", work])
