DROP INDEX `conversions_user`;--> statement-breakpoint
CREATE INDEX `conversions_owner` ON `conversions` (`user_id`);--> statement-breakpoint
CREATE INDEX `conversions_user` ON `conversions` (`user_id`,`id`) WHERE "conversions"."deleted_at" IS NULL;