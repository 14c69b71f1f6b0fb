/* SPDX-License-Identifier: Apache-2.0 */
#include "src/transport/manifest_options.h"

static void replace(char **text, const char *with)
{
	if (!with)
		return;
	free(*text);
	*text = xstrdup(with);
}

static void replace_list(struct strv *list, const struct strv *with)
{
	if (with->count == 0)
		return;
	strv_clear(list);
	strv_add_all(list, with);
}

int manifest_settings_apply(const struct manifest_settings *settings, struct list_entry *entry, struct error *err)
{
	replace(&entry->os, settings->os);
	replace(&entry->architecture, settings->architecture);
	/* That of another architecture says nothing of this one. */
	replace(&entry->variant, settings->variant ? settings->variant : settings->architecture ? "" : NULL);
	replace(&entry->os_version, settings->os_version);
	replace_list(&entry->os_features, &settings->os_features);
	replace_list(&entry->features, &settings->features);
	strv_add_all(&entry->annotations, &settings->annotations);
	return list_entry_check(entry, err);
}
