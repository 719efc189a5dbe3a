DROP INDEX `conversions_user`;--> statement-breakpoint
CREATE INDEX `conversions_person_image` ON `conversions` (`person_image_id`);--> statement-breakpoint
CREATE INDEX `conversions_garment_image` ON `conversions` (`garment_image_id`) WHERE "conversions"."garment_image_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `conversions_style_image` ON `conversions` (`style_image_id`) WHERE "conversions"."style_image_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `conversions_result_image` ON `conversions` (`result_image_id`) WHERE "conversions"."result_image_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `conversions_user` ON `conversions` (`user_id`,`id`);--> statement-breakpoint
DROP INDEX `audit_log_chain`;--> statement-breakpoint
CREATE INDEX `audit_log_strangers` ON `audit_log` (`created_at`) WHERE "audit_log"."salt" IS NOT NULL AND substr("audit_log"."user_id", 1, 4) = 'phn_';--> statement-breakpoint
CREATE UNIQUE INDEX `audit_log_chain` ON `audit_log` (`user_id`,`seq`) WHERE "audit_log"."seq" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `images_owner` ON `images` (`user_id`);--> statement-breakpoint
CREATE INDEX `quota_grants_granted_by` ON `quota_grants` (`granted_by`);--> statement-breakpoint
CREATE INDEX `verification_tokens_phone` ON `verification_tokens` (`phone`);