/**
 * The fake account's Workers: uploads, versions, deployments, settings and triggers, as wrangler and the scripts call
 * for them. What an upload names has to be there, as on Cloudflare.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { clientOf, FakeRefusal, type FakeRoute } from "./fake-cloudflare.ts";
import {
  activeDeployment,
  type FakeAccount,
  type FakeDeployment,
  type FakeScript,
  type FakeVersion,
  newScript,
} from "./state.ts";
import { scriptOf, serviceRoutes, tagOf } from "./worker-routes-services.ts";
import { triggerRoutes } from "./worker-routes-triggers.ts";
import { addVersion, checkReferences, checkTails, migrate, readUpload } from "./worker-routes-upload.ts";

function versionOf(script: FakeScript, id: string): FakeVersion {
  const version = script.versions.find((it) => it.id === id);
  if (version === undefined) throw new FakeRefusal(404, 10_100, `Version ${id} could not be found`);
  return version;
}

const versionView = (version: FakeVersion) => ({
  id: version.id,
  number: version.number,
  annotations: version.annotations,
  metadata: {
    created_on: version.createdAt,
    modified_on: version.createdAt,
    source: "wrangler",
    author_email: "deploy@example.com",
    author_id: "fake",
    has_preview: false,
  },
  resources: {
    bindings: version.bindings,
    script: { etag: version.id.replaceAll("-", ""), handlers: ["fetch"], last_deployed_from: "wrangler" },
    script_runtime: { compatibility_date: version.metadata.compatibility_date },
  },
  startup_time_ms: 20,
});

const deploymentView = (deployment: FakeDeployment) => ({
  id: deployment.id,
  created_on: deployment.createdAt,
  source: "wrangler",
  strategy: "percentage",
  author_email: "deploy@example.com",
  annotations: deployment.annotations,
  versions: deployment.versions,
});

function uploadRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "PUT",
      path: /^\/workers\/scripts\/([^/]+)$/,
      async answer(request, name = "") {
        const metadata = await readUpload(request);
        checkReferences(account, name, metadata);
        const script = account.scripts.get(name) ?? newScript(account, name);
        migrate(script, metadata);
        account.scripts.set(name, script);
        script.lastDeployedFrom = clientOf(request);
        const version = addVersion(account, script, metadata);
        script.tailConsumers = (metadata.tail_consumers ?? []).map(({ service }) => service);
        script.observability = metadata.observability ?? null;
        deploy(account, script, [{ version_id: version.id, percentage: 100 }], version.annotations);
        return {
          result: {
            id: name,
            tag: tagOf(script),
            etag: version.id.replaceAll("-", ""),
            deployment_id: version.id.replaceAll("-", ""),
            startup_time_ms: 20,
          },
        };
      },
    },
    {
      method: "POST",
      path: /^\/workers\/scripts\/([^/]+)\/versions$/,
      async answer(request, name = "") {
        const script = scriptOf(account, name);
        const metadata = await readUpload(request);
        if (metadata.migrations !== undefined) {
          const told = `Version upload failed. You attempted to upload a version of a Worker that includes a Durable Object migration, but migrations must be fully applied by running "wrangler deploy".`;
          throw new FakeRefusal(400, 10_211, told);
        }
        checkReferences(account, name, metadata);
        script.lastDeployedFrom = clientOf(request);
        return { result: versionView(addVersion(account, script, metadata)) };
      },
    },
  ];
}

const deploymentBody = z.object({
  strategy: z.literal("percentage"),
  versions: z.array(z.object({ version_id: z.string(), percentage: z.number().min(0).max(100) })),
  annotations: z.record(z.string(), z.string()).optional(),
});
type Split = z.infer<typeof deploymentBody>["versions"];

function deploy(
  account: FakeAccount,
  script: FakeScript,
  versions: Split,
  annotations: Readonly<Record<string, string>>,
): FakeDeployment {
  const deployment: FakeDeployment = {
    id: randomUUID(),
    createdAt: account.now().toISOString(),
    annotations,
    versions,
  };
  script.deployments.push(deployment);
  return deployment;
}

function checkSplit(script: FakeScript, versions: Split): void {
  const sum = versions.reduce((total, { percentage }) => total + percentage, 0);
  if (versions.length < 1 || versions.length > 2 || sum !== 100) {
    throw new FakeRefusal(400, 10_205, "A deployment has one or two versions, which add up to 100 %");
  }
  for (const { version_id } of versions) {
    if (versionOf(script, version_id).migrationTag === script.migrationTag) continue;
    throw new FakeRefusal(400, 10_220, "Cannot deploy a version from before the last Durable Object migration");
  }
}

function versionRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/versions$/,
      answer: (_, name = "") => ({
        result: { items: scriptOf(account, name).versions.map(versionView).reverse().slice(0, 100) },
      }),
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/versions\/([^/]+)$/,
      answer: (_, name = "", id = "") => ({ result: versionView(versionOf(scriptOf(account, name), id)) }),
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/deployments$/,
      answer: (_, name = "") => ({
        result: { deployments: scriptOf(account, name).deployments.map(deploymentView).reverse().slice(0, 10) },
      }),
    },
    {
      method: "POST",
      path: /^\/workers\/scripts\/([^/]+)\/deployments$/,
      answer(request, name = "") {
        const script = scriptOf(account, name);
        const { versions, annotations = {} } = deploymentBody.parse(request.json());
        checkSplit(script, versions);
        script.lastDeployedFrom = clientOf(request);
        return { result: deploymentView(deploy(account, script, versions, annotations)) };
      },
    },
  ];
}

const settingsBody = z.object({
  tail_consumers: z.array(z.object({ service: z.string() })).nullish(),
  observability: z.unknown().optional(),
});

const settingsView = (script: FakeScript) => ({
  logpush: false,
  tail_consumers: script.tailConsumers.map((service) => ({ service })),
  observability: script.observability,
  tags: [],
});

function settingsRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/settings$/,
      answer(_, name = "") {
        const script = scriptOf(account, name);
        const { bindings = [] } = versionOf(script, activeDeployment(script)?.versions[0]?.version_id ?? "");
        return { result: { ...settingsView(script), bindings } };
      },
    },
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/script-settings$/,
      answer: (_, name = "") => ({ result: settingsView(scriptOf(account, name)) }),
    },
    {
      method: "PATCH",
      path: /^\/workers\/scripts\/([^/]+)\/script-settings$/,
      answer(request, name = "") {
        const script = scriptOf(account, name);
        const { tail_consumers, observability } = settingsBody.parse(request.json());
        checkTails(account, tail_consumers ?? []);
        if (tail_consumers != null) script.tailConsumers = tail_consumers.map(({ service }) => service);
        if (observability !== undefined) script.observability = observability;
        return { result: settingsView(script) };
      },
    },
  ];
}

/** All that is about Workers, their secrets, triggers and assets included. */
export function workerRoutes(account: FakeAccount): FakeRoute[] {
  return [
    ...serviceRoutes(account),
    ...uploadRoutes(account),
    ...versionRoutes(account),
    ...settingsRoutes(account),
    ...triggerRoutes(account),
  ];
}
