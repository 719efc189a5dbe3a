/**
 * node clients/typescript/examples/convert.ts <url> <photo> <style> [out]
 * Converts a photo and saves the result. Signs up by the development inbox, unless AI_STYLER_TOKEN has an access token.
 */
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { ApiProblem, type Client, type CreateConversion, createClient, type Tokens } from "../src/index.ts";

type Style = NonNullable<Extract<CreateConversion, { kind: "style" }>["stylePreset"]>;

async function signUp({ api, register }: Client): Promise<void> {
  const phone = `0912${Math.floor(Math.random() * 1e7)
    .toString()
    .padStart(7, "0")}`;
  const sent = await api.POST("/api/auth/send-otp", { body: { phone, purpose: "register" } });
  const inbox = await api.GET("/api/dev/sms", { params: { query: { phone } } });
  const code = inbox.data?.items[0]?.code;
  if (sent.data === undefined || code === undefined) throw new Error("no code came to the development inbox");
  const { challengeId } = sent.data;
  const proof = await api.POST("/api/auth/verify-otp", { body: { phone, purpose: "register", challengeId, code } });
  if (proof.data === undefined) throw new Error("the code was not accepted");
  const { verificationToken } = proof.data;
  const { user } = await register({ verificationToken, password: crypto.randomUUID() });
  console.log(`signed up as ${user.id}`);
}

async function convert(url: string, photo: string, style: string, out: string | undefined): Promise<void> {
  const token = process.env.AI_STYLER_TOKEN;
  let kept: Tokens | null = token ? { accessToken: token, refreshToken: null } : null;
  const tokens = {
    get: () => kept,
    set: (given: Tokens | null) => {
      kept = given;
    },
  };
  const client = createClient({ baseUrl: url, tokens });
  if (kept === null) await signUp(client);

  const person = await client.upload(new File([await readFile(photo)], basename(photo)), "person");
  console.log(`uploaded ${person.id}, ${person.width}×${person.height}`);
  const { id } = await client.convert({ kind: "style", personImageId: person.id, stylePreset: style as Style });
  const ended = await client.waitForConversion(id, {
    onProgress: ({ status, stage, progress }) => console.log(`${status}${stage ? `, ${stage}` : ""}: ${progress} %`),
  });
  if (ended.output === null) throw new Error(ended.error?.message ?? `the conversion was ${ended.status}`);
  const picture = await client.download(ended.output.imageId);
  const file = out ?? `${style}.jpg`;
  await writeFile(file, new Uint8Array(await picture.arrayBuffer()));
  console.log(`saved ${file}, ${picture.size} bytes`);
}

const [url, photo, style, out] = process.argv.slice(2);
if (url === undefined || photo === undefined || style === undefined) {
  console.error("usage: node clients/typescript/examples/convert.ts <url> <photo> <style> [out]");
  process.exit(2);
}
try {
  await convert(url, photo, style, out);
} catch (error) {
  const where = error instanceof ApiProblem ? ` (${error.code}, request ${error.requestId})` : "";
  console.error(`${(error as Error).message}${where}`);
  for (const { path, message } of error instanceof ApiProblem ? error.errors : [])
    console.error(`  ${path}: ${message}`);
  process.exit(1);
}
