/** What the recipient of a one-time code reads, where the provider has no template of its own. */
export function otpText({ code, ttlMs }: { readonly code: string; readonly ttlMs: number }): string {
  const minutes = Math.ceil(ttlMs / 60_000);
  return `${code} is your AI Styler code. It is valid for ${minutes} ${minutes === 1 ? "minute" : "minutes"}. Never share it.`;
}
