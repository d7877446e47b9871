# SPDX-License-Identifier: GPL-2.0-only
"""The table: what is measured against what, and what is wanted of it."""
import dataclasses

import linkalive
import trials
from links import EFH, EFH_ROUTE_1500, Link, Nowhere, Replayed, Tunnel, prefix
from trials import (Cpus, Failover, Held, Instructions, Iperf3, Kept, Lockstep, Lossy, LossyTcp, Memory, Receiver, Reordered,
                    Sender, Small, Tcp, Udp)


@dataclasses.dataclass
class Row:
    """The ratio of two trials of a group."""
    name: str
    title: str
    group: str
    over: str
    under: str
    wanted: float = None
    aim: float = None
    less: bool = False
    unit: str = ""

    @property
    def short(self):
        return f"{self.over}/{self.under}" if self.under else self.over

    def ratio(self, values, n):
        return values[self.over][n] / (values[self.under][n] if self.under else 1)

    def met(self, ratio):
        if self.wanted is None:
            return None
        return ratio <= self.wanted if self.less else ratio >= self.wanted


@dataclasses.dataclass
class Group:
    name: str
    trials: dict


TUNNELS = ("ip6tnl", "geneve", "iptfs")
# Name; title; netem; what of 60 000-octet datagrams is to arrive
LOSSES = {"0.1": ("0.1 % lost", "loss 0.1%", 0.999), "1": ("1 % lost", "loss 1%", 0.99),
          "5": ("5 % lost", "loss 5%", 0.95), "bursts": ("5 % lost in bursts", "loss gemodel 1% 19%", 0.9)}
# Name; title; group; over what; under what; what is wanted, and aimed at
ROWS = [
    Row("udp60k-stock", "60 000-octet UDP, EFH / stock fragmentation", "udp60k", "efh", "stock", 4, 5),
    Row("udp60k-limit", "60 000-octet UDP, EFH / not fragmented, MTU 65535", "udp60k", "efh", "limit", 0.7, 0.85),
    Row("receiver", "CPU per GB, receiver alone, EFH / stock", "receiver", "efh", "stock", 1 / 3, less=True),
    Row("sender", "CPU per GB, sender alone, EFH / stock", "sender", "efh", "stock", 1 / 2, less=True),
    Row("udp8k-limit", "8000-octet UDP, EFH / not fragmented", "udp8k", "efh", "limit", 0.85),
    Row("tcp", "TCP, EFH, route MTU 65535 / GSO and GRO at 1500", "tcp", "efh", "plain", 1.2),
    Row("reordered", "60 000-octet UDP, EFH, reordered on the way / in order", "reorder", "reordered",
        "in order", 0.8),
    Row("held", "a fragment, 100 000 packets of as many sources held / 1", "held", "100000", "1", 1.3, less=True),
    Row("memory", "octets a held packet takes beyond its buffers", "memory", "held", None, 256, less=True),
    Row("cpus", "two receiving CPUs / one, EFH", "cpus", "efh two", "efh one", 1.7),
    Row("link-tcp-ip6tnl", "TCP, link / ip6tnl", "link-tcp", "link", "ip6tnl", 1.3),
    Row("link-tcp-geneve", "TCP, link / geneve", "link-tcp", "link", "geneve", 1.3),
    Row("link-tcp-vxlan", "TCP, link / vxlan", "link-tcp", "link", "vxlan", 1.3),
    Row("link-tcp-plain", "TCP, link / GSO and GRO at 1500, no tunnel", "link-tcp", "link", "plain", 1.0),
    Row("link-tcp-udp", "TCP, link under UDP / link under IPv6", "link-tcp", "link, udp", "link", 0.85),
    Row("link-udp60k", "60 000-octet UDP, link / ip6tnl over stock fragments", "link-udp60k", "link", "ip6tnl", 4),
    Row("link-small", "128-octet packets of 64 flows, link / ip6tnl", "link-small", "link", "ip6tnl", 0.95),
    Row("link-iptfs", "60 000-octet UDP, IPTFS, null encryption / link", "link-udp60k", "iptfs", "link", 0.5, less=True),
] + [
    Row(f"loss-{name}", f"60 000-octet UDP delivered, {title}, EFH", "loss", f"efh {name}", None, wanted)
    for name, (title, _, wanted) in LOSSES.items()
] + [
    Row("loss-tcp", "TCP, 1 % lost, 10 ms there and back, link / no tunnel", "loss-tcp", "link", "plain", 1.5),
    Row("kept", "60 000-octet UDP, link, fragments kept to be sent again / not", "kept", "retransmit", "noretransmit", 0.97),
    Row("failover", "until another gateway is used, from the first hint", "failover", "hint", None, 0.5, less=True),
    # to judge these by
    Row("udp60k-1500", "60 000-octet UDP, EFH, route MTU 1500 / stock", "udp60k", "efh-1500", "stock"),
    Row("udp60k-sums", "60 000-octet UDP, EFH / not fragmented, checksum by CPU", "udp60k", "efh", "limit, sums"),
    Row("udp60k-gso", "60 000-octet UDP, EFH / UDP GSO and GRO, 41 x 1452", "udp60k", "efh", "gso"),
    Row("threads-stock", "60 000-octet UDP, a CPU for each end, EFH / stock", "threads", "efh", "stock"),
    Row("threads-limit", "60 000-octet UDP, a CPU for each end, EFH / not fragmented", "threads", "efh", "limit"),
    Row("iperf3-stock", "60 000-octet UDP by iperf3, EFH / stock", "iperf3", "efh", "stock"),
    Row("iperf3-limit", "60 000-octet UDP by iperf3, EFH / not fragmented", "iperf3", "efh", "limit"),
    Row("receiver-each", "receiver, an interrupt for each frame, EFH / stock", "receiver", "efh each", "stock each",
        less=True),
    Row("receiver-128", "receiver, driver copies 128 octets, EFH / stock", "receiver", "efh 128", "stock 128",
        less=True),
    Row("receiver-built", "receiver, driver builds buffers around frames, EFH / stock", "receiver", "efh built",
        "stock built", less=True),
    Row("receiver-limit", "CPU per GB, receiver alone, EFH / not fragmented", "receiver", "efh", "limit", less=True),
    Row("sender-1500", "CPU per GB, sender alone, EFH, route MTU 1500 / stock", "sender", "efh-1500", "stock",
        less=True),
    Row("sender-limit", "CPU per GB, sender alone, EFH / not fragmented", "sender", "efh", "limit", less=True),
    Row("udp8k-stock", "8000-octet UDP, EFH / stock fragmentation", "udp8k", "efh", "stock"),
    Row("tcp-sums", "TCP, EFH / GSO and GRO at 1500, checksums by CPU", "tcp", "efh", "plain, sums"),
    Row("tcp-limit", "TCP, EFH / not segmented, MTU 65535", "tcp", "efh", "limit"),
    Row("link-tcp-sums-ip6tnl", "TCP, link / ip6tnl, checksums by CPU", "link-tcp-sums", "link", "ip6tnl"),
    Row("link-tcp-sums-geneve", "TCP, link / geneve, checksums by CPU", "link-tcp-sums", "link", "geneve"),
    Row("link-tcp-sums-plain", "TCP, link / no tunnel, checksums by CPU", "link-tcp-sums", "link", "plain"),
    Row("link-tcp-native", "TCP, link / native EFH", "link-tcp", "link", "efh"),
    Row("link-udp60k-udp", "60 000-octet UDP, link under UDP / under IPv6", "link-udp60k", "link, udp", "link"),
    Row("link-small-udp", "128-octet packets, link under UDP / under IPv6", "link-small", "link, udp", "link"),
    Row("held-no-gro", "a fragment, 100 000 packets held / 1, GRO off", "held", "100000, no GRO", "1, no GRO",
        less=True),
    Row("cpus-limit", "two receiving CPUs / one, not fragmented", "cpus", "limit two", "limit one"),
    Row("failover-death", "until another gateway is used, from the first one's death", "failover", "death", None,
        less=True),
] + [
    Row(f"loss-{name}-stock", f"60 000-octet UDP delivered, {title}, stock", "loss", f"stock {name}", None)
    for name, (title, *_) in LOSSES.items()
] + [
    Row(f"{kind}-{what}", f"{title} in {kind}, EFH beneath / without", kind, f"{what} efh", f"{what} alone")
    for kind in TUNNELS for what, title in (("udp", "60 000-octet UDP"), ("tcp", "TCP"))
    # IPTFS of 7.2 hangs pages on what it takes out of packets and does not account
    # for them: TCP, as soon as it gets such, warns
    if (kind, what) != ("iptfs", "tcp")
] + [
    Row("iptfs-udp-large", "60 000-octet UDP in iptfs, MTU 65000, EFH beneath / without", "iptfs", "udp efh",
        "udp large")
]

# In a guest whose clock counts instructions
COUNTED = [
    Row(f"instructions-{name}", f"instructions, {what}, EFH / stock", "instructions", f"efh {name}", f"stock {name}",
        less=True)
    for name, what in (("both", "sender and receiver over a veth"), ("sender", "sender alone"),
                       ("receiver", "receiver alone"))]

made = {}


def link(name, make):
    """Links that several groups use are made once."""
    if name not in made:
        made[name] = make()
    return made[name]


def wire():
    return link("wire", lambda: Link("w"))


def large():
    return link("large", lambda: Link("l", large=True))


def replayed():
    return link("replayed", lambda: Replayed("p"))


def soft():
    return link("soft", lambda: Link("s", software_gso=True))


def summed():
    return link("summed", lambda: Link("z", software_gso=True, sums=True))


def udp(size):
    found = {"stock": Udp(wire(), "stock", size=size), "efh": Udp(wire(), "efh", size=size),
             "limit": Udp(large(), "whole", size=size)}
    if size == 60000:
        found["limit, sums"] = Udp(link("sums", lambda: Link("k", large=True, sums=True)), "whole", size=size)
        found["efh-1500"] = Udp(wire(), "efh", EFH_ROUTE_1500, size=size)
        found["gso"] = Udp(wire(), "whole", size=1452 * 41, kind="gso", segment=1452)
    return found


def threads():
    small, whole = Link("t", threads=True), Link("q", large=True, threads=True)
    return {"stock": Udp(small, "stock"), "efh": Udp(small, "efh"), "limit": Udp(whole, "whole")}


def iperf3():
    return {"stock": Iperf3(wire(), "stock"), "efh": Iperf3(wire(), "efh"), "limit": Iperf3(large(), "whole")}


def tcp():
    return {"plain": Tcp(soft(), "whole"), "efh": Tcp(soft(), "efh"), "limit": Tcp(large(), "whole"),
            "plain, sums": Tcp(summed(), "whole")}


def nowhere():
    return link("nowhere", lambda: Nowhere("n"))


def sender():
    without = link("nowhere, large", lambda: Nowhere("m", large=True))
    return {"stock": Sender(nowhere(), "stock"), "efh": Sender(nowhere(), "efh"),
            "efh-1500": Sender(nowhere(), "efh", EFH_ROUTE_1500), "limit": Sender(without, "whole")}


def receiver():
    found = {}
    for name, how in (("stock", "stock"), ("efh", "efh"), ("limit", "whole")):
        found[name] = Receiver(replayed(), how)
        for kind, options in (("each", {"each": 1}), ("128", {"linear": 128}), ("built", {"linear": 0})):
            found[f"{name} {kind}"] = Receiver(replayed(), how, **options)
    return found


def reorder():
    between = link("between", lambda: Link("r", between=True))
    return {"in order": Reordered(between, False), "reordered": Reordered(between, True)}


def lossy():
    """A network between that loses, and a sender that sends again"""
    def make():
        between = Link("o", between=True)
        between.a.efhctl(f"native del {prefix(EFH)}")
        between.a.efhctl(f"native add {prefix(EFH)} retransmit on")
        return between
    return link("lossy", make)


def loss():
    return {f"{how} {name}": Lossy(lossy(), how, netem)
            for how in ("efh", "stock") for name, (_, netem, _) in LOSSES.items()}


def loss_tcp():
    under = lossy()
    tunnel = link("efh over lossy", lambda: Tunnel(under, "efh", False, 0, 96))
    return {"plain": LossyTcp(under, "whole", "loss 1%"),
            "link": LossyTcp(tunnel, "efh", "loss 1%", under, tunnel.inner["b"])}


def kept():
    tunnel = over("efh", 80)
    return {name: Kept(tunnel, name, tunnel.inner["b"]) for name in ("retransmit", "noretransmit")}


def failover():
    gates = linkalive.Gateways(6)
    return {since: Failover(gates, since) for since in ("hint", "death")}


def held():
    return {name + more: Held(replayed(), "efh", packets, gro)
            for gro, more in (("on", ""), ("off", ", no GRO"))
            for name, packets in (("1", 1), ("100000", 100000))}


def memory():
    return {"held": Memory(replayed(), "efh")}


def cpus():
    found = {}
    for name, how in (("efh", "efh"), ("limit", "whole")):
        found[f"{name} one"] = Cpus(replayed(), how, 1)
        found[f"{name} two"] = Cpus(replayed(), how, 2)
    return found


def instructions():
    found = {}
    for how in ("stock", "efh"):
        for name, trial in (("both", Lockstep(wire(), how)), ("sender", Sender(nowhere(), how)),
                            ("receiver", Receiver(replayed(), how))):
            found[f"{how} {name}"] = Instructions(trial)
    return found


def tunnels(kind):
    def make():
        under = link("under", lambda: Link("v"))
        number = 16 + 4 * TUNNELS.index(kind)
        found = {}
        for i, (name, efh, mtu, split) in enumerate((("alone", False, 0, "stock"), ("efh", True, 65000, "efh"),
                                                     ("large", False, 65000, "whole"))):
            if name == "large" and kind != "iptfs":
                continue
            tunnel = link(f"{kind} {name}", lambda i=i, e=efh, m=mtu: Tunnel(under, kind, e, m, number + i))
            found[f"udp {name}"] = Udp(tunnel, "whole" if kind == "iptfs" and not efh else split, tunnel.inner["b"])
            found[f"tcp {name}"] = Tcp(tunnel, "efh" if efh else "whole", tunnel.inner["b"])
        return found
    return make


def over(kind, number, under=None):
    """A tunnel as it comes"""
    under = under or link("beneath", lambda: Link("e"))
    return link(f"{kind} over {under.name}", lambda: Tunnel(under, kind, False, 0, number))


def link_tcp():
    found = {"plain": Tcp(soft(), "whole"), "efh": Tcp(soft(), "efh")}
    for number, kind in enumerate(("ip6tnl", "geneve", "vxlan"), 64):
        tunnel = over(kind, number, soft())
        found[kind] = Tcp(tunnel, "whole", tunnel.inner["b"])
    for number, (name, kind) in enumerate((("link", "efh"), ("link, udp", "efhudp")), 67):
        tunnel = over(kind, number, soft())
        found[name] = Tcp(tunnel, "efh", tunnel.inner["b"])
    return found


def link_tcp_sums():
    found = {"plain": Tcp(summed(), "whole")}
    for number, (name, kind) in enumerate((("ip6tnl", "ip6tnl"), ("geneve", "geneve"), ("link", "efh")), 72):
        tunnel = over(kind, number, summed())
        found[name] = Tcp(tunnel, "efh" if kind == "efh" else "whole", tunnel.inner["b"])
    return found


def link_udp(trial, split):
    """The link under both carriers, and ip6tnl, whose packets are split as told"""
    found = {}
    for number, (name, kind, how) in enumerate((("link", "efh", "efh"), ("link, udp", "efhudp", "efh"),
                                                ("ip6tnl", "ip6tnl", split)), 80):
        tunnel = over(kind, number)
        found[name] = trial(tunnel, how if split == "stock" else split, tunnel.inner["b"])
    return found


def link_udp60k():
    found = link_udp(Udp, "stock")
    tunnel = over("iptfs", 84)
    found["iptfs"] = Udp(tunnel, "whole", tunnel.inner["b"])
    return found


def link_small():
    # 128 octets with the headers of IPv6 and UDP
    return link_udp(lambda *of: Small(*of, size=80), "whole")


GROUPS = {"link-tcp": link_tcp, "link-tcp-sums": link_tcp_sums, "link-udp60k": link_udp60k, "link-small": link_small,
          "udp60k": lambda: udp(60000), "threads": threads, "iperf3": iperf3, "receiver": receiver, "sender": sender,
          "udp8k": lambda: udp(8000), "tcp": tcp, "reorder": reorder, "loss": loss,
          "loss-tcp": loss_tcp, "kept": kept, "failover": failover, "held": held, "memory": memory, "cpus": cpus,
          "instructions": instructions, **{kind: tunnels(kind) for kind in TUNNELS}}


def chosen(names, counted):
    table = COUNTED if counted else ROWS
    if not names:
        return table
    wanted = names.split(",")
    for name in wanted:
        if name not in {what for row in ROWS + COUNTED for what in (row.name, row.group)}:
            raise trials.Failed(f"no row {name}; there are {', '.join(row.name for row in ROWS + COUNTED)}")
    return [row for row in table if row.name in wanted or row.group in wanted]


def groups(table):
    """What the rows of a table need, and no more"""
    found = []
    for name, make in GROUPS.items():
        of_it = [row for row in table if row.group == name]
        if not of_it:
            continue
        needed = {name for row in of_it for name in (row.over, row.under)}
        group = Group(name, {key: trial for key, trial in make().items() if key in needed})
        for row in of_it:
            row.unit = group.trials[row.over].unit
        found.append(group)
    return found
