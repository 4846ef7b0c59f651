"""Shares of a root: their text, and Shamir's interpolation over GF(256) with x^8 + x^4 + x^3 + x^2 + 1."""
import hashlib
import re

from primitives import mac_of_parts, need, u32

FIELDS = ["owner", "root", "set", "needed", "of", "share", "value", "check"]


def product(a, b):
    result = 0
    while b:
        if b & 1:
            result ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11D
        b >>= 1
    return result


def inverse(a):
    result = 1
    for _ in range(254):
        result = product(result, a)
    return result


def parse(text):
    """One share: its fields, checked against the sum in its last line."""
    lines = text.decode("utf-8", "replace").splitlines(keepends=True)
    need(len(lines) == 10 and lines[0] == "chukei root share 1\n")
    fields = {}
    for name, line in zip(FIELDS + ["sum"], lines[1:]):
        need(line.startswith(name + " ") and line.endswith("\n"))
        fields[name] = line[len(name) + 1:-1]
    for name in ("set", "value", "check", "sum"):
        need(re.fullmatch(r"[0-9a-f]{4}( [0-9a-f]{4})*", fields[name]))
        fields[name] = bytes.fromhex(fields[name])
    for name in ("root", "needed", "of", "share"):
        need(re.fullmatch(r"[1-9][0-9]*", fields[name]))
        fields[name] = int(fields[name])
    need(hashlib.sha256("".join(lines[:-1]).encode()).digest()[:8] == fields["sum"])
    return fields


def custody(case):
    """The root, from the first shares that are enough."""
    shares = [parse(text) for text in case["shares"]]
    common = {name: shares[0][name] for name in ("owner", "root", "set", "needed", "of", "check")}
    need(all(share[name] == common[name] for share in shares for name in common))
    need(len({share["share"] for share in shares}) == len(shares))
    chosen = shares[:common["needed"]]
    need(len(chosen) == common["needed"])
    secret = bytearray(32)
    for one in chosen:
        weight = 1
        for other in chosen:
            if other is not one:
                weight = product(weight, product(other["share"], inverse(other["share"] ^ one["share"])))
        for at in range(32):
            secret[at] ^= product(weight, one["value"][at])
    parts = [b"chukei custody check v1", common["owner"].encode(), u32(common["root"])]
    need(mac_of_parts(bytes(secret), parts)[:16] == common["check"])
    return bytes(secret)
