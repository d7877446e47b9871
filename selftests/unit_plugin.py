#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""unit_plugin.py FOLDER: ip's plugin, in this machine's own ip.

What needs no link: that ip loads it, what it says of wrong words, how it shows
a link that is in a file, and that it keeps away from what isn't ip. FOLDER holds
link_efh.so and the programs made of unit_plugin.c. Prints TAP.
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile

from efhnetlink import NLA_F_NESTED, U, attr, u8, u32

FOLDER = sys.argv[1]
RTM_NEWLINK = 16
IFLA_IFNAME, IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA = 3, 18, 1, 2
ARPHRD_NONE = 0xFFFE
UNKNOWN = "does not know this ip"

count = failed = 0


def ok(good, what, *said):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")
    if not good:
        print("\n".join(f"# {line}" for text in said for line in str(text).splitlines()))


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "IP_LIB_DIR": FOLDER, "LC_ALL": "C"})
    return done.returncode, done.stdout, done.stderr


def u16(name, value):
    return attr(U["IFLA_EFH_" + name], struct.pack("!H", value))


def link(*attrs):
    """What the kernel says of a link."""
    info = attr(IFLA_INFO_KIND, b"efh\0") + attr(IFLA_INFO_DATA | NLA_F_NESTED, b"".join(attrs))
    body = struct.pack("=BBHiII", 0, 0, ARPHRD_NONE, 99, 0, 0) + \
        attr(IFLA_IFNAME, b"efh0\0") + attr(IFLA_LINKINFO | NLA_F_NESTED, info)
    return struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK, 0, 0, 0) + body


def help_text():
    status, out, err = run("ip", "link", "help", "efh")
    ok(status in (0, 255) and out.startswith("Usage: ... efh [ local ADDR ]") and not err,
       "ip link help efh", status, out, err)


def wrong_words():
    for words, said in (("local ::1 bogus 1", 'efh: unknown option "bogus"?'),
                        ("local", "Command line is not complete"),
                        ("local fe80::/64", '"fe80::/64" is wrong: an IPv6 or IPv4 address'),
                        ("local ::1 remote 192.0.2.1", "different families"),
                        ("local ::1 carrier tcp", '"tcp" is wrong: the carrier is'),
                        ("dport 65536", '"65536" is wrong: invalid port'),
                        ("sport 1", "Command line is not complete"),
                        ("ttl 256", '"256" is wrong: invalid TTL'),
                        ("tos 100", '"100" is wrong: invalid TOS'),
                        ("fragsize -8", '"-8" is wrong: invalid fragment size'),
                        ("dev efh-no-such", '"efh-no-such" is wrong: there is no such device'),
                        ("udpcsum noudpcsum", "duplicate")):
        status, out, err = run("ip", "link", "add", "efh0", "type", "efh", *words.split())
        ok(status == 255 and said in err, f"refused: {words}", status, out, err)


def shown():
    v6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    v4 = socket.inet_aton("192.0.2.1")
    ports = u16("DPORT", 8060), u16("SPORT_MIN", 49152), u16("SPORT_MAX", 65535)
    cases = (
        ((attr(U["IFLA_EFH_LOCAL"], v6), attr(U["IFLA_EFH_REMOTE"], v6), u32(U["IFLA_EFH_LINK"], 1),
          u32(U["IFLA_EFH_CARRIER"], U["EFH_LINK_CARRIER_UDP"]), *ports, u8(U["IFLA_EFH_TTL"], 64),
          u8(U["IFLA_EFH_TOS"], 1), u32(U["IFLA_EFH_FRAGMENT_SIZE"], 1024),
          u8(U["IFLA_EFH_UDP_CSUM"], 0), u8(U["IFLA_EFH_RETRANSMIT"], 0)),
         "local 2001:db8::1 remote 2001:db8::1 dev lo carrier udp dport 8060 sport 49152 65535 "
         "ttl 64 tos inherit fragsize 1024 noudpcsum noretransmit"),
        ((attr(U["IFLA_EFH_LOCAL"], v4), u32(U["IFLA_EFH_LINK"], 0),
          u32(U["IFLA_EFH_CARRIER"], U["EFH_LINK_CARRIER_IP"]), *ports, u8(U["IFLA_EFH_TTL"], 0),
          u8(U["IFLA_EFH_TOS"], 0xB8), u32(U["IFLA_EFH_FRAGMENT_SIZE"], 0),
          u8(U["IFLA_EFH_UDP_CSUM"], 1), u8(U["IFLA_EFH_RETRANSMIT"], 1)),
         "local 192.0.2.1 carrier ip ttl inherit tos 0xb8 retransmit"),
        ((), ""),
        ((attr(U["IFLA_EFH_LOCAL"], b"\0" * 5), u8(U["IFLA_EFH_CARRIER"], 1)), ""))
    for attrs, text in cases:
        with tempfile.NamedTemporaryFile() as file:
            file.write(link(*attrs))
            file.flush()
            _, out, err = run("ip", "-d", "monitor", "link", "file", file.name)
        ok(f"efh {text}".split() == out.split("link/none")[-1].split() and not err,
           f"shown: {text or 'nothing'}", out, err)


def other_programs():
    plugin = os.path.join(FOLDER, "link_efh.so")
    for name, wanted in (("same", 0), ("moved", 1), ("missing", 1)):
        status, out, err = run(os.path.join(FOLDER, "plugin_" + name), plugin)
        said = err.count(UNKNOWN) == 1 and err.count("\n") == 1 if wanted else not err
        ok(status == wanted and said, f"a program whose interface is {name}", status, out, err)


print("TAP version 13")
help_text()
wrong_words()
shown()
other_programs()
print(f"1..{count}")
sys.exit(failed > 0)
