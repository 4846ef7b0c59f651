"""The few primitives every sealed form is made of, from the standard library and `cryptography`."""
import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Refused(Exception):
    """What was handed in is not what the format says."""


def need(condition):
    if not condition:
        raise Refused()


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


class Reader:
    """Reads bytes from the front and refuses to read past the end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        need(self.at + length <= len(self.data))
        self.at += length
        return self.data[self.at - length:self.at]

    def number(self, length):
        return int.from_bytes(self.take(length), "big")

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        need(self.at == len(self.data))


def hmac256(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def key32(key):
    """HMAC would take a key of another length, and one with zeros behind it for the same."""
    need(len(key) == 32)
    return key


def mac_of_parts(key, parts):
    """HMAC over parts, each behind its length as u64."""
    key32(key)
    return hmac256(key, b"".join(u64(len(part)) + part for part in parts))


def extract(salt, material):
    return hmac256(salt or bytes(32), material)


def expand(prk, info, length=32):
    key32(prk)
    out, block, number = b"", b"", 0
    while len(out) < length:
        number += 1
        block = hmac256(prk, block + info + bytes([number]))
        out += block
    return out[:length]


def gcm_open(key, nonce, associated, sealed):
    need(len(sealed) >= 16)
    try:
        return AESGCM(key).decrypt(nonce, sealed, associated)
    except InvalidTag:
        raise Refused() from None


def gcm_tag(key, nonce, associated):
    """The tag over nothing."""
    return AESGCM(key).encrypt(nonce, b"", associated)


def open_once(salt, material, info, associated, sealed):
    """A key used once: HKDF of a fresh salt, nonce of zeros."""
    return gcm_open(expand(extract(salt, key32(material)), info), bytes(12), associated, sealed)


def aes_block_decrypt(key, block):
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    return decryptor.update(block) + decryptor.finalize()


def ed25519_verify(public, message, signature):
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Refused() from None


def hpke_open(private, info, associated, sealed):
    """RFC 9180, base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; the sender's point in front."""
    reader = Reader(sealed)
    point = reader.take(65)
    key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
    try:
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise Refused() from None
    numbers = key.public_key().public_numbers()
    own = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    def extracted(suite, salt, label, material):
        return extract(salt, b"HPKE-v1" + suite + label + material)

    def expanded(suite, prk, label, info, length):
        return expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)

    kem, suite = b"KEM\x00\x10", b"HPKE\x00\x10\x00\x01\x00\x02"
    agreed = extracted(kem, b"", b"eae_prk", key.exchange(ec.ECDH(), sender))
    shared = expanded(kem, agreed, b"shared_secret", point + own, 32)
    context = b"\x00" + extracted(suite, b"", b"psk_id_hash", b"") + extracted(suite, b"", b"info_hash", info)
    secret = extracted(suite, shared, b"secret", b"")
    key = expanded(suite, secret, b"key", context, 32)
    nonce = expanded(suite, secret, b"base_nonce", context, 12)
    return gcm_open(key, nonce, associated, reader.rest())
