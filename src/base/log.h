/*
 * log - one line per event of a serving process, to standard error.
 *
 * Never a secret and never what a record says: names of requests, counts, errors.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
