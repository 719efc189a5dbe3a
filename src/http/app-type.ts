import type { OpenAPIHono } from "@hono/zod-openapi";
import type { ApiServices } from "../composition/services.ts";
import type { Telemetry } from "../composition/telemetry.ts";
import type { AuditStamp } from "../kernel/audit.ts";
import type { LogFields } from "../kernel/logger.ts";
import type { Actor } from "../kernel/request-context.ts";
import type { TraceContext } from "../kernel/trace-context.ts";
import type { AccessTokenSubject } from "../modules/auth/access-tokens.ts";

export interface AppVariables {
  requestId: string;
  /** The request's span, of the caller's trace where it named one; and the span of the caller it is part of. */
  trace: TraceContext;
  parentSpanId: string | null;
  /** Absent while the configuration is bad. */
  telemetry: Telemetry;
  /** Fields of the request's one log event; handlers add what is worth knowing. */
  event: Record<string, LogFields[string]>;
  services: ApiServices;
  /** Set by `authenticate`; absent on public routes. */
  actor: Actor;
  /** What a genuine access token says, whether or not its session still lives. */
  bearer: AccessTokenSubject;
  /** Set by `audited`, on every route that changes something. */
  audit: AuditStamp;
}

export interface AppEnv {
  Bindings: ApiEnv;
  Variables: AppVariables;
}

export type App = OpenAPIHono<AppEnv>;
