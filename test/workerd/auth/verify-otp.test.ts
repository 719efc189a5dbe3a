import { eq } from "drizzle-orm";
import { afterEach, expect, it, vi } from "vitest";
import { createD1OtpRepository } from "../../../src/db/d1/repositories/otp.ts";
import { otpChallenges, verificationTokens } from "../../../src/db/d1/schema/index.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { createKeyring } from "../../../src/kernel/keyring.ts";
import { codeMacs } from "../../../src/modules/auth/otp-code.ts";
import { auditEvent } from "../../factories.ts";
import { apiWith, issuePaths, problemOf } from "../support/app.ts";
import { api, newPhone, sendCode, signUp } from "../support/client.ts";
import { db } from "../support/database.ts";
import { unkeyedDigests } from "../support/unkeyed-digests.ts";

interface Attempt {
  readonly phone: string;
  readonly purpose: string;
  readonly challengeId: string;
  readonly code: string;
}

afterEach(() => {
  vi.useRealTimers();
});

const verify = (attempt: Attempt) => api("/api/auth/verify-otp", { json: attempt });

async function challenge(
  phone = newPhone(),
  purpose: "register" | "login" | "password_reset" = "register",
): Promise<Attempt> {
  const { challengeId, code } = await sendCode(phone, purpose);
  if (code === null) throw new Error("no message");
  return { phone, purpose, challengeId, code };
}

/** `count` codes that are not `code`. */
function wrongCodes(code: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => String((Number(code) + i + 1) % 1_000_000).padStart(6, "0"));
}

async function attemptsOf(challengeId: string): Promise<number | undefined> {
  const [row] = await db.select().from(otpChallenges).where(eq(otpChallenges.id, challengeId));
  return row?.attempts;
}

it("200 concurrent uses of a right code give one token", async () => {
  const attempt = await challenge();
  const responses = await Promise.all(Array.from({ length: 200 }, () => verify(attempt)));
  const statuses = responses.map((response) => response.status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.filter((status) => status === 400)).toHaveLength(199);
  const tokens = await db.select().from(verificationTokens).where(eq(verificationTokens.phone, attempt.phone));
  expect(tokens).toHaveLength(1);
});

it("of 50 wrong codes in parallel five are looked at, and then the right one is refused", async () => {
  const attempt = await challenge();
  const wrong = wrongCodes(attempt.code, 50);
  const responses = await Promise.all(wrong.map((code) => verify({ ...attempt, code })));
  expect(responses.every((response) => response.status === 400)).toBe(true);
  expect(await attemptsOf(attempt.challengeId)).toBe(5);
  expect((await verify(attempt)).status).toBe(400);
  expect(await attemptsOf(attempt.challengeId)).toBe(5);
});

it("the right code at the fifth try is accepted", async () => {
  const attempt = await challenge();
  for (const code of wrongCodes(attempt.code, 4)) await verify({ ...attempt, code });
  expect((await verify(attempt)).status).toBe(200);
});

it("every kind of wrong gives one and the same answer", async () => {
  const attempt = await challenge();
  const other = await challenge();
  const login = await challenge((await signUp()).phone, "login");
  const used = await challenge();
  expect((await verify(used)).status).toBe(200);
  const [wrong = ""] = wrongCodes(attempt.code, 1);
  const expired = await challenge();
  await db
    .update(otpChallenges)
    .set({ expiresAt: Date.now() - 1 })
    .where(eq(otpChallenges.id, expired.challengeId));
  const spent = await challenge();
  await Promise.all(wrongCodes(spent.code, 5).map((code) => verify({ ...spent, code })));
  const attempts: Record<string, Attempt> = {
    "a wrong code": { ...attempt, code: wrong },
    "an unknown challenge": { ...attempt, challengeId: newId("chl", Date.now()) },
    "a replay": used,
    expired: expired,
    "tries spent": spent,
    "a code for A on B": { ...attempt, phone: other.phone },
    "a code for A on the challenge of B": { ...attempt, challengeId: other.challengeId },
    "a login code on password_reset": { ...login, purpose: "password_reset" },
    "a login code on register": { ...login, purpose: "register" },
  };
  const problems = new Set<string>();
  for (const [name, body] of Object.entries(attempts)) {
    const response = await verify(body);
    expect(response.status, name).toBe(400);
    problems.add(JSON.stringify(await problemOf(response)));
  }
  expect(problems.size).toBe(1);
  expect([...problems][0]).toContain('"code":"invalid_code"');
});

it("a code tried on another phone, purpose or challenge spends no try, of its own or of the other's, and stays good", async () => {
  const attempt = await challenge();
  const other = await challenge();
  for (let i = 0; i < 6; i++) {
    for (const change of [
      { phone: other.phone },
      { phone: newPhone() },
      { purpose: "login" },
      { purpose: "password_reset" },
      { challengeId: other.challengeId },
      { challengeId: newId("chl", Date.now()) },
    ]) {
      expect((await verify({ ...attempt, ...change })).status, JSON.stringify(change)).toBe(400);
    }
  }
  expect([await attemptsOf(attempt.challengeId), await attemptsOf(other.challengeId)]).toEqual([0, 0]);
  expect((await verify(attempt)).status).toBe(200);
  expect((await verify(other)).status).toBe(200);
});

it("the code of one send is wrong for the challenge of the next to the same phone, and spends a try there", async () => {
  const first = await challenge();
  let second = await challenge(first.phone);
  while (second.code === first.code) second = await challenge(first.phone);
  expect((await verify({ ...first, challengeId: second.challengeId })).status).toBe(400);
  expect([await attemptsOf(first.challengeId), await attemptsOf(second.challengeId)]).toEqual([0, 1]);
});

it("a stranger's sends and guesses for a phone leave its holder's challenge as it was", async () => {
  const mine = await challenge();
  for (let i = 0; i < 3; i++) {
    const stranger = await challenge(mine.phone);
    await Promise.all(wrongCodes(stranger.code, 6).map((code) => verify({ ...stranger, code })));
    expect(await attemptsOf(stranger.challengeId)).toBe(5);
  }
  expect(await attemptsOf(mine.challengeId)).toBe(0);
  expect((await verify(mine)).status).toBe(200);
});

it("a code that was used is as wrong as any, for good", async () => {
  const attempt = await challenge();
  expect((await verify(attempt)).status).toBe(200);
  const replay = await verify(attempt);
  const wrong = await verify({ ...(await challenge()), code: "000000", challengeId: newId("chl", Date.now()) });
  expect([replay.status, wrong.status]).toEqual([400, 400]);
  expect(await problemOf(replay)).toEqual(await problemOf(wrong));
  expect(await attemptsOf(attempt.challengeId)).toBe(1);
});

it("a resend makes a challenge of its own; the old one keeps its code and its tries", async () => {
  const first = await challenge();
  for (const code of wrongCodes(first.code, 4)) await verify({ ...first, code });
  const second = await challenge(first.phone);
  expect(second.challengeId).not.toBe(first.challengeId);
  expect(await attemptsOf(first.challengeId)).toBe(4);
  expect((await verify(first)).status).toBe(200);
  expect((await verify(second)).status).toBe(200);
});

it("two sends verify nothing: what was sent first is not taken for used", async () => {
  const first = await challenge();
  await challenge(first.phone);
  const tokens = await db.select().from(verificationTokens).where(eq(verificationTokens.phone, first.phone));
  expect(tokens).toHaveLength(0);
});

it("a code is accepted up to its end and not a millisecond longer", async () => {
  const otp = createD1OtpRepository(db);
  const now = Date.now();
  for (const [at, accepted] of [
    [now + 999, true],
    [now + 1000, false],
    [now + 1001, false],
  ] as const) {
    const id = newId("chl", now);
    const life = { createdAt: now, expiresAt: now + 1000 };
    const challenge = { id, codeMac: "mac", phoneMac: "phone", takes: [], ...life };
    await otp.createChallenge(challenge, { id: newId("sms", now), sealed: "", dueAt: now, ...life }, auditEvent());
    const token = { tokenHash: id, phone: newPhone(), purpose: "login", ...life } as const;
    const attempt = { challengeId: id, phoneMacs: ["phone"], codeMacs: ["mac"] };
    const outcome = await otp.consumeCode(attempt, token, { now: at, maxAttempts: 5, event: auditEvent() });
    expect(outcome.kind).toBe(accepted ? "verified" : "no_challenge");
  }
});

it.each([
  [-1_000, 200],
  [-1, 200],
  [0, 400],
  [1, 400],
  [1_000, 400],
])("%d ms after a code's five minutes the answer is %d", async (afterEnd, status) => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  const attempt = await challenge();
  const [row] = await db.select().from(otpChallenges).where(eq(otpChallenges.id, attempt.challengeId));
  expect(row?.expiresAt).toBe(Date.now() + 300_000);
  vi.setSystemTime(Date.now() + 300_000 + afterEnd);
  expect((await verify(attempt)).status).toBe(status);
});

it("a rotation of the secret leaves live codes valid, and a foreign secret does not", async () => {
  const attempt = await challenge();
  const current = "test-secret-test-secret-test-secret-0001";
  const next = "the-next-secret-the-next-secret-the-next";
  const under = (env: object, json: Attempt) => apiWith(env, "/api/auth/verify-otp", { json });
  expect((await under({ JWT_SECRET: next }, attempt)).status).toBe(400);
  expect((await under({ JWT_SECRET: next, JWT_SECRET_PREVIOUS: current }, attempt)).status).toBe(200);
});

it("a malformed code, challenge or phone is 422 and spends no try", async () => {
  const attempt = await challenge();
  for (const [field, value] of [
    ["code", "12345"],
    ["code", "1234567"],
    ["code", "abcdef"],
    ["code", 123456],
    ["challengeId", "chl_1"],
    ["challengeId", attempt.challengeId.toLowerCase()],
    ["challengeId", "' OR 1=1 --"],
    ["phone", "9123456789"],
    ["purpose", "admin"],
    ["role", "admin"],
  ] as const) {
    const response = await api("/api/auth/verify-otp", { json: { ...attempt, [field]: value } });
    expect(response.status, field).toBe(422);
    expect(await issuePaths(response)).toEqual([field]);
  }
  expect(await attemptsOf(attempt.challengeId)).toBe(0);
  expect((await verify(attempt)).status).toBe(200);
});

it("a code may be typed in Persian digits", async () => {
  const attempt = await challenge();
  const persian = [...attempt.code].map((digit) => String.fromCodePoint(0x06f0 + Number(digit))).join("");
  expect((await verify({ ...attempt, code: persian })).status).toBe(200);
});

it("whether the phone has an account is told to whoever holds it", async () => {
  const { phone } = await signUp();
  expect(await (await verify(await challenge(phone, "login"))).json()).toEqual({
    verificationToken: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    expiresIn: 600,
    registered: true,
  });
  expect(await (await verify(await challenge())).json()).toMatchObject({ registered: false });
});

it("the database holds neither code nor token in a form that could be read or guessed", async () => {
  const attempt = await challenge();
  const [row] = await db.select().from(otpChallenges).where(eq(otpChallenges.id, attempt.challengeId));
  expect(row?.codeMac).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(JSON.stringify(row)).not.toContain(attempt.phone);
  const { verificationToken } = (await (await verify(attempt)).json()) as { verificationToken: string };
  const [token] = await db.select().from(verificationTokens).where(eq(verificationTokens.phone, attempt.phone));
  expect(token?.tokenHash).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(token)).not.toContain(verificationToken);
});

it("whoever has the database and not the secret finds no hash to try codes or phones against", async () => {
  const { phone, purpose, challengeId, code } = await challenge();
  const [row] = await db.select().from(otpChallenges).where(eq(otpChallenges.id, challengeId));
  const known = [phone, purpose, challengeId, code];
  const digests = new Set(await unkeyedDigests(known));
  expect(digests.size).toBeGreaterThan(1_000);
  expect(digests.has(row?.codeMac ?? "")).toBe(false);
  expect(digests.has(row?.phoneMac ?? "")).toBe(false);
  const binding = { phone, purpose: "register", challengeId, code } as const;
  const mine = createKeyring(["test-secret-test-secret-test-secret-0001"]);
  const theirs = createKeyring(["test-secret-test-secret-test-secret-0002"]);
  expect(row?.codeMac).toBe((await codeMacs(mine, binding))[0]);
  expect(row?.codeMac).not.toBe((await codeMacs(theirs, binding))[0]);
});
