#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Packets that nobody honest sends: all are accounted for, none stays.

Counters must add up, buffers must be given back, and what comes after must
be received as if nothing had been.
"""
import json
import random
import signal
import struct

from efhtest import *
import efhwire
import vectors

ROUNDS = 3000
HELD = 4000
# protocols that mean something to a stack that goes on with what EFH held
INNER = (0, 1, 2, 4, 6, 17, 33, 41, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135, 139, 140, 253, 255)


def buffers():
    """sk_buff heads in use, give or take those that CPUs keep at hand."""
    try:        # KASAN keeps what was freed for a while
        open("/sys/kernel/slab/skbuff_head_cache/shrink", "w").write("1")
    except OSError:
        pass
    for line in open("/proc/slabinfo"):
        if line.startswith("skbuff_head_cache "):
            return int(line.split()[1])
    raise Skip("no /proc/slabinfo")


def survives(pair, wire, what):
    """The host receives what is right as ever, and holds nothing for long."""
    for family, a, b in ((6, pair.A6, pair.B6), (4, pair.A4, pair.B4)):
        rx = pair.b.socket(AF[family], bind=(b, 9999))
        rx.settimeout(2)
        wire.send(*efhwire.fragments(a, b, efhwire.UDP, efhwire.udp(a, b, 7, 9999, data(9000)),
                                     1440, random.getrandbits(64)))
        eq(receive(rx), data(9000), f"{what}: IPv{family} is received as before")
        rx.close()
    pair.b.efhctl("settings set timeout 0.2")
    ok(wait(lambda: pair.b.stats()["reassembly_packets"] == 0), f"{what}: nothing is held")
    pair.b.efhctl("settings set timeout 60")


def prepared(seed):
    pair = Pair(mtu=9216)
    wire = pair.wire()
    random.seed(seed)
    note(f"seed {seed}")
    return pair, wire


def settled(pair, wire):
    """Wait until what was sent has been looked at."""
    last = -1
    while (now := pair.b.stats()["in_fragments"]) != last:
        last = now
        time.sleep(0.03)
    wire.frames(quiet=0.01)


def mutated():
    """The vectors with octets changed, cut short, made longer, in any order."""
    pair, wire = prepared(os.getpid())
    packets = [packet for _, steps in vectors.cases() for packet, *_ in steps
               if len(packet) < 9000]
    moved = [efhwire.ip(Pair.A4, Pair.B4, efhwire.DSTOPTS, packet[40:]) for packet in packets
             if packet[6] == efhwire.DSTOPTS]
    places = list(range(6, 8)) + list(range(40, 60)) * 4
    addresses = efhwire.address(pair.A6) + efhwire.address(pair.B6)
    for number in range(ROUNDS):
        packet = bytearray(random.choice(packets if number % 3 else moved))
        version6 = packet[0] >> 4 == 6
        if version6:
            packet[8:40] = addresses
        for _ in range(random.randrange(4)):
            at = random.choice(places) - (0 if version6 else 20)
            if 20 <= at < len(packet):
                packet[at] = random.choice((0, 1, 12, 59, 60, 0xDE, random.getrandbits(8)))
        if number % 7 == 0:
            packet = packet[:random.randrange(20 if not version6 else 40, len(packet) + 1)]
            if version6:
                packet[4:6] = (len(packet) - 40).to_bytes(2, "big")
        wire.send(bytes(packet))
        if number % 64 == 63:
            settled(pair, wire)
    now = pair.b.stats()
    ok(now["in_fragments"] > ROUNDS // 3 and sum(now[d] > 0 for d in DROPS) >= 4,
       "many of them were EFH, and wrong in many ways", now)
    survives(pair, wire, "mutated vectors")


def protocols():
    """Whatever protocol EFH carries, whole and nonsense, the buffers come back."""
    pair, wire = prepared(1)
    pair.b.sysctl("net.ipv6.icmp.ratelimit", 0)
    ident = 0

    def storm(count):
        nonlocal ident
        for proto in INNER:
            for a, b in ((pair.A6, pair.B6), (pair.A4, pair.B4)):
                for number in range(count):
                    size = 1500 if number % 16 == 1 else number % 16
                    ident += 1
                    wire.send(*efhwire.fragments(a, b, proto, data(size, ident), 1440, ident))
                settled(pair, wire)
    storm(64)
    before = buffers()
    for _ in range(3):
        storm(160)      # what a veth's ring takes
    # one protocol that leaks is enough
    wait(lambda: buffers() < before + 300, 3)
    left = buffers() - before
    note(f"{left} buffers more than before")
    ok(left < 300, f"{ident} packets of {len(INNER)} protocols leave no buffer behind",
       f"{left} more than before")
    survives(pair, wire, "protocols")


def nested():
    """EFH in EFH in EFH, and headers without end."""
    pair, wire = prepared(2)
    body = efhwire.udp(pair.A6, pair.B6, 7, 9998, data(100))
    for depth in (2, 5, 20, 100):
        packet, proto = body, efhwire.UDP
        for n in range(depth):
            packet = efhwire.header(proto, 0, 0, 0, n) + packet
            proto = efhwire.DSTOPTS
        wire.send(efhwire.ip(pair.A6, pair.B6, proto, packet),
                  efhwire.ip(pair.A4, pair.B4, proto, packet))
        pad = bytes([efhwire.DSTOPTS, 0, 1, 4, 0, 0, 0, 0]) * depth
        for piece in efhwire.cut(efhwire.UDP, body * 30, 1440, depth):
            wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS, pad + piece))
        # fragments of fragments
        for piece in efhwire.cut(efhwire.UDP, body * 80, 3000 - 3000 % 8, 1000 + depth):
            wire.send(*efhwire.fragments(pair.A6, pair.B6, efhwire.DSTOPTS, piece, 1024,
                                         random.getrandbits(64)))
    settled(pair, wire)
    survives(pair, wire, "nested")


def different_heads():
    """Index 0 behind more headers than the others; the whole may be too long."""
    pair, wire = prepared(3)
    hop = bytes([efhwire.DSTOPTS, 0, 1, 4, 0, 0, 0, 0])
    for length, what in ((5000, "short"), (65535 - 7, "too long with its header")):
        body = efhwire.udp(pair.A6, pair.B6, 7, 9998, data(length - 8))
        pieces = efhwire.cut(efhwire.UDP, body, 1440, length)
        before = pair.b.stats()
        for number in list(range(1, len(pieces))) + [0]:
            wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.HOPOPTS if not number else
                                 efhwire.DSTOPTS, (b"" if number else hop) + pieces[number]))
        settled(pair, wire)
        after = pair.b.stats()
        got = (after["reassembled"] - before["reassembled"], after["too_big"] - before["too_big"])
        eq(got, (1, 0) if length == 5000 else (0, len(pieces)), what)
    survives(pair, wire, "different heads")


def held_buffers():
    """What is held when a namespace ends is given back."""
    pair, wire = prepared(4)
    survives(pair, wire, "before")
    pair.b.delete()
    pair.a.delete()
    time.sleep(0.5)
    before = buffers()
    pair, wire = prepared(5)
    for ident in range(HELD):
        wire.send(efhwire.fragments(pair.A6, pair.B6, efhwire.UDP, data(4000), 1440, ident)[1])
        if ident % 200 == 199:
            wait(lambda n=ident: pair.b.stats()["reassembly_fragments"] > n)
    eq(pair.b.stats()["reassembly_fragments"], HELD, f"{HELD} fragments held")
    ok(buffers() > before + HELD // 2, "the count of buffers shows them", buffers() - before)
    # each way that what is held can end, and each that it can be refused
    pair.b.efhctl("settings set timeout 0.2")
    ok(wait(lambda: buffers() < before + HELD // 4, 8), "after their time they are given back",
       buffers() - before)
    pair.b.efhctl("settings set timeout 60 memory 1M")
    for ident in range(2 * HELD):
        pieces = efhwire.fragments(pair.A6, pair.B6, efhwire.UDP, data(4000), 1440 - ident % 2 * 8,
                                   ident // 4)
        wire.send(pieces[1])
        if ident % 200 == 199:
            settled(pair, wire)
    now = pair.b.stats()
    ok(min(now[name] for name in ("evicted", "duplicate", "mismatch")) > HELD // 4,
       "evicted, duplicate and mismatched fragments", now)
    ok(wait(lambda: buffers() < before + HELD // 4, 8), "are given back", buffers() - before)
    pair.b.efhctl("settings set memory 32M")
    for ident in range(HELD):
        wire.send(efhwire.fragments(pair.A6, pair.B6, efhwire.UDP, data(4000), 1440, ident)[1])
        if ident % 200 == 199:
            settled(pair, wire)
    cleanup()
    ok(wait(lambda: buffers() < before + HELD // 4, 8), "so is what a namespace held at its end",
       buffers() - before)


def padding(size, nexthdr=efhwire.DSTOPTS):
    """A Destination Options header of size octets, of options to skip."""
    body, left = b"", size - 2
    while left:
        length = min(left, 257)
        length -= left - length == 1
        body += bytes([0x1E, length - 2]) + bytes(length - 2)
        left -= length
    return bytes([nexthdr, size // 8 - 1]) + body


def alive(pair, what):
    """The host answers within a second."""
    done = pair.a.run(f"ping -c 1 -W 1 {pair.B6}", check=False)
    eq(done.returncode, 0, f"{what}: the host answers")


def wrapped():
    """A chain of extension headers whose lengths add up to 2 ^ 16 and 40."""
    need("nft")
    pair, wire = prepared(6)
    pair.b.nft("""table inet efh {
        counter whole { }
        counter opened { }
        chain pre { type filter hook prerouting priority -290;
            ct state invalid,new,untracked,established meta length > 63000 counter name whole
            udp dport 9998 meta length > 1900 counter name opened } }""")

    def count(name):
        found = json.loads(pair.b.run(f"nft -j list counter inet efh {name}"))
        return next(e["counter"]["packets"] for e in found["nftables"] if "counter" in e)

    # the last header begins within the packet and would end 1 octet beyond
    # the longest there can be: at 40 again, with 16 bits to count in
    route = bytes([efhwire.ROUTING, 255, 0, 0]) + bytes(2044)
    for what, first, header in (("options", efhwire.DSTOPTS, padding(2048)),
                                ("routing headers", efhwire.ROUTING, route)):
        body = (header * 32)[:65535]
        before, ident = pair.b.stats(), random.getrandbits(32)
        seen = count("whole")
        step = 9000
        for at in range(0, len(body), step):
            more = at + step < len(body)
            wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.FRAGMENT, struct.pack(
                "!BBHI", first, 0, at | more, ident) + body[at:at + step]))
        ok(wait(lambda n=seen: count("whole") > n, 2), f"{what}: one whole packet came by")
        alive(pair, what)
        after = pair.b.stats()
        eq((after["reassembled"], after["in_atomic"]),
           (before["reassembled"], before["in_atomic"]), f"{what}: it is no EFH packet")
    # within reason EFH is found behind other headers, without it is left alone
    for number, expected in ((3, 1), (7, 1), (9, 0), (40, 0)):
        before = count("opened")
        for piece in efhwire.cut(efhwire.UDP, efhwire.udp(pair.A6, pair.B6, 7, 9998, data(2000)),
                                 1440, number):
            wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS,
                                 padding(8) * number + piece))
        time.sleep(0.2)
        eq(count("opened") - before, expected, f"EFH behind {number} headers: "
           f"{'opened' if expected else 'not opened'} before routing")
        alive(pair, f"{number} headers")
    survives(pair, wire, "wrapped")


def protocol_zero():
    """IPv4, EFH, EFH, and in it protocol 0: refused, not forgotten."""
    pair, wire = prepared(7)
    pair.b.sysctl("net.ipv4.icmp_ratelimit", 0)
    inner = efhwire.header(0, 0, 0, 0, 1) + data(1360)

    def storm(count):
        for number in range(count):
            wire.send(efhwire.ip(pair.A4, pair.B4, efhwire.DSTOPTS,
                                 efhwire.header(efhwire.DSTOPTS, 0, 0, 0, number) + inner))
            if number % 256 == 255:
                settled(pair, wire)
    errors = Wire(pair.a, "a0")

    def refused():
        """The host has a limit for all its errors: what floods before used up comes back."""
        storm(1)
        seen = [p for p in map(efhwire.Packet, errors.frames()) if p.src == pair.B4]
        return (3, 2) in {error[:2] for error in map(efhwire.icmp_error, seen) if error}
    ok(wait(refused, 10), "Protocol Unreachable comes back")
    errors.close()      # it holds buffers, too

    storm(200)
    before = buffers()
    start = pair.b.stats()["in_atomic"]
    storm(2000)
    wait(lambda: pair.b.stats()["in_atomic"] >= start + 4000, 3)
    # the inner one is counted as well as the outer
    eq(pair.b.stats()["in_atomic"] - start, 4000, "2000 packets opened twice")
    wait(lambda: buffers() < before + 300, 3)
    left = buffers() - before
    ok(left < 300, "they leave no buffer behind", f"{left} more than before")
    survives(pair, wire, "protocol 0")


def at_its_timeout():
    """One fragment repeated without pause, while each copy runs into its timeout."""
    pair, wire = prepared(8)
    pair.b.efhctl("settings set timeout 0.1")
    body = efhwire.udp(pair.A6, pair.B6, 7, 9998, data(4000))
    children = []
    for index in (0, 1):        # the one has an error to send, the other has none
        packet = efhwire.fragments(pair.A6, pair.B6, efhwire.UDP, body, 1440, index)[index]
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            end = time.monotonic() + 5
            while time.monotonic() < end:
                try:
                    wire.send(*[packet] * 64)
                except OSError:
                    pass
            os._exit(0)
        children.append(pid)
    time.sleep(2)
    alive(pair, "in the flood")
    for pid in children:
        os.waitpid(pid, 0)
    settled(pair, wire)
    ok(wait(lambda: pair.b.stats()["reassembly_packets"] == 0), "nothing is held")
    now = pair.b.stats()
    ok(now["timeout"] >= 20 and now["duplicate"] > 1000, "many timeouts, more duplicates", now)
    eq(now["in_fragments"], now["timeout"] + now["duplicate"], "each of them the one or the other")
    survives(pair, wire, "the flood")


def many_destinations():
    """Sent to more destinations than a host has: there is an end to flows, not to sending."""
    pair = Pair()
    pair.a.efhctl("native add 2001:db8::/32")
    pair.a.ip(f"route add 2001:db8:ff::/48 via {pair.B6}")
    pair.b.ip("route add blackhole 2001:db8:ff::/48")
    pair.b.sysctl("net.ipv6.conf.all.forwarding", 1)
    rx = pair.b.socket(bind=(pair.B6, 9999))
    tx = pair.a.socket(bind=(pair.A6, 0))
    pair.a.efhctl("settings set atomic on")     # a flow for any packet, however small
    start = time.monotonic()
    for number in range(34000):
        tx.sendto(b"x", (f"2001:db8:ff::{number >> 16:x}:{number & 0xFFFF:x}", 9))
        if time.monotonic() > start + 60:
            raise Skip(f"{number} packets a minute")
    note(f"34000 destinations: {time.monotonic() - start:.1f} s")
    pair.a.efhctl("settings set atomic off")
    found = pair.a.stats()["out_packets"]
    ok(30000 < found <= 32768, "a flow each, to a limit", found)
    with pair.a.expect("beyond the limit nothing is sent as EFH", out_packets=0, out_failed=0):
        tx.sendto(data(20000), (pair.B6, 9999))
        eq(receive(rx), data(20000), "beyond the limit data still arrives")
    found = len(pair.a.flows())
    eq(found, 32768, "as many flows as the limit")
    pair.a.efhctl("flow flush")
    eq(len(pair.a.flows()), 0, "all flushed")
    with pair.a.expect("then EFH again", out_packets=1):
        tx.sendto(data(20000, 1), (pair.B6, 9999))
        eq(receive(rx), data(20000, 1), "after it data arrives")


if __name__ == "__main__":
    main(mutated, protocols, nested, different_heads, held_buffers, wrapped, protocol_zero,
         at_its_timeout, many_destinations)
