import { expect } from "vitest";
import { pngOf, QUADRANT_JPEG } from "../../support/pictures.ts";
import { api } from "./client.ts";

/** A small photo, or a red garment on white. */
export function asFile(role: "person" | "garment"): Blob {
  if (role === "person") return new Blob([QUADRANT_JPEG], { type: "image/jpeg" });
  const garment = pngOf(96, 96, (x, y) => (x > 20 && x < 76 && y > 16 && y < 80 ? [200, 20, 30] : [255, 255, 255]));
  return new Blob([garment], { type: "image/png" });
}

export function form(fields: Readonly<Record<string, string>>, files: Readonly<Record<string, Blob>>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  for (const [name, blob] of Object.entries(files)) data.set(name, blob, `${name}.bin`);
  return data;
}

/** Uploads the small photo. */
export async function uploadPerson(token: string): Promise<{ id: string }> {
  const response = await api("/api/images", {
    method: "POST",
    token,
    body: form({ kind: "person" }, { file: asFile("person") }),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as { id: string };
}

export async function usageOf(token: string) {
  const response = await api("/api/users/me/usage", { token });
  expect(response.status).toBe(200);
  const { conversions } = (await response.json()) as {
    conversions: { limit: number; used: number; reserved: number; remaining: number; resetsAt: string };
  };
  expect(conversions.used + conversions.reserved + conversions.remaining).toBe(conversions.limit);
  return conversions;
}
