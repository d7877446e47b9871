#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A steady loss costs EFH the packets it hits, and no others.

The stock reassembly is put through the same: its memory fills with halves
that wait a minute for fragments that will not come, and then it is closed.
"""
from efhtest import *
from efhwire import Packet

COUNT, SIZE, MEMORY = 150, 40000, 1 << 20


def transfer(path, family, port):
    """(packets no fragment of which was lost, packets that arrived)."""
    tx, rx = path.udp(family, port, connect=False)
    rx.settimeout(0.05)
    wire = Wire(path.b, "b0")
    got = set()
    packets = {}
    for number in range(COUNT):
        tx.sendto(number.to_bytes(4, "big") + data(SIZE, number), (path.ends(family)[1], port))
        if number % 4 == 3:
            while (datagram := receive(rx)) is not None:
                if datagram[4:] == data(SIZE, int.from_bytes(datagram[:4], "big")):
                    got.add(int.from_bytes(datagram[:4], "big"))
    rx.settimeout(0.5)
    while (datagram := receive(rx)) is not None:
        got.add(int.from_bytes(datagram[:4], "big"))
    source = path.ends(family)[0]
    for p in map(Packet, wire.frames()):
        if p.src == source and (p.efh or p.fragmented):
            key = p.ident if p.efh else fragment_ident(p)
            packets.setdefault(key, []).append(p)
    need_count = max(map(len, packets.values()))
    whole = sum(1 for pieces in packets.values() if len(pieces) == need_count)
    tx.close()
    rx.close()
    wire.close()
    return whole, len(got)


def fragment_ident(packet):
    """The Identification of a standard fragment."""
    if packet.version == 4:
        return packet.data[4:6]
    return packet.data[44:48]


def steady_loss():
    path = Path(native=False, gro="off")
    path.b.sysctl("net.ipv6.ip6frag_low_thresh", MEMORY * 3 // 4)
    path.b.sysctl("net.ipv6.ip6frag_high_thresh", MEMORY)
    path.b.sysctl("net.ipv4.ipfrag_low_thresh", MEMORY * 3 // 4)
    path.b.sysctl("net.ipv4.ipfrag_high_thresh", MEMORY)
    path.b.efhctl(f"settings set memory {MEMORY}")
    path.r.run("tc qdisc replace dev rb root netem limit 20000 loss 1%")
    whole, got = transfer(path, 6, 9001)
    note(f"stock: {COUNT} sent, {whole} without a loss, {got} delivered")
    ok(got < whole, "stock reassembly loses packets that lost nothing", f"{got} of {whole}")
    path.native()
    for family in (6, 4):
        before = path.b.stats()
        whole, got = transfer(path, family, 9002)
        now = path.b.stats()
        note(f"IPv{family} EFH: {COUNT} sent, {whole} without a loss, {got} delivered")
        ok(0 < whole < COUNT, f"IPv{family}: some packets were hit, some were not", whole)
        eq(got, whole, f"IPv{family} EFH: all that lost nothing are delivered")
        eq(now["reassembled"] - before["reassembled"], whole, f"IPv{family} EFH: and counted")
        ok(now["evicted"] > before["evicted"] and now["no_memory"] == 0,
           f"IPv{family} EFH: halves made room for packets", now)
        ok(now["reassembly_bytes"] <= MEMORY, f"IPv{family} EFH: within the same memory")


if __name__ == "__main__":
    main(steady_loss)
