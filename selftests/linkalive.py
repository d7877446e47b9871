#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A link's peer dies, and traffic goes to the next; it comes back, and is taken back."""
import contextlib
import json
import re
import socket
import threading
import time

from efhtest import *
from efhlink import *
import efhwire

FAR = {6: "fd00:d::1", 4: "10.99.0.1"}


class Gateways:
    """A's link has B first and C second; D, behind both, is who A talks to."""

    def __init__(self, carrier, words="", delay=True):
        self.carrier, self.words = carrier, words
        self.star = Star()
        self.a, self.r = self.star["a"], self.star.r
        self.d = Namespace("d")
        self.outer = {name: self.star.outer(name, carrier) for name in "abc"}
        self.a.run(f"ip link add efh0 type efh local {self.outer['a']} {words}")
        address(self.a, "efh0", 0)
        self.a.ip(f"route add {FAR[6]} dev efh0", f"route add {FAR[4]} dev efh0")
        self.d.ip("link set lo up", f"addr add {FAR[6]}/128 dev lo", f"addr add {FAR[4]}/32 dev lo")
        for priority, name in ((1, "b"), (2, "c")):
            self.gateway(name)
            self.a.efhctl(f"peer add dev efh0 remote {self.outer[name]} priority {priority}")
        self.back("b")
        if delay:
            for name in "abc":
                self.r.run(f"tc qdisc replace dev r{name} root netem limit 20000 delay 10ms")

    def gateway(self, name):
        host, number = self.star[name], ord(name) - ord("a")
        link(host, f"{name}d", self.d, f"d{name}", 65535, 10 + number)
        host.sysctl("net.ipv6.conf.all.forwarding", 1)
        host.sysctl("net.ipv4.ip_forward", 1)
        host.run(f"ip link add efh0 type efh local {self.outer[name]} remote {self.outer['a']} {self.words}")
        address(host, "efh0", number)
        host.ip(f"addr add fd00:{number}::1/64 dev {name}d nodad", f"addr add 10.{number}.0.1/24 dev {name}d",
                f"route add {FAR[6]} via fd00:{number}::2", f"route add {FAR[4]} via 10.{number}.0.2")
        self.d.ip(f"addr add fd00:{number}::2/64 dev d{name} nodad", f"addr add 10.{number}.0.2/24 dev d{name}")

    def back(self, name):
        """D's way back is by a gateway."""
        number = ord(name) - ord("a")
        self.d.ip(f"route replace {INNER[6][0]} via fd00:{number}::1",
                  f"route replace {INNER[4][0]} via 10.{number}.0.1")

    def cut(self, name):
        """Nothing goes to or comes from a gateway any more, and nobody says so."""
        self.r.nft(f"table inet cut_{name} {{ chain way {{ type filter hook forward priority 0; "
                   f"iifname r{name} drop; oifname r{name} counter drop; }} }}")

    def dropped(self, name):
        """How many packets to it, since it was cut off."""
        return int(re.search(r"counter packets (\d+)", self.r.run(f"nft list table inet cut_{name}"))[1])

    def mend(self, name):
        self.r.run(f"nft delete table inet cut_{name}")

    def peer(self, name):
        return next(p for p in json.loads(self.a.efhctl("-j peer show dev efh0"))
                    if p["remote"] == self.outer[name])

    def states(self):
        return tuple(self.peer(name)["state"] for name in "bc")


class Talk(Threads):
    """A asks D by UDP, many times a second; answers come with the time they took."""

    def __init__(self, gates, family=6, every=0.01):
        self.answers, self.every = [], every
        tx = gates.a.socket(AF[family], bind=(INNER[family][0], 0))
        tx.connect((FAR[family], 7))
        rx = gates.d.socket(AF[family], bind=(FAR[family], 7))
        rx.settimeout(0.2)
        tx.setblocking(False)
        super().__init__(tx, rx, self.echo, self.ask)

    def echo(self):
        while not self.done:
            with contextlib.suppress(OSError):
                text, whose = self.rx.recvfrom(1 << 17)
                self.rx.sendto(text, whose)

    def ask(self):
        while not self.done:
            with contextlib.suppress(OSError):
                self.tx.send(bytes(100))
            with contextlib.suppress(OSError):
                self.tx.recv(1 << 17)
                self.answers.append(time.monotonic())
            time.sleep(self.every)

    def alive(self, since, seconds=5):
        """When the first answer came after a moment; None if none did."""
        return wait(lambda: next((t for t in self.answers if t > since), None), seconds)


def heard(events, until, seconds=8):
    """Events up to one that says so, each with its time."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        event = events.next(0.2)
        if event:
            found.append((time.monotonic(), *event))
            if until(event):
                break
    return found


def change(event):
    """(from, to, cause) of a peer's event."""
    return tuple(event[1].get(k) for k in ("old", "new", "cause"))


UNKNOWN, UP, SUSPECT, DOWN = range(4)
NONE, ANSWER, SILENCE, TCP, ICMP, USER, RESET, EPOCH, PROBE = range(9)


def silence():
    """A gateway is cut off without a word: the other takes over, and gives back."""
    need("nft", "tc")
    for carrier, words in some(((6, ""), (4, ""), (4, "carrier udp"), (6, "carrier udp"))):
        what = f"over IPv{carrier} {words}".strip()
        gates = Gateways(carrier, words)
        talk = Talk(gates, 10 - carrier)
        ok(talk.alive(0), f"{what}: A and D talk")
        ok(wait(lambda: gates.peer("b")["state"] == "up" and "epoch" in gates.peer("b")),
           f"{what}: B answers", gates.peer("b"))
        events = gates.a.events()
        gates.cut("b")
        gates.back("c")
        cut = time.monotonic()
        seen = heard(events, lambda e: change(e)[1] == DOWN)
        eq([change(e[1:]) for e in seen], [(UP, SUSPECT, SILENCE), (SUSPECT, DOWN, SILENCE)],
           f"{what}: B is suspected, then left, for its silence")
        again = talk.alive(cut + 0.1)
        note(f"{what}: suspected after {seen[0][0] - cut:.2f} s, left after {seen[-1][0] - cut:.2f} s, "
             f"answers after {(again or 0) - cut:.2f} s")
        # suspected after the first of three intervals, left after the last
        ok(1.5 * (seen[-1][0] - seen[0][0]) < (0.75 if slow() else 0.5), f"{what}: within 500 ms", seen)
        ok(again and again - cut < 3, f"{what}: A and D talk by way of C")
        eq(gates.peer("b")["left"], "silence", f"{what}: peer show says why it was left")
        before = gates.dropped("b")
        time.sleep(8)
        asked = gates.dropped("b") - before
        ok(2 <= asked <= 4, f"{what}: B is asked after 1, 2 and 4 seconds", asked)
        gates.mend("b")
        mended = time.monotonic()
        seen = [e for e in heard(events, lambda e: change(e)[0] == DOWN, 20)
                if e[2]["peer"]["address"] == gates.outer["b"]]
        eq([change(e[1:]) for e in seen], [(DOWN, UP, ANSWER)], f"{what}: B is taken back")
        ok(seen and seen[0][0] - mended > 1.5, f"{what}: after it went on answering", seen)
        gates.back("b")
        ok(talk.alive(time.monotonic() + 0.1), f"{what}: A and D talk by way of B again")
        talk.end()
        events.close()
        finish()


def one_way():
    """Nothing gets to a gateway any more, but all that it sends arrives: PROBEs tell."""
    need("nft", "tc")
    for carrier, words in some(((6, ""), (4, ""), (4, "carrier udp"), (6, "carrier udp"))):
        what = f"over IPv{carrier} {words}".strip()
        gates = Gateways(carrier, words)
        tx, rx = udp_pair(gates.a, gates.d, INNER[6][0], FAR[6], 7)
        sink = gates.a.socket(bind=(INNER[6][0], 8))
        came, done = [], threading.Event()

        def send():
            while not done.is_set():
                with contextlib.suppress(OSError):
                    tx.send(bytes(5000))
                    rx.sendto(bytes(100), (INNER[6][0], 8))
                time.sleep(0.01)

        def take():
            while not done.is_set():
                if receive(rx):
                    came.append(time.monotonic())

        rx.settimeout(0.2)
        talk = Threads(tx, rx, send, take)
        ok(wait(lambda: came and gates.peer("b")["state"] == "up" and "epoch" in gates.peer("b") and
                [f for f in json.loads(gates.a.efhctl("-j flow show")) if f["search"] == "complete"], 10),
           f"{what}: B answers, and how much the way takes is known")
        # it would be asked now and then
        gates.a.efhctl(f"peer suspect dev efh0 remote {gates.outer['b']}")
        time.sleep(0.5)
        events = gates.a.events()
        gates.r.nft("table inet cut_b { chain way { type filter hook forward priority 0; oifname rb counter drop; } }")
        cut = time.monotonic()
        seen = heard(events, lambda e: change(e)[1] == DOWN)
        eq([change(e[1:]) for e in seen if e[1] == "peer"], [(UP, SUSPECT, PROBE), (SUSPECT, DOWN, PROBE)],
           f"{what}: B is left for PROBEs that it does not answer")
        again = wait(lambda: next((t for t in came if t > cut + 0.2), None))
        note(f"{what}: left after {seen[-1][0] - cut if seen else -1:.2f} s, arrives after {(again or 0) - cut:.2f} s")
        ok(again and again - cut < (6 if slow() else 2.5), f"{what}: what A sends arrives by way of C")
        eq(gates.peer("b").get("left"), "probe", f"{what}: peer show says why it was left")
        done.set()
        talk.end()
        sink.close()
        events.close()
        finish()


def deleted():
    """A gateway is gone, and a router says so: that is a reason to ask at once."""
    need("tc")
    gates = Gateways(6)
    talk = Talk(gates)
    ok(wait(lambda: talk.answers and "epoch" in gates.peer("b")), "B answers", gates.peer("b"))
    events = gates.a.events()
    gates.back("c")
    time.sleep(0.3)     # one made up just now might not count: it was asked a moment ago
    # it must not say goodbye
    gates.r.run("ip link del rb")
    gone = time.monotonic()
    gates.star["b"].delete()
    seen = heard(events, lambda e: change(e)[1] == DOWN)
    eq([change(e[1:]) for e in seen], [(UP, SUSPECT, ICMP), (SUSPECT, DOWN, ICMP)], "B is left for what a router says")
    again = talk.alive(gone)
    note(f"answers {(again or 0) - gone:.2f} s after")
    ok(again and again - gone < (2 if slow() else 0.5), "A and D talk by way of C within 500 ms")
    peer = gates.peer("b")
    eq((peer["left"], peer.get("icmp_type"), peer.get("icmp_code")), ("icmp", 1, 0), "peer show says what it said")
    talk.end()
    events.close()


def hints():
    """One message is a reason to ask, and no more."""
    need("nft", "tc")
    gates = Gateways(6)
    talk = Talk(gates)
    talk.alive(0)
    wait(lambda: "epoch" in gates.peer("b"))
    talk.end()
    events = gates.a.events()
    b, a = gates.outer["b"], gates.outer["a"]
    wire = gates.star.wire("a")
    quoted = encapsulated((a, b), efhwire.ip(INNER[6][0], FAR[6], efhwire.UDP, efhwire.udp(
        INNER[6][0], FAR[6], 5, 7, bytes(100))))
    stranger = gates.star.outer("c", 6)
    for what, packet in (
            ("unreachable", efhwire.error(stranger, a, 1, 3, 0, quoted)),
            ("RESET", efhwire.ip(b, a, efhwire.DSTOPTS, efhwire.control(efhwire.RESET))),
            ("another life", efhwire.ip(b, a, efhwire.DSTOPTS, efhwire.control(efhwire.PROBE, epoch=77))),
            ("an answer", efhwire.ip(b, a, efhwire.DSTOPTS, efhwire.control(efhwire.PROBE_ACK, nonce=5)))):
        time.sleep(0.3)
        asked = gates.a.stats()["control_out"]
        wire.send(packet)
        eq(events.next(0.7), None, f"{what}, forged: nothing changes")
        eq(gates.states()[0], "up", f"{what}: B is up")
        # one at the most for what anybody can send
        eq(gates.a.stats()["control_out"] - asked, 0 if what == "an answer" else 1, f"{what}: though it was asked")
    eq(gates.a.stats()["control_invalid"], 1, "an answer that nobody asked for is invalid")
    eq(gates.a.efhctl(f"peer suspect dev efh0 remote {b}"), "", "peer suspect")
    eq(events.next(0.7), None, "peer suspect: B answers, nothing changes")
    gates.cut("b")
    gates.a.efhctl(f"peer suspect dev efh0 remote {b}")
    seen = heard(events, lambda e: change(e)[1] == DOWN)
    eq([change(e[1:]) for e in seen], [(UP, SUSPECT, USER), (SUSPECT, DOWN, USER)],
       "peer suspect: if B doesn't, it is left, though nothing is sent")
    gates.a.ip("link set efh0 down")
    refused = gates.a.efhctl(f"peer suspect dev efh0 remote {b}", check=False)
    ok(refused.returncode == 1 and "the link is down" in refused.stderr, "peer suspect: not of a link that is down",
       refused.stderr)
    wire.close()


def idle():
    """Who sends nothing asks nothing; a stock tunnel at the other end is left in peace."""
    need("tc")
    path = Path(native=False)
    linked = Linked(path, 6)
    passes(linked, "at first", (100,))
    time.sleep(1)
    before = linked.a.stats()["control_out"], linked.b.stats()["control_out"]
    time.sleep(3)
    eq((linked.a.stats()["control_out"], linked.b.stats()["control_out"]), before, "an idle link is silent")
    linked.b.run("ip link del efh0")
    linked.b.run(f"ip link add stock type ip6tnl mode any local {linked.outer[1]} remote {linked.outer[0]} "
                 "encaplimit none")
    address(linked.b, "stock", 1)
    linked.a.ip("link set efh0 down", "link set efh0 up")
    linked.a.ip(f"addr replace {INNER[6][0]}/64 dev efh0 nodad")
    before = linked.a.stats()["control_out"]
    tx, rx = linked.pair(6)
    rx.settimeout(1)
    for _ in range(30):
        tx.send(data(100))
        eq(receive(rx), data(100), "a stock end is sent to") if _ in (0, 29) else receive(rx)
        time.sleep(0.1)
    ok(linked.a.stats()["control_out"] - before <= 2, "and hardly asked", linked.a.stats()["control_out"] - before)
    peer = json.loads(linked.a.efhctl("-j peer show"))[0]
    ok(peer["state"] == "up" and "epoch" not in peer, "it is up as far as can be known", peer)
    before = linked.a.stats()["control_out"]
    for _ in range(4):
        tx.send(data(100))
        rx.sendto(*rx.recvfrom(1000))
        eq(receive(tx), data(100), "it answers in its way")
        time.sleep(1.2)
    ok(linked.a.stats()["control_out"] - before <= 1, "and is hardly asked then, either",
       linked.a.stats()["control_out"] - before)


def dead():
    """All are down: who sends is told. One comes back: it goes on by itself."""
    need("nft", "tc")
    gates = Gateways(6)
    talk = Talk(gates)
    talk.alive(0)
    wait(lambda: gates.states() == ("up", "up") or gates.peer("b").get("epoch"))
    gates.cut("b")
    gates.cut("c")
    ok(wait(lambda: gates.states() == ("down", "down"), 10), "both are down", gates.states())
    tx = gates.a.socket(bind=(INNER[6][0], 0))
    tx.connect((FAR[6], 99))
    eq((told(tx) or (None,))[:1], (UNREACHABLE[6][0],), "a sender is told that nobody is there")
    gates.mend("c")
    gates.back("c")
    mended = time.monotonic()
    again = talk.alive(mended, 8)
    ok(again, "A and D talk as soon as C is there")
    note(f"after {(again or 0) - mended:.2f} s")
    talk.end()
    tx.close()


def strangers():
    """Peers of whom nobody ever answered: who sends is told; one of them may be a stock tunnel."""
    need("nft", "tc")
    gates = Gateways(6)

    def again():
        """A forgets what it knew of its peers."""
        gates.a.ip("link set efh0 down")
        gates.a.run("ip addr flush dev efh0")
        address(gates.a, "efh0", 0)
        gates.a.ip(f"route replace {FAR[6]} dev efh0")

    gates.cut("b")
    gates.cut("c")
    again()
    talk = Talk(gates)
    ok(wait(lambda: gates.states() == ("down", "down"), 10), "both are down", gates.states())
    tx = gates.a.socket(bind=(INNER[6][0], 0))
    tx.connect((FAR[6], 99))
    eq((told(tx) or (None,))[:1], (UNREACHABLE[6][0],), "a sender is told that nobody is there")
    gates.mend("b")
    ok(talk.alive(time.monotonic(), 8), "A and D talk as soon as B is there")

    again()
    gates.cut("b")
    gates.mend("c")
    gates.back("c")
    ok(talk.alive(time.monotonic(), 8), "A and D talk by way of C")
    ok(wait(lambda: gates.states() == ("down", "up")), "B has never answered, and is left", gates.states())
    with gates.star["c"]:
        forger = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    packet = efhwire.ip(gates.outer["b"], gates.outer["a"], 41, efhwire.ip(
        FAR[6], INNER[6][0], efhwire.UDP, efhwire.udp(FAR[6], INNER[6][0], 7, 9, bytes(100))))
    for _ in range(50):
        forger.sendto(packet, (gates.outer["a"], 0))
        time.sleep(0.1)
    ok(gates.peer("b")["heard_ms"] < 1000, "what is made up in B's name comes in", gates.peer("b"))
    eq(gates.states(), ("down", "up"), "and does not take the way from C")
    forger.close()
    gates.cut("c")
    gates.mend("b")
    gates.back("b")

    stock = gates.star["b"]
    stock.run("ip link del efh0")
    stock.run(f"ip link add efh0 type ip6tnl mode any local {gates.outer['b']} remote {gates.outer['a']} "
              "encaplimit none")
    address(stock, "efh0", 1)
    again()
    ok(talk.alive(time.monotonic(), 8), "A and D talk by way of a stock tunnel")
    talk.alive(time.monotonic() + 3, 5)
    eq(gates.states()[0], "up", "it is not left, as long as answers come by it")
    talk.end()
    echo = Talk(gates, every=1.7)
    time.sleep(7)
    eq(gates.states()[0], "up", "nor if they are far between")
    echo.end()
    talk = Talk(gates)
    gates.cut("b")
    ok(wait(lambda: gates.states() == ("down", "down"), 10), "but it is when it doesn't", gates.states())
    gates.mend("b")
    ok(talk.alive(time.monotonic(), 8), "B is there again")
    ok(wait(lambda: gates.states() == ("up", "down"), 5), "and taken for it", gates.states())
    talk.end()
    tx.close()
    mute = gates.d.socket(bind=(FAR[6], 98))
    tx = gates.a.socket(bind=(INNER[6][0], 0))
    tx.connect((FAR[6], 98))
    for priority in (1, 3):
        gates.a.efhctl(f"peer set dev efh0 remote {gates.outer['b']} priority {priority}")
        eq(told(tx, tries=7), None, f"priority {priority}: who only sends is not told that nobody is there")
        eq(gates.states(), ("down", "down"), f"priority {priority}: though nothing is heard any more")
        eq(len([1 for _ in iter(lambda: receive(mute), None)]), 7, f"priority {priority}: and all arrives")
    tx.close()
    mute.close()


def groups():
    """Nobody in a group need answer: of several peers that never did each is asked, for it may have
    to learn where this end is, and none is left."""
    for carrier, words in ((6, ""), (4, "carrier udp")):
        path = Path(native=False)
        (near, far), what = path.ends(carrier), f"IPv{carrier} {words}".strip()
        nobody = "2001:db8:2::77" if carrier == 6 else "198.51.100.77"
        path.a.run(f"ip link add efh0 type efh local {near} {words}")
        path.b.run(f"ip link add efh0 type efh local {far} remote {near} {words}")
        # nobody has all addresses, so a group's packets go to both
        for peer, behind in ((far, INNER[6][1]), (nobody, INNER[6][2])):
            path.a.efhctl(f"peer add dev efh0 remote {peer} prefix {behind}/128")
        address(path.b, "efh0", 1)
        before = path.a.stats()["control_out"]
        address(path.a, "efh0", 0)
        tx = path.a.socket()
        start = time.monotonic()
        while time.monotonic() < start + 5:
            tx.sendto(b"group", ("ff02::1", 7, 0, path.a.ifindex("efh0")))
            time.sleep(0.05)
        asked = path.a.stats()["control_out"] - before
        states = {peer["remote"]: peer["state"] for peer in json.loads(path.a.efhctl("-j peer show"))}
        eq(states, {far: "up", nobody: "unknown"}, f"{what}: who answers is up, nothing is held against who doesn't")
        # one that is up is asked each second that it is not heard
        ok(2 <= asked <= 9, f"{what}: as often as makes sense", asked)
        tx.close()
        finish()


def reborn():
    """A peer that starts again: of its old life nothing is left; one that goes says so."""
    need("tc")
    gates = Gateways(6, delay=False)
    talk = Talk(gates)
    talk.alive(0)
    wait(lambda: "epoch" in gates.peer("b"))
    events, b = gates.a.events(), gates.star["b"]
    old = gates.peer("b")["epoch"]
    # half a packet of that life
    wire = gates.star.wire("a")
    rx = gates.a.socket(bind=(INNER[6][0], 4242))
    rx.settimeout(0.5)
    pieces = efhwire.fragments(gates.outer["b"], gates.outer["a"], 41, efhwire.ip(
        FAR[6], INNER[6][0], efhwire.UDP, efhwire.udp(FAR[6], INNER[6][0], 7, 4242, data(5000))), 1400, 99)
    wire.send(*pieces[1:])
    ok(wait(lambda: gates.a.stats()["reassembly_packets"] == 1), "half a packet is held")
    tx = gates.a.socket(bind=(INNER[6][0], 0))
    tx.sendto(bytes(20000), (FAR[6], 9))

    def flows():
        return [f for f in json.loads(gates.a.efhctl("-j flow show")) if f["destination"] == gates.outer["b"]]

    ok(flows(), "a flow to B is known")
    time.sleep(0.3)
    b.ip("link set efh0 down")
    seen = heard(events, lambda e: change(e)[1] == DOWN)
    eq([change(e[1:]) for e in seen], [(UP, SUSPECT, RESET), (SUSPECT, DOWN, RESET)], "B says that it goes")
    gone = events.next(1)
    ok(gone and gone[0] == "reset" and change(gone)[2] == RESET, "and that it is gone is told", gone)
    # another namespace with its addresses is another life
    b.delete()
    ok(wait(lambda: "rb@" not in gates.r.run("ip link") and "db@" not in gates.d.run("ip link"), 20), "B is gone")
    gates.star.hosts["b"] = again = Namespace("b")
    mac, router = link(again, "b0", gates.r, "rb", 1500, 2, far_gro="off")
    again.ip(f"addr add {gates.outer['b']}/64 dev b0 nodad",
             f"neigh replace 2001:db8:2::ff lladdr {router} dev b0 nud permanent",
             "route add default via 2001:db8:2::ff")
    gates.r.ip("addr add 2001:db8:2::ff/64 dev rb nodad",
               f"neigh replace {gates.outer['b']} lladdr {mac} dev rb nud permanent")
    gates.gateway("b")
    seen = heard(events, lambda e: e[0] == "reset", 40)
    eq([(e[1], change(e[1:])[2]) for e in seen][-1:], [("reset", EPOCH)], "B is there again, another one")
    ok(gates.peer("b")["epoch"] != old, "peer show has its new epoch")
    ok(wait(lambda: gates.a.stats()["reassembly_packets"] == 0), "nothing of the old one is held")
    eq(flows(), [], "nor is its flow known")
    wire.send(pieces[0])
    eq(receive(rx), None, "no packet is made of two lives")
    wire.send(*pieces[1:])
    eq(receive(rx), data(5000), "but of one")
    rx.close()
    tx.close()
    talk.end()
    wire.close()


def connection():
    """A TCP connection outlives the gateway it went by."""
    need("nft", "tc")
    gates = Gateways(6)
    listener = gates.d.socket(kind=socket.SOCK_STREAM, bind=(FAR[6], 80))
    listener.listen()
    tx = gates.a.socket(kind=socket.SOCK_STREAM, bind=(INNER[6][0], 0))
    tx.connect((FAR[6], 80))
    rx, _ = listener.accept()
    total, got = 24 << 20, []

    def sink():
        while piece := rx.recv(1 << 18):
            got.append(len(piece))

    reader = threading.Thread(target=sink, daemon=True)
    reader.start()
    sent = 0
    block = bytes(1 << 16)
    killed = None
    while sent < total:
        tx.sendall(block)
        sent += len(block)
        if not killed and sent > total // 4:
            gates.cut("b")
            gates.back("c")
            killed = time.monotonic()
    tx.close()
    reader.join(60)
    note(f"{sum(got)} octets, {time.monotonic() - killed:.1f} s after B died")
    eq(sum(got), total, "all of it arrived, by way of C")
    eq(gates.states()[0], "down", "B is down")
    # who is slow may take longer than the second of silence
    ok(gates.peer("b")["left"] in (("tcp", "silence") if slow() else ("tcp",)), "for what TCP saw",
       gates.peer("b"))


if __name__ == "__main__":
    main(silence, one_way, deleted, hints, idle, dead, strangers, groups, reborn, connection)
