#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The wire vectors, put on a link octet by octet: what becomes of each packet.

What is delivered is read back twice: whole, from an nftables log rule that
sees what every other rule would see, and from the socket it was meant for.
"""
import json
import lzma
import socket
import struct

from efhtest import *
import efhnetlink
import efhwire

GROUP = 7
SIZE = 1440


class PacketLog:
    """Whole packets from `nft ... log group`."""

    def __init__(self, ns):
        with ns:
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.sock.settimeout(5)
        self.config(1, b"\x01")                     # bind
        self.config(2, struct.pack("!IBB", 0xFFFB, 2, 0))   # copy whole packets
        self.config(5, struct.pack("!I", 1))        # one at a time

    def config(self, kind, value):
        body = struct.pack("!BBH", 0, 0, GROUP) + efhnetlink.attr(kind, value)
        self.sock.send(struct.pack("=IHHII", 16 + len(body), 4 << 8 | 1, 5, 1, 0) + body)
        reply = self.sock.recv(4096)
        error, = struct.unpack_from("=i", reply, 16)
        if error:
            raise OSError(-error, "nflog")

    def next(self, timeout):
        self.sock.settimeout(timeout)
        while True:
            try:
                message = self.sock.recv(1 << 18)
            except (TimeoutError, BlockingIOError):
                return None
            if struct.unpack_from("=H", message, 4)[0] == 4 << 8:
                return dict(efhnetlink.parse(message[20:]))[9]


def cases():
    path = os.path.join(efhnetlink.HERE, "vectors/native-ipv6.json.xz")
    for case in json.load(lzma.open(path, "rt")):
        yield case["name"], [(bytes.fromhex(step["in"]), step["result"], step.get("reason"),
                              bytes.fromhex(step.get("packet", ""))) for step in case["steps"]]


def play(host, wire, log, sock, steps):
    """What went otherwise than the vectors say."""
    wrong = []
    for number, (packet, result, reason, whole) in enumerate(steps):
        before = host.stats()
        wire.send(packet)
        wait(lambda: host.stats()["in_fragments"] > before["in_fragments"], 2)
        after = host.stats()
        change = {k: after[k] - before[k] for k in after if after[k] != before[k]}
        held = before["reassembly_fragments"]
        expected = {"in_fragments": 1}
        if result == "held":
            expected["reassembly_fragments"] = 1
        elif result == "drop":
            expected[reason] = 1
        else:
            # the interleaved vectors hold two packets: count by the state that ends
            expected["in_delivered"] = 1 - change.get("reassembly_fragments", 0)
        got = {k: v for k, v in change.items()
               if k in expected or k in DROPS or k == "reassembly_fragments" and result != "packet"}
        if got != expected:
            wrong.append(f"step {number} {result} {reason}: counters {got}, expected {expected}")
        seen = log.next(2 if result == "packet" else 0.02) if log else None
        if result == "packet":
            if log and (seen is None or seen != whole[:0xFFFB]):
                wrong.append(f"step {number}: packet {short(seen)}, expected {short(whole)}")
            expected = efhwire.Packet(whole).payload[8:]
            seen = receive(sock)
            if seen != expected:
                wrong.append(f"step {number}: data {short(seen)}, expected {short(expected)}")
            if not held and after["in_atomic"] != before["in_atomic"] + 1:
                wrong.append(f"step {number}: an atomic fragment not counted")
            if held and after["reassembled"] != before["reassembled"] + 1:
                wrong.append(f"step {number}: a reassembled packet not counted")
        elif seen is not None:
            wrong.append(f"step {number}: delivered {short(seen)}")
    left = host.stats()
    if left["reassembly_packets"] or left["reassembly_bytes"]:
        wrong.append(f"still held: {left}")
    return wrong


def rules(host):
    host.nft(f"""table inet efh {{
        chain in {{ type filter hook input priority 0;
            meta l4proto udp udp dport 9999 log group {GROUP} }} }}""")


def ipv6():
    """The vectors as they are."""
    need("nft")
    pair = Pair(mtu=9216)
    rules(pair.b)
    pair.b.sysctl("net.ipv6.icmp.ratelimit", 0)
    log, wire = PacketLog(pair.b), pair.wire()
    sock = pair.b.socket(bind=(pair.B6, 9999))
    sock.settimeout(2)
    for name, steps in cases():
        wrong = play(pair.b, wire, log, sock, steps)
        ok(not wrong, f"vector: {name}", "\n".join(wrong))


def ipv6_bare():
    """A host without a single netfilter rule gets the same data."""
    pair = Pair(mtu=9216)
    wire, sock = pair.wire(), pair.b.socket(bind=(pair.B6, 9999))
    sock.settimeout(2)
    wrong = []
    for name, steps in cases():
        if name.startswith(("shuffled", "atomic", "hop-by-hop", "two packets")):
            wrong += [f"{name}: {text}" for text in play(pair.b, wire, None, sock, steps)]
    ok(not wrong, "vectors without netfilter rules", "\n".join(wrong))


def as_ipv4(packet):
    """The same octets under IPv4; the UDP checksum, which covers addresses, away."""
    packet = efhwire.Packet(packet)
    if packet.headers[0] not in (efhwire.DSTOPTS, efhwire.UDP):
        return None
    body = bytearray(packet.data[40:])
    if packet.efh is None:
        body[6:8] = b"\0\0"
    elif not packet.index:
        at = packet.at - 40
        body[at + 6:at + 8] = b"\0\0"
    if len(body) > 0xFFFF - 20:
        return None
    return efhwire.ip(Pair.A4, Pair.B4, packet.headers[0], bytes(body), packet.tclass)


def ipv4():
    """The vectors under IPv4, protocol 60."""
    need("nft")
    pair = Pair(mtu=9216)
    rules(pair.b)
    log, wire = PacketLog(pair.b), pair.wire()
    sock = pair.b.socket(socket.AF_INET, bind=(pair.B4, 9999))
    sock.settimeout(2)
    for name, steps in cases():
        moved = [(as_ipv4(packet), result, reason, whole and as_ipv4(whole))
                 for packet, result, reason, whole in steps]
        if any(packet is None or whole is None for packet, _, _, whole in moved):
            continue    # hop-by-hop options, and packets longer than IPv4 has
        if name == "past 65535":
            continue    # ipv4_too_big has IPv4's own bound
        wrong = play(pair.b, wire, log, sock, moved)
        ok(not wrong, f"vector: {name}, under IPv4", "\n".join(wrong))


def ipv4_too_big():
    """An IPv4 packet ends at 65535 with its own header."""
    pair = Pair(mtu=9216)
    wire = pair.wire()
    for payload, fits in ((65535 - 20 - 8 * 8184, True), (65535 - 20 - 8 * 8184 + 1, False)):
        # L = 8184, index 8: the end of the packet is what is tested
        piece = efhwire.header(efhwire.UDP, 8, 8 * 8184, 0, 5) + bytes(max(payload, 1))
        before = pair.b.stats()
        wire.send(efhwire.ip(pair.A4, pair.B4, efhwire.DSTOPTS, piece))
        wait(lambda: pair.b.stats()["in_fragments"] > before["in_fragments"], 2)
        after = pair.b.stats()
        eq((after["too_big"] - before["too_big"],
            after["reassembly_fragments"] - before["reassembly_fragments"]),
           (0, 1) if fits else (1, 0), f"an IPv4 packet of {65535 if fits else 65536} octets")


def disagreement(whole, index, ident, change, ends):
    """One fragment of a packet of four, changed."""
    a, b = ends
    size = change.get("size", SIZE)
    more = (index < 3 and "final" not in change) or "more" in change
    body = efhwire.udp(a, b, 7, 9999, whole) + bytes(2 * SIZE)
    length = (size if more else 1000) + change.get("longer", 0)
    head = efhwire.header(change.get("proto", efhwire.UDP), index, index * size, more, ident,
                          ps=change.get("ps", 0))
    return efhwire.ip(a, b, efhwire.DSTOPTS, head + body[index * size:][:length])


def agreement():
    """Checks 6 and 7: what does not agree with what is held, and leaves it as it was."""
    pair = Pair()
    wire = pair.wire()
    cases = (   # what is held, by Index; what then comes; the counter
        ("the same again", [0], (0, {}), "duplicate"),
        ("the same final one", [3], (3, {}), "duplicate"),
        ("a shorter final one", [3], (3, {"longer": -100}), "mismatch"),
        ("a longer final one", [3], (3, {"longer": 8}), "mismatch"),
        ("another next header", [0, 3], (1, {"proto": efhwire.TCP}), "mismatch"),
        ("P", [0], (1, {"ps": 2}), "mismatch"),
        ("S", [1, 2], (0, {"ps": 1}), "mismatch"),
        ("another size", [1], (2, {"size": 1024}), "mismatch"),
        ("another size in a final one", [1], (3, {"size": SIZE + 8}), "mismatch"),
        ("not final where the final one is", [3], (3, {"more": 1}), "mismatch"),
        ("beyond the final one", [0, 3], (4, {"more": 1}), "mismatch"),
        ("a second final one, further out", [3], (4, {}), "mismatch"),
        ("a second final one, further in", [3], (2, {"final": 1}), "mismatch"),
        ("final where one that is not is held", [2], (2, {"final": 1}), "mismatch"),
        ("final before one that is held", [2], (1, {"final": 1}), "mismatch"))
    ident = 0
    for family, ends in ((6, (pair.A6, pair.B6)), (4, (pair.A4, pair.B4))):
        rx = pair.b.socket(AF[family], bind=(ends[1], 9999))
        rx.settimeout(2)
        for what, held, (index, change), counter in cases:
            ident += 1
            whole = data(3 * SIZE + 1000 - 8, ident)
            pieces = efhwire.fragments(*ends, efhwire.UDP, efhwire.udp(*ends, 7, 9999, whole),
                                       SIZE, ident)
            with pair.b.expect(f"IPv{family} {what}: {counter}", **{counter: 1}, reassembled=1):
                wire.send(*[pieces[k] for k in held])
                wire.send(disagreement(whole, index, ident, change, ends))
                wire.send(*[pieces[k] for k in range(4) if k not in held])
                eq(receive(rx), whole, f"IPv{family} {what}: the packet is made all the same")
        rx.close()


if __name__ == "__main__":
    main(ipv6, ipv6_bare, ipv4, ipv4_too_big, agreement)
