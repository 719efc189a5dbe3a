/** What leads to the fake account's Workers and what they are given: addresses, crons, queues, secrets, assets. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { clientOf, FakeRefusal, type FakeRoute } from "./fake-cloudflare.ts";
import type { FakeAccount, FakeQueue, FakeScript } from "./state.ts";
import { scriptOf } from "./worker-routes-services.ts";

const subdomainBody = z.object({ enabled: z.boolean(), previews_enabled: z.boolean().optional() });
const subdomainView = ({ subdomain }: FakeScript) => ({
  enabled: subdomain.enabled,
  previews_enabled: subdomain.previews,
});

function addressRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "GET",
      path: /^\/workers\/subdomain$/,
      answer() {
        const { subdomain } = account;
        if (subdomain === null) throw new FakeRefusal(404, 10_007, "You do not have a workers.dev subdomain.");
        return { result: { subdomain } };
      },
    },
    {
      method: "GET",
      path: /^\/workers\/workers\/([^/]+)$/,
      answer(_, name = "") {
        const script = scriptOf(account, name);
        return { result: { id: name, name, subdomain: subdomainView(script) } };
      },
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/subdomain$/,
      answer: (_, name = "") => ({ result: subdomainView(scriptOf(account, name)) }),
    },
    {
      method: "POST",
      path: /^\/workers\/scripts\/([^/]+)\/subdomain$/,
      answer(request, name = "") {
        const script = scriptOf(account, name);
        const { enabled, previews_enabled } = subdomainBody.parse(request.json());
        script.subdomain = { enabled, previews: previews_enabled ?? script.subdomain.previews };
        return { result: subdomainView(script) };
      },
    },
  ];
}

function scheduleRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/schedules$/,
      answer: (_, name = "") => ({
        result: { schedules: scriptOf(account, name).schedules.map((cron) => ({ cron })) },
      }),
    },
    {
      method: "PUT",
      path: /^\/workers\/scripts\/([^/]+)\/schedules$/,
      answer(request, name = "") {
        const script = scriptOf(account, name);
        script.schedules = z
          .array(z.object({ cron: z.string() }))
          .parse(request.json())
          .map(({ cron }) => cron);
        return { result: { schedules: script.schedules.map((cron) => ({ cron })) } };
      },
    },
  ];
}

const consumerBody = z.object({
  type: z.literal("worker"),
  script_name: z.string(),
  dead_letter_queue: z.string().optional(),
  settings: z.record(z.string(), z.unknown()),
});

function queueById(account: FakeAccount, id: string): FakeQueue {
  const queue = [...account.queues.values()].find((it) => it.id === id);
  if (queue === undefined) throw new FakeRefusal(404, 10_000, `Queue ${id} does not exist.`);
  return queue;
}

/** A queue's consumers as Cloudflare lists them: none, or one. */
export function consumersOf({ name, consumer }: FakeQueue): readonly Readonly<Record<string, unknown>>[] {
  if (consumer === null) return [];
  const { id, script, settings, deadLetterQueue } = consumer;
  const told = deadLetterQueue === null ? {} : { dead_letter_queue: deadLetterQueue };
  return [{ type: "worker", consumer_id: id, queue_name: name, script, settings, ...told }];
}

function consumerRoutes(account: FakeAccount): FakeRoute[] {
  const path = /^\/queues\/([^/]+)\/consumers(?:\/([^/]+))?$/;
  const write: FakeRoute["answer"] = (request, queueId = "", consumerId = "") => {
    const queue = queueById(account, queueId);
    const body = consumerBody.parse(request.json());
    scriptOf(account, body.script_name);
    const deadLetterQueue = body.dead_letter_queue ?? null;
    if (deadLetterQueue !== null && !account.queues.has(deadLetterQueue)) {
      throw new FakeRefusal(400, 11_000, `Queue ${deadLetterQueue} does not exist.`);
    }
    const isNew = consumerId === "";
    if (isNew ? queue.consumer !== null : queue.consumer?.id !== consumerId) {
      throw new FakeRefusal(400, 11_004, `Queue ${queue.name} has another consumer`);
    }
    const id = isNew ? randomUUID().replaceAll("-", "") : consumerId;
    queue.consumer = { id, script: body.script_name, settings: body.settings, deadLetterQueue };
    return { result: consumersOf(queue)[0] };
  };
  return [
    { method: "GET", path, answer: (_, id = "") => ({ result: consumersOf(queueById(account, id)) }) },
    { method: "POST", path, answer: write },
    { method: "PUT", path, answer: write },
    {
      method: "DELETE",
      path,
      answer(_, id = "") {
        queueById(account, id).consumer = null;
        return { result: null };
      },
    },
  ];
}

const secretBody = z.object({ name: z.string(), text: z.string(), type: z.literal("secret_text") });
const secretView = (name: string) => ({ name, type: "secret_text" });

function secretRoutes(account: FakeAccount): FakeRoute[] {
  const names = (script: FakeScript) => [...script.secrets.keys()].map(secretView);
  return [
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/secrets$/,
      answer: (_, name = "") => ({ result: names(scriptOf(account, name)) }),
    },
    {
      method: "PUT",
      path: /^\/workers\/scripts\/([^/]+)\/secrets$/,
      answer(request, name = "") {
        const secret = secretBody.parse(request.json());
        const script = scriptOf(account, name);
        script.secrets.set(secret.name, secret.text);
        script.lastDeployedFrom = clientOf(request);
        return { result: secretView(secret.name) };
      },
    },
    {
      method: "DELETE",
      path: /^\/workers\/scripts\/([^/]+)\/secrets\/([^/]+)$/,
      answer(_, name = "", secret = "") {
        if (!scriptOf(account, name).secrets.delete(secret)) throw new FakeRefusal(404, 10_056, `No secret ${secret}`);
        return { result: null };
      },
    },
    {
      method: "PATCH",
      path: /^\/workers\/scripts\/([^/]+)\/secrets-bulk$/,
      answer(request, name = "") {
        const script = scriptOf(account, name);
        const { secrets } = z.object({ secrets: z.record(z.string(), secretBody.nullable()) }).parse(request.json());
        for (const [secret, value] of Object.entries(secrets)) {
          if (value === null) script.secrets.delete(secret);
          else script.secrets.set(secret, value.text);
        }
        return { result: names(script) };
      },
    },
  ];
}

const assetBody = z.object({ manifest: z.record(z.string(), z.object({ hash: z.string(), size: z.number() })) });

/** What wrangler reads of such a token is when it ends. */
function uploadToken(): string {
  const payload = Buffer.from(JSON.stringify({ exp: Math.floor(Date.now() / 1_000) + 3_600 })).toString("base64url");
  return `fake.${payload}.token`;
}

function assetRoutes(): FakeRoute[] {
  const uploaded = new Set<string>();
  return [
    {
      method: "POST",
      path: /^\/workers\/scripts\/([^/]+)\/assets-upload-session$/,
      answer(request) {
        const { manifest } = assetBody.parse(request.json());
        const missing = Object.values(manifest).filter(({ hash }) => !uploaded.has(hash));
        const buckets = missing.length === 0 ? [] : [[...new Set(missing.map(({ hash }) => hash))]];
        return { result: { jwt: uploadToken(), buckets } };
      },
    },
    {
      method: "POST",
      path: /^\/workers\/assets\/upload$/,
      async answer(request) {
        for (const hash of (await request.form()).keys()) uploaded.add(hash);
        return { result: { jwt: uploadToken() }, status: 201 };
      },
    },
  ];
}

export function triggerRoutes(account: FakeAccount): FakeRoute[] {
  return [
    ...addressRoutes(account),
    ...scheduleRoutes(account),
    ...consumerRoutes(account),
    ...secretRoutes(account),
    ...assetRoutes(),
  ];
}
