import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("a word that chooses no check fails, and is told which there are", { timeout: 60_000 }, async () => {
  const script = join(import.meta.dirname, "verify.ts");
  const running = promisify(execFile)(process.execPath, ["--no-warnings", script, "opnapi"]);
  const error = await running.then(
    () => null,
    (failure: { code: number; stderr: string }) => failure,
  );
  expect(error).toMatchObject({ code: 2, stderr: expect.stringMatching(/opnapi.*OpenAPI and samples/s) });
});
