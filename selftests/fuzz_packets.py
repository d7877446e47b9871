#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Valid exchanges, mutated: the host accounts for all of it and goes on.

EFH_FUZZ_SECONDS  how long (20)
EFH_FUZZ_SEED     begin with this seed; SEED:BATCH begins with a later batch. A
                  batch is made of its seed alone, so a failure can be had again

`make fuzz` runs it for longer, in a kernel that looks for faults.
"""
import random
import struct

from efhtest import *
from efhlink import CARRIED, INNER, INNER_PROTOCOL, address, look, said
import efhwire

SECONDS = int(os.environ.get("EFH_FUZZ_SECONDS") or 20)
SEED, _, FIRST = (os.environ.get("EFH_FUZZ_SEED") or "").partition(":")
SEED = int(SEED or int.from_bytes(os.urandom(4), "big"))
FIRST = int(FIRST or 0)
BATCH = 120         # packets; a veth's ring takes 256
MTU = 9216
PORT, NOBODY = 9999, 9998
SIZES = (0, 1280, 1400, 1500, 9000)
OCTETS = (0, 1, 2, 4, 8, 12, 59, 60, 63, 64, 127, 128, 254, 255, efhwire.EFH, efhwire.UDP,
          efhwire.ICMP6, efhwire.HOPOPTS, efhwire.ROUTING, efhwire.FRAGMENT)
PADDING = bytes([efhwire.DSTOPTS, 0, 1, 4, 0, 0, 0, 0])
KMEMLEAK = "/sys/kernel/debug/kmemleak"


class Fault(Exception):
    """What was found; the rest of the run would tell nothing."""


def carried(near, far, piece):
    """What a link has under UDP; without a sum, which nobody need mend."""
    return efhwire.ip(near, far, efhwire.UDP, efhwire.udp(near, far, CARRIED, CARRIED, piece, 0))


class Exchange:
    """What two hosts have to say to one another, before somebody meddles with it."""

    def __init__(self, pair, rng, quoted, heard):
        self.pair, self.rng = pair, rng
        self.quoted = quoted        # fragments that B has sent
        self.heard = heard          # its Control messages
        self.sizes = (1024, 1032, 1224, 1440, 1440, 1440, 4096, 8184)

    def ends(self):
        return self.rng.choice(((self.pair.A6, self.pair.B6), (self.pair.A4, self.pair.B4)))

    def packet(self):
        """The fragments of one packet, in some order."""
        rng, (a, b) = self.rng, self.ends()
        size = rng.choice(self.sizes)
        length = rng.choice((rng.randrange(1, 400), rng.randrange(1, 6 * size),
                             rng.randrange(1, 12 * size), 3 * size, 3 * size + 1))
        proto = rng.choice((efhwire.UDP,) * 6 + (0, 1, 6, 41, 44, 47, 58, 59, 60, 253))
        ident = rng.choice((rng.getrandbits(64), rng.randrange(4)))
        body = efhwire.udp(a, b, 7, NOBODY, data(length, rng.randrange(9))) \
            if proto == efhwire.UDP else data(length, rng.randrange(9))
        under = False
        if rng.random() < 0.3 and len(body) < 65000:    # of a link
            near, far, _ = INNER[rng.choice((6, 4))]
            body = efhwire.ip(near, far, efhwire.UDP, efhwire.udp(near, far, 7, NOBODY, body), tclass=rng.randrange(4))
            proto, under = INNER_PROTOCOL[body[0] >> 4], ":" not in a
            if len(body) < MTU - 100 and rng.random() < 0.2:
                return [carried(a, b, body) if under else efhwire.ip(a, b, proto, body)]
        pieces = efhwire.cut(proto, body, size, ident, ps=rng.choice((0,) * 9 + (1, 2, 3)))
        if rng.random() < 0.1:      # EFH in EFH
            pieces = [piece for outer in pieces
                      for piece in efhwire.cut(efhwire.DSTOPTS, outer, 1024, rng.getrandbits(64))]
        if ":" in a and rng.random() < 0.2:
            pieces = [PADDING * rng.choice((1, 1, 1, 6, 7, 8)) + piece for piece in pieces]
        tclass = rng.choice((0, 0, 1, 2, 3))
        frames = [carried(a, b, piece) if under else
                  efhwire.ip(a, b, efhwire.DSTOPTS, piece, tclass=tclass if rng.random() < 0.95
                             else rng.randrange(4)) for piece in pieces[:64]]
        order = rng.randrange(6)
        if order == 0:
            rng.shuffle(frames)
        elif order == 1:
            frames.reverse()
        elif order == 2:            # two neighbours out of order
            at = rng.randrange(len(frames))
            frames[at:at + 2] = frames[at:at + 2][::-1]
        elif order == 3:
            frames.insert(rng.randrange(len(frames) + 1), rng.choice(frames))
        elif order == 4 and len(frames) > 1:
            frames.remove(rng.choice(frames))
        return frames

    def message(self):
        """Control messages: answers to B's, words about what it sent, and made up ones."""
        rng, (a, b) = self.rng, self.ends()
        kind, epoch = rng.randrange(1, 6), rng.choice((1, 1, 1, 2))
        under, label, number, size = ":" not in a, rng.getrandbits(20), rng.getrandbits(64), rng.choice(SIZES)
        of = rng.random()
        if of < 0.5 and self.heard:
            frame = rng.choice(self.heard)
            message = said(frame)
            kind, label, number, size = efhwire.PROBE_ACK, message.flow, message.nonce, message.size
        elif of < 0.8 and self.quoted:
            frame = rng.choice(self.quoted)
            kind = rng.choice((efhwire.NACK, efhwire.REPORT))
        else:
            frame = None
        if frame:
            packet, under = look(frame)
            a, b = packet.dst, packet.src
            if packet.efh and kind != efhwire.PROBE_ACK:
                label, number = packet.sport if under else packet.label, packet.ident
                size = rng.choice((500, size))      # a REPORT's interval, ms
        message = efhwire.control(kind, size, label, number, epoch, missing=rng.getrandbits(rng.choice((3, 7, 64))))
        if kind == efhwire.REPORT:
            message = message[:24] + struct.pack("!4I", *(rng.choice((0, 1, 9, 40, 1000)) for _ in range(4)))
        if kind == efhwire.PROBE:
            message += bytes(rng.choice((0, 100, max(0, size - 80))))
        return [carried(a, b, message) if under else efhwire.ip(a, b, efhwire.DSTOPTS, message)]

    def error(self):
        """An ICMP error about a fragment of B's."""
        if not self.quoted:
            return self.packet()
        rng, quote = self.rng, self.rng.choice(self.quoted)
        if quote[0] >> 4 == 6:
            kind, code, word = rng.choice(((2, 0, rng.choice((1280, 1400, 1500, 0, 68, 1 << 31))),
                                           (4, 2, 42), (4, 0, 45), (3, 1, 0), (1, 4, 0), (4, 1, 6)))
            return [efhwire.error(self.pair.A6, self.pair.B6, kind, code, word,
                                  quote[:rng.choice((1232, 1232, 56, 48, 40, 20))])]
        kind, code, word = rng.choice(((3, 4, rng.choice((576, 1400, 1500, 0, 67, 0xFFFF))),
                                       (3, 2, 0), (12, 0, 20 << 24), (11, 1, 0), (3, 3, 0)))
        return [efhwire.error(self.pair.A4, self.pair.B4, kind, code, word,
                              quote[:rng.choice((548, 548, 36, 28, 20))])]

    def mutate(self, frame):
        """Change something in a packet, and sometimes what would give it away."""
        rng, frame = self.rng, bytearray(frame)
        head = 40 if frame[0] >> 4 == 6 else 28 if frame[9] == efhwire.UDP else 20
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            kind = rng.randrange(10)
            near = min(len(frame), head + 40)
            if kind < 3:            # an octet of the headers, most often of EFH's
                at = head + rng.randrange(16) if rng.random() < 0.7 else rng.randrange(near)
                if at < len(frame):
                    frame[at] = rng.choice(OCTETS)
            elif kind < 5:          # a bit
                frame[rng.randrange(near)] ^= 1 << rng.randrange(8)
            elif kind == 5:         # cut short
                del frame[rng.randrange(head, len(frame) + 1):]
            elif kind == 6:         # made longer
                frame += bytes(rng.choice((1, 2, 7, 8, 16)))
            elif kind == 7:         # octets away, or more of them
                at = rng.randrange(head, near + 1)
                if rng.random() < 0.5:
                    del frame[at:at + rng.choice((1, 8, 16))]
                else:
                    frame[at:at] = rng.choice((bytes(8), PADDING, bytes(frame[head:head + 16])))
            elif kind == 8:         # a 16-bit field: lengths and offsets
                at = rng.randrange(4, max(5, near - 1)) & ~1
                value, = struct.unpack_from("!H", frame + bytes(2), at)
                value = (value + rng.choice((-8, -1, 1, 8, 1024, -1024, 0x7FFF))) & 0xFFFF
                frame[at:at + 2] = struct.pack("!H", value)
            else:
                at = rng.randrange(len(frame))
                frame[at] = rng.getrandbits(8)
            if len(frame) < head:
                frame += bytes(head - len(frame))
        if rng.random() < 0.8:
            self.mend(frame)
        return bytes(frame[:MTU])

    def mend(self, frame):
        """Version, lengths and checksum of the IP header: else it gets nowhere."""
        del frame[MTU:]
        if frame[0] >> 4 != 4:
            frame[0] = 0x60 | frame[0] & 15
            frame += bytes(max(0, 40 - len(frame)))
            frame[4:6] = struct.pack("!H", len(frame) - 40)
            frame[8:10] = efhwire.address(self.pair.A6)[:2]     # no link-local made by chance
            if self.rng.random() < 0.9:
                frame[24:40] = efhwire.address(self.pair.B6)
        else:
            frame[0] = 0x45 if self.rng.random() < 0.9 or len(frame) < 60 else 0x40 | frame[0] & 15
            frame[2:4] = struct.pack("!H", len(frame))
            if frame[9] == efhwire.UDP and self.rng.random() < 0.9:
                frame[24:28] = struct.pack("!HH", len(frame) - 20, 0)
            if self.rng.random() < 0.9:
                frame[16:20] = efhwire.address(self.pair.B4)
            frame[10:12] = b"\0\0"
            end = max(20, (frame[0] & 15) * 4)
            frame[10:12] = struct.pack("!H", efhwire.checksum(bytes(frame[:end])))

    def frames(self):
        """A batch: packets beside one another, some of them changed."""
        rng, several = self.rng, []
        while sum(map(len, several)) < BATCH:
            make, = rng.choices((self.packet, self.error, self.message), (80, 10, 10))
            frames = make()
            rate = rng.choice((0, 0.02, 0.1, 0.5, 1))
            several.append([self.mutate(frame) if rng.random() < rate else frame
                            for frame in frames])
        if rng.random() < 0.5:      # at the same time
            mixed = []
            while several:
                frames = rng.choice(several)
                mixed.append(frames.pop(0))
                several = [rest for rest in several if rest]
            return mixed[:BATCH]
        return [frame for frames in several for frame in frames][:BATCH]


class Fuzz:
    def __init__(self):
        self.log = Log()
        self.pair = Pair(mtu=MTU)
        self.wire = self.pair.wire()
        self.start = time.monotonic()
        self.said = 0
        self.batches = self.packets = self.fragments = self.whole = 0
        self.ways = []
        self.quoted, self.heard = [], []
        b = self.pair.b
        # whatever is made of them by chance: B stays where it is
        for name in ("accept_ra", "accept_redirects", "autoconf"):
            b.sysctl(f"net.ipv6.conf.b0.{name}", 0)
        b.sysctl("net.ipv4.conf.all.accept_redirects", 0)
        b.sysctl("net.ipv4.conf.b0.accept_redirects", 0)
        b.sysctl("net.ipv6.icmp.ratelimit", 0)
        b.sysctl("net.ipv4.icmp_ratelimit", 0)
        b.ip("link set b0 mtu 1500")
        if has("nft"):
            b.nft("""table inet efh {
                chain in { type filter hook input priority 0; ct state new counter } }""")
        for number, (outer, words) in enumerate(((6, ""), (4, f"carrier udp dport {CARRIED}"))):
            far, own = self.pair.ends(outer)
            # the first large packet is to leave as EFH every time
            b.efhctl(f"native add {far}/{128 if outer == 6 else 32} retransmit on")
            self.way(f"IPv{outer}", far, own)
            b.ip(f"link add efh{number} type efh local {own} remote {far} {words}")
            inner = (6, 4)[number]
            address(b, f"efh{number}", 1, (inner,))
            self.way(f"link {words}".strip(), *INNER[inner][:2], self.pair.ends(outer))
        self.send()

    def way(self, what, far, own, outer=()):
        """By which B is sent to, and sends."""
        family = AF[6 if ":" in own else 4]
        rx, tx = self.pair.b.socket(family, bind=(own, PORT)), self.pair.b.socket(family, bind=(own, 0))
        rx.settimeout(2)
        self.ways.append((what, far, own, outer, rx, tx))

    def send(self):
        """B sends by all of them."""
        for _, far, _, _, _, tx in self.ways:
            try:
                tx.sendto(data(9000), (far, NOBODY))
            except OSError:
                pass        # told that it is too big, or that nobody is there
        self.listen(0.05)

    def listen(self, quiet):
        """Remember B's fragments and Control messages."""
        for frame in self.wire.frames(quiet=quiet, probes=True):
            if said(frame):
                self.heard.append(frame)
            elif look(frame)[0].efh:
                self.quoted.append(frame)
        del self.heard[:-40], self.quoted[:-80]

    def settled(self):
        """Wait until what was sent has been looked at; the counters."""
        last = None
        end = time.monotonic() + 10
        while True:
            now = self.pair.b.stats()
            if last and now["in_fragments"] == last["in_fragments"]:
                return now
            if time.monotonic() > end:
                raise Fault(f"the counters do not come to rest: {now}")
            last = now
            time.sleep(0.02)

    def identity(self):
        """Every fragment is somewhere. A timeout may come between two of the counters."""
        def good():
            now = self.settled()
            return now["in_fragments"] == now["in_delivered"] + now["reassembly_fragments"] + \
                sum(now[name] for name in DROPS)
        if not wait(good, 3):
            raise Fault(f"the counters do not add up: {self.pair.b.stats()}")

    def alive(self, rng):
        """What is right arrives whole, in whatever order its fragments do."""
        for what, far, own, outer, sock, _ in self.ways:
            sock.setblocking(False)
            while receive(sock) is not None:
                pass        # mutated ones may have had this port
            sock.settimeout(2)
            whole = data(rng.choice((500, 9000, 60000)), rng.randrange(9))
            proto, packet = efhwire.UDP, efhwire.udp(far, own, 7, PORT, whole)
            if outer:
                packet = efhwire.ip(far, own, proto, packet)
                proto = INNER_PROTOCOL[packet[0] >> 4]
            a, b = outer or (far, own)
            pieces = efhwire.cut(proto, packet, rng.choice((1024, 1440)), rng.getrandbits(64))
            frames = [carried(a, b, piece) if outer and ":" not in a else efhwire.ip(a, b, efhwire.DSTOPTS, piece)
                      for piece in pieces]
            order = rng.randrange(4)
            if order == 0:
                frames.reverse()
            elif order == 1:
                rng.shuffle(frames)
            elif order == 2 and len(frames) > 1:
                # not after the packet is whole: that would be the first of another
                frames.insert(rng.randrange(len(frames) - 1), frames[0])
            self.wire.send(*frames)
            got = receive(sock)
            if got != whole:
                raise Fault(f"{what}: a valid packet of {len(whole)} octets, received "
                            f"{short(got)}; {self.pair.b.stats()}")
            self.whole += 1

    def settings(self, rng):
        b = self.pair.b
        if rng.random() < 0.5:
            b.run(f"ethtool -K b0 gro {rng.choice(('on', 'off'))}")
        if rng.random() < 0.3:
            b.efhctl(f"settings set timeout {rng.choice(('0.1', '0.5', '60'))} "
                     f"memory {rng.choice(('256K', '1M', '32M'))}")
        if rng.random() < 0.3:
            b.efhctl(f"settings set atomic {rng.choice(('on', 'off'))}")
        if rng.random() < 0.1:
            b.efhctl("flow flush")
        if rng.random() < 0.1:
            b.efhctl("stats reset")

    def splat(self):
        """What the kernel has said since."""
        lines = []
        while True:
            try:
                lines.append(os.read(self.log.fd, 8192).decode(errors="replace")
                             .partition(";")[2].split("\n")[0])
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EPIPE:
                    raise
        if any(SPLAT.search(line) for line in lines):
            raise Fault("the kernel's log:\n" + "\n".join(lines[-80:]))

    def inject(self, frames):
        for frame in frames:
            try:
                self.wire.send(frame)
            except OSError:
                pass        # longer than the link takes

    def both(self, frames):
        """From two processes, thus two CPUs."""
        pid = os.fork()
        if not pid:
            try:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                self.inject(frames[::2])
            finally:
                os._exit(0)
        self.inject(frames[1::2])
        os.waitpid(pid, 0)

    def batch(self, number):
        rng = random.Random(f"{SEED}:{number}")
        frames = Exchange(self.pair, rng, self.quoted, self.heard).frames()
        self.settings(rng)
        before = self.pair.b.stats()["in_fragments"]
        if rng.random() < 0.3:
            self.both(frames)
        else:
            self.inject(frames)
        self.batches += 1
        self.packets += len(frames)
        self.identity()
        self.fragments += self.pair.b.stats()["in_fragments"] - before
        if rng.random() < 0.3:
            self.pair.b.efhctl("settings set timeout 60 memory 32M")
            self.alive(rng)
        if rng.random() < 0.2:
            self.pair.b.efhctl("flow flush")
            self.send()
        self.listen(0.01)
        self.splat()

    def say(self):
        if time.monotonic() < self.said + 10:
            return
        self.said = time.monotonic()
        note(f"{self.said - self.start:.0f} s: {self.batches} batches, {self.packets} packets, "
             f"{self.fragments} of them fragments, {self.whole} valid packets received")

    def run(self):
        number = FIRST
        try:
            while time.monotonic() < self.start + SECONDS:
                self.batch(number)
                self.say()
                number += 1
        except Fault as fault:
            note(f"seed {SEED}:{number}")
            return ok(False, f"batch {number}", fault)
        self.said = 0
        self.say()
        return ok(self.batches, "all batches")


def leaks(scan):
    """Memory that nothing refers to, and that the module had to do with."""
    if not scan:
        return
    time.sleep(6)       # it must have been forgotten for 5 seconds
    for _ in range(2):
        open(KMEMLEAK, "w").write("scan")
        time.sleep(1)
    found = [text for text in open(KMEMLEAK).read().split("unreferenced object")
             if re.search(r"\befh_|\[efh\]", text)]
    ok(not found, "nothing is forgotten", "\n".join(found)[:4000])


def mutated():
    """Exchanges with octets, lengths and order changed."""
    note(f"seed {SEED}")
    scan = os.access(KMEMLEAK, os.W_OK)
    if scan:
        open(KMEMLEAK, "w").write("clear")
    fuzz = Fuzz()
    good = fuzz.run()
    drops = fuzz.pair.b.stats()
    note(f"drops: {({name: drops[name] for name in DROPS})}")
    fuzz.pair.b.efhctl("settings set timeout 0.1")
    if good:
        ok(wait(lambda: fuzz.pair.b.stats()["reassembly_packets"] == 0), "nothing is held at the end",
           fuzz.pair.b.stats())
        fuzz.pair.b.identity()
    cleanup()
    leaks(scan)


def removable():
    """The module can go."""
    if not loaded():
        raise Skip("built in")
    done = command("modprobe -r efh", check=False)
    ok(done.returncode == 0 and not loaded(), "modprobe -r", done.stderr)
    command("modprobe efh")


if __name__ == "__main__":
    main(mutated, removable)
