/* SPDX-License-Identifier: Apache-2.0 */
/* survivors: processes of a container that is dead. */
#pragma once

/* Kills all processes that have the container's root file system, and returns when there are none. The caller holds the container's lock. */
void survivors_kill(const char *id);
