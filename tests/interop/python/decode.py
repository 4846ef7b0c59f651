"""An independent reader of every sealed form, written from what PROTOCOL.md and the sources' comments say.

`decode.py CASES`: a JSON list of cases, byte strings as {"hex": ...}. Every case must open to what it expects, and
must be refused in every altered form. Prints one line of JSON: for each format how many opened and were refused.
"""
import json
import sys

import at_rest
import custody
import in_transit
import receipts
from primitives import Refused

READERS = {
    "value": at_rest.value,
    "stream": lambda case: at_rest.value(case, at_rest.open_stream),
    "wrapped key": at_rest.wrapped_key,
    "backup: keyring": lambda case: at_rest.backup(case, "keyring"),
    "backup: page": lambda case: at_rest.backup(case, "page"),
    "backup: value": lambda case: at_rest.backup(case, "value"),
    "message": in_transit.message,
    "framed body": in_transit.framed_body,
    "person code": in_transit.person_code,
    "binding tag": in_transit.binding_tag,
    "permit tag": in_transit.permit_tag,
    "permit root": in_transit.permit_roots,
    "acquisition number": in_transit.acquisition_number,
    "custody": custody.custody,
    "receipt": receipts.receipt,
}
# Places tried in long forms: all of the first and last bytes, and evenly between.
EDGE, BETWEEN = 160, 64


def places(length):
    if length <= 2 * EDGE + BETWEEN:
        return range(length)
    step = max(1, (length - 2 * EDGE) // BETWEEN)
    return [*range(EDGE), *range(EDGE, length - EDGE, step), *range(length - EDGE, length)]


def altered_bytes(data):
    """One bit changed anywhere, one byte less at either end, one more."""
    for at in places(len(data)):
        yield data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1:]
    if data:
        yield data[:-1]
        yield data[1:]
    yield data + b"\0"


def altered_lists(parts, ordered):
    """Any part altered, left out or doubled, or two exchanged where the order tells something."""
    for at, part in enumerate(parts):
        for other in altered_bytes(part):
            yield parts[:at] + [other] + parts[at + 1:]
        yield parts[:at] + parts[at + 1:]
        yield parts[:at + 1] + parts[at:]
        if ordered and at + 1 < len(parts):
            yield parts[:at] + [parts[at + 1], parts[at]] + parts[at + 2:]


def altered_streams(sealed):
    """A chunk left out, doubled, or exchanged with the next; the last one moved to the front."""
    header, size = sealed[:37], at_rest.CHUNK + 16
    chunks = [sealed[at:at + size] for at in range(37, len(sealed), size)]
    for at in range(len(chunks)):
        yield header + b"".join(chunks[:at] + chunks[at + 1:])
        yield header + b"".join(chunks[:at + 1] + chunks[at:])
        if at + 1 < len(chunks):
            yield header + b"".join(chunks[:at] + [chunks[at + 1], chunks[at]] + chunks[at + 2:])
            yield header + b"".join(chunks[-1:] + chunks[:-1])


def altered(case):
    """Every altered form of a case: of what is sealed, and of every field it is bound to."""
    if case["format"] == "stream":
        for other in altered_streams(case["sealed"]):
            yield "chunks", case | {"sealed": other}
    for name in case["altered"]:
        value = case[name]
        others = altered_lists(value, name not in case.get("unordered", [])) if isinstance(value, list) else altered_bytes(value)
        for other in others:
            yield name, case | {name: other}


def restored(found):
    if isinstance(found, dict):
        if set(found) == {"hex"}:
            return bytes.fromhex(found["hex"])
        return {name: restored(value) for name, value in found.items()}
    return [restored(value) for value in found] if isinstance(found, list) else found


def check(case):
    read = READERS[case["format"]]
    if read(case) != case["expect"]:
        raise SystemExit(f"{case['format']}: opened to something else")
    refused = 0
    for name, changed in altered(case):
        try:
            read(changed)
        except Refused:
            refused += 1
        else:
            raise SystemExit(f"{case['format']}: {name} was altered and still opened")
    return refused


def main():
    at_rest.hmac_known()
    with open(sys.argv[1], encoding="utf-8") as cases:
        cases = restored(json.load(cases))
    counts = {}
    for case in cases:
        refused = check(case)
        opened, before = counts.get(case["format"], (0, 0))
        counts[case["format"]] = (opened + 1, before + refused)
    print(json.dumps({name: {"opened": n, "refused": m} for name, (n, m) in counts.items()}))


main()
