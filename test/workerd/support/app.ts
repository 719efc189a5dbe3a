import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { createApp } from "../../../src/app.ts";
import { type ApiOptions, apiRequest, watched } from "./client.ts";
import { bindings } from "./database.ts";

const app = createApp();

/** One request to an app with other variables or bindings; returns when its background work is done too. */
export async function apiWith(overrides: Partial<TestEnv> | object, path: string, options: ApiOptions = {}) {
  const context = createExecutionContext();
  const response = await app.fetch(apiRequest(path, options), { ...bindings, ...overrides }, context);
  await waitOnExecutionContext(context);
  return watched(response);
}

/** A problem document without the one field that may differ. */
export async function problemOf(response: Response): Promise<Record<string, unknown>> {
  const { requestId, ...rest } = (await response.json()) as Record<string, unknown>;
  if (typeof requestId !== "string") throw new Error("a problem without requestId");
  return rest;
}

/** The paths of a 422's `errors`. */
export async function issuePaths(response: Response): Promise<string[]> {
  const { errors } = (await response.json()) as { errors: { path: string }[] };
  return errors.map((issue) => issue.path).sort();
}
