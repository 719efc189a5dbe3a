import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ApiClient, newPhone } from "../../scripts/api-client.ts";
import { ROOT } from "../../scripts/stack-env.ts";
import { type Collection, runCollection } from "./support/collection-runner.ts";
import { sample, startTestStack, type TestStack } from "./support/stack.ts";

const EXAMPLE = join(ROOT, "clients/typescript/examples/convert.ts");
const PHOTO = sample("person-astronaut.png");

let stack: TestStack;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ai-styler-client-"));
  stack = await startTestStack();
});

afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

async function runExample(args: readonly string[], env: Record<string, string> = {}) {
  const options = { cwd: folder, env: { PATH: process.env.PATH, ...env } };
  return promisify(execFile)(process.execPath, ["--no-warnings", EXAMPLE, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

it("the example signs up, uploads, converts and saves a picture that differs from the photo", async () => {
  const out = join(folder, "result.jpg");
  const { code, stdout, stderr } = await runExample([stack.url, PHOTO, "sketch", out]);
  expect([code, stderr], stack.logText()).toEqual([0, ""]);
  expect(stdout).toMatch(/signed up as usr_[\s\S]*uploaded img_[\s\S]*succeeded: 100 %[\s\S]*saved .*result\.jpg/);
  const thumbnail = (file: string) => sharp(file).greyscale().resize(64, 64, { fit: "fill" }).raw().toBuffer();
  const [photo, result] = [await thumbnail(PHOTO), await thumbnail(out)];
  expect((await sharp(out).metadata()).format).toBe("jpeg");
  const difference = result.reduce((sum, value, i) => sum + Math.abs(value - (photo[i] ?? 0)), 0) / 64 ** 2;
  expect(difference).toBeGreaterThan(10);
});

it("the example goes by a token that it is given, and tells what is wrong with a request", async () => {
  const { accessToken } = await new ApiClient(stack.url).signUp(newPhone());
  const refused = await runExample([stack.url, PHOTO, "no-such-style"], { AI_STYLER_TOKEN: accessToken });
  expect(refused.code).toBe(1);
  expect(refused.stdout).not.toContain("signed up");
  expect(refused.stderr).toMatch(/\(validation_failed, request .+\)[\s\S]*stylePreset: /);
  const stranger = await runExample([stack.url, PHOTO, "sketch"], { AI_STYLER_TOKEN: "not-a-token" });
  expect([stranger.code, stranger.stderr]).toEqual([1, expect.stringContaining("(unauthenticated, ")]);
});

it("the collection signs up, converts and downloads, and every other request is answered as documented", async () => {
  const file = join(ROOT, "clients/postman/ai-styler.postman_collection.json");
  const collection: Collection = JSON.parse(await readFile(file, "utf8"));
  const ran = await runCollection(collection, stack.url);
  expect(ran.flatMap(({ failures }) => failures)).toEqual([]);
  const start = ran.filter((one) => one.folder === "Start here");
  expect(start.map(({ status }) => status)).toEqual([202, 200, 200, 201, 201, 200, 201, 200, 200]);
  expect((await sharp(start.at(-1)?.body).metadata()).format).toBe("jpeg");
  const others = ran.filter((one) => one.folder !== "Admin" && one.status >= 400);
  // A conversion that has ended, a code and its token used before, and a session that has been signed out.
  expect(others.map((one) => `${one.folder} ${one.status}`).toSorted()).toEqual([
    ...["Auth 400", "Auth 400", "Auth 400", "Auth 401", "Auth 401", "Conversions 409", "Conversions 409"],
  ]);
  expect(new Set(ran.filter((one) => one.folder === "Admin").map(({ status }) => status))).toEqual(new Set([403]));
});
