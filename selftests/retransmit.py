#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What is lost on the way is asked for and sent again: that alone, and not without end."""
import json
import re
import time

from efhtest import *
from efhlink import Linked, emulated, some, ways
from efhwire import Packet
import efhwire

SIZE, RATE = 60000, 16e6
COUNT = 60 if emulated() else 120
PORT = 9001
# before a fragment's payload
HEADERS = {6: 56, 4: 36}


class Losing:
    """Rules of the router: which packets to B it drops, and how many it dropped."""

    def __init__(self, path, rule):
        self.ns = path.r
        self.ns.nft("table inet lose { chain way { type filter hook forward priority 0; "
                    f"oifname rb {rule} counter drop; }} }}")

    def dropped(self):
        return int(re.search(r"counter packets (\d+)",
                             self.ns.run("nft list table inet lose"))[1])

    def end(self):
        self.ns.run("nft delete table inet lose")


class Counted:
    """with Counted(path) as seen: what the counters of both ends say was done in between."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.before = self.path.a.stats(), self.path.b.stats()
        return self

    def __exit__(self, *_):
        a, b = ({k: now[k] - old[k] for k in now} for now, old in
                zip((self.path.a.stats(), self.path.b.stats()), self.before))
        self.sent, self.again, self.heard = a["out_fragments"], a["retransmit_out"], a["control_in"]
        # PROBEs are answered one for one
        self.asked = b["control_out"] - a["control_out"]
        self.invalid, self.used = a["control_invalid"], b["retransmit_used"]
        self.needless = b["duplicate"]


def transfer(path, family, count=COUNT, size=SIZE, rate=RATE):
    """How many of as many datagrams, sent evenly, arrived as they were sent."""
    tx, rx = path.pair(family, PORT) if hasattr(path, "pair") else path.udp(family, PORT)
    rx.settimeout(0.001)
    got = set()

    def take():
        while (datagram := receive(rx)) is not None:
            number = int.from_bytes(datagram[:4], "big")
            if datagram[4:] == data(size - 4, number):
                got.add(number)

    start = time.monotonic()
    for number in range(count):
        tx.send(number.to_bytes(4, "big") + data(size - 4, number))
        while time.monotonic() < start + (number + 1) * size * 8 / rate:
            take()
    rx.settimeout(1)
    take()
    tx.close()
    rx.close()
    return len(got)


def delay(path, there="delay 5ms"):
    path.r.run(f"tc qdisc replace dev rb root netem limit 20000 {there}")
    path.r.run("tc qdisc replace dev ra root netem limit 20000 delay 5ms")


def repaired(path, by, family, what, every):
    """Each `every`th packet is lost on its way to B; what was lost is all that is sent again."""
    losing = Losing(path, f"meta length > 500 numgen inc mod {every} == 0")
    with Counted(path) as seen:
        got = transfer(by, family)
    lost = losing.dropped()
    losing.end()
    note(f"{what}: {got} of {COUNT} delivered; {lost} of {seen.sent} lost, {seen.again} sent again, "
         f"asked {seen.asked} times, {seen.needless} needless")
    # what is sent again is lost as often
    ok(lost > 20 and got >= COUNT * (1 - 1 / every), f"{what}, every {every}th lost: delivered",
       f"{got} of {COUNT}")
    ok(seen.again <= 1.2 * lost, f"{what}: little more than that was sent again")
    ok(seen.used >= 0.8 * lost, f"{what}: and of use", seen.used)
    # with what a link's ends ask each other, and REPORTs; a slow one asks twice
    ok(0 < seen.asked <= 1.5 * lost + 20, f"{what}: asked for by what is lost", seen.asked)
    eq(seen.invalid, 0, f"{what}: and believed")


def native():
    need("nft", "tc")
    path = Path(native=False)
    path.native("retransmit on")
    delay(path)
    # the tables there have seen the packet whole, and see nothing of its fragments
    path.a.nft("table inet whole { chain out { type filter hook postrouting priority 0; "
               "ip6 nexthdr 60 @nh,336,8 0xde drop; ip protocol 60 @nh,176,8 0xde drop; } }")
    for family in some((6, 4)):
        for every in (100, 20):
            repaired(path, path, family, f"IPv{family}", every)


def links():
    need("nft", "tc")
    for outer, words, what in ways(one=True):
        path = Path(native=False)
        delay(path)
        repaired(path, Linked(path, outer, words), 10 - outer, f"link over {what}", 50)


def tail():
    """The end of a packet is missed though nothing comes after it."""
    need("nft", "tc")
    path = Path(native=False)
    path.native("retransmit on")
    delay(path)
    for family in (6, 4):
        # two fragments and a bit: that bit is lost, until it is sent again
        size = 2 * fragment_size(1500, family) + 350 - HEADERS[family]
        losing = Losing(path, "meta length > 300 meta length < 400 numgen inc mod 1000 < 10")
        with Counted(path) as seen:
            got = transfer(path, family, 10, size - 8)
        eq((got, losing.dropped()), (10, 10), f"IPv{family}: delivered, though their last fragments were lost")
        ok(10 <= seen.again <= 12, f"IPv{family}: these were sent again", seen.again)
        losing.end()


def heads():
    """Of two fragments the first is lost. Who has an end that is less than NACKs take is no reason
    for any: nobody is to be made to send more than what was sent to him."""
    need("nft", "tc")
    path = Path(native=False)
    path.native("retransmit on")
    delay(path)
    for family in (6, 4):
        for end, got_wanted in ((350, 10), (64, 0)):
            # of several flows one would send PROBEs
            path.a.efhctl("flow flush")
            losing = Losing(path, "meta length > 1000 numgen inc mod 1000 < 10")
            with Counted(path) as seen:
                got = transfer(path, family, 10, fragment_size(1500, family) + end - 8)
            eq((got, losing.dropped()), (got_wanted, 10), f"IPv{family}: the first is lost of two, an end of {end}")
            eq(bool(seen.asked), bool(got_wanted), f"IPv{family}: asked for, with an end of {end}")
            losing.end()


def burst():
    """Of what was sent all at once the first is still there when it is asked for."""
    need("nft", "tc")
    path = Path(native=False)
    path.native("retransmit on")
    delay(path)
    for family in (6, 4):
        losing = Losing(path, "meta length > 500 numgen inc mod 100 == 0")
        with Counted(path) as seen:
            got = transfer(path, family, 40, rate=1e12)
        note(f"IPv{family}: {got} of 40 delivered; {losing.dropped()} lost, {seen.again} sent again")
        ok(losing.dropped() >= 16 and got == 40, f"IPv{family}: delivered, though sent all at once", got)
        losing.end()


def asks(packet, family):
    """The NACK that this is, or None."""
    try:
        message = efhwire.Control(packet[HEADERS[family] - 16:])
    except ValueError:
        return None
    return message if message.kind == efhwire.NACK else None


def several():
    """Of one flow the second fragment of each of many packets at a time: all are asked for."""
    pair = Pair(gro="off")
    wire = pair.wire()
    for family in (6, 4):
        a, b = pair.ends(family)
        rx = pair.b.socket(AF[family], bind=(b, PORT))
        rx.settimeout(0.5)
        pieces = [efhwire.fragments(a, b, efhwire.UDP, efhwire.udp(a, b, 7, PORT, data(4000)), 1440, 1000 + n)
                  for n in range(12)]
        wire.frames(quiet=0)
        for first, _, last in pieces:
            wire.send(first, last)
        nacks = filter(None, (asks(p, family) for p in wire.frames(quiet=0.3)))
        # who stands still in between asks for the end first: 0
        eq({(c.nonce, c.rest[:8]) for c in nacks if c.rest[:8] != bytes(8)},
           {(1000 + n, bytes(7) + b"\2") for n in range(12)}, f"IPv{family}: all are asked for")
        for _, second, _ in pieces:
            wire.send(second)
        eq([receive(rx) for _ in pieces], [data(4000)] * 12, f"IPv{family}: and taken, when they come")
        rx.close()


def seldom():
    """Whatever is missing of a flow, it is asked for 64 times a second at the most."""
    pair = Pair(gro="off")
    wire = pair.wire()
    for family in some((6, 4)):
        a, b = pair.ends(family)
        pieces = [efhwire.fragments(a, b, efhwire.UDP, efhwire.udp(a, b, 7, PORT, data(4000)), 1440, 1000 + n)
                  for n in range(300)]
        start, asked = time.monotonic(), 0
        for first, _, last in pieces:
            wire.send(first, last)
            # who asks in vain asks less
            for message in filter(None, (asks(p, family) for p in wire.frames(quiet=0.005))):
                wire.send(pieces[message.nonce - 1000][1])
                asked += 1
        took = time.monotonic() - start
        note(f"IPv{family}: asked {asked} times in {took:.2f} s")
        ok(min(32 * took, 150) < asked <= 64 * (took + 1), f"IPv{family}: no more than 64 times a second", asked)


def bounds():
    """No fragment goes out more than three times; and not too much of it."""
    need("nft", "tc")
    path = Path(native=False)
    path.native("retransmit on")
    delay(path)
    for family, index in some(((6, "@nh,360,6"), (4, "@nh,200,6"))):
        proto = "ip6 nexthdr 60" if family == 6 else "ip protocol 60"
        losing = Losing(path, f"{proto} {index} == 3")
        with Counted(path) as seen:
            got = transfer(path, family, 30, 20000, 2e6)
        eq(got, 0, f"IPv{family}: Index 3 never arrives")
        note(f"IPv{family}: {losing.dropped()} of it dropped, asked {seen.asked} times")
        ok(45 <= losing.dropped() <= 90, f"IPv{family}: it was sent twice more at the most", losing.dropped())
        eq(losing.dropped() - 30, seen.again, f"IPv{family}: that, and nothing else")
        ok(seen.asked <= 90, f"IPv{family}: asked for three times at the most", seen.asked)
        losing.end()
        # more is lost than a tenth: of that no more is sent again, but for what is at hand at first
        losing = Losing(path, "meta length > 500 numgen inc mod 3 == 0")
        with Counted(path) as seen:
            transfer(path, family)
        note(f"IPv{family}: {losing.dropped()} of {seen.sent} lost, {seen.again} sent again")
        ok(seen.again * 1500 <= seen.sent * 150 + (256 << 10),
           f"IPv{family}: no more than a tenth is sent again", f"{seen.again} of {seen.sent}")
        losing.end()


def shared():
    """What may be sent again is a tenth of what goes to a destination, in however many flows."""
    need("nft", "tc")
    path = Path(native=False)
    path.native("retransmit on")
    delay(path)
    tx, rx = path.udp(6, PORT)
    tx.send(data(SIZE))
    ok(receive(rx), "the first flow")
    losing = Losing(path, "meta length > 500 numgen inc mod 3 == 0")
    socks = [path.a.socket(bind=(path.A6, 0)) for _ in range(COUNT)]
    with Counted(path) as seen:
        for sock in socks:
            sock.sendto(data(SIZE), (path.B6, PORT))
            time.sleep(SIZE * 8 / RATE)
        time.sleep(0.5)
    note(f"{len(path.a.flows())} flows, {losing.dropped()} of {seen.sent} lost, {seen.again} sent again")
    ok(len(path.a.flows()) > 0.9 * COUNT, "each socket is a flow", len(path.a.flows()))
    # and 256 KiB at the most that were at hand
    ok(100 <= seen.again <= (seen.sent * 150 + (256 << 10)) / 1500, "no more than a tenth is sent again",
       f"{seen.again} of {seen.sent}")
    for sock in (*socks, tx, rx):
        sock.close()


def reordered():
    """What is late is not lost: hardly any of it is sent again, even if it is later than a flow
    that has just begun waits."""
    need("tc")
    path = Path(native=False)
    path.native("retransmit on")
    delay(path, "delay 40ms reorder 25%")
    count = 240         # of which the first few are sent again
    for family in (6, 4):
        # a machine that stands still for 20 ms makes as much late as netem does: not thrice
        for _ in range(3):
            with Counted(path) as seen:
                got = transfer(path, family, count)
            note(f"IPv{family}: {seen.sent} fragments, {seen.again} sent again")
            eq(got, count, f"IPv{family}: all delivered in spite of reordering")
            if seen.again < 0.01 * seen.sent:
                break
        ok(seen.again < 0.01 * seen.sent, f"IPv{family}: less than 1 % sent again for nothing",
           f"{seen.again} of {seen.sent}")


def off():
    """Without the setting nothing goes out again, and who asks soon asks less."""
    need("nft", "tc")
    path = Path()
    delay(path)
    for family in some((6, 4)):
        losing = Losing(path, "meta length > 500 numgen inc mod 20 == 0")
        with Counted(path) as seen:
            transfer(path, family)
        losing.end()
        eq((seen.again, seen.used), (0, 0), f"IPv{family}: nothing is sent again unless it is set")
        # and reported twice a second
        ok(0 < seen.asked <= 48, f"IPv{family}: asked for in vain only for a while", seen.asked)
    eq(json.loads(path.a.efhctl("-j native show"))[0]["retransmit"], False, "native show says so")


def forged():
    """A NACK that does not know what was sent does nothing; one that does, little."""
    pair = Pair(gro="off")
    pair.a.efhctl("native add 2001:db8::/64 retransmit on")
    pair.a.efhctl("native add 192.0.2.0/24 retransmit on")
    for family in (6, 4):
        a, b = pair.ends(family)
        tx = pair.a.socket(AF[family], bind=(a, 0))
        wire = Wire(pair.b, "b0", pair.mac_a, pair.mac_b)
        tx.sendto(bytes(9000), (b, PORT))
        seen = [p for p in map(Packet, wire.frames()) if p.efh and p.src == a]
        ident, label = seen[0].ident, seen[0].label
        eq([p.index for p in seen], list(range(len(seen))), f"IPv{family}: fragments are seen")

        def nack(number=ident, flow=label, missing=2, src=b, kind=efhwire.NACK):
            wire.frames(quiet=0)
            wire.send(efhwire.ip(src, a, efhwire.DSTOPTS, efhwire.control(
                kind, 0, flow, number, missing=missing)))
            return [p for p in map(Packet, wire.frames()) if p.efh and p.src == a]

        before = pair.a.stats()
        eq(nack(ident + 1), [], f"IPv{family}: nothing for what is not sent yet")
        eq(nack(ident ^ 1 << 60), [], f"IPv{family}: nor for what never was")
        eq(nack(flow=label ^ 5), [], f"IPv{family}: nor in another flow")
        stranger = "2001:db8::77" if family == 6 else "192.0.2.77"
        eq(nack(src=stranger), [], f"IPv{family}: nor for somebody else")
        for kind in (0, efhwire.REPORT, efhwire.RESET, 9, efhwire.PROBE_ACK):
            eq(nack(kind=kind), [], f"IPv{family}: nor by kind {kind}")
        now = pair.a.stats()
        eq([now[k] - before[k] for k in ("control_in", "control_invalid", "retransmit_out")], [9, 9, 0],
           f"IPv{family}: all of that is counted as invalid")

        again = nack(missing=0b110)
        eq([p.data for p in again], [p.data for p in seen[1:3]], f"IPv{family}: what was sent goes out as it was")
        eq([p.index for p in nack(missing=1 << 63 | 0b1)], [0], f"IPv{family}: there is no Index 63")
        eq([p.index for p in nack(missing=0)], [len(seen) - 1], f"IPv{family}: 0 asks for the end")
        eq([p.index for p in nack(missing=0b110)], [1, 2], f"IPv{family}: a second time")
        eq(nack(missing=0b110), [], f"IPv{family}: not a third")
        eq([p.index for p in nack(missing=~0 & (1 << 64) - 1)], [0, 3, 4, 5, 6][:len(seen) - 2],
           f"IPv{family}: all: those that may")
        time.sleep(2.5)
        tx.sendto(bytes(9000), (b, PORT))
        eq(nack(missing=1), [], f"IPv{family}: nothing that is too old")
        eq(pair.a.stats()["control_invalid"], now["control_invalid"], f"IPv{family}: though it was sent")
        tx.close()
        wire.close()


if __name__ == "__main__":
    main(native, links, tail, heads, burst, several, seldom, bounds, shared, reordered, off, forged)
