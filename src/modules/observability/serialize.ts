import { toTimestamp } from "../../kernel/clock.ts";
import type { StatusBody } from "./schemas.ts";
import type { StatusCheck, StatusReport } from "./service/get-status.ts";

function serializeCheck({ retryAt, ...check }: StatusCheck): StatusBody["checks"]["database"] {
  return { ...check, ...(retryAt === undefined ? {} : { retryAt: toTimestamp(retryAt) }) };
}

export function serializeStatus({ status, checks }: StatusReport): StatusBody {
  const serialized = Object.entries(checks).map(([name, check]) => [name, serializeCheck(check)] as const);
  return { status, checks: Object.fromEntries(serialized) as StatusBody["checks"] };
}
