/** What the service tells about itself, as far as tests read it. */
export interface Status {
  readonly status: string;
  readonly checks: Readonly<Record<string, { readonly status: string; readonly reason?: string }>>;
}

export interface Circuit {
  readonly circuit: string;
  readonly state: string;
  readonly reason: string | null;
  readonly force: string;
}

export interface ProviderCall {
  readonly attempt: number;
  readonly outcome: string;
}

interface Cost {
  readonly amountMicros: number;
}

export interface CostList {
  readonly items: readonly {
    readonly calls: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly cost: Cost;
  }[];
  readonly total: Cost;
}
