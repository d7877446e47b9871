#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Links with peers of their own: which one a packet goes to, and from whom
one is taken."""
import json
import socket
import struct

from efhtest import *
from efhlink import *
from efhwire import Packet
import efhwire


class Hub:
    """A's link has peers, those of B and C have A as their remote."""

    def __init__(self, carrier, peers=True):
        self.carrier = carrier
        self.star = Star()
        self.a, self.b, self.c = (self.star[name] for name in "abc")
        self.outer = {name: self.star.outer(name, carrier) for name in "abc"}
        self.a.run(f"ip link add efh0 type efh local {self.outer['a']}")
        address(self.a, "efh0", 0)
        for number, name in ((1, "b"), (2, "c")):
            self.star[name].run(f"ip link add efh0 type efh local {self.outer[name]} "
                                f"remote {self.outer['a']}")
            address(self.star[name], "efh0", number)
            if peers:
                self.peer(f"add remote {self.outer[name]} prefix {INNER[6][number]}/128 "
                          f"prefix {INNER[4][number]}/32")

    def peer(self, words, check=True):
        verb, rest = words.split(" ", 1)
        return self.a.efhctl(f"peer {verb} dev efh0 {rest}", check)

    def peers(self):
        return json.loads(self.a.efhctl("-j peer show dev efh0"))

    def goes(self, to, size=100):
        """The peer that A sends a packet for an address to."""
        wire = self.star.wire("a")
        family = 6 if ":" in to else 4
        sock = self.a.socket(AF[family], bind=(INNER[family][0], 0))
        try:
            sock.sendto(data(size), (to, 9))
        except OSError:
            pass
        found = {p.dst for p in map(Packet, wire.frames())
                 if p.src == self.outer["a"] and p.headers[0] in (41, 4, efhwire.DSTOPTS)}
        sock.close()
        wire.close()
        return "".join(sorted(name for name in "abc" if self.outer[name] in found))


def reach():
    """Packets of all sizes to and from each of two peers."""
    for carrier in carriers():
        hub = Hub(carrier)
        for number, host in ((1, hub.b), (2, hub.c)):
            spoke = type("Spoke", (), dict(
                a=hub.a, b=host, ends=lambda _, f, n=number: (INNER[f][0], INNER[f][n])))()
            passes(spoke, f"a hub over IPv{carrier}", (100, 1400, 20000, 60000))
        # and through A from one to the other
        hub.a.sysctl("net.ipv6.conf.all.forwarding", 1)
        hub.a.sysctl("net.ipv4.ip_forward", 1)
        for sysctl in ("all", "efh0"):
            hub.a.sysctl(f"net.ipv4.conf.{sysctl}.send_redirects", 0)
        across = type("Across", (), dict(a=hub.b, b=hub.c, ends=lambda _, f: INNER[f][1:]))()
        passes(across, f"by way of a hub over IPv{carrier}", (100, 20000))


def longest():
    """The longest prefix wins, the lowest priority decides between equals."""
    for carrier in carriers():
        hub = Hub(carrier, False)
        b, c = hub.outer["b"], hub.outer["c"]
        hub.a.ip("route add fd11::/16 dev efh0", "route add 10.0.0.0/8 dev efh0")
        hub.peer(f"add remote {b} prefix fd11:1::/32 prefix fd11:2:3::/48 prefix 10.0.0.0/9 "
                 "prefix 10.200.7.0/24 priority 5")
        hub.peer(f"add remote {c} prefix fd11:1:2::/48 prefix fd11:2::/32 prefix fd11:2:3:4::5/128 "
                 "prefix 10.64.0.0/10 prefix 10.200.0.0/16 prefix 10.200.7.9/32")
        for to, want in (("fd11:1::1", "b"), ("fd11:1:2::1", "c"), ("fd11:1:3::1", "b"),
                         ("fd11:2::1", "c"), ("fd11:2:3::1", "b"), ("fd11:2:3:4::5", "c"),
                         ("fd11:2:3:4::6", "b"), ("fd11:3::1", ""), ("10.1.1.1", "b"),
                         ("10.65.1.1", "c"), ("10.127.1.1", "c"), ("10.128.1.1", ""),
                         ("10.200.1.1", "c"), ("10.200.7.1", "b"), ("10.200.7.9", "c")):
            eq(hub.goes(to), want, f"IPv{carrier}: {to}")
        eq((hub.goes("fd11:1::1", 9000), hub.goes("fd11:2::1", 9000)), ("b", "c"),
           f"IPv{carrier}: large packets as well")
        # the same prefixes
        hub.peer(f"set remote {c} prefix fd11:1::/32 prefix 10.0.0.0/9")
        for priority, want in ((9, "b"), (4, "c"), (6, "b"), (0, "c")):
            hub.peer(f"set remote {c} priority {priority}")
            eq((hub.goes("fd11:1::1"), hub.goes("10.1.1.1")), (want, want),
               f"IPv{carrier}: priorities 5 and {priority}")
        # neither prefix nor anything: all
        hub.peer(f"del remote {b}")
        hub.peer(f"set remote {c} prefix ::/0")
        eq((hub.goes("fd11:77::1"), hub.goes("10.250.0.1")), ("c", "c"),
           f"IPv{carrier}: everything to the one that is left")
        hub.peer(f"add remote {b} prefix 0.0.0.0/0")
        eq((hub.goes("fd11:77::1"), hub.goes("10.250.0.1")), ("c", "b"),
           f"IPv{carrier}: all of IPv4 is longer than all")


def nobody():
    """Without a peer the inner source hears of it."""
    for carrier in carriers():
        hub = Hub(carrier)
        unlimited(hub.a)
        for family, far in ((6, "fd00::99"), (4, "10.9.0.99")):
            tx = hub.a.socket(AF[family], bind=(INNER[family][0], 0))
            tx.connect((far, 9))
            before = counters(hub.a)["out_no_peer"]
            for size in (100, 30000):
                eq((told(tx, size) or ())[:2], UNREACHABLE[family],
                   f"IPv{family} in IPv{carrier}, {size} octets: unreachable")
            ok(2 <= counters(hub.a)["out_no_peer"] - before <= 6, f"IPv{family}: counted")
        wire = hub.star.wire("a")
        hub.peer(f"del remote {hub.outer['b']}")
        eq(hub.goes(INNER[6][1]), "", f"IPv{carrier}: nor does one that was deleted get any")
        wire.close()
        ok(show(hub.a)["stats64"]["tx"]["errors"] >= 5, f"IPv{carrier}: errors")


def sources():
    """A peer may send only what is behind it."""
    for carrier in carriers():
        hub = Hub(carrier)
        hub.a.ip("route add fd11::/16 dev efh0", "route add 10.200.0.0/16 dev efh0")
        hub.c.ip(f"addr add {INNER[6][1]}/128 dev efh0 nodad", f"addr add {INNER[4][1]}/32 dev efh0",
                 "addr add fd11::7/128 dev efh0 nodad", "addr add 10.200.0.7/32 dev efh0")
        for family, stranger in ((6, "fd11::7"), (4, "10.200.0.7")):
            for source, good in ((INNER[family][2], True), (INNER[family][1], False),
                                 (stranger, False)):
                tx, rx = udp_pair(hub.c, hub.a, source, INNER[family][0])
                rx.settimeout(0.3)
                for size in (100, 20000):
                    what = f"IPv{family} in IPv{carrier}, from {source}, {size} octets"
                    with Counts(hub.a, f"{what}: counter", **({} if good else {"in_source": 1})):
                        tx.send(data(size))
                        eq(receive(rx), data(size) if good else None, what)
                tx.close()
                rx.close()
        # a longer prefix of another's takes it away
        hub.peer(f"set remote {hub.outer['c']} prefix fd00::/64")
        hub.c.ip("addr add fd00::77/128 dev efh0 nodad")
        for source, good in (("fd00::77", True), (INNER[6][1], False), (INNER[6][2], True)):
            tx, rx = udp_pair(hub.c, hub.a, source, INNER[6][0])
            rx.settimeout(0.3)
            tx.send(data(100))
            eq(receive(rx), data(100) if good else None,
               f"IPv{carrier}: from {source} with a wide prefix")
            rx.close()


def forged():
    """Outer packets of others, to others, and by another device never enter."""
    for carrier in carriers():
        hub = Hub(carrier)
        a, b, c = (hub.outer[name] for name in "abc")
        # a second address, and a second way
        second = {6: "2001:db8:1::9", 4: "192.168.1.9"}[carrier]
        third = {6: "2001:db8:9::9", 4: "203.0.113.9"}[carrier]
        hub.a.ip(f"addr add {second}/{'64 nodad' if carrier == 6 else 24} dev a0")
        macs = link(hub.star.r, "r9", hub.a, "a9", number=9)
        for where in ("all", "a9"):
            hub.a.sysctl(f"net.ipv4.conf.{where}.rp_filter", 0)
        wire, other = hub.star.wire("a"), Wire(hub.star.r, "r9", macs[1], macs[0])
        ident = 0
        for bound in (False, True):
            if bound:
                hub.a.ip("link del efh0", f"link add efh0 type efh local {a} dev a0")
                address(hub.a, "efh0", 0)
                hub.peer(f"add remote {b}")
            cases = [("from the peer", wire, (b, a), True), ("from a stranger", wire, (third, a), False),
                     ("to another address", wire, (b, second), False),
                     ("both ends swapped", wire, (a, b), False),
                     ("by another device", other, (b, a), not bound)]
            for family in (6, 4):
                near, far = INNER[family][1::-1]
                rx = hub.a.socket(AF[family], bind=(far, 9999))
                rx.settimeout(0.2)
                for what, where, outer, good in cases:
                    what = f"IPv{family} in IPv{carrier} {what}{', dev a0' if bound else ''}"
                    for size in (100, 3000):
                        ident += 1
                        inner = efhwire.ip(near, far, efhwire.UDP, efhwire.udp(
                            near, far, 7, 9999, data(size, ident)))
                        packets = [encapsulated(outer, inner)] if size == 100 else \
                            efhwire.fragments(*outer, INNER_PROTOCOL[family], inner, 1440, ident)
                        before = packets_in(hub.a)
                        where.send(*packets)
                        eq(receive(rx), data(size, ident) if good else None, f"{what}, {size} octets")
                        eq(packets_in(hub.a) - before, int(good),
                           f"{what}, {size} octets: in the link's count")
                rx.close()
        names = {device["ifname"] for device in json.loads(hub.a.run("ip -j link show"))}
        if loaded("ip6_tunnel") or loaded("ipip") or loaded("sit"):
            skip("no stock device", "their modules are loaded")
        else:
            eq(names, {"lo", "a0", "a9", "efh0"}, f"IPv{carrier}: no stock device takes them")
        # what is no IP, or cut short
        for junk in (b"", b"\x60" * 20, b"\x45" + bytes(10), bytes(40), b"\x55" * 60):
            for protocol in (41, 4):
                wire.send(efhwire.ip(b, a, protocol, junk))
        # the stack itself drops what is shorter than the shortest header
        wait(lambda: counters(hub.a)["in_malformed"] >= 5, 2)
        eq(counters(hub.a)["in_malformed"], 5, f"IPv{carrier}: malformed")
        wire.close()
        other.close()


def groups():
    """What is sent to a group goes to all peers."""
    for carrier in carriers():
        hub = Hub(carrier)
        for family, group in ((6, "ff0e::4242"), (4, "239.1.2.3")):
            members = []
            for number, host in ((1, hub.b), (2, hub.c)):
                rx = host.socket(AF[family], bind=(group, 9999))
                if family == 6:
                    rx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                                  efhwire.address(group) + struct.pack("=I", host.ifindex("efh0")))
                else:
                    rx.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                  efhwire.address(group) + efhwire.address(INNER[4][number]))
                members.append(rx)
            tx = hub.a.socket(AF[family], bind=(INNER[family][0], 0))
            if family == 6:
                tx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, hub.a.ifindex("efh0"))
            else:
                tx.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                              efhwire.address(INNER[4][0]))
            for size in (100, 30000):
                tx.sendto(data(size, size), (group, 9999))
                eq([receive(rx) for rx in members], [data(size, size)] * 2,
                   f"IPv{family} in IPv{carrier}: {size} octets to all")
            # unless one peer has the group
            hub.peer(f"set remote {hub.outer['c']} prefix {INNER[6][2]}/128 prefix {INNER[4][2]}/32 "
                     f"prefix {group}/{128 if family == 6 else 32}")
            for rx in members:
                rx.settimeout(0.3)
            tx.sendto(data(100, 7), (group, 9999))
            eq([receive(rx) for rx in members], [None, data(100, 7)],
               f"IPv{family} in IPv{carrier}: to the one that has the group")


def words():
    """efhctl peer, and what is refused."""
    for carrier in carriers():
        hub = Hub(carrier)
        b, c = hub.outer["b"], hub.outer["c"]
        other = {6: "2001:db8:77::1", 4: "192.168.77.1"}[carrier]
        row = dict(dev="efh0", priority=0, state="unknown", link_remote=False)
        eq(hub.peers(), [dict(row, remote=hub.outer[name],
                              prefixes=[f"{INNER[6][n]}/128", f"{INNER[4][n]}/32"])
                         for n, name in ((1, "b"), (2, "c"))], f"IPv{carrier}: in JSON")
        hub.b.run(f"ping -c 1 -w 10 {INNER[6][0]}")
        peer = hub.peers()[0]
        eq(peer["state"], "up", f"IPv{carrier}: heard of")
        ok(0 <= peer["heard_ms"] < 5000, f"IPv{carrier}: when", peer)
        text = hub.a.efhctl(f"peer show dev efh0 remote {c}")
        eq(text, f"dev efh0 remote {c} priority 0 prefix {INNER[6][2]}/128 prefix {INNER[4][2]}/32 "
           "state unknown\n", f"IPv{carrier}: in words")
        hub.peer(f"set remote {c} priority 7 prefix fd33::/16")
        eq(hub.peers()[1], dict(row, remote=c, priority=7, prefixes=["fd33::/16"]),
           f"IPv{carrier}: set")
        hub.peer(f"set remote {c} priority 8")
        eq(hub.peers()[1], dict(row, remote=c, priority=8, prefixes=["fd33::/16"]),
           f"IPv{carrier}: prefixes stay")
        hub.peer(f"add remote {other}")
        eq(hub.peers()[2], dict(row, remote=other, prefixes=[]), f"IPv{carrier}: without prefixes")
        eq(json.loads(hub.b.efhctl("-j peer show"))[0]["link_remote"], True,
           f"IPv{carrier}: the link's own")
        unlike = "192.0.2.9" if carrier == 6 else "2001:db8::9"
        before = hub.peers()
        for words, said in ((f"add remote {b} prefix fd44::/16", "this peer already"),
                            (f"add remote {unlike}", "a unicast address of the family"),
                            (f"add remote {hub.outer['a']}", "a unicast address of the family"),
                            (f"add remote {'ff02::1' if carrier == 6 else '224.0.0.1'}",
                             "a unicast address of the family"),
                            (f"add remote {'::' if carrier == 6 else '0.0.0.0'}",
                             "a unicast address of the family"),
                            (f"set remote {unlike} priority 1", "a unicast address of the family"),
                            (f"add remote {hub.outer['a'][:-1]}8 port 7", "carrier udp"),
                            (f"add remote {hub.outer['a'][:-1]}8 prefix fd44::1/16", "bits beyond"),
                            (f"del remote {hub.outer['a'][:-1]}8", "no such peer"),
                            (f"set remote {hub.outer['a'][:-1]}8 priority 1", "no such peer")):
            done = hub.peer(words, False)
            ok(done.returncode == 1 and said in done.stderr, f"IPv{carrier}: {words}: {said}",
               f"{done.returncode} {done.stderr}")
        if carrier == 6:
            done = hub.peer("add remote fe80::1", False)
            ok(done.returncode and "needs a lower device" in done.stderr, "a link-local peer",
               done.stderr)
        heard = [dict(p, heard_ms=0) for p in before]
        eq([dict(p, heard_ms=0) for p in hub.peers()], heard, f"IPv{carrier}: nothing has changed")
        done = hub.b.efhctl(f"peer del dev efh0 remote {hub.outer['a']}", False)
        ok(done.returncode == 1 and "own remote" in done.stderr, "it goes with the link", done.stderr)
        done = hub.a.efhctl(f"peer add dev a0 remote {other}", False)
        ok(done.returncode == 1 and "no device of type efh" in done.stderr, "no link", done.stderr)
        hub.peer(f"del remote {other}")
        hub.peer(f"del remote {b}")
        eq([p["remote"] for p in hub.peers()], [c], f"IPv{carrier}: deleted")
        # a link's own and others beside it
        hub.b.efhctl(f"peer add dev efh0 remote {c} prefix {INNER[6][2]}/128")
        eq([(p["remote"], p["link_remote"]) for p in json.loads(hub.b.efhctl("-j peer show"))],
           [(hub.outer["a"], True), (c, False)], f"IPv{carrier}: a remote, and a peer beside it")
        hub.a.ip("link del efh0")
        eq(json.loads(hub.a.efhctl("-j peer show")), [], f"IPv{carrier}: gone with the link")


def many():
    """More prefixes than a page has room for, more peers than one message."""
    hub = Hub(6, False)
    prefixes = " ".join(f"prefix fd22:{n:x}::/32" for n in range(100))
    hub.peer(f"add remote {hub.outer['b']} {prefixes}")
    for n in range(99):
        hub.peer(f"add remote 2001:db8:ffff::{n + 1:x} prefix fd33:{n:x}::/32")
    hub.a.ip("route add fd22::/16 dev efh0", "route add fd33::/16 dev efh0")
    peers = hub.peers()
    eq((len(peers), len(peers[0]["prefixes"]), len({p["remote"] for p in peers})), (100, 100, 100),
       "all are listed, and once")
    done = hub.peer(f"set remote {hub.outer['b']} prefix fd22::1/16", False)
    ok(done.returncode == 1 and "bits beyond" in done.stderr, "a bad prefix changes nothing", done.stderr)
    eq((hub.goes("fd22:63::1"), hub.goes("fd22:f0::1")), ("b", ""), "the last prefix, and none")
    hub.peer(f"set remote {hub.outer['b']} prefix fd22:f0::/32")
    eq((hub.goes("fd22:63::1"), hub.goes("fd22:f0::1")), ("", "b"), "others instead")


def pretended():
    """What is sent on this host in the other end's name does not enter: with IP_FREEBIND anybody may."""
    for carrier, words, what in ways():
        path = Path(native=False)
        linked = Linked(path, carrier, words)
        passes(linked, what, (100,))
        near, far = linked.outer
        near6, far6 = INNER[6][:2]
        rx = path.a.socket(bind=(near6, 9998))
        rx.settimeout(0.3)
        tx = path.a.socket(AF[carrier], socket.SOCK_RAW, socket.IPPROTO_RAW)

        def enters(size, ident):
            """How many packets entered the link by what was sent here, and which."""
            inner = efhwire.ip(far6, near6, efhwire.UDP, efhwire.udp(far6, near6, 7, 9998, data(size, ident)))
            pieces = [inner] if size == 100 else efhwire.cut(41, inner, 1400, ident)
            protocol = 41 if size == 100 else efhwire.DSTOPTS
            if words:
                pieces = [efhwire.udp(far, near, 50000, 8060, piece) for piece in pieces]
                protocol = efhwire.UDP
            before = packets_in(path.a)
            for piece in pieces:
                tx.sendto(efhwire.ip(far, near, protocol, piece), (near, 0))
            return packets_in(path.a) - before, receive(rx)

        refused = counters(path.a)["in_source"]
        for size in (100, 3000):
            eq(enters(size, size), (0, None), f"{what}: {size} octets in the other end's name")
        ok(counters(path.a)["in_source"] >= refused + 2, f"{what}: which is counted")
        # but the other end may be on this host
        path.a.ip(f"addr add {far}/{128 if carrier == 6 else 32} dev lo" + " nodad" * (carrier == 6))
        for size in (100, 3000):
            eq(enters(size, size + 1), (1, data(size, size + 1)), f"{what}: {size} octets where the other end is here")
        tx.close()
        rx.close()


if __name__ == "__main__":
    main(reach, longest, nobody, sources, forged, pretended, groups, words, many)
