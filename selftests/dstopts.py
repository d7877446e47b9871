#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Destination options that are not EFH's are the stock handler's, as ever.

Everything is sent twice: with the module away, and with it here. The two
answers must be one.
"""
from efhtest import *
from efhwire import Packet, icmp_error
import efhwire


def options():
    """Destination Options headers without EFH, good and bad."""
    home = efhwire.address("2001:db8::77")

    def header(*parts, nexthdr=efhwire.UDP):
        body = b"".join(parts)
        body += bytes(-(2 + len(body)) % 8)
        return bytes([nexthdr, (2 + len(body)) // 8 - 1]) + body
    yield "PadN only", header(b"\x01\x04" + bytes(4))
    yield "Pad1 only", header(bytes(6))
    yield "two headers of padding", header(b"\x01\x04" + bytes(4), nexthdr=60) + header(bytes(6))
    yield "unknown 00 (skip)", header(b"\x1e\x04" + bytes(4))
    yield "unknown 01 (discard)", header(b"\x5e\x04" + bytes(4))
    yield "unknown 10 (problem)", header(b"\x9e\x04" + bytes(4))
    yield "unknown 11 (problem to unicast)", header(b"\xc2\x04" + bytes(4))
    yield "behind padding", header(b"\x01\x01\0", b"\x8a\x02\0\0")
    yield "Home Address", header(b"\x01\x02\0\0", b"\xc9\x10" + home)
    yield "Home Address, short", header(b"\xc9\x08" + bytes(8))
    yield "Tunnel Encapsulation Limit", header(b"\x04\x01\x04")
    yield "option beyond the header", bytes([efhwire.UDP, 0, 1, 40, 0, 0, 0, 0])
    yield "PadN of nonsense", header(b"\x01\x04\1\2\3\4")
    yield "header beyond the packet", bytes([efhwire.UDP, 200, 1, 4, 0, 0, 0, 0])
    yield "EFH's number as data", header(b"\x1e\x0a" + b"\xde\x0c" + bytes(8))
    yield "empty next header", header(b"\x01\x04" + bytes(4), nexthdr=59)
    yield "unknown next header", header(b"\x01\x04" + bytes(4), nexthdr=253)


def play(pair, wire, rx):
    """What becomes of each: delivered or not, and the answer."""
    found = {}
    for what, head in options():
        wire.frames(quiet=0.02)
        body = efhwire.udp(pair.A6, pair.B6, 7, 9999, what.encode())
        wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS, head + body))
        got = receive(rx)
        answers = [icmp_error(p) for p in map(Packet, wire.frames(quiet=0.1)) if icmp_error(p)]
        found[what] = got, [error[:3] for error in answers]
    for what, group in (("unknown 10 to a group", b"\x9e"), ("unknown 11 to a group", b"\xc2")):
        head = bytes([efhwire.UDP, 0]) + group + b"\x04" + bytes(4)
        wire.send(efhwire.ip(pair.A6, "ff02::1", efhwire.DSTOPTS, head + bytes(8)),
                  dst=[0x33, 0x33, 0, 0, 0, 1])
        found[what] = [icmp_error(p)[:3] for p in map(Packet, wire.frames(quiet=0.1))
                       if icmp_error(p)]
    return found


def unchanged():
    need("modprobe")
    command("modprobe -r efh")
    ok(not loaded(), "the module is away")
    pair = Pair()
    pair.b.sysctl("net.ipv6.icmp.ratelimit", 0)
    wire = pair.wire()
    rx = pair.b.socket(bind=(pair.B6, 9999))
    rx.settimeout(0.1)
    stock = play(pair, wire, rx)
    delivered = sum(1 for value in stock.values() if value[0:1] and value[0] and
                    isinstance(value, tuple))
    ok(delivered >= 4 and any((4, 2, 42) in v[1] for v in stock.values() if isinstance(v, tuple)),
       "the stock handler delivers some and refuses some", stock)
    for what in ("with efh", "with efh taken out again"):
        command("modprobe efh" if what == "with efh" else "modprobe -r efh")
        found = play(pair, wire, rx)
        for name, expected in stock.items():
            eq(found[name], expected, f"{what}: {name}")
        if what == "with efh":
            eq(pair.b.stats()["in_fragments"], 0, "none of them is EFH's")
    command("modprobe efh")


def own_and_efh():
    """A host that sends destination options of its own beside EFH packets."""
    pair = Pair(mtu=2000)
    pair.a.efhctl("native add 2001:db8::/64")
    wire = pair.wire()
    rx = pair.b.socket(bind=(pair.B6, 9999))
    rx.settimeout(2)
    pad = bytes([efhwire.DSTOPTS, 0, 1, 4, 0, 0, 0, 0])
    body = efhwire.udp(pair.A6, pair.B6, 7, 9999, data(4000))
    for piece in efhwire.cut(efhwire.UDP, body, 1440, 42):
        wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS, pad + piece))
    eq(receive(rx), data(4000), "EFH behind a header of other destination options")
    behind = bytes([efhwire.UDP, 0, 1, 4, 0, 0, 0, 0]) + body
    for piece in efhwire.cut(efhwire.DSTOPTS, behind, 1440, 43):
        wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS, piece))
    eq(receive(rx), data(4000), "other destination options behind EFH")
    bad = bytes([efhwire.UDP, 0, 0x9E, 4, 0, 0, 0, 0]) + body
    rx.settimeout(0.3)
    pair.b.sysctl("net.ipv6.icmp.ratelimit", 0)
    wire.frames()
    for piece in efhwire.cut(efhwire.DSTOPTS, bad, 1440, 44):
        wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS, piece))
    eq(receive(rx), None, "an unknown option in what was reassembled is still refused")


def other_handler():
    """Loading and unloading while packets come loses none that is not EFH's."""
    pair = Pair()
    wire = pair.wire()
    rx = pair.b.socket(bind=(pair.B6, 9999))
    rx.settimeout(0.3)
    pad = bytes([efhwire.UDP, 0, 1, 4, 0, 0, 0, 0])
    packet = efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS,
                        pad + efhwire.udp(pair.A6, pair.B6, 7, 9999, b"x"))
    for module in ("-r efh", "efh") * 4:
        child = spawn(f"modprobe {module}")
        sent = got = 0
        while child.poll() is None or sent < 50:
            wire.send(packet)
            sent += 1
            got += receive(rx) == b"x"
        eq((child.returncode, got), (0, sent), f"modprobe {module}: {sent} packets, none lost")


if __name__ == "__main__":
    main(unchanged, own_and_efh, other_handler)
