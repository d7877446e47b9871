#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What belongs together and what does not: routers, VRFs, link-local
addresses, groups, namespaces with settings of their own."""
import socket
import struct

from efhtest import *
from efhwire import Packet
import efhwire

MCAST6, MCAST4 = "ff0e::4242", "239.1.2.3"


def forwarding():
    """A router that speaks EFH itself leaves other people's packets alone."""
    path = Path(gro="off")
    path.r.efhctl("native add 2001:db8::/32")
    path.r.efhctl("native add 0.0.0.0/0")
    before = path.r.stats()
    for family in (6, 4):
        near, far = Wire(path.r, "ra"), Wire(path.b, "b0")
        tx, rx = path.udp(family)
        for size in (100, 2000, 60000):
            tx.send(data(size, size))
            eq(receive(rx), data(size, size), f"IPv{family}: {size} octets through the router")
        source = path.ends(family)[0]
        sent = [p for p in map(Packet, near.frames()) if p.src == source]
        came = [p for p in map(Packet, far.frames()) if p.src == source]
        strip = (lambda p: p.data[:7] + p.data[8:]) if family == 6 else \
            (lambda p: p.data[:8] + p.data[9:10] + p.data[12:])
        ok(len(sent) == 1 + fragments_of(2008, fragment_size(1500, family)) +
           fragments_of(60008, fragment_size(1500, family)) and
           list(map(strip, sent)) == list(map(strip, came)),
           f"IPv{family}: out as in, but for the hop limit", f"{len(sent)} {len(came)}")
        eq({p.hops for p in came}, {p.hops - 1 for p in sent}, f"IPv{family}: one hop less")
        near.close()
        far.close()
    eq(path.r.stats(), before, "the router's counters stand still")


def forwarding_conntrack():
    """Not even with rules on the router does it touch them."""
    need("nft")
    path = Path()
    path.r.nft("""table inet efh { chain through {
        type filter hook forward priority 0; ct state established,new,untracked accept } }""")
    for family in (6, 4):
        tx, rx = path.udp(family)
        tx.send(data(50000))
        eq(receive(rx), data(50000), f"IPv{family}: 50000 octets through a router with conntrack")
    eq(path.r.stats()["in_fragments"], 0, "the router took no fragment in")


def bridged():
    """Nor does a bridge that shows what it forwards to netfilter."""
    a, r, b = Namespace("a"), Namespace("r"), Namespace("b")
    macs = [link(ns, dev, r, port, number=n, gro="off") for n, (ns, dev, port) in
            enumerate(((a, "a0", "ra"), (b, "b0", "rb")))]
    r.ip("link add br0 type bridge", "link set ra master br0", "link set rb master br0",
         "link set br0 up", "addr add 2001:db8::ff/64 dev br0", "addr add 192.0.2.254/24 dev br0")
    command("modprobe br_netfilter", check=False)
    for name in ("ip6tables", "iptables"):
        r.sysctl(f"net.bridge.bridge-nf-call-{name}", 1)
    for ns, dev, n, mac in ((a, "a0", 1, macs[1][0]), (b, "b0", 2, macs[0][0])):
        ns.ip(f"addr add 2001:db8::{n}/64 dev {dev}", f"addr add 192.0.2.{n}/24 dev {dev}",
              f"neigh replace 2001:db8::{3 - n} lladdr {mac} dev {dev} nud permanent",
              f"neigh replace 192.0.2.{3 - n} lladdr {mac} dev {dev} nud permanent")
    a.run("ping -c 1 -w 10 2001:db8::2")
    a.efhctl("native add 2001:db8::/64")
    a.efhctl("native add 192.0.2.0/24")
    for family, near, far in ((6, "2001:db8::1", "2001:db8::2"), (4, "192.0.2.1", "192.0.2.2")):
        tx = a.socket(AF[family], bind=(near, 0))
        rx = b.socket(AF[family], bind=(far, 9999))
        seen = Wire(b, "b0")
        tx.sendto(data(60000), (far, 9999))
        eq(receive(rx), data(60000), f"IPv{family} through a bridge")
        eq(sum(1 for p in map(Packet, seen.frames()) if p.efh),
           fragments_of(60008, fragment_size(1500, family)), f"IPv{family}: as it was sent")
    eq(r.stats()["in_fragments"], 0, "the bridge took no fragment in")


def vrf():
    """Both ends in a VRF."""
    path = Path()
    for ns, dev, router6, router4, v6, v4 in (
            (path.a, "a0", path.RA6, path.RA4, path.A6, path.A4),
            (path.b, "b0", path.RB6, path.RB4, path.B6, path.B4)):
        done = ns.run("ip link add red type vrf table 100", check=False)
        if done.returncode:
            raise Skip("no vrf")
        mac = path.mac_ra if dev == "a0" else path.mac_rb
        ns.ip("link set red up", f"link set {dev} master red")
        # what enslaving flushes
        ns.ip(f"addr replace {v6}/64 dev {dev}", f"addr replace {v4}/24 dev {dev}",
              f"neigh replace {router6} lladdr {mac} dev {dev} nud permanent",
              f"neigh replace {router4} lladdr {mac} dev {dev} nud permanent",
              f"route replace default via {router6} dev {dev} table 100",
              f"route replace default via {router4} dev {dev} table 100")
    for family in (6, 4):
        a, b = path.ends(family)
        tx, rx = path.a.socket(AF[family]), path.b.socket(AF[family])
        for sock in (tx, rx):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"red\0")
        tx.bind((a, 0))
        rx.bind((b, 9999))
        count = fragments_of(60008, fragment_size(1500, family))
        with path.a.expect(f"IPv{family} in a VRF: sent as EFH", out_packets=1,
                           out_fragments=count), \
                path.b.expect(f"IPv{family} in a VRF: received", reassembled=1,
                              in_delivered=count):
            tx.sendto(data(60000), (b, 9999))
            eq(receive(rx), data(60000), f"IPv{family} in a VRF: the data")


def twin_links(master):
    """B with two links on which the same addresses mean different hosts."""
    a, b = Namespace("a"), Namespace("b")
    macs = [link(a, f"a{n}", b, f"b{n}", number=n + 1) for n in (0, 1)]
    if master:
        for n in (0, 1):
            if b.run(f"ip link add vrf{n} type vrf table {100 + n}", check=False).returncode:
                raise Skip("no vrf")
            b.ip(f"link set vrf{n} up", f"link set b{n} master vrf{n}")
    return a, b, macs


def apart(a, b, macs, src, dst, what):
    """Halves of packets with one Identification on two links stay apart."""
    socks = []
    for n in (0, 1):
        sock = b.socket(AF[6 if ":" in src else 4])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, f"b{n}\0".encode())
        sock.bind(("", 9999))
        sock.settimeout(0.3)
        socks.append(sock)
    wires = [Wire(a, f"a{n}", macs[n][1], macs[n][0]) for n in (0, 1)]
    whole = [efhwire.udp(src, dst, 7, 9999, data(2000, n)) for n in (0, 1)]
    pieces = [efhwire.fragments(src, dst, efhwire.UDP, w, 1024, 0xABCDEF) for w in whole]
    wires[0].send(pieces[0][0])
    wires[1].send(pieces[1][1])
    eq([receive(s) for s in socks], [None, None], f"{what}: two halves make no packet")
    eq(b.stats()["reassembly_packets"], 2, f"{what}: two packets are held")
    wires[0].send(pieces[0][1])
    wires[1].send(pieces[1][0])
    eq([receive(s) for s in socks], [data(2000, 0), data(2000, 1)], f"{what}: each gets its own")


def vrfs_apart():
    a, b, macs = twin_links(True)
    for n in (0, 1):
        b.ip(f"addr add 2001:db8::2/64 dev b{n}", f"addr add 192.0.2.2/24 dev b{n}")
        b.ip(f"route replace 192.0.2.0/24 dev b{n} table {100 + n}")
        # the reverse path of what is injected
        b.ip(f"neigh replace 2001:db8::1 lladdr {macs[n][0]} dev b{n} nud permanent",
             f"neigh replace 192.0.2.1 lladdr {macs[n][0]} dev b{n} nud permanent")
    apart(a, b, macs, "2001:db8::1", "2001:db8::2", "IPv6 in two VRFs")
    apart(a, b, macs, "192.0.2.1", "192.0.2.2", "IPv4 in two VRFs")


def links_apart():
    a, b, macs = twin_links(False)
    for n in (0, 1):
        b.ip(f"addr add fe80::2/64 dev b{n}")
    apart(a, b, macs, "fe80::1", "fe80::2", "link-local on two links")


def link_local():
    """fe80::/10 as a native destination."""
    pair = Pair()
    pair.a.ip("addr add fe80::1/64 dev a0", f"neigh replace fe80::2 lladdr {pair.mac_b} dev a0")
    pair.b.ip("addr add fe80::2/64 dev b0", f"neigh replace fe80::1 lladdr {pair.mac_a} dev b0")
    pair.a.efhctl("native add fe80::/10")
    near, far = pair.a.ifindex("a0"), pair.b.ifindex("b0")
    tx = pair.a.socket(bind=("fe80::1", 0, 0, near))
    rx = pair.b.socket(bind=("fe80::2", 9999, 0, far))
    with pair.a.expect("link-local: sent as EFH", out_packets=1, out_fragments=42):
        tx.sendto(data(60000), ("fe80::2", 9999, 0, near))
        eq(receive(rx), data(60000), "link-local: the data")


def multicast():
    """Groups: received by all their members, answered by none."""
    pair = Pair()
    pair.a.efhctl("native add ff00::/8")
    pair.a.efhctl("native add 224.0.0.0/4")
    near, far = pair.a.ifindex("a0"), pair.b.ifindex("b0")
    for family, group in ((6, MCAST6), (4, MCAST4)):
        tx = pair.a.socket(AF[family], bind=(pair.A6 if family == 6 else pair.A4, 0))
        members = []
        for _ in range(2):
            rx = pair.b.socket(AF[family])
            rx.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            rx.bind((group, 9999))
            if family == 6:
                rx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                              efhwire.address(group) + struct.pack("=I", far))
            else:
                rx.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                              efhwire.address(group) + efhwire.address(pair.B4))
            members.append(rx)
        if family == 6:
            tx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, near)
        else:
            tx.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, efhwire.address(pair.A4))
        count = fragments_of(30008, fragment_size(1500, family))
        with pair.a.expect(f"IPv{family} multicast: sent as EFH", out_packets=1,
                           out_fragments=count), \
                pair.b.expect(f"IPv{family} multicast: one packet", reassembled=1,
                              in_delivered=count):
            tx.sendto(data(30000), (group, 9999))
            eq([receive(rx) for rx in members], [data(30000)] * 2,
               f"IPv{family} multicast: every member gets the data")


def options():
    """Two namespaces with different option types do not understand each other."""
    path = Path()
    path.a.efhctl("settings set efh-option 0xfe")
    for family in (6, 4):
        tx, rx = path.udp(family)
        seen = Wire(path.r, "ra")
        rx.settimeout(0.5)
        with path.b.expect(f"IPv{family}: another's option type is not EFH", in_fragments=0):
            tx.send(data(20000))
            eq(receive(rx), None, f"IPv{family}: nor is it delivered")
        packets = [Packet(p, option=0xFE) for p in seen.frames()]
        ok(any(p.efh for p in packets), f"IPv{family}: the option type set is the one sent")
        seen.close()
    path.b.efhctl("settings set efh-option 0xfe")
    path.a.efhctl("flow flush")
    for family in (6, 4):
        tx, rx = path.udp(family, 9998)
        tx.send(data(20000, 3))
        eq(receive(rx), data(20000, 3), f"IPv{family}: with the same type they do")


def timeouts():
    """The two ends of one path have timeouts and counters of their own."""
    pair = Pair()
    pair.a.efhctl("settings set timeout 0.5")
    pair.b.efhctl("settings set timeout 2")
    for wire, source, target in ((pair.wire(), pair.A6, pair.B6),
                                 (Wire(pair.b, "b0", pair.mac_a, pair.mac_b), pair.B6, pair.A6)):
        whole = efhwire.udp(source, target, 7, 9999, data(3000))
        wire.send(efhwire.fragments(source, target, efhwire.UDP, whole, 1440, 77)[0])
    ok(wait(lambda: pair.b.stats()["reassembly_packets"] == 1), "held")
    ok(wait(lambda: pair.a.stats()["timeout"] == 1, 1.4), "half a second", pair.a.stats())
    eq(pair.b.stats()["timeout"], 0, "two seconds are not over yet")
    ok(wait(lambda: pair.b.stats()["timeout"] == 1, 3), "two seconds", pair.b.stats())
    for ns in (pair.a, pair.b):
        eq({k: v for k, v in ns.stats().items() if "reassembly" in k and v}, {},
           "nothing is held")


if __name__ == "__main__":
    main(forwarding, forwarding_conntrack, bridged, vrf, vrfs_apart, links_apart, link_local,
         multicast, options, timeouts)
