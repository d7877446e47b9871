#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The ICMP errors a receiver owes: wire.rst section 4."""
from efhtest import *
from efhwire import Packet, icmp_error
import efhwire

OPTION, INDEX, OFFSET = 2, 5, 6     # octets of the header


def bad(what, ident):
    """(fragment, counter, pointer within the header) for each check that can fail alone."""
    proto, size = efhwire.UDP, 1440

    def h(*args, **keywords):
        return efhwire.header(proto, *args, ident, **keywords)
    return {
        "option length": (h(0, 0, 1, optlen=11) + bytes(size), "bad_option", OPTION),
        "another option": (h(0, 0, 1, extra=b"\x1e\x02\0\0") + bytes(size), "bad_option", 16),
        "index 0, offset": (h(0, 8, 1) + bytes(size), "bad_index", INDEX),
        "index 0, next header": (h(0, 0, 1, nexthdr=efhwire.TCP) + bytes(size), "bad_index",
                                 INDEX),
        "index 1, offset 0": (h(1, 0, 1) + bytes(size), "bad_index", INDEX),
        "index 1, next header": (h(1, size, 1, nexthdr=proto) + bytes(size), "bad_index", INDEX),
        "odd size": (h(0, 0, 1) + bytes(1441), "bad_fragment", OFFSET),
        "small": (h(0, 0, 1) + bytes(1016), "bad_fragment", OFFSET),
        "offset": (h(2, size, 1) + bytes(size), "bad_fragment", OFFSET),
        "index 63": (h(63, 63 * 1024, 1) + bytes(1024), "bad_fragment", OFFSET),
        "final, offset": (h(3, 3 * 1440 + 8, 0) + bytes(100), "bad_fragment", OFFSET),
        "final, small": (h(1, 1016, 0) + bytes(100), "bad_fragment", OFFSET),
        "final, empty": (h(1, size, 0), "bad_fragment", OFFSET),
        "final, long": (h(1, 1024, 0) + bytes(1025), "bad_fragment", OFFSET),
        "too big": (h(63, 63 * 1040, 0) + bytes(16), "too_big", OFFSET),
    }[what]


def answers(wire, source):
    return [error for error in map(icmp_error, (p for p in map(Packet, wire.frames(quiet=0.15))
                                                if p.src == source)) if error]


CASES = ("option length", "another option", "index 0, offset", "index 0, next header",
         "index 1, offset 0", "index 1, next header", "odd size", "small", "offset", "index 63",
         "final, offset", "final, small", "final, empty", "final, long", "too big")


def parameter_problem():
    """Checks 1 to 5 are answered, pointing at what is wrong."""
    pair = Pair(mtu=2000)
    pair.b.sysctl("net.ipv6.icmp.ratelimit", 0)
    wire = pair.wire()
    for number, what in enumerate(CASES):
        piece, counter, pointer = bad(what, number)
        packet = efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS, piece)
        with pair.b.expect(f"{what}: {counter}", **{counter: 1}):
            wire.send(packet)
            got = answers(wire, pair.B6)
        eq([(kind, code, word) for kind, code, word, _ in got], [(4, 0, 40 + pointer)],
           f"{what}: Parameter Problem points at it")
        eq([packet.startswith(quoted) and len(quoted) >= min(len(packet), 1232 - 8)
            for *_, quoted in got], [True], f"{what}: and quotes the packet")
    # the pointer counts from the IPv6 header, whatever lies between
    hop = bytes([efhwire.DSTOPTS, 0, 1, 4, 0, 0, 0, 0])
    wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.HOPOPTS, hop + bad("offset", 50)[0]))
    eq([error[:3] for error in answers(wire, pair.B6)], [(4, 0, 48 + OFFSET)],
       "behind hop-by-hop options")


def unanswered():
    """Checks 6 and 7, and groups, get no answer."""
    pair = Pair(mtu=2000)
    pair.b.sysctl("net.ipv6.icmp.ratelimit", 0)
    wire = pair.wire()
    body = efhwire.udp(pair.A6, pair.B6, 7, 9999, data(5000))
    for ident, name, pieces in (
            (1, "duplicate", [0, 0]), (2, "mismatch", [0, (1, 1024)])):
        pieces = [efhwire.cut(efhwire.UDP, body, p[1], ident)[p[0]] if isinstance(p, tuple)
                  else efhwire.cut(efhwire.UDP, body, 1440, ident)[p] for p in pieces]
        with pair.b.expect(f"{name}: counted", **{name: 1}):
            wire.send(*[efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS, p) for p in pieces])
            eq(answers(wire, pair.B6), [], f"{name}: no answer")
    group = "ff02::1"
    for what in CASES:
        piece, counter, _ = bad(what, 99)
        before = pair.b.stats()[counter]
        wire.send(efhwire.ip(pair.A6, group, efhwire.DSTOPTS, piece),
                  dst=[0x33, 0x33, 0, 0, 0, 1])
        wait(lambda b=before, c=counter: pair.b.stats()[c] > b, 1)
        eq(pair.b.stats()[counter] - before, 1, f"{what}, to a group: {counter}")
    eq(answers(wire, pair.B6), [], "errors sent to a group: no answer")
    # nor does a sender without an address of its own
    piece, counter, _ = bad("offset", 100)
    with pair.b.expect("unspecified source", **{counter: 1}):
        wire.send(efhwire.ip("::", pair.B6, efhwire.DSTOPTS, piece))
        eq(answers(wire, pair.B6), [], "unspecified source: no answer")


def rate_limited():
    """A flood of errors is not answered by another."""
    pair = Pair(mtu=2000)
    wire = pair.wire()
    before = pair.b.stats()["bad_fragment"]
    wire.send(*[efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS, bad("offset", n)[0])
                for n in range(100)])
    wait(lambda: pair.b.stats()["bad_fragment"] - before >= 100)
    eq(pair.b.stats()["bad_fragment"] - before, 100, "100 errors counted")
    ok(1 <= len(answers(wire, pair.B6)) <= 20, "few of them answered")


def time_exceeded():
    """A timeout is told to the source if it can tell which packet it was."""
    pair = Pair(mtu=2000)
    pair.b.sysctl("net.ipv6.icmp.ratelimit", 0)
    pair.b.efhctl("settings set timeout 0.5")
    wire = pair.wire()
    body = efhwire.udp(pair.A6, pair.B6, 7, 9999, data(5000))
    pieces = efhwire.fragments(pair.A6, pair.B6, efhwire.UDP, body, 1440, 1)
    for what, sent, expected in (("Index 0 held", (1, 0), [(3, 1)]),
                                 ("Index 0 missing", (1, 2, 3), [])):
        with pair.b.expect(f"timeout, {what}: counted", timeout=len(sent),
                           reassembly_packets=0, reassembly_bytes=0):
            wire.send(*[pieces[k] for k in sent])
            wait(lambda: pair.b.stats()["reassembly_packets"] == 1, 1)
            time.sleep(0.6)
            wait(lambda: pair.b.stats()["reassembly_packets"] == 0, 2)
            got = answers(wire, pair.B6)
        eq([error[:2] for error in got], expected, f"timeout, {what}: Time Exceeded")
        for *_, quoted in got:
            eq(quoted[:8] == pieces[0][:8] and quoted[8:40] == pieces[0][8:40], True,
               "it quotes the packet")


def ipv4_problems():
    """Under IPv4 the same is dropped and counted."""
    pair = Pair(mtu=2000)
    wire = pair.wire()
    for number, what in enumerate(CASES):
        piece, counter, _ = bad(what, number)
        with pair.b.expect(f"IPv4 {what}: {counter}", **{counter: 1}):
            wire.send(efhwire.ip(pair.A4, pair.B4, efhwire.DSTOPTS, piece))
            wait(lambda c=counter: pair.b.stats()[c], 1)
            time.sleep(0.02)


if __name__ == "__main__":
    main(parameter_problem, unanswered, rate_limited, time_exceeded, ipv4_problems)
