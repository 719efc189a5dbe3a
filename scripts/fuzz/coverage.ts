/** Which operations were asked for what, and what was answered. */
import type { Endpoint } from "./operations.ts";

export class Coverage {
  readonly #counts = new Map<string, Map<number, number>>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(operationId: string, status: number): void {
    this.#total++;
    const counts = this.#counts.get(operationId) ?? new Map<number, number>();
    counts.set(status, (counts.get(status) ?? 0) + 1);
    this.#counts.set(operationId, counts);
  }

  /** The operations that never said yes, or never no. */
  gaps(endpoints: readonly Endpoint[]): string[] {
    return endpoints.flatMap(({ id }) => {
      const statuses = Array.from(this.#counts.get(id)?.keys() ?? []);
      const yes = statuses.some((status) => status >= 200 && status < 300)
        ? []
        : [`${id} was never answered with a 2xx`];
      const no = statuses.some((status) => status >= 400 && status < 500)
        ? []
        : [`${id} was never answered with a 4xx`];
      return [...yes, ...no];
    });
  }

  /** A row an operation, a column a status. */
  table(endpoints: readonly Endpoint[]): string {
    const all = endpoints.flatMap(({ id }) => Array.from(this.#counts.get(id)?.keys() ?? []));
    const statuses = Array.from(new Set(all)).sort((a, b) => a - b);
    const width = Math.max(...endpoints.map(({ id }) => id.length));
    const row = (name: string, cells: readonly string[]) => [name.padEnd(width), ...cells].join(" ").trimEnd();
    const rows = endpoints.map(({ id }) =>
      row(
        id,
        statuses.map((status) => String(this.#counts.get(id)?.get(status) ?? "·").padStart(4)),
      ),
    );
    return [
      row(
        "",
        statuses.map((status) => String(status).padStart(4)),
      ),
      ...rows,
    ].join("\n");
  }
}
