/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdi: devices by name, as those who make them describe them (Container Device Interface specification, SPEC.md 0.8):
 * "nvidia.com/gpu=0" is the device "0" of the kind "nvidia.com/gpu".
 *
 * Specifications are the files *.json, *.yaml and *.yml in /etc/cdi and /var/run/cdi, or in the folders that
 * CORACLE_CDI_DIRS names instead, parted by colons. Of a device that two folders have the later folder's counts; that
 * two files of one folder have it is an error. They are read when a container is made that asks for such a device, and
 * never otherwise. YAML is read by a program of its own, coracle-yaml.
 *
 * What a device changes in a container: device nodes (bind mounts of the host's), mounts, environment variables,
 * additional groups, and the hooks createContainer and startContainer. The other hooks would be run by a runtime
 * outside of the container, which there is not here; a device that needs one is refused.
 */
#pragma once

#include "libpod/spec/spec.h"

/* Whether the text is such a name: "vendor.com/class=device". */
bool cdi_is_name(const char *text);
/* Makes the changes of these devices in the specification. -ENOENT, with what there is: one that nobody describes. */
int cdi_apply(const struct strv *names, struct spec *spec, struct error *err);
