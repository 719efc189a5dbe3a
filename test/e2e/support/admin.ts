import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ApiClient } from "../../../scripts/api-client.ts";
import { ROOT } from "../../../scripts/stack-env.ts";
import type { TestStack } from "./stack.ts";

/** Makes a user an admin by `npm run admin`. @returns an access token of one. */
export async function signInAsAdmin(stack: TestStack, phone: string, password: string): Promise<string> {
  const args = ["--no-warnings", join(ROOT, "scripts/admin.ts"), "grant", "--phone", phone];
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, STATE_DIR: stack.stateDir };
  await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
  const { accessToken } = await new ApiClient(stack.url).call<{ accessToken: string }>("POST", "/api/auth/login", {
    json: { phone, password },
  });
  return accessToken;
}
