#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Loss that the destination reports, and the size that fits it."""
import json
import struct
import time

from efhtest import *
from efhlink import Linked, Threads, carriers, emulated, outers, some, udp_pair, unlimited, ways
from efhwire import Control, Packet
from zerocopy import trace
from tracepoints import available
import efhwire

PORT = 9001
# octets a second
RATE = (4e6 if emulated() else 16e6) / 8
LARGEST = 60000
HEADERS = {6: 48, 4: 28}
MTU_OPTION = {6: (socket.IPPROTO_IPV6, 24), 4: (socket.IPPROTO_IP, 14)}
ANY = 65535
# about what a fragment has at 1500
L = 1440


class Losing:
    """A router's rule: each `every`th packet of size to B is lost."""

    def __init__(self, ns, every, out="rb"):
        self.ns = ns
        ns.nft("table inet lose { chain way { type filter hook forward priority 0; "
               f"oifname {out} meta length > 500 numgen inc mod {every} == 0 counter drop; }} }}")

    def end(self):
        self.ns.run("nft delete table inet lose")


def path_mtu(tx, family):
    """What a socket knows: nothing, where its route has just gone, until it sends."""
    try:
        return tx.getsockopt(*MTU_OPTION[family])
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise
        return ANY


class Sending:
    """Datagrams, evenly, while it lasts: no larger than what the sender knows of the path."""

    def __init__(self, tx, rx, family, follow=True):
        self.tx, self.family, self.follow = tx, family, follow
        self.sent = self.octets = self.got = 0
        self.rx, self.done = rx, False
        rx.settimeout(0.1)
        self.threads = Threads(tx, rx, self.send, self.receive)

    def send(self):
        start = time.monotonic()
        while not self.done:
            size = LARGEST
            if self.follow:
                size = min(size, path_mtu(self.tx, self.family) - HEADERS[self.family])
            try:
                self.tx.send(bytes(size))
            except OSError:     # told of an error before
                continue
            self.sent += 1
            self.octets += size
            time.sleep(max(0, start + self.octets / RATE - time.monotonic()))

    def receive(self):
        while not self.done:
            self.got += receive(self.rx) is not None

    def share(self, seconds):
        """How much of what is sent in a while arrives. Where each tenth fragment is lost that is 0.7 of packets
        of three, and nothing of those of ten and more."""
        sent, got = self.sent, self.got
        time.sleep(seconds)
        return (self.got - got) / (self.sent - sent)

    def end(self):
        self.done = True
        self.threads.end()


def flows(ns):
    return json.loads(ns.efhctl("-j flow show"))


def largest(ns):
    """What is advised of the one flow with a lot in it."""
    return max(flows(ns), key=lambda flow: flow["fragments"], default={"max_packet": ANY})["max_packet"]


def listen(path):
    """What comes in to A."""
    wire = Wire(path.a, "a0")
    wire.sock.setsockopt(263, 23, 1)    # SOL_PACKET, PACKET_IGNORE_OUTGOING
    return wire


def messages(wire):
    """The REPORTs among what was seen: (what they say, whole packet)."""
    found = []
    for packet in wire.frames():
        at = {6: 40, 4: 20}[packet[0] >> 4]
        try:
            control = Control(packet[at:])
        except ValueError:
            continue
        if control.kind == efhwire.REPORT:
            found.append((control, packet))
    return found


def native():
    """A socket of a lossy path hears of it, and of its end."""
    need("nft")
    available()
    for family in carriers():
        path = Path(native=False)
        path.raise_mtu(ANY)
        path.native()
        what = f"IPv{family}"
        tx, rx = path.udp(family, PORT)
        full = path_mtu(tx, family)
        monitor = path.a.popen("efhctl -j monitor", stdout=subprocess.PIPE)
        trace("trace", "\n")
        trace("events/efh/efh_loss/enable", "1")
        losing = Losing(path.r, 10)
        sending = Sending(tx, rx, family)
        ok(wait(lambda: largest(path.a) < 3 * L, 20), f"{what}, each 10th lost: less is worth sending",
           flows(path.a))
        ok(wait(lambda: path_mtu(tx, family) <= HEADERS[family] - 8 + 3 * L, 5),
           f"{what}: the socket is told", path_mtu(tx, family))
        share = sending.share(4)
        # a packet of two fragments is whole with 81 %, of 42 with 1 %
        ok(share > 0.65, f"{what}: most arrives of what it sends then", f"{share:.2f}")
        flow, = flows(path.a)
        ok(60000 < flow["loss_ppm"] < 140000, f"{what}: the loss is known", flow)
        losing.end()
        ok(wait(lambda: largest(path.a) == ANY, 30), f"{what}: full size is back", flows(path.a))
        ok(wait(lambda: path_mtu(tx, family) == full, 5), f"{what}: for the socket, too", path_mtu(tx, family))
        time.sleep(1)
        ok(sending.share(2) > 0.95, f"{what}: and arrives")
        sending.end()
        trace("events/efh/efh_loss/enable", "0")
        found = re.findall(r"efh_loss:.* destination=(\S+) label=\d+ old=(\d+) new=(\d+) loss=(\d+)/1000000",
                           trace("trace"))
        ok(found and found[0][0].endswith(path.ends(family)[1]) and found[0][1] == found[-1][2] == str(ANY) and
           int(found[0][3]) > 30000, f"{what}: efh:efh_loss, with both and the loss", found)
        time.sleep(0.5)
        monitor.terminate()
        events = [e for e in map(json.loads, monitor.stdout) if e["event"] == "loss"]
        eq([(e["old"], e["new"]) for e in events], [(int(old), int(new)) for _, old, new, _ in found],
           f"{what}: the monitor tells the same")


def segment(tx):
    """What TCP puts into a packet, of struct tcp_info."""
    return struct.unpack_from("=I", tx.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64), 16)[0]


def stream():
    """TCP hears of it, and of its end."""
    need("nft")
    for family in carriers():
        path = Path(native=False)
        path.raise_mtu(ANY)
        path.native()
        listener = path.b.socket(AF[family], socket.SOCK_STREAM, bind=("", PORT))
        listener.listen()
        tx = path.a.socket(AF[family], socket.SOCK_STREAM)
        tx.connect((path.ends(family)[1], PORT))
        rx, _ = listener.accept()

        tx.settimeout(30)
        rx.settimeout(30)

        def carry(count, tx=tx, rx=rx):
            """As many times 60 000 octets arrive."""
            for _ in range(count):
                tx.sendall(bytes(60000))
                left = 60000
                while left:
                    left -= len(rx.recv(left))
            return True
        ok(carry(5) and segment(tx) > 10 * L, f"IPv{family}: TCP sends large packets", segment(tx))
        losing = Losing(path.r, 10)
        sending = Sending(*path.udp(family, PORT), family)
        full = path_mtu(sending.tx, family)
        ok(wait(lambda: path_mtu(sending.tx, family) <= HEADERS[family] + 3 * L, 20), f"IPv{family}: with loss, less",
           flows(path.a))
        ok(carry(1), f"IPv{family}: TCP passes, each 10th fragment lost")
        ok(segment(tx) <= 3 * L, f"IPv{family}: in smaller packets", segment(tx))
        losing.end()
        ok(wait(lambda: path_mtu(sending.tx, family) == full, 30), f"IPv{family}: it is over", flows(path.a))
        ok(wait(lambda c=carry, t=tx: c(2) and segment(t) > 10 * L, 30), f"IPv{family}: large packets are back", segment(tx))
        sending.end()
        for sock in (tx, rx, listener):
            sock.close()


def told():
    """What a REPORT says, how often, and that nothing is said where nothing is lost."""
    need("nft")
    path = Path()
    for family in some((6, 4)):
        a, b = path.ends(family)
        wire = listen(path)
        tx, rx = path.udp(family, PORT)
        sending = Sending(tx, rx, family, follow=False)
        time.sleep(3)
        eq(messages(wire), [], f"IPv{family}: nothing lost, nothing reported")
        losing = Losing(path.r, 100)
        before, start = sending.sent, time.monotonic()
        time.sleep(6)
        took, sent = time.monotonic() - start, sending.sent - before
        sending.end()
        seen = messages(wire)
        losing.end()
        ok(4 <= len(seen) <= 2 * took + 2, f"IPv{family}: reported twice a second at the most", len(seen))
        flow, = (f for f in flows(path.a) if f["destination"] == b)
        ok(all(c.flow == flow["flowlabel"] and not c.padding for c, _ in seen), f"IPv{family}: about the flow", flow)
        numbers = [c.nonce for c, _ in seen]
        eq(numbers, sorted(numbers), f"IPv{family}: each about newer packets")
        counts = [struct.unpack(">IIII", c.rest) for c, _ in seen]
        received, lost, whole, gone = (sum(column) for column in zip(*counts))
        intervals = [c.size for c, _ in seen]
        ok(all(400 <= ms <= 2500 for ms in intervals), f"IPv{family}: the interval in ms", intervals)
        # but for what is not reported yet
        ok(0.5 * sent <= whole + gone <= sent + 40, f"IPv{family}: packets", f"{whole} + {gone} of {sent}")
        pieces = fragments_of(LARGEST + 8, fragment_size(1500, family))
        ok(0.98 * pieces <= (received + lost) / (whole + gone) <= 1.02 * pieces, f"IPv{family}: fragments of each",
           (received, lost, whole, gone))
        ok(0.005 <= lost / (received + lost) <= 0.015, f"IPv{family}: of which one in 100 was lost", (received, lost))
        wire.close()


def forged():
    """Who does not know what was sent changes nothing, nor does what was said before."""
    need("nft")
    path = Path()
    for family in some((6, 4)):
        a, b = path.ends(family)
        wire = listen(path)
        tx, rx = path.udp(family, PORT)
        losing = Losing(path.r, 100)
        sending = Sending(tx, rx, family, follow=False)
        ok(wait(lambda: any(f["destination"] == b and f["max_packet"] < ANY for f in flows(path.a)), 20),
           f"IPv{family}: a flow with loss")
        sending.end()
        losing.end()
        said = messages(wire)
        flow, = (f for f in flows(path.a) if f["destination"] == b)
        last, whole = said[-1]
        at = {6: 40, 4: 20}[family]

        def report(number=last.nonce, label=last.flow, src=b, counts=(1000, 0, 1000, 0)):
            control = efhwire.control(efhwire.REPORT, 500, label, number)[:24] + struct.pack(">IIII", *counts)
            return efhwire.ip(src, a, efhwire.DSTOPTS, control)
        stranger = "2001:db8:2::77" if family == 6 else "198.51.100.77"
        out = Wire(path.r, "ra", path.mac_a, path.mac_ra)
        before = path.a.stats()
        lies = [report(last.nonce ^ 1 << 60), report(label=last.flow ^ 5), report(src=stranger),
                report(counts=(0, 0, 0, 0)), report(counts=(9, 0, 10, 0)), report(counts=(650, 0, 10, 0)),
                whole, said[0][1], report()]
        out.send(*lies)
        ok(wait(lambda: path.a.stats()["control_in"] - before["control_in"] == len(lies)), f"IPv{family}: all came")
        eq(path.a.stats()["control_invalid"] - before["control_invalid"], len(lies), f"IPv{family}: all in vain")
        now, = (f for f in flows(path.a) if f["destination"] == b)
        eq((now["max_packet"], now["loss_ppm"]), (flow["max_packet"], flow["loss_ppm"]), f"IPv{family}: nothing changes")
        eq(whole[at:at + 5], bytes((59, 4, 0x5e, 36, 0x13)), f"IPv{family}: what was replayed is a REPORT")
        wire.close()


def silence():
    """Who hears no more of loss takes it for over."""
    need("nft")
    path = Path()
    tx, rx = path.udp(6, PORT)
    losing = Losing(path.r, 10)
    sending = Sending(tx, rx, 6, follow=False)
    ok(wait(lambda: largest(path.a) < ANY, 20), "loss is known", flows(path.a))
    losing.end()
    path.r.nft("table inet mute { chain way { type filter hook forward priority 0; oifname ra drop; } }")
    time.sleep(8)
    ok(largest(path.a) < ANY, "and remembered for a while")
    ok(wait(lambda: largest(path.a) == ANY, 12), "not for long", flows(path.a))
    eq(flows(path.a)[0]["loss_ppm"], 0, "nor what it was")
    sending.end()


def links():
    """An inner source, on this host or behind it, is told; super-packets are cut smaller."""
    need("nft")
    for outer, words, what in ways(one=True):
        path = Path(native=False)
        unlimited(path.a)
        linked = Linked(path, outer, f"{words} noretransmit")
        behind = Behind(linked)
        inner = 10 - outer
        losing = Losing(path.r, 10)
        behind.super_packets(path, outer, inner, what)
        behind.in_hand(path, outer, inner, fragment_size(1500 - 8 * ("udp" in words), outer), what)
        tx, rx = linked.pair(inner, PORT)
        full = path_mtu(tx, inner)
        here = Sending(tx, rx, inner)
        ok(wait(lambda: path_mtu(tx, inner) <= 3 * L, 20), f"{what}: a socket of this host is told", flows(path.a))
        share = here.share(3)
        ok(share > 0.65, f"{what}: most arrives of what it sends then", f"{share:.2f}")

        there_tx, rx = udp_pair(behind.host, linked.b, behind.ends[inner], linked.ends(inner)[1], PORT + 1)
        there = Sending(there_tx, rx, inner)
        ok(wait(lambda: path_mtu(there_tx, inner) <= 3 * L, 20), f"{what}: a host behind it is told",
           path_mtu(there_tx, inner))
        share = there.share(3)
        ok(share > 0.65, f"{what}: most arrives of what that sends then", f"{share:.2f}")
        there.end()

        losing.end()
        ended = time.monotonic()
        ok(wait(lambda: path_mtu(tx, inner) == full, 30), f"{what}: and hears of the end of it", flows(path.a))
        note(f"{what}: after {time.monotonic() - ended:.1f} s")
        here.end()


class Behind:
    """A host behind A's end of a link, by a wire as large."""
    ends = {6: "fd01::1", 4: "10.10.0.1"}

    def __init__(self, linked):
        self.host, self.linked = Namespace("h"), linked
        self.mac, self.gate = link(self.host, "h0", linked.a, "ah", ANY, 7)
        self.host.run("ethtool -K h0 tso on gso on")
        linked.a.sysctl("net.ipv6.conf.all.forwarding", 1)
        linked.a.sysctl("net.ipv4.ip_forward", 1)
        self.host.ip("addr add fd01::1/64 dev h0 nodad", "addr add 10.10.0.1/24 dev h0",
                     "route add default via fd01::ff", "route add default via 10.10.0.254")
        linked.a.ip("addr add fd01::ff/64 dev ah nodad", "addr add 10.10.0.254/24 dev ah")
        linked.b.ip("route add fd01::/64 dev efh0", "route add 10.10.0.0/24 dev efh0")

    def super_packet(self, inner, number, size=8000, count=3):
        """TCP segments that shall travel as one packet, by a driver of a guest."""
        near, far = self.ends[inner], self.linked.ends(inner)[1]
        body = data(size * count)
        head = struct.pack("!HHIIBBHHH", 7, 8, number * len(body), 1, 5 << 4, 0x10, 1000, 0, 0)
        value = efhwire.checksum(efhwire.pseudo(near, far, 20 + len(body), efhwire.TCP)) ^ 0xffff
        segment = head[:16] + struct.pack("!H", value) + head[18:] + body
        at = 14 + {6: 40, 4: 20}[inner]
        # struct virtio_net_hdr: checksum to be filled in, segmentation of TCP
        return struct.pack("=BBHHHH", 1, {6: 4, 4: 1}[inner], at + 20, size, at, 16), \
            efhwire.ip(near, far, efhwire.TCP, segment)

    def super_packets(self, path, outer, inner, what):
        wire = Wire(self.host, "h0", self.gate, self.mac)
        wire.sock.setsockopt(263, 15, 1)    # SOL_PACKET, PACKET_VNET_HDR
        kind = b"\x86\xdd" if inner == 6 else b"\x08\x00"
        seen = Wire(path.r, "ra")

        def sizes(number):
            """How many fragments each packet has that comes of one."""
            head, packet = self.super_packet(inner, number)
            seen.frames(quiet=0)
            wire.sock.send(head + bytes(wire.dst) + bytes(wire.src) + kind + packet)
            pieces = {}
            for one in outers(seen, path.ends(outer)[0], quiet=0.02):
                if one.efh:
                    pieces.setdefault(one.ident, []).append(one.index)
            return sorted(map(len, pieces.values()))
        eq(sizes(0), [6, 6, 6], f"{what}: a super-packet's segments are packets")
        number, until = 1, time.monotonic() + 20
        while max(sizes(number), default=6) > 2 and time.monotonic() < until:
            number += 1
        found = sizes(number + 1)
        ok(len(found) >= 8 and max(found) == 2, f"{what}: with loss they are cut smaller", (number, found))
        wire.close()
        seen.close()

    def in_hand(self, path, outer, inner, size, what):
        """Who is told that a packet is larger than it should be has not lost it."""
        near, far = self.ends[inner], self.linked.ends(inner)[1]
        packet = efhwire.ip(near, far, efhwire.UDP, efhwire.udp(near, far, 7, PORT + 2, data(30000)))
        wire, seen = Wire(self.host, "h0", self.gate, self.mac), Wire(path.r, "ra")
        pieces = fragments_of(len(packet), size)
        came, errors, until = [], [], time.monotonic() + 20
        while not errors and time.monotonic() < until:
            seen.frames(quiet=0)
            wire.send(packet)
            indices, late = set(), time.monotonic() + 2
            while len(indices) < pieces and time.monotonic() < late:
                indices |= {one.index for one in outers(seen, path.ends(outer)[0], quiet=0.02) if one.efh}
            came.append(indices)
            errors = [p for p in map(Packet, wire.frames(quiet=0)) if (p.proto, p.payload[0]) in ((58, 2), (1, 3))]
        ok(errors, f"{what}: a host behind it is told, with a packet in hand", len(came))
        eq([len(indices) for indices in came if len(indices) != pieces], [], f"{what}: and that packet goes all the same")
        wire.close()
        seen.close()


if __name__ == "__main__":
    main(native, stream, told, forged, silence, links)
