/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/dns/dns.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* ---- names ---- */

static void test_names_from_text(void **state)
{
	(void)state;
	unsigned char name[DNS_NAME_MAX];
	assert_int_equal(dns_name_from_text("Web.Example", name), 13);
	assert_memory_equal(name, "\3web\7example", 13);
	assert_int_equal(dns_name_from_text("web.example.", name), 13);
	assert_int_equal(dns_name_from_text("my_app-1", name), 10);

	assert_int_equal(dns_name_from_text("", name), 0);
	assert_int_equal(dns_name_from_text(".", name), 0);
	assert_int_equal(dns_name_from_text("a..b", name), 0);
	assert_int_equal(dns_name_from_text(".a", name), 0);
	char label[80];
	memset(label, 'x', sizeof(label));
	label[63] = '\0';
	assert_int_equal(dns_name_from_text(label, name), 65);
	label[63] = 'x', label[64] = '\0';
	assert_int_equal(dns_name_from_text(label, name), 0);
}

static void test_longest_name(void **state)
{
	(void)state;
	unsigned char name[DNS_NAME_MAX];
	char text[300];
	memset(text, 'a', sizeof(text));
	for (size_t i = 1; i < sizeof(text); i += 2)
		text[i] = '.';
	text[253] = '\0';
	assert_int_equal(dns_name_from_text(text, name), 255);
	text[253] = '.', text[254] = 'a', text[255] = '\0';
	assert_int_equal(dns_name_from_text(text, name), 0);
}

static void test_below_a_domain(void **state)
{
	(void)state;
	unsigned char name[DNS_NAME_MAX], domain[DNS_NAME_MAX];
	size_t domain_length = dns_name_from_text("dns.podman", domain);
	size_t length = dns_name_from_text("web.dns.podman", name);
	length = dns_name_below(name, length, domain, domain_length);
	assert_int_equal(length, 5);
	assert_memory_equal(name, "\3web", 5);

	static const char *const outside[] = {"dns.podman", "webdns.podman", "podman", "web.dns.podman.org"};
	for (size_t i = 0; i < 4; i++) {
		length = dns_name_from_text(outside[i], name);
		assert_int_equal(dns_name_below(name, length, domain, domain_length), 0);
	}
	/* The octets of the domain, but not at the beginning of a label. */
	static const unsigned char trap[] = "\14a\3dns\6podman";
	memcpy(name, trap, sizeof(trap));
	assert_int_equal(dns_name_below(name, sizeof(trap), domain, domain_length), 0);
}

static bool reverse(const char *text, int *family, unsigned char address[16])
{
	unsigned char name[DNS_NAME_MAX];
	size_t length = dns_name_from_text(text, name);
	return dns_name_is_reverse(name, length, family, address);
}

static void test_reverse_names(void **state)
{
	(void)state;
	int family = 0;
	unsigned char address[16];
	assert_true(reverse("3.0.89.10.in-addr.arpa", &family, address));
	assert_int_equal(family, AF_INET);
	assert_memory_equal(address, "\12\131\0\3", 4);
	assert_true(
	    reverse("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.D.F.IP6.ARPA", &family, address));
	assert_int_equal(family, AF_INET6);
	assert_memory_equal(address, "\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 16);

	static const char *const none[] = {
	    "in-addr.arpa",
	    "10.in-addr.arpa",
	    "256.0.89.10.in-addr.arpa",
	    "03.0.89.10.in-addr.arpa",
	    "x.0.89.10.in-addr.arpa",
	    "1.3.0.89.10.in-addr.arpa",
	    "1.0.d.f.ip6.arpa",
	    "example.org",
	    "1.2.3.4",
	    "0000.0.89.10.in-addr.arpa",
	};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(reverse(none[i], &family, address));
}

/* ---- queries ---- */
#define HEADER(flags, questions, additional)                                                                           \
	"\x12\x34" flags "\0" questions "\0\0\0\0"                                                                     \
	"\0" additional
#define QUESTION "\3Web\7example\0\0\1\0\1"
#define OPT      "\0\0\x29\x10\0\0\0\0\0\0\0"

static void test_query(void **state)
{
	(void)state;
	static const unsigned char message[] = HEADER("\1\0", "\1", "\0") QUESTION;
	struct dns_query query;
	assert_int_equal(dns_parse_query(message, sizeof(message) - 1, &query), 0);
	assert_int_equal(query.error, DNS_NOERROR);
	assert_int_equal(query.id, 0x1234);
	assert_int_equal(query.question.length, 13);
	assert_memory_equal(query.question.name, "\3Web\7example", 13);
	assert_int_equal(query.question.type, DNS_TYPE_A);
	assert_int_equal(query.question.class, DNS_CLASS_IN);
	assert_false(query.edns);
	assert_int_equal(query.udp_size, DNS_UDP_MAX);
	/* Every shorter one is an error, and read no further than it is long. */
	for (size_t length = 0; length < sizeof(message) - 1; length++) {
		unsigned char *copy = malloc(length ? length : 1);
		memcpy(copy, message, length);
		int r = dns_parse_query(copy, length, &query);
		assert_int_equal(r, length < DNS_HEADER_SIZE ? -EBADMSG : 0);
		if (r == 0)
			assert_int_equal(query.error, DNS_FORMERR);
		free(copy);
	}
}

static void test_edns(void **state)
{
	(void)state;
	static const unsigned char message[] = HEADER("\1\0", "\1", "\1") QUESTION OPT;
	struct dns_query query;
	assert_int_equal(dns_parse_query(message, sizeof(message) - 1, &query), 0);
	assert_int_equal(query.error, DNS_NOERROR);
	assert_true(query.edns);
	assert_int_equal(query.udp_size, 4096);
	static const unsigned char twice[] = HEADER("\1\0", "\1", "\2") QUESTION OPT OPT;
	assert_int_equal(dns_parse_query(twice, sizeof(twice) - 1, &query), 0);
	assert_int_equal(query.error, DNS_FORMERR);
	static const unsigned char later[] = HEADER("\1\0", "\1", "\1") QUESTION "\0\0\x29\x10\0\0\1\0\0\0\0";
	assert_int_equal(dns_parse_query(later, sizeof(later) - 1, &query), 0);
	assert_int_equal(query.error, DNS_BADVERS);
	/* A size below 512 means 512. */
	static const unsigned char small[] = HEADER("\1\0", "\1", "\1") QUESTION "\0\0\x29\0\1\0\0\0\0\0\0";
	assert_int_equal(dns_parse_query(small, sizeof(small) - 1, &query), 0);
	assert_int_equal(query.udp_size, DNS_UDP_MAX);
}

static enum dns_rcode error_of(const void *message, size_t length)
{
	struct dns_query query;
	unsigned char *copy = malloc(length);
	memcpy(copy, message, length);
	int r = dns_parse_query(copy, length, &query);
	free(copy);
	assert_int_equal(r, 0);
	return query.error;
}
#define ERROR_OF(text) error_of((text), sizeof(text) - 1)

static void test_hostile_queries(void **state)
{
	(void)state;
	/* A name that is a pointer to itself, to a pointer, behind the end; a label type that nobody has. */
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\1", "\0") "\xc0\x0c\0\1\0\1"), DNS_FORMERR);
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\1", "\0") "\xc0\x0e\xc0\x0c\0\1\0\1"), DNS_FORMERR);
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\1", "\0") "\1a\xc0\x0c\0\1\0\1"), DNS_FORMERR);
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\1", "\0") "\xff\xff\0\1\0\1"), DNS_FORMERR);
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\1", "\0") "\x80\0\0\1\0\1"), DNS_FORMERR);
	/* A label, a record longer than the message. */
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\1", "\0") "\x3fweb\0\0\1\0\1"), DNS_FORMERR);
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\1", "\1") QUESTION "\0\0\x29\x10\0\0\0\0\0\xff\xff"), DNS_FORMERR);
	/* Records that are promised and not there. */
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\1", "\xff") QUESTION OPT), DNS_FORMERR);
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\0", "\0")), DNS_FORMERR);
	assert_int_equal(ERROR_OF(HEADER("\1\0", "\2", "\0") QUESTION QUESTION), DNS_FORMERR);
	assert_int_equal(ERROR_OF(HEADER("\x28\0", "\1", "\0") QUESTION), DNS_NOTIMP);
	/* An answer must not be answered. */
	static const unsigned char answer[] = HEADER("\x81\0", "\1", "\0") QUESTION;
	struct dns_query query;
	assert_int_equal(dns_parse_query(answer, sizeof(answer) - 1, &query), -EBADMSG);
}

/* Whatever comes is read within its bounds (a sanitizer sees when not), and what is understood can be answered. */
static void test_random_messages(void **state)
{
	(void)state;
	static const unsigned char seed[] = HEADER("\1\0", "\1", "\1") QUESTION OPT;
	unsigned random = 1;
	for (int i = 0; i < 200000; i++) {
		size_t length = sizeof(seed) - 1;
		unsigned char *message = malloc(length);
		memcpy(message, seed, length);
		for (int change = 0; change < 3; change++) {
			random = random * 1103515245 + 12345;
			message[(random >> 16) % length] = (unsigned char)(random >> 8);
		}
		length -= (random >> 20) % 8;
		struct dns_query query;
		struct dns_answer answer;
		unsigned char out[DNS_UDP_MAX];
		if (dns_parse_query(message, length, &query) == 0) {
			struct dns_reply reply = dns_reply_begin(&query, query.error, out, sizeof(out));
			dns_reply_add(&reply, DNS_TYPE_A, 1, "\1\2\3\4", 4);
			size_t written = dns_reply_end(&reply);
			assert_true(written <= sizeof(out));
			if (query.has_question)
				assert_int_equal(dns_parse_answer(out, written, &answer),
						 query.error == DNS_NOTIMP ? -EBADMSG : 0);
		}
		(void)dns_parse_answer(message, length, &answer);
		free(message);
	}
}

/* ---- answers ---- */

static void test_reply(void **state)
{
	(void)state;
	static const unsigned char message[] = HEADER("\1\0", "\1", "\1") QUESTION OPT;
	struct dns_query query;
	assert_int_equal(dns_parse_query(message, sizeof(message) - 1, &query), 0);
	unsigned char out[DNS_UDP_MAX];
	struct dns_reply reply = dns_reply_begin(&query, DNS_NOERROR, out, sizeof(out));
	dns_reply_add(&reply, DNS_TYPE_A, 5, "\12\131\0\2", 4);
	size_t length = dns_reply_end(&reply);
	static const unsigned char expected[] =
	    "\x12\x34\x81\x80\0\1\0\1\0\0\0\1" QUESTION "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\12\131\0\2"
	    "\0\0\x29\4\xd0\0\0\0\0\0\0";
	assert_int_equal(length, sizeof(expected) - 1);
	assert_memory_equal(out, expected, length);

	struct dns_answer answer;
	assert_int_equal(dns_parse_answer(out, length, &answer), 0);
	assert_int_equal(answer.id, 0x1234);
	assert_false(answer.truncated);
	assert_true(dns_question_equal(&answer.question, &query.question));
	answer.question.name[1] = 'w'; /* to the letter */
	assert_false(dns_question_equal(&answer.question, &query.question));
}

static void test_full_reply(void **state)
{
	(void)state;
	static const unsigned char message[] = HEADER("\1\0", "\1", "\1") QUESTION OPT;
	struct dns_query query;
	assert_int_equal(dns_parse_query(message, sizeof(message) - 1, &query), 0);
	unsigned char out[DNS_UDP_MAX];
	struct dns_reply reply = dns_reply_begin(&query, DNS_NOERROR, out, sizeof(out));
	for (int i = 0; i < 100; i++)
		dns_reply_add(&reply, DNS_TYPE_AAAA, 5, "0123456789abcdef", 16);
	size_t length = dns_reply_end(&reply);
	assert_true(length <= sizeof(out));
	struct dns_answer answer;
	assert_int_equal(dns_parse_answer(out, length, &answer), 0);
	assert_true(answer.truncated);
	assert_int_equal(out[7], 16); /* (512 - 29 - 11) / 28 */

	length = dns_truncate(out, &answer);
	assert_int_equal(length, 29);
	assert_int_equal(dns_parse_answer(out, length, &answer), 0);
	assert_true(answer.truncated);
	assert_memory_equal(out + 4, "\0\1\0\0\0\0\0\0", 8);
}

static void test_bad_version(void **state)
{
	(void)state;
	static const unsigned char message[] = HEADER("\1\0", "\1", "\1") QUESTION "\0\0\x29\x10\0\0\1\0\0\0\0";
	struct dns_query query;
	assert_int_equal(dns_parse_query(message, sizeof(message) - 1, &query), 0);
	unsigned char out[DNS_UDP_MAX];
	struct dns_reply reply = dns_reply_begin(&query, query.error, out, sizeof(out));
	size_t length = dns_reply_end(&reply);
	assert_int_equal(out[3] & 15, 0);
	assert_int_equal(out[length - 6], 1); /* the upper bits of 16 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names_from_text), cmocka_unit_test(test_longest_name),
	    cmocka_unit_test(test_below_a_domain),  cmocka_unit_test(test_reverse_names),
	    cmocka_unit_test(test_query),           cmocka_unit_test(test_edns),
	    cmocka_unit_test(test_hostile_queries), cmocka_unit_test(test_random_messages),
	    cmocka_unit_test(test_reply),           cmocka_unit_test(test_full_reply),
	    cmocka_unit_test(test_bad_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
