import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from "jose";
import { expect, it } from "vitest";
import { apiWith } from "../support/app.ts";
import { api, signUp } from "../support/client.ts";

interface Jwks {
  readonly keys: readonly { kty: string; crv: string; x: string; kid: string; alg: string; use: string }[];
}

it("publishes the public key alone, cacheable for ten minutes, under its thumbprint", async () => {
  const response = await api("/.well-known/jwks.json");
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("public, max-age=600");
  const { keys } = (await response.json()) as Jwks;
  expect(keys).toHaveLength(1);
  const [key] = keys;
  expect(Object.keys(key ?? {}).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
  expect(key?.kid).toBe(await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x: key?.x ?? "" }));
});

it("the published key verifies a token with any JOSE library", async () => {
  const { token, userId } = await signUp();
  const jwks = (await (await api("/.well-known/jwks.json")).json()) as Jwks;
  const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...jwks.keys] }));
  expect(payload.sub).toBe(userId);
});

it("during a rotation the active key comes first and the previous one stays", async () => {
  const rotated = {
    JWT_SECRET: "the-next-secret-the-next-secret-the-next",
    JWT_SECRET_PREVIOUS: "test-secret-test-secret-test-secret-0001",
  };
  const before = (await (await api("/.well-known/jwks.json")).json()) as Jwks;
  const after = (await (await apiWith(rotated, "/.well-known/jwks.json")).json()) as Jwks;
  expect(after.keys).toHaveLength(2);
  expect(after.keys[0]?.kid).not.toBe(before.keys[0]?.kid);
  expect(after.keys[1]).toEqual(before.keys[0]);
});
