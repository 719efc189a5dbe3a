/** Configuration that can't be used. `problems` name variables and what is wrong, never a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly { readonly variable: string; readonly problem: string }[];

  constructor(problems: ConfigError["problems"]) {
    super(`bad configuration: ${problems.map((p) => `${p.variable} ${p.problem}`).join("; ")}`);
    this.problems = problems;
  }
}
