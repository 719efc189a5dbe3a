import { WorkerEntrypoint } from "cloudflare:workers";

export class Hasher extends WorkerEntrypoint<HasherEnv> {}

export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler<HasherEnv>;
