# SPDX-License-Identifier: GPL-2.0-only
"""Networks of namespaces in the guest, and looks at what travels in them: for the
acts of the demo."""
import atexit
import collections
import json
import re
import signal
import struct
import subprocess
import sys
import time

A6, B6 = "2001:db8:1::1", "2001:db8:2::1"
A4, B4 = "192.0.2.1", "198.51.100.1"
MTU = 1500
NS = {}     # the namespaces there are, by what they are called here

PCAP = "/out/demo.pcap"
EFH_OPTION, LINK_PORT = 0xDE, 8060
IP_IN_IP, UDP, IP6_IN_IP, FRAGMENT, DESTINATION_OPTIONS = 4, 17, 41, 44, 60
PCAP_HEADER, PCAP_RECORD = 24, 16

Fragment = collections.namedtuple("Fragment", "size next_header hdr_ext_len opt_type opt_len nh_cache "
                                  "index p s offset m identification payload")
DROPS = ("bad_option", "bad_index", "bad_fragment", "too_big", "mismatch", "duplicate", "ecn", "timeout",
         "evicted", "no_memory")


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


def namespaces(routers, **names):
    """Namespaces of these names; where there are routers they forward."""
    sh("sysctl -qw net.core.rmem_max=67108864 net.core.wmem_max=67108864 net.core.netdev_max_backlog=20000")
    atexit.register(lambda: [sh(f"ip netns del {ns}", check=False) for ns in names.values()])
    for where, ns in names.items():
        NS[where] = ns
        sh(f"ip netns add {ns}")
        sh(f"ip -n {ns} link set lo up")
    for where in routers:
        at(where, "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1")


def cable(*ends, mtu=MTU, gro="on"):
    """A link between two ends, each (where, device, address ...), without offloads:
    one frame is one packet. With GRO a veth takes 256 frames at a time, six large
    packets, and drops the rest of a burst; without it they wait in the backlog
    set above."""
    (a, dev_a, *_), (b, dev_b, *_) = ends
    sh(f"ip link add {dev_a} mtu {mtu} netns {NS[a]} type veth peer name {dev_b} mtu {mtu} netns {NS[b]}")
    for where, dev, *addresses in ends:
        at(where, f"ethtool -K {dev} tso off gso off tx-udp-segmentation off gro {gro}")
        for address in addresses:
            sh(f"ip -n {NS[where]} addr add {address} dev {dev} {'nodad' if ':' in address else ''}")
        sh(f"ip -n {NS[where]} link set {dev} up")


def route(where, to, way):
    sh(f"ip -n {NS[where]} {'-6' if ':' in to + way else ''} route replace {to} {way}")


def reaches(where, *addresses):
    """The path is there, neighbours and all."""
    for address in addresses:
        until(lambda a=address: "1 received" in at(where, f"ping -c 1 -W 1 {a}", check=False),
              f"{where} reaches {address}", 20)


def network(gro="on"):
    """A - R - B, links of MTU 1500."""
    namespaces("R", A="efh-demo-a", R="efh-demo-router", B="efh-demo-b")
    for host, prefix6, prefix4 in (("A", "2001:db8:1::", "192.0.2."), ("B", "2001:db8:2::", "198.51.100.")):
        dev = host.lower()
        cable((host, dev + "0", f"{prefix6}1/64", f"{prefix4}1/24"),
              ("R", "r" + dev, f"{prefix6}254/64", f"{prefix4}254/24"), gro=gro)
        for gateway in (f"{prefix6}254", f"{prefix4}254"):
            route(host, "default", f"via {gateway}")
    reaches("A", B6, B4)


def until(condition, what, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not after {seconds} s")
        time.sleep(0.1)


def listening(where, port):
    until(lambda: f":{port} " in at(where, f"ss -Hlnut sport = :{port}"), f"port {port}", 30)


def iperf3(arguments, seconds=60, client="A", server="B", address=B6):
    """One iperf3 run; its JSON."""
    process = start(server, "iperf3 -s -1 -p 5201", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    listening(server, 5201)
    try:
        report = json.loads(at(client, f"timeout {seconds} iperf3 -c {address} -p 5201 -J {arguments}", check=False))
    except ValueError as error:
        raise Failed(f"iperf3 {arguments}: no report in {seconds} s") from error
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    if "error" in report:
        raise Failed(f"iperf3 {arguments}: {report['error']}")
    return report


def datagrams(**ends):
    """Datagrams of 60 000 octets by iperf3; what to say of them."""
    end = iperf3("-u -l 60000 -b 20M -t 3 -w 8M", **ends)["end"]["sum"]
    if end["packets"] == 0 or end["lost_packets"]:
        raise Failed(f"iperf3 -u: {end['lost_packets']} of {end['packets']} lost")
    return f"{end['packets']} datagrams, 0 lost, {end['bits_per_second'] / 1e6:.1f} Mbit/s"


def stream(**ends):
    """TCP by iperf3; what to say of it."""
    report = iperf3("-n 16M", 120, **ends)
    end = report["end"]
    return (f"{end['sum_received']['bytes'] / 1e6:.0f} MB, MSS {report['start'].get('tcp_mss_default', 0)}, "
            f"{end['sum_received']['bits_per_second'] / 1e6:.1f} Mbit/s, {end['sum_sent']['retransmits']} retransmits")


def ping(where, address, size=60000, count=5):
    said = at(where, f"ping -s {size} -i 0.3 -W 5 -c {count} {address}", check=False)
    if f"{count} received" not in said:
        raise Failed(f"ping {address}: {said.strip()}")
    return said.strip().splitlines()[-2]


def speak():
    """Both ends send their large packets over EFH."""
    sh("modprobe efh")
    for where, peers in (("A", ("2001:db8:2::/64", "198.51.100.0/24")),
                         ("B", ("2001:db8:1::/64", "192.0.2.0/24"))):
        for prefix in peers:
            at(where, f"efhctl native add {prefix}")


def stats(where):
    return json.loads(at(where, "efhctl -j stats"))


def counted(hosts, before):
    """What hosts have counted since."""
    return {host: {key: value - before[host].get(key, 0) for key, value in stats(host).items()} for host in hosts}


def payload(frame):
    """Of an Ethernet frame: the IP packet's octets, its protocol and where in the
    frame that begins; None if there is no IP packet in it."""
    ethertype, = struct.unpack_from("!H", frame, 12)
    if ethertype == 0x86DD:
        return 40 + struct.unpack_from("!H", frame, 18)[0], frame[20], 54
    if ethertype == 0x0800:
        return struct.unpack_from("!H", frame, 16)[0], frame[23], 14 + 4 * (frame[14] & 15)
    return None


def is_link_udp(frame, at_):
    """UDP from or to the port of links?"""
    return LINK_PORT in struct.unpack_from("!HH", frame, at_)


def decode(frame):
    """An Ethernet frame with an EFH fragment in it (wire.rst sections 2 and 5), or None."""
    found = payload(frame)
    if not found:
        return None
    size, protocol, at_ = found
    if protocol == UDP and is_link_udp(frame, at_) and frame[at_ + 8] >> 4 not in (4, 6):
        protocol, at_ = DESTINATION_OPTIONS, at_ + 8
    if protocol != DESTINATION_OPTIONS or frame[at_ + 2] != EFH_OPTION:
        return None
    next_header, ext_len, opt_type, opt_len, cache, index, offset, ident = struct.unpack_from("!6BHQ", frame, at_)
    header = 8 * (ext_len + 1)
    return Fragment(size, next_header, ext_len, opt_type, opt_len, cache, index >> 2, index >> 1 & 1, index & 1,
                    offset >> 3, offset & 1, ident, size - (at_ - 14) - header)


def is_stock_fragment(frame):
    """An IPv6 or IPv4 fragment as the stock stack makes it."""
    if frame[12:14] == b"\x86\xdd":
        return frame[20] == FRAGMENT
    return frame[12:14] == b"\x08\x00" and struct.unpack_from("!H", frame, 20)[0] & 0x3FFF


def is_plain(frame):
    """A packet in a packet, without EFH."""
    found = payload(frame)
    if not found or is_stock_fragment(frame):
        return False
    _, protocol, at_ = found
    if protocol == UDP and is_link_udp(frame, at_):
        return frame[at_ + 8] >> 4 in (4, 6)
    # RFC 2473's limit of nesting, which stock tunnels send
    if protocol == DESTINATION_OPTIONS and frame[at_ + 2] != EFH_OPTION:
        protocol = frame[at_]
    return protocol in (IP_IN_IP, IP6_IN_IP)


class Capture:
    """tcpdump at a router's device, around one stage."""

    def __init__(self, where, dev, name):
        self.where, self.dev, self.path = where, dev, f"/tmp/{name}.pcap"

    def __enter__(self):
        # A slot of its ring is as long as what it may keep of a frame
        self.tcpdump = start(self.where, f"tcpdump -i {self.dev} -s 1600 -B 65536 -U --immediate-mode "
                             f"-w {self.path} ip or ip6",
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for line in self.tcpdump.stderr:
            if "listening on" in line:
                return self
        raise Failed("tcpdump does not listen")

    def __exit__(self, *_):
        time.sleep(0.5)
        self.tcpdump.send_signal(signal.SIGINT)
        said = self.tcpdump.communicate()[1]
        if "0 packets dropped by kernel" not in said:
            raise Failed(f"tcpdump missed packets: {said}")

    def frames(self):
        with open(self.path, "rb") as file:
            file.seek(PCAP_HEADER)
            while record := file.read(PCAP_RECORD):
                yield file.read(struct.unpack_from("<I", record, 8)[0])

    def keep(self):
        """Put what was caught behind all that was caught before."""
        with open(self.path, "rb") as file, open(PCAP, "ab") as kept:
            file.seek(PCAP_HEADER if kept.tell() else 0)
            kept.write(file.read())


def sizes(counter):
    """The two commonest sizes and how many others."""
    common = counter.most_common(2)
    text = ", ".join(f"{count} x {size}" for size, count in common)
    rest = sum(counter.values()) - sum(count for _, count in common)
    return text + (f", {rest} other" if rest else "")


def table(rows, left=1):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(str(cell).ljust(width) if i < left or i == len(row) - 1 and left > 1
                               else str(cell).rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip())


def guarded(main, ends="AB"):
    """Ends with a line of what failed, and what these ends have counted, instead of
    a traceback."""
    try:
        main()
    except (Failed, subprocess.TimeoutExpired) as failed:
        print(f"FAILED: {failed}", flush=True)
        for where in ends:
            print(f"  {where} efh:", {key: value for key, value in stats(where).items() if value})
            lines = [line.split() for line in at(where, "nstat -a").splitlines()]
            print(f"  {where} stack:", {line[0]: int(line[1]) for line in lines
                                        if re.search("Err|Fail|Drop|Discard|Reasm|Frag|Retrans", line[0])})
        sys.exit(1)
