import { SecretWatch } from "../../support/secret-watch.ts";

/** What this test file has seen and must not find in any log or event. */
export const watch = new SecretWatch();

const texts: (() => readonly string[])[] = [];

/** Has these lines read at the end of the file. */
export function watchText(lines: () => readonly string[]): void {
  texts.push(lines);
}

export function watchedLines(): string[] {
  return texts.flatMap((lines) => lines());
}

/** Remembers what passes through `fetch`: JSON bodies of both directions, and pictures that are sent. */
export function watchFetch(): void {
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const { body } = init ?? {};
    if (typeof body === "string") watch.addBody(body);
    if (body instanceof FormData) {
      for (const [, value] of body)
        if (value instanceof Blob) watch.addPicture(new Uint8Array(await value.arrayBuffer()));
    }
    const response = await original(input, init);
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    if (isJson && response.ok) watch.addBody(await response.clone().text());
    return response;
  };
}
