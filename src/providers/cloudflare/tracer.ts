import { tracing } from "cloudflare:workers";
import type { Tracer } from "../../ports/tracer.ts";

/** The platform's own tracing: spans join the trace of the invocation, beside those it makes of every binding's calls. */
export const platformTracer: Tracer = {
  span: (name, attributes, work) =>
    tracing.startActiveSpan(name, async (span) => {
      span.setAttributes(attributes);
      try {
        return await work();
      } catch (error) {
        const kind = error instanceof Error ? error.name : typeof error;
        // Never the message: it may hold what a statement was bound to.
        span.recordException({ name: kind });
        span.setStatus({ code: "error", message: kind });
        throw error;
      }
    }),
};

const UNTRACED = /^0*$/;

/** Marks the invocation's trace with ours; its own id, where there is one. */
export function joinPlatformTrace(attributes: Readonly<Record<string, string | undefined>>): string | null {
  const span = tracing.getActiveSpan();
  if (span === undefined || !span.isTraced) return null;
  span.setAttributes(attributes);
  const { traceId } = span.spanContext();
  return UNTRACED.test(traceId) ? null : traceId;
}
