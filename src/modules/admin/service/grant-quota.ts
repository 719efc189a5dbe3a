import { AppError } from "../../../kernel/app-error.ts";
import { type AuditStamp, doneBy } from "../../../kernel/audit.ts";
import { monthOf } from "../../../kernel/clock.ts";
import { newId } from "../../../kernel/ids.ts";
import type { Actor } from "../../../kernel/request-context.ts";
import type { QuotaGrant } from "../../plans/index.ts";
import type { AdminDeps } from "../deps.ts";
import { findTarget, requireStillAdmin } from "../target.ts";

/** Gives an account units on top of its plan, for this month. */
export async function grantQuota(
  deps: Pick<AdminDeps, "clock" | "users" | "quota">,
  actor: Actor,
  stamp: AuditStamp,
  target: { readonly userId: string; readonly units: number; readonly reason: string | null },
): Promise<QuotaGrant> {
  const { userId, units, reason } = target;
  await findTarget(deps, stamp, userId);
  const createdAt = deps.clock.now();
  const grant: QuotaGrant = { id: newId("grt", createdAt), period: monthOf(createdAt), units, reason, createdAt };
  const detail = { grant: grant.id, units, period: grant.period };
  const event = doneBy(actor, stamp, createdAt, { subject: { userId }, detail });
  if (await deps.quota.grant({ ...grant, userId, adminId: actor.userId, event })) return grant;
  await findTarget(deps, stamp, userId);
  await requireStillAdmin(deps, actor);
  throw new AppError("service_unavailable");
}
