#include "cli/out.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define LINE_MAX_BYTES (1u << 20)

void
out_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
	putchar('\n');
}

/* Length of the control or direction character that P begins with: C1 controls,
 * and the signs that turn the order of what follows on a screen. */
static size_t
unsafe(const unsigned char *p)
{
	if (p[0] < 0x20 || p[0] == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae)
		return 3;
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3;
	return 0;
}

void
out_clean(struct buf *out, const char *text, bool lines)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len;

	while (*p) {
		if (lines && *p == '\n') {
			buf_addc(out, '\n');
			p++;
		} else if ((len = unsafe(p)) > 0) {
			buf_addc(out, ' ');
			p += len;
		} else {
			buf_addc(out, (char)*p++);
		}
	}
}

void
out_line(FILE *to, const char *text)
{
	struct buf clean;

	buf_init(&clean, LINE_MAX_BYTES);
	out_clean(&clean, text, false);
	fprintf(to, "%s\n", clean.p);
	buf_release(&clean);
}

void
out_say(FILE *to, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		abort();
	out_line(to, text);
	free(text);
}

static void
add_object(struct buf *out, const json_t *object)
{
	const char *key, *separator = "";
	json_t *value;

	if (json_is_string(json_object_get(object, "text"))) {
		buf_adds(out, out_string(object, "text"));
		return;
	}
	json_object_foreach((json_t *)object, key, value) {
		buf_addf(out, "%s%s", separator, key);
		if (!json_is_string(value) || json_string_length(value) > 0) {
			buf_addc(out, ' ');
			out_value(out, value);
		}
		separator = ", ";
	}
}

/* Of a tuple among several, what it leaves open is left out. */
static void
add_array(struct buf *out, const json_t *array)
{
	bool tuples = json_is_array(json_array_get(array, 0)), first = true;

	for (size_t i = 0; i < json_array_size(array); i++) {
		if (json_is_null(json_array_get(array, i)))
			continue;
		if (!first)
			buf_adds(out, tuples ? "; " : ", ");
		out_value(out, json_array_get(array, i));
		first = false;
	}
}

void
out_value(struct buf *out, const json_t *value)
{
	if (value == NULL)
		return;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add_object(out, value);
		break;
	case JSON_ARRAY:
		add_array(out, value);
		break;
	case JSON_STRING:
		buf_adds(out, json_string_value(value));
		break;
	case JSON_INTEGER:
		buf_addf(out, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		buf_addf(out, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
		buf_adds(out, "yes");
		break;
	case JSON_FALSE:
		buf_adds(out, "no");
		break;
	case JSON_NULL:
		break;
	}
}

void
out_time(struct buf *out, const char *rfc3339)
{
	struct tm utc = { 0 }, local;
	char text[32];
	const char *rest;
	time_t at;

	rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &utc);
	if (rest == NULL || rest[strlen(rest) - (*rest != '\0')] != 'Z') {
		buf_adds(out, rfc3339);
		return;
	}
	at = timegm(&utc);
	localtime_r(&at, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &local);
	buf_adds(out, text);
}

const char *
out_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool
colored(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') &&
	    term && strcmp(term, "dumb") != 0;
}

const char *
out_bold(void)
{
	return colored() ? "\033[1m" : "";
}

const char *
out_plain(void)
{
	return colored() ? "\033[0m" : "";
}

size_t
out_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

void
out_count(struct buf *out, unsigned long long n, const char *one, const char *many)
{
	buf_addf(out, "%llu %s", n, n == 1 ? one : many);
}
