CREATE TABLE `conversion_events` (
	`conversion_id` text NOT NULL,
	`version` integer NOT NULL,
	`type` text NOT NULL,
	`status` text NOT NULL,
	`stage` text,
	`progress` integer NOT NULL,
	`cause` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`conversion_id`, `version`)
);
--> statement-breakpoint
CREATE TABLE `conversions` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`kind` text NOT NULL,
	`status` text NOT NULL,
	`stage` text,
	`progress` integer NOT NULL,
	`person_image_id` text NOT NULL,
	`garment_image_id` text,
	`style_image_id` text,
	`style_preset` text,
	`category` text,
	`prompt` text,
	`seed` integer NOT NULL,
	`output_format` text NOT NULL,
	`provider_requested` text,
	`provider_used` text,
	`fallback` text NOT NULL,
	`model` text,
	`degraded` integer NOT NULL,
	`attempt` integer NOT NULL,
	`lease` text,
	`lease_until` integer,
	`not_before` integer NOT NULL,
	`wake_at` integer NOT NULL,
	`result_image_id` text,
	`error_code` text,
	`title` text,
	`metadata` text NOT NULL,
	`favorite` integer NOT NULL,
	`retry_of` text,
	`version` integer NOT NULL,
	`write_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`started_at` integer,
	`completed_at` integer,
	`deadline_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`deleted_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`person_image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`garment_image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`style_image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`result_image_id`) REFERENCES `images`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "conversions_lease" CHECK(("conversions"."status" = 'processing') = ("conversions"."lease" IS NOT NULL))
);
--> statement-breakpoint
CREATE INDEX `conversions_user` ON `conversions` (`user_id`,`id`) WHERE "conversions"."deleted_at" IS NULL;--> statement-breakpoint
CREATE INDEX `conversions_user_status` ON `conversions` (`user_id`,`status`,`id`) WHERE "conversions"."deleted_at" IS NULL;--> statement-breakpoint
CREATE INDEX `conversions_user_kind` ON `conversions` (`user_id`,`kind`,`id`) WHERE "conversions"."deleted_at" IS NULL;--> statement-breakpoint
CREATE INDEX `conversions_active` ON `conversions` (`wake_at`) WHERE "conversions"."status" IN ('queued', 'processing');--> statement-breakpoint
CREATE TABLE `idempotency_records` (
	`user_id` text NOT NULL,
	`operation` text NOT NULL,
	`key` text NOT NULL,
	`fingerprint` text NOT NULL,
	`conversion_id` text NOT NULL,
	`status` integer NOT NULL,
	`body` text NOT NULL,
	`locked_until` integer NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `operation`, `key`)
);
--> statement-breakpoint
CREATE INDEX `idempotency_records_expiry` ON `idempotency_records` (`expires_at`);--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`topic` text NOT NULL,
	`payload` text NOT NULL,
	`due_at` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `outbox_due` ON `outbox` (`due_at`);--> statement-breakpoint
CREATE TABLE `quota_ledger` (
	`conversion_id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`period` text NOT NULL,
	`bucket` text NOT NULL,
	`units` integer NOT NULL,
	`state` text NOT NULL,
	`reserved_at` integer NOT NULL,
	`settled_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `quota_ledger_usage` ON `quota_ledger` (`user_id`,`period`,`state`,`units`);--> statement-breakpoint
CREATE TABLE `images` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`kind` text NOT NULL,
	`mime` text NOT NULL,
	`bytes` integer NOT NULL,
	`width` integer NOT NULL,
	`height` integer NOT NULL,
	`sha256` text NOT NULL,
	`original_key` text NOT NULL,
	`thumbnail_key` text NOT NULL,
	`created_at` integer NOT NULL,
	`deleted_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `images_user` ON `images` (`user_id`,`id`) WHERE "images"."deleted_at" IS NULL AND "images"."kind" <> 'result';--> statement-breakpoint
CREATE INDEX `images_user_kind` ON `images` (`user_id`,`kind`,`id`) WHERE "images"."deleted_at" IS NULL;--> statement-breakpoint
CREATE TABLE `audit_log` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`actor_id` text NOT NULL,
	`action` text NOT NULL,
	`outcome` text NOT NULL,
	`session_id` text,
	`ip_prefix` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_log_user` ON `audit_log` (`user_id`,`id`);--> statement-breakpoint
CREATE TABLE `dev_sms` (
	`id` text PRIMARY KEY NOT NULL,
	`recipient` text NOT NULL,
	`text` text NOT NULL,
	`code` text NOT NULL,
	`sent_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `dev_sms_recipient` ON `dev_sms` (`recipient`,`id`);--> statement-breakpoint
CREATE TABLE `otp_challenges` (
	`id` text PRIMARY KEY NOT NULL,
	`code_mac` text NOT NULL,
	`attempts` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`consumed_at` integer,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `otp_challenges_expiry` ON `otp_challenges` (`expires_at`);--> statement-breakpoint
CREATE TABLE `plans` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`monthly_conversions` integer
);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`phone` text NOT NULL,
	`name` text,
	`bio` text,
	`locale` text,
	`role` text NOT NULL,
	`status` text NOT NULL,
	`plan_id` text NOT NULL,
	`password_hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`plan_id`) REFERENCES `plans`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "users_role" CHECK("users"."role" IN ('user', 'vendor', 'admin'))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_phone_unique` ON `users` (`phone`);--> statement-breakpoint
CREATE TABLE `verification_tokens` (
	`token_hash` text PRIMARY KEY NOT NULL,
	`phone` text NOT NULL,
	`purpose` text NOT NULL,
	`expires_at` integer NOT NULL,
	`consumed_by` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `verification_tokens_expiry` ON `verification_tokens` (`expires_at`);