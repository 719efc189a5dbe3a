import { expect, it } from "vitest";
import { accountPasswordProblem, canonicalPassword, newPasswordProblem, unusablePassword } from "./password-policy.ts";

const ARGON2 = { algorithm: "argon2id", memoryKiB: 64, iterations: 1, parallelism: 1 } as const;

it.each([
  "correct horse battery staple",
  "plain rhubarb 7 wagons",
  "گربه‌ی سیاه روی دیوار",
  "Tr0ub4dor&3xyz",
  "kX9#mQ2$vL",
  "🦊🐙🌵🛶🎻🧊🪁🥝🦜🗿",
  `${"a".repeat(50)}kitchen table${"z".repeat(50)}`,
  "my password is not here",
])("accepts %s", (password) => {
  expect(newPasswordProblem(password)).toBeNull();
});

it.each([
  "1234567890",
  "0987654321",
  "12345678910",
  "qwertyuiop",
  "qwertyuiop123",
  "QWERTYUIOP",
  "1q2w3e4r5t",
  "1qaz2wsx3edc",
  "aaaaaaaaaa",
  "abcabcabcabc",
  "1212121212",
  "password123",
  "Password123!",
  "P@ssw0rd2024",
  "passwordpassword",
  "iloveyou2020",
  "administrator",
  "mohammad1234",
  "perspolis1400",
  "welcome@123",
  "!!letmein!!11",
  "abcdefghij",
  "1234qwerasdf",
  "ضصثقفغعهخح",
  "1122334455",
  "112233445566",
  "1029384756",
  "1357924680",
  "147258369a",
  "789456123789",
  "q1w2e3r4t5y6",
  "qazwsxedcrfv",
  "trustno1234",
  "pakistan123",
  "contraseña",
  "love123456",
  "bismillah786",
  "mohammadreza",
  "realmadrid1",
  "strawberry",
  "turktelekom",
])("refuses the common password %s", (password) => {
  expect(newPasswordProblem(password)?.code).toBe("common_password");
});

it("counts characters, not UTF-16 units, from 10 to 128", () => {
  expect(newPasswordProblem("k9#mq2$vl")?.code).toBe("too_short");
  expect(newPasswordProblem("🦊🐙🌵🛶🎻")?.code).toBe("too_short");
  const long = "the quick brown fox jumps ".repeat(10);
  expect(newPasswordProblem(long.slice(0, 128))).toBeNull();
  expect(newPasswordProblem(long.slice(0, 129))?.code).toBe("too_long");
});

it("refuses NUL, lone surrogates and a megabyte, also at login", () => {
  expect(unusablePassword("secret\u0000password")?.code).toBe("invalid_characters");
  expect(unusablePassword("secret\ud800password")?.code).toBe("invalid_characters");
  expect(unusablePassword("x".repeat(1_000_000))?.code).toBe("too_long");
  expect(unusablePassword("short")).toBeNull();
});

it("refuses one's own phone number", () => {
  for (const password of ["09123456789", "+98 912 345 6789", "9123456789"]) {
    expect(accountPasswordProblem(password, "+989123456789", ARGON2)?.code).toBe("common_password");
  }
  expect(accountPasswordProblem("call me 09123456789", "+989123456789", ARGON2)).toBeNull();
});

it("refuses more than 72 bytes where bcrypt is configured, for bcrypt would ignore them", () => {
  const bcrypt = { algorithm: "bcrypt", cost: 12 } as const;
  expect(accountPasswordProblem("ش".repeat(36), "+989123456789", bcrypt)).toBeNull();
  expect(accountPasswordProblem("ش".repeat(37), "+989123456789", bcrypt)?.code).toBe("too_long");
  expect(accountPasswordProblem("ش".repeat(37), "+989123456789", ARGON2)).toBeNull();
});

it("takes composed and decomposed letters for one password", () => {
  expect(canonicalPassword("cafe\u0301")).toBe(canonicalPassword("caf\u00e9"));
});
