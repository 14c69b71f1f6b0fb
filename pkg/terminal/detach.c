/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "pkg/terminal/terminal.h"

/* One key of the list, or -1. */
static int parse_key(const char *text, size_t length)
{
	static const char prefix[] = "ctrl-";
	const size_t prefix_length = sizeof(prefix) - 1;
	if (length == 1)
		return (unsigned char)*text;
	if (length != prefix_length + 1 || strncmp(text, prefix, prefix_length) != 0)
		return -1;
	char key = text[prefix_length];
	if (key >= 'a' && key <= 'z')
		return key - 'a' + 1;
	/* '@' is 0, then come the letters, then '[' as 27 to '_' as 31. */
	return key == '@' || (key >= '[' && key <= '_') ? key - '@' : -1;
}

int detach_keys_parse(const char *text, struct detach_keys *ret, struct error *err)
{
	struct detach_keys keys = {.count = 0};
	for (const char *at = text; *text;) {
		size_t length = strcspn(at, ",");
		int key = parse_key(at, length);
		if (key < 0)
			return error_set(
			    err, EINVAL,
			    "detach keys '%s': '%.*s' is no key; use single characters and ctrl-a to ctrl-z, "
			    "ctrl-@, ctrl-[, ctrl-\\, ctrl-], ctrl-^ or ctrl-_, parted by commas",
			    text, (int)length, at);
		if (keys.count == DETACH_KEYS_MAX)
			return error_set(err, EINVAL, "detach keys '%s': more than %d keys", text, DETACH_KEYS_MAX);
		keys.keys[keys.count++] = (unsigned char)key;
		if (!at[length])
			break;
		at += length + 1;
	}
	*ret = keys;
	return 0;
}

/* With keys[0…matched) typed and now another `byte`: how long a beginning of the sequence the last of these are. */
static size_t longest_beginning(const struct detach_keys *keys, unsigned char byte)
{
	for (size_t length = keys->matched + 1; length > 0; length--) {
		size_t skipped = keys->matched + 1 - length;
		if (keys->keys[length - 1] == byte && !memcmp(keys->keys, keys->keys + skipped, length - 1))
			return length;
	}
	return 0;
}

bool detach_keys_feed(struct detach_keys *keys, const char *data, size_t length, char *out, size_t *ret_out_length)
{
	size_t written = 0;
	bool complete = false;
	for (size_t i = 0; i < length && !complete; i++) {
		unsigned char byte = (unsigned char)data[i];
		if (keys->count == 0) {
			out[written++] = data[i];
			continue;
		}
		size_t matched = longest_beginning(keys, byte);
		/* What was held back and is now known not to belong to it goes on; it is keys[0…released). */
		size_t released = keys->matched + 1 - matched;
		if (matched == 0) {
			memcpy(out + written, keys->keys, keys->matched);
			out[written + keys->matched] = data[i];
		} else {
			memcpy(out + written, keys->keys, released);
		}
		written += released;
		complete = matched == keys->count;
		keys->matched = complete ? 0 : matched;
	}
	*ret_out_length = written;
	return complete;
}
