#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Links of type efh between two hosts: what they carry and how, what ip and
ethtool say of them, what can be changed, and stock tunnels at the other end."""
import socket
import struct
import time

from efhtest import *
from efhlink import *
from efhwire import Packet
import efhwire
import tcp


def shape(packets, carrier, family, length, what):
    """Is an inner packet of this length on the wire as wire.rst section 5 has it?"""
    header, protocol = OUTER_HEADER[carrier], INNER_PROTOCOL[family]
    if length + header <= 1500:
        eq([(p.headers, p.length) for p in packets], [([protocol], length + header)],
           f"{what}: plain encapsulation")
    else:
        size = fragment_size(1500, carrier)
        eq([(p.efh and p.efh[1], p.efh and p.index, len(p.payload)) for p in packets],
           [(protocol, k, min(size, length - k * size))
            for k in range(fragments_of(length, size))], f"{what}: EFH fragments")
    eq([p.length for p in packets if p.fragmented], [], f"{what}: no other fragments")
    inner = Packet(b"".join(p.payload for p in packets))
    eq((inner.version, inner.length, inner.src, inner.dst, inner.hops),
       (family, length) + INNER[family][:2] + (64,), f"{what}: the inner packet is in it")
    if carrier == 4:
        eq({p.df for p in packets}, {True}, f"{what}: DF")
    else:
        labels = {p.label for p in packets}
        ok(len(labels) == 1 and 0 not in labels, f"{what}: one flow label", labels)
    eq({(p.hops, p.tclass) for p in packets}, {(64, 0)}, f"{what}: hop limit and traffic class")


def sizes(carrier):
    """Packets of all sizes, and how they travel."""
    path = Path(native=False)
    linked = Linked(path, carrier)
    wire = Wire(path.r, "ra")
    for family in (6, 4):
        far = INNER[family][1]
        done = linked.a.run(f"ping -c 3 -i 0.1 -W 5 -s 60000 {far}", check=False)
        ok("3 received" in done.stdout, f"IPv{family} in IPv{carrier}: ping -s 60000",
           done.stdout + done.stderr)
        tx, rx = linked.pair(family)
        wire.frames()
        for size in (100, 1400, 1500, 9000, 60000, largest(family)):
            what = f"IPv{family} in IPv{carrier}, {size} octets"
            tx.send(data(size, size))
            eq(receive(rx), data(size, size), f"{what}: the data")
            shape(outers(wire, linked.outer[0]), carrier, family,
                  size + 8 + OUTER_HEADER[family], what)
        what = f"IPv{family} in IPv{carrier}, an octet more"
        if family == 6:         # which the inner source's own fragments carry
            tx.send(data(largest(6) + 1))
            eq(receive(rx), data(largest(6) + 1), f"{what}: the data")
        else:
            try:
                tx.send(data(largest(4) + 1))
                ok(False, what)
            except OSError as error:
                eq(error.errno, errno.EMSGSIZE, what)
        wire.frames()
        labels = set()
        for _ in range(8):
            sock = linked.a.socket(AF[family], bind=(INNER[family][0], 0))
            sock.sendto(data(100), (far, 9999))
            labels |= {p.label for p in outers(wire, linked.outer[0])}
            sock.close()
        if carrier == 6:
            ok(len(labels) > 4 and 0 not in labels, f"IPv{family}: flows have their labels", labels)
    wire.close()


def sizes6():
    sizes(6)


def sizes4():
    sizes(4)


def counted():
    """Packets and octets, and what of them exceeded the path."""
    for carrier, words, what in ways():
        linked = Linked(Path(native=False), carrier, words)
        tx, rx = linked.pair(6)
        before = [show(ns)["stats64"] for ns in (linked.a, linked.b)]
        with Counts(linked.a, f"{what}: ethtool -S", out_large=1):
            for size in (100, 1000, 30000):
                tx.send(data(size))
                receive(rx)
        after = [show(ns)["stats64"] for ns in (linked.a, linked.b)]
        for side, way in ((0, "tx"), (1, "rx")):
            eq([after[side][way][k] - before[side][way][k] for k in ("packets", "bytes", "errors")],
               [3, 31100 + 3 * 48, 0], f"{what}: ip -s has {way} of whole packets")
        eq(set(counters(linked.b).values()), {0}, f"{what}: ethtool -S of the other end")


def streams():
    """TCP, its segments as large as it makes them."""
    for carrier in carriers():
        path = Path(native=False)
        linked = Linked(path, carrier)
        for family in (6, 4):
            wire = Wire(path.r, "ra")
            with Transfer(path) as sent:
                segment = tcp.stream(linked, family, 2 << 20, "write", 8000 + family)
                packets = [Packet(p) for p in wire.frames()]
            what = f"IPv{family} in IPv{carrier}"
            ok(segment > 32000, f"{what}: segments as large as TCP has", segment)
            sent.check(what)
            eq(sum(1 for p in packets if p.fragmented or p.length > 1500), 0,
               f"{what}: nothing else does the cutting")
            wire.close()


def raw():
    """TCP that a raw socket sends, or the stack as a reset, is no connection's; nor need it be TCP."""
    linked = Linked(Path(native=False), 6)
    for family in (6, 4):
        far = linked.ends(family)[1]
        reset = struct.pack("!HHIIBBHHH", 7, 8, 1, 1, 5 << 4, 0x14, 0, 0, 0)
        tx, rx = (ns.socket(AF[family], socket.SOCK_RAW, socket.IPPROTO_TCP) for ns in (linked.a, linked.b))
        tx.sendto(reset, (far, 0))
        eq((receive(rx) or b"")[-len(reset):], reset, f"IPv{family}: a raw socket's")
        rx.close()
        tx.close()
        tx, rx = (ns.socket(AF[family], socket.SOCK_RAW, 253) for ns in (linked.a, linked.b))
        for length in (100, 30000, LARGEST - OUTER_HEADER[family]):
            tx.sendto(data(length), (far, 0))
            eq((receive(rx) or b"")[-length:], data(length), f"IPv{family}: {length} octets of a protocol without a name")
        rx.close()
        tx.close()
        tx = linked.a.socket(AF[family], kind=socket.SOCK_STREAM)
        try:
            tx.connect((far, 9))
            ok(False, f"IPv{family}: nobody listens")
        except ConnectionRefusedError:
            ok(True, f"IPv{family}: the stack's reset")
        tx.close()


def groups():
    """Multicast goes to the only peer there is."""
    for carrier in carriers():
        linked = Linked(Path(native=False), carrier)
        linked.b.sysctl("net.ipv4.icmp_echo_ignore_broadcasts", 0)
        for family, group in ((6, "ff0e::4242"), (4, "239.1.2.3")):
            tx = linked.a.socket(AF[family], bind=(INNER[family][0], 0))
            rx = linked.b.socket(AF[family], bind=(group, 9999))
            near, far = (ns.ifindex("efh0") for ns in (linked.a, linked.b))
            if family == 6:
                rx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                              efhwire.address(group) + struct.pack("=I", far))
                tx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, near)
            else:
                rx.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                              efhwire.address(group) + efhwire.address(INNER[4][1]))
                tx.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                              efhwire.address(INNER[4][0]))
            for size in (100, 30000):
                tx.sendto(data(size, size), (group, 9999))
                eq(receive(rx), data(size, size),
                   f"IPv{family} multicast in IPv{carrier}, {size} octets")
            # of IPv6 the pinging host itself answers, too, and from its link-local address
            heard = linked.a.run(f"ping -c 2 -i 0.3 -W 2 {'ff02::1%efh0' if family == 6 else '224.0.0.1'} "
                                 "-I efh0", check=False).stdout
            addresses = json.loads(linked.b.run(f"ip -{family} -j addr show dev efh0"))[0]["addr_info"]
            ok(any(a["local"] in heard for a in addresses), f"IPv{family}: ping to all", heard)


def batches(mtu, offload):
    """Super-packets enter as such, and are joined again at the other end."""
    for carrier in carriers():
        path = Path(native=False, router_gro="off")
        linked = Linked(path, carrier)
        for ns, dev in ((path.a, "a0"), (path.b, "b0")):
            ns.ip(f"link set efh0 mtu {mtu}")
            ns.run(f"ethtool -K {dev} tso {offload} gso {offload}")
        path.r.run("ethtool -K ra gro on")      # else veth takes no offloads across
        gather(path.b, "b0")
        for family in (6, 4):
            what = f"IPv{family} in IPv{carrier}, MTU {mtu}, offloads {offload}"
            enter, leave = Device(linked.a, "efh0"), Device(linked.b, "efh0")
            tcp.stream(linked, family, 2 << 20, "write", 8100 + family)
            entered = max(map(len, enter.frames(outgoing=True)), default=0)
            left = max(map(len, leave.frames()), default=0)
            # TCP makes them of two segments at the least
            ok(entered > mtu + 100, f"{what}: large packets enter", entered)
            ok(left > mtu + 100, f"{what}: and leave", left)
            enter.close()
            leave.close()
            tx, rx = linked.pair(family)
            tx.setsockopt(SOL_UDP, UDP_SEGMENT, 1000)
            tx.send(data(30000))
            arrive(rx, [data(30000)[k * 1000:(k + 1) * 1000] for k in range(30)],
                   f"{what}: UDP_SEGMENT")
            rx.setsockopt(SOL_UDP, UDP_GRO, 1)
            size, count = mtu - 48, min(60000 // (mtu - 48), 64)
            tx.setsockopt(SOL_UDP, UDP_SEGMENT, size)
            whole = size * count + (48 if family == 6 else 28)
            enter, leave = Device(linked.a, "efh0"), Device(linked.b, "efh0")
            for number in range(5):
                tx.send(data(size * count, number))
                time.sleep(0.05)
            eq([len(p) for p in enter.frames(outgoing=True)], [whole] * 5, f"{what}: UDP_SEGMENT enters in one piece")
            # a poll may end in between
            eq(max(len(p) for p in leave.frames()), whole, f"{what}: and leaves in one for UDP_GRO")
            enter.close()
            leave.close()


def batches_plain():
    """Segments that fit the path."""
    batches(1400, "off")


def batches_offload():
    batches(1400, "on")


def batches_large():
    """Segments that do not: each becomes fragments."""
    batches(9000, "off")


def shown():
    """ip and ethtool."""
    for carrier in carriers():
        path = Path(native=False)
        linked = Linked(path, carrier)
        device = show(linked.a)
        eq((device["mtu"], device["linkinfo"]["info_kind"], device["link_type"]),
           (65535, "efh", "none"), f"IPv{carrier}: MTU, kind and type")
        ok({"POINTOPOINT", "NOARP", "MULTICAST", "UP", "LOWER_UP"} <= set(device["flags"]),
           f"IPv{carrier}: flags", device["flags"])
        eq(info(linked.a), dict(local=linked.outer[0], remote=linked.outer[1], carrier="ip",
                                ttl=64, retransmit=True), f"IPv{carrier}: what it was made with")
        text = linked.a.run("ip -d link show efh0")
        ok(f"efh local {linked.outer[0]} remote {linked.outer[1]} carrier ip ttl 64" in text,
           f"IPv{carrier}: in words", text)
        driver = dict(line.split(": ", 1) for line in linked.a.run("ethtool -i efh0").split("\n")
                      if ": " in line)
        eq(driver.get("driver"), "efh", f"IPv{carrier}: ethtool -i")
        eq(sorted(counters(linked.a)),
           ["in_ecn", "in_icmp", "in_malformed", "in_source", "out_large", "out_loop",
            "out_malformed", "out_no_memory", "out_no_peer", "out_no_route", "out_too_big"],
           f"IPv{carrier}: ethtool -S")
    # all that can be said
    path.a.ip("link add efh1 type efh local 192.0.2.1 remote 192.0.2.77 dev a0 ttl 9 tos 0xb8 "
              "fragsize 1200 noretransmit", "link add efh2 type efh local 192.0.2.1 ttl inherit tos inherit")
    eq(info(path.a, "efh1"), dict(local="192.0.2.1", remote="192.0.2.77", link="a0", carrier="ip",
                                  ttl=9, tos="0xb8", fragsize=1200, retransmit=False),
       "all that can be said")
    eq(info(path.a, "efh2"), dict(local="192.0.2.1", carrier="ip", ttl=0, tos="0x1",
                                  retransmit=True), "with peers of its own, and inheriting")
    ok("POINTOPOINT" not in show(path.a, "efh2")["flags"], "which is not point to point")
    ok("efh1@a0" in path.a.run("ip link show efh1"), "the lower device stands behind the name")


def life():
    """MTU, names, up and down."""
    path = Path(native=False)
    linked = Linked(path, 6)
    for mtu, good in ((1280, True), (65535, True), (68, True), (67, False), (65536, False)):
        done = linked.a.run(f"ip link set efh0 mtu {mtu}", check=False)
        eq((not done.returncode, show(linked.a)["mtu"] == mtu), (good, good), f"MTU {mtu}")
    linked.a.ip("link set efh0 mtu 65535", f"addr replace {INNER[6][0]}/64 dev efh0 nodad")
    passes(linked, "MTU as it was")
    linked.a.ip("link set efh0 down", "link set efh0 name far", "link set far up",
                f"addr replace {INNER[6][0]}/64 dev far nodad")
    passes(linked, "renamed")
    tx, rx = linked.pair(6, 9997)
    linked.b.ip("link set efh0 down")
    rx.settimeout(0.3)
    tx.send(data(100))
    tx.send(data(20000))
    eq(receive(rx), None, "down: nothing leaves it")
    linked.b.ip("link set efh0 up", f"addr replace {INNER[6][1]}/64 dev efh0 nodad")
    passes(linked, "up again")
    linked.b.ip("link del efh0")
    linked.b.run(f"ip link add efh0 type efh local {path.B6} remote {path.A6}")
    address(linked.b, "efh0", 1)
    passes(linked, "made anew")


def changed():
    """What ip link set changes takes effect at once."""
    for carrier in carriers():
        path = Path(native=False)
        linked = Linked(path, carrier)
        wire = Wire(path.r, "ra")
        tx, rx = linked.pair(6)

        def seen(size=3000):
            wire.frames()
            tx.send(data(size, size))
            return outers(wire, linked.outer[0])
        for words, want in (("ttl 9", (9, 0)), ("tos 0xb8", (9, 0xB8)), ("ttl inherit", (64, 0xB8)),
                            ("tos 0 ttl 255", (255, 0))):
            linked.a.ip(f"link set efh0 type efh {words}")
            eq({(p.hops, p.tclass) for p in seen() + seen(100)}, {want},
               f"IPv{carrier}: {words} on the wire")
        for size in (1200, 1024):
            linked.a.ip(f"link set efh0 type efh fragsize {size}")
            eq(info(linked.a).get("fragsize"), size, f"IPv{carrier}: fragsize {size} is shown")
            eq([len(p.payload) for p in seen()], [size, size, 3048 - 2 * size],
               f"IPv{carrier}: fragsize {size} on the wire")
            eq([(p.efh, p.length) for p in seen(1300)],
               [(None, 1348 + OUTER_HEADER[carrier])], f"IPv{carrier}: but what fits is plain")
        linked.a.ip("link set efh0 type efh fragsize 0")
        eq(info(linked.a).get("fragsize"), None, f"IPv{carrier}: no fragsize is shown")
        eq(len(seen()[0].payload), fragment_size(1500, carrier), f"IPv{carrier}: as the path takes")
        rx.settimeout(0.3)
        while receive(rx):
            pass
        other = {6: "2001:db8:2::77", 4: "198.51.100.77"}[carrier]
        linked.a.ip(f"link set efh0 type efh remote {other}")
        eq(info(linked.a)["remote"], other, f"IPv{carrier}: another remote")
        eq({p.dst for p in seen() + seen(100)}, {other}, f"IPv{carrier}: packets go there")
        back, front = udp_pair(linked.b, linked.a, INNER[6][1], INNER[6][0])
        stops(back, front, f"IPv{carrier}: and none are taken from the one before")
        linked.a.efhctl(f"peer set dev efh0 remote {other} prefix fd00::/64 prefix 10.9.0.0/24 "
                        "priority 7")
        linked.a.ip(f"link set efh0 type efh remote {linked.outer[1]}")
        peer = json.loads(linked.a.efhctl("-j peer show"))[0]
        eq((sorted(peer["prefixes"]), peer["priority"]), (["10.9.0.0/24", "fd00::/64"], 7),
           f"IPv{carrier}: with another remote prefixes and priority stay")
        passes(linked, f"IPv{carrier}: and back", port=9990)
        # nothing else
        before = info(linked.a)
        done = linked.a.run("ip link set efh0 type efh dport 8060", check=False)
        ok(done.returncode == 2 and "only a link with carrier udp" in done.stderr,
           f"IPv{carrier}: no port without carrier udp", done.stderr)
        for words in ("local 2001:db8:1::77" if carrier == 6 else "local 192.0.2.77", "dev a0"):
            done = linked.a.run(f"ip link set efh0 type efh {words}", check=False)
            ok(done.returncode == 2 and "stay as the link was made" in done.stderr,
               f"IPv{carrier}: {words} can't be changed", done.stderr)
        linked.a.ip(f"link set efh0 type efh local {linked.outer[0]} carrier ip")
        eq(info(linked.a), before, f"IPv{carrier}: what is said again is no change")


def refused():
    """And why, in words."""
    path = Path(native=False)
    a = path.a
    a.ip("link add efh0 type efh local 2001:db8:1::1 remote 2001:db8:2::2",
         "link add efh9 type efh local 192.0.2.1")
    local = "type efh local 2001:db8:1::1"
    for words, said in (
            ("add efh1 type efh remote 2001:db8::9", "a link needs a local address"),
            ("add efh1 type efh local ff02::1", "a unicast address is needed"),
            ("add efh1 type efh local ::", "a unicast address is needed"),
            ("add efh1 type efh local 224.0.0.1", "a unicast address is needed"),
            ("add efh1 type efh local 255.255.255.255", "a unicast address is needed"),
            ("add efh1 type efh local ::ffff:192.0.2.1", "IPv4-mapped"),
            ("add efh1 type efh local 2001:db8:1::1 dev efh0 fragsize 8", "fragment size must be"),
            ("add efh1 type efh local fe80::1", "a link-local address needs a lower device"),
            (f"add efh1 {local} remote ff0e::1", "a unicast address is needed"),
            (f"add efh1 {local} remote 2001:db8:1::1", "remote is the local address"),
            (f"add efh1 {local} remote fe80::1", "a link-local address needs a lower device"),
            (f"add efh1 {local} remote 2001:db8:2::2", "this peer already"),
            (f"add efh1 {local} fragsize 1000", "fragment size must be"),
            (f"add efh1 {local} fragsize 1025", "fragment size must be"),
            (f"add efh1 {local} fragsize 65536", "fragment size must be"),
            (f"add efh1 {local} sport 1000 2000", "only a link with carrier udp"),
            (f"add efh1 {local} dport 1000", "only a link with carrier udp"),
            (f"add efh1 {local} noudpcsum", "only a link with carrier udp"),
            ("set efh0 type efh remote 192.0.2.9", "different families"),
            ("set efh0 type efh remote ff0e::1", "a unicast address is needed"),
            ("set efh0 type efh fragsize 1000", "fragment size must be"),
            ("set efh9 type efh remote 2001:db8::1", "different families")):
        before = a.run("ip -d link show")
        done = a.run(f"ip link {words}", check=False)
        ok(done.returncode == 2 and said in done.stderr, f"{words}: {said}",
           f"{done.returncode} {done.stderr}")
        eq(a.run("ip -d link show"), before, f"{words}: nothing has changed")
    a.ip("link set efh9 type efh remote 192.0.2.99")
    ok("POINTOPOINT" in show(a, "efh9")["flags"], "with a remote it is point to point")
    a.ip(f"link add efh1 {local} remote 2001:db8:2::2 dev a0",
         f"link add efh2 {local} remote 2001:db8:2::3", "link del efh1", "link del efh0",
         f"link add efh0 {local} remote 2001:db8:2::2")
    ok(True, "but by another lower device, to another peer, and after it is gone")


def stock(carrier, tunnels):
    """Stock tunnels at B: {device: (words, families)}."""
    path = Path(native=False)
    unlimited(path.b)
    a, b = path.ends(carrier)
    path.a.run(f"ip link add efh0 type efh local {a} remote {b}")
    address(path.a, "efh0", 0)
    path.b.efhctl("settings set receive off")
    for dev, (words, families) in tunnels.items():
        done = path.b.run(f"ip link add {dev} type {words} local {b} remote {a}", check=False)
        if done.returncode:
            raise Skip(f"{words}: {done.stderr.strip()}")
        address(path.b, dev, 1, families)
    wire = Wire(path.r, "ra")
    linked = Both(path.a, path.b)
    passes(linked, f"stock over IPv{carrier}", (100, 1400))
    eq({tuple(p.headers) for p in outers(wire, a)}, {(41,), (4,)}, "all of it plain")
    for family in (6, 4):
        what = f"IPv{family} to a stock tunnel over IPv{carrier}"
        tx, rx = udp_pair(path.a, path.b, *INNER[family][:2], 9998)
        rx.settimeout(0.3)
        path.a.efhctl("flow flush")
        wire.frames()
        tx.send(data(9000))
        eq(receive(rx), None, f"{what}: EFH is refused")
        ok(any(p.efh for p in outers(wire, a)), f"{what}: which it was")
        ok(wait(lambda: {f["state"] for f in path.a.flows()} == {1}), f"{what}: that is learnt",
           path.a.flows())
        rx.settimeout(3)
        for size in (9000, 60000):
            tx.send(data(size, size))
            eq(receive(rx), data(size, size), f"{what}: {size} octets arrive then")
            seen = [p for p in outers(wire, a) if p.proto not in (1, 58)]
            ok(seen and all(p.fragmented and not p.efh for p in seen),
               f"{what}: {size} octets in stock fragments", [p.headers for p in seen])
        back, front = udp_pair(path.b, path.a, *INNER[family][1::-1], 9996)
        back.send(data(5000, 5))
        eq(receive(front), data(5000, 5), f"{what}: and what it cuts itself comes back")


def queues():
    """With several queues a flow keeps to one of them, and flows spread."""
    path = Path(native=False)
    linked = Linked(path, 6)
    linked.a.ip("link del efh0", f"link add efh0 numtxqueues 4 type efh local {path.A6} remote {path.B6}")
    address(linked.a, "efh0", 0)
    if linked.a.run("tc qdisc add dev efh0 root handle 1: mq", check=False).returncode:
        raise Skip("no mq")

    def sent():
        shown = json.loads(linked.a.run("tc -s -j qdisc show dev efh0"))
        return [q["packets"] for q in shown if q.get("parent")]
    rx = linked.b.socket(bind=(INNER[6][1], 9999))
    used = []
    for _ in range(24):
        tx = linked.a.socket(bind=(INNER[6][0], 0))
        before = sent()
        for size in (100, 3000, 20000):
            tx.sendto(data(size), (INNER[6][1], 9999))
            eq(receive(rx), data(size), "with queues: it arrives")
        used.append([queue for queue, (then, now) in enumerate(zip(before, sent())) if now - then >= 3])
        tx.close()
    ok(all(len(queue) == 1 for queue in used), "a flow keeps to one queue", used)
    ok(len(set(map(tuple, used))) > 1, "flows spread over them", used)


def loaded_by_need():
    """Neither ip nor efhctl wants the module to be there before."""
    for ns in Namespace.all:
        ns.close()
    for what, words in (("ip", "ip link add efh0 type efh local 2001:db8::1"), ("efhctl", "efhctl stats")):
        ns = Namespace("n")
        done = command("modprobe -r efh", check=False)
        ok(not done.returncode and not loaded(), f"{what}: the module is away", done.stderr)
        done = ns.run(words, check=False)
        ok(not done.returncode and loaded(), f"{what}: it is loaded", done.stderr)
        cleanup()


def stock6():
    stock(6, {"t0": ("ip6tnl mode any encaplimit none", (6, 4))})


def stock4():
    stock(4, {"t4": ("ipip", (4,)), "t6": ("sit", (6,))})


if __name__ == "__main__":
    main(sizes6, sizes4, counted, streams, raw, groups, batches_plain, batches_offload, batches_large,
         shown, life, changed, refused, queues, loaded_by_need,
         stock6, stock4)
