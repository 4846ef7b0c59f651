"""What lies in a store: values, pages of person keys, keyrings, and the wrapped keys of keyrings."""
from primitives import Reader, Refused, expand, extract, gcm_open, hmac256, key32, mac_of_parts, need, open_once, u32, u64

PURPOSES = range(1, 8)


VALUE, STREAM = 1, 2
CHUNK = 65536


def value_header(reader, suite):
    """Purpose, day, day-key id, (page, slot, generation) of a person or None, the header before its salt, the salt."""
    start = reader.at
    need(reader.take(2) == bytes([1, suite]))
    purpose, day, key_id = reader.number(1), reader.number(4), reader.number(4)
    flag, page, slot, generation = reader.number(1), reader.number(4), reader.number(1), reader.number(4)
    need(purpose in PURPOSES and flag in (0, 1))
    need(flag == 1 or (page, slot, generation) == (0, 0, 0))
    key_part = reader.data[start:reader.at]
    salt = reader.take(16)
    person = (page, slot, generation) if flag else None
    return purpose, day, key_id, person, key_part, salt


def key_and_associated(reader, suite, day_key_of, person_key_of, body, space, row):
    purpose, day, key_id, person, key_part, salt = value_header(reader, suite)
    material = person_key_of(*person) if person else b""
    prk = extract(key32(day_key_of(purpose, day, key_id)), material)
    place = bytes([len(body)]) + body + bytes([space, len(row)]) + row
    return expand(prk, b"chukei value v1" + key_part + salt), key_part + salt + place


def open_value(sealed, day_key_of, person_key_of, body, space, row):
    """`day_key_of(purpose, day, id)` and `person_key_of(page, slot, generation)` give a key or refuse."""
    reader = Reader(sealed)
    key, associated = key_and_associated(reader, VALUE, day_key_of, person_key_of, body, space, row)
    return gcm_open(key, bytes(12), associated, reader.rest())


def open_stream(sealed, day_key_of, person_key_of, body, space, row):
    """Chunks of 64 KiB, each with its tag; only the last is shorter, and empty only where it stands alone."""
    reader = Reader(sealed)
    key, associated = key_and_associated(reader, STREAM, day_key_of, person_key_of, body, space, row)
    chunks, number = [], 0
    while True:
        left = len(reader.data) - reader.at
        last = left <= CHUNK + 16
        nonce = u64(number) + u32(1 if last else 0)
        chunks.append(gcm_open(key, nonce, associated, reader.take(left if last else CHUNK + 16)))
        number += 1
        if last:
            need(chunks[-1] or number == 1)
            return b"".join(chunks)


def one(keys, wanted):
    def give(*asked):
        need(asked == wanted)
        return keys
    return give


def value(case, read=open_value):
    """One value, or one stream, under keys that the case names."""
    person = case["person"]
    wanted = (person["page"], person["slot"], person["generation"]) if person else None
    return read(
        case["sealed"],
        one(case["day_key"], (case["purpose"], case["day"], case["day_key_id"])),
        one(person["key"] if person else b"", wanted),
        case["body"],
        case["space"],
        case["row"],
    )


def unwrap(root, epoch, owner, root_number, epoch_day, wrapped):
    need(len(wrapped) == 2 + 16 + 16 + 32 + 16 + 16 and wrapped[:2] == b"\x01\x01")
    place = b"\x01\x01" + bytes([len(owner)]) + owner + u32(root_number) + u32(epoch_day)
    inner = open_once(wrapped[2:18], root, b"chukei root wrap v1", place, wrapped[18:])
    return open_once(inner[:16], epoch, b"chukei epoch wrap v1", place, inner[16:])


def wrapped_key(case):
    return unwrap(case["root_key"], case["epoch_key"], case["owner"], case["root"], case["epoch"], case["sealed"])


def open_keyring(sealed, root, epoch, owner):
    """Everything a keyring holds, from nothing but its root and epoch."""
    reader = Reader(sealed)
    need(reader.take(6) == b"CKKR\x01\x01")
    generation, root_number, epoch_day = reader.number(8), reader.number(4), reader.number(4)
    wrapped = reader.take(reader.number(1))
    salt = reader.take(16)
    need(reader.take(reader.number(1)) == owner)
    key = unwrap(root, epoch, owner, root_number, epoch_day, wrapped)
    plain = open_once(salt, key, b"chukei keyring v1", sealed[:reader.at], reader.rest())
    inside = Reader(plain)
    ring = {"generation": generation, "next_number": inside.number(4), "first_day": inside.number(4)}
    ring["naming"], ring["log"] = inside.take(32), inside.take(32)
    ring["days"], ring["pages"] = {}, {}
    for _ in range(inside.number(4)):
        name = (inside.number(1), inside.number(4), inside.number(4))
        need(name[0] in PURPOSES and name > max(ring["days"], default=()) and name[2] < ring["next_number"])
        need(name[1] == 0 or name[1] >= ring["first_day"])
        ring["days"][name] = inside.take(32)
    for _ in range(inside.number(4)):
        name = (inside.number(4), inside.number(4))
        need(name > max(ring["pages"], default=()))
        ring["pages"][name] = inside.take(32)
    inside.end()
    return ring


def open_page(sealed, ring, owner, page):
    """Generation and key of each of the 256 persons of a page."""
    reader = Reader(sealed)
    header = reader.take(10)
    need(header[:6] == b"\x01\x01" + u32(page))
    page_key = ring["pages"].get((page, int.from_bytes(header[6:], "big")))
    need(page_key is not None)
    salt = reader.take(16)
    plain = Reader(open_once(salt, page_key, b"chukei page v1" + header, header + owner, reader.rest()))
    slots = [(plain.number(4), plain.take(32)) for _ in range(256)]
    plain.end()
    return slots


def name_of(secret, label, space, parts):
    key = mac_of_parts(secret, [label])
    return mac_of_parts(key, [bytes([space])] + parts)


def backup(case, part):
    """A value out of a whole backup: root and epoch open the keyring, it opens the page, both open the value.

    `part` is the sealed part that is altered to see it refused.
    """
    files = {name: case[name] for name in ("keyring", "page", "value")}
    files[part] = case["sealed"]
    ring = open_keyring(files["keyring"], case["root_key"], case["epoch_key"], case["owner"])
    slots = open_page(files["page"], ring, case["owner"], case["page_number"])

    def day_key(*name):
        need(name in ring["days"])
        return ring["days"][name]

    def person_key(page, slot, generation):
        need(page == case["page_number"] and slots[slot][0] == generation)
        return slots[slot][1]

    need(ring["generation"] == case["generation"])
    body_name = name_of(ring["naming"], b"chukei body naming v1", case["space"], [case["row"]])
    person_name = name_of(slots[case["slot"]][1], b"chukei person naming v1", case["space"], [case["row"]])
    need(mac_of_parts(ring["log"], [b"a link of the log"]) == case["log_tag"])
    need((body_name, person_name) == (case["body_name"], case["person_name"]))
    return open_value(files["value"], day_key, person_key, case["owner"], case["space"], case["row"])


def hmac_known():
    """RFC 4231, test case 2: a wrong standard library would prove nothing."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    if hmac256(b"Jefe", b"what do ya want for nothing?").hex() != expected:
        raise Refused()
