/*
 * dice - every choice of a simulated run, as bytes that can be kept, replayed
 * and made fewer.
 *
 * A script is a list of steps, each with bytes of its own, so that leaving a
 * step out does not shift the choices of the others.  Sown from a seed, the
 * bytes come from a generator and are kept; replayed, they come from the
 * script, and are zero beyond its end.  Zero is always the dull choice: the
 * first of several, no fault.
 *
 * What libsodium hands out as random is apart (dice_secret): it depends on the
 * seed and the step's number, so that it stays when other steps go.
 */
#ifndef SIM_DICE_H
#define SIM_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct dice_step {
	uint32_t number;	/* in the run it was first made in */
	uint8_t *bytes;
	size_t len, cap;
};

struct script {
	uint64_t seed;
	struct dice_step *steps;	/* the first sets the world up */
	size_t count, cap;
};

void script_release(struct script *script);	/* zeroed is fine */
void script_copy(struct script *out, const struct script *from);
/* "seed N", then a line "NUMBER HEX" for each step; lines with # are comments. */
bool script_read(struct script *out, FILE *in);
void script_write(const struct script *script, FILE *out);
/* Any bytes are a script: a step's length, its bytes, and so on. */
void script_from_bytes(struct script *out, const uint8_t *p, size_t len);

/* Play a seed, keeping the choices in OUT; or a script. */
void dice_sow(struct script *out, uint64_t seed);
void dice_replay(const struct script *script);
/* The next step; false when a replayed script has no more. */
bool dice_step(void);
uint32_t dice_step_number(void);

uint32_t dice_pick(uint32_t n);			/* 0 to n - 1; n at most 65536 */
bool dice_chance(uint32_t per_256);		/* 256 is always but for a zero byte */

void dice_secret(void *out, size_t len);

#endif
