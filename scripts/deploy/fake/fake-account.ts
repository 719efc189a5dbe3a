/** A whole fake account: its state, and the server that speaks for it. */
import type { CloudflareAccess } from "../cloudflare-api.ts";
import { FAKE_ACCOUNT, FAKE_TOKEN, type FakeCloudflare, startFakeCloudflare } from "./fake-cloudflare.ts";
import { resourceRoutes } from "./resource-routes.ts";
import { createFakeAccount, type FakeAccount } from "./state.ts";
import { workerRoutes } from "./worker-routes.ts";

export interface RunningFakeAccount extends FakeCloudflare {
  readonly account: FakeAccount;
  readonly access: CloudflareAccess;
  /** What a script's environment says of it. */
  readonly env: NodeJS.ProcessEnv;
}

/** On a port of its own; `stop` ends it. */
export async function startFakeAccount(overrides: Partial<FakeAccount> = {}): Promise<RunningFakeAccount> {
  const account = createFakeAccount(overrides);
  const server = await startFakeCloudflare([...workerRoutes(account), ...resourceRoutes(account)]);
  const { baseUrl } = server;
  return {
    ...server,
    account,
    access: { accountId: FAKE_ACCOUNT, token: FAKE_TOKEN, baseUrl },
    env: { CLOUDFLARE_ACCOUNT_ID: FAKE_ACCOUNT, CLOUDFLARE_API_TOKEN: FAKE_TOKEN, CLOUDFLARE_API_BASE_URL: baseUrl },
  };
}
