"""What travels: sealed bodies of a channel, permits, person codes, binding tags, acquisition numbers."""
import base64
import hashlib

from primitives import (
    Reader,
    Refused,
    aes_block_decrypt,
    ed25519_verify,
    expand,
    gcm_open,
    gcm_tag,
    hpke_open,
    mac_of_parts,
    need,
    u32,
    u64,
)


def message(case):
    """A body in chunks of at most 64 KiB, all but the last full or not; and the receipt that proves it opened."""
    binding = case["binding"]
    flags = (1 if case["reply"] else 0) | (2 if binding else 0)
    version = binding["version"] if binding else 0
    associated = bytes([1, flags, version]) + case["header"]
    secret = binding["secret"] if binding else b""
    info = b"chukei e2e message v1" + associated + case["salt"] + secret
    key = expand(case["direction_secret"], info)
    plain = []
    for number, chunk in enumerate(case["chunks"]):
        last = number == len(case["chunks"]) - 1
        need(16 <= len(chunk) <= 65536 + 16)
        plain.append(gcm_open(key, u64(number) + u32(1 if last else 0), associated, chunk))
    need(plain)
    need(gcm_tag(key, u64(0) + u32(2), associated) == case["receipt"])
    return b"".join(plain)


SEAL, CHUNK, LAST_CHUNK = 3, 4, 5


def frames(data):
    """Type and payload of each frame."""
    reader, found = Reader(data), []
    while reader.at < len(data):
        kind = reader.number(1)
        found.append((kind, reader.take(reader.number(4))))
    return found


def bucket(content):
    """Padmé above 1 KiB, over the content and its length."""
    length = content + 4
    if length <= 1024:
        return 1024
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def framed_body(case):
    """A sealed body as it stands on the wire: SEAL, chunks all full but the last, padding inside."""
    (kind, head), *rest = frames(case["sealed"])
    need(kind == SEAL and len(head) == 18 and head[0] == 1)
    need(rest and all(kind == CHUNK for kind, _ in rest[:-1]) and rest[-1][0] == LAST_CHUNK)
    need(all(len(chunk) == 65536 + 16 for _, chunk in rest[:-1]))
    need(head[1] == (case["binding"]["version"] if case["binding"] else 0))
    padded = message(case | {"salt": head[2:], "chunks": [chunk for _, chunk in rest]})
    need(len(padded) >= 4 and bucket(len(padded) - 4) == len(padded))
    length = int.from_bytes(padded[:4], "big")
    need(length <= len(padded) - 4 and not any(padded[4 + length:]))
    return padded[4:4 + length]


def person_code(case):
    """The number of the person behind a code of this party."""
    code = case["sealed"]
    need(len(code) == 17 and code[0] == case["version"])
    parts = [b"chukei person code v1", bytes([case["version"]]), case["party"]]
    block = aes_block_decrypt(mac_of_parts(case["master"], parts), code[1:])
    need(block[8:] == bytes(8))
    return block[:8]


def binding_tag(case):
    """The tag of a request, from the registry's master; gives back the header hash it belongs to."""
    version = bytes([case["version"]])
    parts = [b"chukei binding secret v1", version, case["person"], case["body"]]
    secret = mac_of_parts(case["master"], parts)
    need(mac_of_parts(secret, [b"chukei binding tag v1", version, case["header"]]) == case["sealed"])
    return case["header"]


def permit_tag(case):
    need(mac_of_parts(case["key"], [b"chukei permit v1", case["claims"]]) == case["sealed"])
    return case["claims"]


def sha256_of_parts(parts):
    return hashlib.sha256(b"".join(u64(len(part)) + part for part in parts)).digest()


def leaf(claims):
    return sha256_of_parts([b"chukei permit leaf v1", claims])


def root_of(names, previous, first, leaves):
    """The root over the permits from `first` on, behind the root before it."""
    need(first > 0 and leaves and len(leaves) % 32 == 0)
    numbers = [u64(first), u64(first + len(leaves) // 32 - 1)]
    parts = [b"chukei permit root v1", names["broker"], names["receiver"], names["epoch"], previous]
    return sha256_of_parts(parts + numbers + [leaves])


def check_root(public, root, signature):
    ed25519_verify(public, b"chukei permit root signature v1\0" + root, signature)


def permit_roots(case):
    """Chained, signed roots over every permit of an epoch from number 1 on; gives back the last root.

    `permits` are canonical claims in order, `counts` how many each root covers.
    """
    permits = list(case["permits"])
    need(len(permits) == sum(case["counts"]) and len(case["signatures"]) == len(case["counts"]))
    root, first = bytes(32), 1
    for count, signature in zip(case["counts"], case["signatures"]):
        covered, permits = permits[:count], permits[count:]
        leaves = b"".join(leaf(claims) for claims in covered)
        root, first = root_of(case, root, first, leaves), first + count
        check_root(case["public"], root, signature)
    return root


def acquisition_number(case):
    """Both parts of a number, each with its reader's key: the person's number ‖ version ‖ number id ‖ secret."""
    text = case["sealed"]
    need(len(text) <= 512)
    try:
        number = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Refused() from None
    # One text for one number: unused bits are zero.
    need(base64.urlsafe_b64encode(number).rstrip(b"=") == text)
    reader = Reader(number)
    head = reader.take(9)
    need(head[0] == 1 and int.from_bytes(head[1:], "big") == case["not_after_ms"])
    broker, party = reader.take(65 + 8 + 16), reader.take(65 + 49 + 16)
    signature = reader.take(64)
    reader.end()
    hashes = hashlib.sha256(broker).digest() + hashlib.sha256(party).digest()
    statement = b"chukei acquisition number v1\0" + head + hashes + case["party"]
    ed25519_verify(case["registry_public"], statement, signature)
    person = hpke_open(case["broker_key"], b"chukei acquisition broker part v1", case["party"], broker)
    inside = hpke_open(case["party_key"], b"chukei acquisition party part v1", case["party"], party)
    return person + inside
