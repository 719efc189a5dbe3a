import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findSecrets, trackedFiles } from "./secrets.ts";

const ROOT = join(import.meta.dirname, "../..");
const letters = (length: number) => randomBytes(length).toString("hex").toUpperCase().slice(0, length);

// Put together here, so that this file holds nothing that looks like a secret.
const PLANTED = {
  "aws.env": { secret: `AKIA${letters(16)}`, text: (secret: string) => `AWS_ACCESS_KEY_ID=${secret}` },
  "src/github.ts": { secret: `ghp_${letters(36)}`, text: (secret: string) => `export const token = "${secret}";` },
  "deploy/key.pem": {
    secret: generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    }).privateKey,
    text: (secret: string) => secret,
  },
  "database.toml": {
    secret: "a9Xk2mQ7",
    text: (secret: string) => `url = "postgres://app:${secret}@db.example.com/app"`,
  },
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ai-styler-secrets-"));
  for (const [path, { secret, text }] of Object.entries(PLANTED)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), `first line\n${text(secret)}\n`);
  }
  await writeFile(join(folder, "harmless.ts"), 'export const greeting = "hello";\n');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the search for secrets", () => {
  it.each(Object.keys(PLANTED))("finds one that is planted in %s and names its line", async (path) => {
    const found = await findSecrets(ROOT, folder, ["harmless.ts", path]);
    expect(found).toEqual([expect.stringMatching(new RegExp(`^${path}:2: `))]);
  });

  it("never tells a secret that it found", async () => {
    const told = (await findSecrets(ROOT, folder, Object.keys(PLANTED))).join("\n");
    expect(told).not.toBe("");
    for (const { secret } of Object.values(PLANTED)) expect(told).not.toContain(secret.split("\n").at(-2) ?? secret);
  });

  it("finds nothing in a file without one", async () => {
    expect(await findSecrets(ROOT, folder, ["harmless.ts"])).toEqual([]);
  });

  it("looks at every file that git keeps, and at none that it ignores", async () => {
    const files = await trackedFiles(ROOT);
    expect(files).toEqual(expect.arrayContaining(["package.json", ".ci/run", "test/e2e/main-job.test.ts"]));
    expect(files.filter((path) => /(^|\/)(node_modules|\.dev\.vars)/.test(path))).toEqual([]);
  });
});
