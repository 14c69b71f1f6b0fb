/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * Any bytes as a policy, which is then asked for some images; as what a signature signs; and as a public key.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=gnu17 -D_GNU_SOURCE -I. -DCORACLE_VERSION='"0"' \
 *		-o build/policy_fuzz \
 *		$(ls {storage/{policy,reference},pkg/{key,base64,json,file,text,error}}/[a-z]*.c | grep -v _test.c) \
 *		-ljson-c -lcrypto -lsodium
 *	mkdir -p build/corpus/policy
 *	build/policy_fuzz -max_len=4096 -timeout=20 build/corpus/policy storage/policy/corpus
 */
/* clang-format on */
#include <stdint.h>
#include <string.h>

#include "pkg/key/key.h"
#include "storage/policy/internal.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct policy *policy)
{
	static const struct {
		const char *transport, *name;
	} images[] = {{"docker", "a.example.com:5000/b/c:1"}, {"docker", "a.b/c@" DIGEST}, {"dir", NULL}};
	const struct signature signature = {"{}", 2, "AAAA"};
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		auto_reference struct reference reference = {0};
		struct error err = ERROR_INIT;
		if (images[i].name && reference_parse(images[i].name, &reference, NULL) < 0)
			abort();
		const struct reference *name = images[i].name ? &reference : NULL;
		int wanted = policy_wants(policy, images[i].transport, name, &err);
		/* What is not wanted to be signed is accepted without, and what is, is not. */
		int accepted = policy_verify(policy, images[i].transport, name, DIGEST, &signature, 1, &err);
		if ((wanted == 0) != (accepted == 0))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_policy struct policy *policy = NULL;
	auto_json struct json_object *json = NULL;
	auto_key struct key *key = NULL;
	struct claim claim;
	struct error err = ERROR_INIT;
	/* A policy may name any file as its key: none that is there. */
	for (char *slash = text; (slash = strchr(slash, '/')); slash++)
		*slash = '.';
	if (policy_parse(text, strlen(text), "policy.json", &policy, &err) == 0)
		ask(policy);
	if (claim_parse((const char *)data, size, &json, &claim, &err) == 0 && (!claim.digest || !claim.name))
		abort();
	key_parse_public((const char *)data, size, "key", &key, &err);
	return 0;
}
