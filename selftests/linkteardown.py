#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Links, what is below them, their namespaces and the module go away in the
middle of two-way traffic."""
from efhtest import *
from efhlink import *
import teardown
from teardown import child, pings, reap, sender, streams

ROUNDS = 1 if emulated() else 2


class Traffic:
    """Datagrams of all sizes, streams and pings through a link, both ways."""

    def __init__(self, carrier, words):
        self.path, self.words = Path(native=False), words
        self.linked = Linked(self.path, carrier, words)
        self.a, self.b = self.path.a, self.path.b
        # of the host that goes no process outlives what it sends
        self.children, self.going = [], []
        for family in (6, 4):
            near, far = self.linked.ends(family)
            for ns, source, target in ((self.a, near, far), (self.b, far, near)):
                with ns.socket(AF[family], bind=(source, 9999)) as sock:
                    (self.going if ns is self.b else self.children).append(
                        child(sender, sock, target))
        self.going += streams(self.linked)
        pings(self.linked, "a")

    def flows(self):
        """Large packets come in at both ends."""
        before = [ns.stats()["reassembled"] for ns in (self.a, self.b)]
        return wait(lambda: all(ns.stats()["reassembled"] > then + 10
                                for ns, then in zip((self.a, self.b), before)), 15)

    def quiet(self):
        """Nothing of this process holds on to the module or a namespace."""
        for ns in (self.a, self.b):
            ns.close()

    def again(self, number):
        """A's or B's link is made anew."""
        ns = (self.a, self.b)[number]
        ns.run(f"ip link add efh0 type efh local {self.linked.outer[number]} "
               f"remote {self.linked.outer[1 - number]} {self.words}")
        address(ns, "efh0", number)

    def end(self):
        reap(self.children)
        reap(self.going)
        for ns in (self.a, self.b):
            if ns.alive:
                ns.identity()
        cleanup()


def link_goes():
    """And comes back, at either end."""
    for carrier, words, over in ways(one=True):
        traffic = Traffic(carrier, words)
        for number in range(2 * ROUNDS):
            ok(traffic.flows(), f"{over} round {number}: traffic both ways")
            (traffic.a, traffic.b)[number % 2].ip("link del efh0")
            eq(show((traffic.a, traffic.b)[number % 2]), None, f"{over} round {number}: gone")
            time.sleep(0.05)
            traffic.again(number % 2)
        ok(traffic.flows(), f"{over}: traffic in the end")
        traffic.end()


def changes():
    """Down and up, other settings, other peers, all the time."""
    for carrier, words, over in ways():
        traffic = Traffic(carrier, words)
        ok(traffic.flows(), f"{over}: traffic both ways")
        a, b = traffic.linked.outer
        other = b[:-1] + "9"
        for _ in range(4 * ROUNDS):
            traffic.a.ip("link set efh0 type efh fragsize 1024 tos inherit ttl 9",
                         f"link set efh0 type efh remote {other}",
                         f"link set efh0 type efh remote {b}",
                         "link set efh0 type efh fragsize 0 tos 0 ttl 64",
                         "link set efh0 mtu 1400", "link set efh0 mtu 65535")
            for words in (f"add dev efh0 remote {other} prefix fd00::2/128 prefix 10.9.0.0/24",
                          f"set dev efh0 remote {other} prefix fd00::/64",
                          f"del dev efh0 remote {other}"):
                traffic.a.efhctl(f"peer {words}")
        for _ in range(ROUNDS):
            traffic.b.ip("link set efh0 down")
            time.sleep(0.02)
            traffic.b.ip("link set efh0 up", f"addr replace {INNER[6][1]}/64 dev efh0 nodad")
        ok(traffic.flows(), f"{over}: traffic in the end")
        traffic.end()


def address_goes():
    """The remote's address is removed, and the local one."""
    for carrier, words, over in ways():
        traffic = Traffic(carrier, words)
        bits = 64 if carrier == 6 else 24
        for number, (ns, dev, router) in enumerate((
                (traffic.b, "b0", (traffic.path.RB4, traffic.path.RB6)),
                (traffic.a, "a0", (traffic.path.RA4, traffic.path.RA6)))):
            ok(traffic.flows(), f"{over} {ns.role()}: traffic both ways")
            local = traffic.linked.outer[1 - number]
            ns.ip(f"addr del {local}/{bits} dev {dev}")
            time.sleep(0.3)
            got = ns.stats()["reassembled"]
            time.sleep(0.2)
            eq(ns.stats()["reassembled"], got, f"{over} {ns.role()}: nothing comes in")
            ns.ip(f"addr add {local}/{bits} dev {dev}" + (" nodad" if carrier == 6 else ""))
            ns.run(f"ip {'-6' if carrier == 6 else '-4'} route replace default via "
                   f"{router[carrier == 6]}")
        ok(traffic.flows(), f"{over}: traffic in the end")
        traffic.end()


def lower_goes():
    """The device below, with a link bound to it and one that is not."""
    for carrier, words, over in ways():
        for bound in (True, False):
            traffic = Traffic(carrier, words)
            what = f"{over}{', bound' if bound else ''}"
            ok(traffic.flows(), f"{what}: traffic both ways")
            if bound:
                local, remote = traffic.linked.outer[::-1]
                traffic.b.ip("link del efh0", f"link add efh0 type efh local {local} "
                             f"remote {remote} dev b0 {words}")
                address(traffic.b, "efh0", 1)
                ok(traffic.flows(), f"{what}: by that device")
            traffic.b.ip("link del b0")
            eq(bool(show(traffic.b)), not bound, f"{what}: {'gone' if bound else 'left'}")
            time.sleep(0.2)
            traffic.end()


def host_goes():
    """A namespace, its link and its devices."""
    for carrier, words, over in ways():
        for number in range(ROUNDS):
            traffic = Traffic(carrier, words)
            traffic.a.efhctl("settings set timeout 1")
            ok(traffic.flows(), f"{over} round {number}: traffic both ways")
            traffic.quiet()
            if number % 2:
                traffic.b.ip("link del b0")
            reap(traffic.going)
            traffic.b.delete()
            ok(wait(lambda p=traffic.path: p.r.run("ip link show rb", check=False).returncode, 20),
               f"{over} round {number}: the host's devices go with it")
            # what it had begun is not waited for any longer than is set
            ok(wait(lambda a=traffic.a: not a.stats()["reassembly_packets"], 3),
               f"{over} round {number}: nothing is held for it", traffic.a.stats())
            traffic.end()


def split():
    """The namespace of the outer packets goes, and that of the device."""
    for carrier, words, over in ways():
        for which in ("outer", "inner"):
            path = Path(native=False)
            inside = Namespace("i")
            local, remote = path.ends(carrier)
            path.b.ip(f"link add efh0 type efh local {remote} remote {local} {words}")
            address(path.b, "efh0", 1)
            path.a.ip(f"link add efh0 type efh local {local} remote {remote} {words}",
                      f"link set efh0 netns {inside.name}")
            address(inside, "efh0", 0)
            children = []
            for family in (6, 4):
                near, far = INNER[family][:2]
                for ns, source, target in ((inside, near, far), (path.b, far, near)):
                    with ns.socket(AF[family], bind=(source, 9999)) as sock:
                        children.append(child(sender, sock, target))
            what = f"{over}, {which} namespace"
            ok(wait(lambda p=path: p.a.stats()["reassembled"] > 10 and
                    p.b.stats()["reassembled"] > 10, 15), f"{what}: traffic both ways")
            for ns in (path.a, path.b, inside):
                ns.close()
            if which == "outer":
                path.a.delete()
                ok(wait(lambda: not show(inside), 10), f"{what}: the link goes with it")
            else:
                reap(children)
                inside.delete()
                again = f"ip link add efh0 type efh local {local} remote {remote} {words}"
                ok(wait(lambda p=path: not p.a.run(again, check=False).returncode, 10),
                   f"{what}: the link goes with it")
            reap(children)
            cleanup()


def module_goes():
    """While links exist; they go with it."""
    for carrier, words, over in ways(one=True):
        traffic = Traffic(carrier, words)
        for number in range(ROUNDS):
            ok(traffic.flows(), f"{over} round {number}: traffic both ways")
            traffic.quiet()
            done = command("modprobe -r efh", check=False)
            eq((done.returncode, loaded()), (0, False), f"{over} round {number}: removed")
            eq([show(ns) for ns in (traffic.a, traffic.b)], [None, None],
               f"{over} round {number}: and the links")
            command("modprobe efh")
            traffic.again(0)
            traffic.again(1)
        ok(traffic.flows(), f"{over}: traffic in the end")
        traffic.end()
    teardown.gone()


if __name__ == "__main__":
    main(link_goes, *thirds((changes, address_goes, lower_goes, split)), host_goes, module_goes)
