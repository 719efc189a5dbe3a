/** A Worker that does as ever, counts, and tells what it counted to whoever asks it at `/__cost`. */
import { tracing } from "cloudflare:workers";
import { countedBatch, countedEnv } from "./bindings.ts";
import { count, invocation, reading } from "./counts.ts";
import { ringAlarms } from "./objects.ts";

const PATH = "/__cost";

type Handlers<Env> = Omit<ExportedHandler<Env>, "fetch"> & {
  readonly fetch: (request: Request, env: Env, context: ExecutionContext) => Response | Promise<Response>;
};

const span = tracing.startActiveSpan.bind(tracing);
Object.defineProperty(tracing, "startActiveSpan", {
  value: (...args: Parameters<typeof span>) => {
    count("spans");
    return span(...args);
  },
});

/** Runs what a minute brings. */
async function cron<Env>(worker: Handlers<Env>, env: Env, context: ExecutionContext): Promise<Response> {
  const controller = { scheduledTime: Date.now(), cron: "* * * * *", noRetry() {} } as ScheduledController;
  await invocation("requests.cron", () => worker.scheduled?.(controller, env, context));
  return new Response(null, { status: 204 });
}

/** Rings the alarms of the limiters, which the rows of an operation outlive by an hour or a day. */
async function alarms(env: object): Promise<Response> {
  const { RATE_LIMITER: limiters } = env as { RATE_LIMITER?: DurableObjectNamespace };
  if (limiters !== undefined) await ringAlarms("RATE_LIMITER", limiters);
  return new Response(null, { status: 204 });
}

/** `/__cost` gives what was counted, with `?reset` for the last time. */
function answer<Env extends object>(url: URL, worker: Handlers<Env>, env: Env, context: ExecutionContext) {
  if (url.pathname === `${PATH}/cron`) return cron(worker, countedEnv(env), context);
  if (url.pathname === `${PATH}/alarms`) return alarms(env);
  return Response.json(reading(url.searchParams.has("reset")));
}

/** Whoever asks what was counted is no part of it. */
function isAsked({ event }: TraceItem): boolean {
  return event !== null && "request" in event && new URL(event.request.url).pathname.startsWith(PATH);
}

/** The same handlers, counted. */
export function countedWorker<Env extends object>(worker: Handlers<Env>): Handlers<Env> {
  const handlers: Handlers<Env> = {
    fetch(request, env, context) {
      const url = new URL(request.url);
      if (url.pathname.startsWith(PATH)) return answer(url, worker, env, context);
      return invocation("requests.fetch", () => worker.fetch(request, countedEnv(env), context));
    },
    queue: (batch, env, context) =>
      invocation("requests.queue", () => worker.queue?.(countedBatch(batch), countedEnv(env), context)),
    async tail(events, env, context) {
      const told = events.filter((event) => !isAsked(event));
      for (const { scriptName } of told) count(`tail.events.${scriptName}`);
      if (told.length > 0) await invocation("tail.invocations", () => worker.tail?.(told, countedEnv(env), context));
    },
  };
  return handlers;
}
