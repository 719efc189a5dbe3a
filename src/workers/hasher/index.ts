import { WorkerEntrypoint } from "cloudflare:workers";
import { configOf } from "../../composition/config.ts";
import type { PasswordHasher } from "../../ports/password-hasher.ts";
import { createPasswordHasher } from "../../providers/argon2/password-hasher.ts";

const hashers = new WeakMap<object, PasswordHasher>();

/** One hasher an isolate: its queue counts what all requests ask for. */
function hasherOf(env: HasherEnv): PasswordHasher {
  let hasher = hashers.get(env);
  if (hasher === undefined) {
    hasher = createPasswordHasher(configOf(env, "hasher").passwords);
    hashers.set(env, hasher);
  }
  return hasher;
}

/** The password hasher over RPC. */
export class Hasher extends WorkerEntrypoint<HasherEnv> implements PasswordHasher {
  /**
   * Says that it is there and configured.
   * @throws {ConfigError} as every other call would.
   */
  async ping(): Promise<void> {
    hasherOf(this.env);
  }

  async hash(password: string): Promise<string> {
    return hasherOf(this.env).hash(password);
  }

  async verify(password: string, stored: string | null): Promise<{ matches: boolean; rehash: boolean }> {
    return hasherOf(this.env).verify(password, stored);
  }
}

export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler<HasherEnv>;
