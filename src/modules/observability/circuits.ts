import type { Config } from "../../kernel/config.ts";
import { circuitOf } from "../../ports/circuit-breaker.ts";
import type { ProviderId } from "../../ports/image-generator.ts";

export interface ProviderCircuit {
  readonly provider: ProviderId;
  readonly circuit: string;
}

/** Every circuit there is: one for each model that calls may go to. The local engine has none. */
export function circuitsOf({ providers }: Pick<Config, "providers">): readonly ProviderCircuit[] {
  return providers.models.map(({ provider, model }) => ({ provider, circuit: circuitOf(provider, model) }));
}
