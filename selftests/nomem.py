#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Each allocation of the module fails once: the first of an action, the second, ...

Allocations that the stack makes on its behalf as well; and buffers move where
they might. Wants CONFIG_FAULT_INJECTION_STACKTRACE_FILTER and the like, as
scripts/uml debug has them. What is asked here is that an action fails as a whole
or not at all; what it leaves behind, others see.
"""
import fcntl
import struct

from efhtest import *
from efhlink import INNER, Linked, address
from efhnetlink import (U, NetlinkError, u8, u32, attr, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL,
                        NLM_F_REQUEST, NLA_F_NESTED)
import efhwire

DEBUG = "/sys/kernel/debug"
FAULTS = ("failslab", "fail_page_alloc", "fail_skb_realloc")
NTH = "/proc/thread-self/fail-nth"
SYS_FINIT_MODULE, SYS_DELETE_MODULE = {"x86_64": (313, 176), "aarch64": (273, 106)}.get(
    os.uname().machine, (None, None))
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
RTM_NEWLINK, RTM_DELLINK = 16, 17
IFLA_IFNAME, IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA = 3, 18, 1, 2


def write(path, value):
    with open(path, "w") as file:
        file.write(str(value))


def prepare():
    """Whatever calls a module, and no sleeping is an excuse."""
    try:
        with open("/proc/kallsyms") as symbols:
            end = next(line.split()[0] for line in symbols if line.split()[2] == "_etext")
        for fault in FAULTS:
            for name, value in (("probability", 0), ("verbose", 0), ("times", -1),
                                ("require-start", f"0x{end}")):
                write(f"{DEBUG}/{fault}/{name}", value)
        for name, value in (("failslab/ignore-gfp-wait", "N"), ("fail_page_alloc/min-order", 0),
                            ("fail_page_alloc/ignore-gfp-wait", "N"),
                            ("fail_page_alloc/ignore-gfp-highmem", "N")):
            write(f"{DEBUG}/{name}", value)
        open(NTH).close()
    except OSError as error:
        raise Skip(f"no failures on demand: {error}") from error


def restore():
    for fault in FAULTS:
        if os.path.isdir(f"{DEBUG}/{fault}"):
            write(f"{DEBUG}/{fault}/require-start", 0)


def each(what, action, undo=None, limit=2000, least=1, errors=(errno.ENOMEM, errno.ENOBUFS)):
    """Let the first allocation of an action fail, then the second, and so on; least of them."""
    failures = 0
    for number in range(1, limit):
        write(NTH, number)
        try:
            done = action()
        except (OSError, NetlinkError) as error:
            done = None
            failures += 1
            if error.errno not in errors:
                write(NTH, 0)
                ok(False, f"{what}: {number}: refused for want of memory", error)
        with open(NTH) as file:
            left = int(file.read())
        write(NTH, 0)
        if undo and done is not None:
            undo(done)
        if left:
            break
    note(f"{what}: {failures} refusals")
    ok(left and number > least, f"{what}: {number - 1} allocations failed one by one")


def call(number, *arguments):
    if LIBC.syscall(number, *arguments):
        raise OSError(ctypes.get_errno(), "syscall")
    return True


def module():
    """Loading."""
    prepare()
    if not SYS_FINIT_MODULE:
        raise Skip("numbers of system calls are not known here")
    path = command("modinfo -n efh").strip()
    command("modprobe -r efh")
    remove = lambda _: call(SYS_DELETE_MODULE, b"efh", 0)
    with open(path, "rb") as file:
        each("load", lambda: call(SYS_FINIT_MODULE, file.fileno(), b"", 0), remove)
    command("modprobe efh")
    ok(loaded(), "the module can still be loaded")


def namespace():
    """A namespace that comes."""
    prepare()
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    def make():
        if LIBC.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        return True
    each("namespace", make, lambda _: setns(home))
    os.close(home)


def configuration():
    """What is asked for by netlink."""
    prepare()
    path = Path()
    genl = path.a.netlink()
    prefix = attr(U["EFH_A_NATIVE_PREFIX"], efhwire.address("2001:db8:9::")) + \
        u8(U["EFH_A_NATIVE_PREFIX_LEN"], 48)
    each("native add", lambda: genl.request("NATIVE_NEW", prefix) or True,
         lambda _: genl.request("NATIVE_DEL", prefix))
    eq(len(genl.natives()), 2, "no prefix is left of those that were refused")
    tx, rx = path.udp(6)
    tx.send(data(9000))
    ok(receive(rx), "a flow")
    for what, action in (("stats", genl.stats), ("settings", genl.settings),
                         ("natives", genl.natives), ("flows", genl.flows),
                         ("receive on", lambda: genl.request(
                             "SETTINGS_SET", u8(U["EFH_A_SETTINGS_RECEIVE"], 1)) or True)):
        # memory that is at hand is none that is asked for
        each(what, action, least=0)


class Rtnl:
    """rtnetlink, as ip(8) speaks it, but in this thread, whose allocations fail."""

    def __init__(self, ns):
        with ns:
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.settimeout(10)

    def request(self, kind, name, info=b"", flags=0):
        body = struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0) + attr(IFLA_IFNAME, name.encode() + b"\0") + info
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0) + body)
        status, = struct.unpack_from("=i", self.sock.recv(1 << 16), 16)
        if status:
            raise OSError(-status, "rtnetlink")
        return True


def links():
    """A link, and its peers."""
    prepare()
    # the stack says where it fails to make a device
    write("/dev/kmsg", "efh-test: allocations fail")
    path = Path(native=False)
    rtnl, genl = Rtnl(path.a), path.a.netlink()
    for carrier, outer in enumerate((6, 4)):
        local = attr(U["IFLA_EFH_LOCAL"], efhwire.address(path.ends(outer)[0]))
        info = attr(IFLA_LINKINFO | NLA_F_NESTED, attr(IFLA_INFO_KIND, b"efh\0") + attr(
            IFLA_INFO_DATA | NLA_F_NESTED, local + u32(U["IFLA_EFH_CARRIER"], carrier)))

        def add(info=info):
            return rtnl.request(RTM_NEWLINK, "efh0", info, NLM_F_CREATE | NLM_F_EXCL)

        def remove(_):
            rtnl.request(RTM_DELLINK, "efh0")
        what = f"IPv{outer}{' carrier udp' if carrier else ''}"
        # what the stack makes of a socket without an inode, and of a device without a name
        each(f"{what}: link add", add, remove, errors=(errno.ENOMEM, errno.ENOBUFS, errno.ENFILE, errno.EINVAL))
        add()
        peer = u32(U["EFH_A_PEER_IFINDEX"], path.a.ifindex("efh0")) + \
            attr(U["EFH_A_PEER_ADDRESS"], efhwire.address("2001:db8:9::1" if outer == 6 else "203.0.113.1"))
        prefixes = b"".join(attr(U["EFH_A_PEER_PREFIX"] | NLA_F_NESTED, attr(
            U["EFH_A_PREFIX_ADDRESS"], efhwire.address(f"fd0{n}::")) + u8(U["EFH_A_PREFIX_LEN"], 16)) for n in range(3))
        each(f"{what}: peer add", lambda peer=peer, prefixes=prefixes: genl.request("PEER_NEW", peer + prefixes) or True,
             lambda _, peer=peer: genl.request("PEER_DEL", peer))
        eq(path.a.efhctl("peer show dev efh0"), "", f"{what}: none is left of those that were refused")
        remove(None)
    rtnl.sock.close()


def sending():
    """Large packets, their flow not known and known."""
    for family in (6, 4):
        path = Path()
        sends(path, path.udp(family), family, f"IPv{family}")
        finish()
    for family, words in ((6, ""), (4, "carrier udp")):
        path = Path(native=False)
        sends(path, Linked(path, family, words).pair(6), family, f"IPv{family} {words}".strip() + " link")
        finish()


def sends(path, pair, family, what):
    prepare()
    genl = path.a.netlink()
    tx, rx = pair
    rx.settimeout(0.5)
    sent = data(60000, family)
    wrong = []

    def send():
        return tx.send(sent)

    def take(_):
        got = receive(rx)
        if got not in (None, sent):
            wrong.append(short(got))

    def anew():
        genl.request("FLOW_FLUSH")
        return send()
    each(f"{what}, known", send, take)
    each(f"{what}, new", anew, take)
    eq(wrong, [], f"{what}: whole or not at all")
    tx.send(sent)
    eq(receive(rx), sent, f"{what}: and all is as before")


def receiving():
    """Fragments, which a program writes to a device: that is not in a softirq."""
    prepare()
    ns = Namespace("a")
    with ns:
        tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"t0", IFF_TUN | IFF_NO_PI))
    ns.ip("link set t0 mtu 1500 up", "addr add 2001:db8::1/64 dev t0 nodad",
          "addr add 192.0.2.1/24 dev t0")
    ends = {6: ("2001:db8::1", "2001:db8::2"), 4: ("192.0.2.1", "192.0.2.2")}
    for family, (here, there) in ends.items():
        receives(tun, ns.socket(AF[family], bind=(here, 9999)), f"IPv{family}", lambda ident: efhwire.fragments(
            there, here, efhwire.UDP, datagram(there, here), 1440, ident))
    near, far = INNER[6][:2]
    inner = efhwire.ip(far, near, efhwire.UDP, datagram(far, near))

    def under_udp(piece, here, there):
        return efhwire.ip(there, here, efhwire.UDP, efhwire.udp(there, here, 5000, 8060, piece))
    for family, words, cut in (
            (6, "", lambda ident: efhwire.fragments(*reversed(ends[6]), 41, inner, 1440, ident)),
            (4, "carrier udp", lambda ident: [under_udp(piece, *ends[4])
                                              for piece in efhwire.cut(41, inner, 1440, ident)])):
        here, there = ends[family]
        ns.run(f"ip link add efh0 type efh local {here} remote {there} {words}")
        address(ns, "efh0", 0, (6,))
        what = f"IPv{family} {words}".strip() + " link"
        receives(tun, ns.socket(bind=(near, 9999)), what, cut)
        number = [0]

        def ask(kind, here=here, there=there, words=words, number=number):
            number[0] += 1
            message = efhwire.control(kind, 1280, nonce=number[0])
            os.write(tun, under_udp(message, here, there) if words else
                     efhwire.ip(there, here, efhwire.DSTOPTS, message))
            return True
        for kind in (efhwire.PROBE, efhwire.NACK, efhwire.RESET):
            each(f"{what}: Control message {kind}", lambda kind=kind, ask=ask: ask(kind), least=0)
        ns.run("ip link del efh0")
    os.close(tun)


def datagram(src, dst):
    return efhwire.udp(src, dst, 7, 9999, data(9000))


def receives(tun, rx, what, packets):
    rx.settimeout(0.1)
    ident = [1 << 32]
    wrong = []

    def put():
        ident[0] += 1
        for packet in packets(ident[0]):
            os.write(tun, packet)
        return True

    def take(_):
        got = receive(rx)
        if got not in (None, data(9000)):
            wrong.append(short(got))
    each(what, put, take)
    eq(wrong, [], f"{what}: whole or not at all")
    put()
    eq(receive(rx), data(9000), f"{what}: and all is as before")
    rx.close()


if __name__ == "__main__":
    atexit.register(restore)
    main(module, namespace, configuration, links, sending, receiving)
