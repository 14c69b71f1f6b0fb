/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/template/format.h"
#include "pkg/template/utf8.h"

static void quote_code_point(struct strbuf *out, uint32_t code_point, char quote, bool ascii)
{
	static const char special[] = "\a\b\f\n\r\t\v\\", letters[] = "abfnrtv\\";
	const char *found = code_point && code_point < 0x80 ? strchr(special, (int)code_point) : NULL;
	if (found || code_point == (unsigned char)quote) {
		strbuf_putc(out, '\\');
		strbuf_putc(out, found ? letters[found - special] : quote);
	} else if (utf8_is_printable(code_point) && (!ascii || code_point < 0x80)) {
		utf8_append(out, code_point);
	} else if (code_point < 0x80) {
		strbuf_printf(out, "\\x%02x", code_point);
	} else if (code_point < 0x10000) {
		strbuf_printf(out, "\\u%04x", code_point);
	} else {
		strbuf_printf(out, "\\U%08x", code_point);
	}
}

void format_quoted(struct strbuf *out, const char *text, size_t length, char quote, bool ascii)
{
	strbuf_putc(out, quote);
	for (size_t at = 0; at < length;) {
		uint32_t code_point;
		size_t bytes = utf8_decode(text + at, length - at, &code_point);
		if (bytes == 1 && code_point == UTF8_INVALID)
			strbuf_printf(out, "\\x%02x", (unsigned char)text[at]);
		else
			quote_code_point(out, code_point, quote, ascii);
		at += bytes;
	}
	strbuf_putc(out, quote);
}
