import type { ObservabilityDeps } from "../deps.ts";

/** The number that a migration's file name begins with; −1 without one, as before the first. */
function numberOf(name: string | null): number {
  const number = Number.parseInt(name ?? "", 10);
  return Number.isNaN(number) ? -1 : number;
}

/** How many migrations this version needs that the database has not had. One that is ahead misses none. */
export function missingMigrations(expected: string, applied: string | null): number {
  return Math.max(0, numberOf(expected) - numberOf(applied));
}

/** Raises an alert where the database is behind this version. @returns how many migrations are missing. */
export async function checkMigrations(
  deps: Pick<ObservabilityDeps, "business" | "alerts" | "expectedMigration">,
): Promise<number> {
  const latestMigration = await deps.business.latestMigration();
  const missing = missingMigrations(deps.expectedMigration, latestMigration);
  if (missing > 0) {
    deps.alerts.raise({
      name: "migration_mismatch",
      about: deps.expectedMigration,
      what: `The database lacks ${missing} migrations: it has ${latestMigration ?? "none"}, this version needs ${deps.expectedMigration}`,
      advice: "Apply them with: npx wrangler d1 migrations apply DB --remote",
    });
  }
  return missing;
}
