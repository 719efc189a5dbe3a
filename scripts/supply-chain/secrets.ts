/** Looks for secrets in files, by secretlint and its recommended rules. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** Well below what a command line may hold. */
const FILES_AT_ONCE = 400;

interface Finding {
  readonly filePath: string;
  readonly messages: readonly {
    readonly message: string;
    readonly loc: { readonly start: { readonly line: number } };
  }[];
}

async function outputOf(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ code: number; output: string; errors: string }> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const [code] = await once(child, "close");
  return { code, output, errors };
}

/** Paths of the files that git keeps in a folder, or would with the next `git add`. */
export async function trackedFiles(root: string): Promise<string[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const { code, output, errors } = await outputOf("git", args, root);
  if (code !== 0) throw new Error(`git ls-files failed: ${errors}`);
  const removed = await outputOf("git", ["ls-files", "-z", "--deleted"], root);
  const gone = new Set(removed.output.split("\0"));
  return output.split("\0").filter((path) => path !== "" && !gone.has(path));
}

/** Secrets in files, as `path:line: what`, without the secrets. `root` has the configuration, .secretlintrc.json. */
export async function findSecrets(root: string, folder: string, paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (let start = 0; start < paths.length; start += FILES_AT_ONCE) {
    const cli = [join(root, "node_modules/.bin/secretlint"), "--no-glob", "--no-gitignore", "--format", "json"];
    const config = ["--secretlintrc", join(root, ".secretlintrc.json")];
    const args = [...cli, ...config, ...paths.slice(start, start + FILES_AT_ONCE)];
    const { code, output, errors } = await outputOf(process.execPath, args, folder);
    if (code !== 0 && code !== 1) throw new Error(`secretlint failed: ${errors}`);
    const findings: Finding[] = JSON.parse(output === "" ? "[]" : output);
    for (const { filePath, messages } of findings) {
      for (const { message, loc } of messages)
        found.push(`${filePath.replace(`${folder}/`, "")}:${loc.start.line}: ${message}`);
    }
  }
  return found;
}
