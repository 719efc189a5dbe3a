-- An event changes in two ways only: it is linked into its chain once, and what is personal in it may be erased.
CREATE TRIGGER `audit_log_update` BEFORE UPDATE ON `audit_log`
WHEN NOT (
	NEW.`id` IS OLD.`id` AND NEW.`action` IS OLD.`action` AND NEW.`outcome` IS OLD.`outcome` AND NEW.`created_at` IS OLD.`created_at`
	AND (
		(
			OLD.`seq` IS NULL AND NEW.`seq` IS NOT NULL
			AND NEW.`user_id` IS OLD.`user_id` AND NEW.`actor_id` IS OLD.`actor_id` AND NEW.`session_id` IS OLD.`session_id`
			AND NEW.`ip_prefix` IS OLD.`ip_prefix` AND NEW.`detail` IS OLD.`detail`
		)
		OR (
			NEW.`seq` IS OLD.`seq` AND NEW.`digest` IS OLD.`digest` AND NEW.`hash` IS OLD.`hash`
			AND NEW.`salt` IS NULL AND NEW.`session_id` IS NULL AND NEW.`ip_prefix` IS NULL AND NEW.`detail` IS NULL
		)
	)
)
BEGIN
	SELECT RAISE(ABORT, 'audit_log is append-only');
END;
--> statement-breakpoint
CREATE TRIGGER `audit_log_delete` BEFORE DELETE ON `audit_log`
BEGIN
	SELECT RAISE(ABORT, 'audit_log is append-only');
END;
