/* sql FILE STATEMENTS: run SQL on a database behind its owner's back. */
#include <stdio.h>

#include <sqlite3.h>

int
main(int argc, char **argv)
{
	sqlite3 *db = NULL;
	char *said = NULL;
	int status;

	if (argc != 3) {
		fputs("usage: sql FILE STATEMENTS\n", stderr);
		return 2;
	}
	status = sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE, NULL);
	if (status == SQLITE_OK)
		status = sqlite3_exec(db, argv[2], NULL, NULL, &said);
	if (status != SQLITE_OK)
		fprintf(stderr, "%s: %s\n", argv[1], said ? said : sqlite3_errmsg(db));
	sqlite3_free(said);
	sqlite3_close(db);
	return status != SQLITE_OK;
}
