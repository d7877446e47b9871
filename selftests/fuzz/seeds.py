#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""seeds.py FOLDER: first inputs for the fuzzers' targets, of the wire vectors.

One folder a target. What an input is made of stands at the head of each target.
"""
import json
import lzma
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FRAGMENT, PACKET, RAW, SLEEP, SETTINGS, FAIL, BETWEEN, POLL = 0, 5, 9, 11, 12, 13, 14, 15
SIZES = (1024, 1032, 1040, 1224, 1440)


def vectors():
    path = os.path.join(HERE, "../vectors/native-ipv6.json.xz")
    for case in json.load(lzma.open(path, "rt")):
        yield case["name"], [bytes.fromhex(step["in"]) for step in case["steps"]]


def place(packet):
    """Where the EFH header begins and ends."""
    at, nexthdr = 40, packet[6]
    while nexthdr in (0, 43):
        nexthdr, at = packet[at], at + 8 * (packet[at + 1] + 1)
    return at, at + 8 * (packet[at + 1] + 1)


def wire():
    """What counts before, payload, option, header"""
    for name, packets in vectors():
        for packet in packets[:1] + packets[-1:]:
            at, end = place(packet)
            yield name, struct.pack("!HHB", at - 40, len(packet) - end, 1) + packet[at:end]


def raw(packet, layout=0):
    _, end = place(packet)
    return struct.pack("!BB", RAW, end) + packet[:end] + struct.pack("!HH", len(packet) - end, layout)


def shape(who=0, ident=1, misc=0, size=4, layout=0):
    return struct.pack("!BBBBH", who, ident, misc, size, layout)


def packet(count=5, last=100, order=0, loss=0, **how):
    return struct.pack("!BBHBB", PACKET, count - 1, last, order, loss) + shape(**how)


def fragment(index, more, length=None, **how):
    size = SIZES[how.get("size", 4)]
    return bytes([FRAGMENT, index << 2 | more]) + shape(**how) + \
        (b"" if more else struct.pack("!H", (length or size) - 1))


def reassembly():
    for name, packets in vectors():
        for joins in (0, 1):
            if len(packets) <= 8:
                yield f"{name} {joins}", bytes([joins]) + b"".join(map(raw, packets))
    for joins in (0, 1):
        for layout in (0, 0x0082, 0x4083, 0x8007, 0x0446, 0x1f20, 0x0108):
            yield f"layout {layout:x} {joins}", bytes([joins]) + b"".join(
                packet(order=order, ident=order, who=order * 8 & 0x30 | order, layout=layout)
                for order in range(6))
        yield f"long {joins}", bytes([joins]) + packet(46, order=7) + packet(64, order=1, size=0, ident=2)
        yield f"loss {joins}", bytes([joins]) + packet(loss=0x82) + packet(loss=0x42) + packet(order=3)
        yield f"held against {joins}", bytes([joins]) + fragment(1, 1) + packet() + packet(loss=0x80) + \
            bytes([POLL]) + packet(order=9)
        yield f"ecn {joins}", bytes([joins]) + packet(misc=4, loss=0xc2) + packet(misc=0, loss=0xc2) + \
            packet(misc=8, loss=0xc0, who=0x20, order=1) + packet(misc=4, loss=0xc2, who=0x20)
        yield f"final {joins}", bytes([joins]) + fragment(3, 1) + fragment(3, 0, 100) + fragment(2, 0, 100) + \
            fragment(4, 0, 100) + fragment(5, 1) + fragment(4, 1) + fragment(4, 0, 99) + packet(loss=0x44)
        for misc, size in ((0x10, 4), (1, 4), (2, 4), (0, 3)):  # others of the same packet
            yield f"at odds {misc} {size} {joins}", bytes([joins]) + fragment(0, 1) + \
                fragment(1, 1, misc=misc, size=size) + packet()
        for last in (54, 55, 62):
            yield f"heads {last} {joins}", bytes([joins]) + packet(9, last, 0x81, who=0x80, size=8)
        yield f"parts {joins}", bytes([joins]) + fragment(1, 1) + packet(loss=0x84) + bytes([POLL]) + \
            packet(loss=0x82, who=0x10) + packet(loss=0x84, who=0x30) + bytes([POLL]) + packet()
    yield "timeout", b"\0" + packet(loss=0x83) + packet(loss=0x80, ident=2, who=0x20) + \
        struct.pack("!BH", SLEEP | 0x80, 7000) + packet()
    yield "known", b"\0" + packet() + bytes([SETTINGS, 3]) + \
        b"".join(packet(ident=i, who=i & 1, loss=0x80 | i) for i in range(7))
    yield "settings", b"\0" + packet(loss=0x81) + bytes([SETTINGS | 0x10, 1]) + \
        struct.pack("!BH", SLEEP, 5000) + bytes([SETTINGS | 0x20, 2]) + packet() + bytes([SETTINGS | 0x20, 0])
    for n in range(1, 12):
        yield f"memory fails {n}", bytes([n & 1]) + bytes([FAIL | (n - 1) << 4]) + packet(order=n, count=3)
        yield f"between {n}", b"\0" + bytes([BETWEEN | (n - 1) << 4]) + \
            packet(order=1, count=3) + fragment(1, 1) + packet()
        yield f"work between {n}", b"\0" + packet(loss=0x82) + bytes([BETWEEN | (n - 1) << 4]) + \
            packet(order=n) + struct.pack("!BH", SLEEP, 60000) + packet()


def sent():
    """how, L, length, failure, order, headers, buffers"""
    paged = bytes([0, 6 | 1 << 5]) + struct.pack("!H", 4000) * 6 + bytes([1]) + struct.pack("!H", 900)
    lists = bytes([1]) + struct.pack("!H", 200) + bytes([3 << 5 | 2, 0, 0, 0, 0]) + \
        (bytes([1]) + struct.pack("!H", 3000) + b"\x22\x07\xd0\x07\xd0\x03\x08\x00\x00") * 3
    for number, buffers in enumerate((b"\2", b"\6", paged, lists)):
        for how in (0x0008, 0x0009, 0x001a, 0x000e, 0x0d7a, 0x1c8b, 0x2008, 0x83d8, 0x0002):
            for size in (16, 416, 2000):
                yield f"{how:04x} {number} {size}", struct.pack(
                    "!HHHBBB", how, size, 20 * size + 3000, 0, number, how % 8) + buffers
    for fail in range(1, 9):
        yield f"memory fails {fail}", struct.pack("!HHHBBB", 0x034a, 416, 6000, fail, 0, 0) + paged


def main():
    for target, inputs in (("wire", wire()), ("reassembly", reassembly()), ("fragment", sent())):
        folder = os.path.join(sys.argv[1], target)
        os.makedirs(folder, exist_ok=True)
        for name, octets in inputs:
            with open(os.path.join(folder, name.replace(" ", "-").replace("/", "-")), "wb") as file:
                file.write(octets)


if __name__ == "__main__":
    main()
