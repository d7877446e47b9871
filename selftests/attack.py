#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Somebody who is not on the path forges and replays all there is, as fast as his line takes it."""
import itertools
import json
import os
import random
import socket
import struct
import threading
import time

from efhtest import *
from efhlink import *
from efhwire import Carried, Packet
from linkalive import DOWN
from report import Sending, flows
import efhwire
import tcp

PORT = 9002
LINE = "5mbit" if emulated() else "20mbit"
SECONDS = 3 if emulated() else 6
KINDS = range(16)
MANY = 1000             # fragments: more than is made up of a flow
UDP = efhwire.UDP


class Forger:
    """What he can make up who knows everything but what is random, for one direction."""

    def __init__(self, victim, far, udp, label, seed):
        self.victim, self.far, self.udp, self.label = victim, far, udp, label
        self.random = random.Random(seed)

    def number(self, bits=64):
        return self.random.getrandbits(bits)

    def outer(self, body, src=None, proto=efhwire.DSTOPTS):
        src = src or self.far
        if self.udp and proto == efhwire.DSTOPTS:
            body, proto = efhwire.udp(src, self.victim, self.random.choice((8060, self.label)), 8060, body), UDP
        return efhwire.ip(src, self.victim, proto, body, label=self.label if ":" in src else 0)

    def control(self, src=None, kind=None):
        kind = self.random.choice(KINDS) if kind is None else kind
        flow = self.random.choice((self.label, self.number(20), 1 << 31, self.number(32)))
        message = efhwire.control(kind, self.number(16), flow, self.number(), self.number(32),
                                  missing=self.random.choice((0, 2, self.number())))
        counts = struct.pack(">IIII", *(self.random.choice((0, 1, 100, self.number(32))) for _ in range(4)))
        return self.outer(message[:24] + counts if kind == efhwire.REPORT else message, src)

    def fragment(self):
        index, size = self.random.randrange(64), self.random.choice((1024, 1208, 1400))
        head = efhwire.header(41, index, index * size & 0xFFF8, self.random.randrange(2), self.number())
        return self.outer(head + bytes(size))

    def plain(self):
        """What fits without EFH, and its protocol."""
        return efhwire.ip(*INNER[6][:2], UDP, bytes(1400)), INNER_PROTOCOL[6]

    def other(self):
        """Something of his that has nothing to do with EFH, and its protocol: an echo reply."""
        kind, proto = (129, socket.IPPROTO_ICMPV6) if ":" in self.far else (0, socket.IPPROTO_ICMP)
        return bytes((kind, 0)) + bytes(1400), proto

    def error(self):
        """An ICMP error about what the victim may have sent: a fragment, a PROBE, a packet that
        fits without EFH or something else, of full size."""
        quoted = self.random.choice((
            self.plain(),
            self.other(),
            (efhwire.header(41, 0, 0, 1, self.number()) + bytes(1400), efhwire.DSTOPTS),
            (efhwire.control(efhwire.PROBE, 1500, self.label, self.number()) + bytes(1400), efhwire.DSTOPTS)))
        mtu = self.random.choice((576, 1280, 1400))
        if self.random.randrange(5) == 0:
            return self.too_large(quoted, mtu)
        kind, code = self.random.choice(((1, 3), (1, 0), (3, 0), (4, 2)) if ":" in self.far else
                                        ((3, 1), (3, 3), (3, 2), (11, 0)))
        return self.icmp(quoted, kind, code, 40 if kind == 4 else mtu)

    def too_large(self, quoted, mtu):
        return self.icmp(quoted, *((2, 0) if ":" in self.far else (3, 4)), mtu)

    def icmp(self, quoted, kind, code, word):
        body, proto = quoted
        if self.udp and quoted != self.other():
            body, proto = efhwire.udp(self.victim, self.far, self.label, 8060, body), UDP
        body = efhwire.ip(self.victim, self.far, proto, body, label=self.label if ":" in self.far else 0)[:1200]
        router = "2001:db8:77::1" if ":" in self.far else "203.0.113.7"
        return efhwire.error(router, self.victim, kind, code, word, body)

    def whole(self):
        return self.outer(efhwire.header(UDP, 0, 0, 0, self.number()) + bytes(16))

    def all(self, count):
        makers = (self.control, self.fragment, self.error)
        return [self.random.choice(makers)() for _ in range(count)]


class Attack:
    """with Attack(wire, packets): they are sent again and again."""

    def __init__(self, wire, packets, pause=0):
        self.wire, self.packets, self.pause = wire, packets, pause
        self.sent = self.octets = 0
        self.done = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        for packet in itertools.cycle(self.packets):
            if self.done:
                break
            try:
                self.wire.send(packet)
            except OSError:     # his line is full
                time.sleep(0.001)
                continue
            self.sent += 1
            self.octets += len(packet)
            if self.pause:
                time.sleep(self.pause)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done = True
        self.thread.join()


def seen_on_path(wires, seconds):
    """What an observer of the path keeps: Control messages and fragments, to be sent again later."""
    time.sleep(seconds)
    return [frame for wire in wires for frame in wire.frames(quiet=0.01) if len(frame) < 1600]


def state(ends):
    """What must not change: of flows and of peers. That one is behind a NAT anybody can say, and
    then flows share a port."""
    return [({(f["destination"], f["path_mtu"], f["max_packet"], f["state"])
              for f in flows(ns) if f["fragments"] > MANY},
             [(p["remote"], p["state"], p.get("epoch")) for p in json.loads(ns.efhctl("-j peer show"))])
            for ns in ends]


def links():
    """A link's traffic and what is known of it stay as they are."""
    need("tc", "nft")
    for outer, words, what in ways(one=True):
        star = Star("abc")
        for name in "ab":
            star.r.run(f"tc qdisc replace dev r{name} root netem limit 20000 delay 2ms")
        ends = star["a"], star["b"]
        linked = Linked(star_path(star), outer, words, [star.outer(name, outer) for name in "ab"])
        inner = 10 - outer
        paths = [star.wire(name) for name in "ab"]
        tx, rx = linked.pair(inner, PORT)
        sending = Sending(tx, rx, inner, follow=False)
        # once something is lost there are more kinds to keep
        star.r.nft("table inet lose { chain way { type filter hook forward priority 0; "
                   "meta length > 500 numgen inc mod 50 == 0 drop; } }")
        wanted, kinds, kept = {efhwire.PROBE_ACK, efhwire.NACK, efhwire.REPORT}, set(), []
        until = time.monotonic() + 10
        while not kinds >= wanted and time.monotonic() < until:
            kept += seen_on_path(paths, 2)
            kinds = {message.kind for message in map(said, kept) if message}
        star.r.run("nft delete table inet lose")
        ok(kinds >= wanted, f"{what}: of all kinds something is kept", kinds)
        for wire in paths:
            wire.close()
        for number, ns in enumerate(ends):
            ns.efhctl(f"peer suspect dev efh0 remote {linked.outer[1 - number]}")
        wait(lambda: all("epoch" in json.loads(ns.efhctl("-j peer show"))[0] for ns in ends))
        flow = wait(lambda: next((f for f in flows(star["a"]) if f["fragments"] > MANY), None), 20)
        ok(kept and flow and flow["search"] == "complete" and flow["path_mtu"] == 1500, f"{what}: a link at work", flow)
        before, events = state(ends), [ns.events() for ns in ends]
        label = flow.get("flowlabel", 0)
        forged = []
        for number, (victim, far) in enumerate((("a", "b"), ("b", "a"))):
            maker = Forger(star.outer(victim, outer), star.outer(far, outer), bool(words), label, number)
            forged += maker.all(1000)
        star["c"].run(f"tc qdisc replace dev c0 root tbf rate {LINE} burst 20000 limit 200000")
        mac, router = star.mac["c"]
        wire = Wire(star["c"], "c0", router, mac)
        counted = [ns.stats() for ns in ends]
        with Attack(wire, forged) as attack:
            share = sending.share(SECONDS)
        ok(share > 0.9, f"{what}: what is sent meanwhile arrives", f"{share:.3f}")
        note(f"{what}: {attack.sent} packets of {attack.octets} octets")
        eq(state(ends), before, f"{what}: path MTU, size and peers stay")
        answers = sum(ns.stats()["control_out"] - then["control_out"] for ns, then in zip(ends, counted))
        # what the two ask each other is among it
        ok(answers * 88 < attack.octets, f"{what}: less goes out for it than came in", answers)
        with Attack(wire, kept) as again:
            share = sending.share(SECONDS)
        ok(share > 0.9 and again.sent > 100, f"{what}: nor does it take what was once said", f"{share:.3f}")
        eq(state(ends), before, f"{what}: which changes nothing, either")
        # that a busy host did not answer at once, when it was asked for nothing, may be said
        told = [event for of in events for event in iter(lambda of=of: of.next(0.1), None)]
        eq([e for e in told if e[0] != "peer" or e[1]["new"] == DOWN], [], f"{what}: nothing comes of it")
        sending.end()
        wire.close()


def believed():
    """Lies about packets that fit without EFH, and about what has nothing to do with it: the stack
    believes them. What is larger goes in EFH then, and nothing is smaller for it."""
    for outer, words, what in ways():
        path = Path(native=False)
        linked = Linked(path, outer, words)
        wire, seen = Wire(path.r, "ra", path.mac_a, path.mac_ra), Wire(path.r, "ra")
        near, far = linked.outer
        header = OUTER_HEADER[outer] + 8 * bool(words)
        maker = Forger(near, far, bool(words), 50000, outer)
        tx, rx = linked.pair(6, PORT)

        def sizes(length):
            """Of the packets that a datagram makes."""
            seen.frames()
            tx.send(data(length, length))
            eq(receive(rx), data(length, length), f"{what}: {length} octets arrive")
            return [p.length for p in outers(seen, near) if not p.fragmented]

        full = max(sizes(20000))
        eq(len(sizes(1400)), 1, f"{what}: what fits is one packet")
        for about in (maker.plain(), maker.other()):
            path.a.run(f"ip {'-6' if outer == 6 else '-4'} route flush cache")
            for mtu in (1300, 100, 9000):
                wire.send(maker.too_large(about, mtu))
            ok(wait(lambda: f" mtu {1300 if outer == 6 else 552} " in path.a.run(f"ip route get {far}")
                    .replace("lock ", "")), f"{what}: the stack believes it", path.a.run(f"ip route get {far}"))
        eq(sizes(1400), [1024 + 16 + header, 1448 - 1024 + 16 + header], f"{what}: 1400 octets are two fragments")
        eq(max(sizes(20000)), full, f"{what}: fragments are as large as before")
        for small in (10, 400 if outer == 4 and not words else 900):
            eq(sizes(small), [small + 48 + header], f"{what}: {small} octets are whole")
        path.a.ip("link set efh0 type efh fragsize 1024")
        eq(max(sizes(1400)), 1024 + 16 + header, f"{what}: no fragment is larger than it may be")
        path.a.ip("link set efh0 mtu 1400")
        tcp.stream(linked, 6, 1 << 20, "write", PORT + 1)


def believed_natively():
    """The same lies where there is no link: datagrams arrive, if need be in the stack's fragments."""
    for family in (6, 4):
        path = Path()
        wire, seen = Wire(path.r, "ra", path.mac_a, path.mac_ra), Wire(path.r, "ra")
        near, far = path.ends(family)
        maker = Forger(near, far, False, 50000, family)
        tx, rx = path.udp(family, PORT)

        def sizes(length):
            seen.frames()
            tx.send(data(length, length))
            eq(receive(rx), data(length, length), f"IPv{family}: {length} octets arrive")
            return [p.length for p in outers(seen, near) if p.efh]

        eq(max(sizes(20000)), 1496 if family == 6 else 1500, f"IPv{family}: in EFH fragments")
        for mtu in (1300, 100, 9000):
            wire.send(maker.too_large(maker.other(), mtu))
        ok(wait(lambda: f" mtu {1300 if family == 6 else 552} " in path.a.run(f"ip route get {far}")
                .replace("lock ", "")), f"IPv{family}: the stack believes it", path.a.run(f"ip route get {far}"))
        # what it believes is enough for EFH, or so little that it may do it itself
        eq(max(sizes(20000), default=0), 1296 if family == 6 else 0, f"IPv{family}: in EFH fragments as large as that")
        sizes(1400)
        tcp.stream(path, family, 1 << 20, "write", PORT + 1)
        eq(path.a.stats()["out_failed"], 0, f"IPv{family}: nothing failed")
        finish()


def star_path(star):
    """Its first two hosts, as the ends of a path."""
    class Two(Ends):
        a, b, r = star["a"], star["b"], star.r
    return Two()


def amplified():
    """Sources that are made up are sent no more than they seem to send."""
    pair = Pair(gro="off")
    pair.a.efhctl("native add 2001:db8::/64 retransmit on")
    wire = pair.wire()
    maker = Forger(pair.B6, "2001:db8::66", False, 77, 1)
    pair.b.ip(f"neigh replace 2001:db8::66 lladdr {pair.mac_a} dev b0 nud permanent")
    back = Wire(pair.a, "a0")
    controls = [(f"Control messages of kind {kind}", [maker.control(kind=kind) for _ in range(40)]) for kind in KINDS]
    links = [(f"{what}, of a peer", packets) for what, packets in controls]
    quiet = ("ends of packets", *(what for what, _ in controls + links))
    answered = 0
    for what, packets in (
            *controls,
            ("fragments", [maker.fragment() for _ in range(600)]),
            ("ends of packets", [maker.outer(efhwire.header(41, 1, 1024, 0, number) + bytes(8))
                                 for number in range(600)]),
            ("beginnings of packets in a row", [maker.outer(efhwire.header(41, 0, 0, 1, 5000 + number) + bytes(1024))
                                                for number in range(600)]),
            *links):
        if what == links[0][0]:
            pair.b.ip(f"link add efh0 type efh local {pair.B6} remote 2001:db8::66", "link set efh0 up")
            time.sleep(1)
        back.frames(quiet=0.01)
        octets = 0
        for number, packet in enumerate(packets):
            wire.send(packet)
            octets += len(packet) if packet[6] == efhwire.DSTOPTS else 0
            if number % 40 == 39:
                time.sleep(0.1)
        time.sleep(0.4 if len(packets) == 40 else 1)
        came = [frame for frame in back.frames(probes=True) if Packet(frame).src == pair.B6]
        answered += any(map(said, came))
        ok(0 < sum(map(len, came)) <= octets or what in quiet and not came, f"{what}: no more than came",
           f"{sum(map(len, came))} for {octets}")
    ok(answered >= 4, "some of that is answered", answered)
    pair.b.ip("link del efh0")
    pair.b.efhctl("settings set timeout 0.1")
    wait(lambda: not pair.b.stats()["reassembly_packets"])
    wire.close()
    back.close()


def asked():
    """What is lost is asked for, and told of, whatever else seems to come in the same flow."""
    need("tc")
    path = Path(native=False)
    path.native("retransmit on")
    path.r.run("tc qdisc replace dev rb root netem limit 20000 delay 2ms loss 2%")
    wire = Wire(path.r, "rb", path.mac_b, path.mac_rb)
    for family in some((6, 4)):
        tx, rx = path.udp(family, PORT)
        sending = Sending(tx, rx, family, follow=False)
        time.sleep(2)
        flow = max(flows(path.a), key=lambda f: f["fragments"])
        maker = Forger(path.ends(family)[1], path.ends(family)[0], False, flow.get("flowlabel", 0), family)
        made = [(maker.fragment, maker.whole)[number % 2]() for number in range(200)]
        with Attack(wire, made, 0.003) as attack:
            time.sleep(1)
            share = sending.share(SECONDS)
        note(f"IPv{family}: {attack.sent} packets made up")
        ok(share > 0.9, f"IPv{family}: what is lost is sent again", f"{share:.3f}")
        flow = max(flows(path.a), key=lambda f: f["fragments"])
        ok(5000 < flow["loss_ppm"] < 50000, f"IPv{family}: and the source knows what is lost", flow)
        sending.end()
        path.a.efhctl("flow flush")
    wire.close()


if __name__ == "__main__":
    main(links, believed, believed_natively, amplified, *(() if slow() else (asked,)))
