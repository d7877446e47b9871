# SPDX-License-Identifier: GPL-2.0-only
"""What the EFH selftests share: TAP, namespaces, the path host - router - host.

A test file defines functions and ends with main(function, ...). Each function
makes the namespaces it wants; when it returns they are checked (every fragment
accounted for, wire.rst section 4) and removed, and at the end of the file
the kernel log must hold nothing new to complain of.
"""
import atexit
import ctypes
import errno
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import traceback

from efhnetlink import Genl, Events

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32
SOL_UDP = 17
UDP_SEGMENT, UDP_GRO = 103, 104
DROPS = ("bad_option", "bad_index", "bad_fragment", "too_big", "mismatch", "duplicate",
         "ecn", "timeout", "evicted", "no_memory")
SPLAT = re.compile(r"WARNING:|BUG:|BUG |Call Trace|Oops|general protection|refcount_t|"
                   r"KASAN|UBSAN|possible circular|suspicious RCU|unregister_netdevice: waiting|"
                   r"rcu: INFO|blocked for more|soft lockup|kmem_cache_destroy|"
                   r"scheduling while atomic|Objects remaining|\befh: .*(error|fail)", re.I)

# Pseudo-random and never repeating within a packet: misplaced octets show.
NOISE = os.urandom(1 << 17)


class Skip(Exception):
    pass


class Tap:
    """Test results on stdout, as the kernel's ktap.rst has them."""
    count = failed = 0

    @classmethod
    def line(cls, good, what, extra=""):
        cls.count += 1
        cls.failed += not good
        print(f"{'ok' if good else 'not ok'} {cls.count} {what}{extra}", flush=True)
        return good


def note(text):
    for line in str(text).rstrip().split("\n"):
        print(f"# {line}", flush=True)


def ok(good, what, detail=""):
    if not Tap.line(bool(good), what) and detail != "":
        note(detail)
    return bool(good)


def eq(got, expected, what):
    if not Tap.line(got == expected, what):
        note(f"expected {short(expected)}")
        note(f"     got {short(got)}")
    return got == expected


def short(value):
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value)} octets {value[:48].hex()}{'...' if len(value) > 48 else ''}"
    text = repr(value)
    return text if len(text) < 600 else text[:600] + "..."


def skip(what, why):
    Tap.line(True, what, f" # SKIP {why}")


def data(size, seed=0):
    """size octets, different for every seed."""
    seed = seed * 7919 % 65521
    return NOISE[seed:seed + size]


class Namespace:
    """A network namespace; as a context, the place where the caller then is."""
    all = []

    def __init__(self, role):
        self.name = f"efh-{os.getpid()}-{role}"
        self.stack = []
        self.alive = True
        self.genl = None
        try:
            command(f"ip netns add {self.name}")
            self.fd = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        except BaseException:
            command(f"ip netns del {self.name}", check=False)
            raise
        Namespace.all.append(self)
        for where in ("all", "default"):
            self.sysctl(f"net.ipv6.conf.{where}.accept_dad", 0)
            self.sysctl(f"net.ipv6.conf.{where}.router_solicitations", 0)
        self.sysctl("net.ipv6.conf.default.mldv2_unsolicited_report_interval", 100000)
        self.ip("link set lo up")

    def __enter__(self):
        self.stack.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        setns(self.fd)
        return self

    def __exit__(self, *_):
        saved = self.stack.pop()
        setns(saved)
        os.close(saved)

    def run(self, text, check=True, **keywords):
        with self:
            return command(text, check, **keywords)

    def popen(self, text, **keywords):
        with self:
            return spawn(text, **keywords)

    def ip(self, *lines):
        """Lines of ip(8) commands, in one go."""
        text = "\n".join(lines) + "\n"
        self.run(f"ip -batch -", input=text)

    def nft(self, text):
        """Rules; blocks may end on the line of their last statement."""
        self.run("nft -f -", input=re.sub(r"([{}])", r"\n\1\n", text).replace("\n{", " {"))

    def efhctl(self, text, check=True):
        return self.run("efhctl " + text, check)

    def sysctl(self, name, value=None):
        path = "/proc/sys/" + name.replace(".", "/")
        with self:
            if value is None:
                return open(path).read().strip()
            try:
                open(path, "w").write(str(value))
            except FileNotFoundError:
                return None

    def device(self, dev, **attributes):
        """Set attributes of a device, which sysfs shows to ip netns exec alone."""
        self.run(["ip", "netns", "exec", self.name, "sh", "-ec", "".join(
            f"echo {value} >/sys/class/net/{dev}/{key}\n" for key, value in attributes.items())])

    def snmp(self, name):
        """A counter of the stack's: Ip6InReceives, UdpInCsumErrors."""
        with self:
            text = open("/proc/thread-self/net/snmp6").read()
            lines = open("/proc/thread-self/net/snmp").read().split("\n")
        for line in text.split("\n"):
            if line.split()[:1] == [name]:
                return int(line.split()[1])
        for names, values in zip(lines[::2], lines[1::2]):
            proto, _, names = names.partition(": ")
            if name.startswith(proto) and name[len(proto):] in names.split():
                return int(values.split()[1 + names.split().index(name[len(proto):])])
        raise KeyError(name)

    def socket(self, family=socket.AF_INET6, kind=socket.SOCK_DGRAM, proto=0, bind=None):
        with self:
            sock = socket.socket(family, kind, proto)
        sock.settimeout(10)
        if kind != socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 16 << 20)
        if bind is not None:
            sock.bind(bind)
        return sock

    def ifindex(self, dev):
        with self:
            return socket.if_nametoindex(dev)

    def netlink(self):
        if not self.genl:
            with self:
                self.genl = Genl()
        return self.genl

    def stats(self):
        return self.netlink().stats()

    def flows(self):
        return self.netlink().flows()

    def events(self):
        with self:
            return Events()

    def dropped(self):
        """What the devices here could not deliver: the ring of a veth holds 256."""
        links = json.loads(self.run("ip -j -s link"))
        return sum(link["stats64"]["tx"]["dropped"] for link in links)

    def expect(self, what, **changes):
        return Expect(self, what, changes)

    def sums(self):
        """Counters, drops of them all, and whether in = delivered + held + dropped, fragment for
        fragment: in the end, while some come or are given up the figures are not of one moment."""
        for _ in range(20):
            now = self.stats()
            drops = sum(now[name] for name in DROPS)
            good = now["in_fragments"] == now["in_delivered"] + now["reassembly_fragments"] + drops
            if good:
                break
            time.sleep(0.1)
        return now, drops, good

    def identity(self):
        now, drops, good = self.sums()
        if not good or now["in_fragments"]:
            ok(good, f"{self.role()}: in {now['in_fragments']} = delivered {now['in_delivered']} + held "
               f"{now['reassembly_fragments']} + dropped {drops}", now)

    def role(self):
        return self.name.rsplit("-", 1)[1]

    def close(self):
        if self.genl:
            self.genl.close()
            self.genl = None

    def delete(self):
        """May be interrupted, and then called again."""
        if self.alive:
            self.alive = False
            self.close()
            os.close(self.fd)
        if self in Namespace.all:
            command(f"ip netns del {self.name}", check=False)
            Namespace.all.remove(self)


class Expect:
    """with ns.expect("what", counter=change): the counters change just so.

    Counters not named must stay, of those given or else of all drops.
    """

    def __init__(self, ns, what, changes):
        self.ns, self.what, self.changes = ns, what, changes

    def __enter__(self):
        self.before = self.ns.stats()

    def __exit__(self, kind, *_):
        if kind:
            return
        after = self.ns.stats()
        watched = set(self.changes) | set(DROPS)
        got = {name: after[name] - self.before[name] for name in watched}
        eq({k: v for k, v in got.items() if v or k in self.changes}, self.changes, self.what)


def setns(fd):
    if LIBC.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


CHILDREN = []


def command(text, check=True, **keywords):
    """Run one program; its stdout, or an exception with its stderr."""
    done = subprocess.run(shlex.split(text) if isinstance(text, str) else text,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120, check=False, **keywords)
    if check is True and done.returncode:
        raise RuntimeError(f"{text}: exit {done.returncode}: {done.stderr.strip()}"
                           f"{keywords.get('input', '')}")
    return done.stdout if check is True else done


def spawn(text, **keywords):
    child = subprocess.Popen(shlex.split(text) if isinstance(text, str) else text,
                             text=True, **keywords)
    CHILDREN.append(child)
    return child


def has(*programs):
    for program in programs:
        if subprocess.run(["sh", "-c", f"command -v {program}"], check=False,
                          stdout=subprocess.DEVNULL).returncode:
            return False
    return True


def need(*programs):
    for program in programs:
        if not has(program):
            raise Skip(f"no {program}")


def wait(condition, seconds=5):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


def gather(ns, dev, milliseconds=5):
    """From now on what arrives at a device in so long a time is polled at once."""
    ns.device(dev, napi_defer_hard_irqs=1, gro_flush_timeout=milliseconds * 1000000)


def link(one, one_dev, two, two_dev, mtu=1500, number=1, gro="on", sg="on", far_gro=None):
    """A veth without segmentation offloads: what is sent is what the wire sees."""
    macs = [f"02:00:00:00:{number:02x}:{side:02x}" for side in (1, 2)]
    command(f"ip link add {one_dev} netns {one.name} address {macs[0]} mtu {mtu} type veth "
            f"peer name {two_dev} netns {two.name} address {macs[1]} mtu {mtu}")
    for ns, dev, gro in ((one, one_dev, gro), (two, two_dev, far_gro or gro)):
        # rx-udp-gro-forwarding and the like stay as they are: stock hosts have them so
        ns.run(f"ethtool -K {dev} tso off gso off tx-udp-segmentation off gro {gro} sg {sg}")
        ns.ip(f"link set {dev} up")
    return macs


class Ends:
    """Two hosts with addresses of both families."""

    def ends(self, family):
        """A's and B's address."""
        return (self.A6, self.B6) if family == 6 else (self.A4, self.B4)


class Pair(Ends):
    """Hosts A and B on one link."""
    A6, B6, A4, B4 = "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"

    def __init__(self, mtu=1500, gro="on", names="ab"):
        self.a, self.b = Namespace(names[0]), Namespace(names[1])
        self.mac_a, self.mac_b = link(self.a, "a0", self.b, "b0", mtu, gro=gro)
        self.a.ip(f"addr add {self.A6}/64 dev a0", f"addr add {self.A4}/24 dev a0",
                  f"neigh replace {self.B6} lladdr {self.mac_b} dev a0 nud permanent",
                  f"neigh replace {self.B4} lladdr {self.mac_b} dev a0 nud permanent")
        self.b.ip(f"addr add {self.B6}/64 dev b0", f"addr add {self.B4}/24 dev b0",
                  f"neigh replace {self.A6} lladdr {self.mac_a} dev b0 nud permanent",
                  f"neigh replace {self.A4} lladdr {self.mac_a} dev b0 nud permanent")
        self.a.run(f"ping -c 1 -w 10 {self.B6}")

    def wire(self):
        """Puts octets on A's end of the link as a neighbour would."""
        return Wire(self.a, "a0", self.mac_b, self.mac_a)


class Path(Ends):
    """Host A - router R - host B, links of one MTU, IPv6 and IPv4."""
    A6, B6, A4, B4 = "2001:db8:1::1", "2001:db8:2::2", "192.0.2.1", "198.51.100.2"
    RA6, RB6, RA4, RB4 = "2001:db8:1::ff", "2001:db8:2::ff", "192.0.2.254", "198.51.100.254"

    def __init__(self, mtu=1500, native=True, gro="on", sg="on", router_gro="off"):
        # the router joins nothing: what it sees, and what netem does there, are packets
        self.a, self.r, self.b = Namespace("a"), Namespace("r"), Namespace("b")
        self.r.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.r.sysctl("net.ipv4.ip_forward", 1)
        self.mac_a, self.mac_ra = link(self.a, "a0", self.r, "ra", mtu, 1, gro, sg, router_gro)
        self.mac_b, self.mac_rb = link(self.b, "b0", self.r, "rb", mtu, 2, gro, sg, router_gro)
        self.end(self.a, "a0", self.A6, self.A4, self.RA6, self.RA4, self.mac_ra, "ra",
                 self.mac_a)
        self.end(self.b, "b0", self.B6, self.B4, self.RB6, self.RB4, self.mac_rb, "rb",
                 self.mac_b)
        self.a.run(f"ping -c 1 -w 10 {self.B6}")
        if native:
            self.native()

    def end(self, host, dev, v6, v4, router6, router4, router_mac, router_dev, mac):
        host.ip(f"addr add {v6}/64 dev {dev}", f"addr add {v4}/24 dev {dev}",
                f"neigh replace {router6} lladdr {router_mac} dev {dev} nud permanent",
                f"neigh replace {router4} lladdr {router_mac} dev {dev} nud permanent",
                f"route add default via {router4}", f"route add default via {router6}")
        self.r.ip(f"addr add {router6}/64 dev {router_dev}",
                  f"addr add {router4}/24 dev {router_dev}",
                  f"neigh replace {v6} lladdr {mac} dev {router_dev} nud permanent",
                  f"neigh replace {v4} lladdr {mac} dev {router_dev} nud permanent")

    def native(self, extra=""):
        """Each end sends EFH to the other's network."""
        self.a.efhctl(f"native add 2001:db8:2::/64 {extra}")
        self.a.efhctl(f"native add 198.51.100.0/24 {extra}")
        self.b.efhctl(f"native add 2001:db8:1::/64 {extra}")
        self.b.efhctl(f"native add 192.0.2.0/24 {extra}")

    def raise_mtu(self, mtu):
        """The routes promise more than the links carry."""
        self.a.ip(f"route replace default via {self.RA6} mtu {mtu}",
                  f"route replace default via {self.RA4} mtu {mtu}")
        self.b.ip(f"route replace default via {self.RB6} mtu {mtu}",
                  f"route replace default via {self.RB4} mtu {mtu}")

    def udp(self, family, port=9999, connect=True):
        """A datagram socket of A, and one of B that waits on port."""
        a, b = self.ends(family)
        af = AF[family]
        tx = self.a.socket(af, bind=(a, 0))
        rx = self.b.socket(af, bind=(b, port))
        if connect:
            tx.connect((b, port))
        return tx, rx


class Transfer:
    """with Transfer(path) as seen: what left A in between arrives whole at B.

    But for what a device in between had no room for, fragment for fragment.
    """

    def __init__(self, path):
        self.path = path

    def counters(self):
        a, b = self.path.a, self.path.b
        out, there = a.stats(), b.stats()
        return (out["out_packets"], out["out_fragments"] + out["retransmit_out"], there["reassembled"],
                there["in_fragments"], a.dropped() + self.path.r.dropped())

    def __enter__(self):
        self.before = self.counters()
        return self

    def __exit__(self, *_):
        self.packets, self.fragments, self.whole, self.arrived, self.lost = (
            now - then for now, then in zip(self.counters(), self.before))

    def check(self, what):
        # what a device dropped need not have been a fragment
        ok(self.fragments - self.lost <= self.arrived <= self.fragments,
           f"{what}: all fragments arrive, or a device dropped them",
           f"{self.fragments} fragments, {self.arrived} arrived, {self.lost} packets dropped")
        ok(self.packets - self.lost <= self.whole <= self.packets,
           f"{what}: each whole at the other end",
           f"{self.packets} packets, {self.whole} whole, {self.lost} fragments lost")


AF = {4: socket.AF_INET, 6: socket.AF_INET6}


def is_probe(packet):
    """Does it ask what the path of a flow takes (wire.rst section 7)?"""
    at, nexthdr = (40, packet[6]) if packet[0] >> 4 == 6 else (20, packet[9])
    return nexthdr == 60 and packet[at + 2:at + 5] == b"\x5e\x24\x11" and len(packet) > at + 40


class Wire:
    """Sends and sees whole frames on one device."""

    def __init__(self, ns, dev, dst=None, src=None):
        self.dst, self.src = ([int(x, 16) for x in (m or "0").split(":")] for m in (dst, src))
        with ns:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 128 << 20)
        self.sock.bind((dev, ETH_P_ALL))

    def send(self, *packets, dst=None):
        for packet in packets:
            kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
            self.sock.send(bytes(dst or self.dst) + bytes(self.src) + kind + packet)

    def frames(self, outgoing=False, quiet=0.1, probes=False):
        """IP packets seen since the last call, until none comes for a while; unless wanted but for
        PROBEs, which go beside whatever takes long enough."""
        found = []
        self.sock.settimeout(quiet)
        while True:
            try:
                frame, where = self.sock.recvfrom(1 << 17)
            except (TimeoutError, BlockingIOError):
                return found
            if (where[2] == 4) == outgoing and where[1] in (0x0800, 0x86DD) and \
                    (probes or not is_probe(frame[14:])):
                found.append(frame[14:])

    def close(self):
        self.sock.close()


def receive(sock, size=1 << 17):
    """The next datagram, or None."""
    try:
        return sock.recv(size)
    except (TimeoutError, BlockingIOError):
        return None


def arrive(rx, sent, what):
    """All of these, in any order: a sender that is moved to another CPU may overtake itself."""
    return eq(sorted(receive(rx) or b"" for _ in sent), sorted(sent), what)


def fragments_of(length, size):
    return -(-length // size)


def fragment_size(mtu, family=6):
    """L on a path of this MTU: wire.rst section 3."""
    return mtu - (40 if family == 6 else 20) - 16 & ~7


def loaded(module="efh"):
    return os.path.isdir(f"/sys/module/{module}")


class Log:
    """The kernel's log from here on."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)
        self.taint = self.tainted()

    @staticmethod
    def tainted():
        return int(open("/proc/sys/kernel/tainted").read())

    def check(self):
        lines = []
        while True:
            try:
                record = os.read(self.fd, 8192).decode(errors="replace")
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.EPIPE:
                    continue
                raise
            lines.append(record.split(";", 1)[1].split("\n")[0])
        bad = [line for line in lines if SPLAT.search(line)]
        died = (self.tainted() & ~self.taint) & (1 << 7 | 1 << 9 | 1 << 5 | 1 << 14)
        if not ok(not bad and not died, "the kernel log has no warning", f"taint {died:#x}"):
            note("\n".join(lines[-60:]))


def cleanup():
    for child in CHILDREN:
        if child.poll() is None:
            child.kill()
            child.wait()
    CHILDREN.clear()
    for ns in list(Namespace.all):
        ns.delete()


def finish():
    """The end of a test, or of a part that has namespaces of its own."""
    for ns in list(Namespace.all):
        if loaded():
            ns.identity()
    cleanup()


def main(*tests):
    """Run the tests of one file; exit as kselftest wants it."""
    atexit.register(cleanup)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, lambda *_: sys.exit(1))
    print("TAP version 13", flush=True)
    if os.geteuid():
        print("1..0 # SKIP needs root")
        sys.exit(4)
    if not loaded():
        done = command("modprobe efh", check=False)
        if done.returncode:
            print(f"Bail out! modprobe efh: {done.stderr.strip()}")
            sys.exit(1)
    wanted = sys.argv[1:]
    unknown = set(wanted) - {test.__name__ for test in tests}
    if unknown:
        print(f"Bail out! no test {', '.join(sorted(unknown))}; "
              f"there are {', '.join(test.__name__ for test in tests)}")
        sys.exit(1)
    skipped = 0
    log = Log()
    for test in tests:
        name = test.__name__
        if wanted and name not in wanted:
            continue
        note(f"{name}: {(test.__doc__ or '').strip()}")
        start = time.monotonic()
        try:
            test()
            finish()
        except Skip as why:
            skip(name, why)
            skipped += 1
        except Exception:  # pylint: disable=broad-except
            ok(False, name, traceback.format_exc())
        cleanup()
        note(f"{name}: {time.monotonic() - start:.1f} s")
    log.check()
    print(f"1..{Tap.count}", flush=True)
    if Tap.failed:
        sys.exit(1)
    sys.exit(4 if skipped and skipped == Tap.count - 1 else 0)


__all__ = [name for name in globals() if not name.startswith("_")]
