import { argon2id } from "../../../src/providers/argon2/wasm-argon2.ts";

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** `/hash?memoryKiB=…&iterations=…&password=…&salt=…(hex)` answers with the hash; `/empty` is a request for nothing. */
function answer(request: Request): Response {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/empty") return new Response("");
  const parameters = {
    memoryKiB: Number(searchParams.get("memoryKiB")),
    iterations: Number(searchParams.get("iterations")),
    parallelism: 1,
  };
  const password = new TextEncoder().encode(searchParams.get("password") ?? "");
  const salt = Uint8Array.fromHex(searchParams.get("salt") ?? "");
  if (salt.length !== SALT_BYTES) return new Response(null, { status: 400 });
  return new Response(argon2id(password, salt, parameters, HASH_BYTES).toHex());
}

export default { fetch: answer } satisfies ExportedHandler;
