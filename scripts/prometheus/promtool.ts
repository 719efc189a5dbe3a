import { spawn } from "node:child_process";
import { once } from "node:events";

export interface PromtoolAnswer {
  readonly code: number;
  /** All it wrote; of `check metrics`, nothing when there is no fault. */
  readonly output: string;
}

/** Runs promtool with `args` and `input` for it to read. */
export async function runPromtool(promtool: string, args: readonly string[], input = ""): Promise<PromtoolAnswer> {
  const child = spawn(promtool, args, { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  // It may end before it has read everything; its answer tells why.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [code] = await once(child, "close");
  return { code: code ?? -1, output };
}
