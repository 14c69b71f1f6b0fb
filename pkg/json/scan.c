/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/json/scan.h"

#include <string.h>

static bool is_more(const struct json_scan *scan)
{
	return !scan->odd && scan->at < scan->end;
}

bool json_scan_take(struct json_scan *scan, char c)
{
	if (!is_more(scan) || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

void json_scan_expect(struct json_scan *scan, char c)
{
	if (!json_scan_take(scan, c))
		scan->odd = true;
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* The plain characters from here on are behind us. */
static size_t skip_plain(struct json_scan *scan)
{
	const char *start = scan->at;
	while (is_more(scan) && is_plain(*scan->at))
		scan->at++;
	return (size_t)(scan->at - start);
}

size_t json_scan_key(struct json_scan *scan, const char **ret)
{
	json_scan_expect(scan, '"');
	*ret = scan->at;
	size_t length = skip_plain(scan);
	json_scan_expect(scan, '"');
	json_scan_expect(scan, ':');
	if (!length)
		scan->odd = true;
	return scan->odd ? 0 : length;
}

/* What stands behind a backslash; those of a number (\u0041) are odd. */
static char unescape(struct json_scan *scan)
{
	static const char escapes[] = "\"\"\\\\//n\nt\tr\rb\bf\f";
	for (const char *at = escapes; is_more(scan) && *at; at += 2)
		if (*scan->at == at[0]) {
			scan->at++;
			return at[1];
		}
	scan->odd = true;
	return 0;
}

/* The rest of a string whose beginning has been read. */
static void add_string(struct json_scan *scan, struct strbuf *out)
{
	for (;;) {
		const char *start = scan->at;
		strbuf_add(out, start, skip_plain(scan));
		if (!json_scan_take(scan, '\\'))
			break;
		char c = unescape(scan);
		if (!scan->odd)
			strbuf_putc(out, c);
	}
	json_scan_expect(scan, '"');
}

char *json_scan_string(struct json_scan *scan)
{
	json_scan_expect(scan, '"');
	const char *start = scan->at;
	size_t length = skip_plain(scan);
	/* Nearly all have no escape in them. */
	if (json_scan_take(scan, '"'))
		return xstrndup(start, length);
	auto_strbuf struct strbuf out = STRBUF_INIT;
	scan->at = start;
	add_string(scan, &out);
	return scan->odd ? NULL : strbuf_take(&out);
}

void json_scan_strv(struct json_scan *scan, struct strv *ret)
{
	json_scan_expect(scan, '[');
	if (json_scan_take(scan, ']'))
		return;
	do {
		char *text = json_scan_string(scan);
		if (text)
			strv_take(ret, text);
	} while (json_scan_take(scan, ','));
	json_scan_expect(scan, ']');
}

void json_scan_map(struct json_scan *scan, struct strv *ret)
{
	json_scan_expect(scan, '{');
	if (json_scan_take(scan, '}'))
		return;
	size_t first = ret->count;
	do {
		const char *key;
		size_t length = json_scan_key(scan, &key);
		/* Of two with one name json-c keeps the last. */
		for (size_t i = first; i < ret->count; i++)
			if (length && strncmp(ret->items[i], key, length) == 0 && ret->items[i][length] == '=')
				scan->odd = true;
		auto_strbuf struct strbuf pair = STRBUF_INIT;
		strbuf_add(&pair, key, length);
		strbuf_putc(&pair, '=');
		json_scan_expect(scan, '"');
		add_string(scan, &pair);
		if (!scan->odd)
			strv_take(ret, strbuf_take(&pair));
	} while (json_scan_take(scan, ','));
	json_scan_expect(scan, '}');
}

bool json_scan_bool(struct json_scan *scan)
{
	bool value = json_scan_take(scan, 't');
	for (const char *rest = value ? "rue" : "false"; *rest; rest++)
		json_scan_expect(scan, *rest);
	return value;
}

int64_t json_scan_int(struct json_scan *scan)
{
	bool negative = json_scan_take(scan, '-');
	const char *start = scan->at;
	int64_t value = 0;
	while (is_more(scan) && *scan->at >= '0' && *scan->at <= '9') {
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *scan->at - '0', &value))
			scan->odd = true;
		else
			scan->at++;
	}
	/* Fractions and the like; zeros before it. */
	bool goes_on = is_more(scan) && *scan->at != ',' && *scan->at != '}' && *scan->at != ']';
	if (scan->at == start || goes_on || (scan->at - start > 1 && *start == '0'))
		scan->odd = true;
	return scan->odd ? 0 : negative ? -value : value;
}

struct json_object *json_scan_tree(struct json_scan *scan)
{
	const char *start = scan->at;
	struct json_object *tree = NULL;
	bool in_string = false;
	int depth = 0;
	if (!is_more(scan) || (*start != '{' && *start != '['))
		scan->odd = true;
	while (is_more(scan)) {
		char c = *scan->at++;
		if (in_string && c == '\\' && is_more(scan))
			scan->at++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			depth++;
		else if (!in_string && (c == '}' || c == ']') && --depth == 0)
			break;
	}
	if (scan->odd || depth || json_parse(start, (size_t)(scan->at - start), "", &tree, NULL) < 0)
		scan->odd = true;
	return tree;
}
