#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sigstore-key.py PASSPHRASE LABEL KEY.pem: writes the private key as cosign (LABEL is COSIGN) or skopeo (SIGSTORE) keeps it, to standard output."""
import base64
import hashlib
import json
import os
import subprocess
import sys

from nacl.secret import SecretBox  # Debian's python3-nacl

passphrase, label, path = sys.argv[1:]
der = subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", path, "-outform", "DER"], check=True, capture_output=True).stdout
parameters = {"N": 32768, "r": 8, "p": 1}
salt, nonce = os.urandom(32), os.urandom(SecretBox.NONCE_SIZE)
key = hashlib.scrypt(passphrase.encode(), salt=salt, n=parameters["N"], r=parameters["r"], p=parameters["p"], maxmem=1 << 27, dklen=32)
encode = lambda data: base64.b64encode(data).decode()
text = encode(json.dumps({
    "kdf": {"name": "scrypt", "params": parameters, "salt": encode(salt)},
    "cipher": {"name": "nacl/secretbox", "nonce": encode(nonce)},
    "ciphertext": encode(SecretBox(key).encrypt(der, nonce).ciphertext),
}).encode())
print(f"-----BEGIN ENCRYPTED {label} PRIVATE KEY-----")
for i in range(0, len(text), 64):
    print(text[i:i + 64])
print(f"-----END ENCRYPTED {label} PRIVATE KEY-----")
