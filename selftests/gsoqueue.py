#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs that wait: in queues, on a socket's account, for a module that has gone."""
import fcntl
import socket
import struct
import threading

from efhtest import *
from gso import carried
import efhwire

SIOCOUTQ, SO_ZEROCOPY, MSG_ZEROCOPY, MSG_ERRQUEUE = 0x5411, 60, 0x4000000, 0x2000
SO_TXTIME, SO_TIMESTAMPING = 61, 37


def queued(sock):
    return struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQ, bytes(4)))[0]


def drained(sock, what):
    ok(wait(lambda: queued(sock) == 0, 5), f"{what}: nothing is charged to the socket in the end",
       queued(sock))


QDISCS = (
    # what runs exceed is split there
    ("tbf", "tbf rate 400mbit burst 4000 limit 4000000", 8),
    ("tbf of large bursts", "tbf rate 400mbit burst 100000 limit 4000000", 8),
    ("fq_codel", "fq_codel", 8),
    ("fq", "fq", 8),
    ("netem", "netem limit 1000 delay 3ms reorder 30% 50%", 8),
    ("netem that loses", "netem loss 40%", None),
    ("netem that duplicates", "netem duplicate 100%", None),
    ("netem that corrupts", "netem corrupt 30%", None),
    ("htb", "htb default 1", 8),
    ("a full netem", "netem limit 2 delay 5ms", None),
    ("a full tbf", "tbf rate 20mbit burst 4000 limit 30000", None),
)


def delivered_right(got, sent):
    """As it was sent; or with a bit flipped in several of its fragments such that
    UDP's sum is the same, which netem manages about once in 500 times."""
    if got in sent:
        return True
    flipped = [a ^ b for one in sent if len(one) == len(got) for a, b in zip(one, got) if a != b]
    return len(flipped) > 1 and efhwire.checksum(got) in map(efhwire.checksum, sent)


def qdiscs():
    """On the sender's device: what arrives is whole, what does not is given back."""
    pair = Pair()
    pair.a.efhctl("native add 2001:db8::/64")
    pair.a.efhctl("native add 192.0.2.0/24")
    pair.b.efhctl("settings set timeout 0.5")
    for number, (what, words, expected) in enumerate(QDISCS):
        done = pair.a.run(f"tc qdisc replace dev a0 root handle 1: {words}", check=False)
        if done.returncode:
            skip(what, done.stderr.strip())
            continue
        if what == "htb":
            pair.a.run("tc class add dev a0 parent 1: classid 1:1 htb rate 400mbit")
        for family, near, far in ((6, pair.A6, pair.B6), (4, pair.A4, pair.B4)):
            tx = pair.a.socket(AF[family], bind=(near, 0))
            rx = pair.b.socket(AF[family], bind=(far, 7000 + number))
            rx.settimeout(3 if expected else 0.2)
            sent = [data(7000 * n + 3000, n) for n in range(8)]
            got = []
            for datagram in sent:
                try:
                    tx.sendto(datagram, (far, 7000 + number))
                except OSError as error:
                    eq(error.errno, errno.ENOBUFS, f"{what}: why it was not sent")
                # a veth takes 256
                if expected and (one := receive(rx)):
                    got.append(one)
            while not expected and (one := receive(rx)):
                got.append(one)
            ok(all(delivered_right(g, sent) for g in got),
               f"{what}: IPv{family}, {len(got)} whole datagrams")
            if expected:
                eq(sorted(map(len, got)), sorted(map(len, sent)), f"{what}: IPv{family}, all of it")
            drained(tx, f"{what}: IPv{family}")
            tx.close()
            rx.close()
        pair.a.run("tc qdisc del dev a0 root")
    ok(wait(lambda: not pair.b.stats()["reassembly_packets"]), "nothing is held in the end")


def back_pressure():
    """A small send buffer: the sender waits for its fragments."""
    pair = Pair()
    pair.a.efhctl("native add 2001:db8::/64")
    pair.a.run("tc qdisc add dev a0 root tbf rate 20mbit burst 4000 limit 4000000")
    for what, sndbuf in (("small", 100000), ("large", 4 << 20)):
        tx, rx = pair.a.socket(bind=(pair.A6, 0)), pair.b.socket(bind=(pair.B6, 9999))
        rx.settimeout(2)
        tx.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, sndbuf)
        most = 0
        for number in range(10):
            tx.sendto(data(30000, number), (pair.B6, 9999))
            most = max(most, queued(tx))
        # the bound is double, and one more may pass it
        ok(1000 < most < 2 * sndbuf + 3 * 30000, f"{what} buffer: charged, and bounded", most)
        arrive(rx, [data(30000, n) for n in range(10)], f"{what} buffer: all arrive")
        drained(tx, f"{what} buffer")
        tx.close()
        rx.close()


def errors_of(sock, enough, stir):
    """Ancillary data of what comes by the error queue, until enough() of it says so.

    A processor frees the buffers of another one when it next has traffic.
    """
    found = []
    sock.settimeout(0)
    for _ in range(50):
        try:
            while True:
                found.append(sock.recvmsg(1 << 17, 1024, MSG_ERRQUEUE | socket.MSG_DONTWAIT)[1])
        except BlockingIOError:
            pass
        if enough(found):
            break
        stir()
        time.sleep(0.02)
    sock.settimeout(10)
    return [extended(ancillary) for ancillary in found]


def stir(path):
    """Traffic for each processor."""
    for cpu in os.sched_getaffinity(0):
        path.b.run(f"taskset -c {cpu} ping -c 3 -i 0.002 {path.A6}", check=False)


def extended(ancillary):
    """(errno, origin, info, data) of sock_extended_err."""
    for level, kind, value in ancillary:
        if (level, kind) in ((socket.IPPROTO_IPV6, 25), (socket.IPPROTO_IP, 11)):
            return struct.unpack_from("IBBBBII", value)
    return None


def completions(sock, count, path, what):
    """Each of so many sends is completed, and but once."""
    def numbers(found):
        ranges = [extended(ancillary)[5:] for ancillary in found]
        return sorted(n for low, high in ranges for n in range(low, high + 1))
    raw = []

    def enough(found):
        raw[:] = found
        return len(numbers(found)) >= count
    errors_of(sock, enough, lambda: stir(path))
    eq(numbers(raw), list(range(count)), f"{what}: each completion once")


def zerocopy_udp(path, family):
    tx, rx = path.udp(family)
    tx.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    sent = [data(20000, n) for n in range(5)]
    for datagram in sent:
        tx.send(datagram, MSG_ZEROCOPY)
    arrive(rx, sent, f"IPv{family} UDP: the data")
    completions(tx, 5, path, f"IPv{family} UDP")
    drained(tx, f"IPv{family} UDP")


def streams(path, family, port):
    """A's end of a connection, and B's."""
    listener = path.b.socket(AF[family], socket.SOCK_STREAM, bind=("", port))
    listener.listen()
    tx = path.a.socket(AF[family], socket.SOCK_STREAM)
    tx.connect((path.ends(family)[1], port))
    rx, _ = listener.accept()
    rx.settimeout(20)
    listener.close()
    return tx, rx


def sink(sock):
    """(what comes until the end of a stream, the thread that reads it)."""
    got = bytearray()

    def read():
        while part := sock.recv(1 << 20):
            got.extend(part)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return got, thread


def uncharged(path, sock, what):
    """All that a stream has sent is given back."""
    def charged():
        found = re.search(r"skmem:\(r\d+,rb\d+,t(\d+)", path.a.run(
            f"ss -tmnH state all sport = {sock.getsockname()[1]}"))
        return found and found[1]
    wait(lambda: charged() == "0", 5)
    eq(charged(), "0", f"{what}: nothing is charged to the socket in the end")


def zerocopy_tcp(path, family):
    tx, rx = streams(path, family, 6000 + family)
    tx.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    content = memoryview(NOISE)
    before = path.a.stats()["out_packets"]
    got, thread = sink(rx)
    at = calls = 0
    while at < len(content):
        at += tx.send(content[at:at + 50000], MSG_ZEROCOPY)
        calls += 1
    tx.shutdown(socket.SHUT_WR)
    thread.join(20)
    ok(got == content, f"IPv{family} TCP: the data")
    ok(path.a.stats()["out_packets"] > before, f"IPv{family} TCP: as EFH")
    completions(tx, calls, path, f"IPv{family} TCP")
    uncharged(path, tx, f"IPv{family} TCP")


def zerocopy_senders():
    """MSG_ZEROCOPY: the pages are the sender's again, once, and nothing stays charged."""
    path = Path()
    path.raise_mtu(65000)
    for family in (6, 4):
        zerocopy_udp(path, family)
        zerocopy_tcp(path, family)


def full_queue():
    """A stream whose fragments find no room: sent again, and accounted for."""
    path = Path()
    path.raise_mtu(20000)
    path.a.run("tc qdisc add dev a0 root tbf rate 20mbit burst 4000 limit 40000")
    for family in (6, 4):
        tx, rx = streams(path, family, 6000 + family)
        got, thread = sink(rx)
        tx.sendall(NOISE * 4)
        tx.shutdown(socket.SHUT_WR)
        thread.join(40)
        ok(got == NOISE * 4, f"IPv{family} TCP over a queue that is full: the data", len(got))
        uncharged(path, tx, f"IPv{family} TCP over a queue that is full")
    found = re.search(r"dropped (\d+)", path.a.run("tc -s qdisc show dev a0"))
    ok(int(found[1]) > 0, "and it was full", found[0])


def timestamps():
    """One time of departure for each packet, not for each fragment."""
    path = Path()
    for family in (6, 4):
        tx, rx = path.udp(family)
        # TX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, OPT_TSONLY
        tx.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, 1 << 1 | 1 << 4 | 1 << 7 | 1 << 8 |
                      1 << 11)
        for number in range(4):
            tx.send(data(20000, number))
            eq(receive(rx), data(20000, number), f"IPv{family}: packet {number}")
        found = errors_of(tx, lambda found: len(found) > 8, lambda: None)
        # info: 0 sent, 1 scheduled; data: which packet
        eq(sorted((f[5], f[6]) for f in found), sorted((k, n) for k in (0, 1) for n in range(4)),
           f"IPv{family}: scheduled once, sent once, in the right packet's name")


def departure():
    """SO_TXTIME holds for all fragments."""
    path = Path()
    if path.a.run("tc qdisc replace dev a0 root fq", check=False).returncode:
        raise Skip("no fq")
    for family in (6, 4):
        tx, rx = path.udp(family)
        tx.setsockopt(socket.SOL_SOCKET, SO_TXTIME, struct.pack("iI", time.CLOCK_MONOTONIC, 0))
        start = time.monotonic_ns()
        tx.sendmsg([data(20000)], [(socket.SOL_SOCKET, SO_TXTIME,
                                    struct.pack("Q", start + 200_000_000))])
        eq(receive(rx), data(20000), f"IPv{family}: arrives")
        late = (time.monotonic_ns() - start) / 1e6
        ok(late >= 199, f"IPv{family}: not before its time", late)
        drained(tx, f"IPv{family}")


def removed(what, prepare, settle):
    """The module goes while its runs are somewhere, comes back, and works."""
    pair = Pair()
    pair.a.efhctl("native add 2001:db8::/64")
    pair.a.efhctl("native add 192.0.2.0/24")
    prepare(pair)
    socks = []
    for family, near, far in ((6, pair.A6, pair.B6), (4, pair.A4, pair.B4)):
        tx = pair.a.socket(AF[family], bind=(near, 0))
        for number in range(3):
            tx.sendto(data(30000), (far, 9))
        socks.append(tx)
    for ns in (pair.a, pair.b):
        ns.close()
    start = time.monotonic()
    done = command("modprobe -r efh", check=False)
    took = time.monotonic() - start
    eq((done.returncode, loaded()), (0, False), f"{what}: removed")
    ok(took < 5, f"{what}: within a while", took)
    settle(pair)
    for tx in socks:
        drained(tx, what)
    command("modprobe efh")
    pair.a.efhctl("native add 2001:db8::/64")
    pair.a.efhctl("native add 192.0.2.0/24")
    carried(pair.a, pair.b, {6: (pair.A6, pair.B6), 4: (pair.A4, pair.B4)}, f"{what}, loaded again",
            1500)


def removed_queued():
    """Runs that wait in a queue come out when nobody can split them any more."""

    def settle(pair):
        time.sleep(0.5)
        pair.a.run("tc qdisc del dev a0 root")
    removed("waiting in netem", lambda pair: pair.a.run(
        "tc qdisc add dev a0 root netem delay 400ms"), settle)


def removed_joined():
    """GRO holds runs, and does for longer than removal takes."""

    def prepare(pair):
        # alone they would go at once
        wire = pair.wire()
        gather(pair.b, "b0", 700)
        for a, b in ((pair.A6, pair.B6), (pair.A4, pair.B4)):
            body = efhwire.udp(a, b, 7, 9, data(9000))
            wire.send(*efhwire.fragments(a, b, efhwire.UDP, body, 1440, 7)[1:4])
    removed("waiting in GRO", prepare, lambda pair: gather(pair.b, "b0", 1))


if __name__ == "__main__":
    main(qdiscs, back_pressure, zerocopy_senders, full_queue, timestamps, departure,
         removed_queued, removed_joined)
