#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err_code
err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return code;
}

enum err_code
err_wrap(struct err *err, const char *fmt, ...)
{
	char lower[sizeof(err->msg)];
	va_list ap;
	size_t len;

	if (err == NULL)
		return ERR_IO;
	memcpy(lower, err->msg, sizeof(lower));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", lower);
	return err->code;
}

int
err_exit_status(enum err_code code)
{
	switch (code) {
	case OK:
		return 0;
	case ERR_NOT_FOUND:
	case ERR_IO:
		return 1;
	case ERR_USAGE:
		return 2;
	case ERR_INVALID:
		return 3;
	case ERR_DENIED:
		return 4;
	case ERR_CONFLICT:
		return 5;
	case ERR_NETWORK:
		return 6;
	}
	return 1;
}
