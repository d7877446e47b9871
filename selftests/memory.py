#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What incomplete packets may cost: timeout, bound, who is evicted first."""
from efhtest import *
import efhwire

HEAD = 12       # fragments of each half packet


def half(src, dst, ident, rest=False):
    """The first HEAD fragments of a packet of 2 * HEAD, or the rest."""
    body = efhwire.udp(src, dst, 7, 9999, data(2 * HEAD * 1440 - 8, ident))
    pieces = efhwire.fragments(src, dst, efhwire.UDP, body, 1440, ident)
    return pieces[HEAD:] if rest else pieces[:HEAD]


def push(pair, wire, packets):
    """Send, and wait until all of it has been looked at."""
    before = pair.b.stats()["in_fragments"]
    wire.send(*packets)
    wait(lambda: pair.b.stats()["in_fragments"] >= before + len(packets), 3)
    return pair.b.stats()


def held_nothing(ns, what):
    eq({k: v for k, v in ns.stats().items() if k.startswith("reassembly") and v}, {}, what)


def timeout():
    """Half packets go when their time is over, all of them."""
    pair = Pair()
    pair.b.efhctl("settings set timeout 1")
    wire = pair.wire()
    for ident in range(5):
        push(pair, wire, half(pair.A6, pair.B6, ident))
    push(pair, wire, half(pair.A4, pair.B4, 9))
    start = time.monotonic()
    now = pair.b.stats()
    eq((now["reassembly_packets"], now["reassembly_fragments"]), (6, 6 * HEAD), "held")
    ok(now["reassembly_bytes"] >= 6 * HEAD * 1440, "their memory is counted", now)
    ok(wait(lambda: pair.b.stats()["reassembly_packets"] == 0, 4), "gone after the timeout")
    ok(time.monotonic() - start > 0.3, "and not before")
    wait(lambda: pair.b.stats()["timeout"] == 6 * HEAD, 1)
    eq(pair.b.stats()["timeout"], 6 * HEAD, "counter timeout")
    held_nothing(pair.b, "memory is back at zero")
    # too late is too late: the rest makes no packet
    rx = pair.b.socket(bind=(pair.B6, 9999))
    rx.settimeout(0.3)
    push(pair, wire, half(pair.A6, pair.B6, 1, rest=True))
    eq(receive(rx), None, "what comes after the timeout completes nothing")


def bound():
    """At the bound the oldest goes first."""
    pair = Pair()
    pair.b.efhctl("settings set memory 1M")
    wire = pair.wire()
    rx = pair.b.socket(bind=(pair.B6, 9999))
    rx.settimeout(1)
    worst = 0
    for ident in range(120):
        worst = max(worst, push(pair, wire, half(pair.A6, pair.B6, ident))["reassembly_bytes"])
    now = pair.b.stats()
    ok(worst <= 1 << 20, "memory stays below its bound", worst)
    ok(worst > 1 << 19, "and the bound is made use of", worst)
    ok(now["evicted"] > 0 and now["no_memory"] == 0, "older packets are evicted, none refused", now)
    eq(now["evicted"] % HEAD, 0, "whole packets")
    kept = now["reassembly_packets"]
    eq(kept + now["evicted"] // HEAD, 120, "every packet is held or evicted")
    # newest first, back to where they are gone
    # the first one's second half may need the room of the oldest
    done = []
    for ident in range(119, 120 - kept, -1):
        push(pair, wire, half(pair.A6, pair.B6, ident, rest=True))
        done.append(receive(rx) == data(2 * HEAD * 1440 - 8, ident))
    ok(len(done) > 10 and all(done), "the newest are the ones kept, all of them", done)
    ok(pair.b.stats()["reassembly_packets"] <= 1, "and nothing else is held", pair.b.stats())


def known_peers():
    """A peer that has completed packets outlives a flood of strangers."""
    pair = Pair()
    pair.b.efhctl("settings set memory 1M")
    wire = pair.wire()
    for family, a, b, net in ((6, pair.A6, pair.B6, "2001:db8::1:"), (4, pair.A4, pair.B4,
                                                                       "192.0.2.")):
        rx = pair.b.socket(AF[family], bind=(b, 9999))
        rx.settimeout(1)
        for part in (False, True):
            push(pair, wire, half(a, b, 1000, part))
        eq(receive(rx), data(2 * HEAD * 1440 - 8, 1000), f"IPv{family}: a peer becomes known")
        push(pair, wire, half(a, b, 1001))
        before = pair.b.stats()["evicted"]
        for n in range(120):
            push(pair, wire, half(f"{net}{n + 10:x}" if family == 6 else f"{net}{n + 10}", b, n))
        ok(pair.b.stats()["evicted"] > before, f"IPv{family}: strangers evict strangers")
        push(pair, wire, half(a, b, 1001, rest=True))
        eq(receive(rx), data(2 * HEAD * 1440 - 8, 1001),
           f"IPv{family}: the known peer's older packet completes")
        rx.close()


def newcomer():
    """A known peer's halves, however many, leave room for somebody new."""
    pair = Pair()
    pair.b.efhctl("settings set memory 1M")
    wire = pair.wire()
    for part in (False, True):
        push(pair, wire, half(pair.A6, pair.B6, 1000, part))
    for ident in range(120):
        push(pair, wire, half(pair.A6, pair.B6, ident))
    rx = pair.b.socket(AF[4], bind=(pair.B4, 9999))
    rx.settimeout(1)
    for part in (False, True):
        push(pair, wire, half(pair.A4, pair.B4, 2000, part))
    eq(receive(rx), data(2 * HEAD * 1440 - 8, 2000), "a stranger's packet completes")


def shrink():
    """A smaller bound holds from the next fragment on; a larger one helps at once."""
    pair = Pair()
    pair.b.efhctl("settings set memory 4M")
    wire = pair.wire()
    for ident in range(60):
        push(pair, wire, half(pair.A6, pair.B6, ident))
    eq(pair.b.stats()["evicted"], 0, "room for all")
    pair.b.efhctl("settings set memory 256K")
    now = push(pair, wire, half(pair.A6, pair.B6, 100))
    ok(now["reassembly_bytes"] <= 256 << 10, "the smaller bound holds", now)
    eq(now["reassembly_fragments"] + now["evicted"], 61 * HEAD, "by eviction")


def deleted():
    """A namespace that ends with packets half there takes them along."""
    pair = Pair()
    wire = pair.wire()
    for ident in range(20):
        push(pair, wire, half(pair.A6, pair.B6, ident))
    eq(pair.b.stats()["reassembly_packets"], 20, "held")
    pair.b.delete()
    command("modprobe -r efh")
    ok(not loaded(), "the module goes with nothing of it left")
    left = [name for name in os.listdir("/sys/kernel/slab") if name.startswith("efh")] \
        if os.path.isdir("/sys/kernel/slab") else []
    eq(left, [], "no slab cache left behind")
    command("modprobe efh")


if __name__ == "__main__":
    main(timeout, bound, known_peers, newcomer, shrink, deleted)
