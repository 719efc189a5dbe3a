import { createD1ProviderCalls } from "../../../src/db/d1/repositories/provider-calls.ts";
import { providerCallsContract } from "../../contracts/provider-calls.ts";
import { db } from "../support/database.ts";

providerCallsContract("D1", () => createD1ProviderCalls(db));
