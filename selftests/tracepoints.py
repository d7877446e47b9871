#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""efh:* tracepoints: there, and telling what happens."""
import json

from efhtest import *
from efhlink import Linked, passes
from zerocopy import TRACING, trace
import efhwire

POINTS = ("efh_fragment", "efh_reassembled", "efh_drop", "efh_mtu", "efh_loss", "efh_peer")


def available():
    if not os.path.isdir(TRACING + "/events"):
        command("mount -t tracefs tracefs " + TRACING, check=False)
    if not os.path.isdir(TRACING + "/events"):
        raise Skip("no tracefs")


def fire():
    available()
    for name in POINTS:
        ok(os.path.isdir(f"{TRACING}/events/efh/{name}"), f"efh:{name}")
    pair = Pair()
    wire = pair.wire()
    body = efhwire.udp(pair.A6, pair.B6, 7, 9999, data(4000))
    pieces = efhwire.fragments(pair.A6, pair.B6, efhwire.UDP, body, 1440, 0x1234567890ABCDEF)
    pair.a.efhctl("native add 2001:db8::/64")
    tx = pair.a.socket(bind=(pair.A6, 0))
    trace("trace", "\n")
    trace("events/efh/enable", "1")
    try:
        wire.send(pieces[0], pieces[0], pieces[1], pieces[2])
        wait(lambda: pair.b.stats()["reassembled"])
        bad = efhwire.header(17, 1, 0, 1, 5) + bytes(1440)
        wire.send(efhwire.ip(pair.A6, pair.B6, efhwire.DSTOPTS, bad))
        wait(lambda: pair.b.stats()["bad_index"])
        pair.b.efhctl("settings set timeout 0.2")
        wire.send(efhwire.fragments(pair.A6, pair.B6, efhwire.UDP, body, 1440, 9)[1])
        wait(lambda: pair.b.stats()["timeout"])
        far = Wire(pair.b, "b0", pair.mac_a, pair.mac_b)
        tx.sendto(data(4000), (pair.B6, 9999))
        sent = next(p for p in map(efhwire.Packet, far.frames()) if p.efh)
        far.send(efhwire.error(pair.B6, pair.A6, 2, 0, 1300, sent.data[:1200]))
        wait(lambda: pair.a.stats()["icmp_in"])
    finally:
        trace("events/efh/enable", "0")
    lines = [line for line in trace("trace").split("\n") if ": efh_" in line]
    found = "\n".join(lines)
    seen = re.findall(r"efh_fragment:.* id=(\w{16}) index=(\d+) offset=(\d+) payload=(\d+)", found)
    ok(len({m[0] for m in seen}) == 1 and [tuple(map(int, m[1:])) for m in seen] ==
       [(0, 0, 1440), (1, 1440, 1440), (2, 2880, 1128)],
       "efh:efh_fragment, with Identification, Index, offset and size", found)
    whole = [line for line in lines if "efh_reassembled:" in line and "1234567890" in line]
    ok(len(whole) == 1 and "fragments=3" in whole[0] and "1234567890abcdef" in whole[0],
       "efh:efh_reassembled, with the number of fragments", found)
    drops = [m[1] for m in re.finditer(r"efh_drop:.*reason=(\w+)", found)]
    eq(drops, ["duplicate", "bad_index", "timeout"], "efh:efh_drop, with the reason")
    eq(re.findall(r"efh_mtu:.* destination=(\S+) label=\d+ old=(\d+) new=(\d+) cause=(\w+)", found),
       [(pair.B6, "1500", "1300", "icmp")], "efh:efh_mtu, with both and the cause")


def links():
    """What crosses a link, and what becomes of its peer."""
    available()
    path = Path(native=False)
    linked = Linked(path, 6)
    trace("trace", "\n")
    trace("events/efh/enable", "1")
    try:
        passes(linked, "a link", (20000,), inner=(6,))
        wait(lambda: json.loads(path.a.efhctl("-j peer show"))[0]["state"] == "up")
    finally:
        trace("events/efh/enable", "0")
    found = trace("trace")
    ok(len(re.findall(r"efh_fragment:.* payload=1440", found)) >= 26, "fragments of a link's", found[:2000])
    ok(len(re.findall(r"efh_reassembled:.* fragments=14", found)) == 2, "whole packets of a link's", found[:2000])
    ok(re.search(rf"efh_peer:.* remote={path.B6} old=unknown new=up", found), "efh:efh_peer, with both states", found[-2000:])


if __name__ == "__main__":
    main(fire, links)
