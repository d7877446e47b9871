#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The netlink family: what it takes, what it refuses and in which words."""
import json

from efhtest import *
from efhnetlink import U, NetlinkError, u8, u32, u64, attr
import efhnetlink
import efhwire

V6 = efhwire.address("2001:db8:9::")
V4 = efhwire.address("198.51.100.0")


def settings(name, value, width=u8):
    return width(U["EFH_A_SETTINGS_" + name], value)


def native(prefix=V6, length=48, **others):
    body = b""
    if prefix is not None:
        body += attr(U["EFH_A_NATIVE_PREFIX"], prefix)
    if length is not None:
        body += u8(U["EFH_A_NATIVE_PREFIX_LEN"], length)
    for name, value in others.items():
        body += (u8 if name == "RETRANSMIT" else u32)(U["EFH_A_NATIVE_" + name], value)
    return body


def refused(genl, what, command_name, body, number=None):
    try:
        genl.request(command_name, body)
        ok(False, f"refused: {what}", "it was not")
    except NetlinkError as error:
        ok((number is None or error.errno == number) and error.message,
           f"refused, with a reason: {what}", error)
        note(f"{what}: {error}")


def bad_settings():
    """Nothing of a request that is wrong in part takes effect."""
    ns = Namespace("a")
    genl = ns.netlink()
    before = genl.settings()
    eq({k: before.get(k) for k in ("efh_option", "parcel_option", "control_option", "timeout",
                                   "receive", "atomic")},
       {"efh_option": 0xDE, "parcel_option": 0x9E, "control_option": 0x5E, "timeout": 60000,
        "receive": 1, "atomic": 0}, "the defaults of wire.rst")
    for what, body in (
            ("option type 0 (Pad1)", settings("EFH_OPTION", 0)),
            ("option type 1 (PadN)", settings("EFH_OPTION", 1)),
            ("Home Address's option type", settings("EFH_OPTION", 0xC9)),
            ("Router Alert's option type", settings("CONTROL_OPTION", 5)),
            ("EFH's and Parcel's the same", settings("EFH_OPTION", 0x9E)),
            ("EFH's and Control's the same", settings("EFH_OPTION", 0x5E)),
            ("Parcel's and Control's the same, in one go",
             settings("PARCEL_OPTION", 0x1E) + settings("CONTROL_OPTION", 0x1E)),
            ("receive 2", settings("RECEIVE", 2)),
            ("atomic 255", settings("ATOMIC", 255)),
            ("timeout 0", settings("TIMEOUT", 0, u32)),
            ("timeout of 49 days", settings("TIMEOUT", 0xFFFFFFFF, u32)),
            ("memory 0", settings("MEMORY", 0, u64)),
            ("a timeout of one octet", attr(U["EFH_A_SETTINGS_TIMEOUT"], b"\1")),
            ("an unknown attribute", attr(200, b"\1\0\0\0")),
            ("good and bad together", settings("TIMEOUT", 5000, u32) + settings("RECEIVE", 7)),
            ("good, then the same twice", settings("TIMEOUT", 5000, u32) +
             settings("PARCEL_OPTION", 0x5E))):
        refused(genl, what, "SETTINGS_SET", body)
        eq(genl.settings(), before, f"unchanged: {what}")
    genl.request("SETTINGS_SET", settings("EFH_OPTION", 0xFE) + settings("TIMEOUT", 1500, u32) +
                 settings("MEMORY", 1 << 20, u64) + settings("RECEIVE", 0))
    after = genl.settings()
    eq([after[k] for k in ("efh_option", "timeout", "memory", "receive")],
       [0xFE, 1500, 1 << 20, 0], "what is right is set")
    # exchanging two types in one request is no collision
    genl.request("SETTINGS_SET", settings("PARCEL_OPTION", 0x5E) +
                 settings("CONTROL_OPTION", 0x9E))
    eq([genl.settings()[k] for k in ("parcel_option", "control_option")], [0x5E, 0x9E],
       "two types exchanged at once")
    other = Namespace("b").netlink()
    eq(other.settings(), before, "another namespace has its own")


def bad_natives():
    ns = Namespace("a")
    genl = ns.netlink()
    for what, body in (
            ("no prefix", native(prefix=None)),
            ("no length", native(length=None)),
            ("a prefix of 5 octets", native(prefix=b"12345")),
            ("a prefix of 17 octets", native(prefix=bytes(17))),
            ("an empty prefix", native(prefix=b"")),
            ("an IPv4-mapped prefix", native(bytes(10) + b"\xff\xff" + bytes(4), 96)),
            ("length 129", native(length=129)),
            ("length 33 for IPv4", native(V4, 33)),
            ("bits beyond the length", native(efhwire.address("2001:db8:9::1"), 64)),
            ("bits beyond the length, IPv4", native(efhwire.address("198.51.100.7"), 24)),
            ("fragments of 1016", native(FRAGMENT_SIZE=1016)),
            ("fragments of 7", native(FRAGMENT_SIZE=7)),
            ("fragments of 1025", native(FRAGMENT_SIZE=1025)),
            ("fragments of 65536", native(FRAGMENT_SIZE=65536)),
            ("packets of 65576", native(MAX_PACKET=65576)),
            ("packets of 10", native(MAX_PACKET=10)),
            ("retransmit 3", native(RETRANSMIT=3))):
        refused(genl, what, "NATIVE_NEW", body)
    eq(genl.natives(), [], "none of them was added")
    refused(genl, "deleting what is not there", "NATIVE_DEL", native(), errno.ENOENT)
    genl.request("NATIVE_NEW", native())
    refused(genl, "adding it twice", "NATIVE_NEW", native(), errno.EEXIST)
    eq([(n["prefix"], n["prefix_len"]) for n in genl.natives()], [("2001:db8:9::", 48)],
       "it is there once")
    for length in range(49, 129):
        genl.request("NATIVE_NEW", native(V6, length))
    genl.request("NATIVE_NEW", native(bytes(4), 0, FRAGMENT_SIZE=2048))
    genl.request("NATIVE_NEW", native(bytes(16), 0))
    found = genl.natives()
    eq(len({(n["prefix"], n["prefix_len"]) for n in found}), 83, "a long dump has them all")
    eq(len(found), 83, "each once")
    eq([n.get("fragment_size") for n in found if n["prefix"] == "0.0.0.0"], [2048],
       "with what was set")
    for length in range(48, 129):
        genl.request("NATIVE_DEL", native(V6, length))
    eq(len(genl.natives()), 2, "and gone again")


def privileges():
    """Looking is free, changing takes CAP_NET_ADMIN."""
    ns = Namespace("a")
    ns.netlink().stats()
    with ns:
        pid = os.fork()
        if not pid:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            genl = efhnetlink.Genl()
            wrong = 0
            for name, body in (("SETTINGS_SET", settings("RECEIVE", 0)),
                               ("NATIVE_NEW", native()), ("NATIVE_DEL", native()),
                               ("FLOW_FLUSH", b""), ("STATS_RESET", b"")):
                try:
                    genl.request(name, body)
                    wrong += 1
                except NetlinkError as error:
                    wrong += error.errno != errno.EPERM
            try:
                genl.settings()
                genl.stats()
                genl.natives()
                genl.flows()
            except NetlinkError:
                wrong += 100
            os._exit(wrong)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    eq(status, 0, "unprivileged: EPERM for five changes, answers for four questions")
    eq(ns.netlink().settings()["receive"], 1, "nothing was changed")


def user_namespace():
    """Root of a user namespace rules its own network namespace."""
    text = "ip link set lo up && efhctl settings set timeout 3 && efhctl native add 2001:db8::/32" \
        " && efhctl -j settings show"
    done = command(["unshare", "-Urn", "sh", "-c", text], check=False)
    if "unshare" in done.stderr:
        raise Skip(done.stderr.strip())
    ok(done.returncode == 0 and "3000" in done.stdout, "changes by the owner", done.stderr)
    # memory is the host's: he may hold less, and not more
    for value, status in (("16M", 0), ("32M", 0), ("33554433", 1), ("1G", 1)):
        for user in ([], ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]):
            done = command(user + ["unshare", "-Urn", "efhctl", "settings", "set", "memory", value],
                           check=False)
            if user and "unshare" in done.stderr:
                continue
            eq((done.returncode, bool(done.stderr.strip())), (status, bool(status)),
               f"memory {value} by {'nobody' if user else 'root'} in a user namespace")
            if status:
                ok("CAP_NET_ADMIN on the host" in done.stderr and "memory" in done.stderr,
                   f"memory {value}: told why", done.stderr)
    ns = Namespace("a")
    ns.efhctl("settings set memory 1G")
    ok("1073741824" in ns.efhctl("-j settings show"), "the host's root may set more")


def counters():
    """efhctl's numbers are the family's, and a reset makes sums zero."""
    pair = Pair()
    pair.a.efhctl("native add 2001:db8::/64")
    tx = pair.a.socket(bind=(pair.A6, 0))
    rx = pair.b.socket(bind=(pair.B6, 9999))
    tx.sendto(data(30000), (pair.B6, 9999))
    eq(receive(rx), data(30000), "some traffic")
    shown = json.loads(pair.b.efhctl("-j stats"))
    eq({k: shown.get(k) for k in pair.b.stats()}, pair.b.stats(), "efhctl -j stats")
    documented = """in_fragments in_atomic reassembled out_packets out_fragments out_failed
        bad_option bad_index bad_fragment too_big mismatch duplicate ecn timeout evicted no_memory
        control_in control_out control_invalid retransmit_out retransmit_used segment_checksum
        reassembly_bytes reassembly_packets""".split()
    eq([k for k in documented if not isinstance(shown.get(k), int)], [], "every documented key")
    pair.b.efhctl("stats reset")
    eq({k: v for k, v in pair.b.stats().items() if v}, {}, "efhctl stats reset")
    ok(pair.a.stats()["out_packets"] == 1, "in this namespace only")
    # what is held is no sum
    wire = pair.wire()
    wire.send(efhwire.fragments(pair.A6, pair.B6, 17, bytes(3000), 1440, 1)[0])
    wait(lambda: pair.b.stats()["reassembly_packets"])
    pair.b.efhctl("stats reset")
    now = pair.b.stats()
    eq((now["reassembly_packets"], now["in_fragments"] - now["reassembly_fragments"]), (1, 0),
       "a reset does not forget what is held")


def flows():
    """Dumped whole, flushed whole."""
    pair = Pair()
    pair.a.efhctl("native add 2001:db8::/64")
    for n in range(60):
        pair.b.ip(f"addr add 2001:db8::1:{n:x}/64 dev b0")
        pair.a.ip(f"neigh replace 2001:db8::1:{n:x} lladdr {pair.mac_b} dev a0 nud permanent")
    tx = pair.a.socket(bind=(pair.A6, 0))
    rx = pair.b.socket(bind=("::", 9999))
    for n in range(60):
        for _ in range(2):
            tx.sendto(data(3000), (f"2001:db8::1:{n:x}", 9999))
            receive(rx)
    found = pair.a.flows()
    eq(len({f["destination"] for f in found}), 60, "sixty destinations, all in the dump")
    eq((sum(f["packets"] for f in found), sum(f["fragments"] for f in found)), (120, 360),
       "packets and fragments of each")
    eq({(f["path_mtu"], f["fragment_size"], f["state"]) for f in found}, {(1500, 1440, 0)},
       "and what is known of them")
    shown = json.loads(pair.a.efhctl("-j flow show"))
    eq(len(shown), len(found), "efhctl -j flow show")
    pair.a.efhctl("flow flush")
    eq(pair.a.flows(), [], "efhctl flow flush")


def commands():
    """efhctl: exit status and words."""
    ns = Namespace("a")
    for what, text, status in (("no object", "nonsense", 255), ("no verb", "native nonsense", 255),
                               ("not an address", "native add foo", 255),
                               ("a prefix not there", "native del 2001:db8::/32", 1),
                               ("two equal types", "settings set efh-option 0x9e", 1)):
        done = ns.efhctl(text, check=False)
        ok(done.returncode == status and done.stderr.strip(), f"efhctl: {what}: exit {status}",
           f"{done.returncode} {done.stderr}")
    ns.efhctl("native add 2001:db8:2::/48 fragsize 1200 maxpacket 9000")
    shown = json.loads(ns.efhctl("-j native show"))
    ok(len(shown) == 1 and "2001:db8:2::" in json.dumps(shown) and "9000" in json.dumps(shown),
       "efhctl -j native show", shown)


if __name__ == "__main__":
    main(bad_settings, bad_natives, privileges, user_namespace, counters, flows, commands)
