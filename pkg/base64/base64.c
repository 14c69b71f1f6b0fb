/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/base64/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "pkg/text/text.h"

char *base64_encode(const void *data, size_t length)
{
	/* EVP_EncodeBlock's lengths are int; nobody here encodes more than a credential. */
	char *text = xmalloc(4 * ((length + 2) / 3) + 1);
	*text = '\0';
	if (length <= INT_MAX / 2)
		EVP_EncodeBlock((unsigned char *)text, data, (int)length);
	return text;
}

int base64_decode(const char *text, char **ret, size_t *ret_length, struct error *err)
{
	size_t length = strlen(text), padding = 0;
	/* EVP_DecodeBlock overlooks blanks at both ends, and gives zeros for the padding. */
	if (length % 4 != 0 || length > INT_MAX / 2 ||
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") +
		    strspn(text + strcspn(text, "="), "=") !=
		length)
		return error_set(err, EINVAL, "not base64");
	while (padding < length && text[length - 1 - padding] == '=')
		padding++;
	auto_free char *data = xmalloc(length / 4 * 3 + 1);
	int n = padding > 2 ? -1 : EVP_DecodeBlock((unsigned char *)data, (const unsigned char *)text, (int)length);
	if (n < (int)padding)
		return error_set(err, EINVAL, "not base64");
	data[(size_t)n - padding] = '\0';
	*ret_length = (size_t)n - padding;
	*ret = TAKE_PTR(data);
	return 0;
}
