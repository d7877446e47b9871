#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Links whose carrier is UDP: what they send, their ports, what the path says of it."""
import json
import socket
import struct

from efhtest import *
from efhlink import ready, rx_packets, some, thirds
from efhwire import Carried, Packet
import efhwire
import tcp

DPORT = 8060
INNER = {6: ("fd00::1", "fd00::2"), 4: ("10.9.0.1", "10.9.0.2")}
PORT = 9999
SPORTS = (49152, 65535)
LARGEST = {6: 65535 - 48, 4: 65535 - 28}    # of a datagram in the link's MTU
HEADERS = {6: 48, 4: 28}    # outer ones


def link_size(mtu, outer):
    """L under UDP: wire.rst sections 3 and 5."""
    return mtu - HEADERS[outer] - 16 & ~7


def add(ns, local, remote, words="", name="efh0", end=None, mtu=None):
    """A link, up; end: 0 or 1 for which of the inner addresses it has."""
    ns.run(f"ip link add {name} {f'mtu {mtu} ' if mtu else ''}type efh local {local} "
           f"{f'remote {remote} ' if remote else ''}carrier udp {words}")
    addresses = [] if end is None else [
        f"addr add {INNER[6][end]}/64 dev {name} nodad", f"addr add {INNER[4][end]}/24 dev {name}"]
    ns.ip(f"link set {name} up", *addresses)
    if end is not None:
        ready(ns, INNER[6][end])


def join(path, outer, words="", mtu=None):
    """A link from A to B of a Pair or a Path."""
    a, b = path.ends(outer)
    add(path.a, a, b, words, end=0, mtu=mtu)
    add(path.b, b, a, words, end=1, mtu=mtu)


def counted(ns, name="efh0"):
    """What a link counts."""
    found = {}
    for line in ns.run(f"ethtool -S {name}").split("\n"):
        key, colon, value = line.strip().partition(": ")
        if colon:
            found[key] = int(value)
    return found


class Inside:
    """What tcp.stream wants to know of a path: the link's ends, as they are or exchanged."""

    def __init__(self, path, back=False):
        self.a, self.b = (path.b, path.a) if back else (path.a, path.b)
        self.back = back

    def ends(self, family):
        return INNER[family][::-1] if self.back else INNER[family]

    def udp(self, family, port=PORT):
        a, b = self.ends(family)
        tx, rx = self.a.socket(AF[family], bind=(a, 0)), self.b.socket(AF[family], bind=(b, port))
        tx.connect((b, port))
        return tx, rx


class Watched:
    """Packets of a link as a tap saw them: what is wrong with them, what is in them.

    check: "good", "left" if the device may have it to do, "none", or "any".
    """

    def __init__(self, frames, outer, src, mtu=1500, check="good", dport=DPORT, sports=SPORTS):
        self.wrong, self.packets, self.inner, pieces = [], [], [], {}
        for frame in frames:
            packet = Packet(frame)
            if packet.src != src or packet.proto != efhwire.UDP:
                continue
            p = Carried(frame)
            if p.dport != dport or p.control:
                continue
            self.packets.append(p)
            self.outside(p, outer, mtu, check, sports)
            if p.inner is not None:
                self.inner.append((p.sport, p.inner))
            elif p.efh is None:
                self.wrong.append(f"neither a packet nor EFH: {short(frame)}")
            else:
                pieces.setdefault(p.ident, []).append(p)
        self.large = len(pieces)
        self.fragments = sum(len(p) for p in pieces.values())
        for some in pieces.values():
            self.together(some, link_size(mtu, outer))

    def outside(self, p, outer, mtu, check, sports):
        what = f"{p.length} octets"
        bad = []
        if p.version != outer or p.fragmented or p.length > mtu or len(p.data) != p.length:
            bad.append(f"version {p.version}, {p.length} octets, fragmented {p.fragmented}")
        if outer == 4 and not p.df:
            bad.append("no DF")
        if outer == 6 and not p.label:
            bad.append("no flow label")
        if not sports[0] <= p.sport <= sports[1]:
            bad.append(f"source port {p.sport}")
        if p.udp_length != p.length - HEADERS[outer] + 8:
            bad.append(f"UDP length {p.udp_length}")
        if not {"good": p.check_good, "left": p.check_good or p.check_left,
                "none": not p.check, "any": True}[check]:
            bad.append(f"UDP checksum {p.check:#x}")
        self.wrong += [f"{what}: {text}" for text in bad]

    def together(self, some, size):
        """Fragments of one packet."""
        last = len(some) - 1
        inner = b"".join(p.payload for p in some)
        cache = 41 if inner[0] >> 4 == 6 else 4
        for k, p in enumerate(some):
            expected = efhwire.header(cache, k, k * size, int(k < last), p.ident)
            if p.head != expected:
                self.wrong.append(f"fragment {k} of {last + 1}: header {p.head.hex()}, not "
                                  f"{expected.hex()}")
            if len(p.payload) != size and (k < last or len(p.payload) > size):
                self.wrong.append(f"fragment {k} of {last + 1}: {len(p.payload)} octets")
        if len({(p.sport, p.src, p.dst, p.tclass, p.hops, p.label) for p in some}) > 1:
            self.wrong.append("fragments of one packet with different headers")
        if last < 1:
            self.wrong.append("one fragment is the whole packet")
        self.inner.append((some[0].sport, inner))

    def check(self, what):
        ok(not self.wrong, f"{what}: {len(self.packets)} packets on the wire as they should be",
           "\n".join(self.wrong[:8]))
        return self

    def datagrams(self):
        """(source port of the outer, payload of the inner one)"""
        return [(sport, Packet(inner).payload[8:]) for sport, inner in self.inner
                if Packet(inner).proto == efhwire.UDP]


def sizes(path, outer, what, check="left", words=(), tap=None, lengths=None):
    """Datagrams of all sizes, and what is on the wire meanwhile."""
    src = path.ends(outer)[0]
    for family in (6, 4):
        tx, rx = Inside(path).udp(family)
        tap = Wire(*tap) if isinstance(tap, tuple) else tap or Wire(path.r, "ra")
        headers = 48 if family == 6 else 28
        room = 1500 - HEADERS[outer]
        for length in lengths or (1, 100, 1400, room - headers, room - headers + 1, 1500,
                                  2 * link_size(1500, outer) - headers,
                                  2 * link_size(1500, outer) - headers + 1, 9000, 60000,
                                  LARGEST[family]):
            tap.frames(quiet=0)
            tx.send(data(length, length))
            eq(receive(rx), data(length, length), f"{what}: IPv{family} in IPv{outer}, {length}")
            seen = Watched(tap.frames(quiet=0.03), outer, src, check=check)
            good = [d for _, d in seen.datagrams()] == [data(length, length)]
            large = headers + length > room
            count = fragments_of(headers + length, link_size(1500, outer)) if large else 1
            if seen.wrong or not good or (seen.large, len(seen.packets)) != (large, count):
                ok(False, f"{what}: IPv{family} in IPv{outer}, {length}: the wire",
                   f"{len(seen.packets)} packets, expected {count}; EFH {seen.large}; "
                   f"right content {good}\n" + "\n".join(seen.wrong[:5]))
        tx.close()
        rx.close()
        tap.frames(quiet=0)
    tap.close()


def path_of_two():
    """Host - router - host: pings, all sizes, TCP both ways."""
    for outer in some((6, 4)):
        path = Path(native=False)
        join(path, outer)
        for family in (6, 4):
            for length in (56, 1400, 1500, 9000, 60000):
                done = path.a.run(f"ping -c 2 -i 0.1 -W 10 -s {length} {INNER[family][1]}",
                                  check=False)
                ok("2 received" in done.stdout, f"IPv{family} in IPv{outer}: ping -s {length}",
                   done.stdout + done.stderr)
        sizes(path, outer, "path")
        for family in (6, 4):
            for back in (False, True):
                segment = tcp.stream(Inside(path, back), family, 4 << 20,
                                     "sendfile" if back else "write", 8500 + family)
                ok(segment > 32000, "TCP has large segments", segment)
        for ns in (path.a, path.b):
            at = counted(ns)
            ok(at["out_large"] > 40,
               f"IPv{outer}: {ns.role()} counts the large ones", at)
            eq({k: v for k, v in at.items() if v and k != "out_large"}, {},
               f"IPv{outer}: {ns.role()} lost nothing")
            eq(ns.stats()["out_failed"], 0, f"IPv{outer}: {ns.role()}: all were cut")
        ok(path.b.stats()["reassembled"] >= 100, "they were put together")
        finish()


def direct():
    """One link, joined on arrival or not, gathered or not, sums by the device or not."""
    for gro, tx, sg in (("on", "on", "on"), ("off", "on", "on"), ("off", "off", "on"),
                        ("on", "off", "off"), ("off", "on", "off")):
        pair = Pair(gro=gro)
        for ns, dev in ((pair.a, "a0"), (pair.b, "b0")):
            ns.run(f"ethtool -K {dev} tx {tx} sg {sg} tso off gso off")
        for outer in (6, 4):
            join(pair, outer)
            # before the far end joins it; the sums are the device's own business
            sizes(pair, outer, f"GRO {gro} tx {tx} sg {sg}", "good" if tx == "off" else "left",
                  tap=Outgoing(pair.a, "a0"), lengths=(100, 1400, 1500, 9000, LARGEST[6]))
            for ns in (pair.a, pair.b):
                eq(ns.stats()["out_failed"], 0, f"IPv{outer}: {ns.role()}: all were cut")
                ns.ip("link del efh0")
        finish()


class Outgoing(Wire):
    """What a device sends, after all offloads that are not its own."""

    def frames(self, outgoing=True, quiet=0.1):
        return super().frames(outgoing, quiet)


def no_checksum():
    """noudpcsum: none under IPv6, whoever would have made it; refused under IPv4."""
    for tx in ("on", "off"):
        path = Path(native=False)
        path.a.run(f"ethtool -K a0 tx {tx} tso off gso off")
        join(path, 6, "noudpcsum")
        sizes(path, 6, f"noudpcsum, tx {tx}", "none", lengths=(100, 1400, 1500, 60000))
        segment = tcp.stream(Inside(path), 6, 1 << 20, "write", 8500)
        ok(segment > 32000, "TCP too", segment)
        ok(json.loads(path.a.run("ip -j -d link show efh0"))[0]["linkinfo"]["info_data"]
           ["udp_csum"] is False, "ip shows it")
        path.a.ip("link set efh0 type efh udpcsum")
        sizes(path, 6, f"udpcsum again, tx {tx}", "good" if tx == "off" else "left",
              lengths=(100, 1500))
        finish()
    path = Path(native=False)
    done = path.a.run(f"ip link add efh0 type efh local {path.A4} remote {path.B4} carrier udp "
                      "noudpcsum", check=False)
    ok(done.returncode == 2 and "UDP under IPv4 always has a checksum" in done.stderr,
       "noudpcsum under IPv4 is refused", done.stderr)


def source_ports():
    """One for each inner flow, of the range, for all it sends; many for many flows."""
    for outer in (6, 4):
        for words, sports in (("", SPORTS), ("sport 1000 1063", (1000, 1063)),
                              ("sport 7 7", (7, 7))):
            path = Path(native=False)
            join(path, outer, words)
            tap = Wire(path.r, "ra")
            for family in (6, 4):
                near, far = INNER[family]
                rx = path.b.socket(AF[family], bind=(far, PORT))
                tap.frames(quiet=0)
                used = {}
                for number in range(40):
                    tx = path.a.socket(AF[family], bind=(near, 20000 + number))
                    for length in (100, 3000, 1000):
                        tx.sendto(bytes([number]) + data(length), (far, PORT))
                        receive(rx)
                    tx.close()
                seen = Watched(tap.frames(), outer, path.ends(outer)[0], check="left",
                               sports=sports).check(f"IPv{family} in IPv{outer} {words}")
                for sport, content in seen.datagrams():
                    used.setdefault(content[0], set()).add(sport)
                eq((len(used), {len(s) for s in used.values()}), (40, {1}),
                   f"IPv{family} in IPv{outer} {words}: 40 flows with a port each")
                number = len(set.union(*used.values()))
                ok(number >= min(25, (sports[1] - sports[0] + 1) // 4 + 1),
                   f"IPv{family} in IPv{outer} {words}: {number} ports")
                if sports == SPORTS:
                    ok(max(set.union(*used.values())) - min(set.union(*used.values())) > 8000,
                       f"IPv{family} in IPv{outer}: all over the range", used)
                rx.close()
            finish()


def other_ports():
    """dport: sent to and listened at, and no other."""
    for outer in (6, 4):
        path = Path(native=False)
        join(path, outer, "dport 4000")
        tap = Wire(path.r, "ra")
        for family in (6, 4):
            tx, rx = Inside(path).udp(family)
            for length in (100, 20000):
                tap.frames(quiet=0)
                tx.send(data(length))
                eq(receive(rx), data(length), f"IPv{family} in IPv{outer}, dport 4000: {length}")
                seen = Watched(tap.frames(), outer, path.ends(outer)[0], check="left", dport=4000)
                ok(seen.packets, f"IPv{family} in IPv{outer}: to that port")
            tx.close()
            rx.close()
        finish()


def in_use():
    """A port that is somebody else's; shared by links; free again behind the last."""
    text = "the UDP port is in use by another program or tunnel"
    pair = Pair()
    for outer, other in ((6, "2001:db8::77"), (4, "192.0.2.77")):
        a, b = pair.ends(outer)
        anywhere = ("::" if outer == 6 else "0.0.0.0", DPORT)
        with pair.a:
            busy = socket.socket(AF[outer], socket.SOCK_DGRAM)
            if outer == 6:
                busy.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            busy.bind(anywhere)
        done = pair.a.run(f"ip link add efh0 type efh local {a} remote {b} carrier udp",
                          check=False)
        ok(done.returncode == 2 and text in done.stderr, f"IPv{outer}: the port is in use",
           done.stderr)
        ok(pair.a.run("ip link show efh0", check=False).returncode, f"IPv{outer}: and no link made")
        add(pair.a, a, b, "dport 8061")
        pair.a.ip("link del efh0")
        busy.close()

        add(pair.a, a, b)
        add(pair.a, a, other, name="efh1")
        done = pair.a.run(f"ip link add efh2 type efh local {a} remote {b} carrier udp",
                          check=False)
        ok(done.returncode == 2 and "has this peer already" in done.stderr,
           f"IPv{outer}: two links with the same ends are one too many", done.stderr)
        add(pair.a, a, b, "dport 8062", name="efh2")
        # of other families and port it is another's
        add(pair.a, *pair.ends(10 - outer), name="efh3")
        pair.a.ip("link del efh3", "link del efh2")
        with pair.a:
            ok(not binds(outer, anywhere), f"IPv{outer}: nobody else can have the port")
        pair.a.ip("link del efh0")
        with pair.a:
            ok(not binds(outer, anywhere), f"IPv{outer}: nor behind the first link")
        pair.a.ip("link del efh1")
        with pair.a:
            ok(binds(outer, anywhere), f"IPv{outer}: behind the last one anybody can")
        join(pair, outer)
        tx, rx = Inside(pair).udp(6)
        tx.send(data(9000))
        eq(receive(rx), data(9000), f"IPv{outer}: a link can have it again")
        for ns in (pair.a, pair.b):
            ns.ip("link del efh0")
        rx.close()


def binds(family, where):
    sock = socket.socket(AF[family], socket.SOCK_DGRAM)
    try:
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
        return True
    except OSError:
        return False
    finally:
        sock.close()


def shared():
    """Two links with one port, each with its own remote; one goes, the other stays."""
    for outer in (6, 4):
        pair = Pair()
        a, b = pair.ends(outer)
        second = "2001:db8::77" if outer == 6 else "192.0.2.77"
        pair.b.ip(f"addr add {second}/{64 if outer == 6 else 24} dev b0")
        pair.a.ip(f"neigh replace {second} lladdr {pair.mac_b} dev a0 nud permanent")
        join(pair, outer)
        for ns, local, remote, inner in ((pair.a, a, second, "fd01::1"),
                                         (pair.b, second, a, "fd01::2")):
            add(ns, local, remote, name="efh1")
            ns.ip(f"addr add {inner}/64 dev efh1 nodad")
            ready(ns, inner)

        def through(name, near, far, outer=outer, pair=pair):
            tx = pair.a.socket(bind=(near, 0))
            rx = pair.b.socket(bind=(far, PORT))
            before = rx_packets(pair.b, name)
            for length in (100, 30000):
                tx.sendto(data(length), (far, PORT))
                eq(receive(rx), data(length), f"IPv{outer}: {name}, {length} octets")
            eq(rx_packets(pair.b, name) - before, 2, f"IPv{outer}: both by {name}")
            tx.close()
            rx.close()
        through("efh0", "fd00::1", "fd00::2")
        through("efh1", "fd01::1", "fd01::2")
        for ns in (pair.a, pair.b):
            ns.ip("link del efh0")
        through("efh1", "fd01::1", "fd01::2")
        finish()


def segments(path, family, size, count, what):
    """UDP_SEGMENT: so many datagrams in one call; a receiver that takes them one by one."""
    tx, rx = Inside(path).udp(family)
    rx.settimeout(3)
    tx.setsockopt(SOL_UDP, UDP_SEGMENT, size)
    content = data(size * count - 7, size)
    tx.send(content)
    arrive(rx, [content[k * size:(k + 1) * size] for k in range(count)],
           f"{what}: IPv{family}, {count} datagrams of {size} in one call")
    rx.setsockopt(SOL_UDP, UDP_GRO, 1)
    tx.send(content)
    got = b""
    while len(got) < len(content) and (part := receive(rx)):
        got += part
    ok(got == content, f"{what}: IPv{family}, for a receiver with UDP_GRO", len(got))
    tx.close()
    rx.close()


def gso():
    """Super-packets into a link whose packets fit the path, or need EFH one by one."""
    for outer in (6, 4):
        for mtu, efh in ((1300, False), (1500, True)):
            for offload, tx in (("off", "on"), ("off", "off"), ("on", "on")):
                what = f"in IPv{outer}, mtu {mtu}, offloads {offload}, tx {tx}"
                path = Path(native=False)
                for ns, dev in ((path.a, "a0"), (path.b, "b0")):
                    ns.run(f"ethtool -K {dev} tx {tx} tso {offload} gso {offload} "
                           f"tx-udp-segmentation {offload} tx-udp_tnl-segmentation {offload} "
                           f"tx-udp_tnl-csum-segmentation {offload}", check=False)
                join(path, outer, mtu=mtu)
                for family in (6, 4):
                    size = mtu - (48 if family == 6 else 28)
                    before = path.a.stats()["out_packets"]
                    tap = Wire(path.r, "ra")
                    segments(path, family, size, 20, what)
                    seen = [f for f in tap.frames() if Packet(f).src == path.ends(outer)[0]]
                    eq(path.a.stats()["out_packets"] - before, 40 if efh else 0,
                       f"{what}: IPv{family}, as EFH")
                    if offload == "off":
                        wire = Watched(seen, outer, path.ends(outer)[0], check="good"
                                       if tx == "off" else "left").check(what)
                        eq((len(wire.datagrams()), wire.large), (40, 40 if efh else 0),
                           f"{what}: IPv{family}, each for itself")
                    tap.close()
                    for back in (False, True):
                        tcp.stream(Inside(path, back), family, 1 << 19, "write", 8500 + family)
                eq([ns.stats()["out_failed"] for ns in (path.a, path.b)], [0, 0],
                   f"{what}: nothing failed")
                finish()


def narrow(path, mtu):
    path.r.ip(f"link set rb mtu {mtu}")
    path.b.ip(f"link set b0 mtu {mtu}")


def path_mtu():
    """The path narrows: what plain packets, and what fragments, hear of it."""
    for outer in some((6, 4)):
        for first in ("plain", "EFH"):
            path = Path(native=False, gro="off")
            path.r.sysctl("net.ipv6.icmp.ratelimit", 0)
            path.r.sysctl("net.ipv4.icmp_ratelimit", 0)
            join(path, outer)
            what = f"{first} in IPv{outer}"
            a, b = path.ends(outer)
            tx, rx = Inside(path).udp(6)
            large = 1500 - HEADERS[outer] - 48 if first == "plain" else 20000
            for length in (large, 20000):
                tx.send(data(length))
                eq(receive(rx), data(length), f"{what}: before")
            narrow(path, 1400)
            rx.settimeout(0.4)
            tx.send(data(large, 1))
            eq(receive(rx), None, f"{what}: the one that the news is about is lost")
            rx.settimeout(5)
            got = None
            for _ in range(3):
                try:
                    tx.send(data(large, 2))
                    got = receive(rx)
                    break
                except OSError as error:
                    note(f"send: {error}")
            eq(got, data(large, 2), f"{what}: the next one fits")
            if first == "plain":    # anybody can say so; of this one not
                rx.settimeout(0.4)
                tx.send(data(20000, 4))
                receive(rx)
                rx.settimeout(5)
            tap = Wire(path.r, "ra")
            for length in (100, 1300, 1400, 60000, large):
                tx.send(data(length, 3))
                eq(receive(rx), data(length, 3), f"{what}: {length} after that")
            seen = Watched(tap.frames(), outer, a, mtu=1400, check="left").check(f"{what} 1400")
            ok(seen.large >= 2, f"{what}: in fragments for 1400")
            shown = json.loads(path.a.efhctl("-j flow show"))
            sport = seen.packets[0].sport
            mine = [f for f in shown if f.get("destination") == b]
            ok(mine and all(f.get("carrier") == f"udp{outer}" for f in mine) and
               any(f.get("flowlabel") == sport for f in mine),
               f"{what}: the flow has its carrier and source port {sport}", shown)
            of = {dev: {(f["destination"], f["flowlabel"]) for f in json.loads(path.a.efhctl(f"-j flow show dev {dev}"))}
                  for dev in ("efh0", "a0")}
            eq(of, {"efh0": {(f["destination"], f["flowlabel"]) for f in mine}, "a0": set()},
               f"{what}: flow show dev")
            eq({f.get("fragment_size") for f in path.a.flows() if f["destination"] == b},
               {link_size(1400, outer)}, f"{what}: and the fragment size of the path")
            eq(path.a.stats()["icmp_invalid"], 0, f"{what}: no error was taken for a forgery")
            if first == "EFH":
                ok(path.a.stats()["icmp_in"], f"{what}: the error is counted")
            for family in (6, 4):
                tcp.stream(Inside(path), family, 1 << 20, "write", 8500 + family)
            finish()


def unreachable():
    """Who can't be reached by the far end is told, of plain packets and of fragments."""
    # of a missing route IPv4 tells once a second, of all namespaces' packets
    with open("/proc/sys/net/ipv4/route/error_cost", "w") as cost:
        cost.write("0")
    for outer in (6, 4):
        path = Path(native=False, gro="off")
        path.r.sysctl("net.ipv6.icmp.ratelimit", 0)
        path.r.sysctl("net.ipv4.icmp_ratelimit", 0)
        path.b.sysctl("net.ipv6.icmp.ratelimit", 0)
        path.b.sysctl("net.ipv4.icmp_ratelimit", 0)
        path.a.sysctl("net.ipv6.icmp.ratelimit", 0)
        path.a.sysctl("net.ipv4.icmp_ratelimit", 0)
        a, b = path.ends(outer)
        add(path.a, a, b, end=0)
        for why, before in (("no port", ()), ("no route", (f"route add unreachable {b}",))):
            path.r.ip(*before)
            for family in (6, 4):
                near, far = INNER[family]
                for length in (100, 9000):
                    tx = path.a.socket(AF[family], bind=(near, 0))
                    tx.connect((far, PORT))
                    tx.settimeout(1)
                    if family == 6:
                        tx.setsockopt(socket.IPPROTO_IPV6, 25, 1)   # IPV6_RECVERR
                    else:
                        tx.setsockopt(socket.IPPROTO_IP, 11, 1)     # IP_RECVERR
                    count = counted(path.a)["in_icmp"]
                    error = None
                    for _ in range(5):      # routers say it at times only
                        try:
                            tx.send(data(length))
                            tx.recv(1 << 17)
                        except TimeoutError:
                            continue
                        except OSError as caught:
                            error = caught.errno
                        break
                    eq(error, errno.EHOSTUNREACH,
                       f"{why}: IPv{family} in IPv{outer}, {length} octets: the sender is told")
                    ok(counted(path.a)["in_icmp"] > count, f"{why}: and counted")
                    tx.close()
        finish()


def peers():
    """A peer's own port, and what others than it may send."""
    for outer in some((6, 4)):
        pair = Pair(gro="off")
        a, b = pair.ends(outer)
        add(pair.a, a, None, end=0)
        add(pair.b, b, a, "dport 5000", end=1)
        pair.a.efhctl(f"peer add dev efh0 remote {b} port 5000 prefix fd00::/64 prefix 10.9.0.0/24")
        tap = Outgoing(pair.a, "a0")
        for family in (6, 4):
            tx, rx = Inside(pair).udp(family)
            for length in (100, 30000):
                tap.frames(quiet=0)
                tx.send(data(length))
                eq(receive(rx), data(length), f"IPv{family} in IPv{outer}: port 5000, {length}")
                seen = Watched(tap.frames(), outer, a, check="left", dport=5000)
                eq(len(seen.packets), 1 if length < 1400 else
                   fragments_of(length + (48 if family == 6 else 28), link_size(1500, outer)),
                   f"IPv{family} in IPv{outer}: all sent there")
                seen.check(f"IPv{family} in IPv{outer}, port 5000")
            # back: B's link sends to its own port, which A has not
            pair.b.efhctl(f"peer set dev efh0 remote {a} port {DPORT}")
            tx, rx = Inside(pair, True).udp(family)
            tx.send(data(20000))
            eq(receive(rx), data(20000), f"IPv{family} in IPv{outer}: and back")
            tx.close()
            rx.close()
        pair.a.efhctl(f"peer set dev efh0 remote {b} port 5001")
        tap.frames(quiet=0)
        tx, rx = Inside(pair).udp(6, 9998)
        rx.settimeout(0.3)
        tx.send(data(100))
        eq(receive(rx), None, f"IPv{outer}: another port, another listener")
        eq(len(Watched(tap.frames(), outer, a, check="left", dport=5001).packets), 1,
           f"IPv{outer}: to that port")
        state = json.loads(pair.a.efhctl("-j peer show"))
        eq([(p["port"], p["state"]) for p in state], [(5001, "up")], f"IPv{outer}: efhctl shows it")
        finish()


def stock():
    """Foo over UDP at the other end: what fits goes both ways."""
    # before 6.3 it is loaded by nobody else
    command("modprobe -a fou fou6", check=False)
    for outer, kind, family, ports in ((6, "ip6tnl mode ip6ip6 encaplimit none", 6, "-6 ipproto 41"),
                                       (4, "ipip", 4, "ipproto 4")):
        pair = Pair()
        a, b = pair.ends(outer)
        add(pair.a, a, b, end=0)
        pair.b.ip(f"fou add port {DPORT} {ports}",
                  f"link add t0 type {kind} local {b} remote {a} encap fou encap-sport {DPORT} "
                  f"encap-dport {DPORT} encap-csum",
                  "link set t0 up", f"addr add {INNER[family][1]}/{'64 nodad' if family == 6 else 24} dev t0")
        ready(pair.b, INNER[family][1])
        for back in (False, True):
            tx, rx = Inside(pair, back).udp(family)
            for length in (100, 1300):
                tx.send(data(length, length))
                eq(receive(rx), data(length, length),
                   f"IPv{family} in IPv{outer}, {length} octets {'from' if back else 'to'} fou")
            tx.close()
            rx.close()
        finish()


def spoofed():
    """Only what is behind a peer may come from it."""
    for outer in (6, 4):
        pair = Pair()
        a, b = pair.ends(outer)
        add(pair.b, b, None, end=1)
        pair.b.efhctl(f"peer add dev efh0 remote {a} prefix fd00::/96 prefix 10.9.0.0/25")
        pair.b.ip("route add fd00:7::/64 dev efh0", "route add 10.7.0.0/24 dev efh0")
        wire = pair.wire()
        for family, sources in ((6, ("fd00::1", "fd00:7::1")), (4, ("10.9.0.1", "10.7.0.1"))):
            far = INNER[family][1]
            rx = pair.b.socket(AF[family], bind=(far, PORT))
            rx.settimeout(0.4)
            for src, allowed in zip(sources, (True, False)):
                for length in (100, 6000):
                    proto = 41 if family == 6 else 4
                    inner = efhwire.ip(src, far, efhwire.UDP,
                                       efhwire.udp(src, far, 7, PORT, data(length)))
                    pieces = [inner] if length == 100 else efhwire.cut(proto, inner, 1400, length)
                    before = counted(pair.b)["in_source"]
                    wire.send(*[efhwire.ip(a, b, efhwire.UDP, efhwire.udp(a, b, 7, DPORT, piece))
                                for piece in pieces])
                    eq(receive(rx), data(length) if allowed else None,
                       f"IPv{family} in IPv{outer}: from {src}, {length} octets")
                    eq(counted(pair.b)["in_source"] - before, 0 if allowed else 1,
                       f"IPv{family} in IPv{outer}: from {src} counted")
            rx.close()
        finish()


if __name__ == "__main__":
    main(path_of_two, in_use, path_mtu, peers, stock,
         *thirds((direct, no_checksum, source_ports, other_ports, shared, gso, unreachable, spoofed)))
