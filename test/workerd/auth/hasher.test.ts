import { argon2id as oracle } from "@noble/hashes/argon2.js";
import bcrypt from "bcryptjs";
import { expect, it } from "vitest";
import type { PasswordHashing } from "../../../src/kernel/config.ts";
import { utf8 } from "../../../src/kernel/encoding.ts";
import { createPasswordHasher } from "../../../src/providers/argon2/password-hasher.ts";
import { createPepper } from "../../../src/providers/argon2/pepper.ts";
import { formatPhc, parsePhc } from "../../../src/providers/argon2/phc.ts";
import { argon2id } from "../../../src/providers/argon2/wasm-argon2.ts";
import { bindings } from "../support/database.ts";

const CHEAP: PasswordHashing = { algorithm: "argon2id", memoryKiB: 64, iterations: 1, parallelism: 1 };
const BCRYPT: PasswordHashing = { algorithm: "bcrypt", cost: 4 };
const hasherOf = (hashing: PasswordHashing, pepper: string | null = null) => createPasswordHasher({ hashing, pepper });
const PEPPER = "a pepper of some length";
const SALT = new Uint8Array(16).map((_, i) => i);
const PASSWORDS = ["plain ascii", "گربه‌ی سیاه", "🦊🐙🌵", "ab\u0000cd", "x".repeat(512), ""];

it.each([
  { memoryKiB: 64, iterations: 1, parallelism: 1 },
  { memoryKiB: 64, iterations: 3, parallelism: 1 },
  { memoryKiB: 256, iterations: 2, parallelism: 4 },
  { memoryKiB: 1024, iterations: 2, parallelism: 2 },
])("computes what noble computes, for text of every script: %o", (parameters) => {
  for (const password of PASSWORDS) {
    const { memoryKiB: m, iterations: t, parallelism: p } = parameters;
    const expected = oracle(utf8(password), SALT, { m, t, p, dkLen: 32, version: 0x13 });
    expect(argon2id(utf8(password), SALT, parameters, 32)).toEqual(expected);
  }
});

it("the default cost computes what noble computes", () => {
  const expected = oracle(utf8("password"), SALT, { m: 19_456, t: 2, p: 1, dkLen: 32 });
  expect(argon2id(utf8("password"), SALT, { memoryKiB: 19_456, iterations: 2, parallelism: 1 }, 32)).toEqual(expected);
});

it("hashes to a PHC string with the configured parameters, a 16-byte salt and 32 bytes that noble agrees with", async () => {
  const stored = await hasherOf(CHEAP).hash("گربه‌ی سیاه");
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  const { salt, hash } = parsePhc(stored) ?? { salt: SALT, hash: SALT };
  expect(oracle(utf8("گربه‌ی سیاه"), salt, { m: 64, t: 1, p: 1, dkLen: 32 })).toEqual(hash);
  expect(await hasherOf(CHEAP).hash("گربه‌ی سیاه")).not.toBe(stored);
});

it("verifies over RPC what it hashed over RPC, and nothing else", async () => {
  const stored = await bindings.HASHER.hash("a password");
  expect(await bindings.HASHER.verify("a password", stored)).toEqual({ matches: true, rehash: false });
  expect(await bindings.HASHER.verify("a Password", stored)).toMatchObject({ matches: false });
  expect(await bindings.HASHER.verify("a password", null)).toMatchObject({ matches: false });
});

it("a password counts to its last byte, also where letters take more than one", async () => {
  const hasher = hasherOf(CHEAP);
  const stored = await hasher.hash("گربه‌ی سیاه روی دیوار");
  expect((await hasher.verify("گربه‌ی سیاه روی دیوان", stored)).matches).toBe(false);
  expect((await hasher.verify("گربه‌ی سیاه روی دیوا", stored)).matches).toBe(false);
});

it("tells when a hash was made with other parameters than today's", async () => {
  const stored = await hasherOf(CHEAP).hash("a password");
  for (const change of [{ memoryKiB: 128 }, { iterations: 2 }, { parallelism: 2 }]) {
    expect(await hasherOf({ ...CHEAP, ...change }).verify("a password", stored)).toEqual({
      matches: true,
      rehash: true,
    });
  }
  expect(await hasherOf(BCRYPT).verify("a password", stored)).toEqual({ matches: true, rehash: true });
});

it("hashes of the old service (64 MiB, 3 passes, 2 lanes) verify", async () => {
  const parameters = { memoryKiB: 65_536, iterations: 3, parallelism: 2 };
  const hash = argon2id(utf8("a password"), SALT, parameters, 32);
  const stored = formatPhc({ parameters, pepperId: null, salt: SALT, hash });
  expect(await hasherOf(CHEAP).verify("a password", stored)).toEqual({ matches: true, rehash: true });
});

it.each([
  ["memory of 4 GiB", "m=4194304,t=1,p=1"],
  ["memory just above 64 MiB", "m=65537,t=1,p=1"],
  ["1,000 passes", "m=64,t=1000,p=1"],
  ["16 lanes", "m=128,t=1,p=16"],
  ["less memory than the lanes need", "m=8,t=1,p=4"],
  ["no passes", "m=64,t=0,p=1"],
  ["a number that overflows", "m=99999999999999999999,t=1,p=1"],
])("a stored hash that asks for %s is refused and not computed", async (_, cost) => {
  const stored = `$argon2id$v=19$${cost}$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODwAAECAwQFBgcICQoLDA0OA`;
  expect(parsePhc(stored)).toBeNull();
  expect(await hasherOf(CHEAP).verify("a password", stored)).toEqual({ matches: false, rehash: false });
});

it.each([
  "",
  "plain text",
  "$argon2i$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
  "$argon2id$v=16$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
  "$2b$31$abcdefghijklmnopqrstuuJ3qlGGGuV9uU1tv2XKwS2ZcV6l1Iy2a",
  "$2b$14$abcdefghijklmnopqrstuuJ3qlGGGuV9uU1tv2XKwS2ZcV6l1Iy2a",
  "$2b$03$abcdefghijklmnopqrstuuJ3qlGGGuV9uU1tv2XKwS2ZcV6l1Iy2a",
  "$2x$04$abcdefghijklmnopqrstuuJ3qlGGGuV9uU1tv2XKwS2ZcV6l1Iy2a",
])("the stored text %s matches nothing", async (stored) => {
  expect(await hasherOf(CHEAP).verify("a password", stored)).toEqual({ matches: false, rehash: false });
});

it("a pepper goes into the hash and its id into the PHC string, and noble agrees", async () => {
  const stored = await hasherOf(CHEAP, PEPPER).hash("a password");
  const pepper = await createPepper(PEPPER);
  expect(stored).toContain(`m=64,t=1,p=1,keyid=${pepper.id}$`);
  const parsed = parsePhc(stored);
  expect(parsed?.pepperId).toBe(pepper.id);
  const input = await pepper.apply("a password");
  expect(oracle(input, parsed?.salt ?? SALT, { m: 64, t: 1, p: 1, dkLen: 32 })).toEqual(parsed?.hash);
  expect(await hasherOf(CHEAP, PEPPER).verify("a password", stored)).toEqual({ matches: true, rehash: false });
});

it("without its pepper, or with another, a hash is worthless", async () => {
  const stored = await hasherOf(CHEAP, PEPPER).hash("a password");
  expect((await hasherOf(CHEAP).verify("a password", stored)).matches).toBe(false);
  expect((await hasherOf(CHEAP, "another pepper, as long").verify("a password", stored)).matches).toBe(false);
});

it("hashes made before there was a pepper verify and are to be renewed", async () => {
  const stored = await hasherOf(CHEAP).hash("a password");
  expect(await hasherOf(CHEAP, PEPPER).verify("a password", stored)).toEqual({ matches: true, rehash: true });
});

it("bcrypt hashes of all three prefixes verify, and are to be renewed where Argon2id is configured", async () => {
  const stored = await hasherOf(BCRYPT).hash("a password");
  expect(stored).toMatch(/^\$2b\$04\$/);
  for (const prefix of ["$2a", "$2b", "$2y"]) {
    const written = prefix + stored.slice(3);
    expect(await hasherOf(CHEAP).verify("a password", written)).toEqual({ matches: true, rehash: true });
    expect((await hasherOf(CHEAP).verify("a passwore", written)).matches).toBe(false);
  }
  expect(await hasherOf(BCRYPT).verify("a password", stored)).toEqual({ matches: true, rehash: false });
  expect(await hasherOf({ ...BCRYPT, cost: 5 }).verify("a password", stored)).toEqual({ matches: true, rehash: true });
  expect(bcrypt.compareSync("a password", stored)).toBe(true);
});

it("bcrypt takes no password of more than 72 bytes, neither to hash nor to verify", async () => {
  const hasher = hasherOf(BCRYPT);
  const password = "x".repeat(72);
  const stored = await hasher.hash(password);
  expect((await hasher.verify(password, stored)).matches).toBe(true);
  expect((await hasher.verify(`${password}y`, stored)).matches).toBe(false);
  await expect(hasher.hash(`${password}y`)).rejects.toThrow(RangeError);
  await expect(hasher.hash("ش".repeat(37))).rejects.toThrow(RangeError);
});

it("a burst is served up to the queue's length and the rest refused, and then it serves again", async () => {
  const hasher = hasherOf(CHEAP);
  const outcomes = await Promise.allSettled(Array.from({ length: 300 }, () => hasher.hash("a password")));
  expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(128);
  await expect(hasher.hash("a password")).resolves.toContain("$argon2id$");
});

it("an unknown account takes about as long as a known one", async () => {
  const hasher = hasherOf({ algorithm: "argon2id", memoryKiB: 19_456, iterations: 2, parallelism: 1 });
  const stored = await hasher.hash("a password");
  const samples: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
  for (let i = 0; i < 30; i++) {
    const start = performance.now();
    await hasher.verify("not the password", i % 2 === 0 ? stored : null);
    samples[i % 2 === 0 ? "known" : "unknown"].push(performance.now() - start);
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[7] as number;
  const [known, unknown] = [median(samples.known), median(samples.unknown)];
  expect(unknown / known).toBeGreaterThan(0.5);
  expect(unknown / known).toBeLessThan(2);
});
