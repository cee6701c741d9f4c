"""Makes rsa-sizes.json: keys of all sizes and text forms, with outputs of real Salt's own functions.

Run once with a Python that has Salt 3006.25 installed and with OpenSSL 3 on the path:

    python tests/vectors/rsa-sizes.py > tests/vectors/rsa-sizes.json

All keys are throw-away test keys.
"""

import json
import os
import subprocess
import sys
import tempfile

import salt.crypt
import salt.version
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SECRET = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc="
PASSPHRASE = "open sesame \u00e9"


def openssl(*args, stdin=None):
    return subprocess.run(["openssl", *args], input=stdin, check=True, capture_output=True).stdout.decode()


def key_entry(bits, exponent, folder):
    key = rsa.generate_private_key(exponent, bits)
    path = os.path.join(folder, f"{bits}-{exponent}")
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    pub = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with open(path + ".pem", "wb") as f:
        f.write(pem)
    with open(path + ".pub", "wb") as f:
        f.write(pub)
    private = salt.crypt.PrivateKey(path + ".pem")
    public = salt.crypt.PublicKey(path + ".pub")
    message = b"message of %d bits" % bits
    secret = SECRET if bits >= 2048 else SECRET[:32]
    return {
        "bits": bits,
        "exponent": exponent,
        "private": pem.decode(),
        "public": pub.decode(),
        "message": message.hex(),
        "sign": {a: private.sign(message, a).hex() for a in salt.crypt.VALID_SIGNING_ALGORITHMS},
        # The padded block only fits when the top byte of the modulus is full.
        "x931": private.encrypt(message).hex() if bits % 8 == 0 else None,
        "secret": secret.hex(),
        "oaep": {a: public.encrypt(secret, a).hex() for a in salt.crypt.VALID_ENCRYPTION_ALGORITHMS},
    }


def forms(folder):
    """The same 2048-bit key as every text form that is met in the wild."""
    salt.crypt.gen_keys(folder, "plain", 2048)
    with open(os.path.join(folder, "plain.pem"), "rb") as f:
        plain = f.read()
    with open(os.path.join(folder, "plain.pub")) as f:
        public = f.read()
    out = {"private": plain.decode(), "public": public, "passphrase": PASSPHRASE}
    out["pkcs8"] = openssl("pkcs8", "-topk8", "-nocrypt", stdin=plain)
    out["rsa_public"] = openssl("rsa", "-RSAPublicKey_out", stdin=plain)
    encrypted = {}
    for cipher in ("aes128", "aes192", "aes256", "des3", "des", "camellia256"):
        encrypted[cipher] = openssl(
            "rsa", "-traditional", "-" + cipher, "-passout", "pass:" + PASSPHRASE,
            "-provider", "default", "-provider", "legacy", stdin=plain,
        )
    out["encrypted"] = encrypted
    out["pkcs8_encrypted"] = openssl("pkcs8", "-topk8", "-passout", "pass:" + PASSPHRASE, stdin=plain)
    # Salt's own way with the option key_pass, on a key of its own.
    salt.crypt.gen_keys(folder, "salted", 2048, passphrase=PASSPHRASE)
    with open(os.path.join(folder, "salted.pem")) as f:
        out["salt_encrypted"] = f.read()
    with open(os.path.join(folder, "salted.pub")) as f:
        out["salt_encrypted_public"] = f.read()
    out["ec_private"] = openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout")
    out["ec_pkcs8"] = openssl("pkcs8", "-topk8", "-nocrypt", stdin=out["ec_private"].encode())
    out["ec_public"] = openssl("ec", "-pubout", stdin=out["ec_private"].encode())
    out["small_public"] = openssl("rsa", "-pubout", stdin=openssl("genrsa", "-traditional", "768").encode())
    return out


def main():
    with tempfile.TemporaryDirectory() as folder:
        sizes = [(1024, 65537), (2048, 3), (2050, 65537), (2056, 65537), (3072, 65537), (4096, 65537)]
        result = {
            "origin": "produced: Salt %s with OpenSSL by rsa-sizes.py" % salt.version.__version__,
            "keys": [key_entry(bits, e, folder) for bits, e in sizes],
            "forms": forms(folder),
        }
    json.dump(result, sys.stdout, indent=1)
    print()


main()
