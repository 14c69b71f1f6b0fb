/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template: Go's text/template over JSON trees, for --format.
 *
 * Actions: {{.Field.Sub}} {{$var := …}} {{$var = …}} pipelines, {{if}} {{else if}} {{else}} {{with}}
 * {{range $i, $e := …}} {{break}} {{continue}} {{end}} {{define}} {{template}} {{block}} comments, trim markers
 * {{- -}}, parentheses, string, raw string, character and number literals, true false nil. Functions: Go's (and or not
 * len index slice print printf println html js urlquery eq ne lt le gt ge) and docker's (json join split lower upper
 * title pad truncate), of which lower, upper and title know the letters of ASCII. printf follows Go's fmt verbs, flags,
 * widths and argument numbers.
 *
 * Objects stand for Go structs: a field that an object does not have is an error that names it, as docker says it:
 * `template: :1:2: executing "" at <.Nope>: can't evaluate field Nope`. An object for which template_mark_map() was
 * called stands for a Go map: a missing key is "<no value>", and range goes in key order.
 *
 * {{.Label "key"}} is docker's method: a struct that has a map "Labels" can be asked for one of its keys in the singular.
 * What it and index find for a key that is not there is, as in Go, the zero value of what the map's other members are
 * ("" in a map of strings).
 *
 * In the text around actions \t and \n are a tab and a line's end, as podman and docker's lists have it.
 *
 * A template is parsed once and executed for each row. Nothing here knows what the rows are. Templates may be hostile:
 * parsing and executing one is bounded in depth, steps and bytes, and ends with an error beyond.
 */
#pragma once

#include "pkg/error/error.h"
#include "pkg/json/json.h"
#include "pkg/text/text.h"

struct template;

/* Parses; the error says where and what. The caller frees *ret. */
int template_parse(const char *text, struct template **ret, struct error *err);
void template_free(struct template *template);
DEFINE_CLEANUP(struct template *, template_free)
#define auto_template CLEANUP(template_freep)

/* Appends the result for `data` (borrowed) to `out`, which is as it was on failure. */
int template_execute(const struct template *template, struct json_object *data, struct strbuf *out, struct error *err);

/* Says that `object` (a JSON object, or NULL) is a map, not a struct: labels, ports, annotations … Returns it. The mark
 * is the object's user data: json_object_deep_copy() refuses to copy it. */
struct json_object *template_mark_map(struct json_object *object);

/* ---- lists: what `ps`, `images` … do with their --format ---- */
/*
 * Prints `rows` (an array of objects) to `out`:
 *   format NULL       the columns of `default_table` ("table {{.ID}}\t{{.Names}}"); also "table" alone
 *   "table …"         a header line from `headers`, then a row each, columns padded to the widest and parted by two
 *                     spaces. Tabs part columns, and so do spaces that are all there is between two actions.
 *   "json"            one JSON array, indented (podman)
 *   "{{json .}}", …   the template for each row, a line each; "{{range .}}…{{end}}" ranges over the rows (podman)
 * `headers` is an object from field name to column title ("ID" → "CONTAINER ID"); a field without one gets its name in
 * capitals. `no_header` leaves the header line out. No column is cut: that is the caller's (--no-trunc). For a table,
 * control characters in the texts of `rows` become blanks.
 */
int template_list(const char *format, const char *default_table, struct json_object *headers, struct json_object *rows,
		  bool no_header, struct strbuf *out, struct error *err);
