#include "cli/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 100

static struct {
	bool shown;
	long long last_ms;
} state;

void
progress_show(const char *fmt, ...)
{
	struct timespec now;
	long long now_ms;
	va_list ap;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ms = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if ((state.shown && now_ms - state.last_ms < INTERVAL_MS) || !isatty(STDERR_FILENO))
		return;
	state.shown = true;
	state.last_ms = now_ms;
	fputs("\r\033[K", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
}

void
progress_end(void)
{
	if (state.shown)
		fputs("\r\033[K", stderr);
	state.shown = false;
}
