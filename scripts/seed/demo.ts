/** Users of a seeded database whom somebody can sign in as. */
import { hash } from "@node-rs/argon2";
import { parseConfig } from "../../src/composition/config.ts";
import type { KnownUser, Pictures } from "./people.ts";

/** Whoever has signed up under this number in earnest keeps the account; then there is no other. */
export const DEMO_PHONE = "+989129990000";
export const DEMO_PASSWORD = "lamplight-over-seven-bridges";

/**
 * As the service hashes by default, without a pepper: a hash that differs from what is configured is made anew at the
 * first login.
 */
async function hashPassword(password: string): Promise<string> {
  const { hashing } = parseConfig({ ENVIRONMENT: "development" }, "hasher").passwords;
  if (hashing.algorithm !== "argon2id") throw new Error("the default is no longer Argon2id");
  const { memoryKiB: memoryCost, iterations: timeCost, parallelism } = hashing;
  return hash(password, { memoryCost, timeCost, parallelism });
}

/** A user whose password is {@link DEMO_PASSWORD}. Without pictures, rows of images have no objects behind them. */
export async function knownUser(
  user: Pick<KnownUser, "phone" | "name" | "conversions">,
  pictures: Pictures | null = null,
): Promise<KnownUser> {
  return { ...user, passwordHash: await hashPassword(DEMO_PASSWORD), pictures };
}
