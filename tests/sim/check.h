/*
 * check - the properties that a run must keep (docs/RELIABILITY.md).
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "world.h"

/* BODY is on its way to SEAT: nothing in it that SEAT's person may not see now. */
void check_message(const struct seat *seat, const void *body, size_t len);
/* SEAT has just synced and nothing went wrong: it is as the hub has it, and what
 * it was told to erase is gone. */
void check_synced(struct seat *seat, const struct sync_result *result);
/* Nothing in the files of SEAT that its person may not see now. */
void check_files(struct seat *seat);
/* No fault any more: everybody syncs until all is quiet, then all is compared. */
void check_world(void);
/* The files of all disks as they stand, DIRECTORY/SEAT.FILE: to be looked at. */
void check_dump(const char *directory);
void check_forget(void);

#endif
