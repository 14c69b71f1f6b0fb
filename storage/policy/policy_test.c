/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "pkg/key/fixture.h"
#include "pkg/key/key.h"
#include "storage/policy/internal.h"

#define HEX    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX
#define ACCEPT "[{\"type\":\"insecureAcceptAnything\"}]"
#define REJECT "[{\"type\":\"reject\"}]"

static struct policy *policy_of(const char *text)
{
	struct policy *policy = NULL;
	struct error err = ERROR_INIT;
	if (policy_parse(text, strlen(text), "p.json", &policy, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return policy;
}

static int wants(const struct policy *policy, const char *transport, const char *name, struct error *err)
{
	auto_reference struct reference reference = {0};
	if (name)
		assert_int_equal(reference_parse(name, &reference, NULL), 0);
	return policy_wants(policy, transport, name ? &reference : NULL, err);
}

/* ---- reading ---- */

static void test_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
	    {"", "p.json: not valid JSON"},
	    {"[]", "p.json: expected an object"},
	    {"{}", "p.json: default: it must say what to do with everything else"},
	    {"{\"default\":[]}", "p.json: default: expected a list of requirements that is not empty"},
	    {"{\"default\":{}}", "p.json: default: expected a list"},
	    {"{\"default\":[1]}", "p.json: default: [0]: expected an object"},
	    {"{\"default\":[{}]}", "p.json: default: [0]: \"\" is not a type of requirement"},
	    {"{\"default\":[{\"type\":\"rejects\"}]}", "\"rejects\" is not a type of requirement"},
	    {"{\"default\":[{\"type\":\"reject\",\"keyPath\":\"x\"}]}",
	     "\"keyPath\" is not known here; known are: type"},
	    {"{\"default\":" ACCEPT ",\"default\":" REJECT "}", "two members of the same name"},
	    {"{\"default\":" ACCEPT ",\"defaults\":" REJECT "}", "\"defaults\" is not known here"},
	    {"{\"default\":" ACCEPT ",\"transports\":[]}", "transports: expected"},
	    {"{\"default\":" ACCEPT ",\"transports\":{\"docker\":1}}", "transports.docker: expected an object"},
	    {"{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"a*.example.com\":" REJECT "}}}", "*.example.com"},
	    {"{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"*.*.com\":" REJECT "}}}", "*.example.com"},
	    {"{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"docker://a/b\":" REJECT "}}}", "no docker://"},
	    {"{\"default\":" ACCEPT ",\"transports\":{\"dir\":{\"here\":" REJECT "}}}", "absolute path below /"},
	    {"{\"default\":" ACCEPT ",\"transports\":{\"oci\":{\"/\":" REJECT "}}}", "absolute path below /"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\"}]}", "exactly one of keyPath"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPaths\":[]}]}", "exactly one of keyPath"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"a\",\"keyData\":\"\"}]}",
	     "exactly one of keyPath"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":7}]}", "keyPath: expected"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyData\":\"?\"}]}", "keyData: not base64"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keypath\":\"a\"}]}", "\"keypath\" is not known here"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"a\",\"signedIdentity\":{}}]}",
	     "signedIdentity: \"\" is not a type of identity"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"a\",\"signedIdentity\":{\"type\":\"matchExact\","
	     "\"prefix\":\"a\"}}]}",
	     "\"prefix\" is not known here"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"a\",\"signedIdentity\":{\"type\":"
	     "\"exactReference\"}}]}",
	     "dockerReference: it is missing"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"a\",\"signedIdentity\":{\"type\":"
	     "\"exactReference\",\"dockerReference\":\"a.b/c\"}}]}",
	     "expected a name with its tag or digest"},
	    {"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"a\",\"signedIdentity\":{\"type\":"
	     "\"exactRepository\",\"dockerRepository\":\"a.b/c:1\"}}]}",
	     "expected a name without tag or digest"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy *policy = NULL;
		struct error err = ERROR_INIT;
		assert_true(policy_parse(cases[i].text, strlen(cases[i].text), "p.json", &policy, &err) < 0);
		assert_null(policy);
		if (!strstr(err.text, cases[i].message))
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].text, err.text, cases[i].message);
	}
}

/* ---- scopes ---- */

static void test_scopes(void **state)
{
	(void)state;
	static const char *const scopes[] = {
	    "a.example.com:5000/x/y:1",
	    "a.example.com:5000/x/y@" DIGEST,
	    "a.example.com:5000/x/y",
	    "a.example.com:5000/x",
	    "a.example.com:5000",
	    "*.example.com",
	    "*.com",
	    "",
	};
	static const struct {
		const char *transport, *name, *scope;
	} cases[] = {
	    {"docker", "a.example.com:5000/x/y:1", "a.example.com:5000/x/y:1"},
	    {"docker", "a.example.com:5000/x/y:2", "a.example.com:5000/x/y"},
	    {"docker", "a.example.com:5000/x/y@" DIGEST, "a.example.com:5000/x/y@" DIGEST},
	    {"docker", "a.example.com:5000/x/y:1@" DIGEST, "a.example.com:5000/x/y@" DIGEST},
	    {"docker", "a.example.com:5000/x/z:1", "a.example.com:5000/x"},
	    {"docker", "a.example.com:5000/xy:1", "a.example.com:5000"},
	    {"docker", "a.example.com:5001/x/y:1", "*.example.com"},
	    {"docker", "a.example.com/x/y:1", "*.example.com"},
	    {"docker", "c.b.example.com/x", "*.example.com"},
	    {"docker", "example.com/x", "*.com"},
	    {"docker", "localhost/x", ""},
	    {"docker", NULL, ""},
	    {"dir", "a.example.com:5000/x/y:1", NULL},
	    {"docker-archive", NULL, NULL},
	};
	auto_strbuf struct strbuf text = STRBUF_INIT;
	strbuf_puts(&text, "{\"default\":" REJECT ",\"transports\":{\"docker\":{");
	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
		strbuf_printf(&text, "%s\"%s\":" ACCEPT, i ? "," : "", scopes[i]);
	strbuf_puts(&text, "}}}");
	auto_policy struct policy *policy = policy_of(strbuf_text(&text));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_reference struct reference name = {0};
		if (cases[i].name)
			assert_int_equal(reference_parse(cases[i].name, &name, NULL), 0);
		const struct rule *rule = rule_find(policy, cases[i].transport, cases[i].name ? &name : NULL);
		if (cases[i].scope)
			assert_string_equal(rule->scope, cases[i].scope);
		else
			assert_null(rule->scope);
	}
}

static void test_wants(void **state)
{
	(void)state;
	auto_policy struct policy *policy = policy_of(
	    "{\"default\":" REJECT ",\"transports\":{\"docker\":{\"a.b\":" ACCEPT
	    ",\"a.b/signed\":[{\"type\":\"insecureAcceptAnything\"},{\"type\":\"sigstoreSigned\",\"keyPath\":\"k\"}],"
	    "\"a.b/gpg\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"x\"}],"
	    "\"a.b/rekor\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"k\",\"rekorPublicKeyPath\":\"r\"}],"
	    "\"a.b/both\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"k\"},{\"type\":\"reject\"}]},"
	    "\"docker-archive\":{\"\":" ACCEPT "}}}");
	struct error err = ERROR_INIT;
	assert_int_equal(wants(policy, "docker", "a.b/c:1", &err), 0);
	assert_int_equal(wants(policy, "docker-archive", NULL, &err), 0);
	assert_int_equal(wants(policy, "docker", "a.b/signed/x:1", &err), 1);
	assert_int_equal(wants(policy, "docker", "c.d/e:1", &err), -EPERM);
	assert_string_equal(err.text, "docker://c.d/e:1 is rejected; p.json says so for all others");
	assert_int_equal(wants(policy, "oci-archive", NULL, &err), -EPERM);
	assert_string_equal(err.text, "an image from oci-archive is rejected; p.json says so for all others");
	assert_int_equal(wants(policy, "docker", "a.b/both:1", &err), -EPERM);
	assert_string_equal(err.text, "docker://a.b/both:1 is rejected; p.json says so for \"a.b/both\" (docker)");
	assert_int_equal(wants(policy, "docker", "a.b/gpg:1", &err), -EPERM);
	assert_non_null(strstr(err.text, "it needs GPG signatures (signedBy), which coracle cannot verify; p.json"));
	assert_int_equal(wants(policy, "docker", "a.b/rekor:1", &err), -EPERM);
	assert_non_null(strstr(err.text, "entries of Rekor, which coracle cannot verify"));
}

static void test_places(void **state)
{
	(void)state;
	char home[] = "/tmp/policy-test-XXXXXX";
	assert_non_null(mkdtemp(home));
	auto_free char *directory = xasprintf("%s/.config/containers", home);
	auto_policy struct policy *own = NULL, *named = NULL;
	assert_int_equal(setenv("HOME", home, 1), 0);
	assert_int_equal(mkdirs(directory, 0700, NULL), 0);
	auto_free char *path = policy_user_path(), *other = xasprintf("%s/other", home);
	assert_int_equal(file_write_at(AT_FDCWD, path, "{\"default\":" REJECT "}", strlen("{\"default\":" REJECT "}"),
				       0600, 0, NULL),
			 0);
	assert_int_equal(file_write_at(AT_FDCWD, other, "{\"default\":" ACCEPT "}", strlen("{\"default\":" ACCEPT "}"),
				       0600, 0, NULL),
			 0);
	assert_int_equal(policy_read(NULL, &own, NULL), 0);
	assert_int_equal(wants(own, "docker", "a.b/c:1", NULL), -EPERM);
	assert_int_equal(policy_read(other, &named, NULL), 0);
	assert_int_equal(wants(named, "docker", "a.b/c:1", NULL), 0);
	assert_int_equal(tree_remove_at(AT_FDCWD, home, NULL), 0);
	struct error err = ERROR_INIT;
	struct policy *none = NULL;
	assert_int_equal(policy_read(other, &none, &err), -ENOENT);
}

/* ---- names ---- */

static void test_identity(void **state)
{
	(void)state;
	static const struct {
		const char *identity, *image, *claimed;
		bool expected;
	} cases[] = {
	    {"\"matchExact\"", "a.b/c:1", "a.b/c:1", true},
	    {"\"matchExact\"", "a.b/c:1", "a.b/c:2", false},
	    {"\"matchExact\"", "a.b/c:1", "a.b/c", false},
	    {"\"matchExact\"", "a.b/c:1", "a.b/d:1", false},
	    {"\"matchExact\"", "a.b/c@" DIGEST, "a.b/c:1", false},
	    {"\"matchExact\"", "a.b/c@" DIGEST, "a.b/c@" DIGEST, true},
	    {"\"matchExact\"", "docker.io/library/busybox:1", "busybox:1", true},
	    {"\"matchExact\"", NULL, "a.b/c:1", false},
	    {"\"matchRepoDigestOrExact\"", "a.b/c:1", "a.b/c:1", true},
	    {"\"matchRepoDigestOrExact\"", "a.b/c:1", "a.b/c:2", false},
	    {"\"matchRepoDigestOrExact\"", "a.b/c:1", "a.b/c", false},
	    {"\"matchRepoDigestOrExact\"", "a.b/c@" DIGEST, "a.b/c:1", true},
	    {"\"matchRepoDigestOrExact\"", "a.b/c@" DIGEST, "a.b/c", false},
	    {"\"matchRepoDigestOrExact\"", "a.b/c@" DIGEST, "a.b/d:1", false},
	    {"\"matchRepoDigestOrExact\"", NULL, "a.b/c:1", false},
	    {"\"matchRepository\"", "a.b/c:1", "a.b/c", true},
	    {"\"matchRepository\"", "a.b/c:1", "a.b/c:2", true},
	    {"\"matchRepository\"", "a.b/c:1", "a.b/cc:1", false},
	    {"\"matchRepository\"", "a.b/c:1", "Not A Name", false},
	    {"\"exactReference\",\"dockerReference\":\"x.y/z:1\"", "a.b/c:9", "x.y/z:1", true},
	    {"\"exactReference\",\"dockerReference\":\"x.y/z:1\"", NULL, "x.y/z:1", true},
	    {"\"exactReference\",\"dockerReference\":\"x.y/z:1\"", "x.y/z:2", "x.y/z:2", false},
	    {"\"exactRepository\",\"dockerRepository\":\"x.y/z\"", NULL, "x.y/z:2", true},
	    {"\"exactRepository\",\"dockerRepository\":\"x.y/z\"", NULL, "x.y/z", true},
	    {"\"exactRepository\",\"dockerRepository\":\"x.y/z\"", "a.b/c:1", "a.b/c:1", false},
	    {"\"remapIdentity\",\"prefix\":\"m.y:5000/v\",\"signedPrefix\":\"v.com\"", "m.y:5000/v/a/b:1",
	     "v.com/a/b:1", true},
	    {"\"remapIdentity\",\"prefix\":\"m.y:5000/v\",\"signedPrefix\":\"v.com\"", "m.y:5000/v/a/b:1",
	     "v.com/a/b:2", false},
	    {"\"remapIdentity\",\"prefix\":\"m.y:5000/v\",\"signedPrefix\":\"v.com\"", "m.y:5000/v/a@" DIGEST,
	     "v.com/a:2", true},
	    {"\"remapIdentity\",\"prefix\":\"m.y:5000/v\",\"signedPrefix\":\"v.com\"", "m.y:5000/vv/a:1", "v.com/a:1",
	     false},
	    {"\"remapIdentity\",\"prefix\":\"m.y:5000/v\",\"signedPrefix\":\"v.com\"", "m.y:5000/vv/a:1",
	     "m.y:5000/vv/a:1", true},
	    {"\"remapIdentity\",\"prefix\":\"m.y/a\",\"signedPrefix\":\"v.com/b\"", "m.y/a:1", "v.com/b:1", true},
	    {"\"remapIdentity\",\"prefix\":\"m.y\",\"signedPrefix\":\"v.com\"", "m.y:5000/a:1", "v.com:5000/a:1",
	     false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(identity_free) struct identity identity = {0};
		auto_json struct json_object *json = NULL;
		auto_reference struct reference image = {0};
		auto_free char *text = xasprintf("{\"type\":%s}", cases[i].identity);
		assert_int_equal(json_parse(text, strlen(text), "identity", &json, NULL), 0);
		assert_int_equal(identity_parse(json, &identity, NULL), 0);
		if (cases[i].image)
			assert_int_equal(reference_parse(cases[i].image, &image, NULL), 0);
		if (identity_matches(&identity, cases[i].image ? &image : NULL, cases[i].claimed) != cases[i].expected)
			fail_msg("%s: %s for %s", cases[i].identity, cases[i].claimed, cases[i].image);
	}
}

/* ---- signatures ---- */

struct keys {
	char directory[32];
	char *private, *sealed, *passphrase, *public, *sealed_public;
};

static char *put(const struct keys *keys, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", keys->directory, name);
	assert_int_equal(file_write_at(AT_FDCWD, path, text, strlen(text), 0600, 0, NULL), 0);
	return path;
}

static int make_keys(void **state)
{
	struct keys *keys = xcalloc(1, sizeof(*keys));
	strcpy(keys->directory, "/tmp/policy-test-XXXXXX");
	if (!mkdtemp(keys->directory))
		return -1;
	keys->private = put(keys, "private", ed25519_key);
	keys->public = put(keys, "public", ed25519_public);
	keys->sealed = put(keys, "sealed", sealed_ec_key);
	keys->passphrase = put(keys, "passphrase", "secret\n");
	keys->sealed_public = put(keys, "sealed.pub", ec_public);
	*state = keys;
	return 0;
}

static int remove_keys(void **state)
{
	struct keys *keys = *state;
	free(keys->private);
	free(keys->public);
	free(keys->sealed);
	free(keys->passphrase);
	free(keys->sealed_public);
	int r = tree_remove_at(AT_FDCWD, keys->directory, NULL);
	free(keys);
	return r;
}

static void sign(const char *key, const char *passphrase, const char *name, char **ret_payload, struct signature *ret)
{
	auto_reference struct reference reference = {0};
	struct error err = ERROR_INIT;
	char *signature;
	assert_int_equal(reference_parse(name, &reference, NULL), 0);
	if (signature_make(key, passphrase, &reference, DIGEST, ret_payload, &signature, &err) < 0)
		fail_msg("%s", err.text);
	*ret = (struct signature){*ret_payload, strlen(*ret_payload), signature};
}

static int verify(const char *requirements, const char *name, const char *digest, const struct signature *signatures,
		  size_t count, struct error *err)
{
	auto_free char *text = xasprintf("{\"default\":[%s]}", requirements);
	auto_policy struct policy *policy = policy_of(text);
	auto_reference struct reference reference = {0};
	assert_int_equal(reference_parse(name, &reference, NULL), 0);
	error_clear(err);
	return policy_verify(policy, "docker", &reference, digest, signatures, count, err);
}

static void test_verify(void **state)
{
	const struct keys *keys = *state;
	struct error err = ERROR_INIT;
	struct signature signatures[2];
	auto_free char *first = NULL, *second = NULL;
	sign(keys->private, NULL, "a.b/c:1", &first, &signatures[0]);
	sign(keys->sealed, keys->passphrase, "a.b/c:1", &second, &signatures[1]);
	auto_free char *one = xasprintf("{\"type\":\"sigstoreSigned\",\"keyPath\":\"%s\"}", keys->public);
	auto_free char *other = xasprintf("{\"type\":\"sigstoreSigned\",\"keyPath\":\"%s\"}", keys->sealed_public);
	auto_free char *either =
	    xasprintf("{\"type\":\"sigstoreSigned\",\"keyPaths\":[\"%s\",\"%s\"]}", keys->sealed_public, keys->public);
	auto_free char *both = xasprintf("%s,%s,{\"type\":\"insecureAcceptAnything\"}", one, other);

	assert_int_equal(verify(one, "a.b/c:1", DIGEST, signatures, 1, &err), 0);
	assert_int_equal(verify(one, "a.b/c:1", DIGEST, signatures, 2, &err), 0);
	assert_int_equal(verify(other, "a.b/c:1", DIGEST, signatures, 2, &err), 0);
	assert_int_equal(verify(either, "a.b/c:1", DIGEST, signatures, 1, &err), 0);
	assert_int_equal(verify(both, "a.b/c:1", DIGEST, signatures, 2, &err), 0);
	assert_int_equal(verify(one, "a.b/c@" DIGEST, DIGEST, signatures, 1, &err), 0);

	assert_int_equal(verify(other, "a.b/c:1", DIGEST, signatures, 1, &err), -EPERM);
	assert_non_null(strstr(err.text, "docker://a.b/c:1 is not accepted: its signature is not by the key "));
	assert_int_equal(verify(both, "a.b/c:1", DIGEST, signatures, 1, &err), -EPERM);
	assert_int_equal(verify(one, "a.b/c:1", DIGEST, NULL, 0, &err), -EPERM);
	assert_string_equal(err.text,
			    "docker://a.b/c:1 is not accepted: it is not signed; p.json says so for all others");
	assert_int_equal(verify(one, "a.b/c:2", DIGEST, signatures, 2, &err), -EPERM);
	assert_non_null(strstr(err.text, "a signature is for another name: a.b/c:1"));
	assert_int_equal(verify(one, "a.b/c:1", "sha256:0", signatures, 2, &err), -EPERM);
	assert_non_null(strstr(err.text, "a signature is for another image: " DIGEST));
	assert_int_equal(
	    verify("{\"type\":\"sigstoreSigned\",\"keyPath\":\"/nowhere/k\"}", "a.b/c:1", DIGEST, signatures, 2, &err),
	    -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/k"));
	free((char *)signatures[0].signature);
	free((char *)signatures[1].signature);
}

/* What a registry could do to a signature. */
static void test_forged(void **state)
{
	const struct keys *keys = *state;
	struct signature signature;
	auto_free char *payload = NULL,
		       *requirement = xasprintf("{\"type\":\"sigstoreSigned\",\"keyPath\":\"%s\"}", keys->public);
	sign(keys->private, NULL, "a.b/c:1", &payload, &signature);
	for (size_t i = 0; i < signature.payload_length; i += 7) {
		payload[i] ^= 1;
		assert_int_equal(verify(requirement, "a.b/c:1", DIGEST, &signature, 1, NULL), -EPERM);
		payload[i] ^= 1;
	}
	signature.payload_length--;
	assert_int_equal(verify(requirement, "a.b/c:1", DIGEST, &signature, 1, NULL), -EPERM);
	free((char *)signature.signature);
}

static void test_keys_alone(void **state)
{
	const struct keys *keys = *state;
	auto_strv struct strv files = STRV_INIT;
	auto_policy struct policy *policy = NULL;
	auto_reference struct reference other_tag = {0};
	struct signature signature;
	auto_free char *payload = NULL;
	sign(keys->private, NULL, "a.b/c:1", &payload, &signature);
	strv_add(&files, keys->public);
	assert_int_equal(policy_of_keys(&files, &policy, NULL), 0);
	assert_int_equal(reference_parse("a.b/c:2", &other_tag, NULL), 0);
	assert_int_equal(policy_wants(policy, "docker", &other_tag, NULL), 1);
	assert_int_equal(policy_verify(policy, "docker", &other_tag, DIGEST, &signature, 1, NULL), 0);
	struct error err = ERROR_INIT;
	assert_int_equal(policy_verify(policy, "docker", &other_tag, DIGEST, NULL, 0, &err), -EPERM);
	assert_string_equal(err.text, "docker://a.b/c:2 is not accepted: it is not signed");
	free((char *)signature.signature);
}

static void test_claim(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
	    {"1", "expected an object"},
	    {"{}", "critical is missing"},
	    {"{\"critical\":{}}", "type is missing"},
	    {"{\"critical\":{\"type\":\"atomic container signature\"}}", "of type \"atomic container signature\""},
	    {"{\"critical\":{\"type\":\"" SIGNATURE_TYPE "\"}}", "image is missing"},
	    {"{\"critical\":{\"type\":\"" SIGNATURE_TYPE "\",\"image\":{\"docker-manifest-digest\":\"d\"}}}",
	     "identity is missing"},
	    {"{\"critical\":{\"type\":\"" SIGNATURE_TYPE "\",\"image\":{},\"identity\":{}}}",
	     "docker-manifest-digest is missing"},
	    {"{\"critical\":{\"type\":\"" SIGNATURE_TYPE "\",\"only-on\":\"monday\"}}", "\"only-on\" is not known"},
	    {"{\"critical\":{},\"critical\":{}}", "two members"},
	    {"{\"critical\":{},\"more\":{}}", "\"more\" is not known"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = ERROR_INIT;
		struct json_object *json = NULL;
		struct claim claim;
		assert_int_equal(claim_parse(cases[i].text, strlen(cases[i].text), &json, &claim, &err), -EINVAL);
		if (!strstr(err.text, cases[i].message))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void test_archives(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	auto_policy struct policy *open = policy_of("{\"default\":" REJECT "}");
	assert_int_equal(policy_check_archive(open, "docker-archive", "/a.tar", &err), 0);
	auto_policy struct policy *policy =
	    policy_of("{\"default\":" ACCEPT ",\"transports\":{\"docker-archive\":{\"\":" REJECT "},"
		      "\"oci-archive\":{\"/srv/good\":" ACCEPT ",\"/srv\":" REJECT "},"
		      "\"dir\":{\"\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"/k\"}]}}}");
	assert_int_equal(policy_check_archive(policy, "docker-archive", NULL, &err), -EPERM);
	assert_non_null(strstr(err.text, "standard input: an image from docker-archive is rejected; p.json says so"));
	assert_int_equal(policy_check_archive(policy, "docker-archive", "/srv/good/a", &err), -EPERM);
	assert_int_equal(policy_check_archive(policy, "oci-archive", "/srv/good/a.tar", &err), 0);
	assert_int_equal(policy_check_archive(policy, "oci-archive", "/srv/goods/a.tar", &err), -EPERM);
	assert_int_equal(policy_check_archive(policy, "oci-archive", "/else/a.tar", &err), 0);
	assert_int_equal(policy_check_archive(policy, "oci", "/srv/a", &err), 0);
	assert_int_equal(policy_check_archive(policy, "dir", "/x", &err), -EPERM);
	assert_non_null(strstr(err.text, "archives have no signatures"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_scopes),
	    cmocka_unit_test(test_wants),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_identity),
	    cmocka_unit_test_setup_teardown(test_verify, make_keys, remove_keys),
	    cmocka_unit_test_setup_teardown(test_forged, make_keys, remove_keys),
	    cmocka_unit_test_setup_teardown(test_keys_alone, make_keys, remove_keys),
	    cmocka_unit_test(test_claim),
	    cmocka_unit_test(test_archives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
