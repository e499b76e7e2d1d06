/*
 * passphrase - a secret from a person, never from the command line itself.
 */
#ifndef CLI_PASSPHRASE_H
#define CLI_PASSPHRASE_H

#include "base/err.h"

#define PASSPHRASE_MAX 1024

/* The first line of FILE ("-": standard input); with FILE NULL it is asked for
 * on the terminal without echo, TWICE when a mistake would cost the data. */
enum err_code passphrase_get(char out[PASSPHRASE_MAX], const char *file, int twice, struct err *err);
void passphrase_wipe(char passphrase[PASSPHRASE_MAX]);

#endif
