#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What is between the ends of a link: smaller MTUs, errors from the path, links
in links and in circles, VRFs, devices and namespaces."""
import contextlib
import socket
import struct
import time

from efhtest import *
from efhlink import *
from efhwire import Packet
import efhwire
from report import Behind
import tcp

NARROW = 1400


def narrow(path):
    """The router's far link takes less than A's own."""
    path.r.ip(f"link set rb mtu {NARROW}")
    path.b.ip(f"link set b0 mtu {NARROW}")
    unlimited(path.r)


def learnt(first):
    """Packet Too Big about a packet of the first size, then everything arrives."""
    for carrier in carriers():
        path = Path(native=False)
        linked = Linked(path, carrier)
        narrow(path)
        for family in (6, 4):
            what = f"IPv{family} in IPv{carrier}, first {first}"
            path.a.efhctl("flow flush")
            path.a.run("ip -6 route flush cache", check=False)
            path.a.run("ip route flush cache", check=False)
            tx, rx = linked.pair(family)
            rx.settimeout(1)
            far = Wire(path.r, "rb")
            tx.send(data(first))
            got = receive(rx)
            if family == 6:         # IPv4 comes where IPv6 has been
                eq(got, None, f"{what}: lost")
            # of a packet without EFH anybody can say that it was too large; of this one not
            tx.send(data(20000, 1))
            receive(rx)
            size = fragment_size(NARROW, carrier)
            header = OUTER_HEADER[carrier]
            for again in (first, 100, 1300, NARROW - header - OUTER_HEADER[family] - 8, 1400,
                          20000, 60000):
                far.frames(outgoing=True)
                tx.send(data(again, again))
                eq(receive(rx), data(again, again), f"{what}: then {again} octets")
                length = again + 8 + OUTER_HEADER[family]
                seen = outers(far, linked.outer[0], outgoing=True)
                count = 1 if length + header <= NARROW else fragments_of(length, size)
                eq((len(seen), {bool(p.efh) for p in seen}, any(p.fragmented for p in seen)),
                   (count, {count > 1}, False), f"{what}: {again} octets on the wire")
                ok(max((p.length for p in seen), default=0) <= NARROW, f"{what}: as it takes")
            tcp.stream(linked, family, 1 << 20, "write", 8200 + family)
            far.close()
        eq(counters(linked.a)["in_icmp"], 0, f"IPv{carrier}: nobody else was told")


def learnt_plain():
    learnt(1420)


def learnt_large():
    learnt(30000)


def too_small():
    """IPv4 paths that take no fragment: the inner source hears the size that fits; or, as
    IPv6 knows no less, 1280."""
    path = Path(native=False)
    linked = Linked(path, 4)
    path.a.ip("link set a0 mtu 1000")
    for family in (6, 4):
        tx, rx = linked.pair(family)
        tx.setsockopt(*((socket.IPPROTO_IPV6, 23, 2) if family == 6 else
                        (socket.IPPROTO_IP, 10, 2)))        # PMTUDISC_DO
        before = counters(linked.a)["out_too_big"]
        heard = told(tx, 3000, 1)
        eq(heard, (2, 0, 1280) if family == 6 else (3, 4, 980), f"IPv{family}: too big, and why")
        eq(counters(linked.a)["out_too_big"] - before, 1, f"IPv{family}: counted")
        passes(linked, f"IPv{family}: what fits", (100, 900), 9990, (family,))


def small_link():
    """A link that is set to take less: who is behind it hears of it, or IP fragments inside first."""
    for carrier, words, over in ways():
        linked = Linked(Path(native=False), carrier, words)
        behind = Behind(linked)
        unlimited(linked.a)
        linked.a.ip("link set efh0 mtu 1400")
        for family, discover, expected in ((6, 2, (2, 0, 1400)), (4, 2, (3, 4, 1400)), (4, 0, None)):
            what = f"IPv{family}{'' if expected else ' without DF'} over {over}"
            tx, rx = udp_pair(behind.host, linked.b, behind.ends[family], linked.ends(family)[1])
            rx.settimeout(1)
            behind.host.run("ip -4 route flush cache")
            tx.setsockopt(*((socket.IPPROTO_IPV6, 23) if family == 6 else (socket.IPPROTO_IP, 10)), discover)
            before = packets_in(linked.b)
            if expected:
                eq(told(tx, 3000, 1), expected, f"{what}: too big, and why")
                eq(packets_in(linked.b), before, f"{what}: nothing goes")
            else:
                tx.send(data(3000))
                eq(receive(rx), data(3000), f"{what}: it arrives")
                eq(packets_in(linked.b) - before, 3, f"{what}: in packets as large as the link takes")
            tx.close()
            rx.close()


def errors():
    """The path's word on a far end out of reach, for the inner source."""
    need("nft")
    for carrier in carriers():
        path = Path(native=False)
        linked = Linked(path, carrier)
        unlimited(path.r, path.a)
        # who says nothing of itself is not taken for dead: the path is who speaks
        linked.b.nft("table inet mute { chain out { type filter hook output priority 0; "
                     "meta l4proto 59 drop; ip protocol 60 meta length < 100 drop; "
                     "ip6 nexthdr 60 meta length < 100 drop; } }")
        passes(linked, f"over IPv{carrier}")
        six = "-6" if carrier == 6 else "-4"
        net = "2001:db8:2::/64" if carrier == 6 else "198.51.100.0/24"
        for what, before, after in (
                ("no route", f"ip {six} route del {net}", f"ip {six} route add {net} dev rb"),
                ("prohibited", f"ip {six} route add prohibit {linked.outer[1]}",
                 f"ip {six} route del {linked.outer[1]}"),
                ("hop limit", None, None)):
            if before:
                path.r.run(before)
            else:
                linked.a.ip("link set efh0 type efh ttl 1")
            for family in (6, 4):
                for size in (100, 20000):
                    near, far = linked.ends(family)
                    tx = linked.a.socket(AF[family], bind=(near, 0))
                    tx.connect((far, 9))
                    count = counters(linked.a)["in_icmp"]
                    eq((told(tx, size) or ())[:2], UNREACHABLE[family],
                       f"{what}: IPv{family} in IPv{carrier}, {size} octets: unreachable")
                    ok(counters(linked.a)["in_icmp"] > count,
                       f"{what}: IPv{family} in IPv{carrier}, {size} octets: counted")
                    tx.close()
            if after:
                path.r.run(after)
            else:
                linked.a.ip("link set efh0 type efh ttl 64")
            passes(linked, f"after {what}, over IPv{carrier}", port=9990)


def errors_behind():
    """A host behind the gateway hears of it, with as much of its packet as there is and fits."""
    for carrier in carriers():
        path = Path(native=False)
        linked = Linked(path, carrier)
        host = Behind(linked).host
        unlimited(path.r, path.a)
        path.r.run(f"ip -{carrier} route del {'2001:db8:2::/64' if carrier == 6 else '198.51.100.0/24'}")
        for family in (6, 4):
            near, far = Behind.ends[family], linked.ends(family)[1]
            wire = Wire(host, "h0")
            tx = host.socket(AF[family], bind=(near, 4000))
            for size in (100, 20000):
                what = f"IPv{family} in IPv{carrier}, {size} octets from behind"
                # ICMPv6 errors have 1280 octets, those of Linux's ICMP 576; it quotes what it was quoted
                enough = min(size, 1000 if (carrier, family) == (6, 6) else 400)
                found, tries = [], 6
                while not found and tries:
                    # under IPv4 a router says once a second that it has no route, maybe of a PROBE
                    time.sleep(1.1)
                    wire.frames(quiet=0)
                    tx.sendto(data(size), (far, 9))
                    found = [p for p in map(Packet, wire.frames()) if efhwire.icmp_error(p)]
                    tries -= 1
                # once more if the link has found that its peer is down
                eq({tuple(p.payload[:2]) for p in found}, {UNREACHABLE[family]}, f"{what}: unreachable")
                quoted = Packet(found[0].payload[8:]) if found else None
                eq(quoted and (quoted.src, quoted.dst, quoted.payload[:4]),
                   (near, far, struct.pack("!HH", 4000, 9)), f"{what}: of what was sent")
                body = quoted.payload[8:] if quoted else b""
                ok(len(body) >= enough and data(size).startswith(body), f"{what}: with enough of it", len(body))
                ok(found and found[0].length <= 1280, f"{what}: and not too much")
            tx.close()
            wire.close()


def errors_forged():
    """Nobody hears of errors about what is no peer's."""
    for carrier in carriers():
        path = Path(native=False)
        linked = Linked(path, carrier)
        wire = Wire(path.r, "ra", path.mac_a, path.mac_ra)
        third = "2001:db8:9::9" if carrier == 6 else "203.0.113.9"
        a, b = linked.outer

        def unreachable(quoted, a=a, b=b, kind=(1, 0) if carrier == 6 else (3, 1)):
            return efhwire.error(b, a, *kind, 0, quoted)

        for family in (6, 4):
            near, far = linked.ends(family)
            inner = efhwire.ip(near, far, efhwire.UDP, efhwire.udp(near, far, 7, 9, data(100)))
            for outer, good in (((a, b), True), ((a, third), False), ((third, b), False)):
                error = unreachable(encapsulated(outer, inner))
                with Counts(linked.a, f"IPv{family} in IPv{carrier}, quoting {outer}",
                            **({"in_icmp": 1} if good else {})):
                    wire.send(error)
                    time.sleep(0.05)
            # cut short
            for length in (0, 7, OUTER_HEADER[family] - 1):
                error = unreachable(encapsulated((a, b), inner)[:OUTER_HEADER[carrier] + length])
                with Counts(linked.a, f"IPv{family} in IPv{carrier}, {length} octets quoted"):
                    wire.send(error)
                    time.sleep(0.05)
        # about what is not sent to that peer
        linked.a.efhctl(f"peer set dev efh0 remote {b} prefix {INNER[6][1]}")
        for far, good in ((INNER[6][1], True), ("fd00:99::1", False)):
            error = unreachable(encapsulated((a, b), efhwire.ip(INNER[6][0], far, efhwire.UDP, efhwire.udp(
                INNER[6][0], far, 7, 9, data(100)))))
            with Counts(linked.a, f"IPv6 in IPv{carrier}, of a packet to {far}", **({"in_icmp": 1} if good else {})):
                wire.send(error)
                time.sleep(0.05)


def refuses(linked, family, stat, what):
    """What is sent into the link is answered as unreachable, and counted."""
    near, far = linked.ends(family)
    tx = linked.a.socket(AF[family], bind=(near, 0))
    tx.connect((far, 9))
    count = counters(linked.a)[stat]
    for size in (100, 20000):
        eq((told(tx, size) or ())[:2], UNREACHABLE[family], f"{what}, {size} octets: unreachable")
    ok(counters(linked.a)[stat] >= count + 2, f"{what}: counted", counters(linked.a))
    tx.close()


def no_route():
    """This host's own routes do not lead there; its address is gone."""
    for carrier in carriers():
        path = Path(native=False)
        linked = Linked(path, carrier)
        unlimited(path.a)
        six = "-6" if carrier == 6 else "-4"
        router = path.RA6 if carrier == 6 else path.RA4
        local = f"{linked.outer[0]}/{64 if carrier == 6 else 24}"
        for what, before, after in (
                ("no route", [f"{six} route del default"], [f"{six} route add default via {router}"]),
                ("unreachable", [f"{six} route add unreachable {linked.outer[1]}"],
                 [f"{six} route del unreachable {linked.outer[1]}"]),
                ("no address", [f"addr del {local} dev a0"],
                 [f"addr add {local} dev a0" + (" nodad" if carrier == 6 else ""),
                  f"{six} route replace default via {router}"]),
                ("device down", ["link set a0 down"],
                 ["link set a0 up", f"addr replace {local} dev a0" +
                  (" nodad" if carrier == 6 else ""), f"{six} route replace default via {router}",
                  f"neigh replace {router} lladdr {path.mac_ra} dev a0 nud permanent"])):
            for line in before:
                path.a.run(f"ip {line}")
            for family in (6, 4):
                refuses(linked, family, "out_no_route", f"{what}: IPv{family} in IPv{carrier}")
            for line in after:
                path.a.run(f"ip {line}")
            passes(linked, f"after {what}, over IPv{carrier}", port=9990)


def circles():
    """Links whose outer packets come to themselves, by one or by two."""
    for carrier, words, over in ways():
        path = Path(native=False)
        linked = Linked(path, carrier, words)
        unlimited(path.a)
        bits = 128 if carrier == 6 else 32
        path.a.ip(f"route add {linked.outer[1]}/{bits} dev efh0")
        for family in (6, 4):
            refuses(linked, family, "out_loop", f"by itself: IPv{family} in {over}")
        path.a.ip(f"route del {linked.outer[1]}/{bits} dev efh0")
        passes(linked, f"without the route, over {over}", port=9990)
        # by another
        other = "2001:db8:2::99" if carrier == 6 else "198.51.100.99"
        path.a.ip(f"link add efh1 type efh local {linked.outer[0]} remote {other} {words}",
                  "link set efh1 up", f"route add {linked.outer[1]}/{bits} dev efh1",
                  f"route add {other}/{bits} dev efh0")
        # a packet that waits in a queue is not nested in anything
        for queues in ((), ("efh0",), ("efh0", "efh1")):
            for dev in queues:
                path.a.run(f"tc qdisc replace dev {dev} root pfifo")
            for family in (6, 4):
                near, far = linked.ends(family)
                tx = linked.a.socket(AF[family], bind=(near, 0))
                before = sum(counters(linked.a, dev)["out_loop"] for dev in ("efh0", "efh1"))
                for size in (100, 1400, 20000, 65000):
                    for _ in range(3):
                        try:
                            tx.sendto(data(size), (far, 9))
                        except OSError:
                            pass
                ok(sum(counters(linked.a, dev)["out_loop"] for dev in ("efh0", "efh1")) > before,
                   f"by two, {len(queues)} with a queue: IPv{family} in {over}: counted")
                tx.close()
        path.a.run("tc qdisc del dev efh0 root")
        path.a.ip("link del efh1")
        passes(linked, f"without the other, over {over}", port=9990)


def circles_with_others():
    """A stock tunnel in the circle, which says nothing of it: packets grow until they are too large."""
    need("tc")
    for carrier, words, over in ways():
        path = Path(native=False)
        linked = Linked(path, carrier, words)
        near, far = linked.ends(6)
        path.a.run(f"ip link add t0 type ip6tnl mode any local {near} remote {far} encaplimit none")
        path.a.ip("link set t0 up")
        for family in (6, 4):
            path.a.ip(f"addr add {'fd01::1/64' if family == 6 else '10.1.0.1/24'} dev t0" + " nodad" * (family == 6))
        path.a.ip(f"route add {linked.outer[1]}/{128 if carrier == 6 else 32} dev t0")
        tx = linked.a.socket(bind=(near, 0))
        for queues in ((), ("efh0", "t0")):
            for dev in queues:
                path.a.run(f"tc qdisc replace dev {dev} root pfifo")
            before = show(path.a)["stats64"]["tx"]
            for size in (100, 1400, 20000, 60000):
                for _ in range(3):
                    with contextlib.suppress(OSError):
                        tx.sendto(data(size), ("fd00::9", 9))

            def sent():
                return show(path.a)["stats64"]["tx"]["packets"]

            def still():
                now = sent()
                time.sleep(0.3)
                return sent() == now

            what = f"{len(queues)} queues, over {over}"
            ok(wait(still, 20), f"{what}: it ends", sent())
            after = show(path.a)["stats64"]["tx"]
            lost = sum(after[k] - before[k] for k in ("errors", "dropped"))
            ok(lost, f"{what}: what was too large in the end, or too deep, is counted", after)
        tx.close()
        path.a.ip("link del t0")


def nested():
    """A link over a link."""
    for carrier, words, over in ways():
        for mtu in some((65535, 9000, 1400)):
            path = Path(native=False)
            linked = Linked(path, carrier, words)
            for ns, number in ((path.a, 0), (path.b, 1)):
                ns.ip(f"link set efh0 mtu {mtu}")
            for family in (6, 4):
                dev = f"in{family}"
                for ns, number in ((path.a, 0), (path.b, 1)):
                    local, remote = INNER[family][number], INNER[family][1 - number]
                    ns.ip(f"link add {dev} type efh local {local} remote {remote} {words}",
                          f"link set {dev} up", f"addr add fd77:{family}::{number + 1}/64 dev {dev} nodad",
                          f"addr add 10.77.{family}.{number + 1}/24 dev {dev}")
                    ready(ns, f"fd77:{family}::{number + 1}")
                inside = type("Inside", (), dict(a=path.a, b=path.b, ends=lambda _, f, o=family: (
                    (f"fd77:{o}::1", f"fd77:{o}::2") if f == 6 else
                    (f"10.77.{o}.1", f"10.77.{o}.2"))))()
                what = f"in IPv{family} in {over}, MTU {mtu}"
                passes(inside, what, (100, 1400, 9000, 60000))
                tcp.stream(inside, 6, 1 << 20, "write", 8300 + family)
            finish()


def vrf():
    """Outer packets in a VRF, inner ones without; dev names it, or its port."""
    for carrier, words, over in ways():
        path = Path(native=False)
        for ns, dev, router6, router4, v6, v4, mac in (
                (path.a, "a0", path.RA6, path.RA4, path.A6, path.A4, path.mac_ra),
                (path.b, "b0", path.RB6, path.RB4, path.B6, path.B4, path.mac_rb)):
            if ns.run("ip link add red type vrf table 100", check=False).returncode:
                raise Skip("no vrf")
            ns.ip("link set red up", f"link set {dev} master red")
            ns.ip(f"addr replace {v6}/64 dev {dev} nodad", f"addr replace {v4}/24 dev {dev}",
                  f"neigh replace {router6} lladdr {mac} dev {dev} nud permanent",
                  f"neigh replace {router4} lladdr {mac} dev {dev} nud permanent",
                  f"route replace default via {router6} dev {dev} table 100",
                  f"route replace default via {router4} dev {dev} table 100")
        local, remote = path.ends(carrier)
        path.b.ip(f"link add efh0 type efh local {remote} remote {local} dev red {words}")
        address(path.b, "efh0", 1)
        linked = Both(path.a, path.b)
        for lower in ("red", "a0"):
            path.a.ip(f"link add efh0 type efh local {local} remote {remote} dev {lower} {words}")
            address(path.a, "efh0", 0)
            passes(linked, f"over {over}, dev {lower}", (100, 1400, 60000))
            path.a.ip("link del efh0")
        path.a.ip(f"link add efh0 type efh local {local} remote {remote} {words}")
        address(path.a, "efh0", 0)
        back, front = udp_pair(path.b, path.a, *INNER[6][1::-1])
        stops(back, front, f"over {over}: without dev, the VRF is another world")
        stops(*udp_pair(path.a, path.b, *INNER[6][:2], 9998), f"over {over}: both ways")


def bound():
    """By one of two devices, with link-local addresses too."""
    a, b = Namespace("a"), Namespace("b")
    for number in (0, 1):
        macs = link(a, f"a{number}", b, f"b{number}", number=number + 1)
        for ns, dev, mac, near, far in ((a, f"a{number}", macs[1], 1, 2), (b, f"b{number}", macs[0], 2, 1)):
            ns.ip(f"addr add fe80::{near}/64 dev {dev} nodad",
                  f"addr add 192.0.{number}.{near}/24 dev {dev}",
                  f"neigh replace fe80::{far} lladdr {mac} dev {dev} nud permanent",
                  f"neigh replace 192.0.{number}.{far} lladdr {mac} dev {dev} nud permanent")
    for number in (1, 0):
        for ns, name, near, far in ((a, "a", 1, 2), (b, "b", 2, 1)):
            ns.ip(f"link add efh{number} type efh local fe80::{near} remote fe80::{far} "
                  f"dev {name}{number}", f"link set efh{number} up",
                  f"addr add fd00:{number}::{near}/64 dev efh{number} nodad",
                  f"addr add 10.{number}.0.{near}/24 dev efh{number}")
            ready(ns, f"fd00:{number}::{near}")
    for number in (0, 1):
        linked = type("Both", (), dict(a=a, b=b, ends=lambda _, f, n=number: (
            (f"fd00:{n}::1", f"fd00:{n}::2") if f == 6 else (f"10.{n}.0.1", f"10.{n}.0.2"))))()
        wires = [Wire(b, f"b{n}") for n in (0, 1)]
        passes(linked, f"link-local on a{number}", (100, 1400, 60000))
        seen = [sum(1 for p in map(Packet, wire.frames()) if p.src == "fe80::1") for wire in wires]
        ok(seen[number] and not seen[1 - number], f"by a{number} alone", seen)
    a.ip("link del efh0", "link add any type efh local 192.0.0.1 remote 192.0.0.2",
         "link add one type efh local 192.0.0.1 remote 192.0.0.2 dev a1")
    b.ip("link del efh0", "link add efh0 type efh local 192.0.0.2 remote 192.0.0.1")
    address(b, "efh0", 1)
    a.ip("link set any up", "link set one up", "addr add fd00::1/64 dev any nodad",
         "addr add 10.9.0.1/24 dev any")
    ready(a, "fd00::1")
    passes(Both(a, b),
           "a link without a device beside one with")


def specific():
    """What comes by a device is of the link that names it."""
    pair = Pair()
    pair.b.ip(f"link add one type efh local {pair.B6} remote {pair.A6} dev b0",
              f"link add any type efh local {pair.B6} remote {pair.A6}",
              "link set one up", "link set any up")
    wire = pair.wire()
    inner = efhwire.ip("fd00::1", "fd00::2", efhwire.NONE, b"")
    for order in ("one then any", "any then one"):
        before = {dev: show(pair.b, dev)["stats64"]["rx"]["packets"] for dev in ("one", "any")}
        wire.send(encapsulated((pair.A6, pair.B6), inner))
        wait(lambda b=before: show(pair.b, "one")["stats64"]["rx"]["packets"] > b["one"], 1)
        eq([show(pair.b, dev)["stats64"]["rx"]["packets"] - before[dev] for dev in ("one", "any")],
           [1, 0], order)
        pair.b.ip("link del one", f"link add one type efh local {pair.B6} remote {pair.A6} dev b0",
                  "link set one up")


def elsewhere():
    """The device in one namespace, its outer packets in another."""
    for carrier, words, over in ways():
        path = Path(native=False)
        local, remote = path.ends(carrier)
        inside = Namespace("i")
        path.b.ip(f"link add efh0 type efh local {remote} remote {local} {words}")
        address(path.b, "efh0", 1)
        linked = Both(inside, path.b)
        unlimited(path.r, path.a, inside)
        for how in ("moved", "link-netns"):
            if how == "moved":
                path.a.ip(f"link add efh0 type efh local {local} remote {remote} {words}",
                          f"link set efh0 netns {inside.name}")
            else:
                inside.ip(f"link add efh0 link-netns {path.a.name} type efh local {local} "
                          f"remote {remote} {words}")
            address(inside, "efh0", 0)
            what = f"{how}, over {over}"
            passes(linked, what, (100, 1400, 60000))
            tcp.stream(linked, 6, 1 << 20, "write", 8400 + carrier)
            eq((info(inside)["local"], show(inside).get("link_netnsid") is not None), (local, True),
               f"{what}: shown")
            eq(show(path.a), None, f"{what}: not where its outer packets are")
            before = path.a.stats()["out_packets"]
            tx, rx = udp_pair(inside, path.b, *INNER[6][:2], 9991)
            tx.send(data(20000))
            eq((receive(rx), path.a.stats()["out_packets"] - before, inside.stats()["out_packets"]),
               (data(20000), 1, 0), f"{what}: fragments are counted where they are")
            tx.close()
            rx.close()
            # what the path and this host have to say goes to where the inner source is
            inside.ip("link set efh0 type efh ttl 1")
            for family in (6, 4):
                sock = inside.socket(AF[family], bind=(INNER[family][0], 0))
                sock.connect((INNER[family][1], 9))
                for size in (100, 20000):
                    eq((told(sock, size) or ())[:2], UNREACHABLE[family],
                       f"{what}: IPv{family}, {size} octets: unreachable")
                sock.close()
            inside.ip("link set efh0 type efh ttl 64")
            if carrier == 4:
                path.a.ip("link set a0 mtu 1000")
                for family in (6, 4):
                    sock = inside.socket(AF[family], bind=(INNER[family][0], 0))
                    sock.setsockopt(*((socket.IPPROTO_IPV6, 23, 2) if family == 6 else
                                      (socket.IPPROTO_IP, 10, 2)))
                    sock.connect((INNER[family][1], 9))
                    # after what was just heard the peer may still be taken for gone
                    ok(wait(lambda sock=sock, family=family: (told(sock, 3000, 1) or ())[:2] ==
                            ((2, 0) if family == 6 else (3, 4)), 5), f"{what}: IPv{family}: too big")
                    sock.close()
                path.a.ip("link set a0 mtu 1500")
                inside.run("ip route flush cache", check=False)
                inside.run("ip -6 route flush cache", check=False)
            inside.ip("link del efh0")


def rerouted():
    """A mark sends a link's packets by another route than they were made for, which takes less."""
    need("nft")
    for carrier in (6, 4):
        path = Path(native=False)
        linked = Linked(path, carrier, "carrier udp")
        what = f"IPv{carrier} carrier udp"
        tx, rx = linked.pair(6)
        rx.settimeout(0.2)
        tx.send(data(1380))
        eq(receive(rx), data(1380), f"{what}: as made for")
        path.a.nft(f"table {'ip6' if carrier == 6 else 'ip'} detour {{ chain out {{ type route hook output "
                   f"priority mangle; udp dport 8060 meta mark set 7; }} }}")
        via = path.RA6 if carrier == 6 else path.RA4
        path.a.run(f"ip -{carrier} rule add fwmark 7 lookup 7")
        path.a.ip(f"route add default via {via} mtu {NARROW} table 7")
        near = Wire(path.r, "ra")
        tx.send(data(1380))
        receive(rx)

        def passes_again():
            tx.send(data(20000))
            return receive(rx) == data(20000)

        ok(wait(passes_again, 8), f"{what}: found by asking")
        sent = [p.length for p in outers(near, linked.outer[0])]
        ok(sent and max(sent) <= NARROW, f"{what}: nothing is larger than that route takes", sent and max(sent))
        near.close()
        finish()


def gone():
    """A link goes with its lower device, and with the namespace of its outer packets."""
    for carrier, words, over in ways():
        path = Path(native=False)
        local, remote = path.ends(carrier)
        inside = Namespace("i")
        # by one device and by any is not the same listener
        ports = [f"{words} dport {8060 + n}" if words else "" for n in range(2)]
        path.a.ip("link add d0 type dummy", "link set d0 up",
                  f"link add efh0 type efh local {local} remote {remote} dev d0 {ports[0]}",
                  f"link add efh1 type efh local {local} remote {remote} {ports[1]}",
                  f"link add efh2 type efh local {local} remote {remote} dev a0 {ports[0]}",
                  f"link set efh1 netns {inside.name}")
        inside.ip("link set efh1 up", f"link add efh3 link-netns {path.a.name} type efh "
                  f"local {local} {ports[1]}")
        path.a.efhctl(f"peer add dev efh0 remote {path.ends(carrier)[1][:-1]}9")
        inside.efhctl(f"peer add dev efh3 remote {path.ends(carrier)[1][:-1]}8")
        path.a.ip("link del d0")
        eq((show(path.a), bool(show(path.a, "efh2")), bool(show(inside, "efh1"))),
           (None, True, True), f"{over}: the lower device is deleted")
        other = Namespace("o")
        path.a.ip(f"link set a0 netns {other.name}")
        eq((show(path.a, "efh2"), bool(show(inside, "efh1"))), (None, True),
           f"{over}: it moves away")
        path.a.delete()
        ok(wait(lambda: not show(inside, "efh1") and not show(inside, "efh3"), 10),
           f"{over}: the namespace of the outer packets is deleted")
        # the other way round: the device's namespace goes
        far = Namespace("f")
        path.b.ip(f"link add efh0 type efh local {remote} remote {local} {words}",
                  f"link set efh0 netns {far.name}")
        far.delete()
        done = lambda: not path.b.run(f"ip link add efh0 type efh local {remote} remote {local} "
                                      f"{words}", check=False).returncode
        ok(wait(done, 10), f"{over}: with the device's namespace its peer is gone, too")
    cleanup()
    done = command("modprobe -r efh", check=False)
    ok(not done.returncode and not loaded(), "and the module can go", done.stderr)
    command("modprobe efh")


def stacked():
    """A link bound to a link: they go together, whichever is named first."""
    for how in ("a group", "their namespace", "the module"):
        pair = Pair()
        pair.a.ip(f"link add efh0 group 7 type efh local {pair.A6} remote {pair.B6}",
                  f"link add efh1 group 7 type efh local {INNER[6][0]} remote {INNER[6][1]} dev efh0")
        if how == "a group":
            pair.a.ip("link del group 7")
            eq((show(pair.a), show(pair.a, "efh1")), (None, None), f"{how} is deleted")
        elif how == "their namespace":
            pair.a.delete()
            ok(wait(lambda b=pair.b: "b0" not in b.run("ip link"), 20), f"{how} is deleted")
        else:
            for ns in (pair.a, pair.b):
                ns.close()
            done = command("modprobe -r efh", check=False)
            ok(not done.returncode and not loaded(), f"{how} is removed", done.stderr)
            command("modprobe efh")
        cleanup()


if __name__ == "__main__":
    main(learnt_plain, learnt_large, too_small, small_link, errors, errors_behind, errors_forged, no_route, circles,
         circles_with_others, nested, vrf, bound, specific, elsewhere, rerouted, gone, stacked)
