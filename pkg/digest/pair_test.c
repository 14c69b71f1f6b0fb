/* SPDX-License-Identifier: Apache-2.0 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "pkg/digest/pair.h"
#include "pkg/digest/sha256.h"
#include "pkg/text/text.h"

/* Numbers that look random and are always the same. */
static unsigned int next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return (unsigned int)(*seed >> 33);
}

/* FIPS 180-4's own examples, of no block, one and two, and a million bytes. */
static void knows_the_standards_examples(void **state)
{
	static const struct {
		const char *text, *digest;
	} examples[] = {
	    {"", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	     "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	struct digest_pair *pair = NULL;
	unsigned char raw[DIGEST_SHA256_SIZE];
	char text[DIGEST_TEXT_MAX];
	(void)state;
	assert_int_equal(digest_pair_new(&pair, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		assert_int_equal(digest_pair_update(pair, true, examples[i].text, strlen(examples[i].text), NULL), 0);
		digest_pair_end_part(pair, raw, NULL);
		digest_text(raw, text);
		assert_string_equal(text, examples[i].digest);
		digest_pair_end(pair, raw, NULL);
		digest_text(raw, text);
		assert_string_equal(text, examples[i].digest);
	}
	char letters[1000];
	memset(letters, 'a', sizeof(letters));
	for (int i = 0; i < 1000; i++)
		digest_pair_update(pair, i % 3 == 0, letters, sizeof(letters), NULL);
	digest_pair_end(pair, raw, NULL);
	digest_text(raw, text);
	assert_string_equal(text, "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	digest_pair_free(pair);
}

/* Bytes in pieces of all lengths, parts that begin anywhere: as OpenSSL has it. */
static void is_what_openssl_makes(void **state)
{
	static unsigned char data[20000];
	struct digest_pair *pair = NULL, *other = NULL;
	unsigned char raw[DIGEST_SHA256_SIZE], expected[DIGEST_SHA256_SIZE];
	uint64_t seed = 1;
	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)next(&seed);
	assert_int_equal(digest_pair_new(&pair, NULL), 0);
	assert_int_equal(digest_pair_new(&other, NULL), 0);
	digest_pair_forgo_native(other);
	for (int turn = 0; turn < 2000; turn++) {
		unsigned int longest = turn % 3 == 0 ? 70 : turn % 3 == 1 ? 300 : 5000, pieces = next(&seed) % 8;
		for (unsigned int i = 0; i < pieces; i++) {
			size_t length = next(&seed) % longest, offset = next(&seed) % (sizeof(data) - length);
			bool part = next(&seed) % 2;
			digest_pair_update(pair, part, data + offset, length, NULL);
			digest_pair_update(other, part, data + offset, length, NULL);
			if (next(&seed) % 3 != 0)
				continue;
			digest_pair_end_part(pair, raw, NULL);
			digest_pair_end_part(other, expected, NULL);
			assert_memory_equal(raw, expected, sizeof(raw));
		}
		digest_pair_end(pair, raw, NULL);
		digest_pair_end(other, expected, NULL);
		assert_memory_equal(raw, expected, sizeof(raw));
	}
	digest_pair_free(pair);
	digest_pair_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_the_standards_examples),
	    cmocka_unit_test(is_what_openssl_makes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
