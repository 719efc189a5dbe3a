import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../stack-env.ts";
import { PRODUCTION, previewNames } from "./names.ts";
import {
  type RawConfig,
  readConfig,
  removeTargetConfigs,
  targetConfig,
  targetConfigPath,
  writeTargetConfigs,
} from "./target-config.ts";
import { WORKERS, type WorkerRole } from "./workers.ts";

const slug = "config-test";
const databaseId = "11111111-2222-4333-8444-555555555555";
const target = { names: { ...previewNames(slug), slug }, databaseId, vars: { SMS_PROVIDER: "twilio" } };

function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(strings);
}

const real = new Map<WorkerRole, RawConfig>();
const of = (role: WorkerRole) => targetConfig(real.get(role) ?? {}, role, target);

beforeAll(async () => {
  for (const { role, config } of WORKERS) real.set(role, await readConfig(join(ROOT, config)));
});

describe.each(WORKERS.map(({ role, config }) => ({ role, config })))("the preview of $config", ({ role }) => {
  it("holds no name and no id of production's", () => {
    const { workers, queues, database, bucket, dataset } = PRODUCTION;
    const names = [...Object.values(workers), ...Object.values(queues), database, bucket, dataset];
    const ids = strings(real.get(role)).filter((text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text));
    expect(strings(of(role)).filter((text) => names.includes(text) || ids.includes(text))).toEqual([]);
  });

  it("names the preview's own wherever production's names its own", () => {
    const named = strings(of(role)).filter((text) => text.startsWith("ai-styler") || text.startsWith("ai_styler"));
    const production = strings(real.get(role)).filter((text) => /^ai[-_]styler/.test(text));
    expect(named).toHaveLength(production.length);
    expect(named.filter((text) => !text.includes(slug) && text !== "ai_styler_previews")).toEqual([]);
  });

  it("is otherwise what production has", () => {
    const { vars, workers_dev, ...copied } = of(role);
    const { vars: realVars, workers_dev: _dev, route: _route, routes: _routes, ...rest } = real.get(role) ?? {};
    const { account_id: _account, ...original } = rest;
    const shape = (value: unknown) => {
      const text = JSON.stringify(value);
      return JSON.parse(text.replace(/"ai[-_]styler[^"]*"/g, '"*"').replace(/"[0-9a-f-]{36}"/g, '"#"'));
    };
    expect(shape(copied)).toEqual(shape(original));
    expect(vars).toEqual({ ...(realVars as object), ENVIRONMENT: "preview", SMS_PROVIDER: "twilio" });
    expect(workers_dev).toBe(role === "api");
  });
});

describe("what might be shared with production", () => {
  const config = { name: "ai-styler-api", main: "index.ts" };

  it("is refused: a key that nobody looked at", () => {
    const withKv = { ...config, kv_namespaces: [{ binding: "KV", id: "0123456789abcdef0123456789abcdef" }] };
    expect(() => targetConfig(withKv, "api", target)).toThrow("previews don't know kv_namespaces");
  });

  it("is refused: a name that is in no list", () => {
    const withQueue = { ...config, queues: { producers: [{ binding: "X", queue: "ai-styler-mails" }] } };
    expect(() => targetConfig(withQueue, "api", target)).toThrow('"ai-styler-mails" is in no list');
  });

  it("is left out: production's account, which may be another", () => {
    expect(targetConfig({ ...config, account_id: "0123" }, "api", target)).not.toHaveProperty("account_id");
  });

  it("is left out: production's addresses", () => {
    const routes = { route: "api.example.com/*", routes: [{ pattern: "api.example.com", custom_domain: true }] };
    expect(strings(targetConfig({ ...config, ...routes }, "api", target)).join()).not.toContain("example.com");
  });
});

describe("the files", () => {
  beforeAll(() => writeTargetConfigs(target));
  afterAll(() => removeTargetConfigs(slug));

  it("lie beside the real ones, are ignored by git, and are not taken for a Worker's own", async () => {
    const paths = WORKERS.map(({ role }) => targetConfigPath(role, slug));
    const ignored = execFileSync("git", ["check-ignore", ...paths], { cwd: ROOT, encoding: "utf8" });
    expect(ignored.trim().split("\n")).toEqual(paths);
    execFileSync(process.execPath, ["scripts/check-no-wrangler-json.ts"], { cwd: ROOT });
    const written = JSON.parse(await readFile(join(ROOT, targetConfigPath("consumer", slug)), "utf8"));
    expect(written).toEqual(of("consumer"));
  });
});
