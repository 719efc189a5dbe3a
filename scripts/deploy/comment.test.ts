import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { factsFrom, postComment, previewComment, pullRequestFrom } from "./comment.ts";

const BOT = "github-actions[bot]";
const facts = { branch: "feature/x", commit: "0123456789abcdef0123", runUrl: "https://github.com/o/r/actions/runs/7" };
const ready = { kind: "ready", address: "https://a.example.workers.dev" } as const;

interface Comment {
  readonly id: number;
  body: string;
  readonly user: { readonly login: string };
}

/** Issue comments of GitHub's REST API, for one repository and one token. */
let server: Server;
let comments: Comment[] = [];
const requests: string[] = [];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://github");
    requests.push(`${request.method} ${url.pathname}${url.search}`);
    const send = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
    if (request.headers.authorization !== "Bearer gh-token") return send(401, { message: "Bad credentials" });
    const given = await text(request);
    const one = /^\/repos\/o\/r\/issues\/comments\/(\d+)$/.exec(url.pathname)?.[1];
    const comment = comments.find(({ id }) => id === Number(one));
    if (request.method === "PATCH" && comment !== undefined) {
      comment.body = JSON.parse(given).body;
      return send(200, comment);
    }
    if (url.pathname !== "/repos/o/r/issues/5/comments") return send(404, { message: "Not Found" });
    if (request.method === "POST") {
      const added = { id: comments.length + 1, body: JSON.parse(given).body, user: { login: BOT } };
      comments.push(added);
      return send(201, added);
    }
    const [page, size] = [Number(url.searchParams.get("page")), Number(url.searchParams.get("per_page"))];
    return send(200, comments.slice((page - 1) * size, page * size));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});
beforeEach(() => {
  comments = [];
});

function pull(token = "gh-token") {
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return pullRequestFrom({ GITHUB_TOKEN: token, GITHUB_REPOSITORY: "o/r", GITHUB_API_URL: apiUrl }, 5);
}

describe("the text", () => {
  it("has the address, the branch, the commit and the run", () => {
    const body = previewComment(ready, facts);
    for (const part of [
      `${ready.address}/api`,
      `${ready.address}/api/docs`,
      "feature/x",
      "0123456789ab",
      facts.runUrl,
    ]) {
      expect(body).toContain(part);
    }
  });

  it("tells of a failure and of the end, without an address", () => {
    expect(previewComment({ kind: "failed" }, facts)).toContain("could not be deployed");
    expect(previewComment({ kind: "deleted" }, facts)).toContain("has been deleted");
  });

  it("takes nothing in a branch's name for markup or a mention", () => {
    const body = previewComment(ready, { ...facts, branch: "</code><img src=x>@everyone#1" });
    expect(body).not.toMatch(/<img|@everyone|#1\b(?!;)/);
  });

  it("does without what isn't known outside GitHub Actions", () => {
    expect(factsFrom({}, "x")).toEqual({ branch: "x", commit: null, runUrl: null });
    expect(previewComment(ready, factsFrom({}, "x"))).not.toContain("null");
  });
});

describe("the comment", () => {
  it("is one, whatever is posted how often, even behind a hundred others", async () => {
    comments = Array.from({ length: 150 }, (_, id) => ({ id: id + 1, body: "LGTM", user: { login: "someone" } }));
    await postComment(pull(), previewComment({ kind: "failed" }, facts));
    await postComment(pull(), previewComment(ready, facts));
    expect(comments).toHaveLength(151);
    expect(comments.at(-1)?.body).toBe(previewComment(ready, facts));
  });

  it("is never in place of what somebody else wrote", async () => {
    const theirs = { id: 1, body: `${previewComment(ready, facts)} :-)`, user: { login: "someone" } };
    comments = [{ ...theirs }];
    await postComment(pull(), previewComment({ kind: "deleted" }, facts));
    expect(comments[0]).toEqual(theirs);
    expect(comments).toHaveLength(2);
  });

  it("isn't begun only to tell of the end", async () => {
    await postComment(pull(), previewComment({ kind: "deleted" }, facts), { onlyIfThere: true });
    expect(comments).toEqual([]);
  });

  it("tells why GitHub refused, without the token", async () => {
    const failing = postComment(pull("wrong-token"), "text");
    await expect(failing).rejects.toThrow(/401.*Bad credentials/);
    await expect(failing).rejects.not.toThrow("wrong-token");
  });

  it("says which variables it lacks", () => {
    expect(() => pullRequestFrom({}, 5)).toThrow("GITHUB_TOKEN and GITHUB_REPOSITORY");
  });
});
