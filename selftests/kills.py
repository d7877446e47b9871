#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Either end is killed without a word, at any moment of a long run both ways, again and again: every
transfer ends, and what the other keeps ends with the time it has."""
import json
import mmap
import os
import random
import socket
import struct

from efhtest import *
from teardown import child, reap, sender

# scripts/check-debug takes more
KILLS = int(os.environ.get("EFH_KILLS", "3"))
SIZE = 1 << 20
PORT = 9100
INNER = {"a": "fd00::1", "b": "fd00::2"}
PATIENCE = 20
# what each end says of a transfer: whole, failed, hung; and that it has stopped
LETTERS = {"a": b"wfhs", "b": b"WFHS"}
# a socket of who is killed is not there a moment longer
GONE = struct.pack("ii", 1, 0)


def transfers(report, letters, stop, ns, far):
    """A child that sends a megabyte, and another, until told to stop; of each it says whether it was
    whole, failed at its socket, or hung."""
    def one():
        if stop[0]:
            os.write(report, letters[3:])
            time.sleep(60)
            return
        sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500)
        # an answer that is waited for is nothing that is outstanding
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, GONE)
        sock.settimeout(PATIENCE)
        try:
            sock.connect((far, PORT))
            sock.sendall(bytes(SIZE))
            sock.shutdown(socket.SHUT_WR)
            how = 0 if sock.recv(8) == b"all" else 1
        except TimeoutError as error:
            how = 1 if error.errno else 2   # by the socket, or by our patience
        except OSError:
            how = 1
        sock.close()
        os.write(report, letters[how:how + 1])
        time.sleep(0.02)
    return child(one, ns=ns)


def sink(ns, near):
    listener = ns.socket(kind=socket.SOCK_STREAM, bind=(near, PORT))
    listener.listen()
    listener.settimeout(None)

    def one():
        sock, _ = listener.accept()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, GONE)
        sock.settimeout(3)
        got = 0
        try:
            while piece := sock.recv(1 << 18):
                got += len(piece)
            sock.sendall(b"all" if got == SIZE else b"no")
            sock.recv(1)
        finally:
            sock.close()
    pid = child(one, ns=ns)
    listener.close()
    return pid


class Run:
    """Traffic both ways between two hosts that may be killed, over a path that loses."""

    def __init__(self):
        self.path = Path(native=False)
        self.path.native("retransmit on")
        self.children = {"a": [], "b": []}
        self.report, self.write = os.pipe()
        os.set_blocking(self.report, False)
        self.stop, self.said = mmap.mmap(-1, 1), ""
        for dev in ("ra", "rb"):
            self.lose(dev)
        for name in "ab":
            self.start(name)

    def lose(self, dev):
        self.path.r.run(f"tc qdisc replace dev {dev} root netem limit 20000 delay 1ms loss 0.5%")

    def host(self, name):
        return getattr(self.path, name)

    def start(self, name):
        path, host, other = self.path, self.host(name), "ba"[name == "b"]
        near, far = path.ends(6)[::-1 if name == "b" else 1]
        host.ip(f"link add efh0 type efh local {near} remote {far}")
        host.ip("link set efh0 up", f"addr add {INNER[name]}/64 dev efh0 nodad")
        children = self.children[name]
        children.append(sink(host, INNER[name]))
        children.append(transfers(self.write, LETTERS[name], self.stop, host, INNER[other]))
        for family in (6, 4):
            near, far = path.ends(family)[::-1 if name == "b" else 1]
            with host.socket(AF[family], bind=(near, 9999)) as sock:
                children.append(child(sender, sock, far))
        host.close()

    def kill(self, name):
        """Nothing of it comes any more; then it goes."""
        path, host, dev = self.path, self.host(name), f"r{name}"
        path.r.ip(f"link set {dev} down")
        reap(self.children[name])
        host.delete()
        return wait(lambda: path.r.run(f"ip link show {dev}", check=False).returncode, 20)

    def again(self, name):
        path = self.path
        host = Namespace(name)
        setattr(path, name, host)
        number = 1 if name == "a" else 2
        mac, router = link(host, f"{name}0", path.r, f"r{name}", 1500, number, far_gro="off")
        ends = ("A6", "A4", "RA6", "RA4") if name == "a" else ("B6", "B4", "RB6", "RB4")
        path.end(host, f"{name}0", *(getattr(path, end) for end in ends), router, f"r{name}", mac)
        self.lose(f"r{name}")
        far = ("2001:db8:2::/64", "198.51.100.0/24") if name == "a" else ("2001:db8:1::/64", "192.0.2.0/24")
        for prefix in far:
            host.efhctl(f"native add {prefix} retransmit on")
        wait(lambda: not host.run(f"ip -6 addr show dev {name}0 tentative").strip())
        self.start(name)

    def count(self, what):
        """So often the ends said one of these letters."""
        try:
            self.said += os.read(self.report, 1 << 16).decode()
        except BlockingIOError:
            pass
        return sum(self.said.count(letter) for letter in what)

    def end(self):
        for children in self.children.values():
            reap(children)
        os.close(self.report)
        os.close(self.write)


def again_and_again(run):
    chance = random.Random(KILLS)
    ok(wait(lambda: all(run.host(name).stats()["reassembled"] > 20 for name in "ab"), 30), "traffic both ways")
    bad = []
    for number in range(KILLS):
        time.sleep(chance.uniform(0, 0.8))
        name = chance.choice("ab")
        if not run.kill(name):
            bad.append(f"{number}: {name} does not go")
        time.sleep(chance.uniform(0, 0.3))
        run.again(name)
        if number % 20 == 19:
            note(f"{number + 1} kills, {run.count('wW')} transfers whole, {run.count('fF')} failed")
    eq(bad, [], f"{KILLS} kills: who is killed goes")
    whole = {letter: run.count(letter) for letter in "wW"}
    ok(wait(lambda: all(run.count(letter) > whole[letter] + 1 for letter in "wW"), 60), "those who came last talk")
    run.stop[0] = 1
    ok(wait(lambda: run.count("s") and run.count("S"), PATIENCE + 10), "each transfer ends")
    note(f"{run.count('wW')} transfers whole, {run.count('fF')} failed")
    ok(run.count("wW") > KILLS // 4 and (run.count("fF") or KILLS < 10), "they were completed, or failed at their socket",
       run.said)
    eq(run.count("hH"), 0, "none of them hung")


def kills():
    need("tc")
    run = Run()
    try:
        again_and_again(run)
    finally:
        run.end()
    ends = [run.host(name) for name in "ab"]
    for ns in ends:
        ns.efhctl("settings set timeout 1")
        ok(wait(lambda ns=ns: (ns.stats()["reassembly_packets"], ns.stats()["reassembly_bytes"]) == (0, 0), 10),
           f"{ns.role()}: nothing is held", ns.stats())
    if "EFH_KILLS" in os.environ:
        # 120 s after the last packet, and looked for each 30 s
        ok(wait(lambda: not any(flows(ns) for ns in ends), 200), "no flow is kept", [flows(ns) for ns in ends])


def flows(ns):
    return json.loads(ns.efhctl("-j flow show"))


if __name__ == "__main__":
    main(kills)
