import type { z } from "zod";
import { AppError, type FieldIssue } from "./app-error.ts";

/** Zod's issues as the contract's `errors`; each unknown field is named. */
export function toFieldIssues(issues: readonly z.core.$ZodIssue[]): FieldIssue[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        path: [...path, key].join("."),
        code: "unrecognized_key",
        message: "This field is not known or not yours to set.",
      }));
    }
    const named = issue.code === "custom" ? issue.params?.code : undefined;
    const code = typeof named === "string" ? named : issue.code;
    return [{ path: path.join("."), code, message: issue.message }];
  });
}

/** The parsed value. @throws {AppError} `validation_failed` naming every invalid field. */
export function validate<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw new AppError("validation_failed", { issues: toFieldIssues(result.error.issues) });
  return result.data;
}
