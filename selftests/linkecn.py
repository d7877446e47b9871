#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Traffic class and hop limit of a link's packets: RFC 6040 for ECN, RFC 2983
for DSCP, RFC 2473 and RFC 2003 for the hop limit."""
import socket
import struct

from efhtest import *
from efhlink import *
from efhwire import Packet
import efhwire

NOT, ECT1, ECT0, CE = range(4)
NAMES = {NOT: "Not-ECT", ECT1: "ECT(1)", ECT0: "ECT(0)", CE: "CE"}
IPV6_RECVTCLASS, IPV6_RECVHOPLIMIT, IP_RECVTOS, IP_RECVTTL = 66, 51, 13, 12
IPV6_TCLASS, IPV6_UNICAST_HOPS = 67, 16

# RFC 6040 figure 4, by inner and outer field; None: dropped
DECAPSULATED = {
    NOT: {NOT: NOT, ECT0: NOT, ECT1: NOT, CE: None},
    ECT0: {NOT: ECT0, ECT0: ECT0, ECT1: ECT1, CE: CE},
    ECT1: {NOT: ECT1, ECT0: ECT1, ECT1: ECT1, CE: CE},
    CE: {NOT: CE, ECT0: CE, ECT1: CE, CE: CE},
}


def listen(ns, family):
    """A socket that is told of traffic class and hop limit."""
    sock = ns.socket(AF[family], bind=(INNER[family][1], 9999))
    sock.settimeout(0.5)
    for level, option in ((socket.IPPROTO_IPV6, IPV6_RECVTCLASS),
                          (socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT)) if family == 6 else \
            ((socket.IPPROTO_IP, IP_RECVTOS), (socket.IPPROTO_IP, IP_RECVTTL)):
        sock.setsockopt(level, option, 1)
    return sock


def heard(sock):
    """(data, traffic class, hop limit) of the next datagram, or Nones."""
    try:
        content, control, *_ = sock.recvmsg(1 << 17, 256)
    except (TimeoutError, BlockingIOError):
        return None, None, None
    fields = {kind: struct.unpack("=i", value)[0] if len(value) == 4 else value[0]
              for _, kind, value in control}
    return (content, fields.get(67, fields.get(1)), fields.get(52, fields.get(2)))


class Playing:
    """Two hosts, of which only B has a link: A's end is played on the wire."""

    def __init__(self, carrier, words):
        self.pair, self.udp = Pair(), bool(words)
        self.outer = self.pair.ends(carrier)
        self.b, self.wire = self.pair.b, self.pair.wire()
        self.b.run(f"ip link add efh0 type efh local {self.outer[1]} remote {self.outer[0]} {words}")
        address(self.b, "efh0", 1)

    def packet(self, protocol, payload, tclass, hops=64):
        """What A's end sends, of a carrier's payload."""
        if self.udp:
            protocol, payload = efhwire.UDP, efhwire.udp(*self.outer, 50000, 8060, payload)
        return efhwire.ip(*self.outer, protocol, payload, tclass=tclass, hops=hops)


def out_of():
    """What leaves a link, by what went in and what the path made of it."""
    for carrier, words, over in ways():
        end = Playing(carrier, words)
        for family in (6, 4):
            rx = listen(end.b, family)
            near, far = INNER[family][:2]
            for inner in range(4):
                for outer in range(4):
                    want = DECAPSULATED[inner][outer]
                    what = f"IPv{family} in {over}, inner {NAMES[inner]} outer {NAMES[outer]}"
                    content = data(200, inner * 4 + outer)
                    packet = efhwire.ip(near, far, efhwire.UDP,
                                        efhwire.udp(near, far, 7, 9999, content),
                                        tclass=0xB8 | inner, hops=17)
                    dropped = {"in_ecn": 1} if want is None else {}
                    with Counts(end.b, f"{what}: counter", **dropped):
                        end.wire.send(end.packet(INNER_PROTOCOL[family], packet, 0x68 | outer, 3))
                        eq(heard(rx), (None,) * 3 if want is None else (content, 0xB8 | want, 17),
                           f"{what}: data, traffic class, hop limit")
            rx.close()
        eq(show(end.b)["stats64"]["rx"]["errors"], 2, f"{over}: dropped are errors")


def out_of_fragments():
    """A mark on a single EFH fragment counts for the packet."""
    for carrier, words, over in ways():
        end = Playing(carrier, words)
        ident = 0
        for family in (6, 4):
            rx = listen(end.b, family)
            near, far = INNER[family][:2]
            for inner, marks, want in ((ECT0, (ECT0, CE, ECT0), CE), (ECT1, (CE, CE, CE), CE),
                                       (ECT0, (ECT1, ECT1, ECT1), ECT1), (NOT, (NOT,) * 3, NOT),
                                       (NOT, (ECT0, ECT0, CE), None), (CE, (ECT0,) * 3, CE)):
                what = f"IPv{family} in {over}, inner {NAMES[inner]} outer " + \
                    " ".join(NAMES[m] for m in marks)
                ident += 1
                content = data(4000, ident)
                packet = efhwire.ip(near, far, efhwire.UDP,
                                    efhwire.udp(near, far, 7, 9999, content),
                                    tclass=0x28 | inner)
                pieces = efhwire.cut(INNER_PROTOCOL[family], packet, 1432, ident)
                dropped = {"in_ecn": 1} if want is None else {}
                with Counts(end.b, f"{what}: counter", **dropped):
                    end.wire.send(*(end.packet(efhwire.DSTOPTS, piece, mark)
                                    for piece, mark in zip(pieces, marks)))
                    eq(heard(rx)[:2], (None,) * 2 if want is None else (content, 0x28 | want), what)
            rx.close()


def into():
    """What goes on the path, by what goes into a link: RFC 6040's normal mode."""
    for carrier, words, over in ways():
        path = Path(native=False)
        linked = Linked(path, carrier, words)
        wire = Wire(path.r, "ra")

        def seen(family, tclass, hops, size):
            tx = linked.a.socket(AF[family], bind=(INNER[family][0], 0))
            if family == 6:
                tx.setsockopt(socket.IPPROTO_IPV6, IPV6_TCLASS, tclass)
                tx.setsockopt(socket.IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops)
            else:
                tx.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tclass)
                tx.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
            tx.sendto(data(size), (INNER[family][1], 9999))
            tx.close()
            packets = outers(wire, linked.outer[0])
            inner = Packet(b"".join(p.payload for p in packets))
            eq((inner.tclass, inner.hops), (tclass, hops),
               f"IPv{family} in {over}: the inner header stays as it is")
            return {(p.tclass, p.hops) for p in packets}
        for setting, dscp, ttl in (("tos 0 ttl 64", 0, 64), ("tos 0xb8 ttl 7", 0xB8, 7),
                                   ("tos 0xbb ttl 1", 0xB8, 1),
                                   ("tos inherit ttl inherit", None, None), ("tos 0 ttl 255", 0, 255)):
            linked.a.ip(f"link set efh0 type efh {setting}")
            for family in (6, 4):
                for ecn in range(4):
                    tclass = 0x28 | ecn
                    want = (0x28 if dscp is None else dscp) | ecn, 33 if ttl is None else ttl
                    for size in (100, 3000):
                        eq(seen(family, tclass, 33, size), {want},
                           f"IPv{family} in {over}, {setting}, {NAMES[ecn]}, {size} octets")
        wire.close()


def forwarded():
    """A packet through the link is one hop: not none, not two."""
    for carrier, words, over in ways():
        path = Path(native=False)
        linked = Linked(path, carrier, words)
        # hosts behind either end
        hosts = []
        for number, (ns, name) in enumerate(((path.a, "c"), (path.b, "d"))):
            host = Namespace(name)
            macs = link(ns, f"h{name}", host, f"{name}0", number=7 + number, mtu=65535)
            net = 7 + number
            ns.ip(f"addr add fd00:{net}::1/64 dev h{name} nodad", f"addr add 10.{net}.0.1/24 dev h{name}",
                  f"neigh replace fd00:{net}::2 lladdr {macs[1]} dev h{name} nud permanent",
                  f"neigh replace 10.{net}.0.2 lladdr {macs[1]} dev h{name} nud permanent",
                  f"route add fd00:{15 - net}::/64 dev efh0", f"route add 10.{15 - net}.0.0/24 dev efh0")
            host.ip(f"addr add fd00:{net}::2/64 dev {name}0 nodad", f"addr add 10.{net}.0.2/24 dev {name}0",
                    f"neigh replace fd00:{net}::1 lladdr {macs[0]} dev {name}0 nud permanent",
                    f"neigh replace 10.{net}.0.1 lladdr {macs[0]} dev {name}0 nud permanent",
                    f"route add default via fd00:{net}::1", f"route add default via 10.{net}.0.1")
            ns.sysctl("net.ipv6.conf.all.forwarding", 1)
            ns.sysctl("net.ipv4.ip_forward", 1)
            hosts.append(host)
        for family, near, far in ((6, "fd00:7::2", "fd00:8::2"), (4, "10.7.0.2", "10.8.0.2")):
            what = f"IPv{family} through a link over {over}"
            tx = hosts[0].socket(AF[family], bind=(near, 0))
            rx = hosts[1].socket(AF[family], bind=(far, 9999))
            option = IPV6_RECVHOPLIMIT if family == 6 else IP_RECVTTL
            rx.setsockopt(socket.IPPROTO_IPV6 if family == 6 else socket.IPPROTO_IP, option, 1)
            for size in (100, 20000):
                tx.sendto(data(size), (far, 9999))
                content, _, hops = heard(rx)
                eq((content == data(size), hops), (True, 62), f"{what}, {size} octets: two routers")
            # where they are counted, the link is no place of its own
            for hops, code in ((1, "a"), (2, "b")):
                sock = hosts[0].socket(AF[family], bind=(near, 0))
                sock.setsockopt(*((socket.IPPROTO_IPV6, IPV6_UNICAST_HOPS) if family == 6 else
                                  (socket.IPPROTO_IP, socket.IP_TTL)), hops)
                sock.connect((far, 9999))
                eq((told(sock) or (None,))[0], 3 if family == 6 else 11,
                   f"{what}: the hop limit ends at {code}")
                sock.close()
            for size in (100, 20000):
                done = hosts[0].run(f"ping -c 1 -W 5 -s {size} {far}", check=False)
                ok("1 received" in done.stdout, f"{what}: ping -s {size}", done.stdout)


if __name__ == "__main__":
    main(out_of, out_of_fragments, into, forwarded)
