# SPDX-License-Identifier: GPL-2.0-only
"""unit_completion.py FILE: what bash offers behind efhctl is what `efhctl help` names."""
import re
import subprocess
import sys

OFFER = """
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_efhctl
printf '%s\\n' "${COMPREPLY[@]}"
"""
# keys, before what they take; values that are given as words
KEY = re.compile(r"\b([a-z]+(?:-[a-z]+)*) (?:\] )?(?=[A-Z]|\{ [^|]+ \|)")
VALUES = re.compile(r"\b([a-z-]+) \{ ([^}]*) \}")
bad = 0


def offered(*words):
    return set(subprocess.run(["bash", "-c", OFFER, "-", sys.argv[1], "efhctl", *words, ""],
                              capture_output=True, text=True, check=True).stdout.split())


def check(words, expected):
    global bad
    found = offered(*words) - {"help"}
    if found != set(expected):
        bad += 1
        print(f"efhctl {' '.join(words)}: {sorted(found)}, not {sorted(expected)}")


usage = subprocess.run(["efhctl", "help"], capture_output=True, text=True, check=True).stdout
lines = re.findall(r"efhctl (\w+) (.*)", re.sub(r"\n {8,}(?!efhctl)", " ", usage))
verbs = {}
for thing, rest in lines:
    group, words = re.match(r"(?:\[ (?=show)|\{ (?=add|del))?([a-z]+(?: \| [a-z]+)*)(.*)", rest).groups()
    for verb in group.split(" | "):
        verb = {"del": "delete"}.get(verb, verb)
        verbs.setdefault(thing, set()).add(verb)
        # what stands there without a key
        first = ["x"] if re.match(r" (?:\[ )?[A-Z]", words) else []
        if thing == "link" and verb == "show" or not KEY.search(words):
            continue
        check((thing, verb, *first), KEY.findall(words))
        for key, values in VALUES.findall(words):
            check((thing, verb, *first, key), {value for value in values.split(" | ") if value.islower()})
for thing, known in verbs.items():
    check((thing,), known)
check((), {*verbs, "monitor"})
print(f"{len(lines)} lines of help, {bad} that completion has otherwise")
sys.exit(bad > 0 or len(lines) < 10)
