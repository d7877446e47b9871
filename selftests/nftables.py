#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""To rules, connection tracking and NAT an EFH packet is the one packet it is."""
import json

from efhtest import *
from efhwire import Packet

NETFILTER = ("nft_masq nft_redir nft_chain_nat nft_nat nft_ct nft_log nft_compat nf_nat "
             "xt_conntrack nf_conntrack_netlink nf_conntrack nf_defrag_ipv6 nf_defrag_ipv4")


def counter(ns, name):
    """(packets, octets) of a named counter of the table efh."""
    found = json.loads(ns.run(f"nft -j list counter inet efh {name}"))
    value = next(e["counter"] for e in found["nftables"] if "counter" in e)
    return value["packets"], value["bytes"]


def exchange(path, family, size=60000, port=9999, source=None, what=""):
    """A datagram there, its mirror image back; the address B saw."""
    a, b = path.ends(family)
    tx = path.a.socket(AF[family], bind=(source or a, 0))
    rx = path.b.socket(AF[family], bind=(b, 9999))
    tx.connect((b, port))
    tx.send(data(size))
    try:
        got, peer = rx.recvfrom(1 << 17)
    except TimeoutError:
        got, peer = None, None
    eq(got, data(size), f"IPv{family} {what}: {size} octets arrive")
    back = None
    if peer:
        rx.sendto(data(size)[::-1], peer[:2])
        back = receive(tx)
    eq(back, data(size)[::-1], f"IPv{family} {what}: and the answer")
    tx.close()
    rx.close()
    return peer and peer[0]


def unload():
    """No netfilter module that a test could have left; True if they are gone."""
    for _ in range(4):
        for name in NETFILTER.split():
            if loaded(name):
                command(f"modprobe -r {name}", check=False)
    return not loaded("nf_conntrack")


def nothing_loaded():
    """No rules, no connection tracking, no netfilter module at all."""
    path = Path()
    gone = unload()
    for family in (6, 4):
        exchange(path, family, what="no netfilter")
    ok(not gone or not loaded("nf_conntrack"), "connection tracking is not pulled in")


def conntrack_after():
    """Connection tracking that comes after efh sees whole packets all the same."""
    need("nft", "conntrack")
    path = Path()
    unload()
    for family in (6, 4):
        exchange(path, family, what="before conntrack")
    tracked(path, "conntrack loaded after")


def conntrack_before():
    need("nft", "conntrack")
    command("modprobe -a nf_conntrack nf_defrag_ipv6 nf_defrag_ipv4", check=False)
    if loaded("efh"):
        command("modprobe -r efh")
    command("modprobe efh")
    tracked(Path(), "conntrack loaded before")


def tracked(path, what):
    path.b.nft("""table inet efh {
        counter fresh { }
        counter known { }
        counter invalid { }
        counter strange { }
        counter every { }
        chain pre { type filter hook prerouting priority -290;
            meta l4proto 60 counter name strange
            exthdr dst exists counter name strange
            udp dport 9999 counter name every }
        chain in { type filter hook input priority 0; policy accept;
            udp dport 9999 ct state new counter name fresh
            udp dport 9999 ct state established counter name known
            ct state invalid counter name invalid }
        chain out { type filter hook output priority 0; policy accept;
            udp sport 9999 ct state established counter name known }
    }""")
    for family in (6, 4):
        head = 48 if family == 6 else 28
        before = {name: counter(path.b, name)
                  for name in ("fresh", "known", "invalid", "strange", "every")}
        exchange(path, family, what=what)
        got = {name: tuple(x - y for x, y in zip(counter(path.b, name), before[name]))
               for name in before}
        eq(got, {"fresh": (1, 60000 + head), "known": (1, 60000 + head), "invalid": (0, 0),
                 "strange": (0, 0), "every": (1, 60000 + head)},
           f"IPv{family} {what}: one new packet, one established, no fragment seen")
        listing = path.b.run(f"conntrack -L -f ipv{family} -p udp", check=False).stdout
        time.sleep(0.3)
        with path.b.expect(f"IPv{family} {what}: answers leave as EFH", out_packets=1):
            exchange(path, family, what=what)
        ok("dport=9999" in listing and "unknown" not in listing and "UNREPLIED" not in listing,
           f"IPv{family} {what}: one entry with its ports", listing)


def confirmed_behind():
    """Connection tracking whose hooks stand behind ours: a first packet starts a connection."""
    need("nft", "conntrack")
    path = Path(native=False)
    command("modprobe -r efh")
    for ns in (path.a, path.b):
        ns.nft("""table inet efh {
            counter fresh { }
            counter known { }
            counter invalid { }
            chain in { type filter hook input priority 0;
                meta l4proto udp ct state new counter name fresh
                meta l4proto udp ct state established counter name known
                ct state invalid counter name invalid drop }
            chain out { type filter hook output priority 0;
                meta l4proto udp ct state established counter name known
                ct state invalid counter name invalid drop } }""")
    command("modprobe efh")
    path.native()
    for family in (6, 4):
        a, b = path.ends(family)
        wire = Wire(path.r, "ra")
        before = {ns: {n: counter(ns, n)[0] for n in ("fresh", "known", "invalid")}
                  for ns in (path.a, path.b)}
        asked = {ns: ns.stats()["control_out"] for ns in (path.a, path.b)}
        count = fragments_of(60008, fragment_size(1500, family))
        rx = path.b.socket(AF[family], bind=(b, 9999))
        there = back = 0
        with path.a.expect(f"IPv{family}: each of 20 leaves as EFH", out_packets=20,
                           out_fragments=20 * count, out_failed=0), \
                path.b.expect(f"IPv{family}: each of 20 answers leaves as EFH", out_packets=20,
                              out_fragments=20 * count, out_failed=0):
            for number in range(20):
                # of the kernel's choice two may be the same
                tx = path.a.socket(AF[family], bind=(a, 20000 + number))
                tx.settimeout(2)
                rx.settimeout(2)
                tx.sendto(data(60000, number), (b, 9999))
                try:
                    got, peer = rx.recvfrom(1 << 17)
                except TimeoutError:
                    continue
                there += got == data(60000, number)
                rx.sendto(got[::-1], peer[:2])
                back += receive(tx) == data(60000, number)[::-1]
                tx.close()
        eq((there, back), (20, 20), f"IPv{family}: the first of 20 connections, and answers")
        eq(sum(p.fragmented for p in map(Packet, wire.frames())), 0,
           f"IPv{family}: no standard fragment on the wire")
        for ns, fresh in ((path.a, 0), (path.b, 20)):
            # to connection tracking what has no header behind the options, as PROBEs, is invalid
            probes = ns.stats()["control_out"] - asked[ns] if family == 6 else 0
            eq(tuple(counter(ns, n)[0] - before[ns][n] for n in ("fresh", "known", "invalid")),
               (fresh, 20, probes), f"IPv{family}: {ns.role()}'s packets new, established, invalid")
            listing = ns.run(f"conntrack -L -f ipv{family} -p udp --dport 9999", check=False).stdout
            lines = [line for line in listing.split("\n") if "dport=9999" in line]
            eq((len(lines), sum("UNREPLIED" in line for line in lines)), (20, 0),
               f"IPv{family}: {ns.role()} has 20 connections, none without an answer")
        wire.close()
        rx.close()


STRICT = """
    counter invalid { }
    chain pre { type filter hook prerouting priority -150;
        ct state invalid counter name invalid drop }
    chain in { type filter hook input priority 0; policy drop;
        iifname lo accept
        ct state established,related accept
        ip6 nexthdr icmpv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        ct state invalid counter name invalid drop }"""


def learns(path, family, target, what):
    """The link beyond the router narrows; nothing of size would get through unlearnt."""
    a, b = path.ends(family)
    for end, mtu in ((path.r, 1500), (path.b, 1500)):
        end.ip(f"link set {'rb' if end is path.r else 'b0'} mtu {mtu}")
    path.a.efhctl("flow flush")
    tx = path.a.socket(AF[family], bind=(a, 0))
    rx = path.b.socket(AF[family], bind=(b, 9999))
    tx.sendto(data(60000), (target, 9999))
    eq(receive(rx), data(60000), f"IPv{family} {what}: before")
    path.r.ip("link set rb mtu 1400")
    path.b.ip("link set b0 mtu 1400")
    before = path.a.stats()
    rx.settimeout(0.4)
    tx.sendto(data(60000, 1), (target, 9999))
    eq(receive(rx), None, f"IPv{family} {what}: what the news is about is lost")
    wait(lambda: path.a.stats()["icmp_in"] > before["icmp_in"], 1)
    rx.settimeout(2)
    tx.sendto(data(60000, 2), (target, 9999))
    try:
        got, peer = rx.recvfrom(1 << 17)
    except TimeoutError:
        got, peer = None, None
    eq(got, data(60000, 2), f"IPv{family} {what}: the next one fits")
    eq([f["path_mtu"] for f in path.a.flows() if f["destination"] == b], [1400],
       f"IPv{family} {what}: the flow has learnt")
    eq(path.a.stats()["icmp_invalid"], before["icmp_invalid"],
       f"IPv{family} {what}: no error was taken for a forgery")
    if peer:
        rx.sendto(data(3000), peer[:2])
        tx.settimeout(2)
        try:
            got, peer = tx.recvfrom(1 << 17)
        except TimeoutError:
            got, peer = None, [None]
        eq((got, peer[0]), (data(3000), target), f"IPv{family} {what}: and the answer comes")
    tx.close()
    rx.close()


def strict():
    """Errors about fragments that connection tracking never saw are heeded before it."""
    need("nft")
    path = Path()
    path.a.nft("table inet efh {" + STRICT + "}")
    for family in (6, 4):
        learns(path, family, path.ends(family)[1], "strict rules")


def strict_translated():
    """As well where the destination the path knows is not the one the sender named."""
    need("nft")
    path = Path()
    path.a.nft("table inet efh {" + STRICT + f"""
        chain out {{ type nat hook output priority -100;
            ip6 daddr 2001:db8:2::77 dnat ip6 to {Path.B6}
            ip daddr 198.51.100.77 dnat ip to {Path.B4} }} }}""")
    for family, target in ((6, "2001:db8:2::77"), (4, "198.51.100.77")):
        learns(path, family, target, "strict rules and dnat")


def drop_by_port():
    """A rule that forbids a port forbids it to EFH packets, whole."""
    need("nft")
    path = Path()
    path.b.nft("""table inet efh {
        counter dropped { }
        chain in { type filter hook input priority 0;
            udp dport 9998 counter name dropped drop } }""")
    for family in (6, 4):
        tx, rx = path.udp(family, 9998)
        rx.settimeout(0.5)
        before = counter(path.b, "dropped")[0]
        tx.send(data(30000))
        eq(receive(rx), None, f"IPv{family}: a forbidden port stays forbidden")
        eq(counter(path.b, "dropped")[0] - before, 1, f"IPv{family}: one packet dropped")
        exchange(path, family, what="a port not forbidden")


def redirect():
    """dnat and redirect at the receiver."""
    need("nft")
    path = Path()
    path.b.nft(f"""table inet efh {{
        chain pre {{ type nat hook prerouting priority -100;
            udp dport 5000 redirect to :9999
            ip6 daddr {Path.B6} udp dport 5001 dnat ip6 to [{Path.B6}]:9999
            ip daddr {Path.B4} udp dport 5001 dnat ip to {Path.B4}:9999 }} }}""")
    for family in (6, 4):
        exchange(path, family, port=5000, what="redirect")
        exchange(path, family, port=5001, what="dnat")


def dnat_elsewhere():
    """To another address of the receiver, sent to one it does not even have."""
    need("nft")
    path = Path()
    path.b.ip("addr add 2001:db8:2::77/64 dev b0", "addr add 198.51.100.77/24 dev b0")
    path.b.nft(f"""table inet efh {{
        chain pre {{ type nat hook prerouting priority -100;
            ip6 daddr 2001:db8:2::77 dnat ip6 to {Path.B6}
            ip daddr 198.51.100.77 dnat ip to {Path.B4} }} }}""")
    path.r.ip(f"neigh replace 2001:db8:2::77 lladdr {path.mac_b} dev rb nud permanent",
              f"neigh replace 198.51.100.77 lladdr {path.mac_b} dev rb nud permanent")
    for family, there in ((6, "2001:db8:2::77"), (4, "198.51.100.77")):
        a, b = path.ends(family)
        tx = path.a.socket(AF[family], bind=(a, 0))
        rx = path.b.socket(AF[family], bind=(b, 9999))
        tx.connect((there, 9999))
        tx.send(data(40000))
        try:
            got, peer = rx.recvfrom(1 << 17)
            rx.sendto(got[::-1], peer[:2])
        except TimeoutError:
            got = None
        eq(got, data(40000), f"IPv{family}: dnat to another address")
        eq(receive(tx), data(40000)[::-1], f"IPv{family}: the answer has the first address again")


def source_nat():
    """snat and masquerade at the sender: what is cut has been translated."""
    need("nft")
    path = Path()
    path.a.ip("addr add 2001:db8:1::99/64 dev a0 preferred_lft 0", "addr add 192.0.2.99/24 dev a0",
              "addr add 2001:db8:1::55/128 dev lo", "addr add 192.0.2.55/32 dev lo")
    path.r.ip(f"neigh replace 2001:db8:1::99 lladdr {path.mac_a} dev ra nud permanent",
              f"neigh replace 192.0.2.99 lladdr {path.mac_a} dev ra nud permanent")
    path.a.nft(f"""table inet efh {{
        chain post {{ type nat hook postrouting priority 100;
            ip6 saddr {Path.A6} oifname a0 udp dport 9999 snat ip6 to 2001:db8:1::99
            ip saddr {Path.A4} oifname a0 udp dport 9999 snat ip to 192.0.2.99
            ip6 saddr 2001:db8:1::55 oifname a0 masquerade
            ip saddr 192.0.2.55 oifname a0 masquerade }} }}""")
    for family, other, hidden in ((6, "2001:db8:1::99", "2001:db8:1::55"),
                                  (4, "192.0.2.99", "192.0.2.55")):
        eq(exchange(path, family, what="snat"), other, f"IPv{family} snat: the source B saw")
        saw = exchange(path, family, what="masquerade", source=hidden)
        ok(saw not in (None, hidden), f"IPv{family} masquerade: the source B saw", saw)


if __name__ == "__main__":
    main(nothing_loaded, conntrack_after, conntrack_before, confirmed_behind,
         strict, strict_translated, drop_by_port, redirect, dnat_elsewhere, source_nat)
