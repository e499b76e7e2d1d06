#include "clock.h"

#include <sodium.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "dice.h"

static uint64_t machine_ms;

void
clock_set_ms(uint64_t now_ms)
{
	machine_ms = now_ms;
}

uint64_t
clock_now_ms(void)
{
	return machine_ms;
}

uint64_t
clock_real_ms(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t
clock_used_ms(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int
clock_gettime(clockid_t id, struct timespec *out)
{
	(void)id;
	out->tv_sec = (time_t)(machine_ms / 1000);
	out->tv_nsec = (long)(machine_ms % 1000) * 1000000;
	return 0;
}

time_t
time(time_t *out)
{
	time_t now = (time_t)(machine_ms / 1000);

	if (out)
		*out = now;
	return now;
}

static const char *
name(void)
{
	return "sim";
}

static uint32_t
one(void)
{
	uint32_t x;

	dice_secret(&x, sizeof(x));
	return x;
}

static void
many(void *const out, const size_t len)
{
	dice_secret(out, len);
}

void
clock_take_randomness(void)
{
	static randombytes_implementation implementation = {
		.implementation_name = name, .random = one, .buf = many,
	};

	randombytes_set_implementation(&implementation);
}

/* A backup's passphrase is hashed for a second and 256 MiB; here it is only
 * another key for another passphrase. */
int
crypto_pwhash(unsigned char *const out, unsigned long long out_len, const char *const passphrase,
    unsigned long long len, const unsigned char *const salt, unsigned long long ops, size_t memory,
    int algorithm)
{
	(void)ops;
	(void)memory;
	(void)algorithm;
	return crypto_generichash(out, (size_t)out_len, (const unsigned char *)passphrase, len, salt,
	    crypto_pwhash_SALTBYTES);
}
