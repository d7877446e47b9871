#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own selftests of the network over links, as they come with the newest
kernel: scripts/kernel-selftests unpacks and builds them.

Each case of a program passes, or is named here with the verdict that it has instead
and why. So a case that a later kernel brings fails until somebody has looked.
"""
import os
import re
import subprocess

from efhtest import *
from efhlink import *

TESTS = "/usr/src/kernel-selftests/tools/testing/selftests"
# ip(8) for scripts, which makes links of their veth pairs, and a more patient timeout(1)
SHIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernelnet.d")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
LINKS = {"ip": "", "udp": "carrier udp"}
FALLBACK = "/proc/sys/net/core/fb_tunnels_only_for_init_net"

NO_DRIVER = "XDP below the stack is for drivers of hardware"
PING = {"test_xdp_native_sb": ("skip", NO_DRIVER), "test_xdp_offload": ("skip", NO_DRIVER)}
CSUM = {f"ipv{family}_rx_{what}": ("skip", "links leave checksums to the stack")
        for family in (4, 6) for what in ("tcp", "tcp_invalid", "udp", "udp_invalid")}
USO = {f"test_uso.v{family}_{what}": ("fail", "links count a batch as one packet, as tunnels do")
       for family in (4, 6) for what in ("partial", "exact")}
UDPGRO = {f"ipv{family} bad GRO lookup": ("fail", "it wants iptables") for family in (4, 6)}
# Of pmtu.sh; the others are about other tunnels, or the same for IPv4, and take long
PMTU = "pmtu_ipv6_exception"


def ktap(text):
    """Verdicts by case: what is written in Python."""
    cases = re.findall(r"^(not ok|ok) \d+ \w+\.(\S+)( # SKIP.*)?$", text, re.M)
    return {name: "skip" if skipped else "pass" if good == "ok" else "fail" for good, name, skipped in cases}


def lines(text):
    """Verdicts of gre_gso.sh and pmtu.sh."""
    cases = re.findall(r"^ *TEST: (.*?) *\[ *(OK|FAIL|SKIP) *\]$", text, re.M)
    return {name: {"OK": "pass", "FAIL": "fail", "SKIP": "skip"}[verdict] for name, verdict in cases}


def udpgro(text):
    """Verdicts of udpgro.sh: IPv4, then IPv6; errors may stand before the last word."""
    found, family, name = {}, "", ""
    for line in text.split("\n"):
        family = line if line in ("ipv4", "ipv6") else family
        named = re.match(r" (\S.*?)  +", line)
        name = f"{family} {named[1]}" if named else name
        verdict = re.search(r"\b(ok|failed)$", line)
        if name and verdict:
            found[name] = "pass" if verdict[1] == "ok" else "fail"
    return found


def udpgso(text):
    """Verdicts of udpgso.sh, which ends with the first that is not good."""
    cases = re.findall(r"^(ipv[46] (?!tx:).*)\n(?:(?:ipv[46] tx:|path mtu).*\n)*(OK)?", text, re.M)
    return {name: "pass" if good else "fail" for name, good in cases}


def start(ns, program, **environment):
    """A program of the kernel's in namespaces of its own, with which all that it starts ends."""
    name, *arguments = program.split()
    path = os.path.join(TESTS, name)
    return ns.popen(["unshare", "-m", "-p", "-f", "--kill-child", "--mount-proc", "ip", "netns", "exec",
                     ns.name, path, *arguments], cwd=os.path.dirname(path), errors="replace",
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    env={**os.environ, "PATH": PATH, **environment})


def outcome(child, seconds=200):
    """Status and output."""
    try:
        text, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        text = f"{child.communicate()[0]}\nkilled after {seconds} s"
    finally:
        child.kill()
        child.wait()
    return child.returncode, text


def judge(what, cases, begin, expected):
    """Every case passes or is as expected, and none of these is missing. The programs' own
    timeouts are of a second or two: on a busy machine they get another try."""
    failing = int("fail" in (verdict for verdict, _ in expected.values()))
    for tries in range(3):
        status, text = outcome(begin())
        found = cases(text)
        other = {name: verdict for name, verdict in found.items()
                 if verdict != expected.get(name, ("pass", ""))[0]}
        if found and not other and status == failing:
            break
        note(f"{what}, try {tries + 1}: status {status}, {other}\n{text}")
    ok(found, f"{what}: it runs")
    for name, verdict in found.items():
        wanted, why = expected.get(name, ("pass", ""))
        eq(verdict, wanted, f"{what}: {name}" + (f": {wanted}, {why}" if why else ""))
    eq(set(expected) - set(found), set(), f"{what}: no case is missing")
    eq(status, failing, f"{what}: exit status")


class Hosts:
    """The two ends of a path; names of namespaces that a program left go with them."""

    def __init__(self):
        self.path = Path(native=False, router_gro="on")
        self.before = set(os.listdir("/run/netns"))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        finish()
        for name in set(os.listdir("/run/netns")) - self.before:
            os.unlink(f"/run/netns/{name}")


def driver(program, link, expected):
    """A test of drivers, told of link and remote host by its environment."""
    with Hosts() as path:
        linked = Linked(path, 6, LINKS[link])
        # else nobody on the way computes a checksum
        path.a.run("ethtool -K a0 tx off")
        path.b.run("ethtool -K b0 tx off")
        environment = {"NETIF": linked.dev, "REMOTE_TYPE": "netns", "REMOTE_ARGS": linked.b.name}
        for family in (4, 6):
            environment[f"LOCAL_V{family}"], environment[f"REMOTE_V{family}"] = linked.ends(family)
        judge(f"{program}, link in {link}", ktap,
              lambda: start(linked.a, f"drivers/net/{program}", **environment), expected)


def script(program, link, cases, expected=None):
    """A test that makes veth pairs, links here whose outer packets go from a to b."""
    with Hosts() as path:
        environment = {"PATH": f"{SHIM}:{PATH}", "EFH_LINK": LINKS[link],
                       "EFH_NEAR": path.a.name, "EFH_FAR": path.b.name}
        host = Namespace("s")
        tries = iter(range(1, 4))

        def begin():
            # links are numbered by processes, whose numbers come again
            number = next(tries)
            return start(host, f"net/{program}", EFH_NEAR_NET=f"2001:db8:1::{number}",
                         EFH_FAR_NET=f"2001:db8:2::{number}", **environment)

        judge(f"{program.split()[0]}, link in {link}", cases, begin, expected or {})


def available():
    if emulated():
        raise Skip("too much for an emulated processor")
    if not os.path.isdir(TESTS):
        raise Skip("the kernel's selftests are not here: scripts/uml has them")


def at_speed():
    """Some programs want packets to follow each other closely, or run for minutes."""
    available()
    if os.path.exists("/sys/kernel/debug/kmemleak"):
        raise Skip("not where faults are looked for: that is too slow for it")


def ping():
    """drivers/net/ping.py: pings of 65000 octets and TCP, with checksums and generic XDP on and off."""
    available()
    driver("ping.py", "udp", PING)


def checksums():
    """drivers/net/hw/csum.py: checksums that the sender leaves to its device."""
    available()
    for link in LINKS:
        driver("hw/csum.py", link, CSUM)


def batches():
    """drivers/net/hw/uso.py, net/udpgso.sh: UDP_SEGMENT."""
    available()
    driver("hw/uso.py", "ip", USO)
    for link in LINKS:
        script("udpgso.sh", link, udpgso)


def joined():
    """net/udpgro.sh: UDP_GRO."""
    at_speed()
    script("udpgro.sh", "ip", udpgro, UDPGRO)


def fallback(value):
    """Set whether namespaces come with a device of every tunnel; what was set before."""
    with open(FALLBACK, encoding="ascii") as file:
        before = file.read()
    with open(FALLBACK, "w", encoding="ascii") as file:
        file.write(value)
    return before


def gre():
    """net/gre_gso.sh: TCP through a GRE tunnel over a link, with and without TSO."""
    at_speed()
    before = fallback("0")      # it wants the device ip6gre0
    try:
        script("gre_gso.sh", "ip", lines)
    finally:
        fallback(before)


def pmtu():
    """net/pmtu.sh: links as the four segments between two hosts and two routers."""
    at_speed()
    script(f"pmtu.sh {PMTU}", "ip", lines)


def zerocopy():
    """net/msg_zerocopy: datagrams and writes of the largest size. Its script sets link-layer
    addresses, which links have not, so it runs here with the script's arguments."""
    available()
    with Hosts() as path:
        linked = Linked(path, 6)
        for family, mode in ((family, mode) for family in (4, 6) for mode in ("tcp", "udp")):
            near, far = linked.ends(family)
            arguments = f"net/msg_zerocopy -{family} -i {linked.dev} -S {near} -D {far} -z"
            receiver = start(linked.b, f"{arguments} -t 2 -C 0 -r {mode}")
            time.sleep(0.2)
            sender = start(linked.a, f"{arguments} -t 1 -C 1 {mode} -Z 0")
            for end, child in (("sender", sender), ("receiver", receiver)):
                status, text = outcome(child, 30)
                ok(status == 0 and not re.search(r"[tr]x=0 ", text),
                   f"msg_zerocopy: {mode} of IPv{family}: {end}", f"status {status}: {text}")


if __name__ == "__main__":
    main(ping, checksums, batches, joined, gre, pmtu, zerocopy)
