#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What is joined and then split again, looked at, or not to be joined at all."""
import ctypes
import itertools
import platform
import socket
import struct
import threading

from efhtest import *
from efhwire import Packet, icmp_error
from gro import ENDS, KINDS, PAD, PORT, STRANGE, sequence
import efhwire

IPV6_DSTOPTS = 59


def strip(packet, hops=0):
    """A packet without what a router changes; hops: what it is to be counted down by."""
    if packet[0] >> 4 == 6:
        return packet[:7] + bytes([packet[7] - hops]) + packet[8:]
    return packet[:8] + bytes([packet[8] - hops]) + packet[9:10] + b"\0\0" + packet[12:]


def fix(packet):
    """With the checksum that IPv4 wants."""
    if packet[0] >> 4 == 6:
        return packet
    return packet[:10] + struct.pack("!H", efhwire.checksum(packet[:20])) + packet[12:]


def routed(fragsize=None):
    """(path, names of counters) where a router joins and B shows what arrives."""
    path = Path(native=False, router_gro="on")
    path.native(f"fragsize {fragsize}" if fragsize else "")
    path.b.run("ethtool -K b0 gro off")
    gather(path.r, "ra")
    return path


def forwarded(path, family, size, lengths):
    """What A sends is behind the router what it was before."""
    a, b = path.ends(family)
    tx, rx = path.udp(family)
    tx.setsockopt(*((socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if family == 6 else
                    (socket.IPPROTO_IP, socket.IP_TOS)), 0x28)
    seen = Wire(path.b, "b0")
    forwards = "Ip6OutForwDatagrams" if family == 6 else "IpForwDatagrams"
    before = path.r.snmp(forwards)
    wrong, total = [], 0
    for length in lengths:
        seen.frames(quiet=0)
        tx.send(data(length, length))
        got = receive(rx)
        if got != data(length, length):
            wrong.append(f"{length}: {short(got)}")
            continue
        frames = seen.frames(quiet=0.01)
        first = Packet(frames[0])
        body = efhwire.udp(a, b, tx.getsockname()[1], PORT, data(length, length))
        ident = int.from_bytes(frames[0][4:6], "big") if family == 4 else 0
        expected = [efhwire.ip(a, b, efhwire.DSTOPTS, piece, tclass=0x28, label=first.label,
                               hops=63, ident=ident)
                    for piece in efhwire.cut(efhwire.UDP, body, size, first.ident)]
        total += len(expected)
        if frames != expected:
            wrong.append(f"{length}: {len(frames)} frames, expected {len(expected)}: " + str(
                [short(f) for f, e in zip(frames, expected) if f != e][:2]))
    ok(not wrong, f"IPv{family} L {size}: {len(lengths)} packets, octet for octet as sent",
       "\n".join(wrong))
    joined = path.r.snmp(forwards) - before
    ok(joined < total / 3, f"IPv{family} L {size}: the router saw runs", f"{joined} of {total}")
    seen.close()


def router():
    """What was joined leaves a router as the fragments it came in."""
    path = routed()
    for family in (6, 4):
        size = fragment_size(1500, family)
        forwarded(path, family, size, [
            1500 - (47 if family == 6 else 27), 2 * size - 8, 2 * size - 7, 3 * size - 8,
            5 * size - 7, 7 * size - 9, 40 * size - 8, 65535 - 8 - (0 if family == 6 else 20)])
    eq(path.r.stats()["in_fragments"], 0, "the router took none of them in")


def router_smaller():
    """64 fragments, smaller than they would have to be."""
    path = routed(1024)
    for family in (6, 4):
        forwarded(path, family, 1024, [3 * 1024 - 8, 2 * 1024 - 7, 63 * 1024 - 7,
                                       65535 - 8 - (0 if family == 6 else 20)])


def router_unkind():
    """Whatever comes, a router sends on neither more nor less nor other octets."""
    path = Path(2000, native=False, router_gro="on")
    path.b.run("ethtool -K b0 gro off")
    path.b.sysctl("net.ipv6.icmp.ratelimit", 10000)
    path.b.sysctl("net.ipv4.icmp_ratelimit", 10000)
    gather(path.r, "ra", 3)
    ends = {family: path.ends(family) for family in (6, 4)}
    sources = [path.A6, path.A4]
    wire = Wire(path.a, "a0", path.mac_ra, path.mac_a)
    seen = Wire(path.b, "b0")
    before = path.r.snmp("Ip6OutForwDatagrams") + path.r.snmp("IpForwDatagrams")
    wrong, total = [], 0
    for seed in range(3000, 3040):
        frames, kinds = sequence(seed, ends, KINDS + ENDS + STRANGE)
        frames = frames[:200]
        wire.send(*frames)
        came = []
        wait(lambda: came.extend(f for f in seen.frames(quiet=0) if Packet(f).src in sources) or
             len(came) >= len(frames), 1)
        total += len(frames)
        if sorted(came) != sorted(fix(strip(f, 1)) for f in frames):
            extra = set(came) - {fix(strip(f, 1)) for f in frames}
            wrong.append(f"seed {seed} {kinds}: {len(came)} of {len(frames)}; "
                         f"{len(extra)} others, {[short(e) for e in extra][:2]}")
    ok(not wrong, f"{total} frames of 40 sequences through a router", "\n".join(wrong[:6]))
    joined = path.r.snmp("Ip6OutForwDatagrams") + path.r.snmp("IpForwDatagrams") - before
    ok(joined < total * 0.75, "many of them joined on the way", f"{joined} of {total}")


def too_big():
    """Runs for a smaller link behind the router: news of its MTU, as for fragments."""
    answers = {}
    for gro in ("on", "off"):
        path = Path(native=True, router_gro=gro)
        gather(path.r, "ra", 2) if gro == "on" else None
        path.r.ip("link set rb mtu 1400")
        path.b.ip("link set b0 mtu 1400")
        path.r.sysctl("net.ipv6.icmp.ratelimit", 0)
        for family in (6, 4):
            tx, rx = path.udp(family)
            rx.settimeout(0.3)
            errors = Wire(path.a, "a0")
            tx.send(data(30000))
            eq(receive(rx), None, f"router GRO {gro}, IPv{family}: the first is too big")
            answers[gro, family] = {icmp_error(p)[:3] for p in map(Packet, errors.frames())
                                    if icmp_error(p)}
            rx.settimeout(3)
            got = None
            for _ in range(3):
                try:
                    tx.send(data(30000, 5))
                    got = receive(rx)
                    break
                except OSError:
                    pass
            eq(got, data(30000, 5), f"router GRO {gro}, IPv{family}: the second arrives")
            eq(path.a.stats()["icmp_invalid"], 0, f"router GRO {gro}, IPv{family}: none doubted")
        cleanup()
    eq(answers, {("on", 6): {(2, 0, 1400)}, ("off", 6): {(2, 0, 1400)},
                 ("on", 4): {(3, 4, 1400)}, ("off", 4): {(3, 4, 1400)}},
       "the same answers for runs and for fragments")


def tapped():
    """Who looks on sees the same as the receiver, and neither spoils it for the other."""
    pair = Pair()
    gather(pair.b, "b0")
    wire = pair.wire()
    tap = Wire(pair.b, "b0")
    for family, a, b in ((6, pair.A6, pair.B6), (4, pair.A4, pair.B4)):
        rx = pair.b.socket(AF[family], bind=(b, PORT))
        rx.settimeout(2)
        for what, order in (("in order", lambda n: list(range(n))),
                            ("backwards", lambda n: list(range(n))[::-1]),
                            ("halves", lambda n: list(range(n // 2, n)) + list(range(n // 2))),
                            ("every second", lambda n: list(range(0, n, 2)) +
                             list(range(1, n, 2)))):
            wrong, joined = [], 0
            for length in (2000, 9000, 60000):
                body = efhwire.udp(a, b, 7, PORT, data(length, length))
                pieces = efhwire.fragments(a, b, efhwire.UDP, body, 1440,
                                           length << 32 | len(what))
                tap.frames(quiet=0)
                wire.send(*[pieces[k] for k in order(len(pieces))])
                if (got := receive(rx)) != data(length, length):
                    wrong.append(f"{length}: {short(got)}")
                seen = [p for p in map(Packet, tap.frames(quiet=0.02)) if p.efh]
                joined += sum(len(p.payload) > 1440 for p in seen)
                for p in seen:
                    if p.payload != body[p.offset:p.offset + len(p.payload)]:
                        wrong.append(f"{length}: the tap's run at {p.offset} of "
                                     f"{len(p.payload)} octets is not what was sent")
                if sum(len(p.payload) for p in seen) != len(body):
                    wrong.append(f"{length}: the tap saw {[len(p.payload) for p in seen]}")
                if any(not p.more and p.offset + len(p.payload) != len(body) for p in seen):
                    wrong.append(f"{length}: the end is where it is not")
            ok(not wrong, f"IPv{family} {what}: the receiver and the tap, both right",
               "\n".join(wrong))
            if what in ("in order", "halves"):
                ok(joined, f"IPv{family} {what}: the tap saw runs")


def tapped_router():
    """Taps on both sides of a router that joins, pages and linear buffers."""
    path = Path(router_gro="on")
    gather(path.r, "ra")
    fd = os.memfd_create("efh")
    os.write(fd, data(50000, 9))
    for family in (6, 4):
        tx, rx = path.udp(family)
        near, far = Wire(path.r, "ra"), Wire(path.r, "rb")
        for what in ("linear", "pages"):
            if what == "linear":
                tx.send(data(50000, 9))
            else:
                tx.setsockopt(SOL_UDP, 1, 1)
                os.sendfile(tx.fileno(), fd, 0, 50000)
                tx.setsockopt(SOL_UDP, 1, 0)
            eq(receive(rx), data(50000, 9), f"IPv{family} {what}: arrives")
            whole = efhwire.udp(*path.ends(family), tx.getsockname()[1], PORT, data(50000, 9))
            for name, wire, outgoing in (("before", near, False), ("behind", far, True)):
                seen = [p for p in map(Packet, wire.frames(outgoing)) if p.efh]
                if what == "linear" or name == "behind":
                    note(f"{name}: {len(seen)} packets, {max(len(p.payload) for p in seen)}")
                ok(sum(len(p.payload) for p in seen) == len(whole) and
                   all(p.payload == whole[p.offset:p.offset + len(p.payload)] for p in seen),
                   f"IPv{family} {what}: the tap {name} the router",
                   [(p.offset, len(p.payload)) for p in seen])
        near.close()
        far.close()


def tcp_sizes(path, port):
    """How long the segments are that B's stack sees behind other destination options."""
    listener = path.b.socket(kind=socket.SOCK_STREAM, bind=(path.B6, port))
    listener.listen()
    tx = path.a.socket(kind=socket.SOCK_STREAM)
    tx.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, b"\0\0" + PAD)
    tx.connect((path.B6, port))
    rx, _ = listener.accept()
    rx.settimeout(10)
    seen = Wire(path.b, "b0")
    content = NOISE * 4
    got = bytearray()

    def sink():
        while part := rx.recv(1 << 20):
            got.extend(part)

    thread = threading.Thread(target=sink, daemon=True)
    thread.start()
    tx.sendall(content)
    tx.shutdown(socket.SHUT_WR)
    thread.join(30)
    sizes = [p.length for p in map(Packet, seen.frames())
             if p.src == path.A6 and p.headers == [efhwire.DSTOPTS, efhwire.TCP]]
    listener.close()
    return bytes(got) == content, sizes


def other_options():
    """TCP behind other destination options is split and joined as by the stock kernel."""
    path = Path(native=False)
    gather(path.b, "b0", 2)
    mean = {}
    for number, module in enumerate(("away", "here")):
        command("modprobe -r efh" if module == "away" else "modprobe efh")
        for gso in ("off", "on"):
            path.a.run(f"ethtool -K a0 gso {gso}")
            whole, sizes = tcp_sizes(path, 5000 + number * 2 + (gso == "on"))
            ok(whole, f"module {module}, GSO {gso}: what was sent arrives")
            sizes = [s for s in sizes if s > 200]
            note(f"module {module}, GSO {gso}: {len(sizes)} packets, longest {max(sizes)}, mean "
                 f"{sum(sizes) // len(sizes)}")
            mean[module, gso] = sum(sizes) / len(sizes)
    for gso in ("off", "on"):
        # how many depends on the time, with the module away, too; unjoined ones would have 1400
        # octets
        ok(min(mean["here", gso], mean["away", gso]) > 2100 and mean["here", gso] > mean["away", gso] / 4,
           f"GSO {gso}: segments are joined as before", mean)
    command("modprobe -r efh")
    command("modprobe efh")


def not_joined():
    """Where reception is off, or another number is in use, a fragment is no fragment."""
    path = Path(router_gro="on")
    gather(path.r, "ra")
    tx, rx = path.udp(6)
    for what, on, off, joined in (
            ("receive off", "receive off", "receive on", False),
            ("another option type", "efh-option 0xfe", "efh-option 0xde", False),
            ("as ever", "receive on", "receive on", True)):
        path.r.efhctl(f"settings set {on}")
        before = path.r.snmp("Ip6OutForwDatagrams")
        tx.send(data(30000))
        eq(receive(rx), data(30000), f"{what}: arrives")
        count = path.r.snmp("Ip6OutForwDatagrams") - before
        eq(count < 10, joined, f"{what}: {'joined' if joined else 'not joined'} on the way")
        if not joined:
            eq(count, fragments_of(30008, 1440), f"{what}: each forwarded for itself")
        path.r.efhctl(f"settings set {off}")


def changing():
    """The option type changes under traffic: packets are lost, no more."""
    path = Path(router_gro="on")
    # a destination that refuses EFH gets the stack's own fragments, not all of which arrive
    for name in ("ipv6.ip6frag_time", "ipv4.ipfrag_time"):
        path.b.sysctl("net." + name, 1)
    pids = []
    for family in (6, 4):
        tx, rx = path.udp(family)
        pid = os.fork()
        if not pid:
            end = time.monotonic() + 4
            while time.monotonic() < end:
                try:
                    tx.send(data(30000))
                except OSError:
                    pass
                time.sleep(0.0005)
            os._exit(0)
        pids.append(pid)
    end = time.monotonic() + 2.5
    for word in itertools.cycle(("efh-option 0xfe", "receive off", "efh-option 0xde",
                                 "receive on")):
        for ns in (path.a, path.r, path.b):
            ns.efhctl("settings set " + word)
            time.sleep(0.005)
        path.a.efhctl("flow flush")     # and with it that B refused EFH
        if time.monotonic() > end and word == "receive on":
            break
    for pid in pids:
        os.waitpid(pid, 0)
    path.b.efhctl("settings set timeout 0.2")
    ok(wait(lambda: not path.b.stats()["reassembly_packets"]), "nothing is held in the end")
    ok(path.b.stats()["reassembled"] > 10, "some arrived")
    path.b.efhctl("settings set timeout 60")
    for family in (6, 4):
        tx, rx = path.udp(family, 9998)
        rx.settimeout(0.5)

        def arrives():
            tx.send(data(30000))
            return receive(rx) == data(30000)
        ok(wait(arrives, 10), f"IPv{family}: received as before")


class Xdp:
    """A program that passes everything, or all of queue 0 to an AF_XDP socket, on a device for as
    long as the context lasts."""
    GENERIC, NATIVE = 2, 4
    PASS = struct.pack("<BBhi", 0xB7, 0, 0, 2) + struct.pack("<BBhi", 0x95, 0, 0, 0)

    def __init__(self, ns, dev, mode, to=None):
        self.fds = []
        instructions = ctypes.create_string_buffer(self.redirect(to) if to else self.PASS)
        gpl = ctypes.create_string_buffer(b"GPL")
        with ns:
            program = self.made(5, struct.pack("=IIQQ", 6, len(instructions) // 8, ctypes.addressof(instructions),
                                               ctypes.addressof(gpl)))
            self.made(28, struct.pack("=IIII", program, socket.if_nametoindex(dev), 37, mode))

    def redirect(self, to):
        """The socket in a map, and a program: bpf_redirect_map(map, queue, XDP_PASS)"""
        sockets = self.made(0, struct.pack("=IIII", 17, 4, 4, 1))
        key, value = ctypes.c_uint32(0), ctypes.c_uint32(to.fileno())
        self.bpf(2, struct.pack("=IIQQQ", sockets, 0, ctypes.addressof(key), ctypes.addressof(value), 0))
        return b"".join(struct.pack("<BBhi", *of) for of in (
            (0x61, 0x12, 16, 0), (0x18, 0x11, 0, sockets), (0, 0, 0, 0), (0xB7, 3, 0, 2), (0x85, 0, 0, 51),
            (0x95, 0, 0, 0)))

    @staticmethod
    def bpf(order, attributes):
        number = {"x86_64": 321}.get(platform.machine(), 280)
        buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
        answer = LIBC.syscall(number, order, buffer, 128)
        if answer < 0:
            raise Skip(f"bpf: {os.strerror(ctypes.get_errno())}")
        return answer

    def made(self, order, attributes):
        self.fds.append(self.bpf(order, attributes))
        return self.fds[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for fd in self.fds[::-1]:
            os.close(fd)


def xdp():
    """Programs before and behind GRO: the buffers they make are joined as well."""
    path = Path()
    fd = os.memfd_create("efh")
    os.write(fd, data(50000, 9))
    gather(path.b, "b0")
    for what, mode in (("native", Xdp.NATIVE), ("generic", Xdp.GENERIC)):
        with Xdp(path.b, "b0", mode):
            for gro in ("on", "off"):
                path.b.run(f"ethtool -K b0 gro {gro}")
                if gro == "on":
                    gather(path.b, "b0")
                for family in (6, 4):
                    tx, rx = path.udp(family)
                    count = fragments_of(50008, fragment_size(1500, family))
                    with path.b.expect(f"XDP {what}, GRO {gro}, IPv{family}: counted",
                                       in_delivered=4 * count, in_fragments=4 * count,
                                       reassembled=4):
                        for k in range(4):
                            if k % 2:
                                tx.setsockopt(SOL_UDP, 1, 1)
                                os.sendfile(tx.fileno(), fd, 0, 50000)
                                tx.setsockopt(SOL_UDP, 1, 0)
                            else:
                                tx.send(data(50000, 9))
                            eq(receive(rx), data(50000, 9),
                               f"XDP {what}, GRO {gro}, IPv{family}: {('linear', 'pages')[k % 2]}")
                    tx.close()
                    rx.close()


if __name__ == "__main__":
    main(router, router_smaller, router_unkind, too_big, tapped, tapped_router, other_options,
         not_joined, changing, xdp)
