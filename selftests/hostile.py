#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Packets that nobody honest sends: all are accounted for, none stays.

Counters must add up, buffers must be given back, and what comes after must
be received as if nothing had been.
"""
import random

from efhtest import *
import efhwire
import vectors

ROUNDS = 3000
# protocols that mean something to a stack that goes on with what EFH held
INNER = (0, 1, 2, 4, 6, 17, 33, 41, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135, 139, 140, 253, 255)


def buffers():
    """sk_buff heads in use."""
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
        time.sleep(0.1)
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

    def storm():
        nonlocal ident
        for proto in INNER:
            for a, b in ((pair.A6, pair.B6), (pair.A4, pair.B4)):
                for size in (0, 1, 8, 40, 1500):
                    ident += 1
                    wire.send(*efhwire.fragments(a, b, proto, data(size, ident), 1440, ident))
            settled(pair, wire)
    storm()
    before = buffers()
    for _ in range(3):
        storm()
    wait(lambda: buffers() < before + 200, 3)
    left = buffers() - before
    ok(left < 200, f"{ident} packets of {len(INNER)} protocols leave no buffer behind",
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
    for ident in range(400):
        wire.send(efhwire.fragments(pair.A6, pair.B6, efhwire.UDP, data(4000), 1440, ident)[1])
    wait(lambda: pair.b.stats()["reassembly_fragments"] == 400)
    eq(pair.b.stats()["reassembly_fragments"], 400, "400 fragments held")
    ok(buffers() > before + 300, "the count of buffers shows them", buffers() - before)
    cleanup()
    ok(wait(lambda: buffers() < before + 150, 8), "and shows them gone", buffers() - before)


if __name__ == "__main__":
    main(mutated, protocols, nested, different_heads, held_buffers)
