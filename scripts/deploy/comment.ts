/** The one comment of a pull request that tells of its preview: https://docs.github.com/rest/issues/comments */
import { z } from "zod";

const OFFICIAL = "https://api.github.com";
const TIMEOUT_MS = 30_000;
const PAGE = 100;
/** Shown to nobody: the comment is found again by it. */
const MARKER = "<!-- ai-styler preview -->";
const BOT = "github-actions[bot]";

export type PreviewState =
  | { readonly kind: "ready"; readonly address: string }
  | { readonly kind: "failed" }
  | { readonly kind: "deleted" };

export interface CommentFacts {
  readonly branch: string;
  /** Of the head; null where it isn't known. */
  readonly commit: string | null;
  /** Of the run that did it; null outside GitHub Actions. */
  readonly runUrl: string | null;
}

/** Names of branches may hold anything, pictures and mentions of people included. */
function asCode(text: string): string {
  return `<code>${text.replace(/[&<>"@#]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</code>`;
}

function lines(state: PreviewState): readonly string[] {
  if (state.kind === "deleted") return ["The preview has been deleted, with all its data."];
  if (state.kind === "failed") return ["**The preview could not be deployed.**"];
  const { address } = state;
  return [`**Preview:** ${address}/api`, "", `[Docs](${address}/api/docs) · [Status](${address}/api/status)`];
}

export function previewComment(state: PreviewState, { branch, commit, runUrl }: CommentFacts): string {
  const of = commit === null ? asCode(branch) : `${asCode(branch)} at ${asCode(commit.slice(0, 12))}`;
  const by = runUrl === null ? "" : ` · [what was done](${runUrl})`;
  return [MARKER, ...lines(state), "", `<sub>${of}${by}</sub>`].join("\n");
}

export interface PullRequest {
  readonly token: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly number: number;
  readonly apiUrl: string;
}

/** @throws {Error} naming what the environment lacks. */
export function pullRequestFrom(env: NodeJS.ProcessEnv, number: number): PullRequest {
  const { GITHUB_TOKEN: token, GITHUB_REPOSITORY: repository, GITHUB_API_URL } = env;
  if (!token || !repository) throw new Error("--comment needs GITHUB_TOKEN and GITHUB_REPOSITORY");
  return { token, repository, number, apiUrl: GITHUB_API_URL || OFFICIAL };
}

/** What a run of GitHub Actions knows of itself. */
export function factsFrom(env: NodeJS.ProcessEnv, branch: string): CommentFacts {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run, HEAD_SHA: commit } = env;
  const runUrl = server && repository && run ? `${server}/${repository}/actions/runs/${run}` : null;
  return { branch, commit: commit || null, runUrl };
}

async function call<T>({ token, repository, apiUrl }: PullRequest, path: string, schema: z.ZodType<T>, write?: Write) {
  const response = await fetch(`${apiUrl}/repos/${repository}${path}`, {
    method: write?.method ?? "GET",
    headers: {
      Authorization: `Bearer ${token}`,
      Accept: "application/vnd.github+json",
      "X-GitHub-Api-Version": "2022-11-28",
      "User-Agent": "ai-styler-deploy",
      ...(write === undefined ? {} : { "Content-Type": "application/json" }),
    },
    ...(write === undefined ? {} : { body: JSON.stringify({ body: write.body }) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`GitHub ${path}: ${response.status} ${text.slice(0, 300)}`);
  return schema.parse(JSON.parse(text));
}

interface Write {
  readonly method: "POST" | "PATCH";
  readonly body: string;
}

const comment = z.object({
  id: z.number(),
  body: z.string().nullish(),
  user: z.object({ login: z.string() }).nullish(),
});

/** A comment that somebody else began with the marker is not ours to change. */
async function findComment(pull: PullRequest): Promise<number | null> {
  for (let page = 1; ; page++) {
    const path = `/issues/${pull.number}/comments?per_page=${PAGE}&page=${page}`;
    const comments = await call(pull, path, z.array(comment));
    const own = comments.find(({ body, user }) => user?.login === BOT && body?.startsWith(MARKER));
    if (own !== undefined) return own.id;
    if (comments.length < PAGE) return null;
  }
}

/** Writes the comment, in place of what it said before; `onlyIfThere` writes no new one. */
export async function postComment(
  pull: PullRequest,
  body: string,
  { onlyIfThere = false }: { readonly onlyIfThere?: boolean } = {},
): Promise<void> {
  const id = await findComment(pull);
  if (id !== null) await call(pull, `/issues/comments/${id}`, comment, { method: "PATCH", body });
  else if (!onlyIfThere) await call(pull, `/issues/${pull.number}/comments`, comment, { method: "POST", body });
}
