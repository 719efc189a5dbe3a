const DSN = /^https?:\/\/\w+@[\w.-]+(:\d+)?\/([\w-]+\/)*\d+$/;

/** Whether a text is a Sentry project's DSN, `https://<public key>@<host>/<project id>`. */
export function isSentryDsn(text: string): boolean {
  return DSN.test(text);
}
