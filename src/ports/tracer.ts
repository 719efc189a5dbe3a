export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Marks stretches of work for the platform's tracing. */
export interface Tracer {
  /**
   * Runs `work` as a span of the trace that is under way. What it throws is recorded by its class alone and thrown on.
   * Attributes are low in number and never personal.
   */
  span<T>(name: string, attributes: SpanAttributes, work: () => Promise<T>): Promise<T>;
}

/** Marks nothing. */
export const noTracer: Tracer = { span: (_name, _attributes, work) => work() };
