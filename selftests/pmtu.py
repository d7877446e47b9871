#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The path's MTU: learnt from routers, not from forgers, and forgotten again."""
import json
import socket
import select

from efhtest import *
from efhwire import Packet
import efhwire


def flow(ns, destination):
    found = [f for f in ns.flows() if f["destination"] == destination]
    return max(found, key=lambda f: f["packets"]) if found else {}


def longest(wire, src):
    return max((p.length for p in map(Packet, wire.frames()) if p.src == src and p.efh), default=0)


def narrow(path, mtu):
    path.r.ip(f"link set rb mtu {mtu}")
    path.b.ip(f"link set b0 mtu {mtu}")


def in_flow():
    """A link narrows in mid-flow: one packet is lost, the next one fits."""
    path = Path(gro="off")
    monitor = path.a.popen("efhctl -j monitor", stdout=subprocess.PIPE)
    time.sleep(1)
    events = path.a.events()
    for family in (6, 4):
        narrow(path, 1500)
        tx, rx = path.udp(family)
        b = path.ends(family)[1]
        for size in (60000, 1600):
            tx.send(data(size))
            eq(receive(rx), data(size), f"IPv{family}: before")
        eq(flow(path.a, b).get("path_mtu"), 1500, f"IPv{family}: path MTU before")
        narrow(path, 1400)
        rx.settimeout(0.3)
        seen = Wire(path.b, "b0")
        tx.send(data(60000))
        eq(receive(rx), None, f"IPv{family}: the packet the news is about is lost")
        got = None
        for _ in range(3):      # a connected socket hears of it too
            try:
                tx.send(data(60000, 5))
                got = receive(rx)
                break
            except OSError as error:
                note(f"send: {error}")
        eq(got, data(60000, 5), f"IPv{family}: the next one fits")
        ok(1300 < longest(seen, path.ends(family)[0]) <= 1400, f"IPv{family}: its size on the wire")
        state = flow(path.a, b)
        eq((state.get("path_mtu"), state.get("fragment_size")),
           (1400, fragment_size(1400, family)), f"IPv{family}: the flow shows it")
        ok(path.a.stats()["icmp_in"] > 0, f"IPv{family}: the error is counted")
        name, event = events.next() or (None, {})
        eq((name, event.get("old"), event.get("new"), event.get("icmp_type"),
            event.get("icmp_code"), event.get("from"),
            event.get("flow", {}).get("destination")),
           ("mtu", 1500, 1400, 2 if family == 6 else 3, 0 if family == 6 else 4,
            path.RA6 if family == 6 else path.RA4, b), f"IPv{family}: event mtu")
        line = monitor.stdout.readline() if select.select([monitor.stdout], [], [], 5)[0] else "{}"
        ok('"mtu"' in line and "1400" in line and b in line and isinstance(json.loads(line), dict),
           f"IPv{family}: efhctl monitor prints it", line)
        shown = json.loads(path.a.efhctl("-j flow show"))
        ok(any(b in json.dumps(f) and "1400" in json.dumps(f) for f in shown),
           f"IPv{family}: efhctl flow show prints it", shown)
    eq(path.a.stats()["icmp_invalid"], 0, "no honest error was taken for a forgery")


def tunnelled():
    """A packet whose socket knows nothing of it gets smaller fragments too."""
    path = Path()
    narrow(path, 1300)
    for family in (6, 4):
        a, b = path.ends(family)
        tx = path.a.socket(AF[family], socket.SOCK_RAW, 253, bind=(a, 0))
        rx = path.b.socket(AF[family], socket.SOCK_RAW, 253, bind=(b, 0))
        rx.settimeout(0.3)
        tx.sendto(data(50000), (b, 0))
        receive(rx)
        tx.sendto(data(50000, 1), (b, 0))
        got = receive(rx)
        eq(got and got[-50000:], data(50000, 1), f"IPv{family}: the second raw packet arrives")


def error(family, router, sender, quoted, mtu):
    """What a router that cannot forward `quoted` answers."""
    if family == 6:
        return efhwire.error(router, sender, 2, 0, mtu, quoted[:1232])
    return efhwire.error(router, sender, 3, 4, mtu, quoted[:548])


def forged():
    """Only who saw a fragment can say anything about its path."""
    path = Path()
    for family in (6, 4):
        tx, rx = path.udp(family)
        a, b = path.ends(family)
        router = path.RA6 if family == 6 else path.RA4
        seen = Wire(path.r, "ra")
        tx.send(data(20000))
        eq(receive(rx), data(20000), f"IPv{family}: a packet in flight")
        packets = [p for p in map(Packet, seen.frames()) if p.efh and p.src == a]
        wire = Wire(path.r, "ra", path.mac_a, path.mac_ra)

        def variant(at, change, packet=packets[1]):
            quoted = bytearray(packet.data)
            quoted[at] ^= change
            return bytes(quoted)

        ident = packets[1].efh_at + 8
        swapped = variant(0, 0)
        head, size = (8, 16) if family == 6 else (12, 4)
        swapped = swapped[:head] + swapped[head + size:head + 2 * size] + \
            swapped[head:head + size] + swapped[head + 2 * size:]
        forgeries = (("another Identification", variant(ident + 7, 0x40)),
                     ("a far Identification", variant(ident, 0x80)),
                     ("an Identification not used yet",
                      variant(ident + 7, (packets[1].ident ^ packets[1].ident + 1) & 0xFF)),
                     ("another destination", variant(head + 2 * size - 1, 0x10)),
                     ("another source", variant(head + size - 1, 0x10)),
                     ("addresses swapped", swapped),
                     ("half a header", packets[1].data[:packets[1].efh_at + 6]))
        for what, quoted in forgeries:
            before = path.a.stats()
            wire.send(error(family, router, a, quoted, 1300))
            if what == "half a header":     # so short that it may be anybody's
                time.sleep(0.2)
            else:
                ok(wait(lambda n=before["icmp_invalid"]: path.a.stats()["icmp_invalid"] > n, 1),
                   f"IPv{family} forged error, {what}: counted")
            eq((path.a.stats()["icmp_in"], flow(path.a, b).get("path_mtu")),
               (before["icmp_in"], 1500), f"IPv{family} forged error, {what}: ignored")
        tx.send(data(20000, 2))
        eq(receive(rx), data(20000, 2), f"IPv{family}: the flow goes on")
        eq(longest(seen, a), 20 + 16 + 1464 if family == 4 else 40 + 16 + 1440,
           f"IPv{family}: in fragments as large as before")
        # the same with the truth in it: what was ignored was ignored for its content
        before = path.a.stats()["icmp_in"]
        wire.send(error(family, router, a, packets[1].data, 1300))
        ok(wait(lambda: path.a.stats()["icmp_in"] > before), f"IPv{family}: a true error is heeded")
        eq(flow(path.a, b).get("path_mtu"), 1300, f"IPv{family}: and the path MTU follows")
        # errors that would raise it, or sink it below what a link may have
        for mtu, expected in ((1450, 1300), (9000, 1300)) + \
                (((600, 1280),) if family == 6 else ()):
            wire.send(error(family, router, a, packets[2].data, mtu))
            time.sleep(0.2)
            eq(flow(path.a, b).get("path_mtu"), expected,
               f"IPv{family}: an MTU of {mtu} makes {expected}")


def ages():
    """What was learnt is forgotten as the stack's own knowledge is."""
    path = Path(gro="off")
    path.a.sysctl("net.ipv6.route.mtu_expires", 2)
    if path.a.sysctl("net.ipv4.route.mtu_expires") is not None:
        path.a.sysctl("net.ipv4.route.mtu_expires", 2)
    events = path.a.events()
    for family in (6, 4):
        narrow(path, 1300)
        tx, rx = path.udp(family, connect=False)
        rx.settimeout(0.3)
        b = path.ends(family)[1]
        for _ in range(3):
            tx.sendto(data(20000), (b, 9999))
            if receive(rx):
                break
        eq(flow(path.a, b).get("path_mtu"), 1300, f"IPv{family}: learnt")
        ok(flow(path.a, b).get("expires", 1 << 31) <= 2000, f"IPv{family}: with an age",
           flow(path.a, b))
        eq((events.next() or (None,))[0], "mtu", f"IPv{family}: an event says so")
        narrow(path, 1500)
        time.sleep(3.2)
        seen = Wire(path.b, "b0")
        rx.settimeout(5)
        tx.sendto(data(20000, 1), (b, 9999))
        eq(receive(rx), data(20000, 1), f"IPv{family}: after its age")
        ok(longest(seen, path.ends(family)[0]) > 1450, f"IPv{family}: large fragments again")
        name, event = events.next(1) or (None, {})
        eq((name, event.get("new"), "icmp_type" in event), ("mtu", 1500, False),
           f"IPv{family}: an event for the age")


def route():
    """The route's own MTU and the device's bound fragments from the first."""
    path = Path()
    for family in (6, 4):
        path.a.ip(f"route replace default via {path.RA6} mtu 1350",
                  f"route replace default via {path.RA4} mtu 1350")
        tx, rx = path.udp(family)
        seen = Wire(path.r, "ra")
        tx.send(data(30000))
        eq(receive(rx), data(30000), f"IPv{family}: a route of MTU 1350")
        ok(1300 < longest(seen, path.ends(family)[0]) <= 1350, f"IPv{family}: is kept to")
    path.a.ip("link set a0 mtu 1300")
    path.raise_mtu(9000)
    for family in (6, 4):
        tx, rx = path.udp(family, 9998)
        seen = Wire(path.r, "ra")
        tx.send(data(30000))
        eq(receive(rx), data(30000), f"IPv{family}: a route of 9000 over a device of 1300")
        ok(1250 < longest(seen, path.ends(family)[0]) <= 1300, f"IPv{family}: the device decides")


if __name__ == "__main__":
    main(in_flow, tunnelled, forged, ages, route)
