/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/key/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "pkg/key/fixture.h"
#include "pkg/text/text.h"

static struct key *public_key(const char *text)
{
	struct key *key = NULL;
	struct error err = ERROR_INIT;
	if (key_parse_public(text, strlen(text), "test.pub", &key, &err) < 0)
		fail_msg("%s", err.text);
	return key;
}

static struct key *private_key(const char *text, const char *passphrase)
{
	struct key *key = NULL;
	struct error err = ERROR_INIT;
	if (key_parse_private(text, strlen(text), "test.key", passphrase, &key, &err) < 0)
		fail_msg("%s", err.text);
	return key;
}

/* Signatures that openssl(1) has made. */
static void test_verify(void **state)
{
	(void)state;
	static const struct {
		const char *key, *signature;
	} cases[] = {{ec_public, ec_signature}, {ed25519_public, ed25519_signature}, {rsa_public, rsa_signature}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_key struct key *key = public_key(cases[i].key);
		assert_int_equal(key_verify(key, "hello", 5, cases[i].signature), 1);
		assert_int_equal(key_verify(key, "hullo", 5, cases[i].signature), 0);
		assert_int_equal(key_verify(key, "hello", 4, cases[i].signature), 0);
		assert_int_equal(key_verify(key, "hello", 5, cases[(i + 1) % ARRAY_SIZE(cases)].signature), 0);
		assert_int_equal(key_verify(key, "hello", 5, ""), 0);
		assert_int_equal(key_verify(key, "hello", 5, "no base64"), 0);
	}
}

/* EC and RSA keys of any form in which openssl(1) writes them. */
static void write_key(EVP_PKEY *pkey, bool old_form, const char *passphrase, struct strbuf *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const EVP_CIPHER *cipher = passphrase ? EVP_aes_256_cbc() : NULL;
	unsigned char *word = (unsigned char *)(uintptr_t)passphrase;
	int length = passphrase ? (int)strlen(passphrase) : 0;
	char *data;
	assert_int_equal((old_form ? PEM_write_bio_PrivateKey_traditional
				   : PEM_write_bio_PrivateKey)(bio, pkey, cipher, word, length, NULL, NULL),
			 1);
	long size = BIO_get_mem_data(bio, &data);
	strbuf_add(ret, data, (size_t)size);
	BIO_free(bio);
}

static void signs(const char *text, const char *passphrase, const char *public)
{
	auto_key struct key *private = private_key(text, passphrase), *other = public_key(public);
	auto_free char *signature = NULL;
	assert_int_equal(key_sign(private, "data", 4, &signature, NULL), 0);
	assert_int_equal(key_verify(other, "data", 4, signature), 1);
	assert_int_equal(key_verify(other, "date", 4, signature), 0);
}

static void test_sign(void **state)
{
	(void)state;
	EVP_PKEY *keys[] = {EVP_EC_gen("P-256"), EVP_RSA_gen(2048), EVP_EC_gen("P-384")};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		BIO *bio = BIO_new(BIO_s_mem());
		char *public;
		assert_int_equal(PEM_write_bio_PUBKEY(bio, keys[i]), 1);
		BIO_write(bio, "", 1);
		BIO_get_mem_data(bio, &public);
		for (int form = 0; form < 4; form++) {
			auto_strbuf struct strbuf text = STRBUF_INIT;
			const char *passphrase = form & 2 ? "open sesame" : NULL;
			write_key(keys[i], form & 1, passphrase, &text);
			signs(strbuf_text(&text), passphrase, public);
		}
		BIO_free(bio);
		EVP_PKEY_free(keys[i]);
	}
	signs(ed25519_key, NULL, ed25519_public);
	signs(ed25519_key, "not needed", ed25519_public);
	signs(sealed_ec_key, "secret", ec_public);
}

static void refuses(const char *text, const char *passphrase, int errnum, const char *message)
{
	struct error err = ERROR_INIT;
	struct key *key = NULL;
	assert_int_equal(key_parse_private(text, strlen(text), "my.key", passphrase, &key, &err), -errnum);
	if (!strstr(err.text, message))
		fail_msg("\"%s\" is not \"%s\"", err.text, message);
	assert_null(key);
}

static void test_refuses(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct key *key = NULL;
	refuses("", NULL, EINVAL, "my.key: there is no private key in it");
	refuses(ec_public, NULL, EINVAL, "my.key: there is no private key in it");
	refuses(sealed_ec_key, "wrong", EACCES, "my.key: the passphrase is not that of the key");
	refuses(sealed_ec_key, NULL, EACCES, "my.key: the key is encrypted, and needs its passphrase");
	refuses("-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n", NULL, EINVAL, "my.key: the PEM block");
	assert_int_equal(key_parse_public(ed25519_key, strlen(ed25519_key), "k", &key, &err), -EINVAL);
	assert_int_equal(key_parse_public("", 0, "k", &key, &err), -EINVAL);
	EVP_PKEY *small = EVP_RSA_gen(1024);
	auto_strbuf struct strbuf text = STRBUF_INIT, locked = STRBUF_INIT;
	write_key(small, false, NULL, &text);
	write_key(small, false, "word", &locked);
	refuses(strbuf_text(&text), NULL, EINVAL, "RSA of at least 2048 bits");
	refuses(strbuf_text(&locked), NULL, EACCES, "needs its passphrase");
	refuses(strbuf_text(&locked), "words", EACCES, "is not that of the key");
	EVP_PKEY_free(small);
}

/* What a sealed key asks for is bounded, and what it is made of is checked. */
static void test_sealed(void **state)
{
	(void)state;
	static const struct {
		const char *json, *message;
		int errnum;
	} cases[] = {
	    {"[]", "my.key: ", EINVAL},
	    {"{}", "encrypted with", EOPNOTSUPP},
	    {"{\"kdf\":{\"name\":\"argon2\"}}", "encrypted with \"argon2\"; only scrypt", EOPNOTSUPP},
	    {"{\"kdf\":{\"name\":\"scrypt\"}}", "parameters of scrypt are missing", EINVAL},
	    {"{\"kdf\":{\"name\":\"scrypt\",\"params\":{\"N\":1099511627776,\"r\":8,\"p\":1},\"salt\":\"\"}}",
	     "N: ", ERANGE},
	    {"{\"kdf\":{\"name\":\"scrypt\",\"params\":{\"N\":1024,\"r\":8,\"p\":1},\"salt\":\"??\"}}",
	     "salt: expected base64", EINVAL},
	    {"{\"kdf\":{\"name\":\"scrypt\",\"params\":{\"N\":1024,\"r\":8,\"p\":1},\"salt\":\"AAAA\"},"
	     "\"cipher\":{\"name\":\"nacl/secretbox\",\"nonce\":\"AAAA\"},\"ciphertext\":\"AAAA\"}",
	     "not whole", EINVAL},
	    {"{\"kdf\":{\"name\":\"scrypt\",\"params\":{\"N\":1048576,\"r\":64,\"p\":1},\"salt\":\"AAAA\"},"
	     "\"cipher\":{\"name\":\"nacl/secretbox\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},"
	     "\"ciphertext\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
	     "not valid", EINVAL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		BIO *bio = BIO_new(BIO_s_mem());
		char *data;
		PEM_write_bio(bio, "ENCRYPTED SIGSTORE PRIVATE KEY", "", (const unsigned char *)cases[i].json,
			      (long)strlen(cases[i].json));
		BIO_write(bio, "", 1);
		BIO_get_mem_data(bio, &data);
		refuses(data, "secret", cases[i].errnum, cases[i].message);
		BIO_free(bio);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verify),
	    cmocka_unit_test(test_sign),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_sealed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
