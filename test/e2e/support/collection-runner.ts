import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { createContext, runInContext } from "node:vm";
import { ROOT } from "../../../scripts/stack-env.ts";

interface Event {
  readonly listen: "prerequest" | "test";
  readonly script: { readonly exec: readonly string[] };
}

interface FormField {
  readonly key: string;
  readonly type: "text" | "file";
  readonly value?: string;
  readonly src?: string;
}

interface Item {
  readonly name: string;
  readonly event: readonly Event[];
  readonly request: {
    readonly method: string;
    readonly auth?: { readonly type: "noauth" };
    readonly header: readonly { readonly key: string; readonly value: string; readonly disabled?: boolean }[];
    readonly url: {
      readonly path: readonly string[];
      readonly query: readonly { readonly key: string; readonly value: string; readonly disabled: boolean }[];
      readonly variable: readonly { readonly key: string; readonly value: string }[];
    };
    readonly body?:
      | { readonly mode: "raw"; readonly raw: string }
      | { readonly mode: "formdata"; readonly formdata: readonly FormField[] };
  };
}

export interface Collection {
  readonly variable: readonly { readonly key: string; readonly value: string }[];
  readonly item: readonly { readonly name: string; readonly item: readonly Item[] }[];
}

export interface Ran {
  readonly folder: string;
  readonly name: string;
  readonly status: number;
  readonly body: Uint8Array;
  /** What the request's own tests found wrong. */
  readonly failures: readonly string[];
}

/** Runs the requests of a Postman collection one after the other, with their scripts, as Postman's own runner does. */
export async function runCollection({ variable, item }: Collection, baseUrl: string): Promise<Ran[]> {
  const variables = new Map(variable.map(({ key, value }) => [key, value]));
  variables.set("baseUrl", baseUrl);
  const ran: Ran[] = [];
  for (const folder of item) {
    for (const one of folder.item) ran.push({ folder: folder.name, ...(await runItem(one, variables)) });
  }
  return ran;
}

async function runItem(item: Item, variables: Map<string, string>): Promise<Omit<Ran, "folder">> {
  runScripts(item, "prerequest", variables, 0, "");
  const response = await send(item, variables);
  const body = new Uint8Array(await response.arrayBuffer());
  const failures = runScripts(item, "test", variables, response.status, new TextDecoder().decode(body));
  return { name: item.name, status: response.status, body, failures };
}

async function send({ request }: Item, variables: ReadonlyMap<string, string>): Promise<Response> {
  const fill = (text: string) =>
    text.replace(/\{\{(.+?)\}\}/g, (placeholder, key: string) =>
      key === "$guid" ? crypto.randomUUID() : variables.get(key) || placeholder,
    );
  const { path, query, variable } = request.url;
  const filled = path.map((part) => fill(variable.find(({ key }) => `:${key}` === part)?.value ?? part));
  const url = new URL(filled.join("/"), fill("{{baseUrl}}/"));
  for (const { key, value, disabled } of query) if (!disabled) url.searchParams.set(key, fill(value));
  const headers = new Headers();
  for (const { key, value, disabled } of request.header) if (!disabled) headers.set(key, fill(value));
  if (request.auth === undefined) headers.set("Authorization", `Bearer ${fill("{{accessToken}}")}`);
  return fetch(url, { method: request.method, headers, body: await bodyOf(request.body, fill) });
}

async function bodyOf(
  body: Item["request"]["body"],
  fill: (text: string) => string,
): Promise<string | FormData | null> {
  if (body === undefined) return null;
  if (body.mode === "raw") return fill(body.raw);
  const form = new FormData();
  for (const { key, value = "", src } of body.formdata) {
    if (src === undefined) form.append(key, fill(value));
    else form.append(key, new File([await readFile(`${ROOT}/${src}`)], basename(src)));
  }
  return form;
}

/** As much of Postman's `pm` as the collection's scripts use. */
function runScripts(
  item: Item,
  listen: Event["listen"],
  variables: Map<string, string>,
  status: number,
  text: string,
): string[] {
  const failures: string[] = [];
  const pm = {
    collectionVariables: { set: (key: string, value: string) => void variables.set(key, value) },
    response: { code: status, json: () => JSON.parse(text) },
    expect: (value: number) => ({
      to: {
        be: {
          oneOf: (list: number[]) => {
            if (!list.includes(value)) throw new Error(`${value} is none of ${list}: ${text.slice(0, 300)}`);
          },
        },
      },
    }),
    test: (title: string, check: () => void) => {
      try {
        check();
      } catch (error) {
        failures.push(`${item.name} ${title}: ${(error as Error).message}`);
      }
    },
  };
  const scripts = item.event.filter((event) => event.listen === listen);
  for (const { script } of scripts) runInContext(script.exec.join("\n"), createContext({ pm }));
  return failures;
}
