# SPDX-License-Identifier: GPL-2.0-only
"""The generic netlink family "efh", spoken directly.

The tests look at counters before and after every step, and netlink.py sends
what no well-behaved tool would, so both want less than efhctl and more than
it: the numbers come from the uapi header itself.
"""
import os
import re
import socket
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
NETLINK_GENERIC = 16
SOL_NETLINK = 270
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED = 0x8000


def uapi():
    """Every enumerator of the header, by name."""
    places = [os.environ.get("EFH_UAPI", ""),
              os.path.join(HERE, "../include/uapi/linux/efh.h"),
              "/usr/include/linux/efh.h"]
    text = open(next(p for p in places if p and os.path.exists(p))).read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    values = {}
    for body in re.findall(r"enum \w+ \{(.*?)\}", text, flags=re.S):
        value = 0
        for entry in filter(None, (e.strip() for e in body.split(","))):
            name, _, given = (part.strip() for part in entry.partition("="))
            if given:
                value = int(given, 0) if given[0].isdigit() else \
                    values[given.split()[0]] - 1
            values[name] = value
            value += 1
    return values


U = uapi()


def names(prefix):
    return {number: name[len(prefix):].lower() for name, number in U.items()
            if name.startswith(prefix) and not name.endswith(("_MAX", "_UNSPEC", "_PAD"))}


STATS = names("EFH_A_STATS_")
FLOW = names("EFH_A_FLOW_")
NATIVE = names("EFH_A_NATIVE_")
SETTINGS = names("EFH_A_SETTINGS_")
EVENT = names("EFH_A_EVENT_")
PEER = names("EFH_A_PEER_")


class NetlinkError(OSError):
    """A refusal: errno, and the kernel's own words."""

    def __init__(self, number, message):
        super().__init__(number, f"{os.strerror(number)}: {message!r}")
        self.message = message


def attr(kind, value):
    head = struct.pack("=HH", 4 + len(value), kind)
    return head + value + bytes(-len(value) % 4)


def u8(kind, value):
    return attr(kind, struct.pack("=B", value))


def u32(kind, value):
    return attr(kind, struct.pack("=I", value))


def u64(kind, value):
    return attr(kind, struct.pack("=Q", value))


def parse(data):
    """[(type, value)] of a run of attributes."""
    found = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found.append((kind & 0x3FFF, data[4:length]))
        data = data[(length + 3) & ~3:]
    return found


def number(value):
    return int.from_bytes(value, "little" if struct.pack("=H", 1)[0] else "big")


def record(data, table, raw=("destination", "source", "prefix", "from", "address")):
    """A dict by the names of the header."""
    found = {}
    for kind, value in parse(data):
        name = table.get(kind)
        if name in raw:
            family = socket.AF_INET if len(value) == 4 else socket.AF_INET6
            found[name] = socket.inet_ntop(family, value)
        elif name in ("flow", "peer"):
            found[name] = record(value, FLOW if name == "flow" else PEER)
        elif name:
            found[name] = number(value)
    return found


class Genl:
    """One netlink socket, made in the namespace of the caller."""

    def __init__(self, name="efh"):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.sock.setsockopt(SOL_NETLINK, 11, 1)  # NETLINK_EXT_ACK
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.bind((0, 0))
        self.sock.settimeout(10)
        self.seq = 0
        self.name = name

    def close(self):
        self.sock.close()

    def exchange(self, family, command, attrs=b"", flags=0, version=1):
        """Send one request; the bodies (attributes) of what comes back."""
        self.seq += 1
        body = struct.pack("=BBH", command, version, 0) + attrs
        self.sock.send(struct.pack("=IHHII", 16 + len(body), family,
                                   NLM_F_REQUEST | NLM_F_ACK | flags, self.seq, 0) + body)
        replies = []
        while True:
            data = self.sock.recv(1 << 18)
            while len(data) >= 16:
                length, kind, nlflags, seq, _ = struct.unpack_from("=IHHII", data)
                body, data = data[16:length], data[(length + 3) & ~3:]
                if seq != self.seq:
                    continue
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    self.result(body, nlflags, kind)
                    return replies
                replies.append(body[4:])

    @staticmethod
    def result(body, flags, kind):
        error = struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
        if not error:
            return
        message = ""
        if flags & NLM_F_ACK_TLVS:
            skip = 4
            if kind == NLMSG_ERROR:
                skip = 20 if flags & NLM_F_CAPPED else \
                    4 + (struct.unpack_from("=I", body, 4)[0] + 3 & ~3)
            for what, value in parse(body[skip:]):
                if what == 1:  # NLMSGERR_ATTR_MSG
                    message = value.rstrip(b"\0").decode()
        raise NetlinkError(-error, message)

    def family(self):
        """The family's number and its event group's."""
        # CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME
        reply = self.exchange(16, 3, attr(2, self.name.encode() + b"\0"))[0]
        found = dict(parse(reply))
        groups = {}
        for _, group in parse(found.get(7, b"")):  # CTRL_ATTR_MCAST_GROUPS
            entry = dict(parse(group))
            groups[entry[1].rstrip(b"\0").decode()] = number(entry[2])
        return number(found[1]), groups

    def request(self, command, attrs=b"", flags=0):
        return self.exchange(self.family()[0], U["EFH_CMD_" + command], attrs, flags)

    def stats(self):
        return record(self.request("STATS_GET")[0], STATS)

    def settings(self):
        return record(self.request("SETTINGS_GET")[0], SETTINGS)

    def flows(self):
        return [record(body, FLOW) for body in self.request("FLOW_GET", flags=NLM_F_DUMP)]

    def natives(self):
        return [record(body, NATIVE) for body in self.request("NATIVE_GET", flags=NLM_F_DUMP)]


class Events:
    """Listens to the family's events from the moment it is made."""

    def __init__(self):
        genl = Genl()
        self.sock = genl.sock
        self.sock.setsockopt(SOL_NETLINK, 1, genl.family()[1]["events"])

    def close(self):
        self.sock.close()

    def next(self, timeout=5):
        """(name, dict) of the next event, or None."""
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(1 << 16)
        except (TimeoutError, BlockingIOError):
            return None
        command = data[16]
        name = next(n for n, v in U.items()
                    if n.startswith("EFH_CMD_") and n.endswith("_EVENT") and v == command)
        return name[8:-6].lower(), record(data[20:], EVENT)
