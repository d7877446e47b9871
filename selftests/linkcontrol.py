#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What links under UDP tell each other of themselves, and how they get through a NAT."""
import json
import struct

from efhtest import *
from efhlink import show, some, thirds
from efhwire import Carried
from linkudp import DPORT, INNER, Inside, add, finish
import efhwire
import tcp

LENGTH = {6: 88, 4: 68}     # of a PROBE that is about no size


def endpoint(addr):
    """Flow of a PROBE about the endpoint itself: its address, folded."""
    fold = 0
    for word in struct.iter_unpack("!I", efhwire.address(addr)):
        fold ^= word[0]
    return fold | efhwire.ENDPOINT


def families(make):
    """(outer, what make() gave, A's and B's outer address); one after the other."""
    for outer in some((6, 4)):
        path = make()
        yield (outer, path, *path.ends(outer))
        finish()


def peer(ns):
    """What a link knows of its peer."""
    return json.loads(ns.efhctl("-j peer show"))[0]


def port(ns):
    """Where it takes it to be."""
    return peer(ns)["port"]


class Played:
    """A end's part played on the wire: B has the link."""

    def __init__(self, pair, a, b, words=""):
        self.a, self.b, self.ns = a, b, pair.b
        add(pair.b, b, a, words, end=1)
        # a port nobody has would be answered by ICMP
        pair.a.nft("table inet quiet { chain out { type filter hook output priority 0; "
                   "meta l4proto { icmp, icmpv6 } drop; } }")
        self.wire = pair.wire()

    def say(self, message, sport=DPORT, src=None, check=None):
        self.wire.frames(quiet=0)
        src = src or self.a
        self.wire.send(efhwire.ip(src, self.b, efhwire.UDP,
                                  efhwire.udp(src, self.b, sport, DPORT, message, check)))
        return self.heard()

    def heard(self):
        """Control messages of B: (destination port, packet)."""
        found = []
        for frame in self.wire.frames():
            packet = efhwire.Packet(frame)
            if packet.proto == efhwire.UDP and packet.src == self.b:
                packet = Carried(frame)
                if packet.control:
                    found.append((packet.dport, packet))
        return found

    def invalid(self):
        return self.ns.stats()["control_invalid"]


def answers():
    """PROBEs are acknowledged where the peer is known to be, as they were asked."""
    need("nft")
    for outer, pair, a, b in families(Pair):
        end = Played(pair, a, b)
        before, sent = end.ns.stats(), show(end.ns)["stats64"]["tx"]
        for flow, sport, what in ((endpoint(a), DPORT, "the endpoint"), (50000, 50000, "a flow")):
            for size in (LENGTH[outer], 1400):
                padding = bytes(size - LENGTH[outer])
                seen = end.say(efhwire.control(efhwire.PROBE, size, flow, 0x1122334455667788) +
                               padding, sport)
                what = f"IPv{outer}, PROBE of {size} octets about {what}"
                eq([to for to, _ in seen], [DPORT], f"{what}: one answer, to the port known")
                for _, packet in seen:
                    c = packet.control
                    eq((c.version, c.kind, c.flags, c.size, c.flow, c.nonce, c.rest, c.padding),
                       (1, efhwire.PROBE_ACK, 0, size, flow, 0x1122334455667788, bytes(16), b""),
                       f"{what}: acknowledged")
                    eq((packet.sport, packet.length, packet.check_good or packet.check_left),
                       (DPORT, LENGTH[outer], True), f"{what}: port, length and checksum")
        after = end.ns.stats()
        eq([after[k] - before[k] for k in ("control_in", "control_out", "control_invalid")],
           [4, 4, 0], f"IPv{outer}: counted")
        eq(show(end.ns)["stats64"]["tx"], sent, f"IPv{outer}: none of them a packet of the link")


def silence():
    """What proves nothing changes nothing, and is not answered."""
    need("nft")
    for outer, pair, a, b in families(Pair):
        # packets need no checksum; these messages do
        end = Played(pair, a, b, "noudpcsum" if outer == 6 else "")
        stranger = "2001:db8::77" if outer == 6 else "192.0.2.77"
        whole = efhwire.control(efhwire.PROBE, LENGTH[outer], endpoint(a), 7)
        before = end.ns.stats()
        eq(end.say(whole, src=stranger), [], f"IPv{outer}: a stranger hears nothing")
        eq(end.say(whole[:39]), [], f"IPv{outer}: nor who says half")
        for where in (1, 2, 3):
            broken = bytearray(whole)
            broken[where] ^= 1
            eq(end.say(bytes(broken)), [], f"IPv{outer}: nor who says something else ({where})")
        eq(end.ns.stats()["control_in"] - before["control_in"], 0, f"IPv{outer}: none of it counts")
        for what, message in (
                [(f"kind {kind}", efhwire.control(kind, 88, DPORT, 7))
                 for kind in (0, efhwire.PROBE_ACK, efhwire.REPORT, efhwire.NACK, 6, 15)] +
                [("version 2", efhwire.control(efhwire.PROBE, 88, endpoint(a), 7, version=2))]):
            count = end.invalid()
            eq(end.say(message), [], f"IPv{outer}, {what}: no answer")
            eq(end.invalid() - count, 1, f"IPv{outer}, {what}: counted as invalid")
        for what, words in (("without a checksum", {"check": 0}), ("from port 0", {"sport": 0})):
            count = end.invalid()
            eq(end.say(whole, **words), [], f"IPv{outer}, {what}: no answer")
            eq(end.invalid() - count, 1, f"IPv{outer}, {what}: counted as invalid")
        end.ns.ip("link set efh0 down")
        eq(end.say(whole), [], f"IPv{outer}: a link that is down is silent")
        eq(port(end.ns), DPORT, f"IPv{outer}: the peer is where it was")
        eq((peer(end.ns)["state"], peer(end.ns).get("nat")), ("unknown", None),
           f"IPv{outer}: and was not heard")


def proof():
    """A peer is where an answer to a PROBE came from, and nowhere else."""
    need("nft")
    for outer, pair, a, b in families(Pair):
        end = Played(pair, a, b)
        inside = "fd99::1" if outer == 6 else "10.99.0.1"
        hello = efhwire.control(efhwire.PROBE, LENGTH[outer], endpoint(inside), 7)
        seen = end.say(hello, 7000)
        eq([(to, p.sport, p.control.kind, p.control.size, p.control.flow, p.length)
            for to, p in seen], [(7000, DPORT, efhwire.PROBE, LENGTH[outer], DPORT, LENGTH[outer])],
           f"IPv{outer}: from another port: asked there, no more than was said")
        nonce = seen[0][1].control.nonce

        def claim(value, sport):
            count = end.invalid()
            eq(end.say(efhwire.control(efhwire.PROBE_ACK, LENGTH[outer], DPORT, value), sport), [],
               f"IPv{outer}: no answer to an answer")
            return end.invalid() - count, port(end.ns)

        eq(claim(nonce ^ 1, 7000), (1, DPORT), f"IPv{outer}: a wrong Nonce proves nothing")
        eq(claim(nonce, 7001), (1, DPORT), f"IPv{outer}: nor does the right one from elsewhere")
        nonce = end.say(hello, 7000)[0][1].control.nonce
        eq(claim(nonce, 7000), (0, 7000), f"IPv{outer}: the right one does")
        eq((peer(end.ns)["state"], peer(end.ns)["nat"]), ("up", True), f"IPv{outer}: it is heard")
        ok(end.ns.efhctl("peer show").endswith(" nat\n"), f"IPv{outer}: as is said in words")
        eq([to for to, _ in end.say(hello, 7000)], [7000], f"IPv{outer}: now it is known there")
        # what is sent goes there, from where a NAT expects it
        end.wire.frames(quiet=0)
        tx = end.ns.socket(AF[4], bind=(INNER[4][1], 0))
        for size in (100, 5000):
            tx.sendto(data(size), (INNER[4][0], 9))
        ports = {(p.sport, p.dport) for p in map(Carried, filter(
            lambda f: efhwire.Packet(f).proto == efhwire.UDP, end.wire.frames())) if p.src == b}
        eq(ports, {(DPORT, 7000)}, f"IPv{outer}: and so goes all that is sent")
        # somebody else with that address
        for number in range(2):
            start = time.monotonic()
            seen = end.say(hello, 7002)
            eq([to for to, _ in seen], [7000], f"IPv{outer}: claimed: the known port is asked")
            again = end.say(hello, 7002)
            ok(not again or time.monotonic() - start > 1, f"IPv{outer}: claimed at once: nothing")
            eq(claim(seen[0][1].control.nonce, 7000), (0, 7000), f"IPv{outer}: it answers")
            time.sleep(1.1)
        eq([to for to, _ in end.say(hello, 7002)], [7000], f"IPv{outer}: asked again")
        time.sleep(1.1)
        seen = end.say(hello, 7002)
        eq([to for to, _ in seen], [7002], f"IPv{outer}: no answer: the other is asked")
        time.sleep(8.1)
        eq(claim(seen[0][1].control.nonce, 7002), (1, 7000), f"IPv{outer}: an old Nonce is none")
        seen = end.say(hello)
        eq([to for to, _ in seen], [DPORT], f"IPv{outer}: where it was set up it is asked at once")
        eq(claim(seen[0][1].control.nonce, DPORT), (0, DPORT), f"IPv{outer}: and goes back")
        end.ns.efhctl(f"peer set dev efh0 remote {a} port 7001")
        eq((port(end.ns), peer(end.ns).get("nat")), (7001, None),
           f"IPv{outer}: who is told otherwise believes it")
        eq(end.say(hello, 7000), [], f"IPv{outer}: and nothing else")


def masquerade(path, outer, low):
    """The router hides A behind itself, and its ports behind its own."""
    word, source = ("ip6", path.A6) if outer == 6 else ("ip", path.A4)
    target = f"masquerade to :{low}-{low + 999}"
    path.r.nft(f"""table inet nat {{ }}
        delete table inet nat
        table inet nat {{ chain post {{ type nat hook postrouting priority 100;
            oifname rb {word} saddr {source} udp dport {DPORT} {target} }} }}""")


def through_nat():
    """Behind a NAT that knows nothing of it: who speaks first is answered, and found again."""
    need("nft")
    for outer, path, a, b in families(lambda: Path(native=False)):
        masquerade(path, outer, 20000)
        for name in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
            path.r.sysctl(f"net.netfilter.{name}", 2)
        there = path.RB6 if outer == 6 else path.RB4
        add(path.a, a, b, end=0)
        add(path.b, b, there, end=1)
        for family in (6, 4):
            eq(path.a.run(f"ping -c 3 -i 0.2 -W 2 {INNER[family][1]}", check=False).returncode, 0,
               f"IPv{family} in IPv{outer}: ping")
        ok(20000 <= port(path.b) < 21000, f"IPv{outer}: B knows the NAT's port", port(path.b))
        for family in (6, 4):
            tcp.stream(Inside(path), family, 1 << 20, "write", 8700 + family)
            tcp.stream(Inside(path, True), family, 1 << 20, "write", 8710 + family)
        # the NAT, which hears of nothing for a while, forgets; and has other ports
        path.r.nft("table inet deaf { chain pre { type filter hook prerouting priority -300; "
                   "meta l4proto udp drop; } }")
        known = port(path.b)
        time.sleep(3)
        masquerade(path, outer, 30000)
        path.r.nft("delete table inet deaf")
        ok(wait(lambda: not path.a.run(f"ping -c 1 -W 1 {INNER[4][1]}", check=False).returncode,
                20), f"IPv{outer}: found again")
        ok(30000 <= port(path.b) < 31000, f"IPv{outer}: at another port", (known, port(path.b)))
        eq([ns.stats()["control_invalid"] for ns in (path.a, path.b)], [0, 0],
           f"IPv{outer}: all of it was valid")


def same_port():
    """A NAT that keeps ports is seen by the address it hides, whatever it keeps of that."""
    need("nft")
    for outer, path, a, b in families(lambda: Path(native=False)):
        there = "2001:db8:3::1" if outer == 6 else "203.0.113.1"
        path.r.nft(f"table inet nat {{ chain post {{ type nat hook postrouting priority 100; "
                   f"oifname rb snat {'ip6' if outer == 6 else 'ip'} to {there}; }} }}")
        add(path.a, a, b, end=0)
        add(path.b, b, there, end=1)
        for family in (6, 4):
            eq(path.a.run(f"ping -c 3 -i 0.2 -W 2 {INNER[family][1]}", check=False).returncode, 0,
               f"IPv{family} in IPv{outer}: ping")
        eq((port(path.b), peer(path.b)["nat"], peer(path.a).get("nat")), (DPORT, True, None),
           f"IPv{outer}: and is shown")


def idle():
    """Nothing is said where nothing is sent; and little where something is."""
    need("nft")
    for outer, pair, a, b in families(Pair):
        end = Played(pair, a, b)
        time.sleep(2.5)
        eq(end.heard(), [], f"IPv{outer}: an idle link is silent")
        tx = end.ns.socket(AF[4], bind=(INNER[4][1], 0))
        start = time.monotonic()
        while time.monotonic() < start + 3.5:
            tx.sendto(data(100), (INNER[4][0], 9))
            time.sleep(0.01)
        seen = [(to, p.control.kind, p.control.flow) for to, p in end.heard()]
        eq(seen, [(DPORT, efhwire.PROBE, endpoint(b))] * len(seen), f"IPv{outer}: hellos")
        ok(3 <= len(seen) <= 5, f"IPv{outer}: one a second while nobody answers", len(seen))


if __name__ == "__main__":
    main(answers, proof, through_nat, *thirds((silence, same_port, idle)))
