#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Datagrams of all sizes through a router, as EFH fragments and back."""
from efhtest import *
from efhwire import Packet
import efhwire


def sizes(mtu, family):
    """Around everything that changes the number or shape of fragments."""
    size = fragment_size(mtu, family)
    head = 40 if family == 6 else 20
    biggest = min(65527 if family == 6 else 65507, 64 * size - 8)
    found = {1, 7, 8, 9, 1015, 1016, 1017, 1023, 1024, 1025, 20000, 32768, 60000,
             biggest - 1, biggest}
    found |= set(range(500, biggest, 997))
    found |= {mtu - head - 8 + d for d in (-1, 0, 1, 8)}
    for count in (1, 2, 3, 7, 44, 45, 63, 64):
        found |= {count * size - 8 + d for d in (-8, -1, 0, 1, 8)}
    return sorted(s for s in found if 1 <= s <= biggest)


def sweep(path, family, mtu):
    """Every size there and back; fragments counted as wire.rst section 3 has them."""
    tx, rx = path.udp(family)
    size = fragment_size(mtu, family)
    head = 40 if family == 6 else 20
    packets = count = 0
    wrong = []
    before, far = path.a.stats(), path.b.stats()
    chosen = sizes(mtu, family)
    for length in chosen:
        sent = data(length, length)
        tx.send(sent)
        got, peer = rx.recvfrom(1 << 17) if wait_readable(rx) else (None, None)
        if got != sent:
            wrong.append(f"{length}: {short(got)}")
            continue
        rx.sendto(got[::-1], peer[:2])
        if receive(tx) != sent[::-1]:
            wrong.append(f"{length}: the answer")
        if head + 8 + length > mtu:
            packets += 1
            count += fragments_of(8 + length, size)
    ok(not wrong, f"IPv{family} MTU {mtu}: {len(chosen)} sizes there and back",
       "\n".join(wrong))
    for name, ns, old in (("A", path.a, before), ("B", path.b, far)):
        now = ns.stats()
        change = {k: now[k] - old[k] for k in
                  ("out_packets", "out_fragments", "in_fragments", "in_delivered", "reassembled",
                   "in_atomic", "out_failed")}
        eq(change, {"out_packets": packets, "out_fragments": count, "in_fragments": count,
                    "in_delivered": count, "reassembled": packets, "in_atomic": 0,
                    "out_failed": 0}, f"IPv{family} MTU {mtu}: {name}'s counters")


def wait_readable(sock):
    import select
    return select.select([sock], [], [], 10)[0]


def at_mtu(mtu):
    path = Path(mtu)
    for family in (6, 4):
        sweep(path, family, mtu)


def mtu_1280():
    at_mtu(1280)


def mtu_1500():
    at_mtu(1500)


def mtu_4000():
    at_mtu(4000)


def mtu_9000():
    at_mtu(9000)


def wire():
    """The fragments themselves, field by field."""
    path = Path()
    for family in (6, 4):
        tx, rx = path.udp(family)
        seen = Wire(path.r, "ra")
        lengths = (60000, 1473, 3 * 1440 - 8, 1453 if family == 6 else 1474)
        for number, length in enumerate(lengths):
            tx.send(data(length, number))
        for number, length in enumerate(lengths):
            eq(receive(rx), data(length, number), f"IPv{family} {length} octets arrive")
        packets = [Packet(p) for p in seen.frames()]
        packets = [p for p in packets if p.src == path.ends(family)[0]]
        check_wire(packets, family, lengths)


def check_wire(packets, family, lengths):
    size = fragment_size(1500, family)
    at, idents = 0, []
    for length in lengths:
        count = fragments_of(8 + length, size)
        mine, at = packets[at:at + count], at + count
        first = mine[0]
        wrong = []
        for k, p in enumerate(mine):
            last = k == count - 1
            expected = (efhwire.NONE if k else efhwire.UDP, efhwire.UDP, k, 0, k * size,
                        int(not last), first.ident if first.efh else None)
            if p.efh != expected:
                wrong.append(f"fragment {k}: {p.efh}, expected {expected}")
                continue
            if p.data[p.efh_at:p.efh_at + 4] != bytes([expected[0], 1, 0xDE, 12]):
                wrong.append(f"fragment {k}: header {p.data[p.efh_at:p.at].hex()}")
            if len(p.payload) != (8 + length - k * size if last else size):
                wrong.append(f"fragment {k}: payload {len(p.payload)}")
            if (p.label, p.tclass, p.hops) != (first.label, first.tclass, first.hops):
                wrong.append(f"fragment {k}: label, class or hop limit")
            if p.length > 1500 or family == 4 and not p.df:
                wrong.append(f"fragment {k}: length {p.length}, or DF clear")
            if family == 4 and efhwire.checksum(p.data[:20]):
                wrong.append(f"fragment {k}: IPv4 header checksum")
        ok(not wrong and len(mine) == count, f"IPv{family} {length} octets on the wire",
           "\n".join(wrong))
        idents.append(first.ident if first.efh else 0)
    eq(len(packets), at, f"IPv{family}: nothing else on the wire")
    eq([b - a & (1 << 64) - 1 for a, b in zip(idents, idents[1:])], [1] * (len(idents) - 1),
       f"IPv{family}: Identification goes up by one in a flow")
    ok(idents[0] >> 32, f"IPv{family}: a random start", hex(idents[0]))


def identification():
    """Flows start at unrelated values."""
    path = Path()
    starts = set()
    seen = Wire(path.r, "ra")
    for port in range(8):
        tx = path.a.socket(bind=(path.A6, 20000 + port))
        tx.sendto(data(3000), (path.B6, 5000 + port))
    for p in map(Packet, seen.frames()):
        if p.efh and not p.index:
            starts.add(p.ident)
    eq(len(starts), 8, "eight packets, eight Identifications")
    # a new namespace, the same addresses and ports: another key, other values
    before = min(starts)
    cleanup()
    path = Path()
    seen = Wire(path.r, "ra")
    path.a.socket(bind=(path.A6, 20000)).sendto(data(3000), (path.B6, 5000))
    found = [p.ident for p in map(Packet, seen.frames()) if p.efh]
    ok(found and all(abs(found[0] - start) > 1 << 20 for start in starts | {before}),
       "another namespace's start is unrelated", f"{found} {starts}")


def disturbed(qdisc):
    """40 datagrams of 45 fragments across a link that misbehaves."""
    path = Path()
    path.r.run(f"tc qdisc replace dev rb root netem limit 20000 {qdisc}")
    for family in (6, 4):
        tx, rx = path.udp(family)
        sent = [data(30000 + 731 * n, n) for n in range(40)]
        got = []
        for number, datagram in enumerate(sent):
            tx.send(datagram)
            if number % 4 == 3:     # a veth holds 256 frames
                got += [receive(rx) for _ in range(4)]
        eq(sum(1 for g in got if g in sent), 40, f"IPv{family} {qdisc}: every datagram whole")
        eq(len(set(got)), 40, f"IPv{family} {qdisc}: none twice")
        rx.settimeout(0.3)
        eq(receive(rx), None, f"IPv{family} {qdisc}: nothing else")
    return path


def reordered():
    disturbed("delay 4ms reorder 40% 50%")


def duplicated():
    path = disturbed("duplicate 30%")
    now = path.b.stats()
    ok(now["duplicate"] > 100, "duplicates are counted", now)


def atomic():
    """On request small packets carry a 64-bit Identification too."""
    path = Path()
    path.a.efhctl("settings set atomic on")
    for family in (6, 4):
        tx, rx = path.udp(family)
        seen = Wire(path.r, "ra")
        with path.b.expect(f"IPv{family}: atomic fragments delivered", in_atomic=3, reassembled=1,
                           in_delivered=5, in_fragments=5, reassembly_fragments=0):
            for length in (0, 1, 1000, 2000):
                tx.send(data(length))
                eq(receive(rx), data(length), f"IPv{family}: {length} octets with atomic on")
        packets = [p for p in map(Packet, seen.frames()) if p.src == path.ends(family)[0]]
        eq([(p.efh or ())[2:6] for p in packets],
           [(0, 0, 0, 0)] * 3 + [(0, 0, 0, 1), (1, 0, fragment_size(1500, family), 0)],
           f"IPv{family}: what atomic packets look like")


def limits():
    """What needs more than 64 fragments, or other than the prefix, is not sent as EFH."""
    path = Path(native=False)
    path.a.efhctl("native add 2001:db8:2::/64 fragsize 1024")
    path.a.efhctl("native add 198.51.100.0/24 fragsize 1024")
    for family in (6, 4):
        tx, rx = path.udp(family)
        seen = Wire(path.r, "ra")
        biggest = 65527 if family == 6 else 65507
        tx.send(data(biggest))
        eq(receive(rx), data(biggest), f"IPv{family}: 64 fragments of 1024")
        packets = [p for p in map(Packet, seen.frames()) if p.efh]
        eq({len(p.payload) for p in packets if p.more}, {1024},
           f"IPv{family}: fragments of the size configured")
        eq([p.index for p in packets], list(range(64)), f"IPv{family}: as many as there can be")
    path.a.efhctl("native del 2001:db8:2::/64")
    path.a.efhctl("native add 2001:db8:2::/64 maxpacket 20000")
    tx, rx = path.udp(6, 9998)
    tx.send(data(19000))
    eq(receive(rx), data(19000), "a packet below maxpacket")
    with path.a.expect("a packet above maxpacket is refused", out_packets=0, out_failed=1):
        try:
            tx.send(data(21000))
            ok(False, "a packet above maxpacket gets EMSGSIZE")
        except OSError as error:
            eq(error.errno, errno.EMSGSIZE, "a packet above maxpacket gets EMSGSIZE")
    path.a.efhctl("native del 2001:db8:2::/64")
    with path.a.expect("a prefix deleted is a prefix gone", out_packets=0, out_fragments=0):
        tx.send(data(5000))
    eq(receive(rx), data(5000), "and its packets leave as they always did")


def small_mtu():
    """Fragments below 1024 octets do not exist: IPv4 over a link of 1000."""
    path = Path(1280)
    path.a.ip("link set a0 mtu 1000")
    tx, _ = path.udp(4)
    with path.a.expect("IPv4 MTU 1000: not fragmented", out_packets=0, out_fragments=0,
                       out_failed=1):
        try:
            tx.send(data(5000))
            ok(False, "IPv4 MTU 1000: EMSGSIZE")
        except OSError as error:
            eq(error.errno, errno.EMSGSIZE, "IPv4 MTU 1000: EMSGSIZE")


if __name__ == "__main__":
    main(mtu_1280, mtu_1500, mtu_4000, mtu_9000, wire, identification, reordered, duplicated,
         atomic, limits, small_mtu)
