#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Links as ip makes them without its plugin, standing nowhere, and efhctl, which gives them a place
on the path, once, and the rest."""
import json
import socket

from efhtest import *
from efhlink import *

WITHOUT = "env IP_LIB_DIR=/nowhere ip"


def of(ns, dev="efh0"):
    return json.loads(ns.efhctl(f"-j link show {dev}"))[0]


def bare(ns, dev="efh0"):
    ns.run(f"{WITHOUT} link add {dev} type efh")


def no(ns, words, said, what):
    """It is refused, for that reason, and the link is as before."""
    before = ns.run("ip -d link show")
    done = ns.run(f"efhctl {words}", check=False)
    ok(done.returncode == 1 and said in done.stderr, f"{what}: {words}: {said}",
       f"{done.returncode} {done.stderr}")
    eq(ns.run("ip -d link show"), before, f"{what}: which changes nothing")


def nowhere():
    """Without a local address it sends nothing and has no peers."""
    path = Path(native=False)
    a = path.a
    bare(a)
    eq(of(a), {"dev": "efh0", "ttl": 64, "tos": 0, "fragsize": 0, "retransmit": True}, "it has no place")
    eq(a.efhctl("link").strip(), "efh0 ttl 64 tos 0 fragsize 0 retransmit on", "in words, too")
    eq(show(a)["mtu"], 65535, "its MTU is a link's")
    address(a, "efh0", 0)
    tx = a.socket(socket.AF_INET6, bind=(INNER[6][0], 0))
    wire = Wire(a, "a0")
    with Counts(a, "what is sent has no peer", out_no_peer=5):
        for _ in range(5):
            try:
                tx.sendto(b"nowhere", (INNER[6][1], 9))
            except OSError:             # it says so
                pass
    eq(outers(wire, path.A6), [], "nothing leaves")
    for words, said in (
            (f"peer add dev efh0 remote {path.B6}", "needs a local address first"),
            (f"link set efh0 remote {path.B6}", "remote: a link needs a local address first"),
            ("link set efh0 carrier udp", "carrier: a link needs a local address first"),
            ("link set efh0 dport 99", "dport: a link needs a local address first"),
            ("link set efh0 dev a0", "dev: a link needs a local address first"),
            ("link set efh0 udpcsum off", "udpcsum: only a link with carrier udp"),
            ("link set efh0 fragsize 1001", "fragsize: fragment size must be"),
            ("link set efh0 local ff02::1", "local: a unicast address is needed"),
            (f"link set efh0 local {path.A6} dport 99", "dport: only a link with carrier udp has ports"),
            (f"link set efh0 local {path.A6} remote {path.A6}", "remote: remote is the local address"),
            (f"link set efh0 local {path.A6} remote {path.B4}", "remote: local and remote are of different families"),
            (f"link set efh0 local {path.A6} carrier udp sport 9 8", "sport: source ports are"),
            (f"link set efh0 local {path.A6} dev efh0", ""),
            ("link show lo", 'device "lo" is not of type efh'),
            ("link set lo ttl 3", 'device "lo" is not of type efh'),
            ("link set efh9 ttl 3", 'device "efh9"')):
        no(a, words, said, "nowhere")
    a.ip("link property add dev efh0 altname another")
    eq(of(a, "another")["dev"], "efh0", "by another name")
    a.efhctl("link set efh0 ttl inherit tos inherit fragsize 2048 retransmit off")
    eq(of(a), {"dev": "efh0", "ttl": 0, "tos": 1, "fragsize": 2048, "retransmit": False},
       "what needs no place is set")
    eq(a.efhctl("link show efh0").strip(), "efh0 ttl inherit tos inherit fragsize 2048 retransmit off",
       "and shown as it is set")


def placed():
    """efhctl gives it what ip's plugin would have: it carries, and is shown by both."""
    for outer, words, what in ways():
        path = Path(native=False)
        ends = path.ends(outer)
        if words:
            words += " sport 1000 1999"
        for number, ns in enumerate((path.a, path.b)):
            bare(ns)
            address(ns, "efh0", number)
            ns.efhctl(f"link set efh0 local {ends[number]} remote {ends[1 - number]} {words}")
        linked = Both(path.a, path.b)
        passes(linked, what)
        ok("POINTOPOINT" in show(path.a)["flags"], f"{what}: it is point to point")
        eq({key: value for key, value in of(path.a).items() if value != 0 and key != "dev"}, info(path.a),
           f"{what}: efhctl shows what ip shows")
        for setting, said in ((f"local {ends[1]}", "stay as the link was made"), ("dev a0", "stay as the link was made"),
                              ("dport 99", "stay as the link was made" if words else "only a link with carrier udp")):
            no(path.a, f"link set efh0 {setting}", said, what)
        path.a.efhctl(f"link set efh0 local {ends[0]} ttl 9")
        eq(of(path.a)["ttl"], 9, f"{what}: the rest is for change")
        path.a.ip("link del efh0")
        finish()


def undone():
    """Of a place that can't be taken nothing is kept; another is taken."""
    path = Path(native=False)
    a = path.a
    bare(a)
    taken = a.socket(socket.AF_INET6, bind=("::", 4000))
    for _ in range(3):
        no(a, f"link set efh0 local {path.A6} remote {path.B6} dev a0 carrier udp dport 4000",
           "the UDP port is in use", "a port in use")
    a.ip(f"link add efh1 type efh local {path.A6} remote {path.B6} carrier udp dport 4001 dev a0")
    no(a, f"link set efh0 local {path.A6} remote {path.B6} dev a0 carrier udp dport 4001",
       "this peer already", "somebody's peer")
    # the port and the device are free of it
    a.ip("link del efh1")
    a.socket(socket.AF_INET6, bind=("::", 4001)).close()
    taken.close()
    a.efhctl(f"link set efh0 local {path.A6} dev a0 carrier udp dport 4000")
    a.efhctl(f"peer add dev efh0 remote {path.B6} prefix ::/0")
    path.b.ip(f"link add efh0 type efh local {path.B6} remote {path.A6} carrier udp dport 4000")
    for number, ns in enumerate((a, path.b)):
        address(ns, "efh0", number)
    passes(Both(a, path.b), "another place", inner=(6,))
    a.ip("link del a0")
    ok(a.run("ip link show efh0", check=False).returncode, "it goes with its lower device")


if __name__ == "__main__":
    main(nowhere, placed, undone)
