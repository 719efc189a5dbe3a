/** The file name of the last migration in migrations/d1, as the table `d1_migrations` names it once it is applied. */
export const LATEST_MIGRATION = "0009_users-by-role-and-status.sql";
