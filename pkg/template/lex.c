/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/template/lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkg/template/utf8.h"

#define SPACES " \t\r\n"

struct lexer {
	struct arena *arena;
	const char *text;
	size_t at;
	size_t parens;
	struct token *tokens;
	size_t count;
	size_t capacity;
};

static bool is_space(char c)
{
	return c && strchr(SPACES, c);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Letters outside ASCII are all allowed in names: nothing else has a meaning there. */
static bool is_word(char c)
{
	return c == '_' || is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (unsigned char)c >= 0x80;
}

static bool starts(const struct lexer *lexer, const char *prefix)
{
	return strncmp(lexer->text + lexer->at, prefix, strlen(prefix)) == 0;
}

static void add(struct lexer *lexer, enum token_type type, const char *text, size_t length, size_t position)
{
	if (lexer->count == lexer->capacity) {
		lexer->capacity = lexer->capacity ? 2 * lexer->capacity : 32;
		lexer->tokens = xrealloc(lexer->tokens, lexer->capacity * sizeof(*lexer->tokens));
	}
	lexer->tokens[lexer->count++] = (struct token){type, text, length, position};
}

static void emit(struct lexer *lexer, enum token_type type, size_t start)
{
	add(lexer, type, lexer->text + start, lexer->at - start, start);
}

/* Returns false, which ends the lexing. */
static bool __attribute__((format(printf, 2, 3))) fail(struct lexer *lexer, const char *format, ...)
{
	char message[128];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	size_t length = strlen(message);
	add(lexer, TOKEN_ERROR, arena_copy(lexer->arena, message, length), length, lexer->at);
	return false;
}

static bool fail_character(struct lexer *lexer, const char *what)
{
	uint32_t code_point;
	size_t length = utf8_decode(lexer->text + lexer->at, strlen(lexer->text + lexer->at), &code_point);
	if (!utf8_is_printable(code_point))
		return fail(lexer, "%s U+%04X", what, code_point);
	return fail(lexer, "%s U+%04X '%.*s'", what, code_point, (int)length, lexer->text + lexer->at);
}

/* " -}}": a closing delimiter that removes the white space behind it. */
static bool at_trimming_right(const struct lexer *lexer)
{
	return is_space(lexer->text[lexer->at]) && strncmp(lexer->text + lexer->at + 1, "-}}", 3) == 0;
}

static void skip_spaces(struct lexer *lexer)
{
	lexer->at += strspn(lexer->text + lexer->at, SPACES);
}

static void take_right(struct lexer *lexer)
{
	bool trim = at_trimming_right(lexer);
	size_t start = lexer->at + (trim ? 2 : 0);
	lexer->at = start + 2;
	emit(lexer, TOKEN_RIGHT, start);
	if (trim)
		skip_spaces(lexer);
}

/* Text up to the next action, and its delimiter, or to the end. Returns whether there is an action. */
static bool lex_text(struct lexer *lexer)
{
	size_t start = lexer->at;
	const char *left = strstr(lexer->text + start, "{{");
	size_t end = left ? (size_t)(left - lexer->text) : start + strlen(lexer->text + start);
	bool trim = left && left[2] == '-' && is_space(left[3]);
	lexer->at = end;
	while (trim && lexer->at > start && is_space(lexer->text[lexer->at - 1]))
		lexer->at--;
	if (lexer->at > start)
		emit(lexer, TOKEN_TEXT, start);
	lexer->at = end;
	if (!left) {
		emit(lexer, TOKEN_EOF, end);
		return false;
	}
	lexer->at += trim ? 3 : 2;
	return true;
}

static bool lex_comment(struct lexer *lexer)
{
	const char *end = strstr(lexer->text + lexer->at + 2, "*/");
	if (!end)
		return fail(lexer, "unclosed comment");
	lexer->at = (size_t)(end - lexer->text) + 2;
	bool trim = at_trimming_right(lexer);
	if (!trim && !starts(lexer, "}}"))
		return fail(lexer, "comment ends before closing delimiter");
	lexer->at += trim ? 4 : 2;
	if (trim)
		skip_spaces(lexer);
	return true;
}

static bool at_terminator(const struct lexer *lexer)
{
	char c = lexer->text[lexer->at];
	return !c || is_space(c) || strchr(".,|:)(", c) || starts(lexer, "}}");
}

/* .Name, . and $name, $: the sigil was seen. */
static bool lex_sigil(struct lexer *lexer, enum token_type type)
{
	size_t start = lexer->at++;
	while (is_word(lexer->text[lexer->at]))
		lexer->at++;
	if (!at_terminator(lexer))
		return fail_character(lexer, "bad character");
	emit(lexer, lexer->at == start + 1 && type == TOKEN_FIELD ? TOKEN_DOT : type, start);
	return true;
}

static bool lex_word(struct lexer *lexer)
{
	static const struct {
		const char *word;
		enum token_type type;
	} words[] = {
	    {"true", TOKEN_BOOL},     {"false", TOKEN_BOOL},  {"nil", TOKEN_NIL},
	    {"block", TOKEN_BLOCK},   {"break", TOKEN_BREAK}, {"continue", TOKEN_CONTINUE},
	    {"define", TOKEN_DEFINE}, {"else", TOKEN_ELSE},   {"end", TOKEN_END},
	    {"if", TOKEN_IF},         {"range", TOKEN_RANGE}, {"template", TOKEN_TEMPLATE},
	    {"with", TOKEN_WITH},
	};
	size_t start = lexer->at;
	while (is_word(lexer->text[lexer->at]))
		lexer->at++;
	if (!at_terminator(lexer))
		return fail_character(lexer, "bad character");
	size_t length = lexer->at - start;
	enum token_type type = TOKEN_IDENTIFIER;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == length && memcmp(words[i].word, lexer->text + start, length) == 0)
			type = words[i].type;
	emit(lexer, type, start);
	return true;
}

/* A number in any of Go's spellings; what its digits are worth is for the parser. */
static bool lex_number(struct lexer *lexer)
{
	const char *text = lexer->text;
	size_t start = lexer->at;
	const char *digits = "0123456789_", *exponent = "eE";
	lexer->at += text[lexer->at] == '+' || text[lexer->at] == '-';
	if (text[lexer->at] == '0' && text[lexer->at + 1]) {
		char base = text[lexer->at + 1] | 0x20;
		digits = base == 'x'   ? "0123456789abcdefABCDEF_"
			 : base == 'o' ? "01234567_"
			 : base == 'b' ? "01_"
				       : digits;
		exponent = base == 'x' ? "pP" : exponent;
		lexer->at += base == 'x' || base == 'o' || base == 'b' ? 2 : 0;
	}
	lexer->at += strspn(text + lexer->at, digits);
	if (text[lexer->at] == '.') {
		lexer->at++;
		lexer->at += strspn(text + lexer->at, digits);
	}
	if (text[lexer->at] && strchr(exponent, text[lexer->at])) {
		lexer->at++;
		lexer->at += text[lexer->at] == '+' || text[lexer->at] == '-';
		lexer->at += strspn(text + lexer->at, "0123456789_");
	}
	if (is_word(text[lexer->at])) {
		lexer->at++;
		return fail(lexer, "bad number syntax: \"%.*s\"",
			    (int)(lexer->at - start > 60 ? 60 : lexer->at - start), text + start);
	}
	emit(lexer, TOKEN_NUMBER, start);
	return true;
}

/* "…" and '…', with backslashes, on one line. */
static bool lex_quoted(struct lexer *lexer, char quote)
{
	size_t start = lexer->at++;
	for (;; lexer->at++) {
		if (lexer->text[lexer->at] == '\\' && lexer->text[lexer->at + 1] && lexer->text[lexer->at + 1] != '\n')
			lexer->at++;
		else if (!lexer->text[lexer->at] || lexer->text[lexer->at] == '\n')
			return fail(lexer,
				    quote == '"' ? "unterminated quoted string" : "unterminated character constant");
		else if (lexer->text[lexer->at] == quote)
			break;
	}
	lexer->at++;
	emit(lexer, quote == '"' ? TOKEN_STRING : TOKEN_CHARACTER, start);
	return true;
}

static bool lex_raw_string(struct lexer *lexer)
{
	const char *end = strchr(lexer->text + lexer->at + 1, '`');
	if (!end)
		return fail(lexer, "unterminated raw quoted string");
	size_t start = lexer->at;
	lexer->at = (size_t)(end - lexer->text) + 1;
	emit(lexer, TOKEN_RAW_STRING, start);
	return true;
}

static void lex_space(struct lexer *lexer)
{
	size_t start = lexer->at;
	while (is_space(lexer->text[lexer->at]) && !at_trimming_right(lexer))
		lexer->at++;
	if (lexer->at > start)
		emit(lexer, TOKEN_SPACE, start);
}

/* One character that is a token by itself, and := . */
static bool lex_punctuation(struct lexer *lexer)
{
	size_t start = lexer->at++;
	char c = lexer->text[start];
	enum token_type type = TOKEN_OTHER;
	switch (c) {
	case '=':
		type = TOKEN_ASSIGN;
		break;
	case ':':
		if (lexer->text[lexer->at] != '=')
			return fail(lexer, "expected :=");
		lexer->at++;
		type = TOKEN_DECLARE;
		break;
	case '|':
		type = TOKEN_PIPE;
		break;
	case ',':
		type = TOKEN_COMMA;
		break;
	case '(':
		type = TOKEN_LEFT_PAREN;
		lexer->parens++;
		break;
	case ')':
		type = TOKEN_RIGHT_PAREN;
		if (lexer->parens-- == 0)
			return fail(lexer, "unexpected right paren");
		break;
	default:
		if (c < 0x20 || c == 0x7F) {
			lexer->at = start;
			return fail_character(lexer, "unrecognized character in action:");
		}
	}
	emit(lexer, type, start);
	return true;
}

/* One token inside an action. */
static bool lex_token(struct lexer *lexer)
{
	char c = lexer->text[lexer->at];
	char next = c ? lexer->text[lexer->at + 1] : '\0';
	if (!c)
		return fail(lexer, "unclosed action");
	if (is_space(c)) {
		lex_space(lexer);
		return true;
	}
	if (is_digit(c) || c == '+' || c == '-' || (c == '.' && is_digit(next)))
		return lex_number(lexer);
	if (c == '.' || c == '$')
		return lex_sigil(lexer, c == '.' ? TOKEN_FIELD : TOKEN_VARIABLE);
	if (is_word(c))
		return lex_word(lexer);
	if (c == '"' || c == '\'')
		return lex_quoted(lexer, c);
	if (c == '`')
		return lex_raw_string(lexer);
	return lex_punctuation(lexer);
}

static bool lex_action(struct lexer *lexer)
{
	size_t start = lexer->at;
	size_t spaces = strspn(lexer->text + start, SPACES);
	/* Behind the trim marker there is white space before the comment starts. */
	if (strncmp(lexer->text + start + spaces, "/*", 2) == 0 && (spaces == 0 || lexer->text[start - 1] == '-')) {
		lexer->at += spaces;
		return lex_comment(lexer);
	}
	add(lexer, TOKEN_LEFT, lexer->text + start, 0, start);
	lexer->parens = 0;
	while (!starts(lexer, "}}") && !at_trimming_right(lexer))
		if (!lex_token(lexer))
			return false;
	if (lexer->parens)
		return fail(lexer, "unclosed left paren");
	take_right(lexer);
	return true;
}

struct token *template_lex(struct arena *arena, const char *text)
{
	struct lexer lexer = {.arena = arena, .text = text};
	while (lex_text(&lexer) && lex_action(&lexer))
		;
	return lexer.tokens;
}
