#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""TCP whose segments are larger than the link, because the route says so."""
import hashlib
import socket
import tempfile
import threading

from efhtest import *
from efhwire import Packet


def stream(path, family, size, how, port):
    """size octets from A to B; what B saw, by digest."""
    b = path.ends(family)[1]
    listener = path.b.socket(AF[family], socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((b, port))
    listener.listen()
    result = {}

    def sink():
        peer, _ = listener.accept()
        peer.settimeout(30)
        digest, count = hashlib.sha256(), 0
        try:
            while part := peer.recv(1 << 20):
                digest.update(part)
                count += len(part)
        except OSError as error:
            note(f"receiver: {error}")
        result.update(digest=digest.hexdigest(), count=count)
        peer.close()

    thread = threading.Thread(target=sink, daemon=True)
    thread.start()
    content = NOISE[:100003] * (size // 100003 + 1)
    content = content[:size]
    sock = path.a.socket(AF[family], socket.SOCK_STREAM)
    sock.settimeout(30)
    sock.connect((b, port))
    segment = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    if how == "sendfile":
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            sock.sendfile(file)
    else:
        sock.sendall(content)
    sock.shutdown(socket.SHUT_WR)
    thread.join(60)
    sock.close()
    listener.close()
    eq((result.get("count"), result.get("digest")), (size, hashlib.sha256(content).hexdigest()),
       f"IPv{family} TCP {how}: {size} octets")
    return segment


def run(path, how, size=4 << 20, first=8000):
    path.raise_mtu(32768)
    for family in (6, 4):
        seen = Wire(path.r, "ra")
        with Transfer(path) as sent:
            segment = stream(path, family, size, how, first + family)
            packets = [Packet(p) for p in seen.frames()]
        ok(segment > 32000, f"IPv{family}: the segment size follows the route", segment)
        ok(sent.packets >= size // 32768 and sent.fragments > 15 * sent.packets,
           f"IPv{family} TCP {how}: large segments in EFH fragments",
           f"{sent.packets} packets {sent.fragments}")
        sent.check(f"IPv{family} TCP {how}")
        eq(sum(1 for p in packets if p.fragmented or p.length > 1500), 0,
           f"IPv{family} TCP {how}: nothing else does the cutting")
        seen.close()


def plain():
    run(Path(), "write")


def sendfile():
    run(Path(), "sendfile")


def offloads():
    """Super-packets reach the hook too: segmentation offload on, and no gathering."""
    path = Path()
    for ns, dev in ((path.a, "a0"), (path.b, "b0")):
        ns.run(f"ethtool -K {dev} tso on gso on")
    run(path, "write", 2 << 20, 8100)
    path.a.run("ethtool -K a0 tso off sg off", check=False)
    run(path, "sendfile", 1 << 20, 8200)


def ordinary():
    """TCP that fits the link is left alone."""
    path = Path()
    for family in (6, 4):
        with path.a.expect(f"IPv{family} TCP of the link's size", out_packets=0, out_failed=0):
            stream(path, family, 1 << 20, "write", 8300 + family)


def lossy():
    """Retransmissions are packets like any other."""
    path = Path()
    path.r.run("tc qdisc replace dev rb root netem limit 20000 loss 0.3% delay 1ms")
    path.raise_mtu(32768)
    stream(path, 6, 2 << 20, "write", 8406)
    stream(path, 4, 2 << 20, "sendfile", 8404)


if __name__ == "__main__":
    main(plain, sendfile, offloads, ordinary, lossy)
