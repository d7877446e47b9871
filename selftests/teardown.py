#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Namespaces deleted and the module removed in the middle of two-way traffic."""
import signal
import socket

from efhtest import *
import efhwire

ROUNDS = 3
PAUSE = 0.002       # traffic all the time, and processors left for the rest


def child(function, *arguments, ns=None):
    """A process that calls function again and again until killed, in ns if given.

    It keeps no namespace alive but by its sockets.
    """
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if ns:
        setns(ns.fd)
    for other in Namespace.all:
        other.close()
        os.close(other.fd)
    while True:
        try:
            function(*arguments)
        except OSError:
            time.sleep(0.01)


def flood(path, hosts="ab"):
    """Children that send large datagrams both ways, and half packets, until killed."""
    children = []
    for family in (6, 4):
        for ns, source, target in ((path.a,) + path.ends(family),
                                   (path.b,) + path.ends(family)[::-1]):
            if ns.role() in hosts:
                with ns.socket(AF[family], bind=(source, 9999)) as sock:
                    children.append(child(sender, sock, target))
    # halves, so that there is always something held
    wire = Wire(path.r, "rb", path.mac_b, path.mac_rb)
    children.append(child(halves, wire, path))
    wire.close()
    return children


def sender(sock, target):
    sock.settimeout(0.003)      # more would only fill the ring of a veth
    for size in range(2000, 60000, 977):
        try:
            sock.sendto(data(size), (target, 9999))
            sock.recv(1 << 17)
        except OSError:
            pass
        time.sleep(PAUSE)


def halves(wire, path):
    for piece in efhwire.cut(efhwire.UDP, data(6000), 1440, 0)[:4]:
        piece = piece[:8] + os.urandom(8) + piece[16:]
        wire.send(efhwire.ip(path.A6, path.B6, efhwire.DSTOPTS, piece))
        time.sleep(PAUSE)


def reap(children):
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    children.clear()


def busy(host):
    """Are there packets coming in, and some of them held?"""
    return wait(lambda: host.stats()["reassembled"] > 20, 15)


def namespaces():
    """The far host, the near host, and both go."""
    for number in range(ROUNDS):
        path = Path()
        children = flood(path)
        ok(busy(path.a) and busy(path.b), f"round {number}: traffic both ways")
        path.a.close()
        path.b.close()
        if number % 2:
            path.b.delete()     # sockets keep it half alive, links are its own
            path.a.delete()
        else:
            path.b.run("ip link del b0", check=False)
            path.b.delete()
        time.sleep(0.2)
        reap(children)
        cleanup()
    gone()


def gone():
    """The module can go, and comes back."""
    command("modprobe -r efh")
    ok(not loaded(), "the module is gone")
    command("modprobe efh")
    ok(loaded(), "and back")


def module():
    """rmmod takes no count of traffic."""
    path = Path()
    children = flood(path)
    for number in range(ROUNDS):
        ok(busy(path.a) and busy(path.b), f"round {number}: traffic both ways")
        path.a.close()
        path.b.close()
        start = time.monotonic()
        done = command("modprobe -r efh", check=False)
        eq((done.returncode, loaded()), (0, False), f"round {number}: removed")
        note(f"{time.monotonic() - start:.1f} s")
        time.sleep(0.2)
        command("modprobe efh")
        path.native()
    reap(children)
    # what was there before a removal is not there after
    eq(path.r.stats()["in_fragments"], 0, "fresh counters")
    left = sum(1 for name in os.listdir("/sys/kernel/slab") if name.startswith("efh")) \
        if os.path.isdir("/sys/kernel/slab") else 0
    note(f"{left} slab caches while loaded")
    tx, rx = path.udp(6, 7777)
    tx.send(data(50000))
    eq(receive(rx), data(50000), "and it all still works")


def echo(server):
    """Send back what comes through TCP."""
    sock = server.accept()[0]
    sock.settimeout(2)
    with sock:
        while got := sock.recv(1 << 17):
            sock.sendall(got)
            time.sleep(PAUSE)


def stream(target, family):
    """Send by TCP and take back what was sent."""
    with socket.create_connection((target, 8888), 1) as sock:
        while True:
            sock.sendall(data(30000))
            left = 30000
            while left:
                got = len(sock.recv(left))
                if not got:
                    return
                left -= got


def streams(path):
    """Children in B that echo, and such in A that use it."""
    children = []
    for family in (6, 4):
        target = path.ends(family)[1]
        with path.b, socket.create_server((target, 8888), family=AF[family]) as server:
            children.append(child(echo, server))
        children.append(child(stream, target, family, ns=path.a))
    return children


def pings(path, hosts):
    """What is answered without a socket over there."""
    for ns, far in ((path.a, 1), (path.b, 0)):
        if ns.role() in hosts:
            for family in (6, 4):
                ns.popen(f"ping -q -i 0.01 -s 20000 {path.ends(family)[far]}",
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Traffic:
    """All kinds of it between two hosts, one of which will go.

    Of the host that goes no process outlives what it sends, so that it goes at once.
    """

    def __init__(self, goes):
        stays = "b" if goes == "a" else "a"
        self.path = Path()
        self.path.raise_mtu(32000)
        self.staying = flood(self.path, stays)
        pings(self.path, stays)
        self.going = flood(self.path, goes) + streams(self.path)
        self.host, self.device = (self.path.a, "ra") if goes == "a" else (self.path.b, "rb")

    def flows(self):
        """Both ways; the module may go after that as far as this process has a say."""
        good = busy(self.path.a) and busy(self.path.b)
        detail = "" if good else f"{self.path.a.stats()} {self.path.b.stats()}"
        self.path.a.close()
        self.path.b.close()
        return good, detail

    def host_goes(self):
        """True if its devices went with it, too."""
        reap(self.going)
        self.host.delete()
        return wait(lambda: self.path.r.run(f"ip link show {self.device}", check=False).returncode,
                    20)

    def end(self):
        reap(self.staying)
        reap(self.going)
        for ns in (self.path.a, self.path.b):
            if ns.alive:
                ns.identity()
        cleanup()


def rounds():
    """The module goes, then a host, and so on; EFH_ROUNDS says how often."""
    count = int(os.environ.get("EFH_ROUNDS", "4"))
    for number in range(count):
        if number % 2 == 0:
            traffic = Traffic("ab"[number // 2 % 2])
        good, detail = traffic.flows()
        if number % 2 == 0:
            done = command("modprobe -r efh", check=False)
            good = good and not done.returncode and not loaded()
            ok(good, f"round {number}: the module goes", detail + done.stderr)
            command("modprobe efh")
            traffic.path.native()
        else:
            ok(good and traffic.host_goes(), f"round {number}: a host goes", detail)
            traffic.end()


def links():
    """A device that goes takes along what came through it."""
    path = Path()
    children = flood(path)
    time.sleep(0.5)
    for _ in range(ROUNDS):
        path.b.ip("link set b0 down")
        time.sleep(0.1)
        path.b.ip("link set b0 up", f"addr replace {path.B6}/64 dev b0")
    path.b.run("ip link del b0")
    time.sleep(0.3)
    reap(children)
    for ns in (path.a, path.b):
        eq(ns.stats()["out_packets"] > 0, True, f"{ns.role()} sent")


def held_elsewhere(tracked):
    """The sender's namespace goes while packets of it are held, one fragment short."""
    path = Path()
    path.b.efhctl("settings set timeout 8")
    if tracked:
        path.a.nft("""table inet efh { chain out { type filter hook output priority 0;
            ct state new,established counter } }""")
    # the fragment with Index 5, in either family
    path.r.nft("""table inet efh { chain through { type filter hook forward priority 0;
        ip6 nexthdr 60 @nh,360,8 20 drop
        ip protocol 60 @nh,200,8 20 drop } }""")
    for family in (6, 4):
        a, b = path.ends(family)
        tx = path.a.socket(AF[family], bind=(a, 0))
        tx.sendto(data(60000), (b, 9999))
        tx.close()
    what = "tracked" if tracked else "untracked"
    count = sum(fragments_of(60008, fragment_size(1500, family)) - 1 for family in (6, 4))
    wait(lambda: path.b.stats()["reassembly_fragments"] == count)
    now = path.b.stats()
    eq((now["reassembly_packets"], now["reassembly_fragments"]), (2, count),
       f"{what}: all but two fragments held")

    def link_gone(dev, seconds):
        """Its other end was in a namespace that is no more."""
        start = time.monotonic()
        gone = wait(lambda: path.r.run(f"ip link show {dev}", check=False).returncode, seconds)
        note(f"{dev}: {time.monotonic() - start:.2f} s")
        return gone
    path.a.delete()
    ok(link_gone("ra", 3), f"{what}: the sender's devices are gone")
    # namespaces are cleaned up one after another: the next is not kept waiting
    other = Namespace("c")
    link(other, "c0", path.r, "rc", number=3)
    other.delete()
    ok(link_gone("rc", 3), f"{what}: and the sender's namespace, too")
    eq(path.b.stats()["reassembly_packets"], 2, f"{what}: what it sent was held all the time")
    ok(wait(lambda: path.b.stats()["reassembly_packets"] == 0, 9), f"{what}: until its timeout")
    wait(lambda: path.b.stats()["timeout"] == count)    # a moment later
    eq(path.b.stats()["timeout"], count, f"{what}: counted")


def sender_goes():
    """What the receiver holds keeps nothing of the sender's namespace."""
    need("nft")
    held_elsewhere(False)


def sender_goes_tracked():
    """Nor do connections of it."""
    need("nft", "conntrack")
    held_elsewhere(True)


if __name__ == "__main__":
    main(namespaces, module, rounds, links, sender_goes, sender_goes_tracked)
