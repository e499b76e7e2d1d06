/*
 * listen - a listening TCP socket from an address in words.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include <stdbool.h>

#include "base/err.h"

#define LISTEN_TEXT 64

/* Binds "127.0.0.1:PORT" or "[::1]:PORT", numbers only, port 0 for any; OUT is
 * non-blocking and listens, ADDRESS says where, LOOPBACK that only this machine can
 * get there.  ERR_USAGE when WHERE is no address, ERR_IO when it cannot be had. */
enum err_code listen_open(int *out, char address[LISTEN_TEXT], bool *loopback, const char *where,
    struct err *err);

#endif
