/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "libpod/cdi/internal.h"

bool cdi_is_name(const char *text)
{
	const char *slash = strchr(text, '/'), *equals = strchr(text, '=');
	return slash && equals && slash != text && slash < equals && equals > slash + 1 && equals[1] &&
	       !strchr(equals, '/') && *text != '.';
}

static int not_found(const struct cdi_devices *devices, const char *name, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	auto_free char *folders = cdi_folders_text();
	for (size_t i = 0; i < devices->count; i++)
		if (*devices->items[i].name)
			strv_add(&names, devices->items[i].name);
	auto_free char *known = names.count ? strv_join(&names, ", ") : xstrdup("none");
	return error_set(err, ENOENT,
			 "there is no CDI device %s; there are: %.400s; they are read from %s, where who makes the "
			 "device describes it (nvidia-ctk cdi generate)",
			 name, known, folders);
}

int cdi_apply(const struct strv *names, struct spec *spec, struct error *err)
{
	auto_cdi_devices struct cdi_devices devices = {0};
	auto_strv struct strv files = STRV_INIT;
	int r = cdi_read(&devices, err);
	for (size_t i = 0; r == 0 && i < names->count; i++) {
		const struct cdi_device *device = NULL;
		for (size_t j = 0; j < devices.count; j++)
			if (strcmp(devices.items[j].name, names->items[i]) == 0)
				device = &devices.items[j];
		if (!device)
			return not_found(&devices, names->items[i], err);
		/* What the devices of a file have in common, once. */
		if (device->common && !strv_contains(&files, device->path))
			r = cdi_edit(device->common, spec, err);
		strv_add(&files, device->path);
		if (r == 0 && device->edits)
			r = cdi_edit(device->edits, spec, err);
		if (r < 0)
			return error_context(err, "CDI device %s (%s)", device->name, device->path);
	}
	return r;
}
