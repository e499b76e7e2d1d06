/*
 * load_abuse - what a hub must bear beside its own nodes: connections that drip,
 * and requests whose signatures are wrong.
 */
#ifndef TOOLS_LOAD_ABUSE_H
#define TOOLS_LOAD_ABUSE_H

#include <stddef.h>
#include <stdint.h>

struct key;
struct load_drips;

/* COUNT connections to PORT of this machine, held open from now on: a third send
 * a byte of a header every 2 s, a third a byte of a body, a third ask again and
 * again and read no answer.  Whichever is cut comes again at once.  Returns when
 * all have connected. */
struct load_drips *load_drips_start(int port, size_t count);
/* How many came again after a cut. */
uint64_t load_drips_stop(struct load_drips *drips);

/* COUNT requests in the name of KEY's node with a bit of their signatures
 * turned, over one connection.  How many were answered 404. */
size_t load_forge(int port, const struct key *key, size_t count);

#endif
