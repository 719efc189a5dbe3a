CREATE TABLE `dead_letters` (
	`id` text PRIMARY KEY NOT NULL,
	`queue` text NOT NULL,
	`message_id` text NOT NULL,
	`conversion_id` text,
	`body` text NOT NULL,
	`attempts` integer NOT NULL,
	`outcome` text NOT NULL,
	`received_at` integer NOT NULL,
	`replayed_as` text,
	`replayed_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `dead_letters_message` ON `dead_letters` (`queue`,`message_id`);--> statement-breakpoint
CREATE INDEX `dead_letters_conversion` ON `dead_letters` (`conversion_id`);--> statement-breakpoint
CREATE INDEX `dead_letters_received` ON `dead_letters` (`received_at`);--> statement-breakpoint
CREATE TABLE `sweep_cursors` (
	`name` text PRIMARY KEY NOT NULL,
	`cursor` text,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `provider_calls` (
	`id` text PRIMARY KEY NOT NULL,
	`conversion_id` text NOT NULL,
	`day` text NOT NULL,
	`provider` text NOT NULL,
	`model` text NOT NULL,
	`attempt` integer NOT NULL,
	`outcome` text NOT NULL,
	`prompt_tokens` integer,
	`output_tokens` integer,
	`cost_micros` integer NOT NULL,
	`started_at` integer NOT NULL,
	`ended_at` integer
);
--> statement-breakpoint
CREATE INDEX `provider_calls_conversion` ON `provider_calls` (`conversion_id`,`id`);--> statement-breakpoint
CREATE INDEX `provider_calls_started` ON `provider_calls` (`started_at`);--> statement-breakpoint
CREATE INDEX `provider_calls_pending` ON `provider_calls` (`started_at`) WHERE "provider_calls"."outcome" = 'pending';--> statement-breakpoint
CREATE TABLE `provider_spend` (
	`day` text NOT NULL,
	`provider` text NOT NULL,
	`model` text NOT NULL,
	`calls` integer NOT NULL,
	`succeeded` integer NOT NULL,
	`failed` integer NOT NULL,
	`prompt_tokens` integer NOT NULL,
	`output_tokens` integer NOT NULL,
	`cost_micros` integer NOT NULL,
	`reserved_micros` integer NOT NULL,
	`duration_ms` integer NOT NULL,
	PRIMARY KEY(`day`, `provider`, `model`)
);
--> statement-breakpoint
CREATE TABLE `stage_timings` (
	`kind` text NOT NULL,
	`provider` text NOT NULL,
	`fetching_ms` integer NOT NULL,
	`generating_ms` integer NOT NULL,
	`encoding_ms` integer NOT NULL,
	`storing_ms` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`kind`, `provider`)
);
--> statement-breakpoint
ALTER TABLE `conversions` ADD `last_failure` text;--> statement-breakpoint
ALTER TABLE `conversions` ADD `data_removed` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `conversions_queued` ON `conversions` (`id`) WHERE "conversions"."status" = 'queued';--> statement-breakpoint
ALTER TABLE `images` ADD `expires_at` integer;--> statement-breakpoint
CREATE INDEX `images_expiry` ON `images` (`expires_at`) WHERE "images"."deleted_at" IS NULL AND "images"."expires_at" IS NOT NULL;--> statement-breakpoint
ALTER TABLE `plans` ADD `original_retention_days` integer DEFAULT 30;--> statement-breakpoint
ALTER TABLE `plans` ADD `result_retention_days` integer DEFAULT 30;--> statement-breakpoint
UPDATE `images` SET `expires_at` = `created_at` + 2592000000;
