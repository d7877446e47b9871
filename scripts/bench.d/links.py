# SPDX-License-Identifier: GPL-2.0-only
"""The links that are measured, each between two network namespaces of its own,
and what their counters say."""
import os
import re

import efhtest
import xfrm

LARGE = 65535
# At the far end an address for each way of sending there
EFH, EFH_ROUTE_1500, PLAIN = "2001:db8:2::1", "2001:db8:4::1", "2001:db8:5::1"
WHOLE = "2001:db8:7::1"
NEAR, NEAR_PLAIN, NEAR_WHOLE = "2001:db8:1::1", "2001:db8:6::1", "2001:db8:8::1"
MADE_UP = "2001:db8:1::efff:0:0/96"


class Failed(Exception):
    pass


def prefix(address):
    return address.rsplit("::", 1)[0] + "::/64"


class Host(efhtest.Namespace):
    """A namespace that is asked for its counters."""

    def device(self, dev):
        """Octets and frames sent by a device, and frames it lost."""
        with self:
            with open("/proc/thread-self/net/dev", encoding="ascii") as file:
                for line in file:
                    name, _, values = line.partition(":")
                    if name.strip() == dev:
                        values = [int(v) for v in values.split()]
                        return {"octets": values[8], "frames": values[9], "lost": values[11]}
        raise Failed(f"no device {dev}")

    def snmp6(self):
        with self:
            with open("/proc/thread-self/net/snmp6", encoding="ascii") as file:
                return {line.split()[0]: int(line.split()[1]) for line in file}

    def shell(self, text):
        """With the sysfs of this namespace"""
        return efhtest.command(["ip", "netns", "exec", self.name, "sh", "-euc", text])


class Link:
    """A - B, a veth, offloads off and GRO on. With large the MTU is 65535.
    With software_gso A segments in software; with sums no checksum is left to
    A's device or done by B's; with threads each end polls on a CPU of its own. With between A
    and B are on two links, and a bridge between them."""

    def __init__(self, name, large=False, software_gso=False, sums=False, between=False, threads=False):
        self.name, self.mtu = name, LARGE if large else 1500
        self.address = {"efh": EFH, "stock": PLAIN, "whole": PLAIN}
        self.a, self.b = Host(name + "a"), Host(name + "b")
        self.devices = (name + "a0", name + "b0")
        if between:
            self.macs = self.bridge()
        else:
            self.macs = efhtest.link(self.a, self.devices[0], self.b, self.devices[1], self.mtu)
        if software_gso:
            self.a.run(f"ethtool -K {self.devices[0]} gso on")
        if sums:
            self.a.run(f"ethtool -K {self.devices[0]} tx off")
            self.b.run(f"ethtool -K {self.devices[1]} rx off")
        if threads:
            self.threads()
        self.addresses()
        if between:     # a bridge's ports take a moment
            self.a.run(f"ping -c 1 -w 10 {PLAIN}")
        if not large:
            self.native()
        self.check(self.a, self.devices[0], software_gso)
        self.check(self.b, self.devices[1], False)

    def bridge(self):
        """The network between them does not join fragments, as GRO might."""
        self.r = Host(self.name + "r")
        self.inner = inner = (self.name + "ra", self.name + "rb")
        macs = (efhtest.link(self.a, self.devices[0], self.r, inner[0], self.mtu, 1, gro="off")[0],
                efhtest.link(self.b, self.devices[1], self.r, inner[1], self.mtu, 2, gro="off")[0])
        self.b.run(f"ethtool -K {self.devices[1]} gro on")
        self.a.run(f"ethtool -K {self.devices[0]} gro on")
        self.r.ip("link add br0 type bridge mcast_snooping 0", "link set br0 up",
                  *(f"link set {dev} master br0" for dev in inner))
        return macs

    def threads(self):
        """As two machines with one CPU each: what arrives is not the sender's work."""
        for cpu, (host, dev) in enumerate(zip((self.a, self.b), self.devices)):
            host.shell(f"echo 1 >/sys/class/net/{dev}/threaded")
            thread = efhtest.command(f"pgrep -f napi/{dev}-").split()
            efhtest.command(f"taskset -pc {cpu} {thread[0]}")

    def addresses(self):
        a, b = self.devices
        raised = f" mtu {LARGE}" if self.mtu < LARGE else ""
        for host, dev, here, mac, there in (
                (self.a, a, (NEAR, NEAR_PLAIN), self.macs[1],
                 ((EFH, NEAR, raised), (EFH_ROUTE_1500, NEAR, ""), (PLAIN, NEAR_PLAIN, ""))),
                (self.b, b, (EFH, EFH_ROUTE_1500, PLAIN), self.macs[0],
                 ((NEAR, EFH, raised), (NEAR_PLAIN, PLAIN, "")))):
            host.ip(*(f"addr add {address}/128 dev {dev} nodad" for address in here),
                    *(f"route add {prefix(to)} dev {dev} src {source}{mtu}" for to, source, mtu in there),
                    *(f"neigh replace {to} lladdr {mac} dev {dev} nud permanent" for to, _, _ in there))

    def native(self):
        self.a.efhctl(f"native add {prefix(EFH)}")
        self.a.efhctl(f"native add {prefix(EFH_ROUTE_1500)}")
        self.b.efhctl(f"native add {prefix(NEAR)}")

    def check(self, host, dev, software_gso):
        """What was asked for is what is there."""
        features = dict(re.findall(r"^\s*([\w-]+): (on|off)", host.run(f"ethtool -k {dev}"), re.M))
        wanted = {"tcp-segmentation-offload": "off", "tx-udp-segmentation": "off",
                  "generic-receive-offload": "on",
                  "generic-segmentation-offload": "on" if software_gso else "off"}
        for feature, state in wanted.items():
            if features.get(feature) != state:
                raise Failed(f"{dev}: {feature} is {features.get(feature)}")
        if f"mtu {self.mtu} " not in host.run(f"ip link show {dev}"):
            raise Failed(f"{dev}: the MTU is not {self.mtu}")

    def counters(self):
        return {"a": self.a.stats(), "b": self.b.stats(), "a6": self.a.snmp6(), "b6": self.b.snmp6(),
                "wire": self.a.device(self.devices[0])}


class Replayed(Link):
    """A receiver alone: what once came over the link, or over one of MTU 65535
    beside it, comes again out of an interface without hardware."""

    def __init__(self, name):
        super().__init__(name)
        self.address["whole"] = WHOLE
        self.capture = dict.fromkeys(("efh", "stock"), self.devices[0]) | {"whole": name + "a1"}
        here, there = name + "a1", name + "b1"
        mac = efhtest.link(self.a, here, self.b, there, LARGE, 2)[1]
        self.b.ip(f"addr add {WHOLE}/128 dev {there} nodad", f"route add {prefix(NEAR_WHOLE)} dev {there}")
        self.a.ip(f"addr add {NEAR_WHOLE}/128 dev {here} nodad",
                  f"route add {prefix(WHOLE)} dev {here} src {NEAR_WHOLE}",
                  f"neigh replace {WHOLE} lladdr {mac} dev {here} nud permanent")
        efhtest.command("insmod /tmp/bench/replay.ko")
        efhtest.command(f"ip link set replay0 netns {self.b.name}")
        self.b.ip(f"link set replay0 address {self.macs[1]} mtu {LARGE} up",
                  # sources that frames make up are behind a router, who is told what they lack
                  f"route add {MADE_UP} via fe80::1 dev replay0 src {EFH}",
                  f"neigh replace fe80::1 lladdr {self.macs[0]} dev replay0 nud permanent")
        # frames that came over the other link have its address
        self.a.ip(f"neigh replace {WHOLE} lladdr {self.macs[1]} dev {here} nud permanent")
        self.b.ip(f"link set {there} address {self.macs[1]}")


class Tunnel:
    """A tunnel over a link, with what it is by itself or with a larger MTU, and
    with EFH beneath or without. Inside are addresses of its own."""

    def __init__(self, link, kind, efh, mtu, number):
        self.link, self.mtu, self.number = link, link.mtu, number
        self.a, self.b, self.devices = link.a, link.b, link.devices
        self.inner = {"a": f"fd00:{number:x}::1", "b": f"fd00:{number:x}::2"}
        outer = {"a": NEAR if efh else NEAR_PLAIN, "b": EFH if efh else PLAIN}
        for here, there in ("ab", "ba"):
            getattr(self, kind)(getattr(link, here), number, (outer[here], outer[there]),
                                (self.inner[here], self.inner[there]), f" mtu {mtu}" if mtu else "")

    def change(self, words):
        """Of a link of type efh, at its near end"""
        self.link.a.run(f"ip link set v{self.number} type efh {words}")

    @staticmethod
    def device(host, dev, inner, mtu, text):
        host.ip(f"link add {dev}{mtu} type {text}", f"link set {dev} up",
                f"addr add {inner[0]}/128 dev {dev} nodad", f"route add {inner[1]}/128 dev {dev}")

    def ip6tnl(self, host, number, outer, inner, mtu):
        self.device(host, f"v{number}", inner, mtu,
                    f"ip6tnl mode any local {outer[0]} remote {outer[1]} encaplimit none")

    def geneve(self, host, number, outer, inner, mtu):
        dev = f"v{number}"
        self.device(host, dev, inner, mtu, f"geneve id {number} remote {outer[1]}")
        host.ip(f"link set {dev} address 02:00:00:00:{number:02x}:{inner[0][-1]}0",
                f"neigh replace {inner[1]} lladdr 02:00:00:00:{number:02x}:{inner[1][-1]}0 dev {dev} nud permanent")

    def vxlan(self, host, number, outer, inner, mtu):
        dev = f"v{number}"
        self.device(host, dev, inner, mtu,
                    f"vxlan id {number} local {outer[0]} remote {outer[1]} dstport {4000 + number}")
        host.ip(f"link set {dev} address 02:00:00:00:{number:02x}:{inner[0][-1]}0",
                f"neigh replace {inner[1]} lladdr 02:00:00:00:{number:02x}:{inner[1][-1]}0 dev {dev} nud permanent")

    def efh(self, host, number, outer, inner, mtu):
        self.device(host, f"v{number}", inner, mtu, f"efh local {outer[0]} remote {outer[1]}")

    def efhudp(self, host, number, outer, inner, mtu):
        self.device(host, f"v{number}", inner, mtu, f"efh local {outer[0]} remote {outer[1]} carrier udp")

    def iptfs(self, host, number, outer, inner, mtu):
        dev = self.devices[0 if host is self.a else 1]
        host.ip(f"addr add {inner[0]}/128 dev {dev} nodad",
                f"route add {inner[1]}/128 dev {dev} src {inner[0]}{mtu}")
        xfrm.iptfs(host, outer, inner, number)

    def counters(self):
        return self.link.counters()


class Nowhere:
    """A sender alone: its device takes packets and throws them away."""

    def __init__(self, name, large=False):
        self.a, self.mtu, dev = Host(name), LARGE if large else 1500, name + "0"
        self.devices = (dev,)
        self.a.ip(f"link add {dev} mtu {self.mtu} type dummy", f"link set {dev} up",
                  f"addr add {NEAR}/128 dev {dev} nodad")
        self.a.run(f"ethtool -K {dev} tso off gso off tx-udp-segmentation off")
        self.a.ip(f"route add {prefix(EFH)} dev {dev}" + ("" if large else f" mtu {LARGE}"),
                  f"route add {prefix(EFH_ROUTE_1500)} dev {dev}", f"route add {prefix(PLAIN)} dev {dev}")
        for address in () if large else (EFH, EFH_ROUTE_1500):
            self.a.efhctl(f"native add {prefix(address)}")

    def counters(self):
        return {"a": self.a.stats(), "a6": self.a.snmp6(), "wire": self.a.device(self.devices[0])}


def difference(after, before):
    return {part: {key: value - before[part].get(key, 0) for key, value in values.items()}
            for part, values in after.items()}
