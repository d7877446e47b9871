#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What comes to a link by UDP, from whoever sent it; and hosts on the way."""
import random
import socket
import struct
import threading
import zlib

from efhtest import *
from efhlink import some, thirds
from efhwire import Carried, Packet, icmp_error
from linkudp import (DPORT, HEADERS, INNER, LARGEST, PORT, Inside, Outgoing, Watched, add, counted,
                     finish, join)
import efhwire
import tcp

PROTO = {6: 41, 4: 4}
PAD = b"\x01\x04\0\0\0\0"


def inner_packet(family, length, seed=0, proto=efhwire.UDP, tclass=0):
    a, b = INNER[family]
    return efhwire.ip(a, b, proto, efhwire.udp(a, b, 7, PORT, data(length, seed)), tclass=tclass)


class Peer:
    """The far end of B's link, in octets: B has efh0, and a socket that waits."""

    def __init__(self, outer, gro="on", words="", names="ab"):
        self.outer, self.pair = outer, Pair(gro=gro, names=names)
        self.b = self.pair.b
        self.near, self.far = self.pair.ends(outer)
        add(self.b, self.far, self.near, words, end=1)
        if gro == "on":
            gather(self.b, "b0", 4)
        self.wire = self.pair.wire()
        self.rx = {}
        for family in (6, 4):
            self.rx[family] = self.b.socket(AF[family], bind=(INNER[family][1], PORT))
            self.rx[family].settimeout(1)
        self.ident = 1000

    def under(self, body, sport=50000, dport=DPORT, src=None, check=None, tclass=0):
        src = src or self.near
        return efhwire.ip(src, self.far, efhwire.UDP,
                          efhwire.udp(src, self.far, sport, dport, body, check), tclass=tclass)

    def cut(self, family, length, seed=0, size=1400, **words):
        self.ident += 1
        return [self.under(piece, **words) for piece in efhwire.cut(
            PROTO[family], inner_packet(family, length, seed), size, self.ident)]

    def arrives(self, family, frames, length, what, seed=0):
        self.wire.send(*frames)
        eq(receive(self.rx[family]), data(length, seed) if length else None, what)

    def nothing(self, frames, what, family=6):
        self.rx[family].settimeout(0.15)
        self.arrives(family, frames, 0, what)
        self.rx[family].settimeout(1)


def each(function):
    """Under IPv6 and IPv4, joined and not."""
    for outer, gro in some(((6, "on"), (6, "off"), (4, "off"), (4, "on"))):
        peer = Peer(outer, gro)
        function(peer, f"IPv{outer}, GRO {gro}")
        finish()


def orders():
    """Fragments in every order, some twice, two packets at a time."""
    each(orders_of)


def orders_of(peer, where):
    for family in (6, 4):
        what = f"IPv{family} in {where}"
        for length in (1400, 9000, 60000, LARGEST[family]):
            count = fragments_of(length + (48 if family == 6 else 28), 1400)
            with peer.b.expect(f"{what}: {length} in order", in_fragments=count,
                               in_delivered=count, reassembled=1):
                peer.arrives(family, peer.cut(family, length), length, f"{what}: {length}")
            with peer.b.expect(f"{what}: {length} reversed", in_fragments=count,
                               in_delivered=count, reassembled=1):
                peer.arrives(family, peer.cut(family, length)[::-1], length, f"{what}: reversed")
        frames = peer.cut(family, 9000)
        with peer.b.expect(f"{what}: the third twice", in_fragments=8, in_delivered=7, duplicate=1,
                           reassembled=1):
            peer.arrives(family, frames[:3] + frames[2:], 9000, f"{what}: the third twice")
        one, two = peer.cut(family, 9000, 1), peer.cut(family, 9000, 2)
        peer.wire.send(*[f for pair in zip(one, two) for f in pair])
        got = sorted((receive(peer.rx[family]) for _ in range(2)), key=lambda g: g or b"")
        ok(got == sorted((data(9000, 1), data(9000, 2))), f"{what}: two packets by turns")
        # other source ports are the same source's; another's address is another packet
        frames = [f for k in range(7) for f in peer.cut(family, 9000, 4, sport=1 + k)[k:k + 1]
                  if not setattr(peer, "ident", peer.ident - 1)]
        peer.ident += 1
        peer.arrives(family, frames, 9000, f"{what}: fragments from several ports", 4)
        padded = [peer.under(efhwire.header(
            PROTO[family], k, k * 1024, int(k < 2), 77 + family, extra=PAD + b"\x01\0") +
            inner_packet(family, 2500)[k * 1024:(k + 1) * 1024]) for k in range(3)]
        peer.arrives(family, padded, 2500, f"{what}: padding in a longer header")
        peer.arrives(family, [peer.under(efhwire.header(PROTO[family], 0, 0, 0, 5) +
                                         inner_packet(family, 300))], 300, f"{what}: atomic")


def header(index, offset, more, ident, cache=41, **words):
    return efhwire.header(cache, index, offset, more, ident, **words)


def bad():
    """What is wrong with a fragment has its counter, and the packet of others is none the worse."""
    each(bad_of)


def bad_of(peer, where):
    pad = data(65000)
    size = 1400
    cases = (
        ("another option", "bad_option", header(1, size, 1, 1, extra=b"\x3e\x06" + bytes(6))
         + pad[:size], 2),
        ("a second EFH option", "bad_option", header(1, size, 1, 1, extra=header(
            1, size, 1, 1)[2:] + PAD[:2] + b"\0\0") + pad[:size], None),
        ("option length", "bad_option", header(1, size, 1, 1, optlen=10) + pad[:size], None),
        ("Index 0, Offset 8", "bad_index", header(0, 8, 1, 1) + pad[:size], 5),
        ("Index 0, other Next Header", "bad_index", header(0, 0, 1, 1, nexthdr=59) + pad[:size], 5),
        ("Index 1, Next Header 41", "bad_index", header(1, size, 1, 1, nexthdr=41) + pad[:size], 5),
        ("Index 1, Offset 0", "bad_index", header(1, 0, 1, 1) + pad[:size], 5),
        ("not a multiple of 8", "bad_fragment", header(1, size, 1, 1) + pad[:size - 1], 6),
        ("small", "bad_fragment", header(1, 1016, 1, 1) + pad[:1016], 6),
        ("wrong Offset", "bad_fragment", header(1, size + 8, 1, 1) + pad[:size], 6),
        ("Index 63 and more", "bad_fragment", header(63, 63 * 1024, 1, 1) + pad[:1024], 6),
        ("final without payload", "bad_fragment", header(2, 2 * size, 0, 1), 6),
        ("final longer than L", "bad_fragment", header(2, 2 * 1024, 0, 1) + pad[:1032], 6),
        ("beyond 65535", "too_big", header(46, 46 * size, 1, 1) + pad[:size], None),
    )
    peer.b.sysctl("net.ipv6.icmp.ratelimit", 0)
    peer.b.sysctl("net.ipv4.icmp_ratelimit", 0)
    for what, name, body, octet in cases:
        frames = peer.cut(6, 4000)
        ident = peer.ident
        body = body[:8] + struct.pack("!Q", ident) + body[16:]
        errors = Wire(peer.pair.a, "a0")
        with peer.b.expect(f"{where}, {what}: {name}", in_fragments=4, in_delivered=3,
                           reassembled=1, **{name: 1}):
            peer.arrives(6, [frames[0], peer.under(body), *frames[1:]], 4000, f"{where}, {what}")
        told = [icmp_error(p)[:3] for p in map(Packet, errors.frames(quiet=0.02)) if icmp_error(p)]
        if octet is not None:
            at = octet + (48 if peer.outer == 6 else 28)
            if octet == 2 and len(body) > 16:
                at += 16 - 2        # the option that is not ours
            eq(told, [(4, 0, at)] if peer.outer == 6 else [(12, 0, at << 24)],
               f"{where}, {what}: Parameter Problem")
        errors.close()
    frames = peer.cut(6, 4000)
    ident = peer.ident
    for what, body in (("another L", header(1, 1024, 1, ident) + pad[:1024]),
                       ("another NH Cache", header(1, size, 1, ident, cache=4) + pad[:size]),
                       ("beyond the end", header(5, 5 * size, 1, ident) + pad[:size]),
                       ("another end", header(1, size, 0, ident) + pad[:size])):
        frames = peer.cut(6, 4000)
        body = body[:8] + struct.pack("!Q", peer.ident) + body[16:]
        with peer.b.expect(f"{where}, {what}: mismatch", in_fragments=4, in_delivered=3,
                           reassembled=1, mismatch=1):
            peer.arrives(6, [frames[2], peer.under(body), *frames[:2]], 4000, f"{where}, {what}")


def strangers():
    """What is no packet of the link's is not taken for one, and nothing comes of it."""
    each(strangers_of)


def strangers_of(peer, where):
    small, whole = inner_packet(6, 100), inner_packet(6, 3000)
    rng = random.Random(5)
    for what, body in (("empty", b""), ("one octet", b"\x60"), ("one octet of IPv4", b"\x45"),
                       ("one octet of neither", b"\0"), ("zeros", bytes(1000)),
                       ("half a header of IPv6", small[:30]), ("half of IPv4", b"\x45" + bytes(9)),
                       ("half an EFH header", header(0, 0, 1, 9)[:11]),
                       ("another option", header(0, 0, 1, 9, option=0x3E) + whole[:1024]),
                       ("a header longer than the packet", b"\x29\xff\xde\x0c" + bytes(60)),
                       ("Control", b"\x3b\x04\x5e\x24" + bytes(36))):
        with peer.b.expect(f"{where}, {what}: not counted as EFH", in_fragments=0):
            peer.nothing([peer.under(body)], f"{where}: {what}")
    peer.nothing([peer.under(rng.randbytes(rng.randrange(1400))) for _ in range(100)],
                 f"{where}: random octets")
    for cache, content, what in ((17, whole, "UDP that reads as IPv6"), (58, whole, "ICMPv6"),
                                 (4, whole, "IPv6 that says it is IPv4"),
                                 (41, inner_packet(4, 3000), "IPv4 that says it is IPv6"),
                                 (41, b"\0" + whole[1:], "neither that says it is IPv6")):
        family = 4 if content[0] >> 4 == 4 else 6
        atomic = inner_packet(family, 300)
        atomic = content[:1] + atomic[1:]
        for some in (atomic, content):
            peer.ident += 1
            peer.nothing([peer.under(piece) for piece in
                          efhwire.cut(cache, some, 1400, peer.ident)],
                         f"{where}, NH Cache {cache}: {what}, {len(some)} octets", family)
    # outside
    other = "2001:db8::66" if peer.outer == 6 else "192.0.2.66"
    peer.nothing([peer.under(small, src=other)], f"{where}: from another address")
    peer.nothing(peer.cut(6, 3000, src=other), f"{where}: fragments from another address")
    peer.nothing([peer.under(small, dport=DPORT + 1)], f"{where}: to another port")
    peer.nothing([peer.under(small, check=0x1234)], f"{where}: a wrong checksum")
    peer.nothing([f if k != 1 else f[:-5] + bytes([f[-5] ^ 1]) + f[-4:]
                  for k, f in enumerate(peer.cut(6, 3000))], f"{where}: a wrong bit in a fragment")
    for sport in (1, DPORT, 65535):
        peer.arrives(6, [peer.under(small, sport=sport)], 100, f"{where}: from port {sport}")
        peer.arrives(6, peer.cut(6, 3000, sport=sport), 3000, f"{where}: EFH from port {sport}")


def zero_checksum():
    """No UDP checksum: for a link that says so, and under IPv4."""
    for gro in ("on", "off"):
        for outer, words, taken in ((6, "", False), (6, "noudpcsum", True), (4, "", True)):
            peer = Peer(outer, gro, words)
            what = f"IPv{outer} {words or 'udpcsum'}, GRO {gro}"
            for length in (100, 30000):
                frames = peer.cut(6, length, check=0) if length > 1400 else \
                    [peer.under(inner_packet(6, length), check=0)]
                if taken:
                    peer.arrives(6, frames, length, f"{what}: {length} without a checksum")
                else:
                    peer.nothing(frames, f"{what}: {length} without a checksum")
                frames = peer.cut(6, length) if length > 1400 else \
                    [peer.under(inner_packet(6, length))]
                peer.arrives(6, frames, length, f"{what}: {length} with one")
            frames = [a if k % 2 else b for k, (a, b) in enumerate(zip(
                peer.cut(6, 9000, 3), (setattr(peer, "ident", peer.ident - 1),
                                       peer.cut(6, 9000, 3, check=0))[1]))]
            if taken:
                peer.arrives(6, frames, 9000, f"{what}: every second without one", 3)
            else:
                peer.nothing(frames, f"{what}: every second without one")
            finish()


def ecn():
    """CE of one fragment reaches the inner packet; what RFC 3168 and 6040 forbid is dropped."""
    for outer in (6, 4):
        for gro in ("on", "off"):
            peer = Peer(outer, gro)
            peer.rx[6].setsockopt(socket.IPPROTO_IPV6, 66, 1)   # IPV6_RECVTCLASS
            for marks, inside, expected, counter in (
                    ((2, 2, 2), 2, 2, None), ((2, 3, 2), 2, 3, None), ((3, 2, 2), 1, 3, None),
                    ((2, 2, 3), 2, 3, None), ((0, 3, 0), 2, None, "ecn"),
                    ((3, 3, 3), 0, None, "in_ecn"), ((0, 0, 0), 0, 0, None)):
                what = f"IPv{outer}, GRO {gro}, outer {marks}, inner {inside}"
                peer.ident += 1
                body = inner_packet(6, 3500, 1, tclass=0x28 | inside)
                frames = [peer.under(piece, tclass=mark) for piece, mark in
                          zip(efhwire.cut(41, body, 1400, peer.ident), marks)]
                before = peer.b.stats()["ecn"], counted(peer.b)["in_ecn"]
                peer.wire.send(*frames)
                peer.rx[6].settimeout(1 if expected is not None else 0.2)
                try:
                    got, control, *_ = peer.rx[6].recvmsg(1 << 17, 256)
                    tclass = struct.unpack("=i", control[0][2])[0]
                except TimeoutError:
                    got = tclass = None
                eq((got and len(got), tclass), (None, None) if expected is None else
                   (3500, 0x28 | expected), what)
                eq((peer.b.stats()["ecn"] - before[0], counted(peer.b)["in_ecn"] - before[1]),
                   (3 * (counter == "ecn"), int(counter == "in_ecn")), f"{what}: counters")
            finish()


def sequence(peers, seed):
    """The same frames for several hosts: packets plain and in pieces, out of order, by turns."""
    rng = random.Random(seed)
    queues = []
    for number in range(rng.randrange(1, 6)):
        family, sport = rng.choice((6, 4)), rng.choice((50000, 50001))
        length = rng.choice((10, 600, 1200, 1500, 3000, 9000, 20000))
        packet = inner_packet(family, length, seed + number)
        if length <= 1200 and rng.random() < 0.8:
            pieces = [packet]
        else:
            pieces = efhwire.cut(PROTO[family], packet, rng.choice((1024, 1400)),
                                 seed << 16 | number >> rng.choice((0, 0, 0, 1)))
        for _ in range(rng.choice((0, 0, 1, 2))):
            at = rng.randrange(len(pieces))
            kind = rng.choice(("lose", "double", "swap", "reverse", "plain"))
            if kind == "lose" and len(pieces) > 1:
                del pieces[at]
            elif kind == "double":
                pieces.insert(at, pieces[at])
            elif kind == "swap":
                pieces[0], pieces[at] = pieces[at], pieces[0]
            elif kind == "reverse":
                pieces.reverse()
            else:
                pieces.insert(at, inner_packet(family, 300, seed + at))
        check = 0 if rng.random() < 0.1 else None
        tclass = rng.choice((0, 0, 0, 2))
        queues.append([(piece, sport, check, tclass if rng.random() < 0.95 else 1)
                       for piece in pieces])
    order = []
    while left := [q for q in queues if q]:
        order.append((rng.choice(left) if seed % 3 else left[0]).pop(0))
    return [[peer.under(piece, sport, check=check, tclass=tclass)
             for piece, sport, check, tclass in order] for peer in peers]


def delivered(peer):
    found = []
    for family in (6, 4):
        peer.rx[family].settimeout(0)
        while (got := receive(peer.rx[family])) is not None:
            found.append((family, len(got), zlib.crc32(got)))
    return sorted(found)


def differential():
    """Plain packets and fragments of one outer flow: what is joined makes no difference."""
    names = ("in_fragments", "in_delivered", "in_atomic", "reassembled", "reassembly_packets",
             "reassembly_fragments") + DROPS
    for outer in (6, 4):
        joins = Peer(outer, "on")
        plain = Peer(outer, "off", names="cd")
        received = [peer.b.snmp("Ip6InReceives" if outer == 6 else "IpInReceives")
                    for peer in (joins, plain)]
        wrong = []
        for seed in range(100, 180):
            before = [p.b.stats() for p in (joins, plain)]
            frames = sequence((joins, plain), seed)
            expected = sum(Carried(f).efh is not None for f in frames[0])
            for peer, some in zip((joins, plain), frames):
                peer.wire.send(*some)
            # those without a checksum are not EFH's
            if outer == 6:
                expected -= sum(Carried(f).efh is not None and not Carried(f).check
                                for f in frames[0])
            for peer, then in zip((joins, plain), before):
                wait(lambda p=peer, t=then, e=expected:
                     p.b.stats()["in_fragments"] >= t["in_fragments"] + e, 2)
            time.sleep(0.02)
            found = [(delivered(peer), {n: peer.b.stats()[n] - then[n] for n in names
                                        if peer.b.stats()[n] != then[n]})
                     for peer, then in zip((joins, plain), before)]
            if found[0] != found[1]:
                wrong.append(f"seed {seed}: {len(frames[0])} frames\n  GRO on  {found[0]}\n"
                             f"  GRO off {found[1]}")
        ok(not wrong, f"IPv{outer}: 80 sequences delivered and counted as without GRO",
           "\n".join(wrong[:4]))
        seen = [peer.b.snmp("Ip6InReceives" if outer == 6 else "IpInReceives") - then
                for peer, then in zip((joins, plain), received)]
        ok(seen[0] < seen[1] * 0.85, f"IPv{outer}: many of them joined", seen)
        finish()


def joined():
    """What fits is joined by the flow inside, what does not packet by packet."""
    for outer in some((6, 4)):
        path = Path(native=False)
        gather(path.b, "b0", 2)
        join(path, outer, mtu=1300)
        for family in (6, 4):
            tap = Wire(path.b, "b0")
            segment = tcp.stream(Inside(path), family, 4 << 20, "write", 8500 + family)
            lengths = [len(f) for f in tap.frames() if Packet(f).src == path.ends(outer)[0]]
            ok(segment < 1300 and max(lengths) > 5000,
               f"IPv{family} in IPv{outer}: TCP is joined before the link", max(lengths))
            tap.close()
        for ns in (path.a, path.b):
            ns.ip("link set efh0 mtu 65535")
        for family in (6, 4):
            tx, rx = Inside(path).udp(family)
            tap = Wire(path.b, "b0")
            tx.send(data(60000))
            eq(receive(rx), data(60000), f"IPv{family} in IPv{outer}: 60000 octets")
            lengths = [len(f) for f in tap.frames() if Packet(f).src == path.ends(outer)[0]]
            ok(len(lengths) < 12 and max(lengths) > 20000,
               f"IPv{family} in IPv{outer}: fragments are joined before the link", lengths)
            tx.close()
            rx.close()
        finish()


def one_flow():
    """TCP that fits, and datagrams that don't, with the same ports: nothing of one in the other."""
    for outer in (6, 4):
        path = Path(native=False)
        gather(path.b, "b0", 2)
        join(path, outer, "sport 7 7")
        for family in (6, 4):
            near, far = INNER[family]
            path.a.ip(f"route replace {far} dev efh0 src {near} advmss 1200")
            path.b.ip(f"route replace {near} dev efh0 src {far} advmss 1200")
            tx, rx = Inside(path).udp(family)
            tap = Wire(path.b, "b0")
            stop = threading.Event()
            sent = [0]

            def send(tx=tx, stop=stop, sent=sent):
                while not stop.is_set():
                    tx.send(sent[0].to_bytes(4, "big") + data(6000, sent[0]))
                    sent[0] += 1
                    time.sleep(0.002)

            thread = threading.Thread(target=send, daemon=True)
            thread.start()
            segment = tcp.stream(Inside(path), family, 8 << 20, "write", 8500 + family)
            stop.set()
            thread.join()
            rx.settimeout(0.5)
            came, wrong = 0, []
            while (got := receive(rx)) is not None:
                came += 1
                number = int.from_bytes(got[:4], "big")
                if got[4:] != data(6000, number):
                    wrong.append((number, len(got)))
            what = f"IPv{family} in IPv{outer}"
            ok(not wrong, f"{what}: {came} of {sent[0]} datagrams, each as it was sent", wrong[:5])
            ok(came > 5 and segment <= 1200, f"{what}: both at a time", (came, segment))
            kinds = {f[HEADERS[outer]] >> 4 for f in tap.frames()
                     if Packet(f).src == path.ends(outer)[0] and len(f) > 1500}
            # the first four bits: of an IP header, or of Next Header, 59 but in a first fragment
            eq(kinds - {3}, {family, PROTO[family] >> 4}, f"{what}: each was joined with its like")
            for sock in (tx, rx, tap):
                sock.close()
        finish()


def changed(frame, outer):
    """As a router sends it on; but for checksums that were left to be made."""
    if outer == 6:
        return frame[:7] + bytes([frame[7] - 1]) + frame[8:]
    head = frame[:8] + bytes([frame[8] - 1]) + frame[9:10] + b"\0\0" + frame[12:20]
    return head[:10] + struct.pack("!H", efhwire.checksum(head)) + head[12:] + frame[20:]


RULES = """table inet efh {
    counter every { }
    counter invalid { }
    chain f { type filter hook forward priority 0;
        udp dport 8060 counter name every
        ct state invalid counter name invalid drop } }"""


def router():
    """A router whose own link has the port joins what is not for it, and sends it on as it was."""
    for outer in (6, 4):
        for tx, rules in (("off", ""), ("on", ""), ("off", RULES)):
            path = Path(native=False, router_gro="on")
            path.b.run("ethtool -K b0 gro off")
            path.a.run(f"ethtool -K a0 tx {tx} tso off gso off")
            path.r.run(f"ethtool -K rb tx {tx} tso off gso off")
            gather(path.r, "ra", 3)
            join(path, outer)
            add(path.r, path.RA6 if outer == 6 else path.RA4,
                "2001:db8:1::77" if outer == 6 else "192.0.2.77")
            if rules:
                need("nft")
                path.r.nft(rules)
            what = f"IPv{outer}, tx {tx}{', tracked' if rules else ''}"
            name = "Ip6OutForwDatagrams" if outer == 6 else "IpForwDatagrams"
            src = path.ends(outer)[0]
            before, total = path.r.snmp(name), 0
            for family in (6, 4):
                there, here = Outgoing(path.a, "a0"), Wire(path.b, "b0")
                tx_sock, rx = Inside(path).udp(family)
                for length in (100, 1400, 1500, 9000, 60000, LARGEST[family]):
                    there.frames(quiet=0)
                    here.frames(quiet=0)
                    tx_sock.send(data(length, length))
                    eq(receive(rx), data(length, length), f"{what}: IPv{family}, {length}")
                    sent = [f for f in there.frames(quiet=0.03) if Packet(f).src == src]
                    came = [f for f in here.frames(quiet=0.03) if Packet(f).src == src]
                    total += len(sent)
                    seen = Watched(came, outer, src, check="good" if tx == "off" else "left")
                    if tx == "off":
                        good = came == [changed(f, outer) for f in sent]
                    else:
                        good = len(came) == len(sent) and not seen.wrong
                    if not good:
                        ok(False, f"{what}: IPv{family}, {length}: as it was sent",
                           f"{len(came)} of {len(sent)}\n" + "\n".join(seen.wrong[:4]))
                tcp.stream(Inside(path), family, 1 << 20, "write", 8500 + family)
                for sock in (tx_sock, rx, there, here):
                    sock.close()
            ok(path.r.snmp(name) - before < total, f"{what}: joined on the way",
               (path.r.snmp(name) - before, total))
            eq(path.r.stats()["in_fragments"], 0, f"{what}: the router took none in")
            for ns in (path.a, path.b):
                ns.ip("link set efh0 mtu 1300")
            for family in (6, 4):
                tcp.stream(Inside(path), family, 1 << 20, "write", 8600 + family)
            if rules:
                listing = path.r.run("nft list counter inet efh invalid")
                ok("packets 0" in listing, f"{what}: nothing invalid", listing)
            finish()


def nat():
    """A far end that knows the NAT's address only; the NAT may have a link of its own."""
    need("nft")
    for outer in (6, 4):
        for own in (False, True):
            for tx in ("on", "off"):
                path = Path(native=False, router_gro="on" if own else "off")
                what = f"IPv{outer}, router with{'' if own else 'out'} a link, tx {tx}"
                for ns, dev in ((path.a, "a0"), (path.b, "b0"), (path.r, "ra"), (path.r, "rb")):
                    ns.run(f"ethtool -K {dev} tx {tx} tso off gso off")
                a, b = path.ends(outer)
                there = path.RB6 if outer == 6 else path.RB4
                add(path.a, a, b, end=0)
                add(path.b, b, there, end=1)
                if own:
                    gather(path.r, "ra", 3)
                    gather(path.r, "rb", 3)
                    add(path.r, path.RA6 if outer == 6 else path.RA4,
                        "2001:db8:1::77" if outer == 6 else "192.0.2.77")
                word = "ip6" if outer == 6 else "ip"
                path.r.nft(f"""table inet efh {{
                    chain pre {{ type nat hook prerouting priority -100;
                        iifname rb udp dport 8060 dnat {word} to {a} }}
                    chain post {{ type nat hook postrouting priority 100;
                        oifname rb udp dport 8060 masquerade }} }}""")
                for family in (6, 4):
                    for back in (False, True):
                        inside = Inside(path, back)
                        sock, rx = inside.udp(family)
                        rx.settimeout(2)
                        tap = Outgoing(path.r, "ra" if back else "rb")
                        for length in (100, 1400, 9000, 60000):
                            sock.send(data(length, length))
                            eq(receive(rx), data(length, length), f"{what}: IPv{family} "
                               f"{'back' if back else 'there'}, {length}")
                        seen = Watched(tap.frames(), outer, b if back else there,
                                       check="any" if tx == "on" else "good",
                                       sports=(1, 65535)).check(f"{what}: IPv{family}")
                        eq(seen.large, 2, f"{what}: IPv{family}, both large ones")
                        for sock in (sock, rx, tap):
                            sock.close()
                    if seen.wrong:
                        continue    # TCP would take its time
                    tcp.stream(Inside(path), family, 1 << 20, "write", 8500 + family)
                    tcp.stream(Inside(path, True), family, 1 << 20, "write", 8510 + family)
                finish()


if __name__ == "__main__":
    main(orders, zero_checksum, joined, *thirds((bad, strangers, ecn, differential, one_flow, router, nat)))
