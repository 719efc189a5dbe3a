CREATE TABLE `quota_grants` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`period` text NOT NULL,
	`units` integer NOT NULL,
	`granted_by` text NOT NULL,
	`reason` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `quota_grants_usage` ON `quota_grants` (`user_id`,`period`,`units`);--> statement-breakpoint
CREATE TABLE `sms_outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`sealed` text NOT NULL,
	`attempts` integer NOT NULL,
	`due_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `sms_outbox_due` ON `sms_outbox` (`due_at`);--> statement-breakpoint
ALTER TABLE `audit_log` ADD `detail` text;--> statement-breakpoint
ALTER TABLE `audit_log` ADD `seq` integer;--> statement-breakpoint
ALTER TABLE `audit_log` ADD `salt` text;--> statement-breakpoint
ALTER TABLE `audit_log` ADD `digest` text;--> statement-breakpoint
ALTER TABLE `audit_log` ADD `hash` text;--> statement-breakpoint
CREATE INDEX `audit_log_actor` ON `audit_log` (`actor_id`,`id`);--> statement-breakpoint
CREATE INDEX `audit_log_action` ON `audit_log` (`action`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `audit_log_chain` ON `audit_log` (`user_id`,`seq`);--> statement-breakpoint
CREATE INDEX `audit_log_unlinked` ON `audit_log` (`user_id`,`id`) WHERE "audit_log"."seq" IS NULL;--> statement-breakpoint
ALTER TABLE `otp_challenges` ADD `phone_mac` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `otp_challenges` ADD `takes` text;--> statement-breakpoint
ALTER TABLE `otp_challenges` ADD `consumed_by` text;--> statement-breakpoint
ALTER TABLE `users` ADD `session_epoch` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `users` ADD `write_id` text;--> statement-breakpoint
CREATE INDEX `users_role_id` ON `users` (`role`,`id`);--> statement-breakpoint
CREATE INDEX `users_status_id` ON `users` (`status`,`id`);