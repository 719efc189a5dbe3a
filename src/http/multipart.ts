import type { Context } from "hono";
import { AppError, type FieldIssue } from "../kernel/app-error.ts";
import type { AppEnv } from "./app-type.ts";

export interface Multipart<F extends string> {
  /** Text parts by name. */
  readonly fields: Readonly<Record<string, string>>;
  /** File parts by name; only those that were sent. */
  readonly files: Readonly<Partial<Record<F, Uint8Array<ArrayBuffer>>>>;
}

/**
 * Reads a multipart body. Declared types and file names are ignored: the bytes decide.
 * @throws {AppError} 400 when it can't be parsed; 422 for a repeated part, a file under another name than
 * `fileFields`, or text where a file belongs.
 */
export async function readMultipart<F extends string>(
  c: Context<AppEnv>,
  fileFields: readonly F[],
): Promise<Multipart<F>> {
  const form = await c.req.raw.formData().catch((cause: unknown) => {
    throw new AppError("malformed_request", { detail: "The body is not well-formed multipart/form-data.", cause });
  });
  const issues: FieldIssue[] = [];
  const fields: Record<string, string> = {};
  const files: Partial<Record<F, Uint8Array<ArrayBuffer>>> = {};
  for (const [name, value] of form) {
    const fileField = fileFields.find((field) => field === name);
    if (name in fields || (fileField && files[fileField])) {
      issues.push({ path: name, code: "repeated", message: "Send this part once." });
    } else if (typeof value === "string" && fileField) {
      issues.push({ path: name, code: "not_a_file", message: "Send this part as a file." });
    } else if (typeof value === "string") {
      fields[name] = value;
    } else if (fileField) {
      files[fileField] = new Uint8Array(await value.arrayBuffer());
    } else {
      issues.push({ path: name, code: "unrecognized_key", message: "No file is expected under this name." });
    }
  }
  if (issues.length > 0) throw new AppError("validation_failed", { issues });
  return { fields, files };
}
