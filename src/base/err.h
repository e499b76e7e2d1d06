/*
 * err - what went wrong, in a code a caller can act upon and words a person
 * can read.
 *
 * A function that can fail returns enum err_code and takes a caller-owned
 * struct err last.  Failing is one line where the trouble is found; callers
 * add context in front on the way up; the edge prints once.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	OK = 0,
	ERR_NOT_FOUND,		/* no such thing here, or not visible to the asker */
	ERR_IO,			/* disk, database, memory of a lower layer */
	ERR_USAGE,		/* the command was misused */
	ERR_INVALID,		/* bytes or values that break a rule of their format */
	ERR_DENIED,		/* the right to do it is missing */
	ERR_CONFLICT,		/* somebody else changed it meanwhile */
	ERR_NETWORK		/* the other side cannot be reached, or hung up */
};

struct err {
	enum err_code code;
	char msg[512];
};

/* Set the words and return CODE.  ERR may be NULL: then only the code travels. */
enum err_code err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "FMT: " before the words already there and return the code already there. */
enum err_code err_wrap(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The process exit status that a code stands for (0 to 6, a contract for scripts). */
int err_exit_status(enum err_code code);

#endif
