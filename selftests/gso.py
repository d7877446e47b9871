#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Packets that are split late: by whatever stands between IP and the wire."""
import socket

from efhtest import *
from efhwire import Packet
import efhwire

INNER = {6: ("fd00::1", "fd00::2"), 4: ("10.9.0.1", "10.9.0.2")}
SIZES = (2000, 9000, 60000)


def frame_lengths(wire):
    """Of all that left, whatever it was, without Ethernet's header."""
    found = []
    wire.sock.settimeout(0.1)
    try:
        while True:
            length, where = wire.sock.recvfrom_into(bytearray(1 << 17))
            if where[2] == 4:
                found.append(length - 14)
    except TimeoutError:
        return found


def carried(a, b, ends, what, mtu=None, families=(6, 4), port=9999, wire=None, efh=True):
    """Datagrams arrive whole; wire: (namespace, device) where nothing is too long."""
    for family in families:
        near, far = ends[family]
        tx, rx = a.socket(AF[family], bind=(near, 0)), b.socket(AF[family], bind=(far, port))
        rx.settimeout(3)
        count = sum(fragments_of(8 + s, fragment_size(mtu, family)) for s in SIZES) if mtu else None
        before = a.stats(), b.stats()
        for size in SIZES:
            tx.sendto(data(size, size), (far, port))
            eq(receive(rx), data(size, size), f"{what}: IPv{family}, {size} octets")
        if efh:
            sent, got = (now[name] - old[name] for now, old, name in (
                (a.stats(), before[0], "out_fragments"), (b.stats(), before[1], "in_delivered")))
            eq((sent, got), (count or sent, sent), f"{what}: IPv{family}, fragments counted")
            ok(sent >= 48, f"{what}: IPv{family} was sent as EFH", sent)
        if wire:
            tap = Wire(*wire)
            tx.sendto(data(30000, 1), (far, port))
            eq(receive(rx), data(30000, 1), f"{what}: IPv{family}, watched")
            lengths = frame_lengths(tap)
            ok(len(lengths) >= 20 and max(lengths) <= 1504, f"{what}: IPv{family}, no longer than "
               "the wire takes", lengths)
            tap.close()
        tx.close()
        rx.close()


def stack(a, b, words, one, two, mtu):
    """On either end of a link another device; words are their ends' addresses."""
    for ns, text in ((a, one), (b, two)):
        done = ns.run("ip link add " + text.format(**words), check=False)
        if done.returncode:
            raise Skip(done.stderr.strip())
    for ns, end in ((a, 0), (b, 1)):
        ns.ip(f"link set t0 mtu {mtu} up", f"addr add {INNER[6][end]}/64 dev t0",
              f"addr add {INNER[4][end]}/24 dev t0")


def greet(ns):
    """Whoever has to be asked for is known then."""
    for family in (6, 4):
        ns.run(f"ping -c 1 -w 5 {INNER[family][1]}", check=False)


def stacked(one, two, mtu=1500):
    pair = Pair()
    stack(pair.a, pair.b, {}, one, two, mtu)
    inner_native(pair.a)
    greet(pair.a)
    return pair


def inner_native(ns):
    ns.efhctl("native add fd00::/64")
    ns.efhctl("native add 10.9.0.0/24")


def vlan():
    """With the tag beside the packet, and in it."""
    pair = stacked("link a0 name t0 type vlan id 7", "link b0 name t0 type vlan id 7")
    for offload in ("on", "off"):
        for ns, dev in ((pair.a, "a0"), (pair.b, "b0")):
            ns.run(f"ethtool -K {dev} txvlan {offload} rxvlan {offload}", check=False)
        carried(pair.a, pair.b, INNER, f"vlan, offload {offload}", 1500,
                port=9000 + (offload == "on"), wire=(pair.a, "a0"))


def macvlan():
    pair = stacked("link a0 name t0 type macvlan mode bridge",
                   "link b0 name t0 type macvlan mode bridge")
    carried(pair.a, pair.b, INNER, "macvlan", 1500, wire=(pair.a, "a0"))


TUNNELS = (
    ("vxlan", "t0 type vxlan id 7 local {%s} remote {%s} dstport 4789 udp6zerocsumtx "
     "udp6zerocsumrx noudpcsum"),
    ("vxlan with checksums", "t0 type vxlan id 7 local {%s} remote {%s} dstport 4789 udpcsum"),
    ("geneve", "t0 type geneve id 7 remote {1%s} udp6zerocsumtx udp6zerocsumrx"),
    ("geneve with checksums", "t0 type geneve id 7 remote {1%s} udpcsum"),
    ("ip6gre", "t0 type ip6gre local {%s} remote {%s}"),
    ("ip6gre with checksums", "t0 type ip6gre local {%s} remote {%s} csum"),
    ("ip6tnl", "t0 type ip6tnl mode any local {%s} remote {%s}"),
    ("vxlan over IPv4 with checksums",
     "t0 type vxlan id 7 local {%s4} remote {%s4} dstport 4789 udpcsum"),
)


def both_ends(text):
    if "{1%s}" in text:
        text = text.replace("{1%s}", "{%s}")
        return text % "b", text % "a"
    return text % ("a", "b"), text % ("b", "a")


def into_tunnels():
    """Native mode along a route into a tunnel: its payload are fragments."""
    pair = Pair()
    inner_native(pair.a)
    words = {"a": pair.A6, "b": pair.B6, "a4": pair.A4, "b4": pair.B4}
    for number, (what, text) in enumerate(TUNNELS):
        try:
            stack(pair.a, pair.b, words, *both_ends(text), 1400)
        except Skip as why:
            skip(what, why)
        else:
            greet(pair.a)
            carried(pair.a, pair.b, INNER, what, 1400, port=9000 + number, wire=(pair.a, "a0"))
        for ns in (pair.a, pair.b):
            ns.run("ip link del t0", check=False)


def joined_into_tunnels():
    """A router joins what it forwards into a tunnel."""
    path = Path(native=False, router_gro="on")
    gather(path.r, "ra")
    path.a.efhctl("native add fd00::/64 fragsize 1280")
    path.a.efhctl("native add 10.9.0.0/24 fragsize 1280")
    words = {"a": path.RB6, "b": path.B6, "a4": path.RB4, "b4": path.B4}
    ends = {family: (path.ends(family)[0], INNER[family][1]) for family in (6, 4)}
    for number, (what, text) in enumerate(TUNNELS):
        try:
            stack(path.r, path.b, words, *both_ends(text), 1400)
        except Skip as why:
            skip(what, why)
        else:
            greet(path.a)
            before = path.r.snmp("Ip6OutForwDatagrams")
            carried(path.a, path.b, ends, f"routed into {what}", port=9000 + number,
                    wire=(path.r, "rb"))
            forwarded = path.r.snmp("Ip6OutForwDatagrams") - before
            ok(forwarded < 60, f"{what}: the router saw runs", forwarded)
        for ns in (path.r, path.b):
            ns.run("ip link del t0", check=False)


def wireguard():
    """Fragments are what WireGuard carries."""
    need("wg")
    pair = Pair()
    stack(pair.a, pair.b, {}, "t0 type wireguard", "t0 type wireguard", 1420)
    keys = [command("wg genkey").strip() for _ in range(2)]
    public = [command("wg pubkey", input=key).strip() for key in keys]
    for number, ns in enumerate((pair.a, pair.b)):
        ns.run(f"wg set t0 private-key /proc/self/fd/0 listen-port 51820 peer {public[1 - number]} "
               f"endpoint [{(pair.B6, pair.A6)[number]}]:51820 allowed-ips ::/0,0.0.0.0/0",
               input=keys[number])
    inner_native(pair.a)
    greet(pair.a)
    carried(pair.a, pair.b, INNER, "wireguard", 1420, wire=(pair.a, "a0"))


def ipsec():
    """ESP in both modes: what leaves is the encrypted packet, in fragments."""
    for mode in ("transport", "tunnel"):
        pair = Pair()
        pair.a.efhctl("native add 2001:db8::/64")
        pair.a.efhctl("native add 192.0.2.0/24")
        esp = "enc cbc(aes) 0x" + "11" * 16 + " auth-trunc hmac(sha256) 0x" + "22" * 32 + " 128"
        lines = []
        for src, dst in ((pair.A6, pair.B6), (pair.A4, pair.B4)):
            lines.append((src, dst, f"state add src {src} dst {dst} proto esp spi 7 reqid 7 "
                          f"mode {mode} {esp}"))
        for src, dst, line in lines:
            for ns, where in ((pair.a, "out"), (pair.b, "in")):
                for text in (line, f"policy add src {src} dst {dst} dir {where} tmpl src {src} "
                             f"dst {dst} proto esp reqid 7 mode {mode}"):
                    done = ns.run("ip xfrm " + text, check=False)
                    if done.returncode:
                        raise Skip(f"ipsec: {done.stderr.strip()}")
        ends = {6: (pair.A6, pair.B6), 4: (pair.A4, pair.B4)}
        for family in (6, 4):
            # IPv6's tunnel mode fragments before it encrypts
            carried(pair.a, pair.b, ends, f"ESP {mode}", families=(family,), wire=(pair.a, "a0"),
                    efh=(mode, family) != ("tunnel", 6))
        cleanup()


def encapsulated(pair, what, out, into):
    """Routes that put the packets of fd00::/64 into others, and the way back out."""
    for ns, number in ((pair.a, 0), (pair.b, 1)):
        ns.ip(f"addr add {INNER[6][number]}/128 dev lo")
    done = [ns.run(text, check=False) for ns, text in ((pair.a, out), (pair.b, into)) if text]
    if any(d.returncode for d in done):
        raise Skip("; ".join(d.stderr.strip() for d in done))
    carried(pair.a, pair.b, INNER, what, families=(6,), wire=(pair.a, "a0"))


def segment_routing():
    """What is put into another packet before it is output: that is in fragments."""
    pair = Pair()
    for dev in ("all", "lo", "b0"):
        pair.b.sysctl(f"net.ipv6.conf.{dev}.seg6_enabled", 1)
    pair.a.efhctl("native add 2001:db8::/64")
    encapsulated(pair, "segment routing", f"ip -6 route add {INNER[6][1]} encap seg6 mode encap "
                 f"segs {pair.B6} dev a0", None)


def labels():
    """What gets its label behind the output hook: fragments, each with a label."""
    command("modprobe -a mpls_router mpls_iptunnel", check=False)
    pair = Pair()
    pair.b.sysctl("net.mpls.platform_labels", 1000)
    pair.b.sysctl("net.mpls.conf.b0.input", 1)
    inner_native(pair.a)
    encapsulated(pair, "MPLS", f"ip -6 route add {INNER[6][1]} encap mpls 100 via inet6 {pair.B6} "
                 "dev a0", "ip -f mpls route add 100 dev lo")


def bridge():
    """Runs through a bridge whose ports join."""
    a, r, b = Namespace("a"), Namespace("r"), Namespace("b")
    macs = [link(ns, dev, r, port, number=n) for n, (ns, dev, port) in
            enumerate(((a, "a0", "ra"), (b, "b0", "rb")))]
    b.run("ethtool -K b0 gro off")
    gather(r, "ra")
    r.ip("link add br0 type bridge", "link set ra master br0", "link set rb master br0",
         "link set br0 up")
    ends = {6: ("2001:db8::1", "2001:db8::2"), 4: ("192.0.2.1", "192.0.2.2")}
    for ns, dev, n, mac in ((a, "a0", 0, macs[1][0]), (b, "b0", 1, macs[0][0])):
        for family in (6, 4):
            ns.ip(f"addr add {ends[family][n]}/{64 if family == 6 else 24} dev {dev}",
                  f"neigh replace {ends[family][1 - n]} lladdr {mac} dev {dev} nud permanent")
    # its ports take a moment
    wait(lambda: not a.run("ping -c 1 -W 1 2001:db8::2", check=False).returncode, 10)
    a.efhctl("native add 2001:db8::/64")
    a.efhctl("native add 192.0.2.0/24")
    tap = Wire(r, "ra")
    far = Wire(b, "b0")
    carried(a, b, ends, "bridge", 1500)
    ok(max(len(f) for f in tap.frames()) > 3000, "bridge: it saw runs")
    ok(max(len(f) for f in far.frames()) <= 1500, "bridge: it sent fragments")


def mirror_to(ns, other):
    """A link from ns to another namespace, which shows what it gets."""
    link(ns, "m0", other, "m1", number=9, gro="off")
    tap = Wire(other, "m1")
    tap.frames()
    return tap


def check_mirrored(tap, whole, what):
    seen = [p for p in map(Packet, tap.frames()) if p.efh]
    ok(len(seen) == fragments_of(len(whole), 1440) and max(p.length for p in seen) <= 1500 and
       b"".join(p.payload for p in seen) == whole and
       [p.index for p in seen] == list(range(len(seen))) and
       [p.more for p in seen] == [1] * (len(seen) - 1) + [0], what,
       [(p.index, p.length) for p in seen])


def mirrored():
    """tc shows another device copies of runs: on the way out, and after GRO."""
    pair = Pair()
    gather(pair.b, "b0")
    pair.a.efhctl("native add 2001:db8::/64")
    other = Namespace("m")
    for ns, dev, hook in ((pair.a, "a0", "egress"), (pair.b, "b0", "ingress")):
        tap = mirror_to(ns, other)
        ns.run(f"tc qdisc add dev {dev} clsact")
        done = ns.run(f"tc filter add dev {dev} {hook} matchall action mirred egress mirror "
                      "dev m0", check=False)
        if done.returncode:
            raise Skip(f"mirred: {done.stderr.strip()}")
        tx, rx = pair.a.socket(bind=(pair.A6, 0)), pair.b.socket(bind=(pair.B6, 9999))
        for size in (2000, 2880 - 8, 60000):
            tx.sendto(data(size, 1), (pair.B6, 9999))
            eq(receive(rx), data(size, 1), f"{hook} mirror: {size} octets arrive")
            whole = efhwire.udp(pair.A6, pair.B6, tx.getsockname()[1], 9999, data(size, 1))
            check_mirrored(tap, whole, f"{hook} mirror: the copy of {size} octets, in fragments")
        ns.run(f"tc qdisc del dev {dev} clsact")
        ns.ip("link del m0")
        tx.close()
        rx.close()


def redirected():
    """What leaves one device comes in at another, never split: still so many fragments."""
    ns = Namespace("a")
    if ns.run("ip link add red type vrf table 100", check=False).returncode:
        raise Skip("no vrf")
    ns.ip("link add blue type vrf table 200", "link set red up", "link set blue up",
          "link add d0 type veth peer name d1", "link add x0 type veth peer name x1",
          "link set d0 master red", "link set x0 master blue", "link set d0 up", "link set d1 up",
          "link set x0 up", "link set x1 up", "addr add 2001:db8:1::1/64 dev d0",
          "addr add 192.0.2.1/24 dev d0", "addr add 2001:db8:2::2/64 dev x0",
          "addr add 198.51.100.2/24 dev x0", "route add 2001:db8:2::/64 dev d0 table 100",
          "route add 198.51.100.0/24 dev d0 table 100",
          "route add 2001:db8:1::/64 dev x0 table 200", "route add 192.0.2.0/24 dev x0 table 200",
          "neigh replace 2001:db8:2::2 lladdr 02:00:00:00:00:99 dev d0 nud permanent",
          "neigh replace 198.51.100.2 lladdr 02:00:00:00:00:99 dev d0 nud permanent")
    for where in ("all", "x0"):
        ns.sysctl(f"net.ipv4.conf.{where}.rp_filter", 0)
    ns.efhctl("native add 2001:db8:2::/64")
    ns.efhctl("native add 198.51.100.0/24")
    ns.run("tc qdisc add dev d0 clsact")
    if ns.run("tc filter add dev d0 egress matchall action mirred ingress redirect dev x0",
              check=False).returncode:
        raise Skip("no mirred")
    for family, near, far in ((6, "2001:db8:1::1", "2001:db8:2::2"),
                              (4, "192.0.2.1", "198.51.100.2")):
        tx, rx = ns.socket(AF[family]), ns.socket(AF[family])
        for sock, vrf in ((tx, b"red\0"), (rx, b"blue\0")):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, vrf)
        tx.bind((near, 0))
        rx.bind((far, 9999))
        rx.settimeout(2)
        name = "Ip6InReceives" if family == 6 else "IpInReceives"
        for size in SIZES:
            count = fragments_of(8 + size, fragment_size(1500, family))
            before = ns.snmp(name)
            with ns.expect(f"IPv{family}: {size} octets, a run that was never split",
                           out_fragments=count, in_fragments=count, in_delivered=count,
                           reassembled=1):
                tx.sendto(data(size, 1), (far, 9999))
                eq(receive(rx), data(size, 1), f"IPv{family}: {size} octets, redirected")
            # a VRF lets a packet come in twice
            ok(ns.snmp(name) - before <= 2, f"IPv{family}: {size} octets in one buffer")


if __name__ == "__main__":
    main(vlan, macvlan, into_tunnels, joined_into_tunnels, wireguard, ipsec, segment_routing,
         labels, bridge, mirrored, redirected)
