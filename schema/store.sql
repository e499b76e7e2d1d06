-- The tables that are not made from records.def, and the statements over all.
-- The log (writer, record, seal, batch) is the truth.  Record tables, sibling and
-- search are derived: rebuild empties and refills them from the log.

-- migration: 1

-- What this home is: one row per fact (docs/ARCHITECTURE.md lists the names).
CREATE TABLE meta(
	name TEXT PRIMARY KEY,
	value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Dense numbers for writers; 16 hexadecimal digits elsewhere.
CREATE TABLE writer(
	w INTEGER PRIMARY KEY,
	id BLOB NOT NULL UNIQUE,	-- 8 bytes
	key BLOB			-- its node's public key, once known and checked
) STRICT;

-- Dense numbers for record ids.  Not derived: batch.s is made of c.
CREATE TABLE record(
	k INTEGER PRIMARY KEY,
	id BLOB NOT NULL UNIQUE,	-- 16 bytes
	type INTEGER NOT NULL,		-- enum type_no
	c INTEGER NOT NULL		-- k of its client; 0 in a common shard
) STRICT;
CREATE INDEX record_c ON record(c, type) WHERE c != 0 AND c != k;

-- Signatures over batches.  What other columns or batches imply is not kept:
-- the proof is NULL while every batch of the seal is here.
CREATE TABLE seal(
	i INTEGER PRIMARY KEY,
	w INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	prev BLOB NOT NULL,		-- 32 bytes; empty for a writer's first
	leaves INTEGER NOT NULL,
	signature BLOB NOT NULL,
	proof BLOB,			-- hashes for the batches that are here
	b INTEGER NOT NULL		-- its first batch: at most `leaves` from there on are its own
) STRICT;

-- The log.  z is the zlib stream that goes into git packs as it is.
CREATE TABLE batch(
	b INTEGER PRIMARY KEY,		-- order of arrival here
	s INTEGER NOT NULL,		-- shard: 32 * client's k + enum block
	w INTEGER NOT NULL,
	seq INTEGER NOT NULL,		-- of its first op
	ops INTEGER NOT NULL,
	seal INTEGER NOT NULL,
	leaf INTEGER NOT NULL,		-- its place in the seal
	void INTEGER NOT NULL,		-- 1: refused by the hub; 2: the hub has to judge; kept, not applied
	size INTEGER NOT NULL,		-- inflated
	z BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX batch_s ON batch(s, w, seq);
CREATE INDEX batch_void ON batch(b) WHERE void = 2;

-- Where own seqs go on in a shard that was purged; h is a keyed hash of its name.
CREATE TABLE floor(
	h BLOB PRIMARY KEY,
	seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What heads have stated, by whom it is about; derived.
CREATE TABLE stated(
	w INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	about BLOB NOT NULL,		-- a person (16 bytes) or a device (8); 1: unreadable; 0: named, not here
	at_ms INTEGER NOT NULL,		-- by its author's clock
	value TEXT NOT NULL,		-- as signed
	seen BLOB NOT NULL,		-- dots, ascending, one a writer: what its author had seen (core/policy.h)
	PRIMARY KEY(w, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX stated_about ON stated(about);
-- Shards that were erased here and that the hub has not given again: keyed hashes
-- of their names.  A peer who does not know yet does not bring them back.
CREATE TABLE gone(
	h BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Values that stand beside the winner while a conflict lasts.
CREATE TABLE sibling(
	k INTEGER NOT NULL,
	type INTEGER NOT NULL,
	field INTEGER NOT NULL,
	pos INTEGER NOT NULL,		-- place among the field's live items
	value TEXT NOT NULL,		-- canonical JSON
	PRIMARY KEY(k, type, field, pos)
) STRICT, WITHOUT ROWID;

-- Words are found by their beginnings: those of up to three letters begin so
-- many that each has a list of its own.
CREATE VIRTUAL TABLE search USING fts5(text, content='', detail=none, columnsize=0, prefix='1 2 3',
	tokenize="unicode61 remove_diacritics 0");
-- A chunk of an import fits the memory of one write, and twice the usual number
-- of writes may stand side by side before they are merged.
INSERT INTO search(search, rank) VALUES('hashsize', 8388608);
INSERT INTO search(search, rank) VALUES('automerge', 8);


-- One direction of a link: down is server to node, up is node to server.
CREATE TABLE feed(
	f INTEGER PRIMARY KEY,
	server BLOB NOT NULL,		-- 8 bytes: the peer that serves the link; zero: the hub
	node BLOB NOT NULL,		-- 8 bytes: the node that asks
	up INTEGER NOT NULL,
	epoch INTEGER NOT NULL,		-- a new one starts a new chain
	n INTEGER NOT NULL,		-- commits in the chain, since ever
	acked INTEGER NOT NULL,		-- n of the newest that the receiver has confirmed
	tip BLOB,			-- 20 bytes: newest commit; NULL when the chain is empty
	acked_tip BLOB,
	scanned INTEGER NOT NULL,	-- hub, down: batches up to this b have been looked at
	policy INTEGER NOT NULL,	-- hub, down: the epoch of the policy they were judged by
	passport_ms INTEGER NOT NULL,	-- hub, down: when the last passport went; 0: one is due
	confirmed INTEGER NOT NULL DEFAULT 0,	-- n of the newest up commit that the hub has confirmed by its
					-- signature (node, up; hub, down: in commit confirmed_n)
	confirmed_n INTEGER NOT NULL DEFAULT 0,
	UNIQUE(node, up, server)
) STRICT;

-- What a feed carries: n = 0 is due, else the commit that it went with.  Hub, down:
-- n = -1 came from this node, whoever wrote it, and need not go there.
CREATE TABLE entry(
	f INTEGER NOT NULL,
	n INTEGER NOT NULL,
	b INTEGER NOT NULL,
	PRIMARY KEY(f, n, b)
) STRICT, WITHOUT ROWID;

-- Commits, trees, headers and seals of the feeds.  Two feeds may carry equal seals.
CREATE TABLE object(
	oid BLOB NOT NULL,		-- 20 bytes
	f INTEGER NOT NULL,
	n INTEGER NOT NULL,
	type INTEGER NOT NULL,		-- enum pack_type
	size INTEGER NOT NULL,
	z BLOB NOT NULL,
	PRIMARY KEY(f, oid)
) STRICT, WITHOUT ROWID;
CREATE INDEX object_f ON object(f, n);

-- Hub: the shards that a node holds, as far as we told it.  A branch: those that a
-- peer of its branch has told it of.
CREATE TABLE held(
	f INTEGER NOT NULL,
	s INTEGER NOT NULL,
	stale INTEGER NOT NULL DEFAULT 0,	-- 1: on hold, and not kept up to date meanwhile
	PRIMARY KEY(f, s)
) STRICT, WITHOUT ROWID;

-- Hub: how fast a node is given clients, and whether it is paused (node/budget.h).
CREATE TABLE budget(
	f INTEGER PRIMARY KEY,
	day INTEGER NOT NULL,		-- since 1970, UTC
	given INTEGER NOT NULL,		-- clients on that day
	anew_ms INTEGER NOT NULL,	-- when it was last given its holding again; 0: never
	anew_acked INTEGER NOT NULL,	-- its feed's confirmed commit right after that
	paused_ms INTEGER NOT NULL	-- since when; 0: it is not
) STRICT;

-- Hub: clients that a node may hold and is given another day.
CREATE TABLE backfill(
	f INTEGER NOT NULL,
	c INTEGER NOT NULL,
	PRIMARY KEY(f, c)
) STRICT, WITHOUT ROWID;

-- Hub: devices of a former owner that still see a client (node/drain.h).
CREATE TABLE drain(
	f INTEGER NOT NULL,
	c INTEGER NOT NULL,		-- k of the client
	until_ms INTEGER NOT NULL,
	told INTEGER NOT NULL,		-- n of the commit that told the device; 0: not yet
	PRIMARY KEY(f, c)
) STRICT, WITHOUT ROWID;

-- A purge: at the hub ordered from a node, at a node to be done and confirmed.
CREATE TABLE purge(
	f INTEGER NOT NULL,
	shard TEXT NOT NULL,		-- shard's name, or "*" for the whole device
	ordered_ms INTEGER NOT NULL,
	told INTEGER NOT NULL,		-- n of the commit that said so; 0: not yet
	done INTEGER NOT NULL,		-- node: 1 rows gone, 2 file clean too; 3 receipt sent
	batches INTEGER NOT NULL,	-- how many were erased
	receipt INTEGER,		-- hub: the signed header that confirms it
	receipt_ms INTEGER,
	told_ms INTEGER,		-- hub: when the device first was told
	acked INTEGER NOT NULL DEFAULT 0,	-- hub: n of the down commit that acknowledged the receipt; 0: not yet
	PRIMARY KEY(f, shard)
) STRICT, WITHOUT ROWID;

CREATE INDEX purge_unconfirmed ON purge(ordered_ms, f, shard) WHERE receipt IS NULL;

-- A node: unsent work on what was erased here, encrypted to the hub (node/outbox.h).
CREATE TABLE outbox(
	o INTEGER PRIMARY KEY,
	hash BLOB NOT NULL,		-- of the box
	box BLOB NOT NULL
) STRICT;

-- Hub: hashes of what the last bundle of a node brought of its outbox; the next
-- bundle back says them.
CREATE TABLE delivered(
	f INTEGER NOT NULL,
	hash BLOB NOT NULL,
	PRIMARY KEY(f, hash)
) STRICT, WITHOUT ROWID;

-- Hub: headers of up feeds that confirm purges, as they were signed.
CREATE TABLE receipt(
	i INTEGER PRIMARY KEY,
	header TEXT NOT NULL
) STRICT;

-- Hub: work that was not admitted, kept aside for a person to see.
CREATE TABLE refused(
	r INTEGER PRIMARY KEY,
	node BLOB NOT NULL,		-- its author's, whoever brought it
	shard TEXT NOT NULL,
	writer BLOB NOT NULL,
	seq INTEGER NOT NULL,
	ops INTEGER NOT NULL,
	hash BLOB NOT NULL,		-- 32 bytes: two under one name are two rows
	at_ms INTEGER NOT NULL,
	reason TEXT NOT NULL,
	seal TEXT NOT NULL,		-- its line, to verify the batch by
	size INTEGER NOT NULL,
	z BLOB NOT NULL,
	decision INTEGER NOT NULL,	-- 1 adopted, 2 rejected, 0 waits for a person
	decided_by BLOB,		-- NULL: nobody yet, or the hub
	decided_ms INTEGER,
	UNIQUE(shard, writer, seq, hash)
) STRICT;
CREATE INDEX refused_node ON refused(node, size) WHERE decided_by IS NULL;

-- Hub: the nodes that have such work and are told what became of it.
CREATE TABLE telling(
	r INTEGER NOT NULL,
	node BLOB NOT NULL,
	told INTEGER NOT NULL,		-- n of the down commit that said so; 0: not yet
	PRIMARY KEY(r, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX telling_node ON telling(node, told);

-- Hub: seals that a node has told of and that have not come whole (node/witness.h).
CREATE TABLE witness(
	i INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,	-- of the seal: 32 bytes
	node BLOB NOT NULL,		-- who told
	epoch INTEGER NOT NULL,		-- of the policy, when it was told first
	b INTEGER NOT NULL,		-- the last batch then
	at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX witness_node ON witness(node, i);

-- A node: work of its own that the hub did not accept, and why.
CREATE TABLE notice(
	n INTEGER PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	block INTEGER NOT NULL,
	reason TEXT NOT NULL,
	shard TEXT,			-- NULL once the shard was erased here
	writer BLOB NOT NULL,
	seq INTEGER NOT NULL,
	rejected INTEGER NOT NULL	-- 0: it waits at the hub for a person
) STRICT;
CREATE INDEX notice_name ON notice(writer, seq);

-- A node: exports that the hub has not heard of yet (node/export.h).
CREATE TABLE export(
	number INTEGER PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	type TEXT NOT NULL,
	part INTEGER NOT NULL,		-- 1: filtered
	rows INTEGER NOT NULL,
	hash BLOB NOT NULL,		-- BLAKE2b-256 of the file
	told INTEGER NOT NULL		-- 1: in the up commit under way
) STRICT;

-- Hub: commits that left in a bundle, or over the line before one, and are not
-- confirmed: unmade, they may be held all the same.
CREATE TABLE carried(
	f INTEGER NOT NULL,
	oid BLOB NOT NULL,
	n INTEGER NOT NULL,
	PRIMARY KEY(f, oid)
) STRICT, WITHOUT ROWID;

-- Hub, after a restore: passports that are newer than the backup (node/heal.h).
CREATE TABLE remembered(
	person BLOB PRIMARY KEY,
	epoch INTEGER NOT NULL,
	facts INTEGER NOT NULL,		-- what the passport says about the person: 1 counts; 0: a newer fact has
					-- come; 2: one that was stated after the restore has, newer than any passport
	passport TEXT NOT NULL		-- empty: none was shown yet
) STRICT, WITHOUT ROWID;

-- A session of peers: shards of which something was left out (node/peer_bound.h), under
-- a keyed hash of their names.
CREATE TABLE left_out(
	f INTEGER NOT NULL,
	h BLOB NOT NULL,
	PRIMARY KEY(f, h)
) STRICT, WITHOUT ROWID;

-- A node: the newest passport that was shown of each peer (node/peer.h).
CREATE TABLE passport(
	node BLOB PRIMARY KEY,
	epoch INTEGER NOT NULL,
	issued_ms INTEGER NOT NULL,
	passport TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Hub: under which number passports were made for a node (node/series.h).
CREATE TABLE series(
	series INTEGER PRIMARY KEY,
	node BLOB NOT NULL,
	ended INTEGER NOT NULL,		-- the epoch that narrowed the node's rights; 0: passports are made under
					-- it; -1: none are, since the hub was restored
	ended_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX series_node ON series(node, ended);
CREATE INDEX series_ended ON series(ended);

-- A node: series that are known to have ended, and until when a passport of theirs could be valid.
CREATE TABLE ended(
	series INTEGER PRIMARY KEY,
	until_ms INTEGER NOT NULL
) STRICT;

-- Hub: what it knows of each node's contacts.
CREATE TABLE peer(
	node BLOB PRIMARY KEY,
	key BLOB NOT NULL,
	person BLOB NOT NULL,
	joined_ms INTEGER NOT NULL,
	contact_ms INTEGER NOT NULL,
	token BLOB,			-- BLAKE2b of the read token of stock git
	revoked INTEGER NOT NULL,	-- epoch of the device's revocation; 0: none
	session INTEGER,		-- its last session that asked for its feed; NULL: none yet
	counted INTEGER NOT NULL	-- sessions and pushes, ever (node/put_back.h)
) STRICT, WITHOUT ROWID;
CREATE INDEX peer_person ON peer(person);

-- Hub: the epoch that each access statement was sealed in.
CREATE TABLE epoch(
	w INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	ends_ms INTEGER NOT NULL,	-- of a grant; 0: never; -1: it has ended
	PRIMARY KEY(w, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX epoch_ends ON epoch(ends_ms) WHERE ends_ms > 0;

-- Hub: the newest epoch that changed what a person (16 bytes) or device (8) may hold.
CREATE TABLE concern(
	about BLOB NOT NULL,
	c INTEGER NOT NULL,		-- k of the one client that it changed; 0: any
	epoch INTEGER NOT NULL,
	PRIMARY KEY(about, c)
) STRICT, WITHOUT ROWID;

-- Hub: revokes that only hold, until a head decides or they end (node/hold.h).
CREATE TABLE hold(
	r INTEGER NOT NULL,		-- the work in refused that they are
	writer BLOB NOT NULL,
	seq INTEGER NOT NULL,
	about BLOB NOT NULL,		-- as in stated
	value TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	ends_ms INTEGER NOT NULL,
	PRIMARY KEY(r, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_about ON hold(about);
CREATE INDEX hold_ends ON hold(ends_ms);

-- Hub: what happened here that a person may ask about (node/audit.h).
CREATE TABLE audit(
	a INTEGER PRIMARY KEY,
	at_ms INTEGER NOT NULL,
	node BLOB,			-- 8 bytes: the device that it is about; NULL: none
	what TEXT NOT NULL,
	detail TEXT NOT NULL,
	hash BLOB NOT NULL		-- 32 bytes, over the row and the hash before it
) STRICT;

CREATE INDEX audit_revoked ON audit(node, at_ms) WHERE what = 'device revoked';

-- Hub: whom a row of the audit log is about: the device's person, and all whom it
-- names by id.  The rows say the same; this only finds them.
CREATE TABLE audit_about(
	about BLOB NOT NULL,		-- 16 bytes
	a INTEGER NOT NULL,
	PRIMARY KEY(about, a)
) STRICT, WITHOUT ROWID;

-- What selectors of grants look clients up by; derived like the record tables.

-- table: assignment_owner
CREATE INDEX IF NOT EXISTS assignment_owner ON assignment(owner) WHERE owner IS NOT NULL;
-- table: assignment_team
CREATE INDEX IF NOT EXISTS assignment_team ON assignment(team) WHERE team IS NOT NULL;
-- table: assignment_branch
CREATE INDEX IF NOT EXISTS assignment_branch ON assignment(branch) WHERE branch IS NOT NULL;
-- table: assignment_territory
CREATE INDEX IF NOT EXISTS assignment_territory ON assignment(territory) WHERE territory IS NOT NULL;
-- table: assignment_segment
CREATE INDEX IF NOT EXISTS assignment_segment ON assignment(segment) WHERE segment IS NOT NULL;

-- name: META_GET
SELECT value FROM meta WHERE name = ?1;
-- name: META_PUT_BACK
SELECT name = 'put_back' FROM meta WHERE name = 'put_back' OR (name = 'incarnation' AND value != ?1) ORDER BY 1 DESC LIMIT 1;
-- name: META_PUT
INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2);
-- name: META_DROP
DELETE FROM meta WHERE name = ?1;

-- name: WRITER_BY_ID
SELECT w FROM writer WHERE id = ?1;
-- name: WRITER_ADD
INSERT INTO writer(id) VALUES(?1);
-- name: WRITER_GET
SELECT id, key FROM writer WHERE w = ?1;
-- name: WRITER_KEY
UPDATE writer SET key = ?2 WHERE w = ?1;

-- name: RECORD_BY_ID
SELECT k, type, c FROM record WHERE id = ?1;
-- name: RECORD_GET
SELECT id, type, c FROM record WHERE k = ?1;
-- name: RECORD_ADD
INSERT INTO record(id, type, c) VALUES(?1, ?2, ?3);
-- name: RECORD_ADD_CLIENT
INSERT INTO record(k, id, type, c) VALUES((SELECT coalesce(max(k), 0) + 1 FROM record), ?1, ?2, (SELECT coalesce(max(k), 0) + 1 FROM record));
-- name: RECORD_PREFIX
SELECT k, id, type, c FROM record WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3;
-- name: RECORD_OF_CLIENT
SELECT k FROM record WHERE c = ?1 AND type = ?2 AND c != 0 AND c != k AND k > ?3 ORDER BY k;
-- name: RECORD_ALL_OF_CLIENT
SELECT k, type FROM record WHERE c = ?1 AND c != 0 AND c != k ORDER BY k;
-- name: RECORD_DROP
DELETE FROM record WHERE k = ?1;
-- name: RECORD_CLIENTS /*scan*/
SELECT k, id FROM record WHERE k = c AND k > ?1 ORDER BY k;

-- name: SEAL_ADD
INSERT INTO seal(w, epoch, prev, leaves, signature, proof, b) VALUES(?1, ?2, ?3, ?4, ?5, ?6, (SELECT coalesce(max(b), 0) + 1 FROM batch));
-- name: SEAL_GET
SELECT w, epoch, prev, leaves, signature, proof FROM seal WHERE i = ?1;
-- name: SEAL_PROOF
UPDATE seal SET proof = ?2 WHERE i = ?1;
-- name: SEAL_DROP
DELETE FROM seal WHERE i = ?1;
-- name: SEAL_EACH /*scan*/
SELECT i FROM seal WHERE i > ?1 ORDER BY i;

-- name: BATCH_ADD
INSERT INTO batch(s, w, seq, ops, seal, leaf, void, size, z) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9);
-- name: BATCH_GET
SELECT s, w, seq, ops, seal, leaf, void, size, z FROM batch WHERE b = ?1;
-- name: BATCH_BEFORE
SELECT b, seq, ops FROM batch WHERE s = ?1 AND w = ?2 AND seq <= ?3 ORDER BY seq DESC LIMIT 1;
-- name: BATCH_OF_SEAL
SELECT batch.b, leaf FROM seal JOIN batch ON batch.b >= seal.b AND batch.b < seal.b + leaves AND batch.seal = i WHERE i = ?1 ORDER BY leaf;
-- name: BATCH_OF_SHARD
SELECT b FROM batch WHERE s = ?1 ORDER BY b;
-- name: BATCH_IN_SHARD
SELECT 1 FROM batch WHERE s = ?1 LIMIT 1;
-- name: BATCH_SHARDS_OF_CLIENT
SELECT DISTINCT s FROM batch WHERE s >= ?1 AND s < ?1 + 32;
-- name: BATCH_SINCE /*scan*/
SELECT b, s, w, void, seq FROM batch WHERE b > ?1 ORDER BY b LIMIT ?2;
-- name: BATCH_LAST
SELECT coalesce(max(b), 0) FROM batch;
-- name: BATCH_VOID
UPDATE batch SET void = ?2 WHERE b = ?1;
-- name: BATCH_DROP
DELETE FROM batch WHERE b = ?1;
-- name: BATCH_COUNT /*scan*/
SELECT count(*) FROM batch;

-- name: FLOOR_GET
SELECT seq FROM floor WHERE h = ?1;
-- name: FLOOR_ANY
SELECT seq FROM floor LIMIT 1;
-- name: FLOOR_PUT
INSERT OR REPLACE INTO floor(h, seq) VALUES(?1, ?2);

-- name: SIBLING_GET
SELECT pos, value FROM sibling WHERE k = ?1 AND type = ?2 AND field = ?3;
-- name: SIBLING_ADD
INSERT OR REPLACE INTO sibling(k, type, field, pos, value) VALUES(?1, ?2, ?3, ?4, ?5);
-- name: SIBLING_DROP
DELETE FROM sibling WHERE k = ?1 AND type = ?2;
-- name: SIBLING_EACH /*scan*/
SELECT DISTINCT k, type FROM sibling ORDER BY k, type;
-- name: SIBLING_EMPTY
DELETE FROM sibling;

-- name: SEARCH_ADD
INSERT INTO search(rowid, text) VALUES(?1, ?2);
-- name: SEARCH_DROP
INSERT INTO search(search, rowid, text) VALUES('delete', ?1, ?2);
-- name: SEARCH_EMPTY
INSERT INTO search(search) VALUES('delete-all');
-- name: SEARCH_OPTIMIZE
INSERT INTO search(search) VALUES('optimize');
-- name: SEARCH_MATCH /*scan*/
SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rowid LIMIT ?2;

-- name: ASSIGNMENT_OWNER
SELECT k FROM assignment WHERE owner = ?1 AND deleted = 0;
-- name: ASSIGNMENT_TEAM
SELECT k FROM assignment WHERE team = ?1 AND deleted = 0;
-- name: ASSIGNMENT_BRANCH
SELECT k FROM assignment WHERE branch = ?1 AND deleted = 0;
-- name: ASSIGNMENT_TERRITORY
SELECT k FROM assignment WHERE territory = ?1 AND deleted = 0;
-- name: ASSIGNMENT_SEGMENT
SELECT k FROM assignment WHERE segment = ?1 AND deleted = 0;
-- name: ASSIGNMENT_OF
SELECT owner, team, branch, territory, segment FROM assignment WHERE k = ?1;

-- name: ASSIGNMENT_HANDOVERS
SELECT handovers FROM assignment WHERE k = ?1;

-- name: DRAIN_BEGIN
INSERT OR REPLACE INTO drain(f, c, until_ms, told) SELECT f, ?2, ?3, 0 FROM peer JOIN feed ON feed.node = peer.node AND up = 0 WHERE person = ?1 AND EXISTS (SELECT 1 FROM held WHERE held.f = feed.f AND s >= ?2 * 32 AND s < ?2 * 32 + 32);
-- name: DRAIN_GET
SELECT 1 FROM drain WHERE f = ?1 AND c = ?2;
-- name: DRAIN_TOLD
UPDATE drain SET told = ?2 WHERE f = ?1 AND told = 0;
-- name: DRAIN_OVER
SELECT c FROM drain WHERE f = ?1 AND (until_ms <= ?2 OR (told > 0 AND told <= ?3)) LIMIT 1;
-- name: DRAIN_END
DELETE FROM drain WHERE f = ?1 AND c = ?2;

-- name: FEED_GET
SELECT f, epoch, n, acked, tip, acked_tip, scanned, policy, passport_ms, confirmed, confirmed_n FROM feed WHERE node = ?1 AND up = ?2 AND server = zeroblob(8);
-- name: FEED_ADD
INSERT INTO feed(server, node, up, epoch, n, acked, scanned, policy, passport_ms) VALUES(zeroblob(8), ?1, ?2, 1, 0, 0, 0, 0, 0);
-- name: FEED_PUT
UPDATE feed SET epoch = ?2, n = ?3, acked = ?4, tip = ?5, acked_tip = ?6, scanned = ?7, policy = ?8, passport_ms = ?9, confirmed = ?10, confirmed_n = ?11 WHERE f = ?1;

-- name: ENTRY_ADD
INSERT OR IGNORE INTO entry(f, n, b) VALUES(?1, ?2, ?3);
-- name: ENTRY_SHARD
INSERT OR IGNORE INTO entry(f, n, b) SELECT ?1, 0, b FROM batch WHERE s = ?2 AND void = 0;
-- name: ENTRY_HELD
INSERT OR IGNORE INTO entry(f, n, b) SELECT ?1, 0, b FROM batch WHERE s IN (SELECT s FROM held WHERE f = ?1 AND stale = 0) AND void = 0;
-- name: ENTRY_SHARD_DROP
DELETE FROM entry WHERE f = ?1 AND n = 0 AND b IN (SELECT b FROM batch WHERE s = ?2);
-- name: ENTRY_DROP
DELETE FROM entry WHERE f = ?1 AND n = ?2 AND b = ?3;
-- name: ENTRY_OF
SELECT b FROM entry WHERE f = ?1 AND n = ?2 ORDER BY b;
-- name: ENTRY_BROUGHT
SELECT 1 FROM entry WHERE f = ?1 AND n = -1 AND b = ?2;
-- name: ENTRY_BROUGHT_DROP
DELETE FROM entry WHERE f = ?1 AND n = -1;
-- name: ENTRY_COUNT
SELECT count(*) FROM entry WHERE f = ?1 AND n = ?2;
-- name: ENTRY_WORK
SELECT coalesce(writer.key = ?3, 0) OR writer.w = ?4 AS own, count(*) FILTER (WHERE n = 0), count(*) FILTER (WHERE n > ?2), count(*) FILTER (WHERE n > 0 AND n <= ?2 AND void = 0) FROM entry JOIN batch ON batch.b = entry.b JOIN writer ON writer.w = batch.w WHERE f = ?1 GROUP BY own;
-- name: ENTRY_AFTER
SELECT n, b FROM entry WHERE f = ?1 AND n > ?2 ORDER BY n, b;
-- name: ENTRY_FORGET /*scan*/
DELETE FROM entry WHERE b = ?1;
-- name: ENTRY_EMPTY
DELETE FROM entry WHERE f = ?1 AND n > 0;
-- name: ENTRY_ALL
DELETE FROM entry WHERE f = ?1;

-- name: OBJECT_ADD
INSERT OR REPLACE INTO object(oid, f, n, type, size, z) VALUES(?1, ?2, ?3, ?4, ?5, ?6);
-- name: OBJECT_GET
SELECT n, type, size, z FROM object WHERE f = ?1 AND oid = ?2;
-- name: OBJECT_OF
SELECT oid, type, size, z FROM object WHERE f = ?1 AND n = ?2;
-- name: OBJECT_COUNT
SELECT count(*) FROM object WHERE f = ?1 AND n = ?2;
-- name: OBJECT_FIRST
SELECT coalesce(min(n), 0) FROM object WHERE f = ?1;
-- name: OBJECT_DROP_AFTER
DELETE FROM object WHERE f = ?1 AND n > ?2;
-- name: OBJECT_DROP_ALL
DELETE FROM object WHERE f = ?1;
-- name: OBJECT_THIN
DELETE FROM object WHERE f = ?1 AND n < ?2 AND type != 1;

-- name: HELD_GET
SELECT stale FROM held WHERE f = ?1 AND s = ?2;
-- name: HELD_ADD
INSERT OR IGNORE INTO held(f, s) VALUES(?1, ?2);
-- name: HELD_STALE
UPDATE held SET stale = ?3 WHERE f = ?1 AND s = ?2;
-- name: HELD_DROP
DELETE FROM held WHERE f = ?1 AND s = ?2;
-- name: HELD_OF
SELECT s FROM held WHERE f = ?1 ORDER BY s;
-- name: HELD_OR_BEGUN
SELECT s FROM batch WHERE s >= ?2 AND s < ?2 + 32 UNION SELECT s FROM held WHERE f = ?1 AND s >= ?2 AND s < ?2 + 32;
-- name: HELD_COUNT
SELECT count(*), count(DISTINCT s / 32) FROM held WHERE f = ?1 AND s >= 32;
-- name: HELD_EMPTY
DELETE FROM held WHERE f = ?1;

-- name: HELD_CLIENT
SELECT 1 FROM held WHERE f = ?1 AND s >= ?2 AND s < ?2 + 32 LIMIT 1;

-- name: BUDGET_GET
SELECT day, given, anew_ms, anew_acked, paused_ms FROM budget WHERE f = ?1;
-- name: BUDGET_PUT
INSERT OR REPLACE INTO budget(f, day, given, anew_ms, anew_acked, paused_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6);
-- name: BUDGET_COPY
INSERT OR REPLACE INTO budget(f, day, given, anew_ms, anew_acked, paused_ms) SELECT ?2, day, given, anew_ms, -1, paused_ms FROM budget WHERE f = ?1;
-- name: BACKFILL_ADD
INSERT OR IGNORE INTO backfill(f, c) VALUES(?1, ?2);
-- name: BACKFILL_DROP
DELETE FROM backfill WHERE f = ?1 AND c = ?2;
-- name: BACKFILL_EMPTY
DELETE FROM backfill WHERE f = ?1;
-- name: BACKFILL_COUNT
SELECT count(*) FROM backfill WHERE f = ?1;
-- name: BACKFILL_NEXT
SELECT c FROM backfill WHERE f = ?1 ORDER BY (SELECT max(b) FROM batch WHERE s >= c * 32 AND s < c * 32 + 32) DESC, c LIMIT ?2;

-- name: PURGE_ADD
INSERT OR REPLACE INTO purge(f, shard, ordered_ms, told, done, batches) VALUES(?1, ?2, ?3, ?4, ?5, ?6);
-- name: PURGE_OF
SELECT shard, ordered_ms, told, done, batches, receipt, receipt_ms, told_ms, acked FROM purge WHERE f = ?1 ORDER BY ordered_ms, shard;
-- name: PURGE_DONE
UPDATE purge SET done = ?3 WHERE f = ?1 AND done = ?2;
-- name: PURGE_SENT
UPDATE purge SET done = 3 WHERE f = ?1 AND shard = ?2;
-- name: PURGE_DUE
SELECT shard, ordered_ms FROM purge WHERE f = ?1 AND told = 0 AND receipt IS NULL ORDER BY ordered_ms, shard LIMIT ?2;
-- name: PURGE_TOLD
UPDATE purge SET told = ?3, told_ms = coalesce(told_ms, ?4) WHERE f = ?1 AND shard = ?2;
-- name: PURGE_TO_ACK
SELECT count(*) FROM purge WHERE f = ?1 AND receipt IS NOT NULL AND acked = 0;
-- name: PURGE_ACKED
UPDATE purge SET acked = ?2 WHERE f = ?1 AND receipt IS NOT NULL AND acked = 0;
-- name: PURGE_UNACK
UPDATE purge SET acked = 0 WHERE f = ?1 AND acked > ?2;
-- name: PURGE_UNTOLD
UPDATE purge SET told = 0 WHERE f = ?1 AND told > ?2 AND receipt IS NULL;
-- name: PURGE_RECEIPT
UPDATE purge SET receipt = ?3, receipt_ms = ?4, batches = ?5 WHERE f = ?1 AND shard = ?2 AND ordered_ms = ?6;
-- name: RECEIPT_ADD
INSERT INTO receipt(header) VALUES(?1);
-- name: PURGE_CANCEL
DELETE FROM purge WHERE f = ?1 AND shard = ?2 AND told = 0;
-- name: PURGE_FORGET_ORDER
DELETE FROM purge WHERE f = ?1 AND shard = ?2;
-- name: PURGE_UNTOLD_COUNT
SELECT count(*) FROM purge WHERE f = ?1 AND told = 0 AND receipt IS NULL;
-- name: PURGE_WIPE
SELECT told FROM purge WHERE f = ?1 AND shard = '*';
-- name: PURGE_SEND_AGAIN
UPDATE purge SET done = 2 WHERE f = ?1 AND done = 3;
-- name: PURGE_FORGET
DELETE FROM purge WHERE f = ?1 AND done = 3;

-- name: REFUSED_ADD
INSERT INTO refused(node, shard, writer, seq, ops, hash, at_ms, reason, seal, size, z, decision) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);
-- name: REFUSED_GET
SELECT r FROM refused WHERE shard = ?1 AND writer = ?2 AND seq = ?3 AND hash = ?4;
-- name: REFUSED_NAMED
SELECT 1 FROM refused WHERE shard = ?1 AND writer = ?2 AND seq = ?3 LIMIT 1;
-- name: REFUSED_OTHER
SELECT 1 FROM refused WHERE shard = ?1 AND writer = ?2 AND seq = ?3 AND hash != ?4 LIMIT 1;
-- name: REFUSED_UP_TO
SELECT 1 FROM refused WHERE shard = ?1 AND writer = ?2 AND seq <= ?3 AND seq + ops > ?3 LIMIT 1;
-- name: REFUSED_WEIGHT
SELECT count(*), coalesce(sum(size), 0) FROM refused WHERE node = ?1 AND decided_by IS NULL;
-- name: REFUSED_EACH /*scan*/
SELECT r, node, shard, writer, seq, at_ms, reason, decision FROM refused ORDER BY r;
-- name: TELLING_ADD
INSERT OR REPLACE INTO telling(r, node, told) VALUES(?1, ?2, 0);
-- name: TELLING_DUE
SELECT r, shard, writer, seq, reason, decision FROM telling JOIN refused USING(r) WHERE telling.node = ?1 AND told = 0 ORDER BY r LIMIT ?2;
-- name: TELLING_TOLD
UPDATE telling SET told = ?3 WHERE r = ?1 AND node = ?2;
-- name: TELLING_UNTOLD
UPDATE telling SET told = 0 WHERE node = ?1 AND told > ?2;
-- name: TELLING_AGAIN
UPDATE telling SET told = 0 WHERE r = ?1;

-- name: PEER_GET
SELECT key, person, joined_ms, contact_ms, token, revoked FROM peer WHERE node = ?1;
-- name: PEER_ADD
INSERT INTO peer(node, key, person, joined_ms, contact_ms, revoked, counted) VALUES(?1, ?2, ?3, ?4, 0, 0, 0);
-- name: PEER_CONTACT
UPDATE peer SET contact_ms = ?2 WHERE node = ?1;
-- name: PEER_SESSION
SELECT session FROM peer WHERE node = ?1 AND session IS NOT NULL;
-- name: PEER_NO_SESSION
UPDATE peer SET session = NULL WHERE node = ?1;
-- name: PEER_IN_SESSION
UPDATE peer SET counted = counted + (session IS NOT ?2), session = ?2 WHERE node = ?1 AND (?3 OR session IS NULL);
-- name: PEER_COUNT
UPDATE peer SET counted = counted + 1 WHERE node = ?1;
-- name: PEER_COUNTED
SELECT counted FROM peer WHERE node = ?1;
-- name: PEER_TOKEN
UPDATE peer SET token = ?2 WHERE node = ?1;
-- name: PEER_REVOKED
UPDATE peer SET revoked = ?2 WHERE node = ?1;
-- name: PEER_EACH /*scan*/
SELECT node, person, joined_ms, contact_ms, revoked FROM peer ORDER BY joined_ms, node;

-- name: EPOCH_ADD
INSERT OR IGNORE INTO epoch(w, seq, epoch, ends_ms) VALUES(?1, ?2, ?3, ?4);
-- name: EPOCH_ENDED
SELECT epoch.w, epoch.seq, value FROM epoch JOIN stated USING(w, seq) WHERE ends_ms > 0 AND ends_ms <= ?1;
-- name: EPOCH_END
UPDATE epoch SET ends_ms = -1 WHERE w = ?1 AND seq = ?2;

-- name: CONCERN
INSERT OR REPLACE INTO concern(about, c, epoch) VALUES(?1, ?2, ?3);
-- name: CONCERN_NEWEST
SELECT coalesce(max(epoch), 0) FROM concern WHERE about = ?1;
-- name: CONCERN_SINCE
SELECT c FROM concern WHERE about = ?1 AND epoch > ?2;

-- name: HOLD_ADD
INSERT OR IGNORE INTO hold(r, writer, seq, about, value, epoch, ends_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7);
-- name: HOLD_ABOUT
SELECT writer, seq, value, epoch, ends_ms FROM hold WHERE about = ?1;
-- name: HOLD_COUNT
SELECT count(*) FROM hold WHERE about = ?1;
-- name: HOLD_ENDED
SELECT r, value FROM hold WHERE ends_ms > 0 AND ends_ms <= ?1;
-- name: HOLD_OF
SELECT r, value FROM hold WHERE r = ?1;
-- name: HOLD_UNTIL
SELECT coalesce(max(ends_ms), 0) FROM hold WHERE r = ?1;
-- name: HOLD_DROP
DELETE FROM hold WHERE r = ?1;
-- name: HOLD_EACH /*scan*/
SELECT count(DISTINCT r) FROM hold WHERE ends_ms > ?1;

-- name: STATED_PUT
INSERT OR REPLACE INTO stated(w, seq, about, at_ms, value, seen) VALUES(?1, ?2, ?3, ?4, ?5, ?6);
-- name: STATED_EXPECT
INSERT OR IGNORE INTO stated(w, seq, about, at_ms, value, seen) VALUES(?1, ?2, x'', 0, '', x'');
-- name: STATED_SEEN
SELECT seq, seen FROM stated WHERE w = ?1 AND seq <= ?2 AND about != x'' ORDER BY seq DESC LIMIT 1;
-- name: STATED_HERE
SELECT 1 FROM stated JOIN writer USING(w) WHERE id = ?1 AND seq = ?2 AND about != x'';
-- name: STATED_AFTER
SELECT 1 FROM stated WHERE w = ?1 AND seq >= ?2 LIMIT 1;
-- name: STATED_WRITER
SELECT stated.w, id FROM stated JOIN writer USING(w) WHERE stated.w > ?1 ORDER BY stated.w LIMIT 1;
-- name: STATED_ABOUT
SELECT id, stated.seq, value, seen, coalesce(epoch, 0) FROM stated JOIN writer USING(w) LEFT JOIN epoch ON epoch.w = stated.w AND epoch.seq = stated.seq WHERE about = ?1 AND coalesce(ends_ms, 0) >= 0;
-- name: STATED_COUNT
SELECT count(*) FROM stated WHERE about = ?1;
-- name: STATED_EACH /*scan*/
SELECT id, stated.seq, value, seen, coalesce(epoch, 0) FROM stated JOIN writer USING(w) LEFT JOIN epoch ON epoch.w = stated.w AND epoch.seq = stated.seq WHERE length(about) > 1 AND coalesce(ends_ms, 0) >= 0;
-- name: STATED_ALL_SEEN /*scan*/
SELECT w, seq, seen FROM stated WHERE about != x'';
-- name: STATED_SEE
UPDATE stated SET seen = ?3 WHERE w = ?1 AND seq = ?2;
-- name: STATED_ONE
SELECT at_ms FROM stated JOIN writer USING(w) WHERE id = ?1 AND seq = ?2;
-- name: STATED_DIGEST /*scan*/
SELECT w, seq, about, at_ms, value, seen FROM stated ORDER BY w, seq;
-- name: STATED_EMPTY
DELETE FROM stated;

-- name: AUDIT_ADD
INSERT INTO audit(at_ms, node, what, detail, hash) VALUES(?1, ?2, ?3, ?4, ?5);
-- name: AUDIT_ABOUT
INSERT OR IGNORE INTO audit_about(about, a) VALUES(?1, ?2);
-- name: AUDIT_TIP
SELECT hash FROM audit WHERE a = (SELECT max(a) FROM audit);
-- name: AUDIT_EACH /*scan*/
SELECT a, at_ms, node, what, detail, hash FROM audit ORDER BY a;
-- name: AUDIT_LATEST /*scan*/
SELECT a, at_ms, audit.node, what, detail, person FROM audit LEFT JOIN peer ON peer.node = audit.node ORDER BY a DESC LIMIT ?1;
-- name: AUDIT_OF
SELECT a, at_ms, audit.node, what, detail, person FROM audit_about JOIN audit USING(a) LEFT JOIN peer ON peer.node = audit.node WHERE about = ?1 ORDER BY a DESC LIMIT ?2;
-- name: AUDIT_HELD /*scan*/
SELECT feed.node, person, s FROM feed CROSS JOIN held ON held.f = feed.f LEFT JOIN peer ON peer.node = feed.node WHERE s BETWEEN ?1 AND ?2 ORDER BY feed.f, s;
-- name: AUDIT_ORDERED /*scan*/
SELECT feed.node, person, shard, ordered_ms, told, receipt, receipt_ms, batches, told_ms, max(contact_ms, joined_ms) FROM feed CROSS JOIN purge ON purge.f = feed.f LEFT JOIN peer ON peer.node = feed.node WHERE shard >= ?1 AND shard < ?2 ORDER BY feed.f, shard;
-- name: AUDIT_UNCONFIRMED /*scan*/
SELECT feed.node, person, shard, ordered_ms, told, receipt, receipt_ms, batches, told_ms, max(contact_ms, joined_ms) FROM purge INDEXED BY purge_unconfirmed CROSS JOIN feed ON feed.f = purge.f LEFT JOIN peer ON peer.node = feed.node WHERE receipt IS NULL ORDER BY ordered_ms, purge.f, shard;
-- name: PEER_SILENT /*scan*/
SELECT peer.node, person, feed.f, max(contact_ms, joined_ms) FROM peer JOIN feed ON feed.node = peer.node AND up = 0 WHERE max(contact_ms, joined_ms) <= ?1 ORDER BY joined_ms, peer.node;
-- name: AUDIT_NOT_WIPED /*scan*/
SELECT peer.node, person, max(contact_ms, joined_ms) FROM peer JOIN feed ON feed.node = peer.node AND up = 0 WHERE NOT EXISTS (SELECT 1 FROM purge WHERE purge.f = feed.f AND shard = '*') ORDER BY joined_ms, peer.node;
-- name: AUDIT_REVOKED
SELECT coalesce(max(at_ms), 0) FROM audit WHERE node = ?1 AND what = 'device revoked';
-- name: AUDIT_CONFIRMED
SELECT count(*), count(DISTINCT s) FROM entry JOIN batch ON batch.b = entry.b WHERE f = ?1 AND n > ?2 AND n <= ?3;

-- Exports (node/export_told.c).

-- name: EXPORT_ADD
INSERT INTO export(number, at_ms, type, part, rows, hash, told) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0);
-- name: EXPORT_DUE /*scan*/
SELECT number, at_ms, type, part, rows, hash FROM export ORDER BY number LIMIT ?1;
-- name: EXPORT_UNDER_WAY /*scan*/
UPDATE export SET told = number <= ?1;
-- name: EXPORT_TOLD /*scan*/
DELETE FROM export WHERE told = 1;

-- Finding, showing and verifying.

-- name: RECORD_PREFIX_TYPE
SELECT k, id, type, c FROM record WHERE id BETWEEN ?1 AND ?2 AND type = ?3 ORDER BY id LIMIT ?4;
-- name: RECORD_BELOW
SELECT id FROM record WHERE id < ?1 ORDER BY id DESC LIMIT 1;
-- name: RECORD_ABOVE
SELECT id FROM record WHERE id > ?1 ORDER BY id LIMIT 1;
-- name: SEARCH_TYPE /*scan*/
SELECT record.k FROM search CROSS JOIN record ON record.k = search.rowid WHERE search MATCH ?1 AND record.type = ?2 LIMIT ?3;
-- name: NODE_EACH /*scan*/
SELECT k, person, key, device, writers FROM node ORDER BY k;
-- name: SEAL_LAST_OF /*scan*/
SELECT i, leaves FROM seal WHERE w = ?1 AND i < ?2 ORDER BY i DESC LIMIT 1;
-- name: SEAL_HERE
SELECT count(*), coalesce(max(void), 0) FROM seal JOIN batch ON batch.b >= seal.b AND batch.b < seal.b + leaves AND batch.seal = i WHERE i = ?1;
-- name: SIBLING_ALL /*scan*/
SELECT k, type, field, pos, value FROM sibling ORDER BY k, type, field, pos;
-- name: FEED_EACH /*scan*/
SELECT f, node, up, n, acked, tip FROM feed ORDER BY f;
-- name: CLIENT_COUNT /*scan*/
SELECT count(*) FROM client WHERE deleted = 0;
-- name: ENTRY_OF_BATCH
SELECT n FROM entry WHERE f = ?1 AND b = ?2 ORDER BY n DESC LIMIT 1;
-- name: SEARCH_HAS /*scan*/
SELECT rowid FROM search WHERE search MATCH ?1 AND rowid = ?2;

-- Erasing (node/purge.c).

-- name: RECORD_IN_BLOCK
SELECT k, type FROM record WHERE c = ?1 AND c != 0 AND c != k;
-- name: BATCH_OF_CLIENT
SELECT 1 FROM batch WHERE s >= ?1 AND s < ?1 + 32 LIMIT 1;
-- name: ENTRY_SHARD_FORGET
DELETE FROM entry WHERE f = ?1 AND b IN (SELECT b FROM batch WHERE s = ?2);
-- name: WIPE_NOTICE
DELETE FROM notice;
-- name: PURGE_OPEN
SELECT count(*) FROM purge WHERE f = ?1 AND done = 1;
-- name: WIPE_BATCH
DELETE FROM batch;
-- name: WIPE_SEAL
DELETE FROM seal;
-- name: WIPE_RECORD
DELETE FROM record;
-- name: WIPE_ENTRY
DELETE FROM entry;
-- name: WIPE_OBJECT /*scan*/
DELETE FROM object WHERE type = 3;
-- name: WIPE_PURGE
DELETE FROM purge;
-- name: WIPE_FLOOR
DELETE FROM floor;
-- name: WIPE_WRITER
DELETE FROM writer;

-- Unsent work on what is erased (node/outbox.c).

-- name: OUTBOX_UNSENT
SELECT DISTINCT entry.b FROM entry JOIN batch ON batch.b = entry.b WHERE f = ?1 AND (n = 0 OR n > ?2) AND (?3 = 0 OR s = ?3) AND void = 0 ORDER BY entry.b;
-- name: OUTBOX_ADD
INSERT INTO outbox(hash, box) VALUES(?1, ?2);
-- name: OUTBOX_AFTER /*scan*/
SELECT o, box FROM outbox WHERE o > ?1 ORDER BY o LIMIT ?2;
-- name: OUTBOX_DROP
DELETE FROM outbox WHERE o > ?1 AND o <= ?2;
-- name: OUTBOX_DROP_HASH /*scan*/
DELETE FROM outbox WHERE hash = ?1;
-- name: DELIVERED_ADD
INSERT OR IGNORE INTO delivered(f, hash) VALUES(?1, ?2);
-- name: DELIVERED_OF
SELECT hash FROM delivered WHERE f = ?1;
-- name: DELIVERED_EMPTY
DELETE FROM delivered WHERE f = ?1;
-- name: OUTBOX_COUNT /*scan*/
SELECT count(*) FROM outbox;
-- name: OUTBOX_SIZE /*scan*/
SELECT coalesce(sum(length(box)), 0) FROM outbox;
-- name: SHARD_SENT
SELECT 1 FROM batch WHERE s = ?1 AND NOT EXISTS (SELECT 1 FROM entry WHERE f = ?2 AND (n = 0 OR n > ?3) AND entry.b = batch.b) LIMIT 1;
-- name: ENTRY_UNSENT_COUNT
SELECT count(*) FROM entry WHERE f = ?1 AND (n = 0 OR n > ?2);

-- Admission (node/admit.c).

-- name: BATCH_FIRST_OF_CLIENT
SELECT min(b) FROM batch WHERE s >= ?1 AND s < ?1 + 32 HAVING min(b) IS NOT NULL;

-- Sync (node/sync_push.c, node/sync_heal.c).

-- name: ENTRY_AGAIN
INSERT OR IGNORE INTO entry(f, n, b) SELECT f, 0, b FROM entry WHERE f = ?1 AND n > 0;
-- name: ENTRY_VOID_AGAIN
INSERT OR IGNORE INTO entry(f, n, b) SELECT f, 0, entry.b FROM entry JOIN batch ON batch.b = entry.b WHERE f = ?1 AND n > 0 AND void = 1;

-- name: CARRIED_ADD
INSERT OR IGNORE INTO carried(f, oid, n) SELECT f, oid, n FROM object WHERE f = ?1 AND n > ?2 AND type = 1;
-- name: CARRIED_GET
SELECT n FROM carried WHERE f = ?1 AND oid = ?2;
-- name: CARRIED_LAST
SELECT coalesce(max(n), 0) FROM carried WHERE f = ?1;
-- name: CARRIED_DROP
DELETE FROM carried WHERE f = ?1 AND n <= ?2;
-- Import (node/import_find.c): the external ids of a type, and the stages that lose.

-- name: EXT_CLIENT /*scan*/
SELECT t.k, record.id, t.deleted, t.ext FROM client AS t JOIN record ON record.k = t.k WHERE t.ext IS NOT NULL;
-- name: EXT_CONTACT /*scan*/
SELECT t.k, record.id, t.deleted, t.ext FROM contact AS t JOIN record ON record.k = t.k WHERE t.ext IS NOT NULL;
-- name: EXT_DEAL /*scan*/
SELECT t.k, record.id, t.deleted, t.ext FROM deal AS t JOIN record ON record.k = t.k WHERE t.ext IS NOT NULL;
-- name: EXT_ACTIVITY /*scan*/
SELECT t.k, record.id, t.deleted, t.ext FROM activity AS t JOIN record ON record.k = t.k WHERE t.ext IS NOT NULL;
-- name: EXT_PRODUCT /*scan*/
SELECT t.k, record.id, t.deleted, t.ext FROM product AS t JOIN record ON record.k = t.k WHERE t.ext IS NOT NULL;
-- name: EXT_PERSON /*scan*/
SELECT t.k, record.id, t.deleted, t.ext FROM person AS t JOIN record ON record.k = t.k WHERE t.ext IS NOT NULL;
-- name: STAGE_LOST /*scan*/
SELECT name FROM stage WHERE outcome = 'lost' AND deleted = 0;

-- Quarantine (node/quarantine.c).

-- name: REFUSED_AFTER
SELECT r, node, shard, at_ms, reason, seal, size, z, decision, decided_by, decided_ms FROM refused WHERE r > ?1 ORDER BY r LIMIT 1;
-- name: REFUSED_ONE
SELECT r, node, shard, at_ms, reason, seal, size, z, decision, decided_by, decided_ms FROM refused WHERE r = ?1;
-- name: REFUSED_DECIDE
UPDATE refused SET decision = ?2, decided_by = ?3, decided_ms = ?4 WHERE r = ?1;

-- What was not accepted (node/sync_fetch.c, node/purge.c, node/report.c).

-- name: NOTICE_ADD
INSERT INTO notice(at_ms, block, reason, shard, writer, seq, rejected) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7);
-- name: NOTICE_DROP
DELETE FROM notice WHERE n = (SELECT n FROM notice WHERE block = ?1 AND writer = ?2 AND seq = ?3 AND (shard IS NULL OR shard = ?4) ORDER BY shard IS NULL LIMIT 1);
-- name: NOTICE_FORGET /*scan*/
UPDATE notice SET shard = NULL WHERE shard = ?1;
-- name: NOTICE_EACH /*scan*/
SELECT at_ms, block, reason, shard, rejected FROM notice ORDER BY n;

-- Witnesses (node/witness.c).

-- name: WITNESS_FIRST
SELECT seal FROM entry CROSS JOIN batch ON batch.b = entry.b WHERE f = ?1 AND n = 0 AND entry.b > ?2 AND w = ?3 ORDER BY entry.b LIMIT 1;
-- name: WITNESS_NEXT /*scan*/
SELECT prev FROM seal WHERE i > ?1 AND w = ?2 ORDER BY i LIMIT ?3;
-- name: WITNESS_ADD
INSERT OR IGNORE INTO witness(hash, node, epoch, b, at_ms) VALUES(?1, ?2, ?3, ?4, ?5);
-- name: WITNESS_BOUND
DELETE FROM witness WHERE node = ?1 AND i <= (SELECT i FROM witness WHERE node = ?1 ORDER BY i DESC LIMIT 1 OFFSET ?2);
-- name: WITNESS_GET
SELECT epoch, b, at_ms FROM witness WHERE hash = ?1;
-- name: WITNESS_DROP
DELETE FROM witness WHERE hash = ?1;

-- After a restore (node/heal.c).

-- name: REMEMBER
INSERT INTO remembered(person, epoch, facts, passport) VALUES(?1, ?2, 1, ?3)
ON CONFLICT(person) DO UPDATE SET epoch = ?2, facts = CASE facts WHEN 2 THEN 2 ELSE 1 END, passport = ?3;
-- name: REMEMBERED
SELECT epoch, facts, passport FROM remembered WHERE person = ?1;
-- name: REMEMBERED_FACTS
UPDATE remembered SET facts = 0 WHERE person = ?1 AND facts = 1;
-- name: REMEMBERED_STATED
INSERT INTO remembered(person, epoch, facts, passport) VALUES(?1, 0, 2, '')
ON CONFLICT(person) DO UPDATE SET facts = 2;
-- name: REMEMBERED_AGED /*scan*/
UPDATE remembered SET facts = 0 WHERE facts = 2;

-- Comparing replicas (node/tally.c).

-- name: BATCH_NEXT_SHARD
SELECT s FROM batch WHERE s > ?1 ORDER BY s LIMIT 1;
-- name: BATCH_NAMES
SELECT w, seq, ops FROM batch WHERE s = ?1 AND void = 0 ORDER BY w, seq;

-- A copy becomes a node of its own (node/rekey.c).

-- name: ENTRY_UNSENT
SELECT DISTINCT b FROM entry WHERE f = ?1 AND (n = 0 OR n > ?2) ORDER BY b;
-- name: FEED_DROP
DELETE FROM feed WHERE f = ?1;
-- name: PURGE_MOVE
UPDATE OR REPLACE purge SET f = ?2 WHERE f = ?1;
-- name: HELD_COPY
INSERT OR IGNORE INTO held(f, s) SELECT ?2, s FROM held WHERE f = ?1;

-- Repairing (node/verify_repair.c).

-- name: BATCH_UNSEALED /*scan*/
SELECT batch.b FROM batch LEFT JOIN seal ON seal.i = batch.seal AND batch.b >= seal.b AND batch.b < seal.b + leaves WHERE seal.i IS NULL ORDER BY batch.b;
-- name: ENTRY_TAKE_OUT
DELETE FROM entry WHERE f = ?1 AND b = ?2;

-- Peers (node/peer.c, node/feed.c).

-- name: FEED_PEER
SELECT f, epoch, n, acked, tip, acked_tip, scanned, policy, passport_ms, confirmed, confirmed_n FROM feed WHERE node = ?1 AND up = ?2 AND server = ?3;
-- name: FEED_PEER_ADD
INSERT INTO feed(server, node, up, epoch, n, acked, scanned, policy, passport_ms) VALUES(?3, ?1, ?2, 1, 0, 0, 0, 0, 0);
-- name: PEER_ENTRIES_FORGET /*scan*/
DELETE FROM entry WHERE f IN (SELECT f FROM feed WHERE server != zeroblob(8)) AND b IN (SELECT b FROM batch WHERE s = ?1);
-- name: PEER_OBJECTS_FORGET /*scan*/
DELETE FROM object WHERE type != 1 AND f IN (SELECT f FROM feed WHERE server != zeroblob(8));
-- name: PEER_HELD_ORDER /*scan*/
INSERT OR REPLACE INTO purge(f, shard, ordered_ms, told, done, batches) SELECT feed.f, ?2, ?3, 0, 0, 0 FROM feed CROSS JOIN held ON held.f = feed.f AND s = ?1 WHERE server != zeroblob(8);
-- name: PEER_HELD_FORGET /*scan*/
DELETE FROM held WHERE s = ?1 AND f IN (SELECT f FROM feed WHERE server != zeroblob(8));
-- name: GONE_ADD
INSERT OR IGNORE INTO gone(h) VALUES(?1);
-- name: GONE_GET
SELECT 1 FROM gone WHERE h = ?1;
-- name: GONE_DROP
DELETE FROM gone WHERE h = ?1;
-- name: WIPE_GONE
DELETE FROM gone;
-- name: PURGE_DROP
DELETE FROM purge WHERE f = ?1 AND shard = ?2;
-- name: PASSPORT_GET
SELECT epoch, issued_ms, passport FROM passport WHERE node = ?1;
-- name: PASSPORT_PUT
INSERT OR REPLACE INTO passport(node, epoch, issued_ms, passport) VALUES(?1, ?2, ?3, ?4);
-- name: PASSPORT_FORGET /*scan*/
DELETE FROM passport WHERE issued_ms < ?1;
-- name: WIPE_PASSPORT
DELETE FROM passport;

-- How much peers may bring (node/peer_bound.c).

-- name: WAITING_BY_WRITER
SELECT id, count(*), sum(size) FROM entry JOIN batch ON batch.b = entry.b JOIN writer ON writer.w = batch.w WHERE f = ?1 AND (n = 0 OR n > ?2) GROUP BY batch.w;
-- name: LEFT_OUT_ADD
INSERT OR IGNORE INTO left_out(f, h) VALUES(?1, ?2);
-- name: LEFT_OUT_HAS
SELECT 1 FROM left_out WHERE f = ?1 AND h = ?2;
-- name: LEFT_OUT_FORGET
DELETE FROM left_out WHERE f = ?1;
-- name: WIPE_LEFT_OUT
DELETE FROM left_out;

-- Passports that were replaced (node/series.c).

-- name: SERIES_OF
SELECT series FROM series WHERE node = ?1 AND ended = 0;
-- name: SERIES_BEGIN
INSERT INTO series(series, node, ended, ended_ms) VALUES(?1, ?2, 0, 0);
-- name: SERIES_END_PERSON
UPDATE series SET ended = ?2, ended_ms = ?3 WHERE ended <= 0 AND node IN (SELECT node FROM peer WHERE person = ?1);
-- name: SERIES_END_NODE
UPDATE series SET ended = ?2, ended_ms = ?3 WHERE ended <= 0 AND node = ?1;
-- name: SERIES_ENDED /*scan*/
SELECT series, ended FROM series WHERE ended > 0 AND ended_ms > ?1 ORDER BY ended DESC LIMIT ?2;
-- name: SERIES_NEWEST
SELECT coalesce(max(ended), 0) FROM series;
-- name: SERIES_LEAVE
UPDATE series SET ended = -1, ended_ms = ?1 WHERE ended = 0;
-- name: SERIES_DROP /*scan*/
DELETE FROM series WHERE ended != 0 AND ended_ms < ?1;
-- name: ENDED_ADD
INSERT INTO ended(series, until_ms) VALUES(?1, ?2) ON CONFLICT(series) DO UPDATE SET until_ms = max(until_ms, ?2);
-- name: ENDED_HAS
SELECT 1 FROM ended WHERE series = ?1;
-- name: ENDED_FORGET /*scan*/
DELETE FROM ended WHERE until_ms < ?1;
-- name: WIPE_ENDED
DELETE FROM ended;

-- name: ENTRY_DUE_DROP
DELETE FROM entry WHERE f = ?1 AND n = 0 AND b = ?2;
-- name: BATCH_JUDGED /*scan*/
SELECT b, s FROM batch WHERE void = 2 AND NOT EXISTS (SELECT 1 FROM entry WHERE f = ?1 AND n = 0 AND entry.b = batch.b) ORDER BY b;
-- name: ENTRY_OF_PEER
SELECT entry.b FROM entry JOIN batch ON batch.b = entry.b WHERE f = ?1 AND n = ?2 ORDER BY s >= 32, s % 32 != 0, entry.b;
