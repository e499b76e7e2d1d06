/*
 * bytes - numbers and bytes as text and back, strictly: one text for one
 * value, so that decode(encode(x)) = x and encode(decode(t)) = t.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Lower-case hexadecimal.  OUT holds 2*LEN+1 bytes; the text is NUL-ended. */
void bytes_to_hex(char *out, const void *p, size_t len);
/* Exactly LEN bytes from 2*LEN lower-case digits; false on anything else. */
bool bytes_from_hex(void *out, size_t len, const char *text, size_t text_len);

/* A digit in either case, as people and git write them; -1 for another letter. */
int bytes_hex_digit(char c);

/* base64url (RFC 4648 section 5) without padding. */
#define BYTES_B64_LEN(n) (((n) * 4 + 2) / 3)
void bytes_to_b64(char *out, const void *p, size_t len);	/* BYTES_B64_LEN(len)+1 */
/* Exactly LEN bytes; refuses wrong length, other letters and stray low bits. */
bool bytes_from_b64(void *out, size_t len, const char *text, size_t text_len);

/* Decimal without sign, leading zero or overflow. */
bool bytes_to_u64(uint64_t *out, const char *text, size_t text_len);
bool bytes_to_i64(int64_t *out, const char *text, size_t text_len);	/* "-0" refused */

void bytes_put_be64(uint8_t out[8], uint64_t v);
uint64_t bytes_get_be64(const uint8_t in[8]);
void bytes_put_be32(uint8_t out[4], uint32_t v);
uint32_t bytes_get_be32(const uint8_t in[4]);

/* LEB128, shortest form only. */
void bytes_add_varint(struct buf *buf, uint64_t v);
/* Advances *P; false at END, on overflow or a longer form than needed. */
bool bytes_get_varint(uint64_t *out, const uint8_t **p, const uint8_t *end);

/* Well-formed UTF-8 (no overlong form, surrogate or code point above 10FFFF). */
bool bytes_is_utf8(const char *p, size_t len);

#endif
