"""A person's receipt: the part of a log's leaf that they may see, its place in the log, and who vouches for the log.

Read from the text of the formats alone: C2SP `tlog-proof@v1`, signed notes and `cosignature/v1`, RFC 9162 for the tree, and the
leaf in two parts with a salt each.
"""
import base64
import hashlib

from primitives import Reader, Refused, ed25519_verify, need, u64

PARTS = {1: b"chukei log leaf, person's part v1", 2: b"chukei log leaf, internal part v1"}


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def from_base64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused()
    need(base64.b64encode(data).decode() == text)
    return data


def number(text):
    need(text.isascii() and text.isdigit() and str(int(text)) == text)
    return int(text)


def commitment(part, salt, content):
    parts = [PARTS[part], salt, content]
    return sha256(*(u64(len(one)) + one for one in parts))


def opening(data):
    """Which leaf the part belongs to, and what it says."""
    reader = Reader(data)
    need(reader.number(1) == 1)
    part = reader.number(1)
    need(part in PARTS)
    salt, other, content = reader.take(32), reader.take(32), reader.rest()
    own = commitment(part, salt, content)
    both = own + other if part == 1 else other + own
    return sha256(b"\0", b"\1", both), content


def root_of(leaf, index, size, proof):
    """RFC 9162, 2.1.3.2, from the side of the definition: what the proof's hashes and the leaf come to."""
    need(index < size)
    if size == 1:
        need(not proof)
        return leaf
    need(proof)
    left = 1 << (size - 1).bit_length() - 1
    if index < left:
        return sha256(b"\1", root_of(leaf, index, left, proof[:-1]), proof[-1])
    return sha256(b"\1", proof[-1], root_of(leaf, index - left, size - left, proof[:-1]))


def signatures(note, pinned):
    """The text of a note, which every pinned key must have signed in its own way."""
    text, _, lines = note.partition("\n\n")
    text += "\n"
    need(lines.endswith("\n"))
    found = set()
    for line in lines[:-1].split("\n"):
        dash, name, blob = (line.split(" ") + ["", ""])[:3]
        need(dash == "—" and line == f"— {name} {blob}")
        blob = from_base64(blob)
        for key in pinned:
            kind, public = key["kind"], key["public"]
            if name == key["name"] and blob[:4] == sha256(name.encode(), b"\n", bytes([kind]), public)[:4]:
                need(name not in found)
                message = text if kind == 1 else f"cosignature/v1\ntime {int.from_bytes(blob[4:12], 'big')}\n{text}"
                ed25519_verify(public, message.encode(), blob[4:] if kind == 1 else blob[12:])
                found.add(name)
    need(found == {key["name"] for key in pinned})
    return text


def receipt(case):
    try:
        text = case["receipt"].decode()
    except UnicodeDecodeError:
        raise Refused()
    head, separator, note = text.partition("\n\n")
    need(separator)
    lines = head.split("\n")
    need(len(lines) >= 3 and lines[0] == "c2sp.org/tlog-proof@v1")
    need(lines[1].startswith("extra ") and lines[2].startswith("index "))
    leaf, content = opening(from_base64(lines[1][6:]))
    index, proof = number(lines[2][6:]), [from_base64(line) for line in lines[3:]]
    need(all(len(one) == 32 for one in proof))
    stated = signatures(note, case["pinned"]).split("\n")
    need(len(stated) == 4 and stated[0] == case["origin"])
    need(root_of(leaf, index, number(stated[1]), proof) == from_base64(stated[2]))
    return content
