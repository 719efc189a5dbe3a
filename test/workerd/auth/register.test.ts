import { expect, it } from "vitest";
import { api, inbox, newPhone, PASSWORD, sendCode, signUp, verifiedPhone } from "../support/client.ts";

it("a phone becomes an account: send, verify, register, and the token works", async () => {
  const account = await signUp({ name: "  Parvin  " });
  expect(account.user).toMatchObject({ phone: account.phone, name: "Parvin", bio: null, locale: null, role: "user" });
  const me = await api("/api/users/me", { token: account.token });
  expect(me.status).toBe(200);
  expect(await me.json()).toEqual(account.user);
});
