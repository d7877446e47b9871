#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every way a program has of handing large packets to the kernel."""
import select
import socket
import struct

from efhtest import *
from efhwire import Packet
import efhwire

MSG_MORE, MSG_ZEROCOPY, MSG_ERRQUEUE = 0x8000, 0x4000000, 0x2000
UDP_CORK = 1
SO_ZEROCOPY = 60
IPV6_HOPOPTS, IPV6_DSTOPTS, IPV6_FLOWLABEL_MGR, IPV6_FLOWINFO_SEND = 54, 59, 32, 33


def both(test):
    """Run test(path, family) on one path."""
    path = Path()
    for family in (6, 4):
        test(path, family)


def sent_as_efh(path, family, what, send, expected, port, connect=True):
    """What send(socket) sends arrives as one datagram of EFH fragments."""
    tx, rx = path.udp(family, port, connect)
    count = fragments_of(8 + len(expected), fragment_size(1500, family))
    with path.a.expect(f"IPv{family} {what}: {count} EFH fragments", out_packets=1,
                       out_fragments=count, out_failed=0):
        send(tx)
        eq(receive(rx), expected, f"IPv{family} {what}: the data")
    tx.close()
    rx.close()


def in_pieces(path, family):
    """Corks, MSG_MORE, gathered writes."""
    pieces = [data(n, n) for n in (1, 1399, 7, 20000, 1452, 3000, 12345)]
    whole = b"".join(pieces)

    def cork(sock):
        sock.setsockopt(SOL_UDP, UDP_CORK, 1)
        for piece in pieces:
            sock.send(piece)
        sock.setsockopt(SOL_UDP, UDP_CORK, 0)

    def more(sock):
        for piece in pieces[:-1]:
            sock.send(piece, MSG_MORE)
        sock.send(pieces[-1])

    for number, (what, send) in enumerate((
            ("corked", cork), ("MSG_MORE", more),
            ("sendmsg of an iovec", lambda sock: sock.sendmsg(pieces)))):
        sent_as_efh(path, family, what, send, whole, 7000 + number)


def in_pages(path, family):
    """sendfile, splice and MSG_ZEROCOPY: page fragments nobody copied."""
    name = f"/tmp/efh-{os.getpid()}"
    with open(name, "wb") as file:
        file.write(data(60000, family))
    fd = os.open(name, os.O_RDONLY)
    os.unlink(name)

    def sendfile(sock):
        sock.setsockopt(SOL_UDP, UDP_CORK, 1)
        at = 0
        while at < 60000:
            at += os.sendfile(sock.fileno(), fd, at, 60000 - at)
        sock.setsockopt(SOL_UDP, UDP_CORK, 0)

    def splice(sock):
        out, into = os.pipe()
        sock.setsockopt(SOL_UDP, UDP_CORK, 1)
        at = 0
        while at < 60000:
            count = os.splice(fd, into, min(32768, 60000 - at), offset_src=at)
            at += count
            while count:
                count -= os.splice(out, sock.fileno(), count)
        sock.setsockopt(SOL_UDP, UDP_CORK, 0)
        os.close(out)
        os.close(into)

    def zerocopy(sock):
        sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        sock.send(data(60000, family), MSG_ZEROCOPY)
        # whether or not the receiver ever reads
        ok(completion(sock), f"IPv{family} MSG_ZEROCOPY: the pages are given back")

    for number, (what, send) in enumerate((("sendfile", sendfile), ("splice", splice),
                                           ("MSG_ZEROCOPY", zerocopy))):
        sent_as_efh(path, family, what, send, data(60000, family), 7100 + number)
    os.close(fd)


def completion(sock, seconds=2):
    """The kernel's word that it is done with the pages of MSG_ZEROCOPY."""
    poll = select.poll()
    poll.register(sock, select.POLLERR)
    if not poll.poll(1000 * seconds):
        return None
    return sock.recvmsg(0, 512, MSG_ERRQUEUE | socket.MSG_DONTWAIT)[1]


def unconnected(path, family):
    b = path.ends(family)[1]
    for number, size in enumerate((1600, 60000)):
        sent_as_efh(path, family, f"unconnected {size}",
                    lambda sock, size=size, number=number:
                    sock.sendto(data(size), (b, 7200 + number)),
                    data(size), 7200 + number, connect=False)


def segments(path, family):
    """UDP_SEGMENT: small segments stay what they are, large ones are cut one by one."""
    tx, rx = path.udp(family, 7300)
    tx.setsockopt(SOL_UDP, UDP_SEGMENT, 1400)
    with path.a.expect(f"IPv{family} UDP_SEGMENT 1400: no EFH", out_packets=0, out_fragments=0):
        tx.send(data(14000))
        arrive(rx, [data(14000)[at:at + 1400] for at in range(0, 14000, 1400)],
               f"IPv{family} UDP_SEGMENT 1400: the data")
    path.raise_mtu(65000)
    tx, rx = path.udp(family, 7301)
    tx.setsockopt(SOL_UDP, UDP_SEGMENT, 8000)
    count = 6 * fragments_of(8008, fragment_size(1500, family)) + \
        fragments_of(7508, fragment_size(1500, family))
    with path.a.expect(f"IPv{family} UDP_SEGMENT 8000: each segment cut", out_packets=7,
                       out_fragments=count):
        tx.send(data(55500))
        arrive(rx, [data(55500)[at:at + 8000] for at in range(0, 55500, 8000)],
               f"IPv{family} UDP_SEGMENT 8000: the data")
    # a receiver that takes batches gets the same octets
    rx.setsockopt(SOL_UDP, UDP_GRO, 1)
    tx.send(data(55500, 5))
    got = b""
    while len(got) < 55500:
        part = receive(rx)
        if part is None:
            break
        got += part
    eq(got, data(55500, 5), f"IPv{family} UDP_SEGMENT 8000 to UDP_GRO: the data")
    path.raise_mtu(1500)


def raw(path, family):
    """A protocol without a port or a checksum."""
    a, b = path.ends(family)
    tx = path.a.socket(AF[family], socket.SOCK_RAW, 253, bind=(a, 0))
    rx = path.b.socket(AF[family], socket.SOCK_RAW, 253, bind=(b, 0))
    skip_header = 0 if family == 6 else 20
    for size in (1500, 30000, 65000):
        count = fragments_of(size, fragment_size(1500, family))
        with path.a.expect(f"IPv{family} raw {size}: {count} fragments", out_packets=1,
                           out_fragments=count):
            tx.sendto(data(size, size), (b, 0))
            got = receive(rx)
            eq(got and got[skip_header:], data(size, size), f"IPv{family} raw {size}: the data")


def echo(path, family):
    b = path.ends(family)[1]
    for size in (1500, 8192, 60000):
        count = fragments_of(8 + size, fragment_size(1500, family))
        with path.a.expect(f"IPv{family} ping {size}: requests", out_packets=2,
                           out_fragments=2 * count, in_fragments=2 * count, reassembled=2):
            out = path.a.run(f"ping -{family} -c 2 -i 0.2 -W 10 -s {size} {b}", check=False)
        ok("2 received" in out.stdout, f"IPv{family} ping -s {size}", out.stdout + out.stderr)


def pieces():
    both(in_pieces)


def pages():
    both(in_pages)


def addressed():
    both(unconnected)


def gso():
    both(segments)


def raw_sockets():
    both(raw)


def icmp_echo():
    both(echo)


def flow_labels():
    """A label asked for is on every fragment, and seen by the receiver."""
    path = Path()
    tx, rx = path.udp(6, connect=False)
    label, tclass = 0x12345, 0xB8
    request = efhwire.address(path.B6) + struct.pack("!I", label) + \
        struct.pack("=BBHHHI", 0, 255, 1, 0, 0, 0)      # get, any share, create
    tx.setsockopt(socket.IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, request)
    tx.setsockopt(socket.IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1)
    tx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tclass)
    tx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 33)
    rx.setsockopt(socket.IPPROTO_IPV6, 11, 1)   # IPV6_FLOWINFO
    seen = Wire(path.r, "ra")
    tx.sendto(data(20000), (path.B6, 9999, label, 0))
    got, control, *_ = rx.recvmsg(1 << 17, 256)
    eq(got, data(20000), "labelled data")
    info = [struct.unpack("!I", value)[0] for _, kind, value in control if kind == 11]
    eq(info, [tclass << 20 | label], "class and label of the reassembled packet")
    eq({(p.label, p.tclass, p.hops) for p in map(Packet, seen.frames()) if p.efh},
       {(label, tclass, 33)}, "class, label and hop limit of the fragments")


def extension_headers():
    """Options stay before the EFH header, where the stack would fragment behind them."""
    path = Path()
    tx, rx = path.udp(6)
    padn = b"\x01\x04" + bytes(4)
    tx.setsockopt(socket.IPPROTO_IPV6, IPV6_HOPOPTS, b"\0\0" + padn)
    seen = Wire(path.r, "ra")
    tx.send(data(20000))
    eq(receive(rx), data(20000), "data behind hop-by-hop options")
    packets = [p for p in map(Packet, seen.frames()) if p.efh]
    eq({tuple(p.headers[:2]) for p in packets}, {(efhwire.HOPOPTS, efhwire.DSTOPTS)},
       "hop-by-hop options come first")
    ok(packets and max(p.length for p in packets) <= 1500 and
       {len(p.payload) for p in packets if p.more} == {1500 - 40 - 8 - 16 & ~7},
       "and their length counts", [p.length for p in packets])
    tx.setsockopt(socket.IPPROTO_IPV6, IPV6_HOPOPTS, b"")
    tx.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, b"\0\0" + padn)
    tx.send(data(20000, 1))
    eq(receive(rx), data(20000, 1), "data behind destination options of its own")
    packets = [p for p in map(Packet, seen.frames()) if p.efh]
    # the stack takes them for those that RFC 8200 has before a Routing header
    eq([(p.headers[:3], p.efh[1]) for p in packets[:1]],
       [([efhwire.DSTOPTS, efhwire.DSTOPTS, efhwire.UDP], efhwire.UDP)],
       "EFH stands where the Fragment header would")


def without_gather():
    """A device that cannot gather gets linear fragments."""
    path = Path(sg="off")
    for family in (6, 4):
        sent_as_efh(path, family, "sg off", lambda sock: sock.send(data(60000)), data(60000), 7400)
        in_pages(path, family)


def gro_off():
    path = Path(gro="off")
    for family in (6, 4):
        sent_as_efh(path, family, "gro off", lambda sock: sock.send(data(60000)), data(60000),
                    7500)


def checksums():
    """A datagram whose UDP checksum is wrong is not data, in fragments or not."""
    path = Path()
    for family in (6, 4):
        a, b = path.ends(family)
        tx = path.a.socket(AF[family], socket.SOCK_RAW, socket.IPPROTO_UDP, bind=(a, 0))
        rx = path.b.socket(AF[family], bind=(b, 9999))
        rx.settimeout(0.5)
        whole = efhwire.udp(a, b, 5, 9999, data(5000))
        for change, expected in ((0, data(5000)), (1, None)):
            bad = bytearray(whole)
            bad[4000] ^= change
            tx.sendto(bytes(bad), (b, 0))
            eq(receive(rx), expected, f"IPv{family}: checksum {'wrong' if change else 'right'}")


def ancillary():
    """A reassembled packet has a time and a device, as any other."""
    path = Path()
    for family in (6, 4):
        tx, rx = path.udp(family)
        rx.setsockopt(socket.SOL_SOCKET, 35, 1)     # SO_TIMESTAMPNS
        level, ask, kind = (socket.IPPROTO_IPV6, 49, 50) if family == 6 else \
            (socket.IPPROTO_IP, 8, 8)               # PKTINFO
        rx.setsockopt(level, ask, 1)
        start = time.time()
        tx.send(data(40000))
        got, control, *_ = rx.recvmsg(1 << 17, 512)
        eq(got, data(40000), f"IPv{family}: the data")
        stamps = [struct.unpack("qq", value) for layer, what, value in control
                  if layer == socket.SOL_SOCKET and what == 35]
        ok(len(stamps) == 1 and start - 1 < stamps[0][0] + stamps[0][1] / 1e9 < time.time() + 1,
           f"IPv{family}: its time of arrival", stamps)
        info = [value for layer, what, value in control if (layer, what) == (level, kind)]
        index = path.b.ifindex("b0")
        at = 16 if family == 6 else 0
        eq([struct.unpack_from("=I", value, at)[0] for value in info], [index],
           f"IPv{family}: the device it came by")


def looped():
    """A sender that is a member of its group, sending atomic fragments and others."""
    pair = Pair(gro="off")
    group, port = "ff15::4242", 9999
    for ns in (pair.a, pair.b):
        ns.efhctl("native add ff15::/16")
        ns.efhctl("settings set atomic on")
    members = []
    for ns, dev in ((pair.a, "a0"), (pair.b, "b0")):
        rx = ns.socket(bind=(group, port))
        rx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                      efhwire.address(group) + struct.pack("=I", ns.ifindex(dev)))
        rx.settimeout(2)
        members.append(rx)
    tx = pair.a.socket(bind=(pair.A6, 0))
    tx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, pair.a.ifindex("a0"))
    for loop in (1, 0):
        tx.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, loop)
        for size in (100, 1400, 20000):
            wire = Wire(pair.b, "b0")
            members[0].settimeout(2 if loop else 0.2)
            tx.sendto(data(size, size + loop), (group, port))
            eq([receive(rx) for rx in members],
               [data(size, size + loop) if loop else None, data(size, size + loop)],
               f"multicast with loop {loop}, {size} octets: each copy due")
            seen = [p for p in map(Packet, wire.frames()) if p.dst == group]
            eq((len(seen), all(p.efh for p in seen)), (fragments_of(size + 8, 1440), True),
               f"multicast with loop {loop}, {size} octets: sent once, as EFH")
            wire.close()


def nobody_there():
    """A port without a socket answers a whole packet, and the sender hears of it."""
    path = Path()
    for family in (6, 4):
        tx, rx = path.udp(family, 9995)
        rx.close()
        tx.send(data(30000))
        try:
            tx.recv(10)
            ok(False, f"IPv{family}: port unreachable")
        except OSError as error:
            eq(error.errno, errno.ECONNREFUSED, f"IPv{family}: port unreachable")
        eq([f["state"] for f in path.a.flows() if f["destination"] == path.ends(family)[1]],
           [0], f"IPv{family}: which says nothing about EFH")


if __name__ == "__main__":
    main(pieces, pages, addressed, gso, raw_sockets, icmp_echo, flow_labels, extension_headers,
         without_gather, gro_off, checksums, ancillary, looped,
         nobody_there)
