import type { FieldIssue } from "../../../kernel/app-error.ts";
import { AppError, invalidField } from "../../../kernel/app-error.ts";
import { newId } from "../../../kernel/ids.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import { validate } from "../../../kernel/validate.ts";
import type { ImageMime } from "../../../ports/image-codec.ts";
import { type NewImage, prepareUpload, promiseCleanUp, storeUpload } from "../../images/index.ts";
import type { ConversionInput } from "../conversion.ts";
import type { ConversionsDeps } from "../deps.ts";
import { type CreateConversionBody, createConversionSchema } from "../schemas.ts";
import { type CreateAnswer, type CreateCommand, createConversion, replayAnswer } from "./create-conversion.ts";

const MIME_OF = { jpeg: "image/jpeg", png: "image/png", webp: "image/webp" } as const satisfies Record<
  string,
  ImageMime
>;
const ROLES = ["person", "garment", "style"] as const;
type Role = (typeof ROLES)[number];

type RequestCommand = Pick<CreateCommand, "idempotency" | "waitSeconds" | "audit">;

function toInput(body: CreateConversionBody): ConversionInput {
  const tryon = body.kind === "tryon" ? body : null;
  const style = body.kind === "style" ? body : null;
  return {
    kind: body.kind,
    personImageId: body.personImageId,
    garmentImageId: tryon?.garmentImageId ?? null,
    category: tryon?.category ?? null,
    styleImageId: style?.styleImageId ?? null,
    stylePreset: style?.stylePreset ?? null,
    prompt: body.prompt || null,
    seed: body.seed ?? (crypto.getRandomValues(new Uint32Array(1))[0] as number),
    outputMime: MIME_OF[body.outputFormat],
    providerRequested: body.provider ?? null,
    fallback: body.fallback,
  };
}

function toCommand(
  body: CreateConversionBody,
  uploads: Pick<CreateCommand, "newImages" | "cleanUpId">,
  request: RequestCommand,
): CreateCommand {
  return {
    input: toInput(body),
    title: body.title ?? null,
    metadata: body.metadata ?? {},
    retryOf: null,
    ...uploads,
    idempotency: request.idempotency,
    audit: request.audit,
    waitSeconds: request.waitSeconds,
  };
}

/** Creates a conversion of images uploaded before. */
export async function createFromIds(
  deps: ConversionsDeps,
  actor: Actor,
  request: RequestCommand & { readonly body: CreateConversionBody },
): Promise<CreateAnswer> {
  return createConversion(deps, actor, toCommand(request.body, { newImages: [], cleanUpId: null }, request));
}

function metadataOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidField("metadata", "invalid_json", "Send a JSON object of strings.");
  }
}

/** Form fields are text; numbers and the metadata object are read from it, and files stand for image ids. */
function toBody(fields: Readonly<Record<string, string>>, ids: Partial<Record<Role, string>>): CreateConversionBody {
  const issues: FieldIssue[] = [];
  const body: Record<string, unknown> = { ...fields };
  if (fields.metadata !== undefined) body.metadata = metadataOf(fields.metadata);
  if (fields.seed !== undefined && /^\d{1,15}$/.test(fields.seed)) body.seed = Number(fields.seed);
  for (const role of ROLES) {
    const id = ids[role];
    if (id === undefined) continue;
    const field = `${role}ImageId`;
    if (field in body)
      issues.push({ path: field, code: "conflict", message: `Send ${field} or the file ${role}, not both.` });
    body[field] = id;
  }
  if (issues.length > 0) throw new AppError("validation_failed", { issues });
  return validate(createConversionSchema, body);
}

/**
 * Creates a conversion from the pictures themselves: all are checked before any is stored, and their rows come into
 * being with the conversion's or not at all.
 */
export async function createFromUploads(
  deps: ConversionsDeps,
  actor: Actor,
  request: RequestCommand & {
    readonly fields: Readonly<Record<string, string>>;
    readonly files: Readonly<Partial<Record<Role, Uint8Array<ArrayBuffer>>>>;
  },
): Promise<CreateAnswer> {
  const now = deps.clock.now();
  const roles = ROLES.filter((role) => request.files[role] !== undefined);
  const ids = Object.fromEntries(roles.map((role) => [role, newId("img", now)])) as Partial<Record<Role, string>>;
  const body = toBody(request.fields, ids);
  if (request.idempotency) {
    const { operation, key, fingerprint } = request.idempotency;
    const record = await deps.conversions.findIdempotencyRecord(actor.userId, operation, key, now);
    if (record) return replayAnswer(record, fingerprint, now);
  }
  const prepared = [];
  for (const role of roles) {
    prepared.push({ role, upload: await prepareUpload(deps, request.files[role] as Uint8Array<ArrayBuffer>) });
  }
  const owners = roles.map((role) => ({ id: ids[role] as string, userId: actor.userId }));
  const cleanUpId = owners.length === 0 ? null : await promiseCleanUp(deps, owners);
  const newImages: NewImage[] = [];
  for (const { role, upload } of prepared) {
    newImages.push(await storeUpload(deps, { id: ids[role] as string, userId: actor.userId, kind: role }, upload));
  }
  return createConversion(deps, actor, toCommand(body, { newImages, cleanUpId }, request));
}
