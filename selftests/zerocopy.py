#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Payload in pages is not copied on its way, and what is in none is moved to pages.

Kprobes on all functions that copy, but for those between user space and the
kernel. What is counted are octets, so pulling a header into the linear part may
happen and copying a payload may not; that the probes see copies at all is tried
first, on a device that cannot gather. The move to pages is none of theirs: that
it was done is seen at the device, which gets nothing but headers in one piece.
"""
from efhtest import *
import sockets
import tcp

TRACING = "/sys/kernel/tracing"
SIZE, COUNT = 60000, 6
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
        trace("buffer_size_kb", "8192")
        self.names = []
        if not os.path.exists(TRACING + "/kprobe_events"):
            skip("copies are counted", "no kprobe events")
            return
        for function, argument in PROBES:
            name = "efh_" + function
            line = f"p:efhtest/{name} {function}" + \
                (f" len=$arg{argument + 1}:u32" if argument is not None else "")
            try:
                trace("kprobe_events", line + "\n", True)
                self.names.append(name)
            except OSError as error:
                note(f"{function}: {error}")

    def enable(self, value):
        for name in ("efhtest",) * bool(self.names) + ("net/net_dev_start_xmit",):
            trace(f"events/{name}/enable", value)

    def __enter__(self):
        trace("trace", "\n")
        self.enable("1")
        return self

    def __exit__(self, *_):
        self.enable("0")
        self.calls, self.octets = {}, {}
        self.linear, self.paged = 0, 0      # octets that the sender's device got
        for line in trace("trace").split("\n"):
            found = re.search(r": efh_(\w+): \(.*?\)(?: len=(\d+))?", line)
            if found:
                name, length = found[1], int(found[2] or 0)
                self.calls[name] = self.calls.get(name, 0) + 1
                self.octets[name] = self.octets.get(name, 0) + length
            found = re.search(r"net_dev_start_xmit: dev=a0 .* len=(\d+) data_len=(\d+)", line)
            if found:
                self.linear += int(found[1]) - int(found[2])
                self.paged += int(found[2])

    def close(self):
        if not self.names:
            return
        try:
            self.enable("0")
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


def udp_shapes():
    """(name, send function) for datagrams."""
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

    return {"written": plain, "corked": corked, "sendfile": sendfile}


def datagrams(path, family, probes, send):
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


def check(probes, what, heads=2):
    """The device gets pages; what was copied are headers; a packet makes few new heads."""
    fragments = COUNT * fragments_of(SIZE, 1440)
    ok(probes.linear < fragments * 150 and probes.paged >= COUNT * (SIZE - 256),
       f"{what}: the device gets headers, and pages", f"{probes.linear} {probes.paged}")
    if not probes.names:
        return
    note(f"{probes.calls} {probes.octets}")
    # headers: some 100 octets a fragment
    ok(probes.copied() < fragments * 128, f"{what}: octets copied are headers at most",
       f"{probes.octets} for {COUNT * SIZE} octets of payload")
    eq({k: n for k, n in probes.whole().items() if n > heads * COUNT}, {},
       f"{what}: no copy for every fragment")


def on(gro):
    path = Path(gro=gro)
    probes = Probes()
    try:
        if probes.names:
            # the control: where the device cannot gather all is copied
            path.a.run("ethtool -K a0 sg off")
            eq(datagrams(path, 6, probes, udp_shapes()["sendfile"]), COUNT,
               "without gathering: arrives")
            ok(probes.copied() > COUNT * SIZE * 0.9, "and the probes see that it is copied",
               f"{probes.octets}")
            path.a.run("ethtool -K a0 sg on")
        for mtu in (1500, 65000):
            path.raise_mtu(mtu)
            for family in (6, 4):
                for name, send in udp_shapes().items():
                    what = f"GRO {gro}, IPv{family} route {mtu}, UDP {name}"
                    eq(datagrams(path, family, probes, send), COUNT, f"{what}: arrives")
                    check(probes, what)
                if mtu == 1500:
                    continue
                for how in ("write", "sendfile"):
                    with probes:
                        tcp.stream(path, family, COUNT * SIZE, how, 6000)
                    # TCP keeps a clone of each
                    check(probes, f"GRO {gro}, IPv{family} route {mtu}, TCP {how}", 3)
    finally:
        probes.close()


def gro_on():
    on("on")


def gro_off():
    on("off")


if __name__ == "__main__":
    main(gro_on, gro_off)
