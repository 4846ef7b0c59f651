"""The frozen vectors, read by the same second implementation.

`frozen.py FOLDER`: `seals.json`, `keyring.json`, `permits.json` and `codes.json` in it. Every form must come to what
stands beside it. Prints one line of JSON: how many of each were read.
"""
import hashlib
import json
import pathlib
import sys

import at_rest
import in_transit
from primitives import Reader, u32, u64

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def unhex(text):
    return bytes.fromhex(text)


def same(name, found, expected):
    if found != expected:
        raise SystemExit(f"{name}: not what stands beside it")


def place(case):
    return unhex(case["body"]), case["space"], unhex(case["row"])


def keys(case):
    """Whatever the header asks for is given: a vector names its keys, not their numbers."""
    return (lambda *_: unhex(case["day_key"])), (lambda *_: unhex(case["person_key"]))


def value(case):
    found = at_rest.open_value(unhex(case["sealed"]), *keys(case), *place(case))
    same(case["name"], found, unhex(case["plaintext"]))


def stream(case, header):
    """Sealed here anew from the header's fields; long ones are frozen by their hash."""
    plain = bytes(at % 251 for at in range(case["plaintext_length"]))
    start = header + unhex(case["salt"])
    key, associated = at_rest.key_and_associated(Reader(start), at_rest.STREAM, *keys(case), *place(case))
    sealed, parts = start, [plain[at:at + at_rest.CHUNK] for at in range(0, len(plain), at_rest.CHUNK)] or [b""]
    for number, part in enumerate(parts):
        nonce = u64(number) + u32(1 if number == len(parts) - 1 else 0)
        sealed += AESGCM(key).encrypt(nonce, part, associated)
    same(case["name"], hashlib.sha256(sealed).digest(), unhex(case["sealed_sha256"]))
    same(case["name"], at_rest.open_stream(sealed, *keys(case), *place(case)), plain)
    if "sealed" in case:
        same(case["name"], sealed, unhex(case["sealed"]))


def message(case):
    secret = unhex(case["binding_secret"])
    binding = {"version": case["binding_version"], "secret": secret} if secret else None
    found = in_transit.message({
        "binding": binding,
        "reply": case["reply"],
        "header": unhex(case["header_hash"]),
        "salt": unhex(case["salt"]),
        "direction_secret": unhex(case["direction_secret"]),
        "chunks": [unhex(chunk["sealed"]) for chunk in case["chunks"]],
        "receipt": unhex(case["receipt"]),
    })
    same(case["name"], found, b"".join(unhex(chunk["plaintext"]) for chunk in case["chunks"]))


def keyring(vectors):
    of = vectors["wrapped"]
    owner, root, epoch = of["owner"].encode(), unhex(of["root_key"]), unhex(of["epoch_key"])
    found = at_rest.unwrap(root, epoch, owner, of["root"], of["epoch"], unhex(of["sealed"]))
    same("wrapped", found, unhex(of["key"]))

    expected = vectors["keyring"]
    ring = at_rest.open_keyring(unhex(expected["sealed"]), root, epoch, owner)
    for name in ("generation", "next_number", "first_day"):
        same(name, ring[name], expected[name])
    for name in ("naming", "log"):
        same(name, ring[name], unhex(expected[name]))
    days = {(key["purpose"], key["day"], key["number"]): unhex(key["key"]) for key in expected["days"]}
    same("days", ring["days"], days)
    pages = {(key["page"], key["number"]): unhex(key["key"]) for key in expected["pages"]}
    same("pages", ring["pages"], pages)

    page = vectors["page"]
    slots = at_rest.open_page(unhex(page["sealed"]), ring, owner, page["page"])
    same("page", slots, [(generation, unhex(key)) for generation, key in page["slots"]])
    for name in vectors["names"]:
        label = f"chukei {name['of']} naming v1".encode()
        parts = [part.encode() for part in name["parts"]]
        same("names", at_rest.name_of(unhex(name["key"]), label, name["space"], parts), unhex(name["name"]))


def permit(case):
    claims = unhex(case["claims"])
    in_transit.permit_tag({"key": unhex(case["key"]), "claims": claims, "sealed": unhex(case["tag"])})
    same("leaf", in_transit.leaf(claims), unhex(case["leaf"]))


def permit_root(case):
    names = {name: case[name].encode() for name in ("broker", "receiver")} | {"epoch": unhex(case["epoch"])}
    root = in_transit.root_of(names, unhex(case["previous"]), case["first"], unhex(case["leaves"]))
    same("root", root, unhex(case["root"]))
    in_transit.check_root(unhex(case["public"]), root, unhex(case["signature"]))


def person_code(case):
    found = in_transit.person_code({
        "master": unhex(case["master"]),
        "version": case["version"],
        "party": case["party"].encode(),
        "sealed": unhex(case["code"]),
    })
    same("person code", found, unhex(case["person"]))


def binding(case):
    found = in_transit.binding_tag({
        "master": unhex(case["master"]),
        "version": case["version"],
        "person": unhex(case["person"]),
        "body": case["body"].encode(),
        "header": unhex(case["header_hash"]),
        "sealed": unhex(case["tag"]),
    })
    same("binding", found, unhex(case["header_hash"]))


def main():
    folder = pathlib.Path(sys.argv[1])
    seals = json.loads((folder / "seals.json").read_text("utf-8"))
    ring = json.loads((folder / "keyring.json").read_text("utf-8"))
    permits = json.loads((folder / "permits.json").read_text("utf-8"))
    for case in permits["permits"]:
        permit(case)
    for case in permits["roots"]:
        permit_root(case)
    for case in seals["values"]:
        value(case)
    # The header of the one that is printed whole is that of all.
    header = next(unhex(case["sealed"]) for case in seals["streams"] if "sealed" in case)[:21]
    for case in seals["streams"]:
        stream(case, header)
    for case in seals["messages"]:
        message(case)
    keyring(ring)
    codes = json.loads((folder / "codes.json").read_text("utf-8"))
    for case in codes["person_codes"]:
        person_code(case)
    for case in codes["bindings"]:
        binding(case)
    counts = {name: len(seals[name]) for name in ("values", "streams", "messages")}
    counts |= {name: len(permits[name]) for name in ("permits", "roots")}
    counts |= {name: len(codes[name]) for name in ("person_codes", "bindings")}
    print(json.dumps(counts | {"keyrings": 1, "pages": 1, "names": len(ring["names"])}))


main()
