/*
 * input - what people type, as the values that ops carry, and back.
 *
 * Nothing is guessed: what cannot be read one way only is ERR_INVALID, in
 * words that show a form that works.
 */
#ifndef TEXT_INPUT_H
#define TEXT_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct buf;

enum input_dates { INPUT_ISO, INPUT_DMY, INPUT_MDY, INPUT_YMD };

struct input_rules {
	enum input_dates dates;		/* how 3/4/2026 is read; ISO 8601 always is */
	const char *currency;		/* of an amount without one: "EUR" */
	int64_t now_ms;			/* for today, tomorrow, +3d, -2w, eom */
	int32_t zone_minutes;		/* east of UTC: where "today" is */
	const char *phone_prefix;	/* "+40": of a number without a country; NULL: kept without one */
};

/* "2026-11-21", or what is read as it: "21.11.2026" (as the rules say; under
 * INPUT_ISO and INPUT_YMD only if it can be read one way), "today", "mâine",
 * "+3d", "-2w", "+1m", "+1y", "eom".  Years have four digits. */
enum err_code input_date(char out[11], const char *text, const struct input_rules *rules, struct err *err);
/* Milliseconds UTC: any of the dates above (its midnight in the rules' zone), the
 * same with "14:30" or "14:30:05.250" after it, "now", RFC 3339. */
enum err_code input_instant(int64_t *out, const char *text, const struct input_rules *rules, struct err *err);
/* "45000", "1 234,56 zł", "1.234,56 RON", "1234.5 USD", "-3 EUR" -> minor
 * units and ISO code.  A group separator that could be a decimal point
 * ("1.234") is read as a group only when the rest proves it, else refused. */
enum err_code input_money(int64_t *minor, char currency[4], const char *text,
    const struct input_rules *rules, struct err *err);
enum err_code input_int(int64_t *out, const char *text, struct err *err);
enum err_code input_bool(bool *out, const char *text, struct err *err);	/* yes no true false 1 0 da нет sí tak ... */
/* "+40 744-123.456" -> "+40744123456"; numbers that are none are refused.  A
 * number without a country must have the length its prefix's country gives. */
enum err_code input_phone(struct buf *out, const char *text, const struct input_rules *rules, struct err *err);
enum err_code input_email(struct buf *out, const char *text, struct err *err);	/* domain lower-cased */

/* "1234.56 EUR" with as many decimals as the currency has. */
void input_show_money(struct buf *out, int64_t minor, const char *currency);
/* "2026-11-21T14:30:00Z". */
void input_show_instant(struct buf *out, int64_t ms);

/* Precision for "%.*s": as much of TEXT as belongs into words, no character cut. */
int input_shown(const char *text);

#endif
