/*
 * reaper - absolute deadlines for connections: a thread that shuts down the
 * socket of whoever misses one.
 *
 * libmicrohttpd's own timeout measures silence, so one byte now and then keeps
 * a connection for ever.  Here a header has a fixed time, and a body or a reply
 * must move at REAPER_PACE: each has a grace to spend, bytes that moved earn it
 * back, and it never grows beyond its start.  What moved is asked of the kernel
 * (received, and acknowledged by the other side), so bytes that merely wait in
 * a send buffer earn nothing.
 *
 * In a crowd those that have spent the most of their time are cut early, none
 * before REAPER_CALM_US: whoever wants to keep others out must then come again
 * faster than they need to say what they want, and not only stand there.
 *
 * The owner of the socket calls reaper_forget before closing it; until then the
 * reaper may shut it down, never close it.
 */
#ifndef NET_REAPER_H
#define NET_REAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"

#define REAPER_PACE 4096	/* bytes a second */
#define REAPER_CALM_US 1000000ull

enum reaper_phase {
	REAPER_HEADER,	/* waiting for a request, or for the rest of its header */
	REAPER_BODY,
	REAPER_WORK,	/* our own time: no deadline */
	REAPER_REPLY
};

/* Embedded in the owner's connection; the reaper's until forgotten. */
struct reaper_entry {
	LIST_ENTRY(reaper_entry) link;
	int fd;
	enum reaper_phase phase;
	uint64_t due_us;
	uint64_t moved;
	bool cut;
};

struct reaper;

/* More than CROWD connections are a crowd. */
enum err_code reaper_start(struct reaper **out, unsigned header_deadline_s,
    unsigned grace_s, size_t crowd, struct err *err);
void reaper_stop(struct reaper *reaper);	/* every entry forgotten; NULL is fine */

void reaper_watch(struct reaper *reaper, struct reaper_entry *entry, int fd);	/* in REAPER_HEADER */
void reaper_forget(struct reaper *reaper, struct reaper_entry *entry);
void reaper_enter(struct reaper *reaper, struct reaper_entry *entry, enum reaper_phase phase);

/* Waits until every entry is in REAPER_HEADER, WAIT_S seconds at most, then cuts all. */
void reaper_drain(struct reaper *reaper, unsigned wait_s);

#endif
