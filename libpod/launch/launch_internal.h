/* SPDX-License-Identifier: Apache-2.0 */
/* launch_internal: the steps of launch_container(), a file each. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "libpod/launch/launch.h"
#include "libpod/monitor/description.h"
#include "libpod/network/network.h"
#include "libpod/plan/plan.h"
#include "libpod/runtime/runtime.h"
#include "libpod/spec/spec.h"

/* volumes.c: the volumes in memory that the container has, and their locks. */
struct sharing_volumes {
	struct runtime_shared *items;
	size_t count;
	int *locks;
	size_t locks_count;
};
void sharing_free(struct sharing_volumes *sharing);
/* Takes the locks and finds who else has them; in fds the user namespace that such a one lives in, if there is none yet. */
int sharing_find(struct store *store, const struct container *container, const struct spec *spec, int fds[SPEC_NS_COUNT], struct sharing_volumes *ret,
		 struct error *err);

/* All that the monitor process is given. Descriptors are borrowed. */
struct birth {
	struct store *store;
	struct container *container;
	struct plan *plan;
	int namespace_fds[SPEC_NS_COUNT]; /* of other containers, to be joined; -1 otherwise. The mount namespace only for its /dev/shm */
	int inner_fd;			  /* the user namespace, below the monitor's, that the container is to have; -1: none, or a new one */
	int map_fd;			  /* says 'm' when the ids are mapped; -1: they are */
	const struct sharing_volumes *sharing;
	const struct network_bridges *bridges; /* of its networks; NULL: none */
	int map_write_fd;		  /* the command line's end of it, to be closed: its death must show */
	struct monitor_description *description;
	unsigned int preserve_fds;
	int control;			  /* the command line, which waits for the report; -1: there is none, it is a restart */
	int forward_fd; /* the forwarder's end of description->forward_fd; set by the monitor process */
};

/* process.c: the monitor process' way until it executes coracle-monitor. Returns only when something failed. */
int monitor_process(const struct birth *birth, struct error *err);
/* Executes coracle-monitor; returns only when that failed. */
int execute_monitor(const struct monitor_description *description, struct error *err);

/* give_up.c: signals that end the command while it starts a container for somebody. */
struct giving_up {
	int fd;	    /* signalfd(2); -1: they do what they always do */
	int signal; /* that came; 0: none yet */
	sigset_t mask;
};
#define GIVING_UP_INIT ((struct giving_up){.fd = -1})
int giving_up_begin(struct giving_up *giving_up, struct error *err);
/* Whether one has come. */
bool giving_up_asked(struct giving_up *giving_up);
/* Waits for what can be read from `fd`: true; or until such a signal has come: false. */
bool giving_up_wait(struct giving_up *giving_up, int fd);
/* Now it has its effect: may not return. */
void giving_up_end(struct giving_up *giving_up);

/* relaunch.c: what a monitor has laid down, and the store where it has it open. */
int read_description(int fd, struct monitor_description *ret, struct error *err);
int open_described_store(const struct monitor_description *description, struct store **ret, struct error *err);

/* describe.c: fills the settings of the description from the container's; no process, no clients, descriptors -1. */
void describe_container(const struct container *container, struct monitor_description *ret);

/* reload.c: the plan of a container that was made earlier, from its directory; all but the mapping, which cannot be told from within the user namespace. */
int plan_reload(struct store *store, struct container *container, struct plan *ret, struct error *err);

/* ids.c: makes these ids the plan's and, where they are others than it was made with, the container's, with a warning if that concerns its files. */
int adopt_ids(struct store *store, struct container *container, const struct id_mapping *mapping, struct plan *plan, struct error *err);

/* requires.c: starts those of the containers that this one requires which do not run, and, first, what those require. */
int start_required(struct store *store, const struct container *container, struct error *err);

/* others.c: fills in the namespaces of other containers that this one shares, and then their user namespace too, in which it must live. */
int others_open(struct store *store, const struct container *container, int fds[SPEC_NS_COUNT], struct error *err);
/* The mount namespace of a living container, for its volumes; its user namespace like others_open(). */
int other_mount_namespace(struct store *store, const char *id, int *ret_fd, int fds[SPEC_NS_COUNT], struct error *err);
/* --userns container:… and ns:…: the namespace of the container, -1 where it is the one that containers share, and in fds the one that its monitor is to live in. */
int others_open_user(struct store *store, const struct container *container, int fds[SPEC_NS_COUNT], int *ret_inner, struct error *err);
