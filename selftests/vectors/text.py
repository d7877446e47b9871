#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The vectors as lines that C can read: result, name, packet in hex."""
import json
import lzma
import os

HERE = os.path.dirname(os.path.abspath(__file__))
for case in json.load(lzma.open(os.path.join(HERE, "native-ipv6.json.xz"), "rt")):
    for number, step in enumerate(case["steps"]):
        print(step.get("reason", step["result"]), f"{case['name']}, {number}", step["in"],
              sep="\t")
