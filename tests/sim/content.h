/*
 * content - bytes of a file that many disks may hold: copied when one of them writes.
 *
 * A sweep keeps a disk as it was at each change of an action, and makes it so again for
 * each way of losing power; most of it is the same all the time.
 */
#ifndef SIM_CONTENT_H
#define SIM_CONTENT_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. */
struct content {
	struct block *block;	/* shared; NULL: there was never anything */
	size_t len;
};

const uint8_t *content_at(const struct content *content, size_t at);
void content_release(struct content *content);
void content_set(struct content *content, const struct content *from);	/* nothing is copied yet */
void content_write(struct content *content, size_t at, const uint8_t *p, size_t len);
void content_cut(struct content *content, size_t len);	/* or zeros behind its end */
uint64_t content_hash(const struct content *content);	/* kept until something is written */

#endif
