#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Namespaces deleted and the module removed in the middle of two-way traffic."""
import signal

from efhtest import *
import efhwire

ROUNDS = 3


def flood(path, seconds):
    """Children that send large datagrams both ways, and half packets, until killed."""
    children = []
    for family in (6, 4):
        for ns, source, target in ((path.a,) + path.ends(family),
                                   (path.b,) + path.ends(family)[::-1]):
            sock = ns.socket(AF[family], bind=(source, 9999))
            pid = os.fork()
            if not pid:
                sender(sock, target, seconds)
            children.append(pid)
            sock.close()
    # halves, so that there is always something held
    wire = Wire(path.r, "rb", path.mac_b, path.mac_rb)
    pid = os.fork()
    if not pid:
        halves(wire, path, seconds)
    children.append(pid)
    wire.close()
    return children


def sender(sock, target, seconds):
    """Never returns."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end = time.monotonic() + seconds
    sock.settimeout(0.003)      # more would only fill the ring of a veth
    number = 0
    while time.monotonic() < end:
        number += 1
        try:
            sock.sendto(data(2000 + number * 977 % 58000), (target, 9999))
            sock.recv(1 << 17)
        except OSError:
            pass
    os._exit(0)


def halves(wire, path, seconds):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end = time.monotonic() + seconds
    ident = 0
    pieces = efhwire.cut(efhwire.UDP, data(6000), 1440, 0)
    while time.monotonic() < end:
        ident += 1
        piece = pieces[ident % 4]
        piece = piece[:8] + (1 << 40 | ident).to_bytes(8, "big") + piece[16:]
        try:
            wire.send(efhwire.ip(path.A6, path.B6, efhwire.DSTOPTS, piece))
        except OSError:
            pass
    os._exit(0)


def reap(children):
    for pid in children:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(pid, 0)


def busy(host):
    """Are there packets coming in, and some of them held?"""
    return wait(lambda: host.stats()["reassembled"] > 20, 15)


def namespaces():
    """The far host, the near host, and both go."""
    for number in range(ROUNDS):
        path = Path()
        children = flood(path, 20)
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
    hold_hooks()
    path = Path()
    children = flood(path, 60)
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


def links():
    """A device that goes takes along what came through it."""
    path = Path()
    children = flood(path, 20)
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
    main(namespaces, module, links, sender_goes, sender_goes_tracked)
