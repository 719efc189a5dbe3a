/** `npm run demo`: from a phone number to converted pictures, on a stack of its own that is gone afterwards. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { inspect, stripVTControlCharacters, styleText } from "node:util";
import { ApiClient, ApiError, type Conversion, newPhone, sha256, type Usage } from "./api-client.ts";
import { contactSheet, type Shown } from "./demo-page.ts";
import { freePort, type Stack, startStack } from "./stack.ts";
import { newSecret, ROOT } from "./stack-env.ts";

const LIMIT_MS = 5 * 60_000;
const OUTPUT = join(ROOT, "demo-output");
const sample = (name: string) => join(ROOT, "samples", name);
const color = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const paint = (style: Parameters<typeof styleText>[0], text: string) =>
  color ? styleText(style, text, { validateStream: false }) : text;

const startedAt = performance.now();
/** For each part of the demo, when its stages were reached, in ms since the start. */
const timeline = new Map<string, string[]>();

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Tells a step as it happens, and notes its stage for the timeline. */
function step(what: string, part: string, stage: string): void {
  const ms = Math.round(performance.now() - startedAt);
  const stages = timeline.get(part) ?? [];
  if (!stages.some((noted) => noted.startsWith(`${stage} `))) stages.push(`${stage} ${ms}`);
  timeline.set(part, stages);
  say(`${paint("gray", `${(ms / 1000).toFixed(1).padStart(6)} s`)}  ${what}`);
}

function seconds(from: string, to: string | null): string {
  return to === null ? "?" : `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(2)} s`;
}

async function run(client: ApiClient, label: string, request: Readonly<Record<string, unknown>>): Promise<Conversion> {
  const created = await client.convert(request);
  step(`${label}: ${paint("cyan", "queued")} as ${created.id}`, label, "queue");
  const ended = await client.waitFor(created.id, 120_000, (state) => {
    if (state.status !== "processing") return;
    step(`${label}: consumer ${state.stage} (${state.progress} %)`, label, "consumer");
  });
  if (ended.status !== "succeeded") {
    throw new Error(`${label}: ${ended.id} ended as ${ended.status}`, { cause: ended });
  }
  const waited = seconds(ended.createdAt, ended.startedAt);
  const worked = ended.startedAt === null ? "?" : seconds(ended.startedAt, ended.completedAt);
  const by = [ended.provider.used, ended.provider.model].filter(Boolean).join(" ");
  step(
    `${label}: ${paint("green", "succeeded")}, in the queue ${waited}, in the consumer ${worked}, by ${by}`,
    label,
    "succeeded",
  );
  return ended;
}

async function save(client: ApiClient, name: string, conversion: Conversion): Promise<string> {
  const output = conversion.output;
  if (output === null) throw new Error(`${conversion.id} has no output`, { cause: conversion });
  const bytes = await client.download(output.url);
  if (sha256(bytes) !== output.sha256) throw new Error(`${name}: the download's SHA-256 is not ${output.sha256}`);
  const file = `${name}.${output.mime.replace("image/", "").replace("jpeg", "jpg")}`;
  await writeFile(join(OUTPUT, file), bytes);
  step(`result: ${file}, ${output.width}×${output.height}, ${bytes.length} bytes, SHA-256 matches`, name, "result");
  return file;
}

async function main(url: string): Promise<void> {
  const client = new ApiClient(url);
  const phone = newPhone();
  const { user } = await client.signUp(phone, (what) => step(`OTP: ${what}`, "OTP", what));
  step(`OTP: ${phone} signed up as ${user.id}`, "OTP", "signed up");
  const person = await client.upload(sample("person-astronaut.png"), "person");
  const garment = await client.upload(sample("garment-tshirt.png"), "garment");
  const style = await client.upload(sample("style-hubble.jpg"), "style");
  step(`upload: person ${person.id}, garment ${garment.id}, style ${style.id}`, "upload", "done");
  const styles = await client.call<{ items: { id: string }[] }>("GET", "/api/styles");
  const preset = ["oil", "watercolor"].find((id) => styles.items.some((item) => item.id === id)) ?? styles.items[0]?.id;

  await rm(OUTPUT, { recursive: true, force: true });
  await mkdir(OUTPUT, { recursive: true });
  const shown: Shown[] = [];
  const jobs = [
    [`style-${preset}`, `The preset “${preset}”`, { kind: "style", stylePreset: preset }, []],
    ["style-hubble", "The style of a picture", { kind: "style", styleImageId: style.id }, ["style-hubble.jpg"]],
    ["tryon-tshirt", "A garment tried on", { kind: "tryon", garmentImageId: garment.id }, ["garment-tshirt.png"]],
  ] as const;
  for (const [name, title, request, extra] of jobs) {
    const conversion = await run(client, name, { personImageId: person.id, ...request });
    const file = await save(client, name, conversion);
    shown.push({ title, inputs: ["person-astronaut.png", ...extra], result: file });
  }
  await writeFile(join(OUTPUT, "index.html"), contactSheet(shown));
  const { conversions: usage } = await client.call<Usage>("GET", "/api/users/me/usage");
  conclude(shown, usage);
}

function conclude(shown: readonly Shown[], usage: Usage["conversions"]): void {
  say(`\n${paint("bold", "Timeline")}  in ms since the start`);
  for (const [part, stages] of timeline) say(`  ${part.padEnd(18)}${stages.join(" · ")}`);
  say(`\n${paint("bold", "Usage")}     ${usage.used} of ${usage.limit} used, ${usage.reserved} reserved`);
  say(`${paint("bold", "Pictures")}  ${shown.map(({ result }) => relative(ROOT, join(OUTPUT, result))).join(", ")}`);
  say(`          before and after side by side: ${relative(ROOT, join(OUTPUT, "index.html"))}\n`);
}

function explain(error: unknown, stack: Stack | undefined): void {
  const message = error instanceof Error ? error.message : String(error);
  say(`\n${paint("red", "The demo failed:")} ${message}`);
  const detail = error instanceof ApiError ? error.problem : (error as Error).cause;
  if (detail !== undefined) say(inspect(detail, { depth: 4, colors: color }));
  const logs = (error as { logs?: Stack["logs"] }).logs ?? stack?.logs ?? [];
  if (logs.length > 0) say("\nThe Workers' last log lines:");
  for (const { source, text } of logs.slice(-25)) say(`${source.padEnd(8)} ${stripVTControlCharacters(text)}`);
}

function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => reject(new Error(signal)));
    setTimeout(() => reject(new Error(`not done after ${LIMIT_MS / 60_000} minutes`)), LIMIT_MS).unref();
  });
}

const stateDir = await mkdtemp(join(tmpdir(), "ai-styler-demo-"));
let stack: Stack | undefined;

async function demo(): Promise<void> {
  step("starting four Workers", "Workers", "start");
  const env = { ENVIRONMENT: "development", JWT_SECRET: newSecret() };
  stack = await startStack({ port: await freePort(), stateDir, env });
  const health = await stack.ready(90_000);
  if (health.status !== 200) throw new ApiError("GET /api/health", health.status, health.body);
  step(`ready on ${stack.url}`, "Workers", "ready");
  await main(stack.url);
}

const outcome = await Promise.race([demo(), interrupted()]).then(
  () => 0,
  (error: unknown) => {
    explain(error, stack);
    return 1;
  },
);
await stack?.stop();
await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
process.exit(outcome);
