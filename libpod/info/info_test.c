/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/info/info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/template/template.h"

static struct json_object *parse(const char *text)
{
	struct json_object *object;
	assert_int_equal(json_parse(text, strlen(text), "test", &object, NULL), 0);
	return object;
}

static void text(void **state)
{
	(void)state;
	auto_json struct json_object *info = parse("{\"a\":{\"s\":\"word\",\"n\":1,\"b\":true,\"z\":null,\"e\":\"\",\"o\":{},\"l\":[]},"
						   "\"list\":[\"x\",\"y: z\"],"
						   "\"rows\":[{\"p\":1,\"q\":\"12\"},{\"p\":2,\"q\":\"it's: so\"}],"
						   "\"odd\":{\"yes\":\"yes\",\"dash\":\"- x\",\"hash\":\"a #b\",\"end\":\"a:\",\"fine\":\"a:b c#d\"}}");
	auto_strbuf struct strbuf out = STRBUF_INIT;
	info_text(info, &out);
	assert_string_equal(strbuf_text(&out), "a:\n"
					       "  s: word\n"
					       "  n: 1\n"
					       "  b: true\n"
					       "  z: null\n"
					       "  e: ''\n"
					       "  o: {}\n"
					       "  l: []\n"
					       "list:\n"
					       "- x\n"
					       "- 'y: z'\n"
					       "rows:\n"
					       "- p: 1\n"
					       "  q: '12'\n"
					       "- p: 2\n"
					       "  q: 'it''s: so'\n"
					       "odd:\n"
					       "  yes: 'yes'\n"
					       "  dash: '- x'\n"
					       "  hash: 'a #b'\n"
					       "  end: 'a:'\n"
					       "  fine: a:b c#d\n");
}

static void check_view(struct json_object *view, const char *format, const char *expected)
{
	auto_template struct template *template = NULL;
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct error err = ERROR_INIT;
	assert_int_equal(template_parse(format, &template, &err), 0);
	if (template_execute(template, view, &out, &err) < 0)
		fail_msg("%s: %s", format, err.text);
	assert_string_equal(strbuf_text(&out), expected);
}

static void view(void **state)
{
	(void)state;
	auto_json struct json_object *info = parse(
	    "{\"host\":{\"arch\":\"amd64\",\"cpus\":4,\"memTotal\":5,\"os\":\"linux\",\"cgroupVersion\":\"v2\",\"kernel\":\"6.1\",\"hostname\":\"h\","
	    "\"networkProgram\":\"pasta\",\"distribution\":{\"name\":\"Debian\"},\"ociRuntime\":{\"name\":\"coracle\"},"
	    "\"idMappings\":{\"uidmap\":[{\"container_id\":0,\"host_id\":1000,\"size\":1}]},"
	    "\"security\":{\"rootless\":true,\"seccompEnabled\":true}},"
	    "\"store\":{\"graphDriverName\":\"overlay\",\"graphRoot\":\"/r\",\"fileSystem\":\"ext4\",\"graphStatus\":{\"Backing Filesystem\":\"ext4\"},"
	    "\"containerStore\":{\"number\":3,\"running\":1,\"paused\":0,\"stopped\":2},\"imageStore\":{\"number\":7}},"
	    "\"registries\":{},\"version\":{\"Version\":\"9\"}}");
	auto_json struct json_object *tree = info_template_view(info);
	check_view(tree, "{{.Host.Arch}} {{.Host.CPUs}} {{.Host.OS}} {{.Host.CgroupsVersion}} {{.Host.NetworkProgram}}", "amd64 4 linux v2 pasta");
	check_view(tree, "{{.Host.Security.Rootless}} {{.Host.Security.SECCOMPEnabled}} {{.Host.OCIRuntime.Name}}", "true true coracle");
	check_view(tree, "{{range .Host.IDMappings.UIDMap}}{{.ContainerID}}:{{.HostID}}:{{.Size}}{{end}}", "0:1000:1");
	check_view(tree, "{{.Store.GraphDriverName}} {{index .Store.GraphStatus \"Backing Filesystem\"}} {{.Store.ContainerStore.Stopped}}", "overlay ext4 2");
	check_view(tree, "{{.Driver}} {{.ServerVersion}} {{.NCPU}} {{.MemTotal}} {{.Containers}} {{.ContainersRunning}} {{.Images}}", "overlay 9 4 5 3 1 7");
	check_view(tree, "{{.OperatingSystem}} {{.KernelVersion}} {{.DockerRootDir}} {{.Name}} {{.CgroupVersion}}", "Debian 6.1 /r h 2");
	check_view(tree, "{{.SecurityOptions}} {{.DriverStatus}}", "[name=seccomp,profile=builtin name=rootless] [[Backing Filesystem ext4]]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(text), cmocka_unit_test(view)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
