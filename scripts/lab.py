# SPDX-License-Identifier: GPL-2.0-only
"""Two hosts and a router between them, in the guest: for demo and bench."""
import atexit
import json
import re
import signal
import subprocess
import sys
import time

A6, B6 = "2001:db8:1::1", "2001:db8:2::1"
A4, B4 = "192.0.2.1", "198.51.100.1"
MTU = 1500
NS = {"A": "efh-demo-a", "R": "efh-demo-router", "B": "efh-demo-b"}


class Failed(Exception):
    pass


def sh(text, check=True):
    """Run a shell command; returns what it printed."""
    try:
        done = subprocess.run(text, shell=True, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{text}: not done after {late.timeout:.0f} s") from late
    if check and done.returncode:
        raise Failed(f"{text}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def at(where, text, check=True):
    return sh(f"ip netns exec {NS[where]} {text}", check)


def start(where, text, **keywords):
    """Start a program, ended with us if not before."""
    process = subprocess.Popen(f"exec ip netns exec {NS[where]} {text}", shell=True, text=True, **keywords)
    atexit.register(process.kill)
    return process


def network(gro="on"):
    """A - R - B, links of MTU 1500 without offloads: one frame is one packet.
    With GRO a veth takes 256 frames at a time, six packets here, and drops the
    rest of a burst; without it they wait in the backlog set below."""
    sh("sysctl -qw net.core.rmem_max=67108864 net.core.wmem_max=67108864 net.core.netdev_max_backlog=20000")
    for ns in NS.values():
        sh(f"ip netns add {ns}")
        sh(f"ip -n {ns} link set lo up")
    atexit.register(lambda: [sh(f"ip netns del {ns}", check=False) for ns in NS.values()])
    at("R", "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1")
    for host, router, prefix6, prefix4, n in (("A", "ra", "2001:db8:1::", "192.0.2.", 1),
                                              ("B", "rb", "2001:db8:2::", "198.51.100.", 2)):
        dev = host.lower() + "0"
        sh(f"ip link add {dev} mtu {MTU} netns {NS[host]} type veth peer name {router} mtu {MTU} netns {NS['R']}")
        for where, link, last in ((host, dev, 1), ("R", router, 254)):
            at(where, f"ethtool -K {link} tso off gso off tx-udp-segmentation off gro {gro}")
            sh(f"ip -n {NS[where]} addr add {prefix6}{last}/64 dev {link} nodad")
            sh(f"ip -n {NS[where]} addr add {prefix4}{last}/24 dev {link}")
            sh(f"ip -n {NS[where]} link set {link} up")
        sh(f"ip -n {NS[host]} -6 route add default via {prefix6}254")
        sh(f"ip -n {NS[host]} route add default via {prefix4}254")
    for address in (B6, B4):
        until(lambda a=address: "1 received" in at("A", f"ping -c 1 -W 1 {a}", check=False), "the path", 20)


def until(condition, what, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not after {seconds} s")
        time.sleep(0.1)


def listening(where, port):
    until(lambda: f":{port} " in at(where, f"ss -Hlnut sport = :{port}"), f"port {port}", 10)


def iperf3(arguments, seconds=60, server="B", address=B6):
    """One iperf3 run from A; its JSON."""
    process = start(server, "iperf3 -s -1 -p 5201", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    listening(server, 5201)
    try:
        report = json.loads(at("A", f"timeout {seconds} iperf3 -c {address} -p 5201 -J {arguments}", check=False))
    except ValueError as error:
        raise Failed(f"iperf3 {arguments}: no report in {seconds} s") from error
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    if "error" in report:
        raise Failed(f"iperf3 {arguments}: {report['error']}")
    return report


def speak():
    """Both ends send their large packets over EFH."""
    sh("modprobe efh")
    for where, peers in (("A", ("2001:db8:2::/64", "198.51.100.0/24")),
                         ("B", ("2001:db8:1::/64", "192.0.2.0/24"))):
        for prefix in peers:
            at(where, f"efhctl native add {prefix}")


def stats(where):
    return json.loads(at(where, "efhctl -j stats"))


def guarded(main):
    """Ends with a line of what failed instead of a traceback."""
    try:
        main()
    except (Failed, subprocess.TimeoutExpired) as failed:
        print(f"FAILED: {failed}", flush=True)
        for where in "AB":
            print(f"  {where} efh:", {key: value for key, value in stats(where).items() if value})
            lines = [line.split() for line in at(where, "nstat -a").splitlines()]
            print(f"  {where} stack:", {line[0]: int(line[1]) for line in lines
                                        if re.search("Err|Fail|Drop|Discard|Reasm|Frag|Retrans", line[0])})
        sys.exit(1)
