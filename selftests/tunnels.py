#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Stock tunnels of MTU 65000 on this host: their outer packets leave as EFH."""
import socket

from efhtest import *
from efhwire import Packet
import efhwire
import tcp

MTU = 64500
IP_MTU_DISCOVER = 10


class Inner:
    """What tcp.stream wants to know of a path: the tunnel's ends."""
    ADDRESSES = {6: ("fd00::1", "fd00::2"), 4: ("10.9.0.1", "10.9.0.2")}

    def __init__(self, path):
        self.a, self.b = path.a, path.b

    def ends(self, family):
        return self.ADDRESSES[family]


def tunnel(kind, outer, add, inner=(6, 4)):
    """add: the ends' `ip link` words, {local} and {remote} filled in."""
    path = Path()
    path.raise_mtu(65000)
    for ns, (local, remote) in ((path.a, path.ends(outer)), (path.b, path.ends(outer)[::-1])):
        done = ns.run(f"ip link add t0 mtu {MTU} type " +
                      add.format(local=local, remote=remote), check=False)
        if done.returncode:
            raise Skip(f"{kind}: {done.stderr.strip()}")
    carry(path, kind, inner)


def carry(path, kind, inner):
    """Full-size TCP and long pings through the tunnel t0."""
    for ns, end in ((path.a, 0), (path.b, 1)):
        addresses = [f"addr add {Inner.ADDRESSES[f][end]}/{64 if f == 6 else 24} dev t0"
                     for f in inner]
        ns.ip("link set t0 up", *addresses)
    for family in inner:
        far = Inner.ADDRESSES[family][1]
        path.a.run(f"ping -c 1 -w 10 {far}", check=False)
        seen = Wire(path.r, "ra")
        with Transfer(path) as sent:
            done = path.a.run(f"ping -c 3 -i 0.2 -W 10 -s 60000 {far}", check=False)
            segment = tcp.stream(Inner(path), family, 2 << 20, "write", 8500 + family)
            packets = [Packet(p) for p in seen.frames()]
        ok("3 received" in done.stdout, f"{kind}: IPv{family} ping -s 60000",
           done.stdout + done.stderr)
        # TCP begins with half of the first, unscaled, window
        ok(segment > 32000, f"{kind}: IPv{family} TCP segments as large as TCP has", segment)
        ok(sent.packets >= 3 + (2 << 20) // 65535, f"{kind}: outer packets leave as EFH",
           f"{sent.packets} packets {sent.fragments}")
        sent.check(kind)
        eq(sum(1 for p in packets if p.fragmented or p.length > 1500), 0,
           f"{kind}: no other fragments on the wire")
        seen.close()


def ip6tnl():
    tunnel("ip6tnl", 6, "ip6tnl mode any local {local} remote {remote} encaplimit none")


def ip6tnl_encaplimit():
    """With a Tunnel Encapsulation Limit there is a Destination Options header already."""
    tunnel("ip6tnl encaplimit", 6, "ip6tnl mode any local {local} remote {remote}", (6,))


def vxlan6():
    tunnel("vxlan over IPv6", 6, "vxlan id 7 local {local} remote {remote} dstport 4789 noudpcsum")


def geneve6():
    tunnel("geneve over IPv6", 6, "geneve id 7 remote {remote} udp6zerocsumrx", (6,))


def vxlan4():
    tunnel("vxlan over IPv4", 4, "vxlan id 7 local {local} remote {remote} dstport 4789")


def ipip():
    tunnel("ipip", 4, "ipip local {local} remote {remote} nopmtudisc", (4,))


def gre6():
    tunnel("ip6gre", 6, "ip6gre local {local} remote {remote}", (6,))


def wireguard_over(family):
    need("wg")
    path = Path()
    path.raise_mtu(65000)
    keys = [command("wg genkey").strip() for _ in range(2)]
    public = [command("wg pubkey", input=key).strip() for key in keys]
    for number, ns in enumerate((path.a, path.b)):
        done = ns.run(f"ip link add t0 mtu {MTU} type wireguard", check=False)
        if done.returncode:
            raise Skip(f"wireguard: {done.stderr.strip()}")
        end = path.ends(family)[1 - number]
        ns.run(f"wg set t0 private-key /proc/self/fd/0 listen-port 51820 peer {public[1 - number]} "
               f"endpoint {'[' + end + ']' if family == 6 else end}:51820 "
               "allowed-ips ::/0,0.0.0.0/0", input=keys[number])
    carry(path, f"wireguard over IPv{family}", (6, 4) if family == 6 else (4,))


def wireguard6():
    wireguard_over(6)


def wireguard4():
    wireguard_over(4)


def inside():
    """A tunnel can be the path of EFH fragments as well as their payload."""
    path = Path(native=False)
    for ns, (local, remote), end in ((path.a, path.ends(6), 0), (path.b, path.ends(6)[::-1], 1)):
        ns.ip(f"link add t0 mtu 1400 type ip6tnl mode any local {local} remote {remote}",
              "link set t0 up", f"addr add {Inner.ADDRESSES[6][end]}/64 dev t0",
              f"addr add {Inner.ADDRESSES[4][end]}/24 dev t0")
        ns.efhctl("native add fd00::/64")
        ns.efhctl("native add 10.9.0.0/24")
    for family in (6, 4):
        near, far = Inner.ADDRESSES[family]
        tx = path.a.socket(AF[family], bind=(near, 0))
        rx = path.b.socket(AF[family], bind=(far, 9999))
        count = fragments_of(60008, fragment_size(1400, family))
        with path.a.expect(f"IPv{family} in a tunnel: fragments of its size", out_packets=1,
                           out_fragments=count):
            tx.sendto(data(60000), (far, 9999))
            eq(receive(rx), data(60000), f"IPv{family} in a tunnel: the data")


def other_family():
    """IPv4 by a route that puts it into IPv6 names an IPv4 socket where IPv6 is sent."""
    path = Path()
    if path.a.run(f"ip route add 10.77.0.0/24 encap seg6 mode encap segs {path.B6} dev a0",
                  check=False).returncode:
        raise Skip("no segment routing")
    for mode in (1, 2):     # IP_PMTUDISC_WANT, IP_PMTUDISC_DO
        wire = Wire(path.r, "ra")
        tx = path.a.socket(AF[4], bind=(path.A4, 0))
        tx.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, mode)
        tx.sendto(data(1200), ("10.77.0.1", 9))
        seen = [p.length for p in map(Packet, wire.frames())
                if p.version == 6 and p.headers[0] == efhwire.ROUTING]
        eq(seen, [1228 + 40 + 24], f"an IPv4 datagram of 1200 in IPv6, mode {mode}")
        tx.close()
        wire.close()


if __name__ == "__main__":
    main(ip6tnl, ip6tnl_encaplimit, vxlan6, geneve6, vxlan4, ipip, gre6, wireguard6, wireguard4,
         inside, other_family)
