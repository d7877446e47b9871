# SPDX-License-Identifier: GPL-2.0-only
"""IPsec in mode IPTFS (RFC 9347) with null encryption, which iproute2 cannot
set up. Structures are those of linux/xfrm.h."""
import os
import socket
import struct

from efhnetlink import NLM_F_ACK, NLM_F_REQUEST, attr

NETLINK_XFRM = 6
NEWSA, NEWPOLICY = 16, 19
ALG_CRYPT, TMPL, SA_DIR = 2, 5, 33
DIR_IN, DIR_OUT = 1, 2
POLICY_IN, POLICY_OUT = 0, 1
ESP, IPTFS = 50, 5
FOREVER = struct.pack("=8Q", *[2 ** 64 - 1] * 4, 0, 0, 0, 0) + bytes(32)
NULL = struct.pack("=64sI", b"ecb(cipher_null)", 0)


def address(text):
    return socket.inet_pton(socket.AF_INET6, text)


def selector(src, dst, bits):
    return struct.pack("=16s16s4HH3B3xiI", address(dst), address(src), 0, 0, 0, 0, socket.AF_INET6, bits, bits, 0, 0, 0)


def state(src, dst, spi, reqid, direction):
    """struct xfrm_usersa_info and attributes"""
    identity = struct.pack("=16s4sB3x", address(dst), struct.pack("!I", spi), ESP)
    return (selector("::", "::", 0) + identity + address(src) + FOREVER +
            struct.pack("=3I", 0, 0, 0) + struct.pack("=IIH3B7x", 0, reqid, socket.AF_INET6, IPTFS, 0, 0) +
            attr(ALG_CRYPT, NULL) + attr(SA_DIR, bytes([direction])))


def policy(src, dst, outer, reqid, direction):
    """struct xfrm_userpolicy_info and a struct xfrm_user_tmpl"""
    identity = struct.pack("=16s4sB3x", address(outer[1]), bytes(4), ESP)
    template = identity + struct.pack("=HH16sI3BxIII", socket.AF_INET6, 0, address(outer[0]), reqid, IPTFS, 0, 0,
                                      2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1)
    return (selector(src, dst, 128) + FOREVER + struct.pack("=II4B4x", 0, 0, direction, 0, 0, 0) +
            attr(TMPL, template))


def request(kind, body):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)
        error = struct.unpack_from("=i", sock.recv(1 << 16), 16)[0]
    if error:
        raise OSError(-error, f"XFRM: {os.strerror(-error)}")


def iptfs(host, outer, inner, number):
    """Between two addresses: what goes from inner[0] to inner[1], and back"""
    with host:
        for (src, dst), (m, n), sa, way in ((outer, inner, DIR_OUT, POLICY_OUT),
                                            (outer[::-1], inner[::-1], DIR_IN, POLICY_IN)):
            # an SPI for each direction, the same at both ends
            request(NEWSA, state(src, dst, 256 * number + (1 if m < n else 2), number, sa))
            request(NEWPOLICY, policy(m, n, (src, dst), number, way))
