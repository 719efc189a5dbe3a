/** A Postman collection (format 2.1) of the OpenAPI document. Run from top to bottom it signs up, uploads and converts. */
import {
  bodyExample,
  exampleOf,
  type OpenApiDocument,
  type Operation,
  type Parameter,
  resolve,
  type Schema,
  variableFor,
} from "./collection-examples.ts";

const SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
const SAMPLE = "samples/person-astronaut.png";
const INTRODUCTION = `Made of docs/openapi.json by \`npm run build:client\`. For Postman; Bruno and Insomnia import it, too.

Start the service with \`npm run dev\` and run the folder "Start here": it makes an account by the development inbox, uploads
a photo and converts it, and keeps tokens and ids in the collection's variables for all other requests. For the upload, let
the working directory be the repository's, or choose a photo.`;

const VARIABLES = {
  baseUrl: "http://127.0.0.1:8787",
  password: "seven-lamps-of-architecture",
  phone: "",
  challengeId: "",
  code: "",
  verificationToken: "",
  accessToken: "",
  refreshToken: "",
  userId: "",
  sessionId: "",
  imageId: "",
  conversionId: "",
  resultImageId: "",
  deadLetterId: "dlt_01KBTESTTESTTESTTESTTESTTE",
};

/** From a phone to a picture; `path` stands in for other variables in the address. */
const START: readonly { readonly operationId: string; readonly name: string; readonly path?: string }[] = [
  { operationId: "sendOtp", name: "1. Send a code to a new phone" },
  { operationId: "listDevSms", name: "2. Read it in the development inbox" },
  { operationId: "verifyOtp", name: "3. Verify the phone" },
  { operationId: "register", name: "4. Make an account" },
  { operationId: "uploadImage", name: "5. Upload a photo" },
  { operationId: "listStyles", name: "6. See the styles" },
  { operationId: "createConversion", name: "7. Convert the photo" },
  { operationId: "getConversion", name: "8. Look at the conversion" },
  { operationId: "getImageContent", name: "9. Download the result", path: "{{resultImageId}}" },
];

const SESSION = {
  accessToken: "answer.accessToken",
  refreshToken: "answer.refreshToken",
  sessionId: "answer.sessionId",
};
const CONVERSION = { conversionId: "answer.id", resultImageId: "answer.output?.imageId" };
/** Which variables an answer of success sets, and from where. */
const STORES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  sendOtp: { challengeId: "answer.challengeId" },
  listDevSms: { code: "answer.items[0]?.code" },
  verifyOtp: { verificationToken: "answer.verificationToken" },
  register: { ...SESSION, userId: "answer.user.id" },
  login: { ...SESSION, userId: "answer.user.id" },
  refresh: SESSION,
  uploadImage: { imageId: "answer.id" },
  createConversion: CONVERSION,
  getConversion: CONVERSION,
};

/** Headers that are sent; others are there to be switched on. */
const HEADERS: Readonly<Record<string, string>> = { Prefer: "wait=25", "Idempotency-Key": "{{$guid}}" };

/** Users come last: their last request deletes the account. */
const FOLDERS = ["Conversions", "Images", "Operations", "Development", "Admin", "Auth", "Users"];
const ID_OF: Readonly<Record<string, string>> = {
  conversions: "conversionId",
  images: "imageId",
  users: "userId",
  sessions: "sessionId",
  "dead-letters": "deadLetterId",
};

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** The collection as an object to be written as JSON; the same for the same document. */
export function collectionOf(document: OpenApiDocument) {
  const entries = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Entry => ({ method: method.toUpperCase(), path, operation })),
  );
  const folders = FOLDERS.map((tag) => {
    const own = entries.filter(({ operation }) => operation.tags.includes(tag)).toSorted((a, b) => rank(a) - rank(b));
    const description = document.tags.find(({ name }) => name === tag)?.description ?? "";
    return { name: tag, description, item: own.map((entry) => itemOf(document, entry)) };
  });
  return {
    info: { name: document.info.title, description: `${document.info.description}\n\n${INTRODUCTION}`, schema: SCHEMA },
    auth: { type: "bearer", bearer: [{ key: "token", value: "{{accessToken}}", type: "string" }] },
    variable: Object.entries(VARIABLES).map(([key, value]) => ({ key, value })),
    item: [startFolder(document, entries), ...folders],
  };
}

/** What removes or signs out comes after the rest, and what signs in again after that. */
function rank({ method, operation }: Entry): number {
  if (["login", "refresh"].includes(operation.operationId)) return 2;
  return method === "DELETE" || operation.operationId.startsWith("logout") ? 1 : 0;
}

function startFolder(document: OpenApiDocument, entries: readonly Entry[]) {
  const item = START.map(({ operationId, name, path }) => {
    const entry = entries.find(({ operation }) => operation.operationId === operationId);
    if (entry === undefined) throw new Error(`docs/openapi.json has no operation ${operationId}`);
    const made = itemOf(document, entry, path);
    const setUp = operationId === "sendOtp" ? [event("prerequest", [NEW_PHONE])] : [];
    return { ...made, name, event: [...setUp, event("test", testsOf(entry.operation, true))] };
  });
  return {
    name: "Start here",
    description: "From a phone number to a converted picture, on a development server.",
    item,
  };
}

const NEW_PHONE =
  'pm.collectionVariables.set("phone", "0912" + String(Math.floor(Math.random() * 1e7)).padStart(7, "0"));';

function itemOf(document: OpenApiDocument, entry: Entry, pathValue?: string) {
  const { method, path, operation } = entry;
  const parameters = (operation.parameters ?? []).map((given) => resolve<Parameter>(document, given));
  const body = bodyOf(document, operation);
  return {
    name: operation.summary,
    event: [event("test", testsOf(operation, false))],
    request: {
      method,
      description: operation.description ?? operation.summary,
      ...(operation.security?.length === 0 ? { auth: { type: "noauth" } } : {}),
      header: headersOf(parameters, body),
      url: urlOf(document, path, parameters, pathValue),
      ...(body === null ? {} : { body }),
    },
  };
}

function urlOf(document: OpenApiDocument, path: string, parameters: readonly Parameter[], pathValue?: string) {
  const segments = path.slice(1).split("/");
  const names = segments.map((segment) => segment.replace(/^\{(.+)\}$/, ":$1"));
  const variable = segments.flatMap((segment, index) => {
    const key = /^\{(.+)\}$/.exec(segment)?.[1];
    if (key === undefined) return [];
    const id = ID_OF[segments[index - 1] ?? ""];
    const example = parameters.find(({ name, in: place }) => name === key && place === "path")?.schema.example;
    return [{ key, value: pathValue ?? (id === undefined ? encodeURIComponent(String(example)) : `{{${id}}}`) }];
  });
  const query = parameters
    .filter((parameter) => parameter.in === "query")
    .map(({ name, required, description, schema }) => {
      const known = variableFor(name);
      const value = known ?? String(exampleOf(document, schema));
      return { key: name, value, description: description ?? "", disabled: known === null && !required };
    });
  const asked = query.filter(({ disabled }) => !disabled).map(({ key, value }) => `${key}=${value}`);
  const raw = `{{baseUrl}}/${names.join("/")}${asked.length > 0 ? `?${asked.join("&")}` : ""}`;
  return { raw, host: ["{{baseUrl}}"], path: names, query, variable };
}

function headersOf(parameters: readonly Parameter[], body: ReturnType<typeof bodyOf>) {
  const headers = parameters
    .filter((parameter) => parameter.in === "header")
    .map(({ name, required, schema }) => {
      const value = HEADERS[name] ?? String(schema.example ?? "");
      return { key: name, value, disabled: HEADERS[name] === undefined && !required };
    });
  return body?.mode === "raw" ? [...headers, { key: "Content-Type", value: "application/json" }] : headers;
}

function bodyOf(document: OpenApiDocument, operation: Operation) {
  const content = operation.requestBody?.content ?? {};
  const json = content["application/json"];
  if (json !== undefined) {
    return {
      mode: "raw",
      raw: JSON.stringify(bodyExample(document, json), null, 2),
      options: { raw: { language: "json" } },
    } as const;
  }
  const form = content["multipart/form-data"];
  if (form === undefined) return null;
  const { properties = {} } = resolve<Schema>(document, form.schema);
  const formdata = Object.entries(properties).map(([key, schema]) =>
    schema.format === "binary"
      ? { key, type: "file", src: SAMPLE }
      : { key, type: "text", value: String(exampleOf(document, schema)) },
  );
  return { mode: "formdata", formdata } as const;
}

function testsOf({ operationId, responses }: Operation, mustSucceed: boolean): string[] {
  const statuses = Object.keys(responses).map(Number);
  const expected = statuses.filter((status) => (mustSucceed ? status < 300 : status < 500));
  const check = `pm.expect(pm.response.code).to.be.oneOf([${expected.join(", ")}])`;
  const lines = [`pm.test("${mustSucceed ? "succeeds" : "answers as documented"}", () => ${check});`];
  const stores = Object.entries(STORES[operationId] ?? {});
  if (stores.length === 0) return lines;
  const sets = stores.map(([name, from]) => `  if (${from}) pm.collectionVariables.set("${name}", ${from});`);
  return [...lines, "if (pm.response.code < 300) {", "  const answer = pm.response.json();", ...sets, "}"];
}

function event(listen: "prerequest" | "test", exec: readonly string[]) {
  return { listen, script: { type: "text/javascript", exec } };
}
