import { adminCommand, json, problems } from "../../../http/openapi.ts";
import type { AuditAction } from "../../../kernel/audit.ts";
import type { ErrorCode } from "../../../kernel/error-registry.ts";
import { adminUserSchema, userParam } from "../schemas.ts";

/** What the commands that move an account from one status to another have in common. */
export function statusCommand(action: AuditAction, ...codes: readonly ErrorCode[]) {
  return {
    method: "post" as const,
    tags: ["Admin"],
    ...adminCommand(action),
    request: { params: userParam },
    responses: {
      200: json(adminUserSchema, "The account."),
      ...problems(
        "unauthenticated",
        "forbidden",
        "user_not_found",
        ...codes,
        "invalid_transition",
        "body_too_large",
        "validation_failed",
      ),
    },
  };
}
