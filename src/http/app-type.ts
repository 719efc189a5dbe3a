import type { OpenAPIHono } from "@hono/zod-openapi";
import type { ApiServices } from "../composition/services.ts";
import type { LogFields } from "../kernel/logger.ts";
import type { Actor } from "../kernel/request-context.ts";

export interface AppVariables {
  requestId: string;
  /** Fields of the request's one log event; handlers add what is worth knowing. */
  event: Record<string, LogFields[string]>;
  services: ApiServices;
  /** Set by `authenticate`; absent on public routes. */
  actor: Actor;
}

export interface AppEnv {
  Bindings: ApiEnv;
  Variables: AppVariables;
}

export type App = OpenAPIHono<AppEnv>;
