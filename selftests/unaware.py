#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Destinations that do not speak EFH get the stack's own fragments instead."""
from efhtest import *
from efhwire import Packet
import efhwire

ACTIVE, UNAWARE = 0, 1


def state(path, family):
    b = path.ends(family)[1]
    return {f["state"] for f in path.a.flows() if f["destination"] == b}


def kinds(wire, source):
    """How what `source` sent was cut."""
    return {"efh" if p.efh else "stock" if p.fragmented else "whole"
            for p in map(Packet, wire.frames()) if p.src == source and p.length > 500}


def refused():
    """B refuses; A hears of it, and the next packet is one B understands."""
    path = Path()
    path.a.sysctl("net.ipv6.route.mtu_expires", 3)
    path.a.sysctl("net.ipv4.route.mtu_expires", 3)
    path.b.efhctl("settings set receive off")
    path.b.sysctl("net.ipv6.icmp.ratelimit", 0)
    path.b.sysctl("net.ipv4.icmp_ratelimit", 0)
    events = path.a.events()
    for family in (6, 4):
        a, b = path.ends(family)
        tx, rx = path.udp(family, connect=False)
        rx.settimeout(0.5)
        seen = Wire(path.r, "ra")
        tx.sendto(data(20000), (b, 9999))
        eq(receive(rx), None, f"IPv{family}: an EFH packet is refused")
        eq(kinds(seen, a), {"efh"}, f"IPv{family}: it was one")
        eq(path.b.stats()["in_fragments"], 0, f"IPv{family}: the refuser counts nothing")
        name, event = events.next() or (None, {})
        expected = (4, 2) if family == 6 else (3, 2)
        eq((name, event.get("old"), event.get("new"), event.get("icmp_type"),
            event.get("icmp_code"), event.get("from")),
           ("peer", ACTIVE, UNAWARE) + expected + (b,), f"IPv{family}: event peer")
        eq(state(path, family), {UNAWARE}, f"IPv{family}: the flow's state")
        rx.settimeout(5)
        tx.sendto(data(60000, 1), (b, 9999))
        eq(receive(rx), data(60000, 1), f"IPv{family}: the next packet arrives")
        eq(kinds(seen, a), {"stock"}, f"IPv{family}: in standard fragments")
        other = path.a.socket(AF[family], bind=(a, 0))
        other.sendto(data(30000, 2), (b, 9999))
        eq(receive(rx), data(30000, 2), f"IPv{family}: from another socket as well")
        eq(kinds(seen, a), {"stock"}, f"IPv{family}: the destination is what is remembered")
        for _ in range(6):
            other = path.a.socket(AF[family], bind=(a, 0))
            other.sendto(data(3000), (b, 9999))
        eq((kinds(seen, a), path.a.stats()["control_out"]), ({"stock"}, 0),
           f"IPv{family}: and not asked about the path")
        flow = [f for f in path.a.flows() if f["destination"] == b][0]
        ok(0 < flow.get("expires", 0), f"IPv{family}: remembered for a time", flow)
        path.a.efhctl("flow flush")
        eq(state(path, family), set(), f"IPv{family}: forgotten on request")
        tx.sendto(data(20000, 3), (b, 9999))
        eq(kinds(seen, a), {"efh"}, f"IPv{family}: and tried again")
        wait(lambda: state(path, family) == {UNAWARE})
        while events.next(0.2):
            pass
        seen.close()
    return path, events


def receive_off():
    """The setting `receive off` leaves EFH to the stock option handler."""
    path, events = refused()
    for family in (6, 4):
        path.b.efhctl("settings set receive off")
        path.a.efhctl("flow flush")
        while events.next(0.2):
            pass
        b = path.ends(family)[1]
        tx, rx = path.udp(family, 9998, connect=False)
        tx.sendto(data(20000), (b, 9998))
        ok(wait(lambda f=family: state(path, f) == {UNAWARE}), f"IPv{family}: refused again")
        eq((events.next() or (None,))[0], "peer", f"IPv{family}: event peer again")
        # it learns EFH after all, and time passes
        path.b.efhctl("settings set receive on")
        flow = [f for f in path.a.flows() if f["destination"] == b]
        expires = max((f.get("expires", 0) for f in flow), default=0)
        if expires > 10000:
            skip(f"IPv{family}: ageing", f"{expires} ms are too long to wait for")
            continue
        time.sleep(expires / 1000 + 0.2)
        seen = Wire(path.r, "ra")
        tx.sendto(data(20000, 4), (b, 9998))
        eq(receive(rx), data(20000, 4), f"IPv{family}: after the age of the refusal")
        eq(kinds(seen, path.ends(family)[0]), {"efh"}, f"IPv{family}: EFH again")
        name, event = events.next(1) or (None, {})
        eq((name, event.get("new"), "icmp_type" in event), ("peer", ACTIVE, False),
           f"IPv{family}: an event for the age")
        seen.close()


def forged():
    """Nobody else can say for a destination that it does not speak EFH."""
    path = Path()
    for family in (6, 4):
        a, b = path.ends(family)
        tx, rx = path.udp(family)
        seen = Wire(path.r, "ra")
        tx.send(data(20000))
        eq(receive(rx), data(20000), f"IPv{family}: a packet in flight")
        packet = [p for p in map(Packet, seen.frames()) if p.efh and p.src == a][1]
        wire = Wire(path.r, "ra", path.mac_a, path.mac_ra)
        bad = bytearray(packet.data)
        bad[packet.efh_at + 8] ^= 0x55
        for what, quoted, heeded in (("another Identification", bytes(bad), False),
                                     ("the right one", packet.data, True)):
            before = path.a.stats()
            if family == 6:
                answer = efhwire.error(b, a, 4, 2, packet.efh_at + 2, quoted[:1232])
            else:
                answer = efhwire.error(b, a, 3, 2, 0, quoted[:548])
            wire.send(answer)
            name = "icmp_in" if heeded else "icmp_invalid"
            ok(wait(lambda: path.a.stats()[name] == before[name] + 1, 2),
               f"IPv{family} refusal quoting {what}: {name}", path.a.stats())
            eq(state(path, family), {UNAWARE if heeded else ACTIVE},
               f"IPv{family} refusal quoting {what}: the flow's state")


def other_problem():
    """A Parameter Problem about something else says nothing about EFH."""
    path = Path()
    tx, rx = path.udp(6)
    seen = Wire(path.r, "ra")
    tx.send(data(20000))
    eq(receive(rx), data(20000), "a packet in flight")
    packet = [p for p in map(Packet, seen.frames()) if p.efh][1]
    wire = Wire(path.r, "ra", path.mac_a, path.mac_ra)
    for code, pointer in ((0, packet.efh_at + 6), (1, packet.efh_at), (2, 6)):
        wire.send(efhwire.error(path.B6, path.A6, 4, code, pointer, packet.data[:1232]))
        time.sleep(0.2)
        eq(state(path, 6), {ACTIVE}, f"Parameter Problem code {code}, pointer {pointer}")


if __name__ == "__main__":
    main(receive_off, forged, other_problem)
