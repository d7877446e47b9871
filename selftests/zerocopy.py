#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The payload is not copied on its way: kprobes on all that would do it.

Copies between user space and the kernel are not among them. What is counted
are octets, so pulling a header into the linear part may happen and copying a
payload may not; that the probes see copies at all is tried first, on a device
that cannot gather.
"""
from efhtest import *
import sockets

TRACING = "/sys/kernel/tracing"
SIZE, COUNT = 60000, 10
# function, argument that holds the length (x86-64 and arm64 names), or None
PROBES = (("skb_copy_bits", 3), ("__pskb_pull_tail", 1), ("skb_copy", None),
          ("skb_copy_expand", None), ("__pskb_copy_fclone", None), ("pskb_expand_head", None),
          ("skb_copy_and_csum_bits", 3), ("skb_zerocopy", 2), ("skb_split", None))


def trace(name, text=None, append=False):
    path = os.path.join(TRACING, name)
    if text is None:
        return open(path).read()
    # not open(): it seeks, which these files do not
    fd = os.open(path, os.O_WRONLY | (os.O_APPEND if append else os.O_TRUNC))
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
    return None


class Probes:
    """Calls, and octets where the function is told how many, by function."""

    def __init__(self):
        if not os.path.isdir(TRACING + "/events"):
            command("mount -t tracefs tracefs " + TRACING, check=False)
        if not os.path.exists(TRACING + "/kprobe_events"):
            raise Skip("no kprobe events")
        self.names = []
        for function, argument in PROBES:
            name = "efh_" + function
            line = f"p:efhtest/{name} {function}" + \
                (f" len=$arg{argument + 1}:u32" if argument is not None else "")
            try:
                trace("kprobe_events", line + "\n", True)
                self.names.append(name)
            except OSError as error:
                note(f"{function}: {error}")
        trace("buffer_size_kb", "8192")

    def __enter__(self):
        trace("trace", "\n")
        trace("events/efhtest/enable", "1")
        return self

    def __exit__(self, *_):
        trace("events/efhtest/enable", "0")
        self.calls, self.octets = {}, {}
        for line in trace("trace").split("\n"):
            found = re.search(r": efh_(\w+): \(.*?\)(?: len=(\d+))?", line)
            if found:
                name, length = found[1], int(found[2] or 0)
                self.calls[name] = self.calls.get(name, 0) + 1
                self.octets[name] = self.octets.get(name, 0) + length

    def close(self):
        try:
            trace("events/efhtest/enable", "0")
            trace("kprobe_events", "".join(f"-:efhtest/{name}\n" for name in self.names), True)
        except OSError as error:
            note(f"kprobe_events: {error}")

    def copied(self):
        return sum(self.octets.values())

    def whole(self):
        """Calls that copy an skb's payload or all of its linear part."""
        return {name: n for name, n in self.calls.items()
                if name in ("skb_copy", "skb_copy_expand", "__pskb_copy_fclone",
                            "pskb_expand_head", "skb_split")}


def shapes():
    """(name, send function) for skbs of every shape."""
    fd = os.memfd_create("efh")
    os.write(fd, data(SIZE, 1))

    def plain(sock):
        sock.send(data(SIZE, 1))

    def corked(sock):
        sock.setsockopt(SOL_UDP, sockets.UDP_CORK, 1)
        for at in range(0, SIZE, 6000):
            sock.send(data(SIZE, 1)[at:at + 6000])
        sock.setsockopt(SOL_UDP, sockets.UDP_CORK, 0)

    def sendfile(sock):
        sock.setsockopt(SOL_UDP, sockets.UDP_CORK, 1)
        at = 0
        while at < SIZE:
            at += os.sendfile(sock.fileno(), fd, at, SIZE - at)
        sock.setsockopt(SOL_UDP, sockets.UDP_CORK, 0)

    return ("frag list", plain), ("corked", corked), ("page fragments", sendfile)


def moved(path, family, probes, send):
    """Send COUNT packets; how many arrived."""
    tx, rx = path.udp(family)
    got = []
    with probes:
        for _ in range(COUNT):
            send(tx)
            got.append(receive(rx))
    tx.close()
    rx.close()
    return sum(g == data(SIZE, 1) for g in got)


def payload():
    path = Path()
    probes = Probes()
    try:
        fragments = COUNT * fragments_of(SIZE, 1440)
        # the control: where the device cannot gather all is copied
        path.a.run("ethtool -K a0 sg off")
        send = dict(shapes())["page fragments"]
        eq(moved(path, 6, probes, send), COUNT, "without gathering: arrives")
        ok(probes.copied() > COUNT * SIZE * 0.9, "and the probes see that it is copied",
           f"{probes.octets}")
        path.a.run("ethtool -K a0 sg on")
        for family in (6, 4):
            for what, send in shapes():
                eq(moved(path, family, probes, send), COUNT, f"IPv{family} {what}: arrives")
                note(f"{probes.calls} {probes.octets}")
                # headers: some 100 octets a fragment at most
                ok(probes.copied() < fragments * 128,
                   f"IPv{family} {what}: octets copied are headers at most",
                   f"{probes.octets} for {COUNT * SIZE} octets of payload")
                eq({k: n for k, n in probes.whole().items() if n > 2 * COUNT}, {},
                   f"IPv{family} {what}: no copy for every fragment")
    finally:
        probes.close()


if __name__ == "__main__":
    main(payload)
