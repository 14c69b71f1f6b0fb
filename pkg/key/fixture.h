/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys for tests, of no other use: made by openssl(1), the sealed one with PyNaCl and Python's hashlib.scrypt, and
 * signatures of "hello" by openssl(1).
 */
#pragma once

/* An EC key in cosign's form; its passphrase is "secret" */
static const char sealed_ec_key[] __attribute__((unused)) =
    "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n"
    "eyJrZGYiOiB7Im5hbWUiOiAic2NyeXB0IiwgInBhcmFtcyI6IHsiTiI6IDIwNDgs\n"
    "ICJyIjogOCwgInAiOiAxfSwgInNhbHQiOiAiSXJsaWRXQUF2Z3dyNlIzYnFQUXZ2\n"
    "M2hBNmkyZ0FyRW04ZkJjclM2WW5iTT0ifSwgImNpcGhlciI6IHsibmFtZSI6ICJu\n"
    "YWNsL3NlY3JldGJveCIsICJub25jZSI6ICJTZVBFV3dsS2FKa25YVG1tRFBibHVX\n"
    "ZEV5T3JwRjBEciJ9LCAiY2lwaGVydGV4dCI6ICJ6bzVmMzIxY0Fxc1BZanhVU2Y2\n"
    "bjA2ZHU5UW0yWW5yakRrYWVVZzBsQVlaM095MEhYcndPTWM1d2p4ODZtSENZb2ph\n"
    "WmJDUmdveEkxaEFkY1lhRzFIL29odFNpUmJBTUdvSGd3R2FHN0ZMQkpkd1VHL1gz\n"
    "WU54TFlvUEtLWitCYWtXVkZ6SCtxSUZUcm5oa0Vlc2xGZzFUbUd5V0FySTdkakVs\n"
    "c2Z1TVRiWGxMU3o1ekI5SHcwT25hclhCZU9YcUtvRWs4MkxsVnl3eFBmdz09In0=\n"
    "-----END ENCRYPTED COSIGN PRIVATE KEY-----\n";
/* The same key's public half */
static const char ec_public[] __attribute__((unused)) =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExv0oX8htH2wmDs5eTb5ur/VcV+8Z\n"
    "iZRu1tXRFiJ74IN5acswJeBo4+WtURXqIf1Z7tjDj9LZzlGTosaJ0P62LQ==\n"
    "-----END PUBLIC KEY-----\n";
/* By it */
static const char ec_signature[] __attribute__((unused)) =
    "MEQCICBo5/1zFHJ3Cp5xwm2TBAT5PxJxXbnmotvBNz9fDulTAiA4HFm49B78os93ppWBlE5yGsos"
    "lvZ7jluXQYDqekjzpQ==";
/* Ed25519 */
static const char ed25519_key[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIGBruMmauccuuiR4/qX+IAIzzW7fb1FOO31Br2wgOWMQ\n"
    "-----END PRIVATE KEY-----\n";
/* Its public half */
static const char ed25519_public[] __attribute__((unused)) =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAV/wkNmicoP97HfKr0oUCOZdfh3WCg4dkT6/J3tPDJao=\n"
    "-----END PUBLIC KEY-----\n";
/* By it */
static const char ed25519_signature[] __attribute__((unused)) =
    "8txWE8LRAjAGFS6d8aFLDmvF9W5CKzy6Ktvsw2vklbqIU/wWTrz/25o1oFQI1jfI9jBKp+Gj4yVJ"
    "NyX2iGR7Bg==";
/* RSA, 2048 bits */
static const char rsa_public[] __attribute__((unused)) =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0xQtMU7jSDBgTk/ctNUp\n"
    "DkCQWMNeIFHoUB0n+KVMO4pMR/60fTlwFyimslM3L4C5BQaATGbvhdEs235ANFZG\n"
    "heIjga/ODur1VGbSINDU21EOeg/evs6I8H/eb6fW87A4wUnbb11YVnvaEVbBBKIh\n"
    "2RtGw2J2HATOPh2aDXsTXatKUml+DWWBzoHFd44LMEi/QwOhyc+7I+wS4wl79epV\n"
    "zaFeLPYp0I7b3ewbmqIsecGnToJbHpk34muhOYF9bRKpzB7rcC5iicQAp8n0S6i2\n"
    "ZOyhjDOMRysYaMs3QZLGvy6hrliuLMeatR0nk555JDoFCfERIjkDjeyFEzpAfLNm\n"
    "uwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
/* By it */
static const char rsa_signature[] __attribute__((unused)) =
    "H51xWEh251Xwxz8AZVl5WJiowu2GrIV3VDUPsyg9/OmwieziLe+tGwnrXPTKsEsFv4qx2TZg491+"
    "Nr6h64zwmXLAWBkhAFDCozRkOUwKrdl64MhcB6XJHgHB5ku1rvOTFvaSkEy4ZFDtvI+o+CMg63Jf"
    "rUA3+pPgEsurxaqYdB93fM6zUT2/y7a5Xobo7uuff3yMjMc2dKbIR8hJAxq8UyX+zymHWetow9xQ"
    "qUKUBw6R/+HxAYtNx5pXb5LFJxvMkRks7Ku+LcEDimpxSXjHOHmvLsbsUFj/AzMZtXOjtQ0Q2h87"
    "KMaSA+nlbYDaB55HPfiCY+pOXp6c373Vg5q3eQ==";
