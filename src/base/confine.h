/*
 * confine - a serving process gives up what it does not need.
 *
 * Landlock, which a process may lay on itself without rights: from then on it
 * reads and writes below one directory, reads what name resolution and TLS need
 * below /etc and /usr, and runs no program.  Who finds a hole in a parser then
 * stands in a room with the database and no door.
 */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include <stdbool.h>

#include "base/err.h"

/* Confine this thread, and all that it starts from here on, to DIR; cannot be
 * undone.  *DONE false when the kernel has no Landlock: that is no error.  What
 * is open stays open. */
enum err_code confine_to(bool *done, const char *dir, struct err *err);

#endif
