import type { Config, PasswordHashing } from "../../kernel/config.ts";
import { utf8 } from "../../kernel/encoding.ts";
import type { PasswordHasher } from "../../ports/password-hasher.ts";
import { createAdmission } from "./admission.ts";
import { bcryptCost, bcryptHash, bcryptMatches } from "./bcrypt.ts";
import { createPepper, type Pepper } from "./pepper.ts";
import { type Argon2Hash, formatPhc, parsePhc } from "./phc.ts";
import { argon2id, releaseMemory } from "./wasm-argon2.ts";

const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Some three seconds of work at the default cost; whoever has waited for {@link STALE_MS} has been given up on. */
const MAX_WAITING = 128;
const STALE_MS = 10_000;
/** A well-formed bcrypt string without its cost; no password is known that it would match. */
const DUMMY_BCRYPT = "$abcdefghijklmnopqrstuuJ3qlGGGuV9uU1tv2XKwS2ZcV6l1Iy2a";

type Argon2Config = Extract<PasswordHashing, { algorithm: "argon2id" }>;
type Verdict = Awaited<ReturnType<PasswordHasher["verify"]>>;

const NO: Verdict = { matches: false, rehash: false };

function isCurrent(stored: Argon2Hash, hashing: PasswordHashing, pepper: Pepper | null): boolean {
  if (hashing.algorithm !== "argon2id") return false;
  const { memoryKiB, iterations, parallelism } = stored.parameters;
  return (
    memoryKiB === hashing.memoryKiB &&
    iterations === hashing.iterations &&
    parallelism === hashing.parallelism &&
    stored.pepperId === (pepper?.id ?? null) &&
    stored.salt.length === SALT_BYTES &&
    stored.hash.length === HASH_BYTES
  );
}

/** What goes into Argon2: the password, or its MAC under the pepper. */
async function inputOf(password: string, pepper: Pepper | null): Promise<Uint8Array> {
  return pepper === null ? utf8(password) : await pepper.apply(password);
}

async function hashArgon2(password: string, hashing: Argon2Config, pepper: Pepper | null): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = argon2id(await inputOf(password, pepper), salt, hashing, HASH_BYTES);
  return formatPhc({ parameters: hashing, pepperId: pepper?.id ?? null, salt, hash });
}

/** Takes as long as verifying a hash of today, and never matches. */
async function verifyDummy(password: string, hashing: PasswordHashing, pepper: Pepper | null): Promise<Verdict> {
  if (hashing.algorithm === "bcrypt") {
    bcryptMatches(password, `$2b$${String(hashing.cost).padStart(2, "0")}${DUMMY_BCRYPT}`);
  } else {
    argon2id(await inputOf(password, pepper), new Uint8Array(SALT_BYTES), hashing, HASH_BYTES);
  }
  return NO;
}

async function verifyStored(
  password: string,
  stored: string | null,
  hashing: PasswordHashing,
  pepper: Pepper | null,
): Promise<Verdict> {
  if (stored === null) return verifyDummy(password, hashing, pepper);
  const cost = bcryptCost(stored);
  if (cost !== null) {
    const rehash = hashing.algorithm !== "bcrypt" || hashing.cost !== cost;
    return { matches: bcryptMatches(password, stored), rehash };
  }
  const argon2 = parsePhc(stored);
  const pepperKnown = argon2 !== null && (argon2.pepperId === null || argon2.pepperId === pepper?.id);
  if (!pepperKnown) return verifyDummy(password, hashing, pepper);
  const input = await inputOf(password, argon2.pepperId === null ? null : pepper);
  const hash = argon2id(input, argon2.salt, argon2.parameters, argon2.hash.length);
  const usualKiB = hashing.algorithm === "argon2id" ? hashing.memoryKiB : 0;
  if (argon2.parameters.memoryKiB > usualKiB) releaseMemory();
  return {
    matches: crypto.subtle.timingSafeEqual(hash, argon2.hash),
    rehash: !isCurrent(argon2, hashing, pepper),
  };
}

/**
 * Argon2id (RFC 9106, the reference C code as WASM) or bcrypt, by configuration; both are verified whatever is
 * configured. Hashes that are malformed, cost more than 64 MiB, 10 passes, 4 lanes or bcrypt cost 13, or need a pepper
 * that isn't there match nothing and are never computed. bcrypt hashes are made without pepper: they have no place to
 * name it.
 * @throws {OverloadedError} from both methods when too many passwords are waiting.
 */
export function createPasswordHasher({ hashing, pepper: secret }: Config["passwords"]): PasswordHasher {
  let made: Pepper | null = null;
  const pepperOf = async () => {
    if (secret !== null) made ??= await createPepper(secret);
    return made;
  };
  const admit = createAdmission({
    maxWaiting: MAX_WAITING,
    staleMs: STALE_MS,
    yieldTurn: () => scheduler.wait(0),
  });
  return {
    hash: (password) =>
      admit(async () => {
        if (hashing.algorithm === "bcrypt") return bcryptHash(password, hashing.cost);
        return hashArgon2(password, hashing, await pepperOf());
      }),
    verify: (password, stored) => admit(async () => verifyStored(password, stored, hashing, await pepperOf())),
  };
}
