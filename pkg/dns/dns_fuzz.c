/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a query and as an answer: a name that was read is one, and what is written for it is an answer to it. */
#include "pkg/dns/dns.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const struct dns_query *query)
{
	static const unsigned char address[16] = {1};
	unsigned char message[DNS_UDP_SIZE];
	struct dns_answer read;
	struct dns_reply reply = dns_reply_begin(query, query->error, message, DNS_UDP_MAX);
	for (int i = 0; i < 100; i++)
		dns_reply_add(&reply, DNS_TYPE_AAAA, 60, address, sizeof(address));
	size_t length = dns_reply_end(&reply);
	if (length > DNS_UDP_MAX)
		abort();
	if (query->has_question && dns_parse_answer(message, length, &read) == 0 &&
	    !dns_question_equal(&read.question, &query->question))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char name[DNS_NAME_MAX], bytes[16], copy[DNS_MESSAGE_MAX];
	struct dns_query query;
	struct dns_answer read;
	int family;
	if (dns_parse_query(data, size, &query) == 0) {
		dns_name_lower(query.question.name, query.question.length);
		dns_name_is_reverse(query.question.name, query.question.length, &family, bytes);
		answer(&query);
	}
	if (size <= sizeof(copy) && dns_parse_answer(data, size, &read) == 0) {
		memcpy(copy, data, size);
		if (dns_truncate(copy, &read) > size)
			abort();
	}
	char *text = strndup((const char *)data, size);
	if (dns_name_from_text(text, name) > DNS_NAME_MAX)
		abort();
	free(text);
	return 0;
}
