/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-yaml: reads one YAML document from standard input and writes it as JSON. A program of its own, because
 * nothing that starts a container without CDI devices is to load a YAML parser.
 */
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	/* Anchors and merge keys are what other readers take, too; what is not a plain document ends here. */
	struct fy_parse_cfg settings = {.flags = FYPCF_QUIET | FYPCF_RESOLVE_DOCUMENT};
	struct fy_document *document = fy_document_build_from_fp(&settings, stdin);
	if (!document) {
		fprintf(stderr, "not a YAML document\n");
		return EXIT_FAILURE;
	}
	int r = fy_emit_document_to_fp(document, FYECF_MODE_JSON_ONELINE | FYECF_WIDTH_INF, stdout);
	fy_document_destroy(document);
	return r < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
