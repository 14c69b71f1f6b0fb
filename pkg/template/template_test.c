/* SPDX-License-Identifier: Apache-2.0 */
/* What is expected is what docker and podman print for the same templates and data, unless a comment says otherwise. */
#include "pkg/template/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char data_text[] =
    "{\"ID\":\"0123456789ab\",\"Name\":\"web\",\"Empty\":\"\",\"Running\":true,\"Paused\":false,\"Pid\":42,\"Zero\":0,"
    "\"Load\":1.5,\"Big\":1e21,\"Max\":18446744073709551615,\"None\":null,\"Text\":\"h\\u00e9<&>\","
    "\"Args\":[\"a\",\"b\",\"c\"],\"Mixed\":[\"a\",3,null,true],\"NoArgs\":[],"
    "\"Labels\":{\"b\":\"2\",\"a\":\"1\"},\"NoLabels\":{},\"Null\":{\"n\":null},\"Numbers\":{\"x\":7},"
    "\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"}],\"81/tcp\":[]},"
    "\"State\":{\"Status\":\"running\",\"Health\":{\"Log\":[1,2]}}}";

static struct json_object *make_data(void)
{
	static const char *const maps[] = {"Labels", "NoLabels", "Null", "Numbers", "Ports"};
	struct json_object *data = json_tokener_parse(data_text);
	assert_non_null(data);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		template_mark_map(json_object_object_get(data, maps[i]));
	return data;
}

/* What the template gives, or its error; malloc'd. */
static char *result_of(const char *text)
{
	auto_json struct json_object *data = make_data();
	auto_template struct template *template = NULL;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	int r = template_parse(text, &template, &err);
	if (r == 0)
		r = template_execute(template, data, &out, &err);
	assert_int_equal(r, -err.errnum);
	if (r < 0)
		assert_int_equal(out.length, 0);
	return r < 0 ? xstrdup(err.text) : strbuf_take(&out);
}

struct expectation {
	const char *text;
	const char *result;
};

static void check(const struct expectation *expectations, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		auto_free char *result = result_of(expectations[i].text);
		if (strcmp(result, expectations[i].result) != 0)
			print_error("%s\n", expectations[i].text);
		assert_string_equal(result, expectations[i].result);
	}
}

#define CHECK(...)                                                                                                     \
	do {                                                                                                           \
		static const struct expectation expectations[] = {__VA_ARGS__};                                        \
		check(expectations, ARRAY_SIZE(expectations));                                                         \
	} while (0)

static void test_text(void **state)
{
	(void)state;
	CHECK({"", ""}, {"plain", "plain"}, {"a}}b", "a}}b"}, {"a\\tb\\n", "a\tb\n"},
	      {"{{\"a\\tb\"}}{{`c\\n`}}", "a\tbc\\n"}, {"a {{/* note */}} b", "a  b"}, {"a {{- /* note */ -}} b", "ab"},
	      {"a \n{{- .Name -}}\n b", "awebb"}, {"{{3 -}} x", "3x"}, {"{{- -3}}", "-3"}, {"{{.Name -}}", "web"},
	      {"{ {.Name} }", "{ {.Name} }"});
}

static void test_fields(void **state)
{
	(void)state;
	CHECK({"{{.Name}}", "web"}, {"{{.State.Status}}", "running"}, {"{{$.State.Status}}", "running"},
	      {"{{(.State).Status}}", "running"}, {"{{.Labels.a}}", "1"}, {"{{.Labels.zz}}", "<no value>"},
	      {"{{.Labels.zz.yy}}", "<no value>"}, {"{{.None}}", "<nil>"}, {"{{.Null.n}}", "<no value>"},
	      {"{{(index .Ports \"80/tcp\" 0).HostPort}}", "8080"},
	      {"{{(index (index .Ports \"80/tcp\") 0).HostIp}}", "0.0.0.0"},
	      {"{{.Nope}}", "template: :1:2: executing \"\" at <.Nope>: can't evaluate field Nope"},
	      {"a\nb {{.Nope}}", "template: :2:4: executing \"\" at <.Nope>: can't evaluate field Nope"},
	      {"{{.State.Nope}}", "template: :1:8: executing \"\" at <.State.Nope>: can't evaluate field Nope"},
	      {"{{.Name.x}}", "template: :1:7: executing \"\" at <.Name.x>: can't evaluate field x in type string"},
	      {"{{.None.x}}", "template: :1:7: executing \"\" at <.None.x>: nil pointer evaluating .x"},
	      {"{{.Null.n.x}}", "template: :1:7: executing \"\" at <.Null.n.x>: nil pointer evaluating interface {}.x"},
	      {"{{.Name \"x\"}}",
	       "template: :1:2: executing \"\" at <.Name>: Name has arguments but cannot be invoked as function"},
	      {"{{.Labels.a \"x\"}}",
	       "template: :1:9: executing \"\" at <.Labels.a>: a is not a method but has arguments"},
	      {"{{.Label \"a\"}}{{\"b\" | .Label}}[{{.Label \"zz\"}}]{{(.Label \"a\")}}{{$.Label \"b\"}}", "12[]12"},
	      {"{{.Label 5}}",
	       "template: :1:2: executing \"\" at <.Label>: wrong type for value; expected string; got int"},
	      {"{{.Label \"a\" \"b\"}}", "template: :1:2: executing \"\" at <.Label>: can't evaluate field Label"},
	      {"{{.Label}}", "template: :1:2: executing \"\" at <.Label>: can't evaluate field Label"});
}

static void test_printing(void **state)
{
	(void)state;
	CHECK({"{{.Labels}}", "map[a:1 b:2]"}, {"{{.Args}}", "[a b c]"}, {"{{.NoArgs}}{{.NoLabels}}", "[]map[]"},
	      {"{{.Mixed}}", "[a 3 <nil> true]"}, {"{{.Running}} {{.Pid}} {{.Max}}", "true 42 18446744073709551615"},
	      {"{{.Load}} {{.Big}} {{1e6}} {{100000.0}} {{1e-5}} {{2.0}}", "1.5 1e+21 1e+06 100000 1e-05 2"},
	      {"{{.State}}", "{running {[1 2]}}"}, {"{{.Ports}}", "map[80/tcp:[{0.0.0.0 8080}] 81/tcp:[]]"},
	      {"{{print nil .Labels.zz}}", "<nil> <nil>"},
	      {"{{nil}}", "template: :1:2: executing \"\" at <nil>: nil is not a command"});
}

static void test_literals(void **state)
{
	(void)state;
	CHECK({"{{0x1F}} {{0b11}} {{0o17}} {{017}} {{1_000}} {{0x1p4}} {{1e3}} {{.5}} {{5.}} {{+3}}",
	       "31 3 15 15 1000 16 1000 0.5 5 3"},
	      {"{{'a'}} {{'\\n'}} {{'é'}} {{'\\''}}", "97 10 233 39"},
	      {"{{\"\\u00e9\\101\\x41\\\"\"}}{{true}}{{false}}", "éAA\"truefalse"}, {"{{`a\nb`}}", "a\nb"},
	      {"{{99999999999999999999}}", "template: :1: integer overflow: \"99999999999999999999\""},
	      {"{{-9223372036854775808}}", "-9223372036854775808"},
	      {"{{1e400}}", "template: :1: illegal number syntax: \"1e400\""},
	      {"{{-}}", "template: :1: illegal number syntax: \"-\""},
	      {"{{1x}}", "template: :1: bad number syntax: \"1x\""},
	      {"{{'ab'}}", "template: :1: malformed character constant: 'ab'"},
	      {"{{''}}", "template: :1: invalid syntax"}, {"{{\"a\\q\"}}", "template: :1: invalid syntax"},
	      {"{{\"\\'\"}}", "template: :1: invalid syntax"}, {"{{\"a}}", "template: :1: unterminated quoted string"},
	      {"{{`a}}", "template: :1: unterminated raw quoted string"},
	      {"{{'a}}", "template: :1: unterminated character constant"});
}

static void test_variables(void **state)
{
	(void)state;
	CHECK({"{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"},
	      {"{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}", "1"}, {"{{$x := .State}}{{$x.Status}}", "running"},
	      {"{{with $x := 5}}{{$x}}{{.}}{{end}}", "55"}, {"{{if $x := 0}}{{else}}{{$x}}{{end}}", "0"},
	      {"{{range $i, $e := .Args}}{{$i}}{{$e}} {{end}}", "0a 1b 2c "},
	      {"{{range $e := .Args}}{{$e}}{{end}}", "abc"}, {"{{$x := 9}}{{range $x = .Args}}{{end}}{{$x}}", "c"},
	      {"{{$x := 9}}{{range $x := .Args}}{{end}}{{$x}}", "9"}, {"{{range .Args}}{{$.Name}}{{end}}", "webwebweb"},
	      {"{{$x}}", "template: :1: undefined variable \"$x\""},
	      {"{{$x = 1}}", "template: :1: undefined variable \"$x\""},
	      {"{{if $x := 1}}{{end}}{{$x}}", "template: :1: undefined variable \"$x\""},
	      {"{{if 1}}{{$x := 1}}{{else}}{{$x}}{{end}}", "template: :1: undefined variable \"$x\""},
	      {"{{$x := 1}}{{define \"a\"}}{{$x}}{{end}}", "template: :1: undefined variable \"$x\""},
	      {"{{$x, $y := 1}}", "template: :1: too many declarations in command"},
	      {"{{range $x, $y, $z := .Args}}{{end}}", "template: :1: too many declarations in range"},
	      {"{{range $x, := .Args}}{{end}}", "template: :1: range can only initialize variables"});
}

static void test_control(void **state)
{
	(void)state;
	CHECK(
	    {"{{if .Running}}up{{else}}down{{end}}", "up"},
	    {"{{if 0}}a{{else if 0}}b{{else if 1}}c{{else}}d{{end}}", "c"},
	    {"{{if .Empty}}1{{end}}{{if .Zero}}2{{end}}{{if 0.0}}3{{end}}{{if .NoArgs}}4{{end}}{{if .NoLabels}}5{{end}}"
	     "{{if .None}}6{{end}}{{if .Labels.zz}}7{{end}}{{if .Paused}}8{{end}}",
	     ""},
	    {"{{if .State}}1{{end}}{{if .Max}}2{{end}}{{if \"0\"}}3{{end}}{{if -1}}4{{end}}", "1234"},
	    {"{{with .State}}{{.Status}}{{end}}{{with .Empty}}a{{else}}b{{end}}{{with .Zero}}a{{else with "
	     ".Name}}{{.}}{{end}}",
	     "runningbweb"},
	    {"{{range .Labels}}{{.}}{{end}}{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "12a=1 b=2 "},
	    {"{{range .NoArgs}}a{{else}}none{{end}}{{range .None}}a{{else}}none{{end}}{{range "
	     ".Labels.zz}}a{{else}}none{{end}}",
	     "nonenonenone"},
	    {"{{range $i, $e := .Args}}{{if eq $i 1}}{{continue}}{{end}}{{$e}}{{end}}", "ac"},
	    {"{{range $i, $e := .Args}}{{if eq $i 1}}{{break}}{{end}}{{$e}}{{end}}", "a"},
	    {"{{range .Args}}{{range $.Args}}{{break}}{{end}}{{.}}{{end}}", "abc"}, {"{{range 3}}{{.}}{{end}}", "012"},
	    {"{{range .Name}}{{end}}", "template: :1:8: executing \"\" at <.Name>: range can't iterate over web"},
	    {"{{range $i, $e := 3}}{{end}}",
	     "template: :1:18: executing \"\" at <3>: can't use 3 to iterate over more than one variable"},
	    {"{{range .State}}{{end}}",
	     "template: :1:8: executing \"\" at <.State>: range can't iterate over {running {[1 2]}}"},
	    {"{{break}}", "template: :1: {{break}} outside {{range}}"},
	    {"{{range .Args}}{{define \"a\"}}{{end}}{{end}}", "template: :1: unexpected <define> in command"},
	    {"{{if 1}}", "template: :1: unexpected EOF"}, {"{{end}}", "template: :1: unexpected {{end}}"},
	    {"{{else}}", "template: :1: unexpected {{else}}"}, {"{{if}}{{end}}", "template: :1: missing value for if"},
	    {"{{if 1}}{{else}}{{else}}{{end}}", "template: :1: expected end; found {{else}}"},
	    {"{{if 1}}\n{{end x}}", "template: :2: unexpected \"x\" in end"});
}

static void test_definitions(void **state)
{
	(void)state;
	CHECK({"{{define \"a\"}}<{{.}}{{$}}>{{end}}{{template \"a\" .Name}}", "<webweb>"},
	      {"{{template `a`}}{{define `a`}}{{.}}{{end}}", "<no value>"},
	      {"{{block \"b\" .State}}[{{.Status}}]{{end}}{{template \"b\" .State}}", "[running][running]"},
	      {"{{define \"r\"}}{{if .}}{{len .}}{{template \"r\" (slice . 1)}}{{end}}{{end}}{{template \"r\" .Name}}",
	       "321"},
	      {"{{template \"zz\"}}",
	       "template: :1:11: executing \"\" at <{{template \"zz\"}}>: template \"zz\" not defined"},
	      {"{{define \"x\"}}{{.Nope}}{{end}}{{template \"x\" .}}",
	       "template: :1:16: executing \"x\" at <.Nope>: can't evaluate field Nope"},
	      {"{{define \"a\"}}{{end}}{{define \"a\"}}{{end}}",
	       "template: :1: template: multiple definition of template \"a\""},
	      {"{{define a}}{{end}}", "template: :1: unexpected \"a\" in define clause"},
	      {"{{define \"a\"}}{{else}}{{end}}", "template: :1: unexpected <else> in define clause"},
	      {"{{define \"a\"}}", "template: :1: unexpected EOF"},
	      {"{{block \"b\"}}{{end}}", "template: :1: missing value for block clause"});
}

static void test_pipelines(void **state)
{
	(void)state;
	CHECK(
	    {"{{.Name | upper | printf \"%s-%s\" \"x\"}}", "x-WEB"}, {"{{\"x\" | print (len .Name)}}", "3x"},
	    {"{{1 |}}", "1"}, {"{{print (print 1) (print 2 | printf \"%s%s\" \"q\")}}", "1q2"},
	    {"{{1 | 2}}", "template: :1: non executable command in pipeline stage 2"},
	    {"{{| 1}}", "template: :1: unexpected \"|\" in command"},
	    {"{{}}", "template: :1: missing value for command"}, {"{{", "template: :1: unclosed action"},
	    {"{{.Name", "template: :1: unclosed action"}, {"{{(1}}", "template: :1: unclosed left paren"},
	    {"{{)}}", "template: :1: unexpected right paren"}, {"{{/* x", "template: :1: unclosed comment"},
	    {"{{/* x */ }}", "template: :1: comment ends before closing delimiter"},
	    {"{{nope}}", "template: :1: function \"nope\" not defined"},
	    {"{{.Name.}}", "template: :1: unexpected <.> in operand"},
	    {"{{.Name@}}", "template: :1: bad character U+0040 '@'"},
	    {"{{@}}", "template: :1: unexpected \"@\" in command"},
	    {"{{\"a\" \"b\"}}", "template: :1:2: executing \"\" at <\"a\">: can't give argument to non-function \"a\""},
	    {"{{. | $}}", "template: :1:6: executing \"\" at <$>: can't give argument to non-function $"},
	    {"{{nil.x}}", "template: :1: unexpected . after term nil"});
}

static void test_logic(void **state)
{
	(void)state;
	CHECK(
	    {"{{and 1 0 2}} {{or 0 \"\" 3}} {{and true}} {{not .Name}} {{not nil}}", "0 3 true false true"},
	    {"{{or .Name .Nope}}{{and false .Nope}}", "webfalse"}, {"{{0 | or 0 5}}{{7 | and 1}}", "57"},
	    {"{{and}}", "template: :1:2: executing \"\" at <and>: wrong number of args for and: want at least 1 got 0"},
	    {"{{eq .Name \"x\" \"web\"}} {{eq 1 2}} {{eq .Load 1.5}} {{eq true true}} {{ne 1 2}}",
	     "true false true true true"},
	    {"{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 2 2}} {{lt \"a\" \"b\"}}{{lt \"a\" \"\"}} {{lt 1.5 2.5}}",
	     "truetruefalsetrue truefalse true"},
	    {"{{eq .None nil}} {{eq .Labels.zz nil}} {{eq nil 1}}", "true true false"},
	    {"{{lt .Pid .Max}}{{gt .Max .Pid}}{{eq .Max .Max}}{{eq .Max -1}}", "truetruetruefalse"},
	    {"{{eq .Name 1}}",
	     "template: :1:2: executing \"\" at <eq .Name 1>: error calling eq: incompatible types for comparison"},
	    {"{{eq 1 1.0}}",
	     "template: :1:2: executing \"\" at <eq 1 1.0>: error calling eq: incompatible types for comparison"},
	    {"{{lt true false}}",
	     "template: :1:2: executing \"\" at <lt true false>: error calling lt: invalid type for comparison"},
	    {"{{lt .Args 1}}",
	     "template: :1:2: executing \"\" at <lt .Args 1>: error calling lt: invalid type for comparison"},
	    {"{{eq .Args .Args}}", "template: :1:2: executing \"\" at <eq .Args .Args>: error calling eq: "
				   "non-comparable type [a b c]: []interface {}"},
	    {"{{eq 1}}", "template: :1:2: executing \"\" at <eq 1>: error calling eq: missing argument for comparison"},
	    {"{{eq}}", "template: :1:2: executing \"\" at <eq>: wrong number of args for eq: want at least 1 got 0"});
}

static void test_collections(void **state)
{
	(void)state;
	CHECK({"{{len .Name}}{{len .Text}}{{len .Args}}{{len .Labels}}", "3632"},
	      {"{{index .Args 1}}{{index .Labels \"b\"}}{{index .Name 0}}", "b2119"}, {"{{index .Args}}", "[a b c]"},
	      {"[{{index .Labels \"zz\"}}{{index .NoLabels \"zz\"}}]", "[]"},
	      {"{{index .Numbers \"zz\"}} {{index .Ports \"zz\"}} {{range index .Ports \"zz\"}}{{else}}none{{end}}",
	       "0 [] none"},
	      {"{{slice .Name 1}} {{slice .Name 1 2}} {{slice .Args 1}} {{slice .Args 0 2 3}} {{len (slice .Args 3)}}",
	       "eb e [b c] [a b] 0"},
	      {"{{index (slice .Args 1) 0}}", "b"},
	      {"{{index .Args 9}}",
	       "template: :1:2: executing \"\" at <index .Args 9>: error calling index: index out of range: 9"},
	      {"{{index .Args 3}}",
	       "template: :1:2: executing \"\" at <index .Args 3>: error calling index: index out of range: 3"},
	      {"{{index .Args -1}}",
	       "template: :1:2: executing \"\" at <index .Args -1>: error calling index: index out of range: -1"},
	      {"{{index .Args \"a\"}}", "template: :1:2: executing \"\" at <index .Args \"a\">: error calling index: "
					"cannot index slice/array with type string"},
	      {"{{index .Labels 3}}", "template: :1:2: executing \"\" at <index .Labels 3>: error calling index: value "
				      "has type int; should be string"},
	      {"{{index .None 1}}",
	       "template: :1:2: executing \"\" at <index .None 1>: error calling index: index of nil pointer"},
	      {"{{index nil 1}}",
	       "template: :1:2: executing \"\" at <index nil 1>: error calling index: index of untyped nil"},
	      {"{{index .Pid 1}}",
	       "template: :1:2: executing \"\" at <index .Pid 1>: error calling index: can't index item of type int"},
	      {"{{len 3}}", "template: :1:2: executing \"\" at <len 3>: error calling len: len of type int"},
	      {"{{len .None}}", "template: :1:2: executing \"\" at <len .None>: error calling len: len of nil pointer"},
	      {"{{slice .Name 2 1}}",
	       "template: :1:2: executing \"\" at <slice .Name 2 1>: error calling slice: invalid slice index: 2 > 1"},
	      {"{{slice .Name 0 1 2}}", "template: :1:2: executing \"\" at <slice .Name 0 1 2>: error calling slice: "
					"cannot 3-index slice a string"},
	      {"{{slice .Labels 1}}", "template: :1:2: executing \"\" at <slice .Labels 1>: error calling slice: can't "
				      "slice item of type map[string]interface {}"});
}

static void test_strings(void **state)
{
	(void)state;
	CHECK(
	    {"{{join .Args \", \"}}|{{join .NoArgs \",\"}}|{{join .None \",\"}}", "a, b, c||"},
	    {"{{split \"a,b\" \",\"}}{{len (split \"\" \",\")}}{{split \"h\u00e9\" \"\"}}{{join (split \"a--b\" "
	     "\"--\") \"+\"}}",
	     "[a b]1[h é]a+b"},
	    {"{{lower \"A\u00c9b\"}}{{upper \"ab1\"}}{{title \"foo bar-baz it's a_b\"}}", "aÉbAB1Foo Bar-Baz It'S A_b"},
	    {"{{pad .Name 2 3}}|{{pad \"\" 2 3}}|{{pad \"a\" 1.0 0}}", "  web   || a"},
	    {"{{truncate .ID 3}}{{truncate .Name 30}}{{truncate .Text 2}}", "012webhé"},
	    {"{{json .Labels}}{{json .Name}}{{json .Mixed}}{{json .None}}",
	     "{\"a\":\"1\",\"b\":\"2\"}\"web\"[\"a\",3,null,true]null"},
	    {"{{json .State}}", "{\"Status\":\"running\",\"Health\":{\"Log\":[1,2]}}"},
	    {"{{json \"<&>\\\"\\\\\\n\\t\\x01\\u2028\\xff/\"}}", "\"<&>\\\"\\\\\\n\\t\\u0001\\u2028\\ufffd/\""},
	    {"{{json 1.0}} {{json 1e21}} {{json 1e-7}} {{json 0.1}} {{json 1e20}} {{json .Max}}",
	     "1 1e+21 1e-7 0.1 100000000000000000000 18446744073709551615"},
	    {"{{html \"<a href='x'>&\\\"\"}} {{html nil}}", "&lt;a href=&#39;x&#39;&gt;&amp;&#34; &lt;no value&gt;"},
	    {"{{js \"<>&=\\\"'\\\\\u00e9\\x01\"}}", "\\u003C\\u003E\\u0026\\u003D\\\"\\'\\\\é\\u0001"},
	    {"{{urlquery \"a b&c/\u00e9~-_.\"}}", "a+b%26c%2F%C3%A9~-_."},
	    {"{{print 1 2 \"a\" \"b\" 3 4}}|{{println \"a\" 1 nil}}|{{print}}", "1 2a"
										"b3 4|a 1 <nil>\n|"},
	    {"{{lower 5}}", "template: :1:8: executing \"\" at <5>: expected string; found 5"},
	    {"{{lower nil}}", "template: :1:8: executing \"\" at <nil>: cannot assign nil to string"},
	    {"{{lower .Pid}}",
	     "template: :1:8: executing \"\" at <.Pid>: wrong type for value; expected string; got int"},
	    {"{{.Labels.zz | upper}}", "template: :1:15: executing \"\" at <upper>: invalid value; expected string"},
	    {"{{1 | upper}}",
	     "template: :1:6: executing \"\" at <upper>: wrong type for value; expected string; got int"},
	    {"{{upper}}", "template: :1:2: executing \"\" at <upper>: wrong number of args for upper: want 1 got 0"},
	    {"{{join .Name \",\"}}",
	     "template: :1:7: executing \"\" at <.Name>: wrong type for value; expected []string; got string"},
	    {"{{pad .Name -1 2}}",
	     "template: :1:2: executing \"\" at <pad .Name -1 2>: error calling pad: negative number of spaces"},
	    {"{{truncate .Name -1}}",
	     "template: :1:2: executing \"\" at <truncate .Name -1>: error calling truncate: negative length -1"});
}

static void test_printf(void **state)
{
	(void)state;
	CHECK(
	    {"{{printf \"%s|%d|%v|%+v|%#v|%T\" .Name .Pid .Labels .State .Labels .Args}}",
	     "web|42|map[a:1 b:2]|{Status:running Health:{Log:[1 2]}}|map[string]interface {}{\"a\":\"1\", "
	     "\"b\":\"2\"}|[]interface {}"},
	    {"{{printf \"%6.2f|%-6d|%06d|%+d|% d|%x|%X|%#x|%o|%b|%c|%U|%q|%e|%g|%t\" 3.14159 42 42 42 42 255 255 255 8 "
	     "5 65 65 65 1234.5 1e21 true}}",
	     "  3.14|42    |000042|+42| 42|ff|FF|0xff|10|101|A|U+0041|'A'|1.234500e+03|1e+21|true"},
	    {"{{printf \"%5s|%-5s|%.2s|%5.1s|%q|%x|% X|%#x|%#q|%+q\" \"ab\" \"ab\" \"h\u00e9llo\" \"xyz\" \"a\\\"b\" "
	     "\"hi\" \"hi\" \"hi\" \"hi\" \"\u00e9\"}}",
	     "   ab|ab   |hé|    x|\"a\\\"b\"|6869|68 69|0x6869|`hi`|\"\\u00e9\""},
	    {"{{printf \"%05d|%-05d|%5.3d|%.0d|%+05d|%05.3d|%#o|%O|%#b|%x\" 42 42 7 0 42 42 8 8 5 -255}}",
	     "00042|42   |  007||+0042|  042|010|0o10|0b101|-ff"},
	    {"{{printf \"%08.3f|%+.2e|%-8.1f|%.0f|%G|%x|%#g\" -3.14159 12345.678 2.5 2.5 1e-10 1.5 1.0}}",
	     "-003.142|+1.23e+04|2.5     |2|1E-10|0x1.8p+00|1.00000"},
	    {"{{printf \"%v %v %v %v\" 123456789.0 123456.789 1e20 0.0001}}", "1.23456789e+08 123456.789 1e+20 0.0001"},
	    {"{{printf \"%*d|%-*d|%.*f|%[2]d\" 5 1 5 2 2 3.14159}}", "    1|2    |3.14|1"},
	    {"{{printf \"%[2]d %[1]d\" 1 2}}", "2 1"}, {"{{printf \"%[5]d|%[x]d\" 1}}", "%!d(BADINDEX)|%!d(BADINDEX)"},
	    {"{{printf \"%d%%\" 50}}", "50%"},
	    {"{{printf \"%d\" .Name}}{{printf \"%s\" 5}}", "%!d(string=web)%!s(int=5)"},
	    {"{{printf \"%z %d\" 1}}", "%!z(int=1) %!d(MISSING)"},
	    {"{{printf \"a\" 1 nil}}", "a%!(EXTRA int=1, <nil>)"},
	    {"{{printf \"%\"}}{{printf \"%99999999d\" 1}}", "%!(NOVERB)%!(NOVERB)%!(EXTRA int=1)"},
	    {"{{printf \"%*d\" \"a\" 1}} {{printf \"%.*d\" \"a\" 1}}", "%!(BADWIDTH)1 %!(BADPREC)1"},
	    {"{{printf \"%v|%6v|%s|%d\" nil .None .Labels.zz nil}}", "<nil>| <nil>|%!s(<nil>)|%!d(<nil>)"},
	    {"{{printf \"%q %5v %x %d\" .Args .Args .Args .Mixed}}",
	     "[\"a\" \"b\" \"c\"] [    a     b     c] [61 62 63] [%!d(string=a) 3 <nil> %!d(bool=true)]"},
	    {"{{printf \"%#v\" .Mixed}}", "[]interface {}{\"a\", 3, interface {}(nil), true}"},
	    {"{{printf \"%d\" .Max}} {{printf \"%q\" \"\\x00\\u200b\\xff\"}}",
	     "18446744073709551615 \"\\x00\\u200b\\xff\""},
	    {"{{printf 5}}", "template: :1:9: executing \"\" at <5>: expected string; found 5"});
}

static char *repeat(const char *text, size_t count)
{
	struct strbuf out = STRBUF_INIT;
	for (size_t i = 0; i < count; i++)
		strbuf_puts(&out, text);
	return strbuf_take(&out);
}

static void test_hostile(void **state)
{
	(void)state;
	static const char *const endless[] = {
	    "{{range 100000000}}{{range 100000000}}{{end}}{{end}}",
	    "{{define \"a\"}}{{template \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}",
	    "{{$x := \"aaaaaaaa\"}}{{range 1000}}{{$x = print $x $x}}{{end}}",
	    "{{range 1000000}}{{printf \"%1000000d\" 1}}{{end}}",
	    "{{range 1000}}{{$x := printf \"%1000000s\" \"a\"}}{{$y := split $x \"\"}}{{end}}",
	    "{{pad \"a\" 100000000 1}}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(endless); i++) {
		auto_free char *result = result_of(endless[i]);
		assert_true(text_starts_with(result, "template: :1:"));
	}
	CHECK({"{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}",
	       "template: :1:25: executing \"a\" at <{{template \"a\"}}>: exceeded maximum template depth (100)"});

	/* The same text 100,000 times: 100 GB, if nothing ended it. */
	auto_free char *arguments = repeat(" $x", 100000);
	auto_free char *print = xasprintf("{{$x := printf \"%%1000000s\" \"a\"}}{{print%s}}", arguments);
	auto_free char *printed = result_of(print);
	assert_non_null(strstr(printed, "the output is longer than 32 MiB"));

	auto_free char *parentheses = repeat("(", 100000), *blocks = repeat("{{if 1}}", 100000);
	auto_free char *expression = xasprintf("{{%s", parentheses);
	auto_free char *first = result_of(expression), *second = result_of(blocks);
	assert_string_equal(first, "template: :1: nested deeper than 100 levels");
	assert_string_equal(second, "template: :1: nested deeper than 100 levels");
}

/* ---- lists ---- */

static struct json_object *make_rows(void)
{
	struct json_object *rows = json_tokener_parse(
	    "[{\"ID\":\"1\",\"Names\":\"w\\u00e9b\",\"Mounts\":[\"/a\",\"/b\"],\"State\":{\"Status\":\"up\"}},"
	    "{\"ID\":\"1234\",\"Names\":\"\",\"Mounts\":[],\"State\":{\"Status\":\"down\"}}]");
	assert_non_null(rows);
	return rows;
}

static void check_list(const char *format, bool no_header, const char *expected)
{
	auto_json struct json_object *rows = make_rows();
	auto_json struct json_object *headers = json_tokener_parse("{\"ID\":\"CONTAINER ID\",\"Status\":\"STATE\"}");
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	int r = template_list(format, "table {{.ID}}\\t{{.Names}}", headers, rows, no_header, &out, &err);
	assert_int_equal(r, -err.errnum);
	assert_string_equal(r < 0 ? err.text : strbuf_text(&out), expected);
}

static void test_table(void **state)
{
	(void)state;
	static const char both[] = "CONTAINER ID  NAMES\n1             wéb\n1234          \n";
	check_list(NULL, false, both);
	check_list("table", false, both);
	check_list("table {{.ID}} {{.Names}}", false, both);
	check_list("table {{.ID}}\\t{{.Names}} ", false, both);
	check_list("table {{.Names}}\\t{{.ID}}", true, "wéb         1\n            1234\n");
	check_list("table {{.ID}}: {{.Names}}", false, "CONTAINER ID: NAMES\n1: wéb\n1234: \n");
	check_list("table {{.ID}}\\n{{.Names}}\\t{{.ID}}", true, "1\nwéb         1\n1234\n            1234\n");
}

static void test_table_headings(void **state)
{
	(void)state;
	check_list("table {{.State.Status}}\\t{{upper .ID}}\\t{{truncate .Names 1}}", false,
		   "STATE       CONTAINER ID  NAMES\nup          1             w\ndown        1234          \n");
	check_list("table {{range .Mounts}}{{.}} {{end}}\\t{{index .Mounts 0 | print}}", false,
		   "template: :1:34: executing \"\" at <index .Mounts 0>: error calling index: index out of range: 0");
	check_list("table {{range $i, $m := .Mounts}}{{$m}} {{end}}\\t{{with .State}}{{.Status}}{{end}}", false,
		   "MOUNTS      STATE\n/a /b       up\n            down\n");
	check_list("table {{len .Mounts}}\\t{{.Names | printf \"%-9s\"}}", false,
		   "MOUNTS      NAMES\n2           wéb      \n0                    \n");
}

/* A long cell makes every line as long: 2 MB at the first row, 400 of them. */
static void test_long_cells(void **state)
{
	(void)state;
	check_list("table {{printf \"%1000000s%1000000s\" .ID .ID}}\\t{{range 200}}\\nb\\t{{end}}", true,
		   "the table is longer than 32 MiB");
}

static void test_rows(void **state)
{
	(void)state;
	check_list("{{.ID}}\\t{{.Names}}", false, "1\twéb\n1234\t\n");
	check_list("{{json .State}}", false, "{\"Status\":\"up\"}\n{\"Status\":\"down\"}\n");
	check_list("{{range .}}{{.ID}},{{end}}", false, "1,1234,");
	check_list("{{.Nope}}", false, "template: :1:2: executing \"\" at <.Nope>: can't evaluate field Nope");
	check_list("{{.ID", false, "template: :1: unclosed action");
}

static void test_json_list(void **state)
{
	(void)state;
	auto_json struct json_object *rows = json_tokener_parse("[{\"ID\":\"1\",\"Labels\":{\"b\":1,\"a\":[]}}]");
	auto_json struct json_object *none = json_object_new_array();
	auto_strbuf struct strbuf out = STRBUF_INIT;
	template_mark_map(json_object_object_get(json_object_array_get_idx(rows, 0), "Labels"));
	assert_int_equal(template_list("json", NULL, NULL, rows, false, &out, NULL), 0);
	assert_string_equal(strbuf_text(&out),
			    "[\n    {\n        \"ID\": \"1\",\n        \"Labels\": {\n            \"a\": [],\n"
			    "            \"b\": 1\n        }\n    }\n]\n");
	strbuf_truncate(&out, 0);
	assert_int_equal(template_list("json", NULL, NULL, none, false, &out, NULL), 0);
	assert_string_equal(strbuf_text(&out), "[]\n");
	strbuf_truncate(&out, 0);
	assert_int_equal(template_list(NULL, "table {{.ID}}", NULL, none, false, &out, NULL), 0);
	assert_string_equal(strbuf_text(&out), "ID\n");
}

/* What was in the buffer before stays, whatever happens. */
static void test_output_is_kept(void **state)
{
	(void)state;
	auto_json struct json_object *data = make_data();
	auto_template struct template *template = NULL;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	strbuf_puts(&out, "before ");
	assert_int_equal(template_parse("{{.Name}}{{.Nope}}", &template, NULL), 0);
	assert_int_equal(template_execute(template, data, &out, NULL), -EINVAL);
	assert_string_equal(strbuf_text(&out), "before ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),        cmocka_unit_test(test_fields),    cmocka_unit_test(test_printing),
	    cmocka_unit_test(test_literals),    cmocka_unit_test(test_variables), cmocka_unit_test(test_control),
	    cmocka_unit_test(test_definitions), cmocka_unit_test(test_pipelines), cmocka_unit_test(test_logic),
	    cmocka_unit_test(test_collections), cmocka_unit_test(test_strings),   cmocka_unit_test(test_printf),
	    cmocka_unit_test(test_hostile),     cmocka_unit_test(test_table),     cmocka_unit_test(test_table_headings),
	    cmocka_unit_test(test_long_cells),  cmocka_unit_test(test_rows),      cmocka_unit_test(test_json_list),
	    cmocka_unit_test(test_output_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
