/* SPDX-License-Identifier: Apache-2.0 */
#include "src/session.h"

#include "src/global.h"

int session_store(const struct cli_context *context, struct store **ret, struct error *err)
{
	const struct global_options *global = context->global;
	return store_open_settled(global->root, global->runroot, global->storage_driver, ret, err);
}

void session_behind(const struct cli_context *context, size_t first, struct strv *ret)
{
	for (size_t i = first; i < context->arguments.count; i++)
		strv_add(ret, context->arguments.items[i]);
}
