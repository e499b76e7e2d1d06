/* The first byte chooses encoding and separator.  Cells are UTF-8 within bounds;
 * a table that is read, written and read again is the same. */
#include "fuzz.h"

#include <iconv.h>
#include <malloc.h>

#include "base/bytes.h"
#include "text/csv.h"

static enum err_code
read_all(struct buf *out, const void *p, size_t len, const struct csv_options *options, int *nul)
{
	FILE *in = len ? fmemopen((void *)p, len, "rb") : fopen("/dev/null", "rb");
	struct csv *csv = NULL;
	struct csv_row row;
	struct err err;
	enum err_code code;

	FUZZ_HOLDS(in != NULL);
	*nul = 0;
	if ((code = csv_open(&csv, in, options, &err)) == OK)
		while ((code = csv_next(csv, &row, &err)) == OK && row.count) {
			FUZZ_HOLDS(row.count <= CSV_CELLS_MAX);
			*nul |= row.has_nul;
			for (size_t i = 0; i < row.count; i++) {
				size_t n = strlen(row.cells[i]);

				FUZZ_HOLDS(n <= CSV_CELL_MAX && bytes_is_utf8(row.cells[i], n));
				if (i)
					buf_addc(out, ',');
				/* Quoted always: a line of empty cells would be skipped. */
				buf_addc(out, '"');
				for (const char *c = row.cells[i]; *c; c++) {
					if (*c == '"')
						buf_addc(out, '"');
					buf_addc(out, *c);
				}
				buf_addc(out, '"');
			}
			buf_adds(out, "\r\n");
		}
	csv_close(csv);
	fclose(in);
	return code;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const encodings[] = { NULL, "UTF-8", "CP1250", "UTF-16LE", "CP1251", "ISO-8859-2" };
	static const char separators[] = { 0, ',', ';', '\t', '|' };
	static const char *const pages[] = { "UTF-8", "UTF-16LE", "CP1250", "CP1251", "CP1252", "CP866", "KOI8-R",
		"ISO-8859-2" };
	static const struct csv_options plain = { "UTF-8", ',' };
	static iconv_t kept[sizeof(pages) / sizeof(pages[0])];
	static int begun;
	struct csv_options options;
	struct buf first, second;
	int nul, nul_again;

	/* What costs the most is to load tables of encodings and to ask the kernel for memory. */
	if (!begun++) {
		mallopt(M_MMAP_THRESHOLD, 8 << 20);
		mallopt(M_TRIM_THRESHOLD, 64 << 20);
		for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
			FUZZ_HOLDS((kept[i] = iconv_open("UTF-8", pages[i])) != (iconv_t)-1);
	}
	if (size == 0)
		return 0;
	options.encoding = encodings[data[0] % 6];
	options.separator = separators[data[0] / 6 % 5];
	buf_init(&first, 8u << 20);
	buf_init(&second, 8u << 20);
	if (read_all(&first, data + 1, size - 1, &options, &nul) == OK && !nul && !first.full) {
		FUZZ_HOLDS(read_all(&second, first.p, first.len, &plain, &nul_again) == OK);
		FUZZ_HOLDS(fuzz_same(&second, first.p, first.len));
	}
	buf_release(&first);
	buf_release(&second);
	return 0;
}
