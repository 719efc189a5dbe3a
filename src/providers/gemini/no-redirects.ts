const KEY_HEADER = "x-goog-api-key";

function carriesKey(input: RequestInfo | URL, init: RequestInit | undefined): boolean {
  const headers = init?.headers ?? (input instanceof Request ? input.headers : undefined);
  return new Headers(headers).has(KEY_HEADER);
}

let installed = false;

/**
 * Keeps requests that carry Google's key from following redirects: key, photo and prompt would go wherever an answer
 * points. The SDK takes neither that option nor a `fetch` of ours, so the global one gets it for exactly its requests.
 */
export function refuseRedirectsWithKey(): void {
  if (installed) return;
  installed = true;
  const follow = globalThis.fetch;
  globalThis.fetch = (input: RequestInfo | URL, init?: RequestInit) =>
    follow(input, carriesKey(input, init) ? { ...init, redirect: "manual" } : init);
}
