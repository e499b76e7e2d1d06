/*
 * clock - the time, randomness and costly hashing of the simulated machines.
 *
 * These take the places of libc's clock_gettime and time and of libsodium's
 * randomness and password hash by their names: the program's own definition
 * goes before a library's.  So nothing in the product knows about it.
 */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdint.h>

/* The clock of the machine that is running now, milliseconds UTC. */
void clock_set_ms(uint64_t now_ms);
uint64_t clock_now_ms(void);
/* Before libsodium starts. */
void clock_take_randomness(void);
/* How long this really takes, in milliseconds: on the wall, and of one processor. */
uint64_t clock_real_ms(void);
uint64_t clock_used_ms(void);

#endif
