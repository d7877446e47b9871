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
from efhnetlink import U, NetlinkError, u8, attr
import efhwire

DEBUG = "/sys/kernel/debug"
FAULTS = ("failslab", "fail_page_alloc", "fail_skb_realloc")
NTH = "/proc/thread-self/fail-nth"
SYS_FINIT_MODULE, SYS_DELETE_MODULE = {"x86_64": (313, 176), "aarch64": (273, 106)}.get(
    os.uname().machine, (None, None))
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


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


def each(what, action, undo=None, limit=2000, least=1):
    """Let the first allocation of an action fail, then the second, and so on; least of them."""
    failures = 0
    for number in range(1, limit):
        write(NTH, number)
        try:
            done = action()
        except (OSError, NetlinkError) as error:
            done = None
            failures += 1
            if error.errno not in (errno.ENOMEM, errno.ENOBUFS):
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


def sending():
    """Large packets, their flow not known and known."""
    prepare()
    path = Path()
    genl = path.a.netlink()
    for family in (6, 4):
        tx, rx = path.udp(family)
        rx.settimeout(0.5)
        sent = data(60000, family)
        wrong = []

        def send(tx=tx, sent=sent):
            return tx.send(sent)

        def take(_, rx=rx, sent=sent, wrong=wrong):
            got = receive(rx)
            if got not in (None, sent):
                wrong.append(short(got))

        def anew(send=send):
            genl.request("FLOW_FLUSH")
            return send()
        each(f"IPv{family}, known", send, take)
        each(f"IPv{family}, new", anew, take)
        eq(wrong, [], f"IPv{family}: whole or not at all")
        tx.send(sent)
        eq(receive(rx), sent, f"IPv{family}: and all is as before")


def receiving():
    """Fragments, which a program writes to a device: that is not in a softirq."""
    prepare()
    ns = Namespace("a")
    with ns:
        tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"t0", IFF_TUN | IFF_NO_PI))
    ns.ip("link set t0 mtu 1500 up", "addr add 2001:db8::1/64 dev t0 nodad",
          "addr add 192.0.2.1/24 dev t0")
    for family, here, there in ((6, "2001:db8::1", "2001:db8::2"),
                                (4, "192.0.2.1", "192.0.2.2")):
        rx = ns.socket(AF[family], bind=(here, 9999))
        rx.settimeout(0.1)
        sent = data(9000, family)
        ident = [family << 32]
        wrong = []

        def put(here=here, there=there, sent=sent, ident=ident):
            ident[0] += 1
            for packet in efhwire.fragments(there, here, efhwire.UDP, efhwire.udp(
                    there, here, 7, 9999, sent), 1440, ident[0]):
                os.write(tun, packet)
            return True

        def take(_, rx=rx, sent=sent, wrong=wrong):
            got = receive(rx)
            if got not in (None, sent):
                wrong.append(short(got))
        each(f"IPv{family}", put, take)
        eq(wrong, [], f"IPv{family}: whole or not at all")
        put()
        eq(receive(rx), sent, f"IPv{family}: and all is as before")
    os.close(tun)


if __name__ == "__main__":
    atexit.register(restore)
    main(module, namespace, configuration, sending, receiving)
