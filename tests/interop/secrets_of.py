"""What a data key turns into, and where a process has any of it in memory."""

import base64
import hmac
import pathlib
import struct

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PIECE = 1 << 20


def _times_two(byte):
    return (byte << 1 ^ (0x1B if byte & 0x80 else 0)) & 0xFF


def _product(a, b):
    result = 0
    while b:
        result ^= a if b & 1 else 0
        a, b = _times_two(a), b >> 1
    return result


def _sbox():
    box = []
    for byte in range(256):
        inverse = next((other for other in range(256) if _product(byte, other) == 1), 0)
        turned = [inverse << turn & 0xFF | inverse >> (8 - turn) for turn in range(5)]
        box.append(turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63)
    return box


def round_keys(key):
    """FIPS 197: the eleven round keys of AES-128."""
    box, words, constant = _sbox(), [key[at : at + 4] for at in range(0, 16, 4)], 1
    for at in range(4, 44):
        word = words[-1]
        if at % 4 == 0:
            word = bytes(box[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _times_two(constant)
        words.append(bytes(a ^ b for a, b in zip(words[-4], word, strict=True)))
    return [b"".join(words[at : at + 4]) for at in range(0, 44, 4)]


def inverse(round_key):
    """The same key for the equivalent inverse cipher."""
    return b"".join(
        bytes(
            _product(column[at], 14)
            ^ _product(column[(at + 1) % 4], 11)
            ^ _product(column[(at + 2) % 4], 13)
            ^ _product(column[(at + 3) % 4], 9)
            for at in range(4)
        )
        for column in (round_key[at : at + 4] for at in range(0, 16, 4))
    )


def _constants():
    def root(number, power):
        """The first 32 bits of the fraction of a root."""
        low, high = 0, number << 40
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if middle**power <= number << 32 * power else (low, middle)
        return low & 0xFFFFFFFF

    primes = [n for n in range(2, 312) if all(n % d for d in range(2, n))]
    return [root(prime, 3) for prime in primes], [root(prime, 2) for prime in primes[:8]]


def sha256_state(block):
    """FIPS 180-4: the state after one block."""
    constants, state = _constants()

    def turn(word, by):
        return (word >> by | word << (32 - by)) & 0xFFFFFFFF

    words = list(struct.unpack(">16I", block))
    for at in range(16, 64):
        s0 = turn(words[at - 15], 7) ^ turn(words[at - 15], 18) ^ words[at - 15] >> 3
        s1 = turn(words[at - 2], 17) ^ turn(words[at - 2], 19) ^ words[at - 2] >> 10
        words.append((words[at - 16] + s0 + words[at - 7] + s1) & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = state
    for constant, word in zip(constants, words, strict=True):
        t1 = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + constant + word
        t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
        a, b, c, d, e, f, g, h = (t1 + t2) & 0xFFFFFFFF, a, b, c, (d + t1) & 0xFFFFFFFF, e, f, g
    return [(old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


def needles(data_key):
    """Names and bytes of everything that is as good as the data key, or as a half of it."""
    signing, encryption = data_key[:16], data_key[16:]
    found = {"the signing half": signing, "the AES half": encryption}
    for number, key in list(enumerate(round_keys(encryption)))[1:]:
        found[f"round key {number}"] = key
        if number < 10:
            found[f"round key {number} of the inverse cipher"] = inverse(key)
    for side, pad in (("inner", 0x36), ("outer", 0x5C)):
        block = bytes(byte ^ pad for byte in signing.ljust(64, b"\0"))
        found[f"the {side} key block"] = block[:16]
        a, b, c, d, e, f, g, h = sha256_state(block)
        for order, words in {"first": (a, b, c, d), "last": (e, f, g, h), "ABEF": (f, e, b, a), "CDGH": (h, g, d, c)}.items():
            found[f"the {side} HMAC state, {order}"] = struct.pack("<4I", *words)
    extracted = hmac.digest(bytes(32), data_key, "sha256")
    for version in (1, 2):
        key = HKDF(SHA256(), 32, salt=None, info=b"strongroom/%d/metadata" % version).derive(data_key)
        found[f"the metadata key, version {version}"] = key[:16]
    found["what HKDF extracted"] = extracted[:16]
    for name, alphabet in {"base64": None, "URL-safe base64": b"-_"}.items():
        # Its first characters depend on nothing that stands around them.
        found[name] = base64.b64encode(data_key, alphabet)[:40]
    return found


def writable(pid):
    """Where a process may write: heap, stacks and the rest."""
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, permissions, *_ = line.split()
        if permissions.startswith("rw"):
            yield tuple(int(end, 16) for end in span.split("-"))


def found_in(pid, wanted):
    """Which of the wanted bytes a process has in memory; it must not run meanwhile."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in writable(pid):
            tail = b""
            for at in range(start, end, PIECE):
                try:
                    memory.seek(at)
                    read = memory.read(min(PIECE, end - at))
                except OSError:
                    tail = b""
                    continue
                piece, tail = tail + read, read[-64:]
                if not piece.strip(b"\0"):
                    continue
                found += [f"{name} near {at:#x}" for name, needle in wanted.items() if needle in piece]
    return found
