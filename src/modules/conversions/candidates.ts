import type { Config } from "../../kernel/config.ts";
import { PROVIDER_IDS, type ProviderId } from "../../ports/image-generator.ts";
import type { ConversionInput } from "./conversion.ts";

type Wish = Pick<ConversionInput, "providerRequested" | "fallback">;

export function wantedProvider({ providers }: Pick<Config, "providers">, wish: Wish): ProviderId {
  return wish.providerRequested ?? providers.default;
}

/** Who may make the picture: the one that is wanted, then, where the request allows it, those of lower quality. */
export function candidates(config: Pick<Config, "providers">, wish: Wish): ProviderId[] {
  const wanted = wantedProvider(config, wish);
  if (wish.fallback !== "allow") return [wanted];
  // PROVIDER_IDS goes from the best quality class to the least.
  const lower = PROVIDER_IDS.slice(PROVIDER_IDS.indexOf(wanted) + 1);
  return [wanted, ...lower.filter((id) => config.providers.available.includes(id))];
}
