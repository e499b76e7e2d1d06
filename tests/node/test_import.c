#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "node/import.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/row.h"
#include "../support/home.h"
#include "text/csv.h"

#define ROWS 2000

struct fixture {
	struct home home;
	char path[128], errors[160];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	setenv("LC_ALL", "C", 1);
	home_make(&f->home);
	snprintf(f->path, sizeof(f->path), "%s/in.csv", f->home.dir);
	snprintf(f->errors, sizeof(f->errors), "%s.errors.csv", f->path);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	unlink(f->errors);
	home_remove(&f->home);
	free(f);
	return 0;
}

static void
write_file(const struct fixture *f, const char *text)
{
	FILE *out = fopen(f->path, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void
read_text(struct buf *out, const char *path)
{
	FILE *in = fopen(path, "r");
	char bytes[4096];
	size_t n;

	buf_init(out, 1u << 20);
	assert_non_null(in);
	while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		buf_add(out, bytes, n);
	fclose(in);
}

static void
run_file(struct import_result *out, struct fixture *f, const char *path,
    const struct import_options *options)
{
	struct err err = { 0 };

	if (import_file(out, f->home.node, path, options, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
run(struct import_result *out, struct fixture *f, const char *text, const struct import_options *options)
{
	write_file(f, text);
	run_file(out, f, f->path, options);
}

static void
assert_counts(const struct import_result *r, unsigned long added, unsigned long changed,
    unsigned long same, unsigned long errors)
{
	if (r->added != added || r->changed != changed || r->same != same || r->errors != errors)
		fail_msg("%lu added, %lu changed, %lu same, %lu errors (%s); %lu, %lu, %lu, %lu expected",
		    r->added, r->changed, r->same, r->errors, r->first_error, added, changed, same, errors);
	assert_int_equal(r->rows, added + changed + same + errors);
}

static struct found
find_it(struct fixture *f, const char *type, const char *name)
{
	struct found found;
	struct err err = { 0 };

	if (find_one(&found, f->home.node, schema_type(type, strlen(type)), name, &err) != OK)
		fail_msg("%s", err.msg);
	return found;
}

/* The value shown, for people; keys of a set or map each followed by a blank. */
static void
assert_field(struct fixture *f, const char *type_name, const char *name, const char *field_name,
    const char *expected)
{
	struct found found = find_it(f, strcmp(type_name, "assignment") == 0 ||
	    strcmp(type_name, "account") == 0 ? "client" : type_name, name);
	const struct type *type = schema_type(type_name, strlen(type_name));
	const struct field *field = schema_field(type, field_name, strlen(field_name));
	struct row row = { 0 };
	struct err err = { 0 };
	struct buf text;

	buf_init(&text, 1u << 16);
	assert_non_null(field);
	assert_int_equal(row_load(&row, f->home.node->db, type, found.k, &err), OK);
	for (size_t i = 0; i < row.cells[field - type->fields].count; i++) {
		const struct item *item = &row.cells[field - type->fields].items[i];

		if (item->key)
			buf_addf(&text, "%.*s ", (int)item->key_len, item->key);
		else
			value_to_text(&text, f->home.node, field, (struct value){ item->value, item->value_len });
	}
	assert_string_equal(text.p, expected);
	buf_release(&text);
	row_release(&row);
}

static int64_t
count_of(struct fixture *f, const char *type_name)
{
	struct sqlite3_stmt *stmt;
	struct err err = { 0 };
	int64_t count = 0;
	bool row;

	assert_int_equal(db_query(&stmt, f->home.node->db, row_sql(schema_type(type_name, strlen(type_name)),
	    ROW_EACH), &err, "i", (int64_t)0), OK);
	for (;;) {
		assert_int_equal(db_row(f->home.node->db, stmt, &row, &err), OK);
		if (!row)
			return count;
		count++;
	}
}

static const struct import_options clients = { .type = "client" };

static void
headers_of_five_languages_are_known(void **state)
{
	static const char *const files[] = {
		"Company,Phone,E-mail,City,Street address,Country,VAT number,Owner,Web site,External ID\n",
		"Denumire firmă;Nr. telefon;Adresă de e-mail;Oraș;Stradă;Țara;Cod fiscal;Responsabil;Site web;ID\n",
		"Организация,Телефон,Электронная почта,Город,Адрес,Страна,ИНН,Ответственный,Сайт,Внешний код\n",
		"Nombre;Teléfono;Correo electrónico;Ciudad;Dirección;País;NIF;Responsable;Sitio web;Identificador\n",
		"Nazwa firmy;Numer telefonu;Adres e-mail;Miasto;Ulica;Państwo;NIP;Opiekun;Strona www;Identyfikator\n",
	};
	static const char *const expected[] = { "name", "phones", "emails", "city", "address", "country",
		"tax_id", "owner", "sites", "ext" };
	struct fixture *f = *state;
	struct import_result r;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const char *p;

		run(&r, f, files[i], &clients);
		p = r.mapping;
		for (size_t c = 0; c < 10; c++) {
			p = strstr(p, " -> ");
			if (p == NULL || strncmp(p + 4, expected[c], strlen(expected[c])) != 0)
				fail_msg("%s: column %zu is not %s", r.mapping, c, expected[c]);
			p += 4;
		}
	}
}

static void
cells_become_fields_of_the_client_and_its_facets(void **state)
{
	struct fixture *f = *state;
	struct import_result r;

	run(&r, f, "Company,Phone,Mobile,E-mail,Tags,Owner,Balance,Fax\n"
	    "Plugar SRL,+40 744 123 456;+40 744 123 457,+40744123458,Office@Plugar.RO.example,a|b,Ana Ionescu,"
	    "12.50 EUR,none\n", &clients);
	assert_counts(&r, 1, 0, 0, 0);
	assert_string_equal(r.mapping, "Company -> name, Phone -> phones, Mobile -> phones, "
	    "E-mail -> emails, Tags -> tags, Owner -> owner, Balance -> balance, (Fax: no field)");
	assert_field(f, "client", "Plugar SRL", "phones", "\"+40744123456\" \"+40744123457\" \"+40744123458\" ");
	assert_field(f, "client", "Plugar SRL", "emails", "\"Office@plugar.ro.example\" ");
	assert_field(f, "client", "Plugar SRL", "tags", "\"a\" \"b\" ");
	assert_field(f, "assignment", "Plugar SRL", "owner", "Ana Ionescu");
	assert_field(f, "account", "Plugar SRL", "balance", "12.50 EUR");
}

static void
a_map_overrides_headers_and_names_what_there_is(void **state)
{
	struct fixture *f = *state;
	struct import_options options = { .type = "client", .map = "town hall=city, Name=" };
	struct import_result r;
	struct err err = { 0 };

	run(&r, f, "Company,Town Hall,Name\nAlfa,Iași,x\n", &options);
	assert_string_equal(r.mapping, "Company -> name, Town Hall -> city, (Name: left out)");
	assert_field(f, "client", "Alfa", "city", "Iași");
	options.map = "Village=city";
	assert_int_equal(import_file(&r, f->home.node, f->path, &options, &err), ERR_USAGE);
	assert_non_null(strstr(err.msg, "Company, Town Hall, Name"));
	options.map = "Company=colour";
	assert_int_equal(import_file(&r, f->home.node, f->path, &options, &err), ERR_USAGE);
	assert_non_null(strstr(err.msg, "legal_form"));
	options.map = "Company=name,Name=name";
	assert_int_equal(import_file(&r, f->home.node, f->path, &options, &err), ERR_USAGE);
}

static void
a_file_without_a_known_column_is_refused(void **state)
{
	struct fixture *f = *state;
	struct import_result r;
	struct err err = { 0 };

	write_file(f, "a,b\n1,2\n");
	assert_int_equal(import_file(&r, f->home.node, f->path, &clients, &err), ERR_USAGE);
	write_file(f, "");
	assert_int_equal(import_file(&r, f->home.node, f->path, &clients, &err), ERR_INVALID);
	assert_int_equal(count_of(f, "client"), 0);
}

static void
a_second_run_by_key_writes_only_what_changed(void **state)
{
	struct fixture *f = *state;
	const struct import_options options = { .type = "client", .key = "Nr" };
	struct import_result r;

	run(&r, f, "Nr,Company,City,Owner\n1,Alfa,Cluj,Ana\n2,Beta,Iași,Ana\n", &options);
	assert_counts(&r, 2, 0, 0, 0);
	run(&r, f, "Nr,Company,City,Owner\n1,Alfa,Cluj,Ana\n2,Beta,Iași,Ana\n", &options);
	assert_counts(&r, 0, 0, 2, 0);
	/* An empty cell clears nothing. */
	run(&r, f, "Nr,Company,City\n1,Alfa,\n2,Beta,Bacău\n3,Gama,\n", &options);
	assert_counts(&r, 1, 1, 1, 0);
	assert_field(f, "client", "Alfa", "city", "Cluj");
	assert_field(f, "client", "Beta", "city", "Bacău");
	assert_int_equal(count_of(f, "client"), 3);
}

static void
another_source_has_ids_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct import_options options = { .type = "client", .source = "1c" };
	struct import_result r;

	run(&r, f, "ID,Company\n1,Alfa\n", &options);
	options.source = "er\"p";
	run_file(&r, f, f->path, &options);
	assert_counts(&r, 1, 0, 0, 0);
	run_file(&r, f, f->path, &options);
	assert_counts(&r, 0, 0, 1, 0);
}

static void
a_key_that_comes_twice_changes_its_first_record(void **state)
{
	struct fixture *f = *state;
	const struct import_options options = { .type = "client", .key = "Nr" };
	struct import_result r;

	run(&r, f, "Nr,Company,City,Owner\n1,Alfa,Cluj,\n1,Alfa,Iași,Ana\n1,Alfa,Iași,Ana\n", &options);
	assert_counts(&r, 1, 1, 1, 0);
	assert_int_equal(count_of(f, "client"), 1);
	/* One value, not two side by side. */
	assert_field(f, "client", "Alfa", "city", "Iași");
	assert_field(f, "assignment", "Alfa", "owner", "Ana Ionescu");
}

static void
a_row_with_a_wrong_cell_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct import_result r;
	struct buf text;
	struct stat st;

	run(&r, f, "Company,Phone,Employees\nAlfa,+40744123456,10\nBeta,phone,many\n,+40744123457,\n"
	    "Gama,,=1\n\"De;lta\",,3,extra\n", &clients);
	assert_counts(&r, 1, 0, 0, 4);
	assert_int_equal(count_of(f, "client"), 1);
	assert_non_null(strstr(r.first_error, "line 3: phones: "));
	assert_string_equal(r.errors_file, f->errors);
	assert_int_equal(stat(f->errors, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	read_text(&text, f->errors);
	assert_non_null(strstr(text.p, "Company,Phone,Employees,reason\r\nBeta,phone,many,\"phones: "));
	assert_non_null(strstr(text.p, "; employees: "));
	assert_non_null(strstr(text.p, ",\"'+40744123457\",,a client needs Name (name)\r\n"));
	assert_non_null(strstr(text.p, "De;lta,,3,more cells than the header has,extra\r\n"));
	buf_release(&text);
}

static void
a_mended_errors_file_is_imported(void **state)
{
	struct fixture *f = *state;
	char again[200];
	struct import_result r;
	struct buf text;
	struct stat st;

	run(&r, f, "Company,Phone\n,+40744123456\n", &clients);
	assert_counts(&r, 0, 0, 0, 1);
	run_file(&r, f, f->errors, &clients);
	assert_counts(&r, 0, 0, 0, 1);
	assert_string_equal(r.mapping, "Company -> name, Phone -> phones");
	/* Its reason stands once, in the column that was there. */
	snprintf(again, sizeof(again), "%s.errors.csv", f->errors);
	read_text(&text, again);
	assert_non_null(strstr(text.p, "Company,Phone,reason\r\n,"));
	buf_release(&text);
	assert_int_equal(unlink(again), 0);
	unlink(f->errors);
	run(&r, f, "Company,Phone,reason\nAlfa,'+40744123456,a client needs Name\n", &clients);
	assert_counts(&r, 1, 0, 0, 0);
	assert_field(f, "client", "Alfa", "phones", "\"+40744123456\" ");
	assert_string_equal(r.errors_file, "");
	assert_int_not_equal(stat(f->errors, &st), 0);
}

static void
a_dry_run_counts_and_writes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct import_options dry = { .type = "client", .key = "Nr", .dry_run = true };
	struct import_result r;
	struct buf text;
	struct stat st;

	buf_init(&text, 1u << 20);
	buf_adds(&text, "Nr,Company,City,Parent\n1,Alfa,Cluj,\n");
	for (int i = 2; i <= 1200; i++)
		buf_addf(&text, "%d,Firma %d,Cluj,Alfa\n", i, i);
	/* What an earlier chunk would have made is known. */
	buf_adds(&text, "1,Alfa,Cluj,\n2,Firma 2,Iași,Alfa\n3,,Cluj,Nobody\n");
	run(&r, f, text.p, &dry);
	assert_counts(&r, 1200, 1, 1, 1);
	assert_int_equal(count_of(f, "client"), 0);
	assert_int_not_equal(stat(f->errors, &st), 0);
	assert_non_null(strstr(r.first_error, "Nobody"));
	buf_release(&text);
}

static void
count_progress(void *context, unsigned long rows)
{
	unsigned long *seen = context;

	assert_true(rows > seen[1]);
	seen[0]++;
	seen[1] = rows;
}

static void
two_thousand_rows_come_in_chunks(void **state)
{
	struct fixture *f = *state;
	unsigned long seen[2] = { 0, 0 };
	const struct import_options options = { .type = "client", .key = "Nr", .progress = count_progress,
		.context = seen };
	struct import_result r;
	struct buf text;

	buf_init(&text, 1u << 20);
	buf_adds(&text, "Nr,Company,City,Phone,E-mail,Owner\n");
	for (int i = 0; i < ROWS; i++)
		buf_addf(&text, "K%d,Firma %d,Oraș %d,+40744%06d,f%d@example.org,Ana Ionescu\n", i, i, i % 40, i, i);
	run(&r, f, text.p, &options);
	assert_counts(&r, ROWS, 0, 0, 0);
	assert_int_equal(seen[0], 4);
	assert_int_equal(seen[1], ROWS);
	seen[1] = 0;
	run_file(&r, f, f->path, &options);
	assert_counts(&r, 0, 0, ROWS, 0);
	assert_int_equal(count_of(f, "client"), ROWS);
	assert_field(f, "client", "Firma 1999", "city", "Oraș 39");
	buf_release(&text);
}

static void
wide_rows_of_a_common_type_fit_their_batches(void **state)
{
	struct fixture *f = *state;
	const struct import_options options = { .type = "product", .key = "Code" };
	struct import_result r;
	struct buf text;

	buf_init(&text, 1u << 20);
	buf_adds(&text, "Code,Name,Barcodes,Stock\n");
	for (int i = 0; i < 600; i++) {
		buf_addf(&text, "P%d,Product %d,", i, i);
		for (int j = 0; j < 40; j++)
			buf_addf(&text, "%s%d", j ? "|" : "", i * 100 + j);
		buf_adds(&text, ",7\n");
	}
	run(&r, f, text.p, &options);
	assert_counts(&r, 600, 0, 0, 0);
	/* What was counted once is not counted again. */
	run_file(&r, f, f->path, &options);
	assert_counts(&r, 0, 0, 600, 0);
	assert_field(f, "product", "Product 599", "stock", "7");
	assert_field(f, "product", "Product 599", "code", "P599");
	buf_release(&text);
}

static void
dates_are_read_as_the_option_says(void **state)
{
	struct fixture *f = *state;
	struct import_options options = { .type = "deal", .dates = INPUT_MDY };
	struct import_result r;

	run(&r, f, "Company\nAlfa\n", &clients);
	run(&r, f, "Title,Account,Close date\nOne,Alfa,3/4/2026\n", &options);
	assert_counts(&r, 1, 0, 0, 0);
	assert_field(f, "deal", "One", "closed", "2026-03-04");
	options.dates = INPUT_DMY;
	run(&r, f, "Title,Account,Close date\nTwo,Alfa,3/4/2026\n", &options);
	assert_field(f, "deal", "Two", "closed", "2026-04-03");
	options.dates = INPUT_ISO;
	run(&r, f, "Title,Account,Close date\nThree,Alfa,3/4/2026\n", &options);
	assert_counts(&r, 0, 0, 0, 1);
}

static void
deals_find_their_client_product_owner_and_stage(void **state)
{
	struct fixture *f = *state;
	const struct import_options deals = { .type = "deal", .key = "Id" };
	const struct import_options products = { .type = "product" };
	struct import_result r;

	run(&r, f, "Id,Company\n77,Alfa\n78,Beta\n", &clients);
	run(&r, f, "Product,Code\nGTX Pro,G1\n", &products);
	run(&r, f, "Id,Title,Account,Product,Sales agent,Deal stage,Lost reason\n"
	    "a,One,77,gtx pro,ana,Offer,Price\nb,Two,Beta,G1,,Lost,Price\nc,Three,Beta,,,Lost,The dog\n"
	    "d,Four,Beta,GTXPro,,,\ne,Five,Nobody,,,,\nf,Six,,,,,\ng,Seven,Beta,GTX,,,\nh,Eight,Beta,,,Nowhere,\n",
	    &deals);
	assert_counts(&r, 3, 0, 0, 5);
	assert_field(f, "deal", "One", "product", "GTX Pro");
	assert_field(f, "deal", "One", "responsible", "Ana Ionescu");
	assert_field(f, "deal", "One", "stage", "Offer");
	assert_field(f, "deal", "Two", "product", "GTX Pro");
	assert_field(f, "deal", "Two", "stage", "Lost: Price");
	assert_field(f, "deal", "Three", "stage", "Lost: The dog");
	/* Without the column the reason stays while the stage does. */
	run(&r, f, "Id,Deal stage\nb,Lost\nc,Offer\n", &deals);
	assert_counts(&r, 0, 1, 1, 0);
	assert_field(f, "deal", "Two", "stage", "Lost: Price");
	assert_field(f, "deal", "Three", "stage", "Offer");
	/* A record does not move to another client. */
	run(&r, f, "Id,Account\na,Beta\n", &deals);
	assert_counts(&r, 0, 0, 0, 1);
}

static void
what_is_set_is_set_in_every_row(void **state)
{
	static const char *const words[] = { "client=Alfa", "city=Iași", "language=ro" };
	struct fixture *f = *state;
	struct import_options options = { .type = "client", .set = words + 1, .set_count = 2 };
	struct import_result r;
	struct err err = { 0 };

	run(&r, f, "Company,City\nAlfa,Cluj\nBeta,\n", &options);
	assert_field(f, "client", "Alfa", "city", "Cluj");
	assert_field(f, "client", "Beta", "city", "Iași");
	options = (struct import_options){ .type = "contact", .set = words, .set_count = 1 };
	run(&r, f, "First name,Last name,Job title\nIon,Pop,Director\n", &options);
	assert_counts(&r, 1, 0, 0, 0);
	assert_field(f, "contact", "Ion Pop", "position", "Director");
	options.set = words + 1;
	assert_int_equal(import_file(&r, f->home.node, f->path, &options, &err), ERR_USAGE);
	options.set_count = 0;
	run_file(&r, f, f->path, &options);
	assert_counts(&r, 0, 0, 0, 1);
	assert_non_null(strstr(r.first_error, "needs the client"));
}

static void
people_are_representatives_unless_told_otherwise(void **state)
{
	struct fixture *f = *state;
	const struct import_options options = { .type = "person" };
	struct import_result r;

	run(&r, f, "Sales agent,Regional office\nMoses Frase,Central\n", &options);
	assert_counts(&r, 1, 0, 0, 0);
	assert_field(f, "person", "Moses Frase", "role", "rep");
	assert_field(f, "person", "Moses Frase", "branch", "Central");
	run(&r, f, "Name,Role\nErin Prime,branch\n", &options);
	assert_field(f, "person", "Erin Prime", "role", "branch");
}

static void
a_label_of_a_phone_survives_a_column_of_numbers(void **state)
{
	struct fixture *f = *state;
	struct import_result r;

	run(&r, f, "Id,Company,Phone\n1,Alfa,+40744123456=office\n", &clients);
	run(&r, f, "Id,Company,Phone\n1,Alfa,+40 744 123 456\n", &clients);
	assert_counts(&r, 0, 0, 1, 0);
	run(&r, f, "Id,Company,Phone\n1,Alfa,+40 744 123 456=home\n", &clients);
	assert_counts(&r, 0, 1, 0, 0);
}

static void
a_row_without_its_key_or_with_a_deleted_record_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct import_options options = { .type = "client", .key = "Nr" };
	struct import_result r;
	struct err err = { 0 };

	run(&r, f, "Nr,Company\n1,Alfa\n,Beta\n", &options);
	assert_counts(&r, 1, 0, 0, 1);
	assert_int_equal(db_exec(f->home.node->db, "UPDATE client SET deleted = 1", &err), OK);
	run(&r, f, "Nr,Company\n1,Alfa\n", &options);
	assert_counts(&r, 0, 0, 0, 1);
	assert_non_null(strstr(r.first_error, "deleted"));
}

static void
rows_before_a_broken_one_are_in(void **state)
{
	struct fixture *f = *state;
	struct import_result r;
	struct err err = { 0 };

	write_file(f, "Company\nAlfa\n\"Beta\n");
	assert_int_equal(import_file(&r, f->home.node, f->path, &clients, &err), ERR_INVALID);
	assert_int_equal(count_of(f, "client"), 1);
	assert_non_null(strstr(err.msg, "after 1 rows"));
}

/* Behind the back of the log: nobody but a head could, and he is none afterwards. */
static void
become(struct fixture *f, const char *role)
{
	struct err err = { 0 };
	char sql[80];

	snprintf(sql, sizeof(sql), "UPDATE person SET role = '%s' WHERE name = 'Ana Ionescu'", role);
	assert_int_equal(db_exec(f->home.node->db, sql, &err), OK);
}

static void
a_rep_makes_clients_his_own_and_an_auditor_imports_nothing(void **state)
{
	struct fixture *f = *state;
	const struct import_options options = { .type = "client", .key = "Nr" };
	struct import_result r;
	struct err err = { 0 };

	home_add(&f->home, "person", NULL, (const char *const[]){ "name=Boris", "role=rep", NULL });
	run(&r, f, "Nr,Company,Owner\n9,Omega,Boris\n", &options);
	become(f, "rep");
	run(&r, f, "Nr,Company,Owner\n1,Alfa,Ana\n2,Beta,\n3,Gama,Boris\n9,Omega,Ana\n", &options);
	assert_counts(&r, 2, 0, 0, 2);
	assert_int_equal(count_of(f, "client"), 3);
	assert_field(f, "assignment", "Beta", "owner", "Ana Ionescu");
	/* He may not assign, but a row that says what is so already is no attempt. */
	run(&r, f, "Nr,Company,Owner\n1,Alfa,Ana\n1,Alfa,Boris\n", &options);
	assert_counts(&r, 0, 0, 1, 1);
	become(f, "auditor");
	assert_int_equal(import_file(&r, f->home.node, f->path, &options, &err), ERR_DENIED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(headers_of_five_languages_are_known),
		TEST(cells_become_fields_of_the_client_and_its_facets),
		TEST(a_map_overrides_headers_and_names_what_there_is),
		TEST(a_file_without_a_known_column_is_refused),
		TEST(a_second_run_by_key_writes_only_what_changed),
		TEST(another_source_has_ids_of_its_own),
		TEST(a_key_that_comes_twice_changes_its_first_record),
		TEST(a_row_with_a_wrong_cell_leaves_nothing),
		TEST(a_mended_errors_file_is_imported),
		TEST(a_dry_run_counts_and_writes_nothing),
		TEST(two_thousand_rows_come_in_chunks),
		TEST(wide_rows_of_a_common_type_fit_their_batches),
		TEST(dates_are_read_as_the_option_says),
		TEST(deals_find_their_client_product_owner_and_stage),
		TEST(what_is_set_is_set_in_every_row),
		TEST(people_are_representatives_unless_told_otherwise),
		TEST(a_label_of_a_phone_survives_a_column_of_numbers),
		TEST(a_row_without_its_key_or_with_a_deleted_record_is_refused),
		TEST(rows_before_a_broken_one_are_in),
		TEST(a_rep_makes_clients_his_own_and_an_auditor_imports_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
