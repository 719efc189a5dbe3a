/** What is looked at when a version is uploaded: its form, what it binds, and its Durable Objects' migrations. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { FakeRefusal, type FakeRequest } from "./fake-cloudflare.ts";
import type { FakeAccount, FakeBinding, FakeScript, FakeVersion } from "./state.ts";

const migrationStep = z.object({
  new_classes: z.array(z.string()).optional(),
  new_sqlite_classes: z.array(z.string()).optional(),
  deleted_classes: z.array(z.string()).optional(),
  renamed_classes: z.array(z.object({ from: z.string(), to: z.string() })).optional(),
});

const metadataSchema = z.looseObject({
  main_module: z.string(),
  bindings: z.array(z.looseObject({ type: z.string(), name: z.string() })),
  compatibility_date: z.string(),
  annotations: z.record(z.string(), z.string()).optional(),
  migrations: z
    .object({ old_tag: z.string().optional(), new_tag: z.string(), steps: z.array(migrationStep) })
    .optional(),
  tail_consumers: z.array(z.object({ service: z.string() })).optional(),
  keep_bindings: z.array(z.string()).optional(),
  observability: z.unknown().optional(),
  assets: z.looseObject({ jwt: z.string() }).optional(),
});
export type UploadMetadata = z.infer<typeof metadataSchema>;

/** Cloudflare's number for scripts that are not valid, which says in words what is wrong with them. */
const INVALID = 10_021;

function invalid(message: string, code = INVALID): FakeRefusal {
  return new FakeRefusal(400, code, message);
}

/** The metadata of an upload whose modules are there. */
export async function readUpload(request: FakeRequest): Promise<UploadMetadata> {
  const form = await request.form();
  const part = form.get("metadata");
  if (typeof part !== "string") throw invalid("Uploaded script has no metadata part");
  const parsed = metadataSchema.safeParse(JSON.parse(part));
  if (!parsed.success) throw invalid(`Metadata is not valid: ${z.prettifyError(parsed.error)}`);
  const main = form.get(parsed.data.main_module);
  if (!(main instanceof File) || main.size === 0) throw invalid(`No such module "${parsed.data.main_module}"`);
  return parsed.data;
}

function classesAfter(script: FakeScript | undefined, metadata: UploadMetadata): Set<string> {
  const classes = new Set(script?.classes);
  for (const step of metadata.migrations?.steps ?? []) {
    for (const name of [...(step.new_classes ?? []), ...(step.new_sqlite_classes ?? [])]) classes.add(name);
    for (const { from, to } of step.renamed_classes ?? []) {
      classes.delete(from);
      classes.add(to);
    }
    for (const name of step.deleted_classes ?? []) classes.delete(name);
  }
  return classes;
}

function checkObject(account: FakeAccount, binding: FakeBinding, own: string, classes: ReadonlySet<string>): void {
  const script = typeof binding.script_name === "string" ? binding.script_name : own;
  const known = script === own ? classes : account.scripts.get(script)?.classes;
  if (known === undefined) {
    const name = String(binding.class_name);
    throw invalid(
      `Cannot create binding for class '${name}' in script '${script}' because '${script}' does not exist`,
      10_061,
    );
  }
  if (!known.has(String(binding.class_name))) {
    const told = `Cannot create binding for class '${binding.class_name}' because it is not currently configured to implement Durable Objects.`;
    throw invalid(told, 10_061);
  }
}

function checkBinding(account: FakeAccount, binding: FakeBinding, own: string, classes: ReadonlySet<string>): void {
  const { type, name } = binding;
  if (type === "d1") {
    const isThere = [...account.databases.values()].some(({ uuid }) => uuid === (binding.id ?? binding.database_id));
    if (!isThere) throw invalid(`binding ${name} of type d1 must have a valid \`id\` specified`);
  }
  if (type === "r2_bucket" && !account.buckets.has(String(binding.bucket_name))) {
    throw invalid(`R2 bucket '${binding.bucket_name}' not found. Please use a different name and try again.`, 10_085);
  }
  if (type === "queue" && !account.queues.has(String(binding.queue_name))) {
    throw invalid(`Queue ${binding.queue_name} does not exist.`, 11_000);
  }
  if (type === "service" && binding.service !== own && !account.scripts.has(String(binding.service))) {
    throw invalid(`Could not resolve service binding '${name}'. Target script '${binding.service}' not found.`, 10_143);
  }
  if (type === "durable_object_namespace") checkObject(account, binding, own, classes);
}

/** Refuses what names something that the account doesn't have: this is what forces the order of the first release. */
export function checkReferences(account: FakeAccount, own: string, metadata: UploadMetadata): void {
  const classes = classesAfter(account.scripts.get(own), metadata);
  for (const binding of metadata.bindings) checkBinding(account, binding, own, classes);
  checkTails(account, metadata.tail_consumers ?? []);
  const names = metadata.bindings.map(({ name }) => name);
  if (new Set(names).size < names.length) throw invalid(`Binding names must be unique: ${names.join(", ")}`);
}

export function checkTails(account: FakeAccount, tails: readonly { readonly service: string }[]): void {
  for (const { service } of tails) {
    if (account.scripts.has(service)) continue;
    throw invalid(`The tail consumer '${service}' does not exist. Deploy it before the Workers that it tails.`, 10_100);
  }
}

/** Applies the migrations that an upload by `wrangler deploy` brings. */
export function migrate(script: FakeScript, metadata: UploadMetadata): void {
  const { migrations } = metadata;
  if (migrations === undefined) return;
  if ((migrations.old_tag ?? null) !== script.migrationTag) {
    const told = `Migration tag precondition failed; expected tag is ${script.migrationTag ?? "none"}`;
    throw new FakeRefusal(412, 10_079, told);
  }
  const classes = classesAfter(script, metadata);
  script.classes.clear();
  for (const name of classes) script.classes.add(name);
  script.migrationTag = migrations.new_tag;
}

/** Bindings that an upload takes over from the version before it are that version's, and have to be there. */
function inherited(script: FakeScript, bindings: readonly FakeBinding[]): FakeBinding[] {
  return bindings.map((binding) => {
    if (binding.type !== "inherit") return binding;
    const known = script.versions.at(-1)?.bindings.find(({ name }) => name === binding.name);
    if (known === undefined) throw invalid(`Cannot inherit the binding ${binding.name}: no version has it`, 10_057);
    return known;
  });
}

/** Adds the version to its script. Secrets come with it as bindings; those before it are kept where it says so. */
export function addVersion(account: FakeAccount, script: FakeScript, metadata: UploadMetadata): FakeVersion {
  const bindings = inherited(script, metadata.bindings);
  if (!metadata.keep_bindings?.includes("secret_text")) script.secrets.clear();
  for (const { type, name, text } of bindings) if (type === "secret_text") script.secrets.set(name, String(text));
  const version: FakeVersion = {
    id: randomUUID(),
    number: script.versions.length + 1,
    createdAt: account.now().toISOString(),
    annotations: metadata.annotations ?? {},
    mainModule: metadata.main_module,
    bindings: bindings.filter(({ type }) => type !== "secret_text"),
    migrationTag: script.migrationTag,
    metadata,
  };
  script.versions.push(version);
  return version;
}
