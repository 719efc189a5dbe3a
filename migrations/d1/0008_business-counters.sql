CREATE TABLE `business_counters` (
	`name` text NOT NULL,
	`labels` text NOT NULL,
	`value` integer NOT NULL,
	PRIMARY KEY(`name`, `labels`)
);
--> statement-breakpoint
ALTER TABLE `conversions` ADD `origin` text;--> statement-breakpoint
-- The counters start from what the tables hold: what was deleted before is in none of them.
INSERT INTO `business_counters` (`name`, `labels`, `value`)
SELECT 'user_registrations_total', json_array(), count(*) FROM `users` HAVING count(*) > 0;
--> statement-breakpoint
INSERT INTO `business_counters` (`name`, `labels`, `value`)
SELECT 'conversions_created_total', json_array(`kind`), count(*) FROM `conversions` GROUP BY `kind`;
--> statement-breakpoint
INSERT INTO `business_counters` (`name`, `labels`, `value`)
SELECT 'conversions_total', json_array(`kind`, coalesce(`provider_used`, `provider_requested`, 'default'), `status`), count(*)
FROM `conversions` WHERE `status` NOT IN ('queued', 'processing') GROUP BY 2;
--> statement-breakpoint
INSERT INTO `business_counters` (`name`, `labels`, `value`)
SELECT 'quota_units_total', json_array('reserved'), sum(`units`) FROM `quota_ledger` HAVING count(*) > 0;
--> statement-breakpoint
INSERT INTO `business_counters` (`name`, `labels`, `value`)
SELECT 'quota_units_total', json_array(`state`), sum(`units`) FROM `quota_ledger` WHERE `state` <> 'reserved' GROUP BY `state`;
--> statement-breakpoint
INSERT INTO `business_counters` (`name`, `labels`, `value`)
SELECT 'dead_letters_total', json_array(replace(`queue`, 'ai-styler-', ''), `outcome`), count(*) FROM `dead_letters` GROUP BY 2;
--> statement-breakpoint
INSERT INTO `business_counters` (`name`, `labels`, `value`)
SELECT 'provider_calls_total', json_array(`provider`, `model`, `outcome`), count(*)
FROM `provider_calls` WHERE `outcome` <> 'pending' GROUP BY `provider`, `model`, `outcome`;
