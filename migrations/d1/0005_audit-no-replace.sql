-- REPLACE removes the rows in its way without firing their delete trigger, so nothing may be in its way: neither the
-- same id, nor the same rowid (-1: the statement gives none), nor the same place in a chain.
CREATE TRIGGER `audit_log_insert` BEFORE INSERT ON `audit_log`
WHEN EXISTS (SELECT 1 FROM `audit_log` WHERE `id` = NEW.`id`)
	OR (NEW.`rowid` <> -1 AND EXISTS (SELECT 1 FROM `audit_log` WHERE `rowid` = NEW.`rowid`))
BEGIN
	SELECT RAISE(ABORT, 'audit_log is append-only');
END;
--> statement-breakpoint
CREATE TRIGGER `audit_log_insert_linked` BEFORE INSERT ON `audit_log`
WHEN NEW.`seq` IS NOT NULL OR NEW.`salt` IS NOT NULL OR NEW.`digest` IS NOT NULL OR NEW.`hash` IS NOT NULL
BEGIN
	SELECT RAISE(ABORT, 'audit_log is append-only: only the linker links');
END;
--> statement-breakpoint
CREATE TRIGGER `audit_log_update_place` BEFORE UPDATE ON `audit_log`
WHEN NEW.`rowid` IS NOT OLD.`rowid` OR EXISTS (
	SELECT 1 FROM `audit_log` WHERE `user_id` = NEW.`user_id` AND `seq` = NEW.`seq` AND `id` <> OLD.`id`
)
BEGIN
	SELECT RAISE(ABORT, 'audit_log is append-only: the place is taken');
END;
--> statement-breakpoint
-- An erasure gives no other names than pseudonyms: nobody else's log gets the event, and nobody else did it.
CREATE TRIGGER `audit_log_update_name` BEFORE UPDATE ON `audit_log`
WHEN (NEW.`user_id` IS NOT OLD.`user_id` AND substr(NEW.`user_id`, 1, 5) IS NOT 'anon_')
	OR (NEW.`actor_id` IS NOT OLD.`actor_id` AND substr(NEW.`actor_id`, 1, 5) IS NOT 'anon_')
BEGIN
	SELECT RAISE(ABORT, 'audit_log is append-only: no name but a pseudonym');
END;
