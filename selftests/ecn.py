#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""ECN over the fragments of a packet: RFC 3168 section 5.3."""
import socket
import struct

from efhtest import *
import efhwire

NOT, ECT1, ECT0, CE = range(4)
NAMES = {NOT: "Not-ECT", ECT1: "ECT(1)", ECT0: "ECT(0)", CE: "CE"}


def expected(marks):
    """What a packet of these marks is delivered with; None: dropped; a set: either."""
    marks = set(marks)
    if len(marks) == 1:
        return marks
    if CE in marks:
        return {None} if NOT in marks else {CE}
    # a mix the RFC leaves open: dropped, or anything that claims no congestion
    return {None, NOT} if NOT in marks else {None, ECT0, ECT1}


def combinations():
    pair = Pair()
    wire = pair.wire()
    ident = 0
    for family, a, b in ((6, pair.A6, pair.B6), (4, pair.A4, pair.B4)):
        rx = pair.b.socket(AF[family], bind=(b, 9999))
        rx.settimeout(0.4)
        if family == 6:
            rx.setsockopt(socket.IPPROTO_IPV6, 66, 1)   # IPV6_RECVTCLASS
        else:
            rx.setsockopt(socket.IPPROTO_IP, 13, 1)     # IP_RECVTOS
        marks = [(x, y) for x in range(4) for y in range(4)] + \
            [(NOT, NOT, CE), (ECT0, CE, ECT1), (ECT0, ECT0, CE), (CE, ECT0, NOT)]
        for combination in marks:
            for backwards in (False, True):
                ident += 1
                what = f"IPv{family} " + " ".join(NAMES[m] for m in combination) + \
                    (", last first" if backwards else "")
                body = efhwire.udp(a, b, 7, 9999, data(1440 * len(combination) - 100, ident))
                pieces = [efhwire.ip(a, b, efhwire.DSTOPTS, piece, tclass=0xB8 | mark)
                          for piece, mark in zip(efhwire.cut(efhwire.UDP, body, 1440, ident),
                                                 combination)]
                before = pair.b.stats()
                wire.send(*(pieces[::-1] if backwards else pieces))
                wait(lambda n=len(pieces), s=before["in_fragments"]:
                     pair.b.stats()["in_fragments"] >= s + n, 2)
                after = pair.b.stats()
                delivered = after["reassembled"] - before["reassembled"]
                got = None
                if delivered:
                    content, control, *_ = rx.recvmsg(1 << 17, 256)
                    tclass = struct.unpack("=i", control[0][2])[0] if len(control[0][2]) == 4 \
                        else control[0][2][0]
                    got = tclass & 3
                    if content != body[8:] or tclass & ~3 != 0xB8:
                        ok(False, f"{what}: content and DSCP", hex(tclass))
                ok(got in expected(combination), what, f"{got}, not in {expected(combination)}")
                eq((after["ecn"] - before["ecn"], after["reassembly_packets"]),
                   (0 if delivered else len(pieces), 0), f"{what}: counter")


if __name__ == "__main__":
    main(combinations)
