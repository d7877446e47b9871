#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""AF_XDP sockets, which take frames in front of the stack and send them past it."""
import ctypes
import mmap
import socket
import struct

from efhtest import *
from efhwire import Packet
from groforward import Xdp

AF_XDP, SOL_XDP = 44, 283
MMAP_OFFSETS, RX_RING, TX_RING, UMEM_REG, FILL_RING, COMPLETION_RING = range(1, 7)
# Ring: where it is mapped, an entry
RINGS = {RX_RING: (0, "=QII"), TX_RING: (1 << 31, "=QII"), FILL_RING: (1 << 32, "=Q"),
         COMPLETION_RING: (3 << 31, "=Q")}
COPY = 2
# of the memory for frames: the first half to receive, the second to send
CHUNK, CHUNKS = 2048, 256


class Ring:
    def __init__(self, sock, kind, offsets):
        where, self.entry = RINGS[kind]
        self.producer, self.consumer, self.first, _ = offsets
        self.map = mmap.mmap(sock.fileno(), self.first + CHUNKS * struct.calcsize(self.entry), offset=where)

    def word(self, at):
        return struct.unpack_from("=I", self.map, at)[0]

    def at(self, number):
        return self.first + number % CHUNKS * struct.calcsize(self.entry)

    def put(self, *values):
        number = self.word(self.producer)
        struct.pack_into(self.entry, self.map, self.at(number), *values)
        struct.pack_into("=I", self.map, self.producer, number + 1 & 0xffffffff)

    def get(self):
        number = self.word(self.consumer)
        if number == self.word(self.producer):
            return None
        values = struct.unpack_from(self.entry, self.map, self.at(number))
        struct.pack_into("=I", self.map, self.consumer, number + 1 & 0xffffffff)
        return values


class Xsk:
    """An AF_XDP socket at queue 0 of a device, which copies."""

    def __init__(self, ns, dev):
        with ns:
            self.sock = socket.socket(AF_XDP, socket.SOCK_RAW)
            index = socket.if_nametoindex(dev)
        self.area = mmap.mmap(-1, CHUNK * CHUNKS, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.area))
        self.sock.setsockopt(SOL_XDP, UMEM_REG, struct.pack("=QQII", address, CHUNK * CHUNKS, CHUNK, 0))
        for kind in RINGS:
            self.sock.setsockopt(SOL_XDP, kind, CHUNKS)
        offsets = struct.unpack("=16Q", self.sock.getsockopt(SOL_XDP, MMAP_OFFSETS, 128))
        self.received, self.to_send, self.room, self.sent = (
            Ring(self.sock, kind, offsets[i * 4:i * 4 + 4]) for i, kind in enumerate(RINGS))
        for chunk in range(CHUNKS // 2):
            self.room.put(chunk * CHUNK)
        where = struct.pack("=HHIII", AF_XDP, COPY, index, 0, 0)
        if LIBC.bind(self.sock.fileno(), where, len(where)):
            raise OSError(ctypes.get_errno(), "bind of AF_XDP")

    def fileno(self):
        return self.sock.fileno()

    def fragments(self, count):
        """So many, or those that come in two seconds; but for what else comes."""
        found = []

        def more():
            while got := self.received.get():
                start, length, _ = got
                frame = self.area[start:start + length]
                if frame[12:14] in (b"\x86\xdd", b"\x08\x00") and Packet(frame[14:]).efh:
                    found.append(frame)
                self.room.put(start - start % CHUNK)
            return len(found) >= count
        wait(more, 2)
        return found

    def send(self, frames):
        """Are they gone?"""
        for number, frame in enumerate(frames, CHUNKS // 2):
            start = number * CHUNK
            self.area[start:start + len(frame)] = frame
            self.to_send.put(start, len(frame), 0)
        gone = []

        def done():
            try:
                self.sock.send(b"", socket.MSG_DONTWAIT)
            except OSError:
                pass        # 32 at a time
            while self.sent.get():
                gone.append(1)
            return len(gone) == len(frames)
        return wait(done, 5)

    def close(self):
        for ring in (self.received, self.to_send, self.room, self.sent):
            ring.map.close()    # each holds the socket
        self.sock.close()


def sockets():
    """What a socket takes the stack does not see; sent by one it is joined as any other."""
    path = Path()
    for ns, dev in ((path.r, "rb"), (path.b, "b0")):
        ns.run(f"ethtool -L {dev} rx 1 tx 1", check=False)
        gather(ns, dev)
    taken, sender = Xsk(path.b, "b0"), Xsk(path.r, "rb")
    for what, mode in (("native", Xdp.NATIVE), ("generic", Xdp.GENERIC)):
        for family in (6, 4):
            tx, rx = path.udp(family)
            rx.settimeout(1)
            count = fragments_of(50008, fragment_size(1500, family))
            inside, name = data(50000, family), f"{what}, IPv{family}"
            with path.b.expect(f"{name}: the stack saw nothing"):
                with Xdp(path.b, "b0", mode, taken):
                    tx.send(inside)
                    frames = taken.fragments(count)
            eq(len(frames), count, f"{name}: a socket takes fragments")
            with path.b.expect(f"{name}: and what a socket sends is put together", reassembled=1,
                               in_fragments=count, in_delivered=count):
                ok(sender.send(frames), f"{name}: all are sent")
                eq(receive(rx), inside, f"{name}: octet for octet")
            tx.send(inside)
            eq(receive(rx), inside, f"{name}: and without a program as before")
            tx.close()
            rx.close()
    taken.close()
    sender.close()


if __name__ == "__main__":
    main(sockets)
