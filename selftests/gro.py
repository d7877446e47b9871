#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Fragments that are joined early: nothing but the time it takes may differ.

Most tests let a device wait a few milliseconds before it polls, so that what
arrived meanwhile is joined however slow the machine is.
"""
import operator
import random
import socket
import struct
import zlib

from efhtest import *
from efhwire import Packet
import efhwire

PORT = 9999
IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IP_RECVTTL, IP_RECVTOS = 51, 66, 12, 13
PAD = b"\x01\x04\0\0\0\0"
# what cannot be joined leaves GRO as it came
COUNTED = ("in_fragments", "in_delivered", "in_atomic", "reassembled", "reassembly_packets",
           "reassembly_fragments") + DROPS


class Stream:
    """The fragments of one packet, and what an unkind network makes of them."""

    def __init__(self, rng, ends, family, seed):
        self.rng, self.family = rng, family
        self.src, self.dst = ends[family]
        self.size = rng.choice((1024, 1200, 1440))
        count = rng.choice((1, 2, 2, 3, 4, 5, 8, 16, 40))
        self.body = efhwire.udp(self.src, self.dst, 7, PORT, data(
            max(0, count * self.size - 8 - rng.choice((0, 1, 8, self.size - 1,
                                                       rng.randrange(self.size)))), seed))
        self.ident = rng.getrandbits(64)
        self.ip = {"tclass": rng.choice((0, 1, 2, 3, 0xB8)), "hops": rng.choice((64, 9)),
                   "ident": rng.getrandbits(16) if family == 4 else 0}
        if family == 6:
            self.ip["label"] = rng.getrandbits(20)
        self.pieces = [(piece, self.ip) for piece in self.cut()]

    def cut(self, size=None, proto=efhwire.UDP, ps=0):
        return efhwire.cut(proto, self.body, size or self.size, self.ident, ps=ps)

    def any(self):
        return self.rng.randrange(len(self.pieces))

    def insert(self, piece, **changes):
        """Put another one somewhere."""
        self.pieces.insert(self.rng.randrange(len(self.pieces) + 1),
                           (piece, {**self.ip, **changes}))

    def change(self, **changes):
        k = self.any()
        self.pieces[k] = self.pieces[k][0], {**self.pieces[k][1], **changes}

    def duplicated(self):
        for _ in range(self.rng.randrange(1, 5)):
            self.insert(self.pieces[self.any()][0])

    def swapped(self):
        for _ in range(self.rng.randrange(1, 4)):
            k = self.any()
            self.pieces[k - 1], self.pieces[k] = self.pieces[k], self.pieces[k - 1]

    def shuffled(self):
        self.rng.shuffle(self.pieces)

    def reversed(self):
        self.pieces.reverse()

    def lost(self):
        del self.pieces[self.any()]

    def of_other_size(self):
        self.insert(self.rng.choice(self.cut(self.rng.choice((1024, 1200, 1440, 1448)))))

    def of_other_protocol(self):
        self.insert(self.rng.choice(self.cut(proto=253)))

    def of_other_kind(self):
        self.insert(self.rng.choice(self.cut(ps=self.rng.choice((1, 2, 3)))))

    def other_final(self):
        """A final one where there is none, or another end of the last."""
        k = self.rng.randrange(1, len(self.pieces) + 3)
        self.insert(efhwire.header(efhwire.UDP, k, k * self.size, 0, self.ident) +
                    data(self.rng.randrange(1, self.size), 5))

    def beyond(self):
        """One more, where the end was."""
        k = min(62, len(self.pieces) + self.rng.randrange(2))
        self.insert(efhwire.header(efhwire.UDP, k, k * self.size, 1, self.ident) +
                    data(self.size, 6))

    def other_ecn(self):
        for _ in range(self.rng.randrange(1, 3)):
            self.change(tclass=self.ip["tclass"] & ~3 | self.rng.randrange(4))

    def other_class(self):
        self.change(tclass=0x28)

    def other_hops(self):
        self.change(hops=self.rng.choice((63, 8, 200)))

    def other_head(self):
        """The flow label, or IPv4's Identification."""
        self.change(**({"label": 5} if self.family == 6 else {"ident": 5}))

    def malformed(self):
        bad = bytearray(self.rng.choice(self.cut()))
        at, value = self.rng.choice(((0, 17), (3, 11), (5, 4), (6, 0x55), (7, 0xF8), (1, 2)))
        bad[at] ^= value
        self.insert(bytes(bad))

    def with_padding(self):
        """A header of 24 octets: nothing for GRO."""
        k = self.any()
        piece, ipargs = self.pieces[k]
        self.pieces[k] = (piece[:1] + b"\x02" + piece[2:16] + b"\x01\x06" + bytes(6) +
                          piece[16:], ipargs)

    def behind_header(self):
        """Other destination options come before."""
        k = self.any()
        piece, ipargs = self.pieces[k]
        if self.family == 6:
            self.pieces[k] = bytes([efhwire.DSTOPTS, 0]) + PAD + piece, ipargs

    def interrupted(self):
        """Packets that are none of fragments, and an atomic one, of the same flow."""
        self.insert(efhwire.header(efhwire.UDP, 0, 0, 0, self.rng.getrandbits(64)) +
                    efhwire.udp(self.src, self.dst, 7, PORT, data(self.rng.randrange(900), 3)))
        self.insert(None)

    def again(self):
        """All of it once more, as a network may do."""
        self.pieces += self.pieces

    def frames(self):
        for piece, ipargs in self.pieces:
            if piece is None:
                yield efhwire.ip(self.src, self.dst, efhwire.UDP, efhwire.udp(
                    self.src, self.dst, 7, PORT, b"small"), **ipargs)
            else:
                yield efhwire.ip(self.src, self.dst, efhwire.DSTOPTS, piece, **ipargs)


ORDERS = [Stream.duplicated, Stream.swapped, Stream.shuffled, Stream.reversed, Stream.lost,
          Stream.again]
KINDS = ORDERS + [Stream.of_other_size, Stream.of_other_protocol, Stream.of_other_kind,
                  Stream.other_ecn, Stream.other_class, Stream.other_hops, Stream.other_head]
# two opinions of where the packet ends
ENDS = ORDERS + [Stream.other_final, Stream.beyond] * 3
# nothing that GRO joins
STRANGE = ORDERS + [Stream.malformed, Stream.with_padding, Stream.behind_header,
                    Stream.interrupted] * 2


def sequence(seed, ends, kinds):
    """Frames of a few packets, one or two things wrong with each; and what is wrong."""
    rng = random.Random(seed)
    family = rng.choice((6, 4))
    streams, done = [], []
    for n in range(rng.choice((1, 1, 2, 3, 4))):
        streams.append(Stream(rng, ends, family if rng.random() < 0.8 else 10 - family,
                              seed * 8 + n))
        for _ in range(rng.choice((0, 1, 1, 2))):
            kind = rng.choice(kinds)
            if streams[-1].pieces:
                kind(streams[-1])
                done.append(kind.__name__)
    queues = [list(stream.frames()) for stream in streams]
    frames = []
    together = rng.random() < 0.6
    while queue := [q for q in queues if q]:
        chosen = rng.choice(queue) if together else queue[0]
        frames.append(chosen.pop(0))
    return frames, done


class Receiver:
    """A host, the wire to it, and what it delivers with what it says of it."""

    def __init__(self, host, wire, ends):
        self.host, self.wire, self.expected = host, wire, host.stats()["in_fragments"]
        self.socks = []
        for family in (6, 4):
            sock = host.socket(AF[family], bind=(ends[family][1], PORT))
            if family == 6:
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVTCLASS, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
                sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
            sock.settimeout(0)
            self.socks.append(sock)
        self.before, self.got = host.stats(), []

    def send(self, frames):
        self.got = []
        # a veth takes 256
        for at in range(0, len(frames), 100):
            some = frames[at:at + 100]
            self.wire.send(*some)
            self.expected += sum(p.efh is not None or p.headers[0] == efhwire.DSTOPTS
                                 for p in map(Packet, some))
            wait(lambda: self.host.stats()["in_fragments"] >= self.expected, 3)

    def delivered(self):
        """Since the last sequence began."""
        for sock in self.socks:
            try:
                while True:
                    datagram, ancillary, *_ = sock.recvmsg(1 << 17, 256)
                    self.got.append((sock.family.name, len(datagram), zlib.crc32(datagram), sorted(
                        (kind, value[0]) for _, kind, value in ancillary)))
            except BlockingIOError:
                pass
        return sorted(self.got)

    def counted(self):
        now = self.host.stats()
        return {name: now[name] - self.before[name] for name in COUNTED
                if now[name] != self.before[name]}


def compare(name, prepare, seeds, kinds=KINDS):
    """The same frames to a host with GRO and to one without."""
    joins, plain = Pair(2000), Pair(2000, gro="off", names="cd")
    ends = {6: (Pair.A6, Pair.B6), 4: (Pair.A4, Pair.B4)}
    prepare(joins.b)
    hosts = [Receiver(pair.b, pair.wire(), ends) for pair in (joins, plain)]
    for host in hosts:
        host.host.efhctl("settings set memory 64000000")
    before = [host.snmp("Ip6InReceives") for host in (joins.b, plain.b)]
    wrong = []
    for seed in seeds:
        frames, kinds_done = sequence(seed, ends, kinds)
        for host in hosts:
            host.send(frames)

        def found():
            return [(host.delivered(), host.counted()) for host in hosts]

        # what was counted may still be on its way to its socket
        if not wait(lambda: operator.eq(*found()), 1):
            wrong.append(f"seed {seed} {kinds_done}: {len(frames)} frames")
            wrong += [f"  GRO {gro}  {seen}" for gro, seen in zip(("on", "off"), found())]
            if len(wrong) > 8:
                break
            for host in hosts:      # what comes next is judged for itself
                host.before = host.host.stats()
                host.expected = host.before["in_fragments"]
    ok(not wrong, f"{name}: {len(seeds)} sequences of frames, delivered and counted as without "
       "GRO", "\n".join(wrong))
    after = [host.snmp("Ip6InReceives") for host in (joins.b, plain.b)]
    seen = [b - a for a, b in zip(before, after)]
    ok(seen[0] < seen[1] * 0.75, f"{name}: many of them joined", seen)
    note(f"{seen} packets of IPv6; {hosts[1].counted()}")


def together(host):
    """All frames in one poll."""
    gather(host, "b0", 4)


def one_by_one(host):
    """A poll for each frame; what GRO holds it holds across polls."""
    host.device("b0", gro_flush_timeout=4000000)


def differential():
    compare("one poll", together, range(1000, 1080))


def differential_polls():
    compare("many polls", one_by_one, range(2000, 2060))


def differential_ends():
    compare("ends in dispute", together, range(3000, 3040), ENDS)


def differential_strange():
    compare("some not joined", together, range(4000, 4060), STRANGE)


def joined_order():
    """Datagrams of one socket keep their order, whether they are one packet or 42."""
    path = Path()
    gather(path.b, "b0")
    lengths = (100, 2000, 1, 7000, 1400, 60000, 3, 2880, 1432, 1440, 60000, 50, 1500)
    for family in (6, 4):
        tx, rx = path.udp(family)
        rx.settimeout(2)
        tx.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 0)
        got, sent, number = [], [], 0
        for _ in range(8):
            for length in random.Random(number).sample(lengths, 6):
                sent.append(number.to_bytes(4, "big") + data(length, number))
                tx.send(sent[-1])
                number += 1
            got += [receive(rx) for _ in range(6)]
        eq([g and int.from_bytes(g[:4], "big") for g in got], list(range(number)),
           f"IPv{family}: {number} datagrams arrive in order")
        ok(got == sent, f"IPv{family}: each of them whole")


def order_after_loss():
    """A packet that lost a fragment delays none behind it, and turns none about."""
    pair = Pair()
    gather(pair.b, "b0")
    wire = pair.wire()
    for family, a, b in ((6, pair.A6, pair.B6), (4, pair.A4, pair.B4)):
        rx = pair.b.socket(AF[family], bind=(b, PORT))
        rx.settimeout(1)
        frames = []
        for number, length in enumerate((5000, 5000, 100, 9000, 100)):
            body = efhwire.udp(a, b, 7, PORT, bytes([number]) + data(length))
            if length == 100:
                frames.append(efhwire.ip(a, b, efhwire.UDP, body))
                continue
            pieces = efhwire.fragments(a, b, efhwire.UDP, body, 1440, family << 40 | number)
            frames += pieces if number else pieces[:2] + pieces[3:]
        wire.send(*frames)
        got = [receive(rx) for _ in range(4)]
        eq([g and g[0] for g in got], [1, 2, 3, 4], f"IPv{family}: the others in their order")


def short_frames():
    """Ethernet fills up small ones: what is behind a packet is none of it."""
    pair = Pair()
    gather(pair.b, "b0")
    wire = pair.wire()
    for family, a, b in ((6, pair.A6, pair.B6), (4, pair.A4, pair.B4)):
        rx = pair.b.socket(AF[family], bind=(b, PORT))
        pieces = efhwire.fragments(a, b, efhwire.UDP, efhwire.udp(
            a, b, 7, PORT, data(2 * 1024 - 8 + 1)), 1024, 77)
        for padded in (2, 1, 0):
            frames = list(pieces)
            frames[padded] += bytes(19)
            wire.send(*frames)
            eq(receive(rx), data(2 * 1024 - 8 + 1),
               f"IPv{family}: octets behind fragment {padded} of 3")


def checksums():
    """A wrong octet anywhere is found by the transport's checksum, if there is one."""
    pair = Pair()
    gather(pair.b, "b0")
    wire = pair.wire()
    for family, a, b in ((6, pair.A6, pair.B6), (4, pair.A4, pair.B4)):
        rx = pair.b.socket(AF[family], bind=(b, PORT))
        name = "Udp6InCsumErrors" if family == 6 else "UdpInCsumErrors"
        before = pair.b.snmp(name)
        rx.settimeout(0.05)
        body = efhwire.udp(a, b, 7, PORT, data(9000))
        for number, at in enumerate((8, 1439, 1440, 2000, 2880, 9007)):
            bad = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
            wire.send(*efhwire.fragments(a, b, efhwire.UDP, bad, 1440, number))
            eq(receive(rx), None, f"IPv{family}: octet {at} of 9008 is wrong: not delivered")
        eq(pair.b.snmp(name) - before, 6, f"IPv{family}: six checksum errors")
        rx.settimeout(0.5)
        none = body[:6] + b"\0\0" + body[8:]
        wire.send(*efhwire.fragments(a, b, efhwire.UDP, none, 1440, 100))
        eq(receive(rx), data(9000) if family == 4 else None, f"IPv{family}: no checksum at all")
        if family == 6:
            rx.setsockopt(SOL_UDP, 102, 1)      # UDP_NO_CHECK6_RX
            wire.send(*efhwire.fragments(a, b, efhwire.UDP, none, 1440, 101))
            eq(receive(rx), data(9000), "IPv6: no checksum, as the socket has it")
        wire.send(*efhwire.fragments(a, b, efhwire.UDP, body, 1440, 102))
        eq(receive(rx), data(9000), f"IPv{family}: the right one")


def link_header():
    """A packet made of a run that had to be taken apart still comes from where it came from."""
    need("nft")
    pair = Pair()
    gather(pair.b, "b0")
    wire = pair.wire()
    rule = f"""table inet efh {{ chain in {{ type filter hook input priority 0;
        udp dport {PORT} ether saddr {pair.mac_a} drop }} }}"""
    for number, (family, a, b) in enumerate(((6, pair.A6, pair.B6), (4, pair.A4, pair.B4))):
        rx = pair.b.socket(AF[family], bind=(b, PORT))
        rx.settimeout(0.3)
        pair.b.nft(rule)
        pieces = efhwire.fragments(a, b, efhwire.UDP, efhwire.udp(a, b, 7, PORT, data(3000)),
                                   1440, number)
        with pair.b.expect(f"IPv{family}: the second of three was there already", duplicate=1,
                           reassembled=1):
            wire.send(pieces[1])
            time.sleep(0.1)
            wire.send(*pieces)
            eq(receive(rx), None, f"IPv{family}: a rule on the sender's address holds")
        pair.b.nft("flush ruleset")
        wire.send(*efhwire.fragments(a, b, efhwire.UDP, efhwire.udp(a, b, 7, PORT, data(3000)),
                                     1440, 10 + number))
        eq(receive(rx), data(3000), f"IPv{family}: without the rule it is received")


def tcp_behind_options():
    """What TCP joins behind longer options is no packet's first fragment, if it looks like one."""
    pair = Pair(9000)
    gather(pair.b, "b0", 50)
    wire = pair.wire()
    a, b, size, ident = pair.A6, pair.B6, 4096, 0x1122334455667788
    # checksum offload as for a guest, so that TCP has no reason to let it go
    wire.sock.setsockopt(263, 15, 1)    # SOL_PACKET, PACKET_VNET_HDR
    head = bytes(10) + bytes(wire.dst) + bytes(wire.src) + b"\x86\xdd"
    segment = struct.pack("!HHIIBBHHH", 7, 8, 1, 1, 5 << 4, 0x10, 1000, 0, 0) + data(size)
    value = efhwire.checksum(efhwire.pseudo(a, b, len(segment), efhwire.TCP) + segment)
    segment = segment[:16] + struct.pack("!H", value) + segment[18:]
    first = efhwire.header(efhwire.TCP, 0, 0, 1, ident, extra=b"\x01\x06" + bytes(6)) + segment
    last = [efhwire.header(efhwire.TCP, 1, size, more, ident) + data(size) for more in (1, 0)]
    first, twin, last = (efhwire.ip(a, b, efhwire.DSTOPTS, piece) for piece in (first, *last))
    before = pair.b.stats()
    for _ in range(10):
        for frames in ((twin,), (first, last)):
            for frame in frames:
                wire.sock.send(head + frame)
            time.sleep(0.1)
    now = pair.b.stats()
    # TCP's header makes the first one's length none of a fragment's
    eq([now[name] - before[name] for name in ("in_fragments", "bad_fragment", "reassembled")],
       [30, 10, 0], "each counts for itself")
    rx = pair.b.socket(bind=(b, PORT))
    wire.sock.setsockopt(263, 15, 0)
    wire.send(*efhwire.fragments(a, b, efhwire.UDP, efhwire.udp(a, b, 7, PORT, data(9000)), 1440,
                                 1))
    eq(receive(rx), data(9000), "and others arrive as ever")


if __name__ == "__main__":
    main(differential, differential_polls, differential_ends, differential_strange, joined_order,
         order_after_loss, short_frames, checksums, link_header,
         tcp_behind_options)
