#include "text/input.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "text/fold.h"

#define DAY_MS		INT64_C(86400000)
#define MINUTE_MS	INT64_C(60000)
#define YEAR_MIN	1000
#define YEAR_MAX	9999
#define STEPS_MAX	99999	/* of +Nd */
#define TEXT_MAX	64

/* Proleptic Gregorian. */
struct date {
	int64_t year;
	int month, day;
};

static int
days_in_month(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 and back, counted in eras of 400 years that begin in
 * March (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t
days_of_date(struct date date)
{
	int64_t year = date.year - (date.month <= 2), era, of_era, of_year;

	era = (year >= 0 ? year : year - 399) / 400;
	of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
	of_era = year - era * 400;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct date
date_of_days(int64_t days)
{
	int64_t era, of_era, year, of_year, month;
	struct date date;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = days - era * 146097;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	date.day = (int)(of_year - (153 * month + 2) / 5 + 1);
	date.month = (int)(month < 10 ? month + 3 : month - 9);
	date.year = year + era * 400 + (date.month <= 2);
	return date;
}

static int64_t
floor_div(int64_t n, int64_t by)
{
	return n / by - (n % by < 0);
}

static bool
is_valid(struct date date)
{
	return date.year >= YEAR_MIN && date.year <= YEAR_MAX && date.month >= 1 && date.month <= 12 &&
	    date.day >= 1 && date.day <= days_in_month(date.year, date.month);
}

static struct date
add_months(struct date date, long months)
{
	int64_t n = date.year * 12 + date.month - 1 + months;

	date.year = floor_div(n, 12);
	date.month = (int)(n - date.year * 12) + 1;
	if (date.day > days_in_month(date.year, date.month))
		date.day = days_in_month(date.year, date.month);
	return date;
}

/* Digits at P into *OUT; how many there are, 0 when more than MAX. */
static int
read_digits(long *out, const char **p, int max)
{
	int n = 0;

	for (*out = 0; **p >= '0' && **p <= '9'; (*p)++) {
		if (++n > max)
			return 0;
		*out = *out * 10 + (**p - '0');
	}
	return n;
}

static const struct {
	const char *folded;
	int days;
} day_words[] = {
	{ "today", 0 }, { "tomorrow", 1 }, { "yesterday", -1 },
	{ "azi", 0 }, { "astazi", 0 }, { "maine", 1 }, { "ieri", -1 },
	{ "сегодня", 0 }, { "завтра", 1 }, { "вчера", -1 },
	{ "hoy", 0 }, { "manana", 1 }, { "ayer", -1 },
	{ "dzis", 0 }, { "dzisiaj", 0 }, { "jutro", 1 }, { "wczoraj", -1 },
};

/* today, tomorrow, eom, +3d, -2w, +1m, +1y. */
static bool
read_relative(struct date *out, const char *text, const struct input_rules *rules)
{
	int64_t today = floor_div(rules->now_ms + rules->zone_minutes * MINUTE_MS, DAY_MS);
	const char *p = text + 1;
	struct buf folded;
	bool found = false;
	size_t i;
	long n;

	if (*text == '+' || *text == '-') {
		if (!read_digits(&n, &p, 5) || n > STEPS_MAX || *p == '\0' || p[1] != '\0')
			return false;
		n = *text == '-' ? -n : n;
		if (*p == 'd' || *p == 'w')
			*out = date_of_days(today + n * (*p == 'w' ? 7 : 1));
		else if (*p == 'm' || *p == 'y')
			*out = add_months(date_of_days(today), n * (*p == 'y' ? 12 : 1));
		else
			return false;
		return true;
	}
	buf_init(&folded, TEXT_MAX * 12);
	fold_text(&folded, text, strlen(text));
	for (i = 0; i < sizeof(day_words) / sizeof(day_words[0]) && !found; i++) {
		found = strcmp(folded.p, day_words[i].folded) == 0;
		if (found)
			*out = date_of_days(today + day_words[i].days);
	}
	if (!found && strcmp(folded.p, "eom") == 0) {
		*out = date_of_days(today);
		out->day = days_in_month(out->year, out->month);
		found = true;
	}
	buf_release(&folded);
	return found;
}

/* Three numbers between two signs of the same kind; 4 digits are the year. */
static enum err_code
read_numbers(struct date *out, const char *text, enum input_dates dates, struct err *err)
{
	const char *p = text;
	long part[3] = { 0, 0, 0 };
	int width[3] = { 0, 0, 0 }, i;
	char sign = '\0';
	bool month_first;

	for (i = 0; i < 3; i++) {
		width[i] = read_digits(&part[i], &p, 4);
		if (width[i] == 0 || width[i] == 3)
			goto bad;
		if (i < 2 && ((*p != '-' && *p != '.' && *p != '/') || (i == 1 && *p != sign)))
			goto bad;
		if (i < 2)
			sign = *p++;
	}
	if (*p == '.')		/* "21.11.2026." in some countries */
		p++;
	if (*p != '\0' || width[1] > 2)
		goto bad;
	if (width[0] == 4 && width[2] <= 2) {
		*out = (struct date){ part[0], (int)part[1], (int)part[2] };
		return OK;
	}
	if (width[0] > 2)
		goto bad;
	if (width[2] != 4)
		return err_set(err, ERR_INVALID, "\"%.*s\": write the year in full, like 2026-11-21", input_shown(text), text);
	month_first = dates == INPUT_MDY;
	if (dates == INPUT_ISO || dates == INPUT_YMD) {
		if (part[0] <= 12 && part[1] <= 12 && part[0] != part[1])
			return err_set(err, ERR_INVALID, "\"%.*s\": is it %04ld-%02ld-%02ld or %04ld-%02ld-%02ld? "
			    "write it like that", input_shown(text), text, part[2], part[1], part[0], part[2], part[0], part[1]);
		month_first = part[1] > 12;
	}
	*out = (struct date){ part[2], (int)part[!month_first], (int)part[month_first] };
	return OK;
bad:
	return err_set(err, ERR_INVALID, "\"%.*s\": no date; one like 2026-11-21, today or +3d would be",
	    input_shown(text), text);
}

static enum err_code
read_date(struct date *out, const char *text, const struct input_rules *rules, struct err *err)
{
	enum err_code code;

	if (!read_relative(out, text, rules) &&
	    (code = read_numbers(out, text, rules->dates, err)) != OK)
		return code;
	if (!is_valid(*out))
		return err_set(err, ERR_INVALID, "\"%.*s\": there is no such day; write it like 2026-11-21",
		    input_shown(text), text);
	return OK;
}

/* TEXT without outer spaces; false if it is too long to be a time. */
static bool
trimmed(char out[TEXT_MAX], const char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (len >= TEXT_MAX)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

enum err_code
input_date(char out[11], const char *text, const struct input_rules *rules, struct err *err)
{
	char bare[TEXT_MAX];
	struct date date = { 0 };
	enum err_code code;

	if (!trimmed(bare, text))
		return err_set(err, ERR_INVALID, "\"%.*s\": too long for a date", input_shown(text), text);
	if ((code = read_date(&date, bare, rules, err)) != OK)
		return code;
	snprintf(out, 11, "%04u-%02u-%02u", (unsigned)date.year % 10000u, (unsigned)date.month % 100u,
	    (unsigned)date.day % 100u);
	return OK;
}

/* "14:30", "14:30:05", "14:30:05.250" at *P, past which it moves. */
static bool
read_clock(int64_t *ms, const char **p)
{
	long hour, minute, second = 0, part;
	int width;

	if (!read_digits(&hour, p, 2) || hour > 23 || *(*p)++ != ':')
		return false;
	if (read_digits(&minute, p, 2) != 2 || minute > 59)
		return false;
	if (**p == ':') {
		(*p)++;
		if (read_digits(&second, p, 2) != 2 || second > 59)
			return false;
	}
	*ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000);
	if (**p != '.')
		return true;
	(*p)++;
	width = read_digits(&part, p, 9);
	if (width == 0)
		return false;
	for (; width > 3; width--)
		part /= 10;
	for (; width < 3; width++)
		part *= 10;
	*ms += part;
	return true;
}

/* "Z", "+02:00" or nothing, which leaves *MINUTES. */
static bool
read_zone(int64_t *minutes, const char *p)
{
	long hour, minute;
	char sign = *p;

	if (sign == '\0')
		return true;
	if (sign == 'Z' || sign == 'z') {
		*minutes = 0;
		return p[1] == '\0';
	}
	p++;
	if ((sign != '+' && sign != '-') || read_digits(&hour, &p, 2) != 2 || hour > 23 ||
	    *p++ != ':' || read_digits(&minute, &p, 2) != 2 || minute > 59 || *p)
		return false;
	*minutes = (hour * 60 + minute) * (sign == '-' ? -1 : 1);
	return true;
}

enum err_code
input_instant(int64_t *out, const char *text, const struct input_rules *rules, struct err *err)
{
	char bare[TEXT_MAX];
	struct date date = { 0 };
	int64_t zone = rules->zone_minutes, clock = 0;
	enum err_code code;
	const char *p;
	char *colon, *split;

	if (!trimmed(bare, text))
		return err_set(err, ERR_INVALID, "\"%.*s\": too long for a time", input_shown(text), text);
	if (strcmp(bare, "now") == 0) {
		*out = rules->now_ms;
		return OK;
	}
	if ((colon = strchr(bare, ':')) != NULL) {
		for (split = colon; split > bare && *split != ' ' && *split != 'T' && *split != 't';)
			split--;
		if (split == bare)
			goto bad;
		p = split + 1;
		if (!read_clock(&clock, &p) || !read_zone(&zone, p))
			goto bad;
		while (split > bare && split[-1] == ' ')
			split--;
		*split = '\0';
	}
	if ((code = read_date(&date, bare, rules, err)) != OK)
		return code;
	*out = days_of_date(date) * DAY_MS + clock - zone * MINUTE_MS;
	return OK;
bad:
	return err_set(err, ERR_INVALID, "\"%.*s\": no time; one like 2026-11-21 14:30 would be", input_shown(text), text);
}

void
input_show_instant(struct buf *out, int64_t ms)
{
	int64_t days = floor_div(ms, DAY_MS), second = (ms % DAY_MS + DAY_MS) % DAY_MS / 1000;
	struct date date = date_of_days(days);

	buf_addf(out, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)date.year, date.month, date.day,
	    (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
}
