#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""IPV6_DONTFRAG and the MTU discovery options mean what ip(7) and ipv6(7) say.

What they say is what they do to a destination that knows nothing of EFH, so
each is tried on one of those first.
"""
import socket

from efhtest import *
from efhwire import Packet

IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IPV6_DONTFRAG = 10, 23, 62
MODES = {"DONT": 0, "WANT": 1, "DO": 2, "PROBE": 3, "INTERFACE": 4, "OMIT": 5}


def attempt(path, family, options, size, port):
    """(errno or 0, whether it arrived)."""
    tx, rx = path.udp(family, port)
    rx.settimeout(0.5)
    for level, name, value in options:
        tx.setsockopt(level, name, value)
    try:
        tx.send(data(size))
    except OSError as failure:
        return failure.errno, False
    finally:
        tx.close()
    got = receive(rx)
    rx.close()
    return 0, got == data(size)


def choices(family):
    level, name = (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER) if family == 6 else \
        (socket.IPPROTO_IP, IP_MTU_DISCOVER)
    for mode, value in MODES.items():
        yield f"MTU_DISCOVER {mode}", [(level, name, value)]
    if family == 6:
        yield "DONTFRAG", [(level, IPV6_DONTFRAG, 1)]


def meaning():
    path = Path(native=False)
    stock = {}
    for family in (6, 4):
        for what, options in choices(family):
            for size in (1200, 60000):
                stock[family, what, size] = attempt(path, family, options, size, 9000)
    path.native()
    path.a.efhctl("flow flush")
    for (family, what, size), expected in stock.items():
        options = dict(choices(family))[what]
        before = path.a.stats()["out_packets"]
        got = attempt(path, family, options, size, 9000)
        eq(got, expected, f"IPv{family} {what}: {size} octets")
        refused = errno.EMSGSIZE if size == 60000 and \
            what.split()[-1] in ("DO", "PROBE", "INTERFACE", "DONTFRAG") else 0
        eq(got[0], refused, f"IPv{family} {what}: {size} octets, as documented")
        eq(path.a.stats()["out_packets"] - before, int(size == 60000 and not refused),
           f"IPv{family} {what}: {size} octets, EFH")


def raised_route():
    """A route that promises more than the link has does not change that."""
    path = Path()
    path.raise_mtu(65000)
    for family in (6, 4):
        level, name = (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER) if family == 6 else \
            (socket.IPPROTO_IP, IP_MTU_DISCOVER)
        seen = Wire(path.r, "ra")
        options = [("DO", (level, name, 2)), ("PROBE", (level, name, 3))]
        if family == 6:
            options.append(("DONTFRAG", (level, IPV6_DONTFRAG, 1)))
        for what, option in options:
            with path.a.expect(f"IPv{family} {what}, route MTU 65000: not cut", out_packets=0,
                               out_fragments=0):
                got = attempt(path, family, [option], 30000, 9001)
            eq(got, (errno.EMSGSIZE, False), f"IPv{family} {what}, route MTU 65000: EMSGSIZE")
        source = path.ends(family)[0]
        eq(sum(1 for p in map(Packet, seen.frames()) if p.src == source and p.length > 1400), 0,
           f"IPv{family}: nothing left")
        seen.close()


def probes():
    """A probe that fits the link goes out as it is, whatever is known of the path."""
    path = Path()
    path.r.ip("link set rb mtu 1300")
    path.b.ip("link set b0 mtu 1300")
    for family in (6, 4):
        level, name = (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER) if family == 6 else \
            (socket.IPPROTO_IP, IP_MTU_DISCOVER)
        tx, rx = path.udp(family, connect=False)
        rx.settimeout(0.3)
        b = path.ends(family)[1]
        for _ in range(3):
            tx.sendto(data(20000), (b, 9999))
            if receive(rx):
                break
        probe = path.a.socket(AF[family], bind=(path.ends(family)[0], 0))
        probe.setsockopt(level, name, 3)
        seen = Wire(path.r, "ra")
        probe.sendto(data(1400), (b, 9999))
        packets = [p for p in map(Packet, seen.frames()) if p.src == path.ends(family)[0]]
        eq([(p.efh, p.fragmented, len(p.payload)) for p in packets], [(None, False, 1408)],
           f"IPv{family}: a probe longer than the path MTU")


if __name__ == "__main__":
    main(meaning, raised_route, probes)
