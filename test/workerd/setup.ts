import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";

const bindings = env as unknown as TestEnv;
await applyD1Migrations(bindings.DB, bindings.TEST_MIGRATIONS);
