#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The path MTU of a flow is what the path takes, whatever routers say or don't."""
import contextlib
import json
import socket
import time

from efhtest import *
from efhlink import *
from efhwire import Packet
import efhwire

SIZE = 20000
PORT = 9100
DISABLED, BASE, SEARCHING, COMPLETE, ERROR = range(5)
KNOWN = (1400, 1420, 1480, 1492, 1500, 4352, 9000)
AGE, ICMP, PROBE, BLACK_HOLE = range(4)


class Talk(Threads):
    """A sends B a datagram each few ms; what arrived is known by its number, with the time."""

    def __init__(self, by, family, port=PORT, every=0.01, size=SIZE):
        tx, rx = by.pair(family, port) if hasattr(by, "pair") else by.udp(family, port)
        rx.settimeout(0.05)
        self.every, self.size, self.sent, self.came = every, size, {}, {}
        super().__init__(tx, rx, self.send, self.take)

    def send(self):
        while not self.done:
            number = len(self.sent)
            self.sent[number] = time.monotonic()
            with contextlib.suppress(OSError):
                self.tx.send(number.to_bytes(4, "big") + data(self.size - 4, number))
            time.sleep(self.every)

    def take(self):
        while not self.done:
            if (datagram := receive(self.rx)) is not None:
                number = int.from_bytes(datagram[:4], "big")
                if datagram[4:] == data(self.size - 4, number):
                    self.came[number] = time.monotonic()

    def since(self, when):
        """When the first came that was sent after a moment; None: none did."""
        return wait(lambda: next((t for n, t in sorted(self.came.items()) if self.sent[n] > when), None), 8)


def kinds():
    """Native and links, by their outer family."""
    for outer in (6, 4):
        for words in (None, "", "carrier udp"):
            if emulated() and (outer, words) not in ((6, None), (4, "carrier udp")):
                continue
            path = Path(native=False)
            if words is None:
                path.native()
                yield f"IPv{outer}", path, path, outer, outer
            else:
                yield (f"link over IPv{outer} {words}".strip(), path, Linked(path, outer, words), outer,
                       10 - outer)
            finish()


def flow(path, outer):
    """What A knows of its flow."""
    flows = [f for f in json.loads(path.a.efhctl("-j flow show"))
             if f["destination"] == path.ends(outer)[1]]
    return max(flows, key=lambda f: f["packets"], default={"path_mtu": 0, "search": "none"})


def found(path, outer, mtu, seconds=5):
    return wait(lambda: (lambda f: f["search"] == "complete" and f["path_mtu"] == mtu)(flow(path, outer)),
                seconds)


def squeeze(path, mtu):
    """What is larger is lost behind the router, which says nothing of it."""
    if "mute" not in path.r.run("nft list tables"):
        path.r.nft("table inet mute { chain out { type filter hook output priority 0; "
                   "icmpv6 type packet-too-big drop; icmp type destination-unreachable drop; } }")
    path.r.ip(f"link set rb mtu {mtu}")


def changes(events):
    """(old, new, cause) of those that came."""
    seen = []
    while event := events.next(0.1):
        if event[0] == "mtu":
            seen.append((event[1]["old"], event[1]["new"], event[1]["mtu_cause"]))
    return seen


def hole():
    """The path takes less all of a sudden, without a word: found within a second; and raised again."""
    need("nft")
    for what, path, by, outer, inner in kinds():
        for name in ("net.ipv6.route.mtu_expires", "net.ipv4.route.mtu_expires"):
            path.a.sysctl(name, 4)
        talk = Talk(by, inner)
        ok(found(path, outer, 1500), f"{what}: 1500 octets pass", flow(path, outer))
        events = path.a.events()
        squeeze(path, 1400)
        start = time.monotonic()
        again = talk.since(start)
        note(f"{what}: whole packets again {(again or 0) - start:.2f} s after")
        ok(again and again - start < (2 if emulated() else 1), f"{what}: a black hole is found in a second")
        ok(found(path, outer, 1400), f"{what}: 1400 octets pass", flow(path, outer))
        # of the flow, and of those that do not ask
        seen = list(dict.fromkeys(changes(events)))
        eq(seen, [(1500, 1280, BLACK_HOLE), (1280, 1400, PROBE)], f"{what}: events tell")
        squeeze(path, 1500)
        ok(found(path, outer, 1500, 10), f"{what}: 1500 octets pass again", flow(path, outer))
        seen = changes(events)
        eq(seen[-1:], [(1492, 1500, PROBE)], f"{what}: events tell that, too")
        talk.end()
        idle(path, what)


class Stream(Threads):
    """TCP from A to B, as fast as it is said to be; in segments of so many octets."""

    def __init__(self, by, family, rate=4e6, segment=None):
        near, far = by.ends(family)
        listener = by.b.socket(AF[family], socket.SOCK_STREAM, bind=(far, PORT))
        listener.listen()
        tx = by.a.socket(AF[family], socket.SOCK_STREAM, bind=(near, 0))
        if segment:
            # with the options that each has
            tx.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment + 12)
        tx.connect((far, PORT))
        rx, _ = listener.accept()
        listener.close()
        rx.settimeout(0.2)
        tx.settimeout(0.2)
        self.got, self.rate = 0, rate
        super().__init__(tx, rx, self.send, self.take)

    def send(self):
        while not self.done:
            with contextlib.suppress(OSError):
                self.tx.send(bytes(60000))
            time.sleep(60000 / self.rate)

    def take(self):
        while not self.done:
            with contextlib.suppress(OSError):
                self.got += len(self.rx.recv(1 << 20))


def stream_hole():
    """TCP takes another flow label with each timeout, and so another flow, that knows nothing."""
    need("nft")
    for carrier, words, over in ways():
        # where B has nothing, or the end alone; which TCP takes by itself varies
        inner = 10 - carrier
        full = fragment_size(1500 - 8 * ("udp" in words), carrier)
        headers = OUTER_HEADER[inner] + 32
        for octets, what in ((4 * full, "full fragments"), (20 * full + 400, "an end"), (None, "TCP's own")):
            path = Path(native=False)
            linked = Linked(path, carrier, words)
            talk = Stream(linked, inner, segment=octets and octets - headers)
            ok(wait(lambda t=talk: t.got > 2 << 20, 20), f"{over}, {what}: TCP flows")
            squeeze(path, 1400)
            time.sleep(0.3)
            then, start = talk.got, time.monotonic()
            again = wait(lambda t=talk, n=then: t.got > n + (1 << 20), 10)
            note(f"{over}, {what}: another megabyte {time.monotonic() - start:.2f} s after")
            ok(again, f"{over}, {what}: TCP goes on")
            talk.end()
            finish()


def dies():
    """The path ends for some seconds, and is smaller then: that is two things."""
    need("nft")
    path = Path(native=False)
    path.native()
    for family in (6, 4):
        talk = Talk(path, family)
        ok(found(path, family, 1500), f"IPv{family}: 1500 octets pass", flow(path, family))
        squeeze(path, 1500)
        path.r.nft("table inet cut { chain way { type filter hook forward priority 0; drop; } }")
        ok(wait(lambda: flow(path, family)["search"] == "error", 8), f"IPv{family}: nothing is answered",
           flow(path, family))
        eq(flow(path, family)["path_mtu"], 1500, f"IPv{family}: which is not for want of MTU")
        squeeze(path, 1400)
        path.r.run("nft delete table inet cut")
        start = time.monotonic()
        ok(talk.since(start), f"IPv{family}: packets get through again")
        ok(found(path, family, 1400, 8), f"IPv{family}: smaller ones", flow(path, family))
        talk.end()
        path.r.ip("link set rb mtu 1500")


def idle(path, what):
    """No traffic, no PROBEs."""
    time.sleep(0.3)
    before = path.a.stats()["control_out"], path.b.stats()["control_out"]
    time.sleep(1.5)
    eq((path.a.stats()["control_out"], path.b.stats()["control_out"]), before,
       f"{what}: an idle flow asks nothing")
    eq([ns.stats()["control_invalid"] for ns in (path.a, path.b)], [0, 0], f"{what}: all answers were good")


def sizes():
    """What is found is close to what the path takes."""
    need("nft")
    path = Path(mtu=9000, native=False)
    path.native()
    for outer in (6, 4):
        for mtu in (8000, 1450) if emulated() else (9000, 8000, 4352, 1500, 1450, 1320):
            squeeze(path, mtu)
            path.a.efhctl("flow flush")
            before = path.a.stats()["control_out"]
            talk = Talk(path, outer)
            wait(lambda: flow(path, outer)["search"] == "complete", 10)
            got, asked = flow(path, outer)["path_mtu"], path.a.stats()["control_out"] - before
            ok(mtu - 32 <= got <= mtu, f"IPv{outer}: {got} of {mtu} octets are found")
            # a size that is lost takes three, and as many of BASE; ten of them if its half has to be found
            ok(asked <= (30 if mtu in KNOWN else 60), f"IPv{outer}: by no more than it takes", asked)
            talk.end()


def told():
    """A router's word is taken, and doubted: it does not end the search."""
    for what, path, by, outer, inner in kinds():
        talk = Talk(by, inner)
        ok(found(path, outer, 1500), f"{what}: 1500 octets pass", flow(path, outer))
        events = path.a.events()
        path.r.ip("link set rb mtu 1450")
        ok(found(path, outer, 1450), f"{what}: 1450 octets pass", flow(path, outer))
        eq(changes(events)[:1], [(1500, 1450, ICMP)], f"{what}: as the router says")
        ok(talk.since(time.monotonic()), f"{what}: packets get through")
        if outer == 4:
            # less than is asked for, but fragments of 1024 octets do fit
            path.r.ip("link set rb mtu 1100")
            ok(wait(lambda: flow(path, outer)["path_mtu"] == 1100, 3), f"{what}: 1100 octets, as the router says",
               flow(path, outer))
            ok(talk.since(time.monotonic()), f"{what}: packets get through that, too")
        talk.end()


def forged():
    """Answers to what was not asked prove nothing; nor does an error that is not true."""
    pair = Pair(gro="off")
    pair.a.efhctl("native add 2001:db8::/64")
    pair.a.efhctl("native add 192.0.2.0/24")
    for family in (6, 4):
        a, b = pair.ends(family)
        tx = pair.a.socket(AF[family], bind=(a, 0))
        wire = Wire(pair.b, "b0", pair.mac_a, pair.mac_b)
        for _ in range(12):
            tx.sendto(bytes(9000), (b, PORT))
            time.sleep(0.02)
        path = type("", (), {"a": pair.a, "ends": lambda _, f: (a, b)})()
        ok(found(path, family, 1500), f"IPv{family}: 1500 octets pass", flow(path, family))
        fragment = [p for p in map(Packet, wire.frames()) if p.efh and p.src == a][-3]
        before = pair.a.stats()["control_invalid"]
        for size in (1280, 1500, 9000):
            wire.send(efhwire.ip(b, a, efhwire.DSTOPTS, efhwire.control(
                efhwire.PROBE_ACK, size, fragment.label, 77)))
        ok(wait(lambda: pair.a.stats()["control_invalid"] == before + 3),
           f"IPv{family}: made up answers are invalid")
        eq(flow(path, family)["path_mtu"], 1500, f"IPv{family}: and change nothing")
        events = pair.a.events()

        def too_big(quote):
            wire.send(efhwire.error(b, a, 2, 0, 1300, quote[:1200]) if family == 6 else
                      efhwire.error(b, a, 3, 4, 1300, quote[:500]))

        probe = efhwire.ip(a, b, efhwire.DSTOPTS, efhwire.control(efhwire.PROBE, 1500, fragment.label, 77) +
                           bytes(1400), label=fragment.label)
        too_big(probe)
        wire.send(efhwire.error(b, a, 4, 2, 42, probe[:1200]) if family == 6 else
                  efhwire.error(b, a, 3, 2, 0, probe[:500]))
        for _ in range(20):
            tx.sendto(bytes(9000), (b, PORT))
            time.sleep(0.02)
        eq((changes(events), flow(path, family)["path_mtu"]), ([], 1500),
           f"IPv{family}: errors about a made up PROBE change nothing, either")
        # on the path somebody lies
        too_big(fragment.data)
        eq(changes(events)[:1], [(1500, 1300, ICMP)], f"IPv{family}: a lie is believed")
        for _ in range(30):
            tx.sendto(bytes(9000), (b, PORT))
            time.sleep(0.02)
        ok(found(path, family, 1500), f"IPv{family}: for a moment", flow(path, family))
        tx.close()
        wire.close()
        events.close()


def mute():
    """Who does not answer is not asked for ever; and ICMP alone is what it was."""
    need("nft")
    for what, path, by, outer, inner in kinds():
        path.r.nft("table inet deaf { chain way { type filter hook forward priority 0; "
                   "iifname rb meta length < 150 drop; } }")
        talk = Talk(by, inner)
        ok(wait(lambda: flow(path, outer)["packets"] > 20), f"{what}: packets go out")
        time.sleep(5)
        asked = path.a.stats()["control_out"]
        ok(asked >= 6, f"{what}: it was asked", asked)
        eq(flow(path, outer)["search"], "disabled", f"{what}: no search")
        # a link's peer is asked now and then whether it is there; a flow would be asked twice a second
        time.sleep(3)
        ok(asked <= 16 and path.a.stats()["control_out"] - asked <= 3, f"{what}: few PROBEs, and no more",
           (asked, path.a.stats()["control_out"]))
        path.r.ip("link set rb mtu 1400")
        ok(wait(lambda: flow(path, outer)["path_mtu"] == 1400), f"{what}: a router's word counts",
           flow(path, outer))
        start = time.monotonic()
        ok(talk.since(start), f"{what}: packets get through")
        talk.end()


def lossy():
    """What is lost at random is not taken for a limit."""
    need("tc")
    path = Path(native=False)
    path.native()
    for dev in ("ra", "rb"):
        path.r.run(f"tc qdisc replace dev {dev} root netem limit 20000 delay 5ms loss random 3%")
    for family in (6, 4):
        talk = Talk(path, family)
        ok(wait(lambda: flow(path, family)["search"] == "complete", 10), f"IPv{family}: found")
        events = path.a.events()
        time.sleep(6)
        eq((changes(events), flow(path, family)["path_mtu"]), ([], 1500), f"IPv{family}: and kept")
        talk.end()
        events.close()


def losses():
    """A size is given up for three PROBEs in a row that are lost, not for two."""
    need("nft", "tc")
    path = Path(native=False)
    path.native()
    # so that an answer has more time
    path.r.run("tc qdisc replace dev ra root netem delay 60ms")
    for lost in (2, 3):
        path.a.efhctl("flow flush")
        # fragments have 1496 octets
        path.r.nft("table inet lose { chain way { type filter hook forward priority 0; "
                   f"oifname rb meta length 1500 numgen inc mod 100000 < {lost} counter drop; }} }}")
        events = path.a.events()
        talk = Talk(path, 6)
        wait(lambda: flow(path, 6)["search"] == "complete", 10)
        seen = changes(events)
        talk.end()
        note(f"{lost} lost: {seen}, {flow(path, 6)}")
        ok(f"packets {lost} " in path.r.run("nft list table inet lose"), f"{lost} PROBEs are lost")
        eq([(old, new < old) for old, new, _ in seen[:1]], [(1500, True)] if lost == 3 else [],
           f"{lost} lost: " + ("given up" if lost == 3 else "asked again"))
        path.r.run("nft delete table inet lose")
        events.close()


def short():
    """Who sends little asks nothing."""
    path = Path(native=False)
    path.native()
    for family in (6, 4):
        tx, rx = path.udp(family)
        for _ in range(3):
            tx.send(data(SIZE))
            eq(receive(rx), data(SIZE), f"IPv{family}: {SIZE} octets")
    eq(path.a.stats()["control_out"], 0, "and no PROBEs")


def begun():
    """Flows of one packet each: now and then one asks, and what it is told counts for the next."""
    need("nft")
    path = Path(native=False)
    path.native()
    # of what is too large the router tells about PROBEs alone, as if data came when it had told enough
    path.r.nft(f"table inet terse {{ chain out {{ type filter hook output priority 0; "
               f"icmpv6 type packet-too-big @th,400,8 {efhwire.EFH} drop; }} }}")

    def burst(count):
        came, start, asked = 0, time.monotonic(), path.a.stats()["control_out"]
        for n in range(count):
            tx, rx = path.udp(6, PORT + n)
            rx.settimeout(0.2)
            tx.send(data(SIZE, n))
            came += receive(rx) == data(SIZE, n)
            tx.close()
            rx.close()
        return came, path.a.stats()["control_out"] - asked, time.monotonic() - start

    events = path.a.events()
    came, asked, seconds = burst(40)
    eq((came, changes(events)), (40, []), "all arrive")
    ok(3 <= asked <= 3 * (seconds / 0.25 + 1), f"{asked} PROBEs in {seconds:.2f} s")
    path.r.ip("link set rb mtu 1400")
    came, asked, _ = burst(20)
    # the first may be lost, until one asks
    ok(came >= 10, "the last pass", came)
    eq(changes(events), [(1500, 1400, ICMP)], "as the router says")
    path.r.nft("table inet dead { chain way { type filter hook forward priority 0; drop; } }")
    _, asked, seconds = burst(12)
    ok(asked <= 6, f"who does not answer is asked seldom: {asked} PROBEs in {seconds:.1f} s")
    eq(changes(events), [], "and that is no limit")


class Paths(Path):
    """Between R and S three ways of equal cost: of 1500, 1400 and 9000 octets."""
    MTUS = (1500, 1400, 9000)

    def __init__(self):
        super().__init__(mtu=9000, native=False)
        self.s = Namespace("s")
        for name in ("net.ipv6.conf.all.forwarding", "net.ipv4.ip_forward"):
            self.s.sysctl(name, 1)
        # by flow label, and by ports
        self.r.sysctl("net.ipv6.fib_multipath_hash_policy", 0)
        self.r.sysctl("net.ipv4.fib_multipath_hash_policy", 1)
        # B moves behind S
        self.r.ip("link del rb")
        mac_b, mac_s = link(self.b, "b0", self.s, "sb", 9000, 2, far_gro="off")
        self.s.ip(f"addr add {self.RB6}/64 dev sb nodad", f"addr add {self.RB4}/24 dev sb",
                  f"neigh replace {self.B6} lladdr {mac_b} dev sb nud permanent",
                  f"neigh replace {self.B4} lladdr {mac_b} dev sb nud permanent")
        self.b.ip(f"addr add {self.B6}/64 dev b0 nodad", f"addr add {self.B4}/24 dev b0",
                  f"neigh replace {self.RB6} lladdr {mac_s} dev b0 nud permanent",
                  f"neigh replace {self.RB4} lladdr {mac_s} dev b0 nud permanent",
                  f"route add default via {self.RB6}", f"route add default via {self.RB4}")
        hops = {6: [], 4: []}
        for n, mtu in enumerate(self.MTUS, 1):
            link(self.r, f"rs{n}", self.s, f"sr{n}", mtu, 10 + n, gro="off")
            self.r.ip(f"addr add 2001:db8:{n}0::1/64 dev rs{n} nodad", f"addr add 10.{n}.0.1/24 dev rs{n}")
            self.s.ip(f"addr add 2001:db8:{n}0::2/64 dev sr{n} nodad", f"addr add 10.{n}.0.2/24 dev sr{n}")
            hops[6].append(f"nexthop via 2001:db8:{n}0::2 dev rs{n}")
            hops[4].append(f"nexthop via 10.{n}.0.2 dev rs{n}")
        self.r.ip(f"route add 2001:db8:2::/64 {' '.join(hops[6])}",
                  f"route add 198.51.100.0/24 {' '.join(hops[4])}")
        self.s.ip("route add default via 2001:db8:10::1", "route add default via 10.1.0.1")

    def errors(self):
        """How many Packet Too Big the router sent."""
        text = self.r.run("nstat -asz Icmp6OutPktTooBigs IcmpOutDestUnreachs")
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Icmp"))


def ecmp():
    """Of several paths each flow has its own MTU."""
    for what, words, outer in thirds((("IPv6", None, 6), ("link over IPv6", "", 6),
                                      ("link over IPv4 carrier udp", "carrier udp", 4))):
        path = Paths()
        ok(wait(lambda: not path.a.run(f"ping -c 1 -W 1 {path.ends(outer)[1]}", check=False).returncode),
           f"{what}: A and B see each other")
        if words is None:
            path.native()
            by = path
        else:
            by = Linked(path, outer, words)
        # so many that hardly ever one of the paths has none
        count = 24
        talks = [Talk(by, 6, PORT + n, 0.15 if emulated() else 0.02, 20000 if emulated() else 60000)
                 for n in range(count)]

        def known():
            flows = [f for f in json.loads(path.a.efhctl("-j flow show"))
                     if f["destination"] == path.ends(outer)[1] and f["search"] == "complete"]
            return len(flows) >= count * 3 // 4 and {f["path_mtu"] for f in flows} == set(path.MTUS) and flows

        flows = wait(known, 30)
        ok(flows, f"{what}: flows know their own path", path.a.efhctl("flow show") if not flows else "")
        time.sleep(2)
        note(f"{what}: {sorted(f['path_mtu'] for f in flows or [])}")
        before, start = path.errors(), time.monotonic()
        time.sleep(0.5)
        ok(all(talk.since(start) for talk in talks), f"{what}: each gets its packets through")
        ok(path.errors() - before <= 5, f"{what}: and routers are content", path.errors() - before)
        for talk in talks:
            talk.end()
        finish()


def reborn():
    """The other host begins another life: what is held of the old one goes, without a link, too."""
    path = Path()
    tx, rx = path.udp(6, PORT)

    def sends(until):
        with contextlib.suppress(OSError):
            tx.send(data(SIZE))
        return until()

    ok(wait(lambda: sends(lambda: flow(path, 6)["search"] == "complete"), 10), "B answers")
    wire = Wire(path.r, "ra", path.mac_a, path.mac_ra)

    def half(ident):
        wire.send(*efhwire.fragments(path.B6, path.A6, efhwire.UDP, efhwire.udp(
            path.B6, path.A6, 7, PORT, data(5000)), 1400, ident)[1:])
        ok(wait(lambda: path.a.stats()["reassembly_packets"] == 1), "half a packet of it is held")

    def gone():
        path.b.delete()
        ok(wait(lambda: "rb@" not in path.r.run("ip link"), 20), "B is gone")

    def again():
        path.b = Namespace("b")
        path.mac_b, path.mac_rb = link(path.b, "b0", path.r, "rb", 1500, 2, far_gro="off")
        path.end(path.b, "b0", path.B6, path.B4, path.RB6, path.RB4, path.mac_rb, "rb", path.mac_b)

    def searched(state):
        return wait(lambda: sends(lambda: flow(path, 6)["search"] == state), 20)

    half(99)
    rx.close()
    gone()
    again()
    ok(wait(lambda: sends(lambda: path.a.stats()["reassembly_packets"] == 0), 20),
       "B is there again: of its old life nothing is held")
    eq(path.a.stats()["evicted"], 3, "it was dropped as what was evicted")
    rx = path.b.socket(bind=(path.B6, PORT))
    rx.settimeout(0.1)
    ok(wait(lambda: sends(lambda: receive(rx) == data(SIZE))), "what is sent arrives")
    # not as often: it could be two hosts with one address
    ok(searched("complete"), "B answers")
    half(100)
    rx.close()
    gone()
    ok(searched("error"), "nobody answers")
    again()
    ok(searched("complete"), "B is there once more, within the same minute")
    eq(path.a.stats()["reassembly_packets"], 1, "that counts as another host")
    for end in (tx, wire):
        end.close()


if __name__ == "__main__":
    main(hole, stream_hole, dies, reborn, sizes, told, forged, mute, lossy, losses, short, begun, ecmp)
