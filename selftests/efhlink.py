# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of links share: a link over a path, several hosts around one
router, and looks at devices and errors."""
import ctypes
import fcntl
import functools
import itertools
import json
import os
import select
import socket
import struct
import threading

from efhtest import *
from efhwire import Carried, Packet
import efhwire

INNER = {6: ("fd00::1", "fd00::2", "fd00::3"), 4: ("10.9.0.1", "10.9.0.2", "10.9.0.3")}
OUTER_HEADER = {6: 40, 4: 20}
INNER_PROTOCOL = {6: 41, 4: 4}
LARGEST = 65535
CARRIED = 8060     # a link's UDP port, unless told
IP_RECVERR, IPV6_RECVERR = 11, 25
MSG_ERRQUEUE = 0x2000
SIOCETHTOOL, ETH_SS_STATS = 0x8946, 1
ETHTOOL_GSTRINGS, ETHTOOL_GSTATS, ETHTOOL_GSSET_INFO = 0x1b, 0x1d, 0x37

# what an inner source is told of a far end that is not reached
UNREACHABLE = {6: (1, 3), 4: (3, 1)}


@functools.cache
def emulated():
    """An emulated processor would be at some tests for many minutes: it does parts of them."""
    with open("/proc/cpuinfo") as info:
        return "QEMU TCG" in info.read()


def slow():
    """An emulated processor, or a kernel that looks for faults: where a moment takes longer."""
    return emulated() or os.path.exists("/sys/kernel/debug/kmemleak")


# which part the next test takes there, so that all kernels together do all
KERNEL = {"6.1": 0, "6.12": 1}.get(".".join(os.uname().release.split(".")[:2]), 2)
TURN = itertools.count(KERNEL)


def thirds(tests):
    """All of these; of them an emulated processor does every third, each kernel others."""
    return tests[KERNEL::3] if emulated() else tests


def some(ways):
    """All of these ways to do the same; of them an emulated processor takes every other one."""
    return ways[next(TURN) % 2::2] if emulated() else ways


def carriers():
    """IPv6, then IPv4, each with namespaces of its own."""
    for number, carrier in enumerate(some((6, 4))):
        if number:
            finish()
        yield carrier


WAYS = ((6, ""), (4, ""), (4, "carrier udp"), (6, "carrier udp"))


def ways(one=False):
    """How outer packets may travel: (family, words for ip, both for people), each with namespaces
    of its own. An emulated processor takes half of them, or one."""
    chosen = [WAYS[next(TURN) % len(WAYS)]] if emulated() and one else some(WAYS)
    for number, (carrier, words) in enumerate(chosen):
        if number:
            finish()
        yield carrier, words, f"IPv{carrier} {words}".strip()


def address(ns, dev, number, inner=(6, 4)):
    """The inner addresses of a host, on a device that goes up."""
    ns.ip(f"link set {dev} up", *(f"addr add {INNER[f][number]}/{'64 nodad' if f == 6 else 24} dev {dev}"
                                  for f in inner))
    for family in inner:
        ready(ns, INNER[family][number])


def ready(ns, local):
    """IPv6 takes packets for an address some time after it was added."""
    if not wait(lambda: ns.run(f"ip route get {local}", check=False).stdout.startswith("local")):
        raise RuntimeError(f"{ns.role()} does not get {local}")


class Both:
    """Two hosts that links join, as a path itself."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def ends(self, family):
        return INNER[family][:2]


class Linked(Both):
    """An efh link between the ends of a path."""

    def __init__(self, path, family, extra="", ends=None, dev="efh0"):
        super().__init__(path.a, path.b)
        self.path, self.family, self.dev = path, family, dev
        self.outer = ends or path.ends(family)
        for number, ns in enumerate((self.a, self.b)):
            local, remote = self.outer[number], self.outer[1 - number]
            ns.run(f"ip link add {dev} type efh local {local} remote {remote} {extra}")
            address(ns, dev, number)

    def pair(self, family, port=9999):
        """A datagram socket of A, connected, and the one of B that it is connected to."""
        return udp_pair(self.a, self.b, *self.ends(family), port)


class Threads:
    """What runs beside a test, with its two sockets, until it is done."""

    def __init__(self, tx, rx, *functions):
        self.tx, self.rx, self.done = tx, rx, False
        self.threads = [threading.Thread(target=f, daemon=True) for f in functions]
        for thread in self.threads:
            thread.start()

    def end(self):
        self.done = True
        for thread in self.threads:
            thread.join()
        self.tx.close()
        self.rx.close()


def udp_pair(a, b, near, far, port=9999):
    family = AF[6 if ":" in near else 4]
    tx, rx = a.socket(family, bind=(near, 0)), b.socket(family, bind=(far, port))
    tx.connect((far, port))
    return tx, rx


def largest(family):
    """Octets in the datagram that makes a packet of 65535."""
    return LARGEST - OUTER_HEADER[family] - 8


def passes(link, what, sizes=(100, 20000), port=9999, inner=(6, 4)):
    """Datagrams go both ways."""
    for family in inner:
        near, far = link.ends(family)
        for one, two, ends in ((link.a, link.b, (near, far)), (link.b, link.a, (far, near))):
            tx, rx = udp_pair(one, two, *ends, port)
            rx.settimeout(2)
            for size in sizes:
                tx.send(data(size, size))
                eq(receive(rx), data(size, size),
                   f"{what}: {size} octets of IPv{family} {one.role()} to {two.role()}")
            tx.close()
            rx.close()


def stops(tx, rx, what, size=100):
    """A datagram does not arrive."""
    rx.settimeout(0.3)
    try:
        tx.send(data(size))
    except OSError:
        pass
    eq(receive(rx), None, what)


def show(ns, dev="efh0"):
    """A device as ip shows it, or None."""
    done = ns.run(f"ip -d -s -j link show {dev}", check=False)
    return json.loads(done.stdout)[0] if not done.returncode else None


def info(ns, dev="efh0"):
    return show(ns, dev)["linkinfo"]["info_data"]


def counters(ns, dev="efh0"):
    """What `ethtool -S` has of a link, asked for as it does: that is looked at often."""
    with ns, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        def ask(request):
            pointer = ctypes.addressof(request)
            fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", dev.encode(), pointer))
            return bytes(request)

        def buffer(size, *words):
            request = ctypes.create_string_buffer(size)
            struct.pack_into(f"={len(words)}I", request, 0, *words)
            return request

        info = buffer(20, ETHTOOL_GSSET_INFO, 0)
        struct.pack_into("=Q", info, 8, 1 << ETH_SS_STATS)
        count, = struct.unpack_from("=I", ask(info), 16)
        names = ask(buffer(12 + 32 * count, ETHTOOL_GSTRINGS, ETH_SS_STATS, count))[12:]
        values = struct.unpack_from(f"={count}Q", ask(buffer(8 + 8 * count, ETHTOOL_GSTATS, count)), 8)
    return {names[32 * n:32 * n + 32].rstrip(b"\0").decode(): value for n, value in enumerate(values)}


def packets_in(ns, dev="efh0"):
    """How many a device has received."""
    with ns, open("/proc/thread-self/net/dev") as file:
        return next(int(line.split(":")[1].split()[1]) for line in file if line.strip().startswith(dev + ":"))


class Counts:
    """with Counts(ns, "what", counter=change): of the link's, these change and just so."""

    def __init__(self, ns, what, dev="efh0", **changes):
        self.ns, self.what, self.dev, self.changes = ns, what, dev, changes

    def now(self):
        return {name: value for name, value in counters(self.ns, self.dev).items()
                if name != "out_large" or name in self.changes}

    def changed(self):
        return {name: value - self.before[name] for name, value in self.now().items()
                if value != self.before[name]}

    def __enter__(self):
        self.before = self.now()

    def __exit__(self, kind, *_):
        if not kind:
            wait(lambda: self.changed() == self.changes, 1)
            eq(self.changed(), self.changes, self.what)


def rx_packets(ns, name):
    """What came to a host by a device."""
    return json.loads(ns.run(f"ip -j -s link show {name}"))[0]["stats64"]["rx"]["packets"]


class Device(Wire):
    """Packets of a device that has no link-layer header."""

    def frames(self, outgoing=False, quiet=0.1):
        found = []
        self.sock.settimeout(quiet)
        while True:
            try:
                packet, where = self.sock.recvfrom(1 << 17)
            except (TimeoutError, BlockingIOError):
                return found
            if (where[2] == 4) == outgoing:
                found.append(packet)


class Errors:
    """The ICMP errors that a datagram socket gets."""

    def __init__(self, sock):
        self.sock, self.family = sock, 6 if sock.family == socket.AF_INET6 else 4
        if self.family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)

    def next(self, seconds=2):
        """(type, code, info) or None."""
        # the socket's own timeout would have recvmsg() wait, whatever its flags say
        queue = select.poll()
        queue.register(self.sock, 0)

        def one():
            if not queue.poll(0):
                return None
            try:
                control = self.sock.recvmsg(1 << 17, 512, MSG_ERRQUEUE | socket.MSG_DONTWAIT)[1]
            except OSError:
                return None
            for _, kind, value in control:
                if kind in (IP_RECVERR, IPV6_RECVERR):
                    _, origin, icmp, code, word = struct.unpack_from("=IBBBxI", value)
                    if origin in (2, 3):    # ICMP, ICMPv6
                        return icmp, code, word
            return None
        return wait(one, seconds)


def told(tx, size=100, tries=6):
    """What a socket hears by ICMP of what it sends. A router without a route sends an
    error a second to an IPv4 host, and up to three may be about PROBEs."""
    errors = Errors(tx)
    for _ in range(tries):
        try:
            tx.send(data(size))
        except OSError:
            pass
        heard = errors.next(1.1)
        if heard:
            return heard
    return None


def unlimited(*hosts):
    """ICMP errors as often as they are due."""
    for ns in hosts:
        ns.sysctl("net.ipv6.icmp.ratelimit", 0)
        ns.sysctl("net.ipv4.icmp_ratelimit", 0)
        ns.sysctl("net.ipv4.icmp_msgs_per_sec", 100000)
        ns.sysctl("net.ipv4.icmp_msgs_burst", 10000)


class Star:
    """Hosts a, b, c, ... each with a link to the router in the midst."""

    def __init__(self, names="abc", mtu=1500):
        self.r = Namespace("r")
        self.r.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.r.sysctl("net.ipv4.ip_forward", 1)
        self.hosts, self.mac = {}, {}
        for number, name in enumerate(names, 1):
            host = self.hosts[name] = Namespace(name)
            mac, router = link(host, f"{name}0", self.r, f"r{name}", mtu, number, far_gro="off")
            self.mac[name] = mac, router
            v6, v4 = self.outer(name, 6), self.outer(name, 4)
            host.ip(f"addr add {v6}/64 dev {name}0", f"addr add {v4}/24 dev {name}0",
                    f"neigh replace 2001:db8:{number}::ff lladdr {router} dev {name}0 nud permanent",
                    f"neigh replace 192.168.{number}.254 lladdr {router} dev {name}0 nud permanent",
                    f"route add default via 2001:db8:{number}::ff",
                    f"route add default via 192.168.{number}.254")
            self.r.ip(f"addr add 2001:db8:{number}::ff/64 dev r{name}",
                      f"addr add 192.168.{number}.254/24 dev r{name}",
                      f"neigh replace {v6} lladdr {mac} dev r{name} nud permanent",
                      f"neigh replace {v4} lladdr {mac} dev r{name} nud permanent")

    def __getitem__(self, name):
        return self.hosts[name]

    def outer(self, name, family):
        number = ord(name) - ord("a") + 1
        return f"2001:db8:{number}::1" if family == 6 else f"192.168.{number}.1"

    def wire(self, name):
        """The router's end of a host's link."""
        mac, router = self.mac[name]
        return Wire(self.r, f"r{name}", mac, router)


def outers(wire, source, **arguments):
    """What was seen of a host's outer packets; not what endpoints say of themselves."""
    def seen(frame):
        packet = Packet(frame)
        # what a stock fragment has instead of a UDP header may look like anything
        if packet.proto == efhwire.UDP and not packet.fragmented:
            packet = Carried(frame)
            return None if packet.control else packet
        return packet if packet.proto != efhwire.NONE or packet.efh else None
    found = map(seen, wire.frames(**arguments))
    return [packet for packet in found if packet and packet.src == source]


def look(frame):
    """What was seen on the wire, and whether it goes under UDP."""
    packet = Packet(frame)
    if packet.proto == efhwire.UDP and CARRIED in struct.unpack_from("!HH", packet.payload + bytes(4)):
        return Carried(frame), True
    return packet, False


def said(frame):
    """The Control message that a frame is, or None."""
    packet, under = look(frame)
    if under:
        return packet.control
    try:
        return efhwire.Control(frame[{6: 40, 4: 20}[packet.version]:])
    except ValueError:
        return None


def encapsulated(outer, inner, tclass=0, **arguments):
    """An inner packet in an outer one, (source, destination)."""
    return efhwire.ip(*outer, INNER_PROTOCOL[inner[0] >> 4], inner, tclass=tclass, **arguments)


__all__ = [name for name in globals() if not name.startswith("_")]
