import { WorkerEntrypoint } from "cloudflare:workers";

export class ImageProcessor extends WorkerEntrypoint<ConsumerEnv> {}

export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler<ConsumerEnv>;
