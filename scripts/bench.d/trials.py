# SPDX-License-Identifier: GPL-2.0-only
"""What is measured: a trial is one way of moving data, run for a moment. It
answers with one number, and fails if the data did not travel as it claims."""
import json
import os
import shutil
import socket
import subprocess
import time

import efhtest
import linkalive
import links
from efhtest import SO_RCVBUFFORCE
from links import EFH, PLAIN, Failed

PROGRAMS = "/tmp/bench"


def prepare():
    """The programs that scripts/bench left, socket buffers as large as they ask
    for, and room for the neighbours that packets from 100 000 sources make"""
    if not os.path.exists("/out/traffic"):
        raise Failed("/out has no programs: run scripts/bench")
    os.makedirs(PROGRAMS, exist_ok=True)
    for name in ("traffic", "frames", "replay.ko"):
        shutil.copy(f"/out/{name}", PROGRAMS)
    for name in ("core/rmem_max", "core/wmem_max", "ipv6/neigh/default/gc_thresh3"):
        with open("/proc/sys/net/" + name, "w", encoding="ascii") as file:
            file.write(str(64 << 20))


def start(program, **options):
    text = [f"{PROGRAMS}/{program}"]
    for name, value in options.items():
        text += [f"-{name}", str(value)]
    return subprocess.Popen(text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answer(process, seconds=60):
    try:
        said, error = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        process.kill()
        process.wait()
        raise Failed(f"{process.args}: no end in {seconds} s") from late
    if process.returncode:
        raise Failed(f"{' '.join(process.args)}: {error.strip()}")
    return json.loads(said)


def run(program, **options):
    return answer(start(program, **options))


class Trial:
    """One way of moving data over one link."""
    unit = "Gbit/s"
    none = False    # that nothing arrives is a result, too

    def __init__(self, link, how, address=None):
        """How: efh, stock (fragmentation) or whole (nothing is split)."""
        self.link, self.how, self.address = link, how, address or (PLAIN if how != "efh" else EFH)
        self.extra = {}

    def measure(self, seconds):
        """One number"""
        for _ in range(3):
            before = self.link.counters()
            value = self.once(seconds)
            self.check(links.difference(self.link.counters(), before))
            if value or self.none:
                return value
        raise Failed("nothing arrived")

    def once(self, seconds):
        raise NotImplementedError

    def prove(self):
        """Once, with a look at what leaves the device"""
        wire = efhtest.Wire(self.link.a, self.link.devices[0])
        # the first frames are enough
        wire.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 18)
        self.measure(0.02)
        lengths = [14 + len(packet) for packet in wire.frames(outgoing=True)]
        wire.close()
        self.extra["longest"] = max(lengths, default=0)
        if self.link.mtu == 1500 and not 0 < self.extra["longest"] <= 1514:
            raise Failed(f"frames of up to {self.extra['longest']} octets on a link of MTU 1500")

    def compare(self, efh, stock, what):
        """Fragments of both kinds; an earlier stream may have had a last word."""
        few = (efh + stock) // 50 + 100
        if (efh > few) != (self.how == "efh") or (stock > few) != (self.how == "stock"):
            raise Failed(f"{self.how} was wanted; {what}: {efh} fragments of EFH, {stock} of the stack")

    def check(self, seen):
        """Did they travel as this trial claims?"""
        self.compare(seen["a"]["out_fragments"], seen["a6"]["Ip6FragCreates"], "left")
        if "b" in seen:
            self.compare(seen["b"]["in_delivered"], seen["b6"]["Ip6ReasmReqds"], "arrived")
        wire = seen["wire"]
        self.extra["frame"] = round(wire["octets"] / max(wire["frames"], 1), 1)
        if self.link.mtu == 1500 and self.extra["frame"] > 1514:
            raise Failed(f"frames of {self.extra['frame']} octets on average on a link of MTU 1500")


class Udp(Trial):
    """Datagrams from a program to a program, what was received of them"""

    def __init__(self, link, how, address=None, size=60000, kind="udp", segment=0):
        super().__init__(link, how, address)
        self.size, self.kind, self.segment, self.window = size, kind, segment, 0

    def options(self):
        return {}

    def once(self, seconds):
        options = {"k": self.kind, "a": self.link.a.name, "b": self.link.b.name, "d": self.address,
                   "s": self.size, "t": seconds, "S": 0, "R": 1, **self.options()}
        if self.segment:
            options["g"] = self.segment
        if self.window:
            options["w"] = self.window
        said = run("traffic", **options)
        self.extra["lost"] = round(1 - said["received"] / said["sent"], 4) if said["sent"] else 1
        return 8e-9 * said["received"] / said["seconds"]


class Tcp(Udp):
    """One stream"""

    def __init__(self, link, how, address=None):
        super().__init__(link, how, address, kind="tcp")

    def once(self, seconds):
        value = super().once(seconds)
        self.extra.pop("lost")
        return value


class Small(Udp):
    """Small datagrams of many flows, received ones"""
    unit = "kpackets/s"
    FLOWS = 64

    def once(self, seconds):
        return 1e6 / 8 * super().once(seconds) / self.size

    def options(self):
        return {"f": self.FLOWS}


class Sender(Trial):
    """Datagrams into a device that throws them away; on one CPU, never idle"""
    unit = "CPU s/GB"

    def __init__(self, link, how, address=None, size=60000):
        super().__init__(link, how, address)
        self.size = size

    def once(self, seconds):
        said = run("traffic", k="send", a=self.link.a.name, d=self.address, s=self.size, t=seconds, S=0)
        return said["ns"] / self.size


class Alone(Trial):
    """A trial in which next to nothing leaves A"""

    def prove(self):
        self.measure(0.02)

    def check(self, seen):
        self.compare(seen["b"]["in_delivered"], seen["b6"]["Ip6ReasmReqds"], "arrived")


class Receiver(Alone):
    """Frames made in advance, see frames.c; on one CPU, never idle"""
    unit = "CPU s/GB"

    def __init__(self, link, how, address=None, size=60000, packets=5, linear=-1, each=240):
        super().__init__(link, how, address)
        self.size, self.packets, self.linear, self.each = size, packets, linear, each

    def once(self, seconds):
        said = answer(self.start(seconds, 0))
        self.extra.update(said)
        return said["received_ns"] / said["octets"]

    def start(self, seconds, cpu):
        return start("frames", k="replay", a=self.link.a.name, i=self.link.capture[self.how], b=self.link.b.name,
                     d=self.link.address[self.how], s=self.size, p=self.packets, t=seconds, c=cpu, l=self.linear,
                     q=self.each)


class Reordered(Udp):
    """Through a network that delays, and that reorders or doesn't; with a
    bound on what is under way, for what such a network cannot take it drops"""

    def __init__(self, link, reorder):
        super().__init__(link, "efh")
        self.netem = "delay 1ms limit 1000000" + (" reorder 25%" if reorder else "")

    def once(self, seconds):
        self.link.r.run(f"tc qdisc replace dev {self.link.inner[1]} root netem {self.netem}")
        self.window = 32
        return super().once(seconds)


class Lossy(Udp):
    """Datagrams sent evenly through a network that loses: what of them arrives"""
    unit = "of what was sent"
    RATE = 16e6
    none = True

    def __init__(self, link, how, loss):
        super().__init__(link, how)
        self.loss = loss

    def once(self, seconds):
        lose(self.link, self.loss)
        # else what the stack holds of the trials before leaves no room
        self.link.b.sysctl("net.ipv6.ip6frag_high_thresh", 512 << 20)
        # some datagrams, however short
        seconds = max(seconds, 0.1)
        tx, rx = self.link.a.socket(), self.link.b.socket(bind=(self.address, 9))
        tx.connect((self.address, 9))
        rx.settimeout(0.001)
        sent = received = 0
        begin = time.monotonic()
        while (now := time.monotonic()) < begin + 4 * seconds + 1.5:
            if now < begin + 4 * seconds and now >= begin + sent * 8 * self.size / self.RATE:
                tx.send(bytes(self.size))
                sent += 1
            received += efhtest.receive(rx) is not None
        tx.close()
        rx.close()
        return received / sent


class Kept(Udp):
    """Through a link that keeps what it sent, or doesn't"""

    def __init__(self, link, words, address):
        super().__init__(link, "efh", address)
        self.words = words

    def once(self, seconds):
        self.link.change(self.words)
        try:
            return super().once(seconds)
        finally:
            self.link.change("retransmit")


class LossyTcp(Tcp):
    """One stream through a network that loses, 10 ms there and back"""

    def __init__(self, link, how, loss, under=None, address=None):
        super().__init__(link, how, address)
        self.loss, self.under = loss, under or link

    def measure(self, seconds):
        """When the stream before has had its last word"""
        def arrived():
            return self.under.b.stats()["in_fragments"]
        last = -1
        while last != (last := arrived()):
            time.sleep(0.5)
        return super().measure(seconds)

    def once(self, seconds):
        lose(self.under, self.loss)
        return super().once(4 * seconds)


class Failover(Trial):
    """Questions and answers by way of a gateway that falls silent, until they go by the other"""
    unit = "s"

    def __init__(self, gates, since):
        super().__init__(None, "efh")
        self.gates, self.since = gates, since

    def prove(self):
        self.measure(0)

    def measure(self, seconds):
        gates = self.gates
        talk, events = linkalive.Talk(gates), gates.a.events()
        talk.alive(0)
        if not efhtest.wait(lambda: "epoch" in gates.peer("b")):
            raise Failed("the first gateway does not answer")
        gates.cut("b")
        gates.back("c")
        cut = time.monotonic()
        if self.since == "hint":
            gates.a.efhctl(f"peer suspect dev efh0 remote {gates.outer['b']}")
        seen = linkalive.heard(events, lambda e: linkalive.change(e)[1] == linkalive.DOWN)
        again = talk.alive(cut + 0.1)
        gates.mend("b")
        linkalive.heard(events, lambda e: linkalive.change(e)[0] == linkalive.DOWN, 30)
        gates.back("b")
        talk.end()
        events.close()
        if not seen or not again:
            raise Failed("the other gateway is not used")
        return again - cut


def lose(link, loss):
    """5 ms each way, and losses on the way there"""
    link.r.run(f"tc qdisc replace dev {link.inner[1]} root netem delay 5ms limit 100000 {loss}")
    link.r.run(f"tc qdisc replace dev {link.inner[0]} root netem delay 5ms limit 100000")


class Held(Alone):
    """What a fragment costs that belongs to one of many packets in the making"""
    unit = "ns/fragment"
    FRAGMENTS = 8

    def __init__(self, link, how, packets, gro):
        super().__init__(link, how)
        self.gro = gro
        # one in so many is at its beginning, and not held
        self.slots = packets * self.FRAGMENTS // (self.FRAGMENTS - 1) if packets > 1 else 1
        self.packets = packets

    def once(self, seconds):
        forget(self.link.b)
        self.link.b.run(f"ethtool -K replay0 gro {self.gro}")
        said = run("frames", k="spread", e=self.how, a=self.link.a.name, i=self.link.devices[0],
                   b=self.link.b.name, d=self.address, n=self.slots, f=self.FRAGMENTS, t=seconds, c=0)
        held = self.link.b.stats()["reassembly_packets"]
        if self.how == "efh" and self.packets > 1 and not 0.97 < held / self.packets < 1.03:
            raise Failed(f"{held} packets were held, not {self.packets}")
        self.extra["held"] = held
        forget(self.link.b)
        self.link.b.run("ethtool -K replay0 gro on")
        self.extra.update(said)
        return said["received_ns"] / said["fragments"]


class Memory(Alone):
    """What is held beyond the buffers themselves"""
    unit = "octets"
    PACKETS = 240 * 500
    IDLE = 10  # seconds, EFH_ARRIVAL_IDLE: a flow is forgotten after it, or twice that

    def once(self, seconds):
        forget(self.link.b)
        # what trials before this one left behind must not become free meanwhile
        time.sleep(2 * self.IDLE + 6)
        gone = run("frames", k="hold", e="efh", a=self.link.a.name, i=self.link.devices[0],
                   b=self.link.b.name, d=self.address, n=self.PACKETS, c=0)["octets"]
        held = self.link.b.stats()["reassembly_packets"]
        if held != self.PACKETS:
            raise Failed(f"{held} packets are held, not {self.PACKETS}")
        forget(self.link.b)
        return gone / self.PACKETS

    def check(self, seen):
        pass


def forget(host):
    """Nothing is held any more, and much may be."""
    host.efhctl("settings set memory 128K timeout 0.1")
    if not efhtest.wait(lambda: not host.stats()["reassembly_packets"]):
        raise Failed("packets are held beyond their time")
    host.efhctl("settings set memory 8G timeout 600")


class Iperf3(Udp):
    """The same by a program that everybody knows"""

    def once(self, seconds):
        server = self.link.b.popen(f"iperf3 -s -1 -B {self.address}", stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        if not efhtest.wait(lambda: self.link.b.run("ss -Hlnt sport = :5201")):
            raise Failed("iperf3 -s does not listen")
        said = self.link.a.run(f"iperf3 -c {self.address} -u -b 0 -l {self.size} -w 16M -t {max(1, round(seconds))} "
                               "-J", check=False)
        server.wait(10)
        end = json.loads(said.stdout)["end"]
        self.extra["lost"] = round(end["sum"]["lost_percent"] / 100, 4)
        return end["sum_received"]["bits_per_second"] / 1e9


class Instructions(Trial):
    """Where the clock counts instructions, a nanosecond each: those for a
    packet, by what another trial measures as CPU time"""
    unit = "instructions"

    def __init__(self, trial):
        super().__init__(trial.link, trial.how)
        self.trial, self.extra = trial, trial.extra

    def measure(self, seconds):
        return self.trial.measure(seconds) * self.trial.size

    def prove(self):
        self.trial.prove()


class Lockstep(Udp):
    """Each datagram is received before the next is sent, by one process"""
    unit = "CPU s/GB"

    def once(self, seconds):
        said = run("traffic", k="lockstep", a=self.link.a.name, b=self.link.b.name, d=self.address, s=self.size,
                   c=max(10, round(1000 * seconds)), S=0)
        return said["ns"] / said["count"] / self.size


class Cpus(Receiver):
    """Receivers alone, each on a CPU of its own with a queue of its own"""
    unit = "Gbit/s"

    def __init__(self, link, how, cpus):
        super().__init__(link, how)
        self.cpus = cpus

    def once(self, seconds):
        said = [answer(process) for process in [self.start(seconds, cpu) for cpu in range(self.cpus)]]
        return sum(8 * one["octets"] / one["received_ns"] for one in said)
