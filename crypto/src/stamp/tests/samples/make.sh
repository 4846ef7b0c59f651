#!/bin/sh
# Makes the samples beside it with OpenSSL 3: `sh make.sh`, in this folder. Keys are made anew and thrown away, so every
# sample changes together. `ts -reply` answers as an authority does; what no authority would answer is put together by hand.
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$PWD
cd "$work"
cp "$out/authority.cnf" x.cnf
printf 01 > serial
rsa='-newkey rsa:2048'
ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256'
p384='-newkey ec -pkeyopt ec_paramgen_curve:P-384'
root() { openssl req -x509 -config x.cnf -extensions root -nodes $2 -keyout "$1.key" -out "$1.pem" -days 36500 -subj "/CN=$1" 2>/dev/null; }
leaf() { # name issuer extensions algorithm [validity]
    openssl req -new -config x.cnf -nodes $4 -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -extfile x.cnf -extensions "$3" -out "$1.pem" ${5:--days 36500} 2>/dev/null
}
root root-rsa "$rsa"; root root-ec "$ec"; root stranger "$ec"
leaf tsa-rsa root-rsa stamps "$rsa"
leaf middle root-ec root "$p384"
leaf tsa-ec middle stamps "$ec"
leaf tsa root-ec stamps "$ec"; leaf other root-ec stamps "$ec"; leaf unknown stranger stamps "$ec"
leaf weak root-ec weak "$ec"; leaf also root-ec also "$ec"; leaf none root-ec nothing "$ec"; leaf encipher root-ec encipher "$ec"
leaf over root-ec stamps "$ec" "-days 1"
leaf curve root-ec stamps "-newkey ec -pkeyopt ec_paramgen_curve:P-521"
leaf small root-ec stamps "-newkey rsa:1024"
cat > put.py <<'P'
import hashlib, sys
def tlv(tag, *parts):
    value = b"".join(parts); n = len(value)
    length = bytes([n]) if n < 128 else (lambda b: bytes([128 | len(b)]) + b)(n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + value
SHA256 = bytes.fromhex("0609608648016503040201")
POLICY = bytes.fromhex("06092b06010401868d1f01")
NONCE = bytes([1]) + bytes(range(0x10, 0x20))
CONTENT = b"chukei.invalid/log/982016/1\n3\nroot\n"
def imprint(content): return tlv(0x30, tlv(0x30, SHA256, b"\5\0"), tlv(4, hashlib.sha256(content).digest()))
def request(): return tlv(0x30, b"\2\1\1", imprint(CONTENT), tlv(2, NONCE), b"\1\1\xff")
def info(content=CONTENT, nonce=NONCE, at=b"20300101000000.25Z", version=1, extra=b""):
    parts = [tlv(2, bytes([version])), POLICY, imprint(content), b"\2\1\7", tlv(0x18, at)]
    return tlv(0x30, *parts, *([tlv(2, nonce)] if nonce else []), extra)
def reply(token, status=0): return tlv(0x30, tlv(0x30, tlv(2, bytes([status]))), token)
what, *args = sys.argv[1:]
out = sys.stdout.buffer
if what == "request": out.write(request())
elif what == "content": out.write(CONTENT)
elif what == "reply": out.write(reply(open(args[0], "rb").read(), int(args[1]) if len(args) > 1 else 0))
elif what == "info": out.write(info())
elif what == "bytes": out.write(info(content=b"other"))
elif what == "nonce": out.write(info(nonce=NONCE[:-1] + b"\0"))
elif what == "nonceless": out.write(info(nonce=b""))
elif what == "later": out.write(info(at=b"20300101010000Z"))
elif what == "version": out.write(info(version=2))
elif what == "critical": out.write(info(extra=tlv(0xa1, tlv(0x30, bytes.fromhex("06032a0304"), b"\1\1\xff", tlv(4, b"")))))
P
python3 put.py request > q.tsq; python3 put.py content > content
cp root-rsa.pem root-ec.pem "$out"; cp content "$out/content.txt"; cp q.tsq "$out/request.tsq"
openssl ts -reply -config x.cnf -section tsa -queryfile q.tsq -signer tsa-rsa.pem -inkey tsa-rsa.key -out "$out/rsa.tsr" 2>/dev/null
openssl ts -reply -config x.cnf -section tsa -queryfile q.tsq -signer tsa-ec.pem -inkey tsa-ec.key -chain middle.pem -out "$out/ec.tsr" 2>/dev/null
sign() { # sample what signer [options]
    name=$1 what=$2 signer=$3; shift 3
    python3 put.py "$what" > info.der
    openssl cms -sign -binary -nodetach -nosmimecap -in info.der -econtent_type 1.2.840.113549.1.9.16.1.4 -signer "$signer.pem" -inkey "$signer.key" -md sha256 -outform DER -out token "$@"
    python3 put.py reply token > "$out/$name.tsr"
}
sign fraction info tsa -cades
sign key-id info tsa -cades -keyid
sign p384 info tsa -cades -md sha384
sign other-bytes bytes tsa -cades
sign other-nonce nonce tsa -cades
sign no-nonce nonceless tsa -cades
sign later later tsa -cades
sign version version tsa -cades
sign critical critical tsa -cades
sign unknown info unknown -cades -certfile stranger.pem
sign weak info weak -cades
sign also info also -cades
sign none info none -cades
sign encipher info encipher -cades
sign over info over -cades
sign p521 info curve -cades
sign short-rsa info small -cades
sign unnamed info tsa
sign sha1 info tsa -cades -md sha1
sign no-certificate info tsa -cades -nocerts
sign two-signers info tsa -cades -signer other.pem -inkey other.key
python3 put.py info > info.der
openssl cms -sign -binary -nodetach -noattr -in info.der -econtent_type 1.2.840.113549.1.9.16.1.4 -signer tsa.pem -inkey tsa.key -md sha256 -outform DER -out token
python3 put.py reply token > "$out/bare.tsr"
openssl cms -sign -binary -nodetach -nosmimecap -cades -in info.der -signer tsa.pem -inkey tsa.key -md sha256 -outform DER -out token
python3 put.py reply token > "$out/data.tsr"
python3 put.py info > info.der
openssl cms -sign -binary -nodetach -nosmimecap -cades -in info.der -econtent_type 1.2.840.113549.1.9.16.1.4 -signer tsa.pem -inkey tsa.key -md sha256 -outform DER -out token
python3 put.py reply token 1 > "$out/modified.tsr"
python3 put.py reply /dev/null 2 > "$out/rejected.tsr"
