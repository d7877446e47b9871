# SPDX-License-Identifier: GPL-2.0-only
"""Packets in octets: built for injection, parsed from captures.

Written from the wire profile (Documentation/wire.rst), not from the module,
so that an error in the one does not hide in the other.
"""
import socket
import struct

ETH_IPV4, ETH_IPV6 = 0x0800, 0x86DD
TCP, UDP, ICMP, ICMP6, DSTOPTS, NONE, HOPOPTS, ROUTING, FRAGMENT = \
    6, 17, 1, 58, 60, 59, 0, 43, 44
EFH, CONTROL = 0xDE, 0x5E


def address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text)


def checksum(data, start=0):
    if len(data) % 2:
        data += b"\0"
    total = start + sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(src, dst, length, proto):
    return address(src) + address(dst) + struct.pack("!II", length, proto)


def ip(src, dst, nexthdr, body, tclass=0, label=0, hops=64, ident=0, df=True):
    """An IP packet of the family of its addresses."""
    if ":" in src:
        return struct.pack("!IHBB", 6 << 28 | tclass << 20 | label, len(body), nexthdr,
                           hops) + address(src) + address(dst) + body
    head = struct.pack("!BBHHHBBH", 0x45, tclass, 20 + len(body), ident,
                       0x4000 if df else 0, hops, nexthdr, 0)
    head += address(src) + address(dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def udp(src, dst, sport, dport, data, check=None):
    """check: 0 for none; else it is right unless given."""
    length = 8 + len(data)
    head = struct.pack("!HHHH", sport, dport, length & 0xFFFF, 0)
    value = checksum(pseudo(src, dst, length, UDP) + head + data) or 0xFFFF
    return head[:6] + struct.pack("!H", value if check is None else check) + data


def icmp6(src, dst, kind, code, word, body):
    head = struct.pack("!BBHI", kind, code, 0, word)
    value = checksum(pseudo(src, dst, 8 + len(body), ICMP6) + head + body)
    return head[:2] + struct.pack("!H", value) + head[4:] + body


def icmp4(kind, code, word, body):
    head = struct.pack("!BBHI", kind, code, 0, word)
    return head[:2] + struct.pack("!H", checksum(head + body)) + head[4:] + body


def error(src, dst, kind, code, word, quoted):
    """An ICMP error of the family of its addresses."""
    if ":" in src:
        return ip(src, dst, ICMP6, icmp6(src, dst, kind, code, word, quoted))
    return ip(src, dst, ICMP, icmp4(kind, code, word, quoted))


def header(cache, index, offset, more, ident, nexthdr=None, ps=0, option=EFH, optlen=12,
           res=0, extra=b""):
    """An EFH header; offset in octets; extra: whole options beside it."""
    if nexthdr is None:
        nexthdr = NONE if index else cache
    body = struct.pack("!BBBBHQ", option, optlen, cache, index << 2 | ps,
                       offset & 0xFFF8 | res << 1 | more, ident) + extra
    body += bytes(-(2 + len(body)) % 8)  # Pad1
    return struct.pack("!BB", nexthdr, (2 + len(body)) // 8 - 1) + body


PROBE, PROBE_ACK, REPORT, NACK, RESET = range(1, 6)
ENDPOINT = 0x80000000


def control(kind, size=0, flow=0, nonce=0, epoch=1, version=1, option=CONTROL, missing=0):
    """A Control message (wire.rst section 7)."""
    return struct.pack("!BBBBBBHIIQQII", NONE, 4, option, 36, version << 4 | kind, 0, size, epoch,
                       flow, nonce, missing, 0, 0)


class Control:
    """A Control message as it is read; ValueError if it is none."""

    def __init__(self, data):
        if data[:4] != bytes((NONE, 4, CONTROL, 36)) or len(data) < 40:
            raise ValueError(f"no Control message: {data[:8].hex()}")
        self.version, self.kind = data[4] >> 4, data[4] & 15
        self.flags, self.size, self.epoch, self.flow, self.nonce = \
            struct.unpack_from("!BHIIQ", data, 5)
        self.rest, self.padding = data[24:40], data[40:]


def cut(proto, data, size, ident, option=EFH, ps=0):
    """The Fragmentable Part data in EFH fragments of size octets each."""
    count = max(1, -(-len(data) // size))
    return [header(proto, k, k * size, k < count - 1, ident, option=option, ps=ps) +
            data[k * size:(k + 1) * size] for k in range(count)]


def fragments(src, dst, proto, data, size, ident, option=EFH, **ipargs):
    return [ip(src, dst, DSTOPTS, piece, **ipargs)
            for piece in cut(proto, data, size, ident, option)]


class Packet:
    """What a test wants to know of an IP packet seen on the wire."""

    def __init__(self, data, option=EFH):
        self.data = data
        self.version = data[0] >> 4
        self.headers = []       # the protocols in their order
        self.efh = None         # (nexthdr, cache, index, ps, offset, more, id)
        self.fragmented = False     # by the stack's own means
        if self.version == 6:
            self.tclass = (data[0] << 8 | data[1]) >> 4 & 0xFF
            self.label = struct.unpack_from("!I", data)[0] & 0xFFFFF
            self.length = 40 + struct.unpack_from("!H", data, 4)[0]
            nexthdr, self.hops = data[6], data[7]
            self.src = socket.inet_ntop(socket.AF_INET6, data[8:24])
            self.dst = socket.inet_ntop(socket.AF_INET6, data[24:40])
            at = 40
        else:
            self.tclass, self.label, self.hops = data[1], 0, data[8]
            self.length = struct.unpack_from("!H", data, 2)[0]
            flags, = struct.unpack_from("!H", data, 6)
            self.df = bool(flags & 0x4000)
            self.fragmented = bool(flags & 0x3FFF)
            nexthdr = data[9]
            self.src = socket.inet_ntop(socket.AF_INET, data[12:16])
            self.dst = socket.inet_ntop(socket.AF_INET, data[16:20])
            at = (data[0] & 15) * 4
        data = data[:self.length]
        while True:
            self.headers.append(nexthdr)
            if nexthdr not in (HOPOPTS, ROUTING, DSTOPTS, FRAGMENT) or len(data) < at + 8:
                break
            if self.version == 4 and nexthdr != DSTOPTS:
                break
            if nexthdr == FRAGMENT:
                self.fragmented = True
                nexthdr, at = data[at], at + 8
                continue
            size = (data[at + 1] + 1) * 8
            if nexthdr == DSTOPTS:
                self.find(data, at, min(at + size, len(data)), option)
            nexthdr, at = data[at], at + size
            if self.efh and self.efh[0] == NONE:
                break
        self.proto, self.at, self.payload = nexthdr, at, data[at:]

    def find(self, data, at, end, option):
        """The EFH option among those of the header at `at`."""
        here = at + 2
        while here + 14 <= end and data[here] != option:
            here += 1 if not data[here] else 2 + data[here + 1]
        if here + 14 <= end:
            self.efh_at = at
            cache, index, word, ident = struct.unpack_from("!BBHQ", data, here + 2)
            self.efh = data[at], cache, index >> 2, index & 3, word & 0xFFF8, word & 1, ident

    index = property(lambda self: self.efh[2])
    offset = property(lambda self: self.efh[4])
    more = property(lambda self: self.efh[5])
    ident = property(lambda self: self.efh[6])
    key = property(lambda self: (self.src, self.dst, self.ident))


def filled(data):
    """A packet with the checksum of its UDP or TCP made, if a device had it left to do."""
    p = Packet(data)
    field = p.at + {UDP: 6, TCP: 16}.get(p.proto, 0)
    if field == p.at or p.fragmented:
        return data
    data = data[:field] + b"\0\0" + data[field + 2:]
    value = checksum(pseudo(p.src, p.dst, len(data) - p.at, p.proto) + data[p.at:]) or 0xFFFF
    return data[:field] + struct.pack("!H", value) + data[field + 2:]


class Carried(Packet):
    """A packet of a link under UDP: either inner, the packet, or efh and a piece of it."""

    def __init__(self, data, option=EFH):
        super().__init__(data, option)
        if self.proto != UDP:
            raise ValueError(f"protocol {self.proto}, not UDP")
        self.sport, self.dport, self.udp_length, self.check = \
            struct.unpack_from("!HHHH", self.payload)
        datagram, self.payload = self.payload, self.payload[8:]
        self.control = Control(self.payload) if self.payload[:1] == bytes((NONE,)) and \
            self.payload[2:3] == bytes((CONTROL,)) else None
        self.inner = self.payload if self.payload[:1] and self.payload[0] >> 4 in (4, 6) else None
        head = pseudo(self.src, self.dst, len(datagram), UDP)
        # a sum of all is 0 where the field is right
        self.check_good = self.check != 0 and not checksum(head + datagram)
        # to be filled in by a device, or when that of the packet inside has been
        self.check_left = self.check == ~checksum(head) & 0xFFFF or self.check and \
            self.inner is not None and not checksum(head + datagram[:8] + filled(self.inner))
        if self.inner is None and len(self.payload) >= 16:
            self.find(self.payload, 0, 16, option)
            if self.efh:
                self.efh_at += self.at + 8
                self.head, self.payload = self.payload[:16], self.payload[16:]


def icmp_error(packet):
    """(type, code, word, quoted packet) if packet is an ICMP error."""
    body = packet.payload
    if packet.proto == ICMP6 and body[0] < 128 or packet.proto == ICMP and body[0] in (3, 11, 12):
        return body[0], body[1], struct.unpack_from("!I", body, 4)[0], body[8:]
    return None
