"""Checkpoints, cosignatures, tiles and proofs of a log, judged by a verifier that others have written (`aics-tlog`).

`log.py FOLDER`: tiles and bundles of entries at their C2SP paths, and `log.json`. Everything must be accepted as it is, come
out the same where the verifier makes it itself, and be refused in every altered form. Prints one line of JSON: how
many of each were accepted and refused.
"""
import base64
import json
import pathlib
import sys

import aics_tlog as tlog

counts = {}


def count(what, how):
    counts.setdefault(what, {"accepted": 0, "refused": 0})[how] += 1


def accept(what, verdict):
    if not verdict:
        raise SystemExit(f"{what}: refused as it is")
    count(what, "accepted")


def refuse(what, judged):
    try:
        verdict = judged()
    except (ValueError, KeyError, UnicodeDecodeError):
        verdict = False
    if verdict:
        raise SystemExit(f"{what}: accepted in an altered form")
    count(what, "refused")


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def hashes(text):
    data = bytes.fromhex(text)
    return [data[at:at + 32] for at in range(0, len(data), 32)]


def altered_proofs(proof):
    for at in range(len(proof)):
        yield proof[:at] + [flipped(proof[at], at % 32)] + proof[at + 1:]
        yield proof[:at] + proof[at + 1:]
    yield proof + [bytes(32)]


def checkpoints(case, log, witnesses):
    heads = {}
    for text in case["checkpoints"]:
        def judged(data, keys=witnesses):
            return tlog.verify_checkpoint(tlog.parse_note(data), log, keys, quorum=len(keys), expected_origin=case["origin"])

        data = text.encode()
        result = judged(data)
        accept("checkpoint", result.ok and result.cosignature_count == len(witnesses))
        heads[result.size] = result.root
        for at in range(len(data)):
            refuse("checkpoint", lambda: judged(flipped(data, at)).ok)
        lines = text.splitlines(keepends=True)
        refuse("checkpoint", lambda: judged("".join(lines[:-1]).encode()).ok)
    return heads


def main(folder):
    case = json.loads((folder / "log.json").read_text())
    log = tlog.parse_vkey(case["log"])
    witnesses = [tlog.parse_vkey(text) for text in case["witnesses"]]
    heads = checkpoints(case, log, witnesses)
    reader = tlog.FileSystemTileReader(folder)
    whole = max(heads)
    report = tlog.audit_tiles(reader, whole, heads[whole])
    accept("tiles", report.tiles > 0 and report.bundles > 0)
    for size, root in heads.items():
        accept("root", tlog.tree_root_from_tiles(reader, size, whole) == root)
    for one in case["inclusion"]:
        index, size, proof = one["index"], one["size"], hashes(one["proof"])
        entry = base64.b64decode(one["entry"])
        accept("inclusion", tlog.verify_leaf_inclusion(entry, index, size, proof, heads[size]))
        accept("inclusion", tlog.inclusion_proof_from_tiles(reader, index, size, whole) == proof)
        for other in altered_proofs(proof):
            refuse("inclusion", lambda: tlog.verify_leaf_inclusion(entry, index, size, other, heads[size]))
        refuse("inclusion", lambda: tlog.verify_leaf_inclusion(flipped(entry, 7), index, size, proof, heads[size]))
    for one in case["consistency"]:
        old, new, proof = one["old"], one["new"], hashes(one["proof"])
        accept("consistency", tlog.verify_consistency(old, new, heads[old], heads[new], proof))
        accept("consistency", tlog.consistency_proof_from_tiles(reader, old, new, whole) == proof)
        for other in altered_proofs(proof):
            refuse("consistency", lambda: tlog.verify_consistency(old, new, heads[old], heads[new], other))
    print(json.dumps(counts))


main(pathlib.Path(sys.argv[1]))
