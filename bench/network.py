# SPDX-License-Identifier: Apache-2.0
"""The rows of networks and published ports. `bench` is bench.py, whose clock and table are used.

podman is measured in both of its ways: slirp4netns with the port handler of rootlesskit, its default, and pasta. Debian's podman does not know pasta yet: a container without
a network is given one by pasta as later versions of podman do it.

Servers listen on loopback or inside of containers; to the host goes what the network programs lead to its loopback."""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import time

SECONDS = os.environ.get("BENCH_SECONDS", "3")
ROUNDS = min(int(os.environ.get("BENCH_ROUNDS", "25")), 7)
REQUESTS = 4000
MANY = 100


class Places:
    """Containers and processes that the rows have made, and their ends."""

    def __init__(self, bench):
        self.bench = bench
        self.ours, self.theirs, self.processes, self.pids, self.networks = [], [], [], [], []

    def coracle(self, *args):
        self.ours.append(self.bench.coracle("run", "-d", *args).strip())
        return self.ours[-1]

    def podman(self, *args):
        self.theirs.append(self.bench.podman("run", "-d", *args).strip())
        return self.theirs[-1]

    def pasta(self, identity, *args):
        """The container's network by pasta, as podman 5 gives it."""
        pid = self.bench.podman("inspect", "--format", "{{.State.Pid}}", identity).strip()
        file = "%s/pasta-%s" % (self.bench.work, identity)
        self.bench.quiet(["pasta", "--config-net", "-q", "-P", file, "-u", "none", "-T", "none", "-U", "none", *args, "--userns", "/proc/%s/ns/user" % pid, "--netns",
                          "/proc/%s/ns/net" % pid])
        with open(file) as text:
            self.pids.append(int(text.read()))

    def process(self, argv):
        self.processes.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        return self.processes[-1]

    def network(self, name, *args):
        self.networks.append(self.bench.coracle("network", "create", *args, name).strip())

    def end(self):
        for process in self.processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        for remove, names in ((self.bench.coracle, self.ours), (self.bench.podman, self.theirs)):
            if names:
                remove("rm", "-f", "-t", "0", *names)
        for name in self.networks:
            self.bench.coracle("network", "rm", name)


def iperf3_mounts(bench):
    """iperf3 of the host's in any container."""
    program = shutil.which("iperf3")
    paths = [program] + re.findall(r"(/\S+\.so\S*)", bench.sh(["ldd", program]))
    return [word for path in paths for word in ("-v", "%s:%s:ro" % (os.path.realpath(path), path))]


def iperf3_speed(text):
    return json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e9


def measured(argv, seconds=10):
    """What a client prints, once its server is there."""
    end = time.monotonic() + seconds
    while True:
        result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if result.returncode == 0:
            return result.stdout
        if time.monotonic() > end:
            raise SystemExit("%s: %s%s" % (" ".join(argv), result.stdout[-300:], result.stderr[-300:]))
        time.sleep(0.1)


def in_turn(contenders, rounds=ROUNDS):
    """Medians by name of what the contenders, functions, return; in turn."""
    values = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            values[name].append(measure())
    return {name: statistics.median(found) for name, found in values.items()}


def gbit(values):
    return {name: "%.1f Gbit/s" % value for name, value in values.items()}


# ---- published ports ----
def published(bench, places, image, options, server, port):
    """The same server behind a published port of each; their ports by name."""
    ports = {name: bench.free_port() for name in ("coracle", "podman", "podman with pasta")}
    places.coracle("-p", "127.0.0.1:%d:%d" % (ports["coracle"], port), *options, image, *server)
    places.podman("--network", "slirp4netns:port_handler=rootlesskit", "-p", "127.0.0.1:%d:%d" % (ports["podman"], port), *options, image, *server)
    last = places.podman("--network", "none", *options, image, *server)
    places.pasta(last, "-t", "127.0.0.1/%d:%d" % (ports["podman with pasta"], port))
    return ports


def throughput_rows(bench, places):
    ports = {"plain loopback": bench.free_port()}
    places.process(["iperf3", "-s", "-p", str(ports["plain loopback"])])
    ports.update(published(bench, places, "localhost/busybox", iperf3_mounts(bench), [shutil.which("iperf3"), "-s", "-p", "5201"], 5201))
    for what, streams in ("one TCP stream", 1), ("eight TCP streams", 8):
        m = in_turn({name: lambda port=port: iperf3_speed(measured(["iperf3", "-c", "127.0.0.1", "-p", str(port), "-t", SECONDS, "-P", str(streams), "-J"]))
                     for name, port in ports.items()})
        bench.row("published port, %s" % what, "≥ 0.8 of plain loopback, > podman in both ways",
                  m["coracle"] >= 0.8 * m["plain loopback"] and m["coracle"] > max(m["podman"], m["podman with pasta"]), gbit(m))


def requests_row(bench, places):
    for tool in bench.coracle, bench.podman:
        tool("load", "-q", "-i", bench.cache + "/debian.tar")
    ports = published(bench, places, "localhost/debian", [], ["nginx", "-g", "daemon off;"], 80)

    def rate(port):
        text = measured(["ab", "-q", "-n", str(REQUESTS), "-c", "8", "http://127.0.0.1:%d/" % port])
        if not re.search(r"Failed requests:\s+0$", text, re.M):
            raise SystemExit("ab: requests have failed:\n" + text)
        return float(re.search(r"Requests per second:\s+([0-9.]+)", text).group(1))

    m = in_turn({name: lambda port=port: rate(port) for name, port in ports.items()})
    bench.row("published port, connections a second (a short request each)", "≥ 1.5 podman", m["coracle"] >= 1.5 * m["podman"],
              {name: "%.0f" % value for name, value in m.items()})


# ---- between containers ----
# Two network namespaces with a cable each into a bridge in a third one; the server is in the one, the process of the script leads into the other.
PLAIN = r"""
set -e
ip link add br0 type bridge mcast_snooping 0
ip link set br0 up
for n in 1 2; do
	unshare --net sleep 1000 &
	pid=$!
	until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
	ip link add v$n type veth peer name eth0 netns $pid
	ip link set v$n master br0 up
	nsenter --net=/proc/$pid/ns/net sh -c "ip link set lo up; ip addr add 10.9.9.$n/24 dev eth0; ip link set eth0 up"
	eval pid$n=$pid
done
nsenter --net=/proc/$pid1/ns/net iperf3 -s -B 10.9.9.1 >/dev/null 2>&1 &
echo $pid2 >"$1"
wait
"""


def bridge_row(bench, places):
    mounts = iperf3_mounts(bench)
    program = shutil.which("iperf3")
    file = bench.work + "/plain"
    places.process(["unshare", "--user", "--map-root-user", "--net", "sh", "-c", PLAIN, "plain", file])
    while not os.path.exists(file) or not os.path.getsize(file):
        time.sleep(0.05)
    with open(file) as text:
        pid = text.read().strip()
    places.network("net")
    places.coracle("--name", "server", "--network", "net", *mounts, "localhost/busybox", program, "-s")
    client = places.coracle("--name", "client", "--network", "net", *mounts, "localhost/busybox", "sleep", "1000")
    address = bench.coracle("inspect", "--format", "{{.NetworkSettings.Networks.net.IPAddress}}", "server").strip()
    options = ["-t", SECONDS, "-J"]
    m = in_turn({"plain veth pair over a bridge": lambda: iperf3_speed(measured(["nsenter", "--preserve-credentials", "--user=/proc/%s/ns/user" % pid, "--net=/proc/%s/ns/net" % pid, "iperf3", "-c", "10.9.9.1"] + options)),
                 "coracle": lambda: iperf3_speed(measured(bench.CORACLE + ["exec", client, program, "-c", address] + options))})
    bench.row("container to container on one bridge network", "≥ 0.9 of a plain veth pair over a bridge", m["coracle"] >= 0.9 * m["plain veth pair over a bridge"], gbit(m))


def host_row(bench, places):
    """Both programs lead the address of the gateway to the host's loopback, when they may."""
    mounts, program, port = iperf3_mounts(bench), shutil.which("iperf3"), str(bench.free_port())
    places.process(["iperf3", "-s", "-B", "127.0.0.1", "-p", port])
    default = bench.coracle("info", "--format", "{{.Host.NetworkProgram}}").strip()
    option = "allow_host_loopback=true" if default == "slirp4netns" else "--map-gw"
    image = ["localhost/busybox", "sleep", "1000"]
    ours = places.coracle("--network", "%s:%s" % (default, option), *mounts, *image)
    slirp4netns = places.podman("--network", "slirp4netns:allow_host_loopback=true", *mounts, *image)
    pasta = places.podman("--network", "none", *mounts, *image)
    places.pasta(pasta, "-t", "none")

    def client(tool, identity):
        gateway = bench.sh(tool + ["exec", identity, "ip", "route"]).split("default via ")[1].split()[0]
        return lambda: iperf3_speed(measured(tool + ["exec", identity, program, "-c", gateway, "-p", port, "-t", SECONDS, "-J"]))

    m = in_turn({"coracle (%s)" % default: client(bench.CORACLE, ours), "podman": client(bench.PODMAN, slirp4netns), "podman with pasta": client(bench.PODMAN, pasta)})
    bench.row("container to the host's address, default network", "≥ podman with pasta", m["coracle (%s)" % default] >= m["podman with pasta"], gbit(m))


# ---- starting ----
def run_row(bench, places):
    places.network("net")
    places.coracle("--network", "net", "localhost/busybox", "sleep", "1000")
    run = bench.CORACLE + ["run", "--rm", "--network"]
    m = bench.compare({"none": run + ["none", "localhost/busybox", "true"], "on the network": run + ["net", "localhost/busybox", "true"]})
    bench.row("`run --rm` on a bridge network that is up", "≤ 1.5 of `--network none` plus 3 ms", m["on the network"] <= 1.5 * m["none"] + 3, bench.ms(m))


# ---- names ----
# One query at a time for the median, 64 at once for the rate.
ASK = r"""
import select, socket, sys, time
query = b"\0\0\1\0\0\1\0\0\0\0\0\0\6server\0\0\1\0\1"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 53))
s.settimeout(2)
times = []
for n in range(2000):
    start = time.perf_counter()
    s.send(n.to_bytes(2, "big") + query[2:])
    answer = s.recv(512)
    times.append(time.perf_counter() - start)
    assert answer[3] & 15 == 0 and answer[7] == 1, answer
s.setblocking(False)
count, start = 40000, time.perf_counter()
sent = got = 0
while got < count:
    while sent < count and sent - got < 64:
        s.send((sent & 65535).to_bytes(2, "big") + query[2:])
        sent += 1
    assert select.select([s], [], [], 2)[0], "no answer"
    try:
        while s.recv(512):
            got += 1
    except BlockingIOError:
        pass
print(sorted(times)[1000] * 1000, count / (time.perf_counter() - start))
"""


def names_row(bench, places):
    places.network("net")
    places.coracle("--name", "server", "--network", "net", "localhost/busybox", "sleep", "1000")
    client = places.coracle("--network", "net", "localhost/debian", "sleep", "1000")
    gateway = bench.coracle("network", "inspect", "--format", "{{(index .Subnets 0).Gateway}}", "net").strip()
    results = [[float(word) for word in measured(bench.CORACLE + ["exec", client, "python3", "-c", ASK, gateway]).split()] for _ in range(ROUNDS)]
    median, rate = (statistics.median(column) for column in zip(*results))
    bench.row("name lookup of another container", "< 1 ms median, ≥ 10000 a second", median < 1 and rate >= 10000,
              {"coracle": "%.3f ms median, %.0f a second" % (median, rate)})


def many_row(bench, places):
    """All at once; then each asks each by name, and is answered by its server."""
    places.network("net")
    # The name that answers is said, so that it is seen to be the right one.
    server = "mkdir /www && hostname >/www/index.html && exec httpd -f -p 80 -h /www"
    start = time.perf_counter()
    processes = [subprocess.Popen(bench.CORACLE + ["run", "-d", "--name", "c%d" % n, "--hostname", "c%d" % n, "--network", "net", "localhost/busybox", "sh", "-c", server],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for n in range(MANY)]
    places.ours += [identity for identity in (process.communicate()[0].strip() for process in processes) if identity]
    seconds = time.perf_counter() - start
    listed = json.loads(bench.coracle("network", "inspect", "net"))[0]["containers"].values()
    addresses = {subnet["ipnet"] for one in listed for interface in one["interfaces"].values() for subnet in interface["subnets"]}
    ask = "for n in $(seq 0 %d); do wget -qO- http://c$n/; done" % (MANY - 1)
    wanted = ["c%d" % n for n in range(MANY)]

    def reaches_all(identity):
        return bench.sh(bench.CORACLE + ["exec", identity, "sh", "-c", ask]).split() == wanted

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        good = sum(pool.map(reaches_all, places.ours))
    bench.row("%d containers on one network, all started at once" % MANY, "all reach all by name; addresses unique",
              len(places.ours) == MANY and len(addresses) == MANY and good == MANY,
              {"coracle": "%d started in %.1f s, %d addresses, %d reach all" % (len(places.ours), seconds, len(addresses), good)})


def rows(bench, only):
    for measure in throughput_rows, requests_row, bridge_row, host_row, run_row, names_row, many_row:
        if only and measure.__name__.rpartition("_")[0] not in only:
            continue
        if measure in (requests_row, names_row):
            bench.sh([bench.here + "/../test/images", bench.cache, "debian"])
        if measure is names_row:
            bench.coracle("load", "-q", "-i", bench.cache + "/debian.tar")
        places = Places(bench)
        try:
            measure(bench, places)
        finally:
            places.end()
